import { describeSessionStore } from "../../test/session-store.contract.ts";
import { createMemorySessionStore } from "./session-store.memory.ts";

describeSessionStore("memory", () => {
  let nowMs = 0;
  return {
    store: createMemorySessionStore(() => nowMs),
    pass(ms) {
      nowMs += ms;
      return Promise.resolve();
    },
  };
});
