import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { McpServerSchema, ServerTransport } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { ListMode } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { InternalBudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { InternalCostService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { encodeApiKey } from "@gatewayops/platform/api-key";
import { Failure, type Reason } from "@gatewayops/platform/errors";
import { connectErrorFrom } from "@gatewayops/platform/rpc/errors";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpstreamRegistry } from "../upstream/registry.ts";
import { createDirectory, type Directory } from "./directory.ts";

const ORG = "0199a000-0000-7000-8000-000000000001";
const KEY_ID = "0199a000-0000-7000-8000-000000000002";
const TEAM = "0199a000-0000-7000-8000-000000000003";
const KEY = encodeApiKey("test", Buffer.alloc(32, 1));

let now: number;
/** What the services were asked, for example "validateKey". */
let asked: string[];
/** How svc-auth refuses; undefined: it does not. */
let refusal: Reason | undefined;
let expireTimeMs: number | undefined;
let serverExists: boolean;
let directory: Directory;

beforeEach(() => {
  now = 1_000_000;
  asked = [];
  refusal = undefined;
  expireTimeMs = undefined;
  serverExists = true;
  const transport = createRouterTransport((router) => {
    router.service(InternalAuthService, {
      validateKey: () => {
        asked.push("validateKey");
        if (refusal) throw connectErrorFrom(new Failure(refusal, "No."));
        return {
          apiKey: {
            id: KEY_ID,
            orgId: ORG,
            teamId: TEAM,
            name: "agent",
            scopes: { servers: ["*"] },
            ...(expireTimeMs === undefined ? {} : { expireTime: timestampFromMs(expireTimeMs) }),
          },
        };
      },
      listServers: ({ orgId }) => {
        asked.push(`listServers ${orgId}`);
        const tools = [{ name: "read", disabled: true }];
        return {
          servers: ["files", "mail"].map((name) => ({ server: { name, orgId }, tools })),
          listMode: ListMode.STRICT,
        };
      },
      resolveServer: ({ name }) => {
        asked.push(`resolveServer ${name}`);
        if (!serverExists) throw connectErrorFrom(new Failure("SERVER_UNKNOWN", "internal text"));
        return {
          server: create(McpServerSchema, {
            name,
            orgId: ORG,
            transport: ServerTransport.STREAMABLE_HTTP,
          }),
        };
      },
    });
    router.service(InternalBudgetService, {
      getBudgetBook: ({ orgId }) => {
        asked.push(`getBudgetBook ${orgId}`);
        return { budgets: [], timeZone: "UTC" };
      },
    });
    router.service(InternalCostService, {
      getPriceBook: ({ orgId }) => {
        asked.push(`getPriceBook ${orgId}`);
        return { rules: [{ id: KEY_ID, server: "*", tool: "*", perCallUsdMicros: 7n }] };
      },
    });
  });
  directory = createDirectory({
    auth: createClient(InternalAuthService, transport),
    cost: createClient(InternalCostService, transport),
    budgets: createClient(InternalBudgetService, transport),
    upstreams: {
      counts: () => ({ waiting: 0, instances: 0, ejected: 0 }),
      upstreamOf: (server) => ({ name: server.name }) as Upstream,
      close: () => Promise.resolve(),
    } satisfies UpstreamRegistry,
    defaultLimit: { rps: 1, burst: 1 },
    now: () => now,
    onCache: () => undefined,
  });
});

/** The reason a lookup is refused with. */
async function reasonOf(look: () => unknown): Promise<string> {
  try {
    await look();
  } catch (error) {
    if (error instanceof Failure) return error.reason;
    throw error;
  }
  return "none";
}

describe("the directory of keys", () => {
  it("asks once, then answers from memory without a promise", async () => {
    const first = await directory.principal(KEY);
    expect(first.keyIdText).toBe(KEY_ID);
    expect(directory.principal(KEY)).toBe(first);
    expect(asked).toEqual(["validateKey"]);
  });

  it("asks once for all who come at the same time", async () => {
    await Promise.all([directory.principal(KEY), directory.principal(KEY)]);
    expect(asked).toEqual(["validateKey"]);
  });

  it("refuses junk without asking anyone", async () => {
    for (const junk of ["", "gwo_test_x", KEY.slice(0, -1), `${KEY}x`])
      expect(await reasonOf(() => directory.principal(junk))).toBe("KEY_INVALID");
    expect(asked).toEqual([]);
  });

  it("believes an answer for five minutes", async () => {
    await directory.principal(KEY);
    now += 299_999;
    expect(directory.principal(KEY)).not.toBeInstanceOf(Promise);
    now += 1;
    await directory.principal(KEY);
    expect(asked).toHaveLength(2);
  });

  it("asks again at once when the key was changed, and refuses it when it was revoked", async () => {
    await directory.principal(KEY);
    refusal = "KEY_REVOKED";
    directory.apply({ kind: "key", orgId: ORG, keyId: KEY_ID });
    expect(await reasonOf(() => directory.principal(KEY))).toBe("KEY_REVOKED");
  });

  it("refuses a revoked key on the connection that it was good on", async () => {
    const connection = { key: "", print: "" };
    await directory.principal(KEY, connection);
    void directory.principal(KEY, connection);
    expect(connection.key).toBe(KEY);
    refusal = "KEY_REVOKED";
    directory.apply({ kind: "key", orgId: ORG, keyId: KEY_ID });
    expect(await reasonOf(() => directory.principal(KEY, connection))).toBe("KEY_REVOKED");
  });

  it("takes another key on the same connection for another", async () => {
    const connection = { key: "", print: "" };
    await directory.principal(KEY, connection);
    void directory.principal(KEY, connection);
    const junk = KEY.slice(0, -1);
    expect(await reasonOf(() => directory.principal(junk, connection))).toBe("KEY_INVALID");
    expect(connection.key).toBe(KEY);
  });

  it("asks again for keys of a team that changed, and for no others", async () => {
    await directory.principal(KEY);
    directory.apply({ kind: "team", orgId: ORG, teamId: KEY_ID });
    expect(directory.principal(KEY)).not.toBeInstanceOf(Promise);
    directory.apply({ kind: "team", orgId: ORG, teamId: TEAM });
    expect(directory.principal(KEY)).toBeInstanceOf(Promise);
  });

  it("asks nobody again for a key that is suspended, until it changes", async () => {
    refusal = "KEY_SUSPENDED";
    for (let time = 0; time < 2; time++)
      expect(await reasonOf(() => directory.principal(KEY))).toBe("KEY_SUSPENDED");
    expect(asked).toHaveLength(1);
    refusal = undefined;
    directory.apply({ kind: "key", orgId: ORG, keyId: KEY_ID });
    expect((await directory.principal(KEY)).keyIdText).toBe(KEY_ID);
  });

  it("keeps other keys when one is changed", async () => {
    await directory.principal(KEY);
    directory.apply({ kind: "key", orgId: ORG, keyId: "another" });
    expect(directory.principal(KEY)).not.toBeInstanceOf(Promise);
  });

  it("remembers a refusal for five seconds, so that repeating it asks nobody", async () => {
    refusal = "KEY_INVALID";
    expect(await reasonOf(() => directory.principal(KEY))).toBe("KEY_INVALID");
    now += 4_999;
    expect(await reasonOf(() => directory.principal(KEY))).toBe("KEY_INVALID");
    expect(asked).toHaveLength(1);
    now += 1;
    refusal = undefined;
    await directory.principal(KEY);
    expect(asked).toHaveLength(2);
  });

  it("does not remember that the service was away as a refusal of the key", async () => {
    refusal = "STORE_UNAVAILABLE";
    expect(await reasonOf(() => directory.principal(KEY))).not.toMatch(/KEY/);
    refusal = undefined;
    expect((await directory.principal(KEY)).keyIdText).toBe(KEY_ID);
  });

  it("ends a key at its time, though its answer is believed for longer", async () => {
    expireTimeMs = now + 1_000;
    await directory.principal(KEY);
    now += 999;
    expect(await reasonOf(() => directory.principal(KEY))).toBe("none");
    now += 1;
    expect(await reasonOf(() => directory.principal(KEY))).toBe("KEY_EXPIRED");
  });
});

describe("the directory of servers and prices", () => {
  it("answers from memory until a change of that server", async () => {
    await directory.upstream(ORG, "files");
    await directory.upstream(ORG, "mail");
    directory.apply({ kind: "server", orgId: ORG, name: "files" });
    expect(directory.upstream(ORG, "mail")).not.toBeInstanceOf(Promise);
    await directory.upstream(ORG, "files");
    expect(asked.filter((one) => one === "resolveServer files")).toHaveLength(2);
  });

  it("keeps organisations apart", async () => {
    await directory.upstream(ORG, "files");
    await directory.upstream("another", "files");
    expect(asked).toHaveLength(2);
    directory.apply({ kind: "org", orgId: "another" });
    expect(directory.upstream(ORG, "files")).not.toBeInstanceOf(Promise);
  });

  it("says of a server that is not there what it says of one the key may not see", async () => {
    serverExists = false;
    await expect(Promise.resolve(directory.upstream(ORG, "files"))).rejects.toThrow(
      'There is no MCP server "files" for this key.',
    );
  });

  it("finds a server at once that was registered after it had been asked for", async () => {
    serverExists = false;
    expect(await reasonOf(() => directory.upstream(ORG, "files"))).toBe("SERVER_UNKNOWN");
    serverExists = true;
    directory.apply({ kind: "server", orgId: ORG, name: "files" });
    expect(await reasonOf(() => directory.upstream(ORG, "files"))).toBe("none");
  });

  it("finds a server at once that was registered while it was being asked for", async () => {
    serverExists = false;
    const asking = Promise.resolve(directory.upstream(ORG, "files"));
    directory.apply({ kind: "server", orgId: ORG, name: "files" });
    await asking.catch(() => undefined);
    serverExists = true;
    expect(await reasonOf(() => directory.upstream(ORG, "files"))).toBe("none");
  });

  it("finds servers again after their organisation changed", async () => {
    serverExists = false;
    expect(await reasonOf(() => directory.upstream(ORG, "files"))).toBe("SERVER_UNKNOWN");
    serverExists = true;
    directory.apply({ kind: "org", orgId: ORG });
    expect(await reasonOf(() => directory.upstream(ORG, "files"))).toBe("none");
  });

  it("lists the servers of an organisation until one of them, or it, changes", async () => {
    const first = await directory.servers(ORG);
    expect(first).toMatchObject({
      servers: [{ name: "files" }, { name: "mail" }],
      listMode: "strict",
    });
    expect(directory.servers(ORG)).toBe(first);
    directory.apply({ kind: "server", orgId: "another", name: "files" });
    expect(directory.servers(ORG)).toBe(first);
    directory.apply({ kind: "server", orgId: ORG, name: "new" });
    await directory.servers(ORG);
    directory.apply({ kind: "org", orgId: ORG });
    await directory.servers(ORG);
    expect(asked).toHaveLength(3);
  });

  it("asks for prices again when they were changed", async () => {
    const book = await directory.prices(ORG);
    expect(book.priceOf("files", "read", Operation.TOOLS_CALL).maxUsdMicros).toBe(7n);
    expect(directory.prices(ORG)).toBe(book);
    directory.apply({ kind: "prices", orgId: ORG });
    await directory.prices(ORG);
    expect(asked).toHaveLength(2);
  });

  it("forgets everything when it is cleared", async () => {
    await directory.principal(KEY);
    await directory.upstream(ORG, "files");
    await directory.prices(ORG);
    directory.clear();
    expect(directory.principal(KEY)).toBeInstanceOf(Promise);
    expect(directory.upstream(ORG, "files")).toBeInstanceOf(Promise);
    expect(directory.prices(ORG)).toBeInstanceOf(Promise);
    expect(directory.servers(ORG)).toBeInstanceOf(Promise);
  });
});
