import type { AgentSession } from "../sessions/sessions.ts";
import type { CarriedExchange } from "./carried-exchange.ts";
import { ownerOf } from "./owned-ids.ts";

/**
 * Hands a request over to the worker that alone can finish it, if there is one: the one that holds the call the request
 * belongs to, or one of the replica whose bridge runs the session's server.
 *
 * @returns false when another worker has taken the request
 */
export function divert(
  exchange: CarriedExchange,
  session?: AgentSession,
): boolean | Promise<boolean> {
  const { context } = exchange;
  const replica = session?.state.bridgeReplica ?? "";
  if (replica !== "" && replica !== context.replicaId) return exchange.handOver({ replica });
  const id = ownedIdOf(exchange);
  if (id === "") return true;
  const owner = ownerOf(id);
  if (owner === undefined || owner === context.owner) return true;
  return exchange.handOver({ worker: owner });
}

/** The id in a request that may be one of ours; empty when there is none. */
function ownedIdOf({ message }: CarriedExchange): string {
  if (message.kind === "response") {
    const id: unknown = JSON.parse(message.idText);
    return typeof id === "string" ? id : "";
  }
  const { requestState } = message.params;
  return typeof requestState === "string" ? requestState : "";
}
