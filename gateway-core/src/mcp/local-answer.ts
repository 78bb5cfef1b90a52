import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Carrier } from "./carrier.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/** Answers a message here, without a server. */
export class LocalAnswer implements Carrier {
  readonly #exchange: McpExchange;
  readonly #make: () => Promise<LocalResult> | LocalResult;
  #result: LocalResult | undefined;

  constructor(exchange: McpExchange, make: () => Promise<LocalResult> | LocalResult) {
    this.#exchange = exchange;
    this.#make = make;
  }

  start(): void {
    Promise.resolve()
      .then(this.#make)
      .then(
        (result) => {
          this.#result = result;
          this.#exchange.responseBytes = result.body?.length ?? 0;
          this.#exchange.end({
            outcome: result.rpcCode ? Outcome.RPC_ERROR : Outcome.OK,
            httpStatus: result.status,
            rpcCode: result.rpcCode ?? 0,
            failure: undefined,
          });
        },
        (error: unknown) => {
          this.#exchange.fail(error);
        },
      );
  }

  answer(): void {
    const { status, headers = [], body } = this.#result ?? { status: 500 };
    if (body === undefined) headers.push("content-length", "0");
    this.#exchange.sendDocument(status, headers, body);
  }

  answerFailure(): boolean {
    return false;
  }

  clientGone(): void {
    return;
  }
}

export type LocalResult = {
  readonly status: number;
  readonly headers?: string[];
  readonly body?: string;
  readonly rpcCode?: number;
};

/** A message that is taken and not answered. */
export const ACCEPTED: LocalResult = { status: 202 };

/** A JSON-RPC result. @param result its JSON */
export function resultOf(exchange: McpExchange, result: string): LocalResult {
  return {
    status: 200,
    body: `{"jsonrpc":"2.0","id":${exchange.message.idText},"result":${result}}`,
  };
}

/** The answer to a method that there is not (MCP 2026-07-28 basic §Error Codes: 404 in the modern era). */
export function unknownMethod({ message }: McpExchange): LocalResult {
  const error = {
    code: -32601,
    message: `There is no method ${message.method.slice(0, 128)} here.`,
  };
  return {
    status: message.era === "modern" ? 404 : 200,
    body: `{"jsonrpc":"2.0","id":${message.idText},"error":${JSON.stringify(error)}}`,
    rpcCode: error.code,
  };
}
