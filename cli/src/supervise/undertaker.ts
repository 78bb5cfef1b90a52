import { livingChildren, stopLeftovers } from "./children.ts";

/**
 * Stops what a killed supervisor leaves behind. It runs as a process of its own and reads its
 * standard input: a byte means that the supervisor ends in order, the end without one that it was
 * killed.
 */
const childrenFile = process.argv[2] ?? "";
let orderly = false;
process.stdin.on("data", () => {
  orderly = true;
});
process.stdin.on("end", () => {
  if (!orderly) void stopLeftovers(livingChildren(childrenFile));
});
for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => undefined);
