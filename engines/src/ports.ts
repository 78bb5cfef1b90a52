import { createServer } from "node:net";

import { EngineError } from "./engine.ts";

export const LOOPBACK = "127.0.0.1";

/**
 * Returns `port` when it can be bound on loopback, or a port the system chose when it is 0.
 *
 * The port is free at the moment of the answer and not reserved: the caller binds it at once and
 * treats a lost race as any other failed start.
 *
 * @throws EngineError naming `purpose` when the wanted port is taken or not allowed.
 */
export async function choosePort(port: number, purpose: string): Promise<number> {
  try {
    return await bindOnce(port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE") {
      throw new EngineError(
        `${purpose}: port ${String(port)} on ${LOOPBACK} is taken by another process`,
        `Stop that process (ss -ltnp 'sport = :${String(port)}' names it), choose another port, ` +
          "or start with --ports auto.",
        { cause: error },
      );
    }
    throw new EngineError(
      `${purpose}: port ${String(port)} on ${LOOPBACK} cannot be opened (${code ?? String(error)})`,
      "Choose a port between 1024 and 65535, or start with --ports auto.",
      { cause: error },
    );
  }
}

/** Chooses `count` different free loopback ports. */
export async function chooseFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await bindOnce(0));
  return [...ports];
}

function bindOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => {
        resolve(bound);
      });
    });
  });
}
