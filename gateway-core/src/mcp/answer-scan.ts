import { isSameId } from "./rpc-id.ts";
import { afterString, endsEscaped, keyFrom, TOKEN_MAX } from "./streamed-strings.ts";

/** What a JSON-RPC message from a server turned out to be. */
export type AnswerKind = "result" | "error" | "other";

const QUOTE = 0x22;

/** Members of which a message has one at most, each with a bit of its own. */
const CONTROL: ReadonlyMap<string, number> = new Map([
  ["jsonrpc", 1],
  ["id", 2],
  ["method", 4],
  ["params", 8],
  ["result", 16],
  ["error", 32],
]);
const METHOD_OR_RESULT = [4 | 16, 4 | 32, 16 | 32] as const;

/**
 * Reads just enough of a JSON-RPC message to know how a call ended, while its bytes stream past: whether it is an
 * answer at all, the error's code, and the result's `isError`. Keeps a few bytes, whatever the message's size.
 */
export class AnswerScan {
  kind: AnswerKind = "other";
  /** JSON-RPC error code. 0: none. */
  rpcCode = 0;
  /** True when the tool said that it failed. */
  isToolError = false;
  /** True when the server wants more of the agent before it completes (MCP 2026-07-28 patterns/mrtr). */
  isInputRequired = false;
  /** True when a message was seen and all its brackets are closed. */
  isWhole = false;
  /** True when parsers may disagree on what was said: a control member twice, a result beside an error. */
  isAmbiguous = false;

  #depth = 0;
  #inString = false;
  #escaped = false;
  /** True where the next string is a key, at depth 1 and 2. */
  #expectsKey = false;
  #isKey = false;
  /** True inside the text of `result.resultType`, which is kept like a key. */
  #isType = false;
  /** True inside the text of the id, which is kept like a key. */
  #isId = false;
  #token = "";
  /** The id as it stands in the bytes, in Latin-1; empty for none, cut when it is long. */
  #id = "";
  /** Bits of the control members seen. */
  #seen = 0;
  #keyAt1 = "";
  #keyAt2 = "";
  #isObjectAt1 = false;
  #isObjectAt2 = false;

  /** Begins anew, for the next message of a stream. */
  reset(): void {
    this.kind = "other";
    this.rpcCode = 0;
    this.isToolError = false;
    this.isInputRequired = false;
    this.isWhole = false;
    this.isAmbiguous = false;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#expectsKey = false;
    this.#isKey = false;
    this.#isType = false;
    this.#isId = false;
    this.#token = "";
    this.#id = "";
    this.#seen = 0;
    this.#keyAt1 = "";
    this.#keyAt2 = "";
  }

  /**
   * True when the message answers the request of an id, or is an error of a server that could not read the id
   * (JSON-RPC 2.0 §5). An id too long to be kept is taken for the right one.
   *
   * @param idText JSON of the id
   */
  answers(idText: string): boolean {
    if (this.#id.length >= TOKEN_MAX) return true;
    if (this.kind === "error" && (this.#id === "" || this.#id === "null")) return true;
    return isSameId(Buffer.from(this.#id, "latin1").toString("utf8"), idText);
  }

  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#inString) {
        at = this.#string(bytes, at);
        continue;
      }
      this.#structure(bytes[at] ?? 0);
      at++;
    }
  }

  /** Goes through a string; keys of the first two levels are kept, everything else is jumped over. */
  #string(bytes: Buffer, from: number): number {
    if (!this.#isKey && !this.#isType && !this.#isId) return this.#jump(bytes, from);
    const end = this.#jump(bytes, from);
    // Cut from the bytes at once, not letter by letter. A key may begin in one chunk and end in another.
    if (this.#token.length <= TOKEN_MAX)
      this.#token += bytes.toString(
        "latin1",
        from,
        Math.min(this.#inString ? end : end - 1, from + TOKEN_MAX + 1),
      );
    if (this.#inString) return end;
    if (this.#isKey) this.#keyEnds();
    else if (this.#isId) this.#idEnds();
    else this.#typeEnds();
    return end;
  }

  #jump(bytes: Buffer, from: number): number {
    const end = afterString(bytes, from, this.#escaped);
    this.#escaped = end < 0 && endsEscaped(bytes, from, this.#escaped);
    if (end < 0) return bytes.length;
    this.#inString = false;
    return end;
  }

  #keyEnds(): void {
    const key = keyFrom(this.#token);
    this.#token = "";
    this.#isKey = false;
    this.#expectsKey = false;
    if (this.#depth === 2) {
      this.#keyAt2 = key;
      return;
    }
    this.#keyAt1 = key;
    this.#keyAt2 = "";
    this.#control(CONTROL.get(key) ?? 0);
    if (key === "result" && this.kind === "other") this.kind = "result";
    else if (key === "error") this.kind = "error";
  }

  #control(bit: number): void {
    if ((this.#seen & bit) !== 0) this.isAmbiguous = true;
    this.#seen |= bit;
    for (const both of METHOD_OR_RESULT) if ((this.#seen & both) === both) this.isAmbiguous = true;
  }

  #idEnds(): void {
    this.#id = `"${this.#token}"`;
    this.#token = "";
    this.#isId = false;
  }

  #typeEnds(): void {
    this.isInputRequired = keyFrom(this.#token) === "input_required";
    this.#token = "";
    this.#isType = false;
  }

  #structure(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        this.#isKey = this.#expectsKey && this.#depth <= 2;
        this.#isType =
          !this.#isKey &&
          this.#depth === 2 &&
          this.#keyAt2 === "resultType" &&
          this.#keyAt1 === "result";
        this.#isId = !this.#isKey && this.#depth === 1 && this.#keyAt1 === "id";
        this.#token = "";
        return;
      case 0x7b: // {
        this.#depth++;
        if (this.#depth === 1) this.#isObjectAt1 = true;
        if (this.#depth === 2) this.#isObjectAt2 = true;
        this.#expectsKey = this.#depth <= 2;
        return;
      case 0x5b: // [
        this.#depth++;
        if (this.#depth === 1) this.#isObjectAt1 = false;
        if (this.#depth === 2) this.#isObjectAt2 = false;
        this.#expectsKey = false;
        return;
      case 0x7d: // }
      case 0x5d: // ]
        this.#literalEnds();
        this.#depth--;
        this.#expectsKey = false;
        if (this.#depth === 0) this.isWhole = true;
        return;
      case 0x2c: // ,
        this.#literalEnds();
        this.#expectsKey =
          (this.#depth === 1 && this.#isObjectAt1) || (this.#depth === 2 && this.#isObjectAt2);
        return;
      case 0x3a: // :
        this.#token = "";
        return;
      default:
        if (this.#isLiteralKept && byte > 0x20 && this.#token.length < TOKEN_MAX)
          this.#token += String.fromCharCode(byte);
    }
  }

  get #isLiteralKept(): boolean {
    if (this.#depth === 1) return this.#keyAt1 === "id";
    return this.#depth === 2 && (this.#keyAt2 === "isError" || this.#keyAt2 === "code");
  }

  #literalEnds(): void {
    if (this.#depth === 1 && this.#keyAt1 === "id" && this.#token !== "") this.#id = this.#token;
    if (this.#depth === 2 && this.#token !== "") {
      if (this.#keyAt1 === "result" && this.#keyAt2 === "isError")
        this.isToolError = this.#token === "true";
      if (this.#keyAt1 === "error" && this.#keyAt2 === "code")
        this.rpcCode = Number(this.#token) || 0;
    }
    this.#token = "";
  }
}
