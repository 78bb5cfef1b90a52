import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll } from "@jest/globals";
import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { describeChangeStore } from "../../platform/test/change-store.contract.ts";
import type { AuthChange } from "../src/changes/auth-change.ts";
import { CHANGE_TABLE } from "../src/changes/change-table.ts";
import { createRedisKeyCache } from "../src/keys/key-cache.redis.ts";
import { createKeyCipher } from "../src/keys/key-cipher.ts";
import { createRedisSessionStore } from "../src/sessions/session-store.redis.ts";
import { createRedisSignInCounters } from "../src/sessions/sign-in-counters.redis.ts";
import { createPostgresStores } from "../src/stores.ts";
import { startEngines, type TestEngines } from "./engines.ts";
import { describeKeyStore } from "./key-store.contract.ts";
import { describePeopleStores } from "./people-stores.contract.ts";
import { describeRedisStores } from "./redis-stores.contract.ts";
import { describeServerStores } from "./server-stores.contract.ts";
import { describeToolStore } from "./tool-store.contract.ts";

let engines: TestEngines;

beforeAll(async () => {
  engines = await startEngines();
}, 120_000);

afterAll(() => engines.stop(), 30_000);

const open = () => createPostgresStores(createDatabase({ pool: engines.pool }));

describePeopleStores("Postgres", open);
describeKeyStore("Postgres", open);
describeServerStores("Postgres", open);
describeToolStore("Postgres", open);
describeChangeStore<AuthChange>(
  "Postgres",
  () => {
    const database = createDatabase({ pool: engines.pool });
    return {
      store: createPostgresStores(database).changes,
      add: (change) => insertChange(database, CHANGE_TABLE, change),
    };
  },
  [
    { keyPrefix: "gwo_test_abc", adminEvents: undefined },
    { keyPrefix: undefined, adminEvents: "[]" },
  ],
);
describeRedisStores("Redis", () => ({
  cache: createRedisKeyCache({
    redis: engines.redis,
    cipher: createKeyCipher("a secret of a test, long enough"),
    now: () => Date.now(),
    onAway: (error) => {
      throw error;
    },
  }),
  sessions: createRedisSessionStore(engines.redis),
  counters: createRedisSignInCounters(engines.redis),
  pass: (ms) => sleep(ms),
}));
