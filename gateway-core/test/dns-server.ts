import { createSocket } from "node:dgram";

/** What a DNS server of a test knows: names with their records. */
export type Zone = Map<
  string,
  {
    readonly a?: readonly string[];
    readonly srv?: readonly { readonly target: string; readonly port: number }[];
  }
>;

export type DnsServer = {
  /** Address and port, as resolvers take them. */
  readonly address: string;
  readonly zone: Zone;
  close(): Promise<void>;
};

const TYPES = { a: 1, srv: 33 };
const TTL_S = 1;

/** A DNS server on loopback (RFC 1035, RFC 2782), of A and SRV records. */
export async function startDnsServer(): Promise<DnsServer> {
  const zone: Zone = new Map();
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    socket.send(answerTo(query, zone), port, address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    zone,
    close: () =>
      new Promise((resolve) => {
        socket.close(resolve);
      }),
  };
}

function answerTo(query: Buffer, zone: Zone): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const known = zone.get(labels.join(".").toLowerCase());
  const data =
    type === TYPES.a
      ? (known?.a ?? []).map((address) => Buffer.from(address.split(".").map(Number)))
      : type === TYPES.srv
        ? (known?.srv ?? []).map(({ target, port }) =>
            Buffer.concat([shorts(0, 1, port), nameOf(target)]),
          )
        : [];
  const NO_SUCH_NAME = 3;
  const header = Buffer.concat([
    query.subarray(0, 2),
    shorts(0x8580 | (known ? 0 : NO_SUCH_NAME), 1, data.length, 0, 0),
  ]);
  // 0xc00c points to the question's name.
  const records = data.map((one) =>
    Buffer.concat([shorts(0xc00c, type, 1, 0, TTL_S, one.length), one]),
  );
  return Buffer.concat([header, question, ...records]);
}

function shorts(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

function nameOf(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.of(label.length), label]),
    Buffer.of(0),
  ]);
}
