import { join } from "node:path";

/** Where everything lies in a data directory. */
export type Layout = {
  readonly directory: string;
  readonly stackFile: string;
  readonly secretsFile: string;
  readonly portsFile: string;
  readonly childrenFile: string;
  readonly demoFile: string;
  readonly configFile: string;
  readonly sampleFiles: string;
  readonly logs: string;
  readonly gateway: string;
  readonly workersFile: string;
};

export function layoutOf(directory: string): Layout {
  return {
    directory,
    stackFile: join(directory, "stack.json"),
    secretsFile: join(directory, "secrets.json"),
    portsFile: join(directory, "ports.json"),
    childrenFile: join(directory, "children.json"),
    demoFile: join(directory, "demo.json"),
    configFile: join(directory, "config.yaml"),
    sampleFiles: join(directory, "sample-files"),
    logs: join(directory, "logs"),
    gateway: join(directory, "gateway"),
    workersFile: join(directory, "gateway", "workers.json"),
  };
}

/** Log of a process or of a piece of work. */
export function logFileOf(layout: Layout, name: string): string {
  return join(layout.logs, `${name}.log`);
}
