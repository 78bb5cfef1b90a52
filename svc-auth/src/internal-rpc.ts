import type { ServiceImpl } from "@connectrpc/connect";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import type { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { toAccessFields } from "./access/access-messages.ts";
import { toListMode, toRateLimit } from "./people/people-rpc.ts";
import { bootstrap, type BootstrapOptions } from "./bootstrap/bootstrap.ts";
import { callerOfKey } from "./keys/api-key.ts";
import { keyScopesFrom, toApiKey } from "./keys/key-messages.ts";
import type { KeyValidator } from "./keys/key-validator.ts";
import { namedEntries } from "./names/name-messages.ts";
import { Secret } from "./secret.ts";
import { toMcpServer } from "./servers/server-rpc.ts";
import { listedToolsFrom, toKnownTool } from "./servers/tool-messages.ts";
import { TOOLS_MAX } from "./servers/tool-store.ts";
import { toIdentity } from "./sessions/identity-message.ts";
import type { SessionKeeper } from "./sessions/session-keeper.ts";

export type InternalRpcOptions = BootstrapOptions & {
  readonly validator: KeyValidator;
  readonly keeper: SessionKeeper;
};

export function createInternalRpc(
  options: InternalRpcOptions,
): ServiceImpl<typeof InternalAuthService> {
  const { stores } = options;
  return {
    async validateKey(request) {
      const principal = await options.validator.validate(new Secret(request.key));
      return {
        apiKey: toApiKey(principal.key),
        identity: toIdentity(callerOfKey(principal)),
        ...(principal.orgRateLimit && { orgRateLimit: toRateLimit(principal.orgRateLimit) }),
        ...(principal.teamRateLimit && { teamRateLimit: toRateLimit(principal.teamRateLimit) }),
        ...(principal.teamScopes && { teamScopes: toAccessFields(principal.teamScopes) }),
      };
    },
    async validateSession(request) {
      return { identity: toIdentity(await options.keeper.validate(new Secret(request.session))) };
    },
    async resolveServer(request) {
      requireUuid("org_id", request.orgId);
      const server = await stores.servers.get(request.orgId, request.name);
      if (!server)
        throw new Failure(
          "SERVER_UNKNOWN",
          `There is no server named ${JSON.stringify(request.name.slice(0, 64))}.`,
        );
      const tools = await stores.tools.known(request.orgId, server.id);
      return {
        server: toMcpServer(server),
        tools: tools.map(({ name }) => name),
        knownTools: tools.map(toKnownTool),
      };
    },
    async listServers(request) {
      requireUuid("org_id", request.orgId);
      const [organization, servers] = await Promise.all([
        stores.organizations.get(request.orgId),
        stores.servers.enabled(request.orgId, SERVERS_MAX),
      ]);
      // Of the servers that are listed, and of no others, so that a server which is switched on meanwhile cannot be listed
      // without the switches of its tools.
      const tools = await stores.tools.knownOfServers(
        request.orgId,
        servers.map(({ id }) => id),
      );
      return {
        servers: servers.map((server) => ({
          server: toMcpServer(server),
          tools: (tools.get(server.id) ?? []).map(toKnownTool),
        })),
        listMode: toListMode(organization?.listMode ?? "lenient"),
      };
    },
    async registerTools(request) {
      requireUuid("org_id", request.orgId);
      const serverId = requireUuid("server_id", request.serverId);
      const tools = listedToolsFrom(request, serverId);
      if (tools.length > TOOLS_MAX) throw invalid("listed", `at most ${TOOLS_MAX} are allowed`);
      const stamp = { changeId: options.newId(), time: new Date(options.now()) };
      const change = await stores.tools.record(request.orgId, request.serverId, {
        ...stamp,
        tools,
      });
      await options.publisher.publish(change);
      return {};
    },
    async resolveNames(request) {
      if (request.refs.length > REFS_MAX) throw invalid("refs", `at most ${REFS_MAX} are allowed`);
      return { entries: await namedEntries(stores.names, request.refs) };
    },
    async getRetention(request) {
      requireUuid("org_id", request.orgId);
      const organization = await stores.organizations.get(request.orgId);
      if (!organization) throw new Failure("NOT_FOUND", "There is no such organisation.");
      return { traceRetentionDays: organization.traceRetentionDays };
    },
    bootstrap: (request) =>
      bootstrap(
        {
          orgName: request.orgName,
          orgSlug: request.orgSlug,
          teamName: request.teamName,
          teamSlug: request.teamSlug,
          adminEmail: request.adminEmail,
          adminPassword: new Secret(request.adminPassword),
          apiKey: new Secret(request.apiKey),
          apiKeyName: request.apiKeyName,
          apiKeyScopes: keyScopesFrom(request.apiKeyScopes),
          servers: request.servers.map(({ name, url }) => ({ name, url })),
        },
        options,
      ),
  };
}

const REFS_MAX = 1_000;
/** Servers that are served as one. */
const SERVERS_MAX = 1_000;

function requireUuid(field: string, text: string): Buffer {
  const id = uuidFromText(text);
  if (!id) throw invalid(field, "must be a UUID");
  return id;
}

function invalid(field: string, message: string): Failure {
  return new Failure("REQUEST_INVALID", `${field}: ${message}`, { details: [{ field, message }] });
}
