import type { AddressInfo } from "node:net";
import { createLogger, type LogOptions } from "@gatewayops/platform/log";
import { createAddressGuard } from "../upstream/address-guard.ts";
import { createBridge } from "./bridge.ts";
import type { StdioServer } from "./stdio-process.ts";

/** What the primary sends once, over the IPC channel. */
export type BridgeStart = {
  readonly servers: readonly StdioServer[];
  readonly secret: string;
  readonly port: number;
  /** `GWO_UPSTREAM_DENY_PRIVATE`. */
  readonly denyPrivateUpstreams: boolean;
  readonly log: Omit<LogOptions, "write" | "service">;
};

process.once("message", (start: BridgeStart) => {
  const log = createLogger({ ...start.log, service: "bridge" });
  // A minimal environment: the gateway's own secrets are no business of the servers.
  const { PATH = "", HOME = "", LANG = "" } = process.env;
  const bridge = createBridge({
    env: { PATH, HOME, LANG },
    servers: start.servers,
    secret: start.secret,
    mayConnect: createAddressGuard(start.denyPrivateUpstreams),
    log,
    now: Date.now,
  });
  bridge.server.listen(start.port, "127.0.0.1", () => {
    process.send?.({ kind: "listening", port: (bridge.server.address() as AddressInfo).port });
  });
  const stop = (): void => {
    bridge.close();
    bridge.server.close();
    bridge.server.closeAllConnections();
    // Servers get their shutdown ladder; this process ends when the last of them has, or after it.
    setTimeout(() => process.exit(0), 5_000).unref();
    process.channel?.unref();
  };
  process.on("SIGTERM", stop);
  // The primary stops this process; a Ctrl-C at the terminal reaches both.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", stop);
});
