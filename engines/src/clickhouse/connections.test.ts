import { describe, expect, it } from "@jest/globals";

import type { ChdbSession } from "./chdb.ts";
import { createConnections } from "./connections.ts";

function fixture(limits: { concurrency: number; queueLength: number; queueTimeoutMs?: number }) {
  const open = new Set<ChdbSession>();
  const connections = createConnections({
    queueTimeoutMs: 10_000,
    ...limits,
    open() {
      const session: ChdbSession = {
        connection: undefined,
        queryStream: () => {
          throw new Error("not used");
        },
        close: () => open.delete(session),
      };
      open.add(session);
      return session;
    },
  });
  return { connections, open };
}

function gate() {
  let release: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { opened, release };
}

describe("createConnections", () => {
  it("uses a clean connection again and closes one with traces", async () => {
    const { connections, open } = fixture({ concurrency: 1, queueLength: 1 });
    const seen: ChdbSession[] = [];
    for (const traces of [false, true, false]) {
      await connections.use((session) => {
        seen.push(session);
        return Promise.resolve(traces);
      });
    }
    expect(seen[0]).toBe(seen[1]);
    expect(seen[2]).not.toBe(seen[1]);
    expect(open.has(seen[1] as ChdbSession)).toBe(false);
  });

  it("refuses with code 202 when the queue is full, and serves those who waited", async () => {
    const { connections } = fixture({ concurrency: 1, queueLength: 1 });
    const { opened, release } = gate();
    const first = connections.use(() => opened.then(() => false));
    const second = connections.use(() => Promise.resolve(false));
    await expect(connections.use(() => Promise.resolve(false))).rejects.toMatchObject({
      code: 202,
    });
    release();
    await Promise.all([first, second]);
  });

  it("gives up a wait after its time with code 159 and keeps its place free", async () => {
    const { connections } = fixture({ concurrency: 1, queueLength: 1, queueTimeoutMs: 5 });
    const { opened, release } = gate();
    const first = connections.use(() => opened.then(() => false));
    await expect(connections.use(() => Promise.resolve(false))).rejects.toMatchObject({
      code: 159,
    });
    release();
    await first;
    await connections.use(() => Promise.resolve(false));
  });

  it("closes the connection of a failed query and drains", async () => {
    const { connections, open } = fixture({ concurrency: 2, queueLength: 1 });
    await expect(connections.use(() => Promise.reject(new Error("boom")))).rejects.toThrow("boom");
    expect(open.size).toBe(1);
    const { opened, release } = gate();
    const running = connections.use(() => opened.then(() => false));
    const drained = connections.drain();
    await expect(connections.use(() => Promise.resolve(false))).rejects.toMatchObject({
      code: 236,
    });
    release();
    await Promise.all([running, drained]);
    connections.close();
    expect(open.size).toBe(0);
  });
});
