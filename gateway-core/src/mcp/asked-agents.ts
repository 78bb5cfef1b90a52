import { Failure } from "@gatewayops/platform/errors";
import { ASKED_MAX_MS } from "../upstream/legacy-call.ts";
import { memberText } from "./json-members.ts";
import { createOwnedId } from "./owned-ids.ts";

/** How an agent answered: the JSON of its result, or of its error. */
export type AgentAnswer = { readonly result: string } | { readonly error: string };

type Waiting = {
  readonly session: string;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answer: AgentAnswer) => void;
  readonly reject: (failure: Failure) => void;
};

/** Requests that this worker has sent to agents of the legacy era, and whose answers come by another POST. */
export class AskedAgents {
  readonly #waiting = new Map<string, Waiting>();
  readonly #owner: string;

  /** @param owner name of this worker */
  constructor(owner: string) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Registers a request.
   *
   * @param session id of the agent's session: an answer counts in that session only
   * @returns the id to send, and the answer to wait for; it fails with CLIENT_GONE
   */
  ask(session: string, signal: AbortSignal): { id: string; answer: Promise<AgentAnswer> } {
    const id = createOwnedId(this.#owner);
    const answer = new Promise<AgentAnswer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(unanswered());
      }, ASKED_MAX_MS);
      this.#waiting.set(id, { session, timer, resolve, reject });
      signal.addEventListener("abort", () => this.#settle(id)?.reject(unanswered()), {
        once: true,
      });
    });
    return { id, answer };
  }

  /**
   * Takes an agent's answer.
   *
   * @param body the JSON-RPC response
   * @returns false when nothing waits for it in this session
   */
  answered(session: string, id: string, body: Buffer): boolean {
    if (this.#waiting.get(id)?.session !== session) return false;
    const waiting = this.#settle(id);
    const result = memberText(body, "result");
    waiting?.resolve(result === "" ? { error: memberText(body, "error") } : { result });
    return true;
  }

  #settle(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (!waiting) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    return waiting;
  }
}

function unanswered(): Failure {
  return new Failure("CLIENT_GONE", "The agent did not answer what the MCP server asked it.");
}
