// Loaded into every process of a stack by --import, and asleep in all but the gateway's workers. There SIGUSR2 begins
// a CPU profile, and the next one ends it and writes it to BENCH_PROFILE_DIR.
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";

/** Microseconds between two samples. */
const INTERVAL_US = 200;

const directory = process.env["BENCH_PROFILE_DIR"];
if (directory !== undefined && process.env["GWO_INTERNAL_WORKER"] !== undefined)
  profileOnSignal(directory);

function profileOnSignal(into: string): void {
  let session: Session | undefined;
  process.on("SIGUSR2", () => {
    if (session === undefined) {
      session = new Session();
      void begin(session);
    } else {
      const running = session;
      session = undefined;
      void end(running, into);
    }
  });
}

async function begin(session: Session): Promise<void> {
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
  await session.post("Profiler.start");
}

async function end(session: Session, into: string): Promise<void> {
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  const file = join(into, `worker-${process.pid}.cpuprofile`);
  writeFileSync(`${file}.new`, JSON.stringify(profile));
  renameSync(`${file}.new`, file);
}
