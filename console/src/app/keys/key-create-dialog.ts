import { Component, inject, signal } from "@angular/core";
import {
  FormControl,
  NonNullableFormBuilder,
  ReactiveFormsModule,
  Validators,
  type ValidatorFn,
} from "@angular/forms";
import { MatButton } from "@angular/material/button";
import {
  MatDialogActions,
  MatDialogClose,
  MatDialogContent,
  MatDialogRef,
  MatDialogTitle,
} from "@angular/material/dialog";
import { MatError, MatFormField, MatHint, MatLabel } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { MatCheckbox } from "@angular/material/checkbox";
import { MatOption, MatSelect } from "@angular/material/select";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { BudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { Icon } from "../icons/icon.ts";
import { CallHint } from "../page/call-hint.ts";
import { CopyButton } from "../page/copy-button.ts";
import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { expiryTimeMs, KEY_EXPIRIES, type KeyExpiryId } from "./key-expiry.ts";
import { patternProblem, patternsFrom } from "./patterns.ts";
import { grantablePermissions } from "./permission-list.ts";

const ALL_SERVERS = "*";
// Spaces alone are no name.
const REQUIRED: ValidatorFn = (control) =>
  String(control.value).trim() === "" ? { required: true } : null;
const PATTERNS: ValidatorFn = (control) => {
  const line = patternProblem(String(control.value));
  return line === undefined ? null : { pattern: { line } };
};
/** The lists of patterns that narrow what the chosen servers offer. */
const PATTERN_LISTS = [
  { name: "tools", label: "Tools", example: "files/read_*", hint: "Empty: all" },
  { name: "resources", label: "Resources", example: "files/file:///srv/*", hint: "Empty: all" },
  { name: "prompts", label: "Prompts", example: "*/summarize", hint: "Empty: all" },
  { name: "denyTools", label: "Never these tools", example: "*/delete_*", hint: "Deny wins" },
  {
    name: "denyResources",
    label: "Never these resources",
    example: "files/*secret*",
    hint: "Deny wins",
  },
  { name: "denyPrompts", label: "Never these prompts", example: "mail/*", hint: "Deny wins" },
] as const;
const WHOLE_NUMBER = Validators.pattern(/^\d{0,9}$/);

/** Makes a key and shows its secret, once. Closes with true when a key was made. */
@Component({
  selector: "gwo-key-create-dialog",
  imports: [
    CallHint,
    CopyButton,
    FailureState,
    Icon,
    MatButton,
    MatCheckbox,
    MatDialogActions,
    MatDialogClose,
    MatDialogContent,
    MatDialogTitle,
    MatError,
    MatFormField,
    MatHint,
    MatInput,
    MatLabel,
    MatOption,
    MatSelect,
    ReactiveFormsModule,
  ],
  templateUrl: "./key-create-dialog.html",
  styleUrl: "./key-create-dialog.scss",
})
export class KeyCreateDialog {
  private readonly client = injectClient(ApiKeyService);
  private readonly serverClient = injectClient(McpServerService);
  private readonly organizationClient = injectClient(OrganizationService);
  private readonly session = inject(Session);
  private readonly dialog = inject<MatDialogRef<KeyCreateDialog, boolean>>(MatDialogRef);

  protected readonly allServers = ALL_SERVERS;
  protected readonly expiries = KEY_EXPIRIES;
  protected readonly permissions = grantablePermissions(
    [
      ApiKeyService,
      BudgetService,
      CostService,
      McpServerService,
      OrganizationService,
      PriceService,
      TraceService,
    ],
    this.session.permissions(),
  );
  protected readonly form = inject(NonNullableFormBuilder).group({
    name: ["", [Validators.maxLength(255), REQUIRED]],
    environment: ["prod", Validators.pattern(/^[a-z0-9]{1,16}$/)],
    teamId: "",
    servers: [[ALL_SERVERS]],
    permissions: new FormControl<string[]>([], { nonNullable: true }),
    expiry: new FormControl<KeyExpiryId>("never", { nonNullable: true }),
    rateRps: ["", WHOLE_NUMBER],
    rateBurst: ["", WHOLE_NUMBER],
    tools: ["", PATTERNS],
    resources: ["", PATTERNS],
    prompts: ["", PATTERNS],
    denyTools: ["", PATTERNS],
    denyResources: ["", PATTERNS],
    denyPrompts: ["", PATTERNS],
    observeScopes: false,
    observeRate: false,
  });
  protected readonly patternLists = PATTERN_LISTS;
  protected readonly servers = createQuery({
    params: () => (this.session.can("servers:read") ? true : undefined),
    load: async (_, signal) =>
      (await this.serverClient.listMcpServers({ limit: 200 }, { signal })).items,
  });
  protected readonly teams = createQuery({
    params: () => (this.session.can("teams:read") ? true : undefined),
    load: async (_, signal) =>
      (await this.organizationClient.listTeams({ limit: 200 }, { signal })).items,
  });

  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);
  /** What was made. The secret is nowhere else and goes when the dialog closes. */
  protected readonly made = signal<
    { readonly name: string; readonly secret: string; readonly server: string } | undefined
  >(undefined);
  private chosenServers: readonly string[] = [ALL_SERVERS];

  /** Keeps "all" and single servers apart: the later choice wins. */
  protected settleServers(chosen: readonly string[]): void {
    const wantsAll = chosen.includes(ALL_SERVERS);
    const hadAll = this.chosenServers.includes(ALL_SERVERS);
    let settled = [...chosen];
    if (wantsAll && !hadAll) settled = [ALL_SERVERS];
    else if (wantsAll && chosen.length > 1) settled = chosen.filter((name) => name !== ALL_SERVERS);
    this.chosenServers = settled;
    if (settled.length !== chosen.length) this.form.controls.servers.setValue(settled);
  }

  protected serversHint(): string {
    const none = this.form.controls.servers.value.length === 0;
    return none ? "None: the key can call nothing" : "What the key may call";
  }

  protected async create(): Promise<void> {
    if (this.busy()) return;
    this.form.markAllAsTouched();
    if (this.form.invalid) return;
    this.busy.set(true);
    this.failure.set(undefined);
    const value = this.form.getRawValue();
    const expireMs = expiryTimeMs(value.expiry, Date.now());
    try {
      const { secret } = await this.client.createApiKey({
        name: value.name.trim(),
        environment: value.environment,
        teamId: value.teamId,
        scopes: {
          servers: value.servers,
          permissions: value.permissions,
          rateRps: Number(value.rateRps),
          rateBurst: Number(value.rateBurst),
          tools: patternsFrom(value.tools),
          resources: patternsFrom(value.resources),
          prompts: patternsFrom(value.prompts),
          denyTools: patternsFrom(value.denyTools),
          denyResources: patternsFrom(value.denyResources),
          denyPrompts: patternsFrom(value.denyPrompts),
          scopesMode: value.observeScopes ? PolicyMode.OBSERVE : PolicyMode.ENFORCE,
          rateMode: value.observeRate ? PolicyMode.OBSERVE : PolicyMode.ENFORCE,
        },
        ...(expireMs === undefined ? {} : { expireTime: timestampFromMs(expireMs) }),
      });
      const server = value.servers.find((name) => name !== ALL_SERVERS);
      this.made.set({ name: value.name.trim(), secret, server: server ?? this.anyServer() });
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }

  protected finish(): void {
    this.dialog.close(true);
  }

  private anyServer(): string {
    return this.servers.data()?.[0]?.name ?? "everything";
  }
}
