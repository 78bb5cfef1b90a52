/** A JSON document as an event (WHATWG HTML §9.2.6). Line breaks in JSON stand only between tokens; in data they end it. */
export function sseEvent(type: string, json: Buffer): Buffer {
  const data =
    json.includes(0x0a) || json.includes(0x0d)
      ? Buffer.from(json.toString("latin1").replaceAll(/[\r\n]/g, " "), "latin1")
      : json;
  return Buffer.concat([Buffer.from(`event: ${type}\ndata: `), data, Buffer.from("\n\n")]);
}

/** A JSON-RPC message as the event that MCP sends it in. */
export function messageEvent(message: Buffer): Buffer {
  return sseEvent("message", message);
}
