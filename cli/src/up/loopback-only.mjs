/**
 * Preloaded into the demo MCP server, which would open its port to the whole network: a port that is
 * opened without an address is opened on loopback.
 */
import { Server } from "node:net";

const listen = Server.prototype.listen;
Server.prototype.listen = function listenOnLoopback(...args) {
  if (/^\d+$/.test(String(args[0])) && typeof args[1] !== "string")
    args.splice(1, args[1] === undefined ? 1 : 0, "127.0.0.1");
  return listen.apply(this, args);
};
