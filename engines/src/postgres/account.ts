import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { onPath } from "../debian.ts";
import { EngineError } from "../engine.ts";

/**
 * How PostgreSQL is run when we are root, which it refuses to be: as an account of this machine
 * that already exists. Undefined for anybody else, who runs it as himself.
 */
export type Account = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The command line that runs `file` with `args` as this account. */
  command(file: string, args: readonly string[]): CommandLine;
};

export type CommandLine = {
  readonly file: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
};

const CANDIDATES = ["postgres", "nobody"];

/**
 * Chooses the account for a server that must reach `paths`.
 *
 * Where a directory above one of them is closed to others (a checkout below /root), the server gets
 * one capability in addition, to pass directories and read files without being asked for
 * permission; no directory's mode is touched. PostgreSQL itself needs a user that the system knows
 * by name, so an unused number will not do.
 *
 * @throws EngineError when no account exists or the paths cannot be made reachable.
 */
export function chooseAccount(paths: readonly string[]): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const account = CANDIDATES.map(lookUp).find((found) => found !== undefined);
  if (account === undefined) {
    throw new EngineError(
      `PostgreSQL does not run as root, and this machine has no account ${CANDIDATES.join(" or ")}`,
      "Start as an ordinary user, or set GWO_POSTGRES_URL to a PostgreSQL server.",
    );
  }
  const closed = paths.flatMap((path) => ancestorsOf(path)).find((path) => !mayPass(path, account));
  if (closed === undefined) {
    return {
      ...account,
      command: (file, args) => ({ file, args, uid: account.uid, gid: account.gid }),
    };
  }
  const setpriv = onPath("setpriv");
  const capability = passingCapability();
  if (setpriv === undefined || capability === undefined) {
    throw new EngineError(
      `PostgreSQL does not run as root, and account ${account.name} may not enter ${closed}`,
      "Start as an ordinary user, or move the checkout and the data (--data DIR) out of it, " +
        "for example to /srv.",
    );
  }
  return {
    ...account,
    command: (file, args) => ({
      file: setpriv,
      args: [
        ...[`--reuid=${String(account.uid)}`, `--regid=${String(account.gid)}`, "--clear-groups"],
        ...[`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`],
        // initdb looks for its programs with access(2), which otherwise asks what the account could do without it.
        "--securebits=+no_setuid_fixup",
        ...["--", file, ...args],
      ],
    }),
  };
}

type AccountIds = { readonly name: string; readonly uid: number; readonly gid: number };

function lookUp(name: string): AccountIds | undefined {
  let users = "";
  try {
    users = readFileSync("/etc/passwd", "utf8");
  } catch {
    // A machine without the file has no account we could name.
  }
  const fields = users
    .split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":");
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  return Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 ? { name, uid, gid } : undefined;
}

function ancestorsOf(path: string): string[] {
  const parent = dirname(resolve(path));
  return parent === resolve(path) ? [parent] : [...ancestorsOf(parent), parent];
}

function mayPass(directory: string, account: AccountIds): boolean {
  const { uid, gid, mode } = statSync(directory);
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** The weakest capability of this process that opens closed directories. */
function passingCapability(): string | undefined {
  let status: string;
  try {
    status = readFileSync("/proc/self/status", "utf8");
  } catch {
    // Not Linux.
    return undefined;
  }
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  // capability.h: CAP_DAC_READ_SEARCH is bit 2, CAP_DAC_OVERRIDE (which also writes) is bit 1.
  if ((bounding & 4n) !== 0n) return "dac_read_search";
  return (bounding & 2n) === 0n ? undefined : "dac_override";
}
