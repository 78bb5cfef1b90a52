import type { IncomingMessage, ServerResponse } from "node:http";
import type { Failure } from "@gatewayops/platform/errors";
import type { PeerName } from "../cluster/peers.ts";
import { pushFailureHeaders } from "../http/answer-headers.ts";
import { CarriedExchange } from "./carried-exchange.ts";
import { MessageError } from "./message.ts";

/** An exchange whose agent speaks HTTP with us: its failures are statuses and bodies. */
export abstract class HttpExchange extends CarriedExchange {
  declare readonly request: IncomingMessage;
  declare readonly response: ServerResponse;

  /** The body of an answer that tells of a failure. */
  protected abstract failureBody(failure: Failure): string;

  /** HTTP status of an answer that tells of a failure. */
  protected failureStatus(failure: Failure): number {
    return failure instanceof MessageError && failure.isAnswer ? 200 : failure.spec.http;
  }

  override handOver(peer: PeerName): Promise<boolean> {
    return this.context.peers.forward(this, peer);
  }

  protected override answerFailure(failure: Failure): void {
    const body = this.failureBody(failure);
    if (!this.isHeadSent) {
      const headers: string[] = [];
      pushFailureHeaders(failure, headers);
      this.sendDocument(this.failureStatus(failure), headers, body);
    } else if (this.carrierUnderWay?.answerFailure(body) !== true) {
      // Half an answer is out: only a broken connection says that the rest does not come.
      this.response.destroy();
    }
  }
}
