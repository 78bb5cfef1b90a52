import { changedRequest } from "../mcp/envelope.ts";
import { jsonTextOf, memberNamed, membersOf } from "../mcp/json-members.ts";
import { splice } from "../mcp/json-splice.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import { MessageError, type McpMessage } from "../mcp/message.ts";
import { findShortened, resourceOwner, serversFor, type Found } from "./all-servers.ts";
import { splitName, splitUri } from "./names.ts";

const INVALID_PARAMS = -32602;

/**
 * Finds the server that a message to all of them is for, and turns the message into what that server must see: the name
 * or URI of its own. Messages that are for no one server stay as they are.
 *
 * @throws MessageError -32602 when nothing of the agent's has that name
 */
export async function routeToServer(exchange: McpExchange): Promise<void> {
  const { message } = exchange;
  switch (message.method) {
    case "tools/call":
      toTarget(exchange, "name", await find(exchange, message.target));
      return;
    case "prompts/get":
      toTarget(exchange, "name", await find(exchange, message.target));
      return;
    case "resources/read":
      toTarget(exchange, "uri", await findResource(exchange, message.target));
      return;
    case "completion/complete":
      await toReference(exchange);
  }
}

function toTarget(exchange: McpExchange, param: "name" | "uri", { upstream, name }: Found): void {
  const { message, body } = exchange;
  const value = JSON.stringify(name);
  exchange.routeTo(
    upstream.name,
    { ...message, target: name, params: { ...message.params, [param]: name } },
    changedRequest(body, { setParams: new Map([[param, value]]) }),
  );
}

/** A completion names its prompt or resource inside of `ref`. */
async function toReference(exchange: McpExchange): Promise<void> {
  const { message, body } = exchange;
  const ref = (message.params["ref"] ?? {}) as Readonly<Record<string, unknown>>;
  const key = ref["type"] === "ref/resource" ? "uri" : "name";
  const given = ref[key];
  if (typeof given !== "string") throw unknown(message, `"params.ref.${key}" must be text.`);
  const { upstream, name } = await (key === "uri"
    ? findResource(exchange, given)
    : find(exchange, given));
  const json = jsonTextOf(body);
  const params = memberNamed(membersOf(json), "params");
  const at = params && memberNamed(membersOf(json, params.start), "ref");
  const member = at && memberNamed(membersOf(json, at.start), key);
  if (!member) return;
  exchange.routeTo(
    upstream.name,
    { ...message, params: { ...message.params, ref: { ...ref, [key]: name } } },
    splice(body, [{ start: member.start, end: member.end, with: JSON.stringify(name) }]),
  );
}

async function find(exchange: McpExchange, joined: string): Promise<Found> {
  const { principal, pipeline, message } = exchange;
  const servers = serversFor(principal, await pipeline.directory.servers(principal.orgIdText));
  const parts = splitName(joined);
  const upstream = parts && servers.find((one) => one.name === parts.server);
  if (parts && upstream) return { upstream, name: parts.name };
  const list = message.method === "tools/call" ? "tools/list" : "prompts/list";
  const found = await findShortened(exchange, servers, list, joined);
  if (found) return found;
  const what = message.method === "tools/call" ? "tool" : "prompt";
  throw unknown(
    message,
    `There is no ${what} ${JSON.stringify(joined.slice(0, 128))} here. Names are the server's, "__" and its own: list them.`,
  );
}

async function findResource(exchange: McpExchange, given: string): Promise<Found> {
  const { principal, pipeline, message } = exchange;
  const servers = serversFor(principal, await pipeline.directory.servers(principal.orgIdText));
  const parts = splitUri(given);
  const upstream = parts && servers.find((one) => one.name === parts.server);
  if (parts && upstream) return { upstream, name: parts.uri };
  // Servers link to their own resources by the URI they know.
  const owner = parts ? undefined : await resourceOwner(exchange, servers, given);
  if (owner) return { upstream: owner, name: given };
  throw unknown(
    message,
    `There is no resource ${JSON.stringify(given.slice(0, 256))} here, or several servers have it. URIs are "gwo:", the server's name, ":" and its own: list them.`,
  );
}

function unknown(message: McpMessage, text: string): MessageError {
  const error = new MessageError(INVALID_PARAMS, text);
  error.idText = message.idText;
  error.isAnswer = true;
  return error;
}
