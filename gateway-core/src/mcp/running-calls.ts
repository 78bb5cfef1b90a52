/** The calls of legacy sessions that this worker runs, for agents that cancel them by another POST. */
export class RunningCalls {
  readonly #running = new Map<string, () => void>();

  get size(): number {
    return this.#running.size;
  }

  /**
   * Notes a call.
   *
   * @param request JSON of the request's id
   * @returns what to call at its end
   */
  add(session: string, request: string, cancel: () => void): () => void {
    const key = keyOf(session, request);
    this.#running.set(key, cancel);
    return () => {
      if (this.#running.get(key) === cancel) this.#running.delete(key);
    };
  }

  /** Cancels a call. @returns false when it does not run here */
  cancel(session: string, request: string): boolean {
    const cancel = this.#running.get(keyOf(session, request));
    cancel?.();
    return cancel !== undefined;
  }
}

function keyOf(session: string, request: string): string {
  return `${session} ${JSON.stringify(JSON.parse(request))}`;
}
