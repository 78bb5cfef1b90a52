import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageFile } from "../checkout.ts";
import type { Layout } from "./layout.ts";

/** Writes the operator's configuration and the sample folder when there are none. Later starts leave them alone. */
export function prepareOperatorFiles(layout: Layout): void {
  if (!existsSync(layout.sampleFiles)) {
    mkdirSync(layout.sampleFiles, { recursive: true });
    for (const [name, text] of Object.entries(SAMPLES))
      writeFileSync(join(layout.sampleFiles, name), text);
  }
  if (existsSync(layout.configFile)) return;
  const program = packageFile("@modelcontextprotocol/server-filesystem/dist/index.js");
  writeFileSync(layout.configFile, operatorConfig({ program, folder: layout.sampleFiles }), {
    mode: 0o600,
  });
}

/** The text of a first config.yaml. */
export function operatorConfig(filesystem: {
  readonly program: string;
  readonly folder: string;
}): string {
  return `# The operator's configuration of this gateway. Read at start; change it and restart.
# Everything commented out is the default. An unknown key is refused at start, by name.
#
# Secrets need not be written here: "\${NAME}" is replaced by an environment variable.

# rate_limiting:
#   enabled: true
#   default_rps: 100     # of a key that has no limit of its own
#   burst_size: 50

# logging:
#   level: "info"
#   format: "json"
#   mask_sensitive: true

mcp_servers:
  # default_timeout: 30s
  # max_retries: 3
  # circuit_breaker:
  #   threshold: 5
  #   timeout: 30s

  # Servers that run as processes on this host. Only this file can name a command: an API that took
  # one would run anybody's code. Such a server is registered with the URL "stdio:NAME".
  stdio:
    filesystem:
      command: node
      args:
        - ${JSON.stringify(filesystem.program)}
        - ${JSON.stringify(filesystem.folder)}
`;
}

const SAMPLES: Readonly<Record<string, string>> = {
  "welcome.md": `# Welcome

This folder is what the MCP server "filesystem" of the demo can reach, and nothing else.
Ask your agent to list it, to read a file, or to write a new one.
`,
  "orders.csv": `order,customer,amount_usd
1001,Ada,12.50
1002,Grace,99.00
1003,Edsger,7.25
`,
  "settings.json": `{ "theme": "dark", "retries": 3 }
`,
};
