import { randomBytes } from "node:crypto";

/** One HTTP request with `tools/call` in it: the record has one entry for each. */
export type OfferedRequest = { readonly traceId: string; isAnswered: boolean };

/** A call as its agent sees it, of however many requests. */
export type OfferedCall = {
  readonly id: string;
  readonly kind: "plain" | "asking" | "cancelled";
  readonly beganAt: number;
  endedAt: number;
  /** What went wrong; empty when the call did what it should. */
  problem: string;
};

/** What agents did and what became of it. */
export class Journal {
  readonly calls: OfferedCall[] = [];
  readonly requests: OfferedRequest[] = [];
  #lastNumber = 0;

  /** Notes a request. @returns the headers that name its trace, and how to say that it was answered */
  request(): { headers: Record<string, string>; answered: () => void } {
    const offered: OfferedRequest = { traceId: randomBytes(16).toString("hex"), isAnswered: false };
    this.requests.push(offered);
    const spanId = randomBytes(8).toString("hex");
    return {
      headers: { traceparent: `00-${offered.traceId}-${spanId}-01` },
      answered: () => {
        offered.isAnswered = true;
      },
    };
  }

  /** Notes a call from its beginning to its end. */
  async call(kind: OfferedCall["kind"], make: (id: string) => Promise<void>): Promise<void> {
    const id = `${kind}-${String(++this.#lastNumber)}`;
    const call = { id, kind, beganAt: performance.now(), endedAt: 0, problem: "" };
    this.calls.push(call);
    try {
      await make(id);
    } catch (error) {
      call.problem = (error as Error).message;
    }
    call.endedAt = performance.now();
  }
}
