import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** True when the port can be bound on loopback at this moment. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/**
 * A port to try, below those the system gives to outgoing connections: one of these can hold a
 * number at the moment a restarted process wants it back.
 */
export function candidatePort(): number {
  return randomInt(LOWEST, Math.max(LOWEST + 1000, firstEphemeralPort()));
}

const LOWEST = 18_000;

function firstEphemeralPort(): number {
  try {
    const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const first = Number(range.split(/\s+/)[0]);
    return Number.isInteger(first) && first > LOWEST ? first : 32_768;
  } catch {
    // Not Linux: IANA's range begins higher.
    return 49_152;
  }
}
