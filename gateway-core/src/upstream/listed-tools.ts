/** A tool as its server lists it. */
export type ListedTool = {
  readonly name: string;
  /** The definition in the server's own bytes, JSON of an object. */
  readonly definition: Buffer;
  /** SHA-256 of it in hexadecimal digits, see definitionHash. */
  readonly hash: string;
  /** Its JSON Schema in the server's own bytes; undefined when it has none. */
  readonly inputSchema: Buffer | undefined;
};

/** What is kept of a listed tool. */
export type ListedDefinition = Pick<ListedTool, "hash" | "inputSchema">;

/** Bytes of schemas kept of one server; further tools are kept without. */
const SCHEMAS_MAX_BYTES = 4 * 1024 * 1024;

/** The tools as a server listed them last, as far as this worker has asked it. */
export class ListedTools {
  #tools: ReadonlyMap<string, ListedDefinition> = new Map();

  get(name: string): ListedDefinition | undefined {
    return this.#tools.get(name);
  }

  replace(tools: readonly ListedTool[]): void {
    let bytes = 0;
    this.#tools = new Map(
      tools.map(({ name, hash, inputSchema }) => {
        bytes += inputSchema?.length ?? 0;
        // A copy: the bytes are a part of the whole list, which would be kept with them.
        const kept =
          inputSchema && bytes <= SCHEMAS_MAX_BYTES ? Buffer.from(inputSchema) : undefined;
        return [name, { hash, inputSchema: kept }];
      }),
    );
  }
}
