import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { Failure } from "@gatewayops/platform/errors";
import { requireCaller, type Caller } from "@gatewayops/platform/rpc/caller";
import type { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Clock } from "../clock.ts";
import { pageRequestFrom, type Page } from "../page.ts";
import { ownKeysOnly } from "../people/roles.ts";
import type { ApiKey } from "./api-key.ts";
import type { KeyMaker } from "./key-maker.ts";
import { keyScopesFrom, toApiKey } from "./key-messages.ts";
import type { KeyStore } from "./key-store.ts";

export type KeyRpcOptions = Clock & {
  readonly keys: KeyStore;
  readonly maker: KeyMaker;
  readonly publisher: Pick<ChangePublisher<AuthChange>, "publish">;
};

export function createKeyRpc(options: KeyRpcOptions): ServiceImpl<typeof ApiKeyService> {
  const { keys, maker, publisher } = options;
  return {
    async createApiKey(request, context) {
      const { key, secret } = await maker.make(requireCaller(context), {
        name: request.name,
        environment: request.environment === "" ? "prod" : request.environment,
        teamId: request.teamId === "" ? undefined : request.teamId,
        scopes: keyScopesFrom(request.scopes),
        expireTime: request.expireTime && timestampDate(request.expireTime),
      });
      return { apiKey: toApiKey(key), secret: secret.reveal() };
    },
    async listApiKeys(request, context) {
      const { items, cursor } = await list(requireCaller(context), request);
      return { items: items.map(toApiKey), cursor, hasMore: cursor !== "" };
    },
    async getApiKey(request, context) {
      return { apiKey: toApiKey(await visible(requireCaller(context), request.id)) };
    },
    async updateApiKey({ id, name, scopes: message, suspended }, context) {
      const caller = requireCaller(context);
      const before = await visible(caller, id);
      const scopes = message && keyScopesFrom(message);
      if (scopes) await maker.admit(caller, before, scopes);
      const updated = await keys.update(caller.orgId, id, { name, scopes, suspended }, stamp());
      if (!updated) throw unknown();
      await publisher.publish(updated.change);
      return { apiKey: toApiKey(updated.key) };
    },
    async revokeApiKey(request, context) {
      const caller = requireCaller(context);
      await visible(caller, request.id);
      const revoked = await keys.revoke(caller.orgId, request.id, stamp());
      if (!revoked) throw unknown();
      await publisher.publish(revoked.change);
      return { apiKey: toApiKey(revoked.key) };
    },
  };

  function stamp(): ChangeStamp {
    return { changeId: options.newId(), time: new Date(options.now()) };
  }

  async function list(
    caller: Caller,
    request: { limit: number; cursor: string },
  ): Promise<Page<ApiKey>> {
    const page = pageRequestFrom(request, ["uuid"]);
    if (!ownKeysOnly(caller)) return keys.list(caller.orgId, { page });
    if (caller.userId !== "") return keys.list(caller.orgId, { ownerId: caller.userId, page });
    // The key of a team or a service has no owner whose keys it could share.
    const itself = await keys.get(caller.orgId, caller.keyId);
    return { items: itself ? [itself] : [], cursor: "" };
  }

  /** The key if the caller may know of it. Others' keys are as unknown as those of other organisations. */
  async function visible(caller: Caller, keyId: string): Promise<ApiKey> {
    const key = await keys.get(caller.orgId, keyId);
    if (!key || (ownKeysOnly(caller) && !isOwn(caller, key))) throw unknown();
    return key;
  }
}

function isOwn(caller: Caller, key: ApiKey): boolean {
  return key.id === caller.keyId || (caller.userId !== "" && key.userId === caller.userId);
}

function unknown(): Failure {
  return new Failure("NOT_FOUND", "There is no such API key.");
}
