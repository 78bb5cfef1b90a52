import { setTimeout as delay } from "node:timers/promises";
import { BenchError } from "./bench-error.ts";
import { readLedger } from "./control-plane.ts";
import { GATEWAY_PROCESSES, type GatewayStack } from "./gateway-stack.ts";
import { faultOfLedger, type CallCount } from "./ledger.ts";
import type { Nginx } from "./nginx.ts";
import { WORKLOAD } from "./workload.ts";

export type TargetName = "direct" | "nginx" | "gateway";

/** What is loaded. */
export type Target = {
  readonly name: TargetName;
  readonly url: string;
  /** The processes whose CPU is what the target costs; none for the upstream itself. */
  readonly pids: () => number[];
  /** Told of calls that were answered, waits until their aftermath is over. */
  readonly settle: (calls: { answered: number; cutOffAtMost: number }) => Promise<void>;
};

/** The gateway, which can also be asked whether it recorded what it carried. */
export type GatewayTarget = Target & {
  readonly count: Readonly<CallCount>;
  /** Waits for the ledger and holds it to the calls. */
  readonly audit: () => Promise<{ readonly recorded: number; readonly fault: string | undefined }>;
};

/** Milliseconds that the pipeline behind the gateway may take to catch up with one run. */
const CATCH_UP_MS = 60_000;
/** Milliseconds in which a call recorded twice would show. */
const AFTER_MS = 1_500;
const ASK_EVERY_MS = 200;

export function nginxTarget(name: TargetName, nginx: Nginx, isProxy: boolean): Target {
  return {
    name,
    url: nginx.origin + WORKLOAD.path,
    pids: () => (isProxy ? nginx.pids() : []),
    settle: () => Promise.resolve(),
  };
}

/** @param firstDay day of the first call, YYYY-MM-DD UTC */
export function gatewayTarget(
  stack: GatewayStack,
  firstDay: string,
  signal: AbortSignal,
): GatewayTarget {
  const count: CallCount = { answered: 0, cutOffAtMost: 0 };
  const read = () => readLedger(stack.file, firstDay, signal);
  return {
    name: "gateway",
    url: stack.file.gatewayUrl + WORKLOAD.path,
    pids: () => stack.pids(GATEWAY_PROCESSES),
    count,
    // What the record still costs must not be paid by the next target's run.
    async settle({ answered, cutOffAtMost }) {
      count.answered += answered;
      count.cutOffAtMost += cutOffAtMost;
      await catchUp();
    },
    async audit() {
      await catchUp();
      await delay(AFTER_MS, undefined, { signal });
      const line = await read();
      return {
        recorded: line.calls,
        fault: faultOfLedger(line, count, WORKLOAD.priceUsdMicros),
      };
    },
  };

  async function catchUp(): Promise<void> {
    const deadline = performance.now() + CATCH_UP_MS;
    let calls = 0;
    while (calls < count.answered) {
      if (performance.now() > deadline)
        throw new BenchError(
          `the ledger has ${calls} of ${count.answered} answered calls after ${CATCH_UP_MS / 1000} s`,
          "The pipeline behind the gateway loses calls or cannot keep up: look at svc-cost.",
        );
      await delay(ASK_EVERY_MS, undefined, { signal });
      calls = (await read()).calls;
    }
  }
}

/** @throws BenchError when a target does not give the right answer to the very call that it is loaded with */
export async function checkAnswer(
  target: Target,
  authorization: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(target.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization,
    },
    body: WORKLOAD.request,
    signal,
  });
  const body = await response.text();
  if (response.status !== 200 || body !== WORKLOAD.answer)
    throw new BenchError(
      `${target.name} answers ${response.status}: ${body.slice(0, 500)}`,
      "Every target must give the upstream's answer before its speed means anything.",
    );
  await target.settle({ answered: 1, cutOffAtMost: 0 });
}
