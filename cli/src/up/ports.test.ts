import { describe, expect, it } from "@jest/globals";
import { planPorts, PORT_NAMES, portMemoryFrom, type PortMemory } from "./ports.ts";

/** Plans with some ports taken; candidates count up from 20000. */
function plan(options: {
  mode?: "default" | "auto";
  memory?: PortMemory;
  taken?: readonly number[];
}): ReturnType<typeof planPorts> {
  let next = 20_000;
  return planPorts({
    mode: options.mode,
    memory: options.memory,
    isFree: (port) => Promise.resolve(options.taken?.includes(port) !== true),
    candidate: () => next++,
  });
}

async function chosen(options: Parameters<typeof plan>[0]): Promise<PortMemory> {
  const result = await plan(options);
  if (result.kind !== "chosen") throw new Error("ports were taken");
  return result.memory;
}

describe("planPorts", () => {
  it("gives services and gateway the documented ports and engines free ones", async () => {
    const { mode, ports } = await chosen({});
    expect(mode).toBe("default");
    expect(ports).toMatchObject({ gateway: 8080, "gateway-grpc": 9090, "svc-trace": 8083 });
    expect(ports.postgres).toBeGreaterThanOrEqual(20_000);
  });

  it("names every documented port that somebody else has", async () => {
    expect(await plan({ taken: [8080, 9092] })).toEqual({
      kind: "taken",
      taken: [
        { name: "gateway", port: 8080 },
        { name: "svc-cost-grpc", port: 9092 },
      ],
    });
  });

  it("chooses a different free port for everything in mode auto", async () => {
    const { ports } = await chosen({ mode: "auto", taken: [20_000, 20_003] });
    const numbers = Object.values(ports);
    expect(numbers).toHaveLength(PORT_NAMES.length);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers).not.toContain(20_003);
  });

  it("chooses again what it chose before, mode included", async () => {
    const first = await chosen({ mode: "auto" });
    const memory = { mode: "auto", ports: { ...first.ports, gateway: 31_337 } } as const;
    expect(await chosen({ memory })).toEqual(memory);
  });

  it("replaces a remembered port that somebody took in the meantime", async () => {
    const memory = { mode: "auto", ports: { redis: 31_000 } } as const;
    expect((await chosen({ memory, taken: [31_000] })).ports.redis).not.toBe(31_000);
  });

  it("forgets the ports of the other mode", async () => {
    const memory = { mode: "auto", ports: { redis: 31_000 } } as const;
    expect((await chosen({ mode: "default", memory })).ports.redis).not.toBe(31_000);
  });
});

describe("portMemoryFrom", () => {
  it("reads what was written", async () => {
    const memory = await chosen({ mode: "auto" });
    expect(portMemoryFrom(JSON.parse(JSON.stringify(memory)))).toEqual(memory);
  });

  it("takes nothing from files that hold something else", () => {
    expect(portMemoryFrom(undefined)).toBeUndefined();
    expect(portMemoryFrom({ mode: "sometimes", ports: {} })).toBeUndefined();
    expect(portMemoryFrom({ mode: "auto" })).toBeUndefined();
    expect(portMemoryFrom({ mode: "auto", ports: { gateway: "x", other: 1 } })).toEqual({
      mode: "auto",
      ports: {},
    });
  });
});
