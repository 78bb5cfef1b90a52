import { afterAll, afterEach, beforeAll } from "@jest/globals";
import { describeCell, type Era } from "./cells.contract.ts";
import type { LoopbackServer } from "./conformance/fixtures/loopback.ts";
import { startLegacyServer } from "./conformance/fixtures/legacy-server.ts";
import { startModernServer } from "./conformance/fixtures/modern-server.ts";
import { startOwnRedis, type OwnRedis } from "./engine-redis.ts";
import { connectV2 } from "./sdk-clients.ts";
import { createWaitingTool } from "./waiting-tool.ts";
import { SERVER, startBench, type Bench } from "./worker-bench.ts";

const ASKABLE = { isAskable: true };

let engine: OwnRedis;
const waiting = createWaitingTool();
const servers: Partial<Record<Era, LoopbackServer>> = {};
let bench: Bench | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
  servers.legacy = await startLegacyServer({ plainTools: [waiting.tool] });
  servers.modern = await startModernServer({ plainTools: [waiting.tool] });
}, 120_000);

afterAll(async () => {
  await servers.legacy?.close();
  await servers.modern?.close();
  await engine.stop();
});

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

for (const agent of ["legacy", "modern"] as const)
  for (const server of ["legacy", "modern"] as const)
    describeCell(`a ${agent} agent with a ${server} server`, {
      agent,
      server,
      async connect() {
        bench = await startBench({ redisUrl: engine.url, upstreamUrl: servers[server]!.url });
        await bench.connected();
        const connect = connectV2(agent === "legacy" ? undefined : { pin: "2026-07-28" });
        return connect(new URL(`${bench.url}/v1/mcp/${SERVER}`), bench.key, ASKABLE);
      },
      waiting: () => waiting,
    });
