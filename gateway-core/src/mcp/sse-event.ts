import { oneLine } from "./one-line.ts";

/** A JSON document as an event (WHATWG HTML §9.2.6), whose data a line break would end. */
export function sseEvent(type: string, json: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`event: ${type}\ndata: `), oneLine(json), Buffer.from("\n\n")]);
}

/** A JSON-RPC message as the event that MCP sends it in. */
export function messageEvent(message: Buffer): Buffer {
  return sseEvent("message", message);
}

/** Headers of an answer that is a stream of events; what stands between must not gather them. */
export function eventStreamHeaders(): string[] {
  return [
    ...["content-type", "text/event-stream", "cache-control", "no-cache"],
    ...["x-accel-buffering", "no"],
  ];
}
