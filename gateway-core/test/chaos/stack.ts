import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The running stack, as `gwo up` describes it in stack.json. */
export type Stack = {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly orgId: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly clickhouseUrl: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
};

/** A stack of its own, on free ports and in a temporary directory. */
export type OwnStack = {
  /** The stack.json that describes it. */
  readonly file: string;
  /** The stack as it is now: pids change when a process is started again. */
  read(): Stack;
  stop(): Promise<void>;
};

const GWO = new URL("../../../cli/bin/gwo.mjs", import.meta.url).pathname;

/** Starts a stack for what the name says: it is part of the directory's name. */
export async function startOwnStack(name: string): Promise<OwnStack> {
  const data = mkdtempSync(join(tmpdir(), `gatewayops-${name}-`));
  await run(["up", "--detach", "--ports", "auto", "--data", data]);
  const file = join(data, "stack.json");
  return {
    file,
    read: () => JSON.parse(readFileSync(file, "utf8")) as Stack,
    async stop() {
      await run(["down", "--data", data]);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Signs in as the admin, and calls the control plane as it. */
export async function signIn(stack: Stack): Promise<(path: string, body: object) => Promise<void>> {
  const answer = await fetch(`${stack.gatewayUrl}/v1/auth/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(stack.admin),
  });
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return async (path, body) => {
    const made = await fetch(stack.gatewayUrl + path, {
      method: "POST",
      headers: { "content-type": "application/json", cookie, "sec-fetch-site": "same-origin" },
      body: JSON.stringify(body),
    });
    if (!made.ok) throw new Error(`POST ${path}: ${made.status} ${await made.text()}`);
  };
}

async function run(args: string[]): Promise<void> {
  const child = spawn(process.execPath, [GWO, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  if (code !== 0) throw new Error(`gwo ${args[0] ?? ""} ended with ${code ?? "a signal"}`);
}
