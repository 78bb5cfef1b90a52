import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { dataDirectory } from "../checkout.ts";
import { Problem } from "../problem.ts";
import { layoutOf } from "../up/layout.ts";
import { readStackFile, type Stack } from "../up/stack-file.ts";
import { supervisorOf } from "../up/stack-lock.ts";
import { asAdmin, keyClients, type ClientFactory } from "./admin-session.ts";
import { problemFromCall } from "./call-problem.ts";

/** Flags that say which deployment is asked, and as whom. */
export type TargetFlags = { readonly data?: string; readonly url?: string; readonly key?: string };

/** Makes a client of a service of the deployment. */
export type Clients = <S extends DescService>(service: S) => Client<S>;

/**
 * Lets the work ask a deployment: the one in `--url` with the key in `--key`, or the stack that runs
 * here. To read, the stack's key is used; to manage, its admin is signed in for as long as the work takes.
 *
 * @throws Problem for everything that a person can act on
 */
export async function withDeployment<T>(
  flags: TargetFlags,
  purpose: "read" | "manage",
  work: (clients: Clients) => Promise<T>,
): Promise<T> {
  const key = flags.key ?? process.env["GWO_API_KEY"];
  const keySource = flags.key === undefined ? "GWO_API_KEY" : "--key";
  const given = flags.url ?? process.env["GWO_URL"];
  const stack = given === undefined ? runningStack(flags.data) : undefined;
  const url = (given ?? stack?.gatewayUrl ?? "").replace(/\/$/, "");
  const bound =
    (clientOf: ClientFactory): Clients =>
    (service) =>
      clientOf(service, url);
  try {
    if (key !== undefined) return await work(bound(keyClients(key)));
    if (stack === undefined)
      throw new Problem(
        `no API key was given for ${url}`,
        "Set GWO_API_KEY, or use --key gwo_…; the console makes keys.",
      );
    if (purpose === "read") return await work(bound(keyClients(stack.apiKey)));
    return await asAdmin(url, stack.admin, (clientOf) => work(bound(clientOf)));
  } catch (error) {
    const source = key === undefined ? "stack.json" : keySource;
    throw problemFromCall(error, { url, keySource: source, key: key ?? stack?.apiKey ?? "" });
  }
}

/** The stack that runs on a data directory. */
export function runningStack(data: string | undefined): Stack {
  const directory = dataDirectory(data);
  const stack = readStackFile(layoutOf(directory).stackFile);
  const runs = supervisorOf(directory) !== undefined;
  if (stack !== undefined && runs) return stack;
  throw new Problem(
    runs ? `the stack on ${directory} is still starting` : `no stack runs on ${directory}`,
    runs
      ? "Try again in a few seconds; gwo status tells how far it is."
      : "Start one: npm start, or gwo up --detach. Another deployment: --url URL --key gwo_…",
  );
}
