/** What is read of a .cpuprofile. */
export type CpuProfile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** From 0. */
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
};

/** Time spent in a function itself. */
export type SelfTime = {
  readonly name: string;
  /** File, without line; "" for what is no function, such as the garbage collector. */
  readonly file: string;
  /** From 1; 0 for none. */
  readonly line: number;
  /** Part of the time in which the thread did something, 0 to 1. */
  readonly share: number;
};

/** Time in which the thread waits for work. */
const IDLE = new Set(["(idle)", "(root)"]);

/** Self time by function over several profiles, most first. */
export function selfTimes(profiles: readonly CpuProfile[]): SelfTime[] {
  const sums = new Map<string, { name: string; file: string; line: number; us: number }>();
  let busyUs = 0;
  for (const { nodes, samples, timeDeltas } of profiles) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    samples.forEach((id, index) => {
      const frame = frames.get(id);
      // A sample stands for the time until the next one.
      const us = timeDeltas[index + 1] ?? 0;
      if (frame === undefined || IDLE.has(frame.functionName)) return;
      busyUs += us;
      const key = `${frame.functionName} ${frame.url}:${frame.lineNumber}`;
      const sum = sums.get(key);
      if (sum) sum.us += us;
      else
        sums.set(key, {
          name: frame.functionName || "(anonymous)",
          file: frame.url,
          line: frame.url === "" ? 0 : frame.lineNumber + 1,
          us,
        });
    });
  }
  return [...sums.values()]
    .map(({ us, ...where }) => ({ ...where, share: us / busyUs }))
    .sort((a, b) => b.share - a.share);
}

/** The same by where the code comes from: a package, a folder of the checkout, a module of Node. */
export function sharesByOrigin(times: readonly SelfTime[]): { origin: string; share: number }[] {
  const shares = new Map<string, number>();
  for (const { name, file, share } of times) {
    const origin = file === "" ? name : originOf(file);
    shares.set(origin, (shares.get(origin) ?? 0) + share);
  }
  return [...shares]
    .map(([origin, share]) => ({ origin, share }))
    .sort((a, b) => b.share - a.share);
}

/** "node_modules/undici", "gateway-core/src/events", "node:internal/streams". */
export function originOf(file: string): string {
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(file)?.[1];
  if (inPackage !== undefined) return `node_modules/${inPackage}`;
  if (file.startsWith("node:")) return file;
  const path = shortPath(file);
  return path.slice(0, path.lastIndexOf("/"));
}

/** A file's path in the checkout. */
export function shortPath(file: string): string {
  const path = file.replace(/^file:\/\//, "");
  const root = import.meta.dirname.replace(/bench\/src$/, "");
  return path.startsWith(root) ? path.slice(root.length) : path;
}
