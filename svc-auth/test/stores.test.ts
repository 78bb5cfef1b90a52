import { createMemoryKeyCache } from "../src/keys/key-cache.memory.ts";
import { createMemorySessionStore } from "../src/sessions/session-store.memory.ts";
import { createMemorySignInCounters } from "../src/sessions/sign-in-counters.memory.ts";
import { createMemoryStores } from "../src/stores.ts";
import { describeKeyStore } from "./key-store.contract.ts";
import { describePeopleStores } from "./people-stores.contract.ts";
import { describeRedisStores } from "./redis-stores.contract.ts";
import { describeServerStores } from "./server-stores.contract.ts";
import { describeToolStore } from "./tool-store.contract.ts";

describePeopleStores("memory", createMemoryStores);
describeKeyStore("memory", createMemoryStores);
describeServerStores("memory", createMemoryStores);
describeToolStore("memory", createMemoryStores);
describeRedisStores("memory", () => {
  let nowMs = 0;
  const now = () => nowMs;
  return {
    cache: createMemoryKeyCache(now),
    sessions: createMemorySessionStore(now),
    counters: createMemorySignInCounters(now),
    pass: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
  };
});
