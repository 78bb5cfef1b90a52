/** How ports are chosen: the documented ones, or free ones. */
export type PortMode = "default" | "auto";

/** Everything of the stack that listens. */
export const PORT_NAMES = [
  "gateway",
  "gateway-grpc",
  "svc-auth",
  "svc-auth-grpc",
  "svc-cost",
  "svc-cost-grpc",
  "svc-trace",
  "svc-trace-grpc",
  "mcp-everything",
  "postgres",
  "redis",
  "clickhouse",
] as const;

export type PortName = (typeof PORT_NAMES)[number];
export type Ports = Readonly<Record<PortName, number>>;

/** What ports.json holds: the choice of the last start. */
export type PortMemory = { readonly mode: PortMode; readonly ports: Partial<Ports> };

const DEFAULTS: Partial<Record<PortName, number>> = {
  gateway: 8080,
  "gateway-grpc": 9090,
  "svc-auth": 8081,
  "svc-auth-grpc": 9091,
  "svc-cost": 8082,
  "svc-cost-grpc": 9092,
  "svc-trace": 8083,
  "svc-trace-grpc": 9093,
};

/** A documented port that somebody else has. */
export type TakenPort = { readonly name: PortName; readonly port: number };

export type PortPlan =
  | { readonly kind: "chosen"; readonly memory: PortMemory & { readonly ports: Ports } }
  | { readonly kind: "taken"; readonly taken: readonly TakenPort[] };

/**
 * Chooses a port for everything.
 *
 * Documented ports must be free. Free-chosen ones are those of the last start while they are still
 * free, so that URLs people noted down go on working.
 */
export async function planPorts(options: {
  /** Undefined: as at the last start, or the documented ones. */
  readonly mode: PortMode | undefined;
  readonly memory: PortMemory | undefined;
  readonly isFree: (port: number) => Promise<boolean>;
  /** A port that may be free, different at each call. */
  readonly candidate: () => number;
}): Promise<PortPlan> {
  const mode = options.mode ?? options.memory?.mode ?? "default";
  const remembered = mode === options.memory?.mode ? options.memory.ports : {};
  const used = new Set<number>();
  const ports: Partial<Record<PortName, number>> = {};
  const taken: TakenPort[] = [];
  for (const name of PORT_NAMES) {
    const fixed = mode === "default" ? DEFAULTS[name] : undefined;
    if (fixed !== undefined && !(await options.isFree(fixed))) taken.push({ name, port: fixed });
    const port = fixed ?? (await freePort(remembered[name]));
    used.add(port);
    ports[name] = port;
  }
  if (taken.length > 0) return { kind: "taken", taken };
  return { kind: "chosen", memory: { mode, ports: ports as Ports } };

  async function freePort(wanted: number | undefined): Promise<number> {
    if (wanted !== undefined && !used.has(wanted) && (await options.isFree(wanted))) return wanted;
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const port = options.candidate();
      if (!used.has(port) && (await options.isFree(port))) return port;
    }
    throw new Error("no free port was found on 127.0.0.1");
  }
}

/** The remembered choice in a parsed ports.json; undefined when it holds none. */
export function portMemoryFrom(value: unknown): PortMemory | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { mode, ports } = value as { mode?: unknown; ports?: Record<string, unknown> };
  if ((mode !== "default" && mode !== "auto") || typeof ports !== "object") return undefined;
  const known = PORT_NAMES.filter((name) => Number.isInteger(ports[name]));
  return { mode, ports: Object.fromEntries(known.map((name) => [name, ports[name]])) };
}
