import type { Era } from "../mcp/message.ts";
import type { FoundEra } from "./era-probe.ts";

/** Milliseconds after which a server that did not say its era is asked again. */
const SILENCE_REMEMBERED_MS = 5 * 60_000;

/** Which era a server speaks: asked once and remembered, silence only for a while. */
export class EraMemory {
  readonly #probe: () => Promise<FoundEra>;
  readonly #now: () => number;
  #asked: Promise<FoundEra> | undefined;
  /** When what was found is forgotten. */
  #until = Infinity;

  constructor(probe: () => Promise<FoundEra>, now: () => number) {
    this.#probe = probe;
    this.#now = now;
  }

  /** @throws Failure when the server cannot be asked; then the next caller asks again */
  era(): Promise<Era> {
    if (this.#now() > this.#until) this.#asked = undefined;
    this.#asked ??= this.#ask();
    return this.#asked.then(({ era }) => era);
  }

  async #ask(): Promise<FoundEra> {
    this.#until = Infinity;
    try {
      const found = await this.#probe();
      if (!found.isCertain) this.#until = this.#now() + SILENCE_REMEMBERED_MS;
      return found;
    } catch (error) {
      this.#asked = undefined;
      throw error;
    }
  }
}
