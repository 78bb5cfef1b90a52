import { inspect } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { Secret } from "./secret.ts";

describe("Secret", () => {
  it("shows itself to nobody who does not ask", () => {
    const secret = new Secret("hunter2");
    const lines: string[] = [];
    createLogger({
      service: "t",
      level: "info",
      format: "json",
      maskSensitive: false,
      write: (line) => lines.push(line),
    }).info({ secretly: secret, deep: { er: [secret] } }, `and ${String(secret)}`);
    const shown = [JSON.stringify({ secret }), inspect({ secret }), String(secret), ...lines];
    for (const text of shown) {
      expect(text).not.toContain("hunter2");
      expect(text).toContain("[secret]");
    }
    expect(secret.reveal()).toBe("hunter2");
  });
});
