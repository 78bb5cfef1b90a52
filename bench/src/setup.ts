import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { registerUpstream } from "./control-plane.ts";
import { startStack, type GatewayStack } from "./gateway-stack.ts";
import { startNginx } from "./nginx.ts";
import { findPrograms, type Programs } from "./programs.ts";
import { checkAnswer, gatewayTarget, nginxTarget } from "./targets.ts";
import type { GatewayTarget, Target } from "./targets.ts";
import { WORKLOAD } from "./workload.ts";
import { runWrk } from "./wrk.ts";
import type { LoadReport } from "./wrk-output.ts";

/** What a run is given. */
export type RunContext = {
  /** Temporary data; removed by who made it. */
  readonly directory: string;
  /** Stops what is started, last first. */
  readonly cleanup: AsyncDisposableStack;
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

/** All that runs during a measurement. */
export type Bench = {
  readonly programs: Programs;
  readonly stack: GatewayStack;
  readonly direct: Target;
  readonly nginx: Target;
  readonly gateway: GatewayTarget;
  readonly load: (target: Target, connections: number, seconds: number) => Promise<LoadReport>;
  /** Pids of all that was started. */
  readonly pids: () => number[];
  /** Holds every target to the right answer. */
  readonly check: () => Promise<void>;
};

const PROGRAMS_DIRECTORY = fileURLToPath(
  new URL("../../.gatewayops/engines/bench", import.meta.url),
);

/** Starts the upstream, nginx and a stack, and puts them together. */
export async function setUp(
  context: RunContext,
  stackOptions: {
    readonly workers: number;
    readonly nodeOptions: string;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<Bench> {
  const { directory, cleanup, signal, say } = context;
  const programs = await findPrograms({ directory: PROGRAMS_DIRECTORY, say });
  signal.throwIfAborted();
  const upstream = await startNginx({
    program: programs.nginx,
    directory: join(directory, "upstream"),
    template: new URL("../upstream.conf", import.meta.url),
    words: { ANSWER: WORKLOAD.answer },
    signal,
  });
  cleanup.defer(upstream.stop);
  const proxy = await startNginx({
    program: programs.nginx,
    directory: join(directory, "proxy"),
    template: new URL("../nginx.conf", import.meta.url),
    words: { UPSTREAM: new URL(upstream.origin).host },
    signal,
  });
  cleanup.defer(proxy.stop);
  say("starting a stack of our own");
  const stackDirectory = join(directory, "stack");
  const stack = await startStack({ ...stackOptions, directory: stackDirectory, signal });
  cleanup.defer(async () => {
    say("stopping the stack");
    await stack.stop();
  });
  const firstDay = new Date().toISOString().slice(0, 10);
  await registerUpstream(stack.file, upstream.origin + WORKLOAD.path, signal);

  const direct = nginxTarget("direct", upstream, false);
  const nginx = nginxTarget("nginx", proxy, true);
  const gateway = gatewayTarget(stack, firstDay, signal);
  const authorization = `Bearer ${stack.file.apiKey}`;
  return {
    programs,
    stack,
    direct,
    nginx,
    gateway,
    load: ({ url }, connections, seconds) =>
      runWrk(
        programs.wrk,
        { url, body: WORKLOAD.request, authorization, connections, seconds },
        signal,
      ),
    pids: () => [...stack.pids(/./), ...upstream.pids(), ...proxy.pids()],
    async check() {
      for (const target of [direct, nginx, gateway])
        await checkAnswer(target, authorization, signal);
    },
  };
}
