import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A TCP balancer without stickiness before several processes. */
export type Balancer = {
  /** Each connection goes to the next process in turn. */
  readonly url: string;
  /** URLs whose connections go to one process as long as it takes them, in the order of the processes. */
  readonly preferring: readonly string[];
  close(): Promise<void>;
};

/** Starts one. A process that takes no connection is passed over, as balancers do. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  let turn = 0;

  async function listen(firstOf: () => number): Promise<string> {
    const server = createServer((client) => {
      sockets.add(client);
      client.on("close", () => sockets.delete(client));
      client.on("error", () => client.destroy());
      client.pause();
      pass(client, firstOf(), ports.length);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  function pass(client: Socket, at: number, tries: number): void {
    const target = connect(ports[at % ports.length] ?? 0, "127.0.0.1");
    sockets.add(target);
    let isConnected = false;
    target.on("connect", () => {
      isConnected = true;
      client.pipe(target);
      target.pipe(client);
    });
    target.on("error", () => {
      // Nothing was sent to it: another process may take the connection.
      if (!isConnected && tries > 1 && !client.destroyed) pass(client, at + 1, tries - 1);
      else client.resetAndDestroy();
    });
    target.on("close", () => {
      sockets.delete(target);
      if (isConnected) client.destroy();
    });
    client.on("close", () => target.destroy());
  }

  const url = await listen(() => turn++);
  const preferring = await Promise.all(ports.map((_, at) => listen(() => at)));
  return {
    url,
    preferring,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
