import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ApiKeySchema, type ApiKey } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import {
  ApiKeyService,
  CreateApiKeyResponseSchema,
} from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { allPages, ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { dateAndTime } from "../client/units.ts";
import { Problem } from "../problem.ts";

type CreateFlags = AskFlags & {
  readonly server?: string[];
  readonly tool?: string[];
  readonly resource?: string[];
  readonly prompt?: string[];
  readonly denyTool?: string[];
  readonly denyResource?: string[];
  readonly denyPrompt?: string[];
  readonly observeScopes?: boolean;
  readonly observeRate?: boolean;
  readonly permission?: string[];
  readonly env?: string;
  readonly team?: string;
  readonly rps?: string;
  readonly burst?: string;
  readonly expires?: string;
};

export function keyCommands(): Command {
  const keys = new Command("keys").description("API keys: what agents identify themselves with");
  withTargetFlags(keys.command("list").description("list the keys of the organisation"))
    .addHelpText("after", "\nExample:\n  gwo keys list")
    .action(listKeys);
  withTargetFlags(
    keys
      .command("create")
      .argument("<name>", "name for people")
      .description("make a key; its secret is shown once")
      .option("--server <name...>", "MCP servers it may reach; all when left out")
      .option("--tool <server/tool...>", "tools it may call; all of its servers when left out")
      .option(
        "--resource <server/uri...>",
        "resources it may read; all of its servers when left out",
      )
      .option("--prompt <server/prompt...>", "prompts it may get; all of its servers when left out")
      .option("--deny-tool <server/tool...>", "tools it may not call, whatever is allowed")
      .option("--deny-resource <server/uri...>", "resources it may not read")
      .option("--deny-prompt <server/prompt...>", "prompts it may not get")
      .option("--observe-scopes", "refuse nothing by these scopes, only say so in records")
      .option("--observe-rate", "refuse nothing by the rate, only say so in records")
      .option("--permission <name...>", "control-plane permissions, for example traces:read")
      .option("--env <name>", "environment written into the secret (prod)")
      .option("--team <id>", "team whose costs its calls count for")
      .option("--rps <n>", "sustained calls per second; the gateway's default when left out")
      .option("--burst <n>", "calls that may come at once above that")
      .option("--expires <time>", "when it stops working: 2027-01-31, or with a time in ISO 8601"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  gwo keys create laptop\n  gwo keys create ci --server everything --tool everything/echo --rps 20 --burst 40\n  gwo keys create reader --server files --tool 'files/read_*' --deny-resource 'files/*secret*'",
    )
    .action(createKey);
  withTargetFlags(
    keys
      .command("revoke")
      .argument("<id>", "id of the key, from gwo keys list")
      .description("end a key, in every gateway within a second"),
  )
    .addHelpText("after", "\nExample:\n  gwo keys revoke 0199c1e2-…")
    .action(revokeKey);
  for (const [verb, suspended, what] of [
    ["suspend", true, "refuse a key until it is resumed, in every gateway within a second"],
    ["resume", false, "take a suspended key again"],
  ] as const)
    withTargetFlags(
      keys.command(verb).argument("<id>", "id of the key, from gwo keys list").description(what),
    )
      .addHelpText("after", `\nExample:\n  gwo keys ${verb} 0199c1e2-…`)
      .action((id: string, flags: AskFlags) => suspendKey(id, suspended, flags));
  return keys;
}

async function listKeys(flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: (clients) =>
      allPages((cursor) => clients(ApiKeyService).listApiKeys({ limit: 200, cursor })),
    json: (keys) => keys.map((key) => messageJson(ApiKeySchema, key)),
    text: (keys) =>
      table(
        ["ID", "NAME", "KEY", "SERVERS", "LAST USED", "STATE"],
        keys.map((key) => [
          key.id,
          key.name,
          `${key.keyPrefix}…`,
          key.scopes?.servers.join(",") ?? "",
          key.lastUsedTime === undefined ? "never" : dateAndTime(timestampDate(key.lastUsedTime)),
          stateOf(key),
        ]),
      ),
  });
}

async function createKey(name: string, flags: CreateFlags): Promise<void> {
  const scopes = {
    servers: flags.server ?? ["*"],
    tools: flags.tool ?? [],
    resources: flags.resource ?? [],
    prompts: flags.prompt ?? [],
    denyTools: flags.denyTool ?? [],
    denyResources: flags.denyResource ?? [],
    denyPrompts: flags.denyPrompt ?? [],
    scopesMode: flags.observeScopes === true ? PolicyMode.OBSERVE : PolicyMode.ENFORCE,
    rateMode: flags.observeRate === true ? PolicyMode.OBSERVE : PolicyMode.ENFORCE,
    permissions: flags.permission ?? [],
    rateRps: wholeNumber("--rps", flags.rps),
    rateBurst: wholeNumber("--burst", flags.burst),
  };
  const expireTime = flags.expires === undefined ? undefined : timeFrom(flags.expires);
  await ask(flags, "manage", {
    work: (clients) =>
      clients(ApiKeyService).createApiKey({
        name,
        environment: flags.env ?? "",
        teamId: flags.team ?? "",
        scopes,
        ...(expireTime === undefined ? {} : { expireTime: timestampFromDate(expireTime) }),
      }),
    json: (answer) => messageJson(CreateApiKeyResponseSchema, answer),
    text: (answer) =>
      `${answer.secret}\n\nKey ${answer.apiKey?.name ?? ""} (${answer.apiKey?.id ?? ""}). Keep the line above: it is not shown again.`,
  });
}

async function revokeKey(id: string, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: async (clients) => (await clients(ApiKeyService).revokeApiKey({ id })).apiKey,
    json: (key) => (key === undefined ? null : messageJson(ApiKeySchema, key)),
    text: (key) => `Revoked ${key?.name ?? id}.`,
  });
}

async function suspendKey(id: string, suspended: boolean, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: async (clients) => (await clients(ApiKeyService).updateApiKey({ id, suspended })).apiKey,
    json: (key) => (key === undefined ? null : messageJson(ApiKeySchema, key)),
    text: (key) => `${suspended ? "Suspended" : "Resumed"} ${key?.name ?? id}.`,
  });
}

function stateOf(key: ApiKey): string {
  if (key.revokeTime !== undefined) return "revoked";
  if (key.suspendTime !== undefined) return "suspended";
  if (key.expireTime === undefined) return "active";
  const end = timestampDate(key.expireTime);
  return end.getTime() < Date.now() ? "expired" : `active until ${dateAndTime(end)}`;
}

function wholeNumber(flag: string, text: string | undefined): number {
  const value = Number(text ?? 0);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Problem(`${flag} ${text ?? ""} is no whole number`, `Write it like ${flag} 50.`);
}

function timeFrom(text: string): Date {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new Problem(
    `--expires ${text} is no time`,
    "Write it like 2027-01-31 or 2027-01-31T12:00:00Z.",
  );
}
