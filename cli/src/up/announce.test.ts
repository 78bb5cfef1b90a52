import { describe, expect, it } from "@jest/globals";
import { announce } from "./announce.ts";

const text = announce(
  {
    gatewayUrl: "http://127.0.0.1:8080",
    grpcUrl: "http://127.0.0.1:9090",
    consoleUrl: "http://127.0.0.1:8080",
    apiKey: "gwo_dev_SECRET",
    orgId: "o",
    teamId: "t",
    admin: { email: "admin@gatewayops.local", password: "pass-word" },
    postgresUrl: "",
    redisUrl: "",
    clickhouseUrl: "",
    processes: [],
  },
  { directory: "/tmp/it's here", seconds: 4.26, detached: true },
);

describe("announce", () => {
  it("tells login and key", () => {
    for (const part of ["ready (4.3 s)", "admin@gatewayops.local", "pass-word", "gwo_dev_SECRET"])
      expect(text).toContain(part);
  });

  it("gives lines to paste for curl, MCP Inspector and Claude Code", () => {
    const bearer = '"Authorization: Bearer gwo_dev_SECRET"';
    const lines = text.split("\n").map((line) => line.trim());
    expect(lines).toContain(
      `curl -s http://127.0.0.1:8080/v1/mcp/everything/tools/call -H ${bearer} -H "Content-Type: application/json" -d '{"tool":"echo","arguments":{"message":"hello"}}'`,
    );
    expect(lines).toContain(
      `npx @modelcontextprotocol/inspector --cli http://127.0.0.1:8080/v1/mcp/everything --transport http --header ${bearer} --method tools/list`,
    );
    expect(lines).toContain(
      `claude mcp add --transport http everything http://127.0.0.1:8080/v1/mcp/everything --header ${bearer}`,
    );
  });

  it("quotes a directory for the shell", () => {
    expect(text).toContain(`gwo down --data '/tmp/it'\\''s here'`);
  });
});
