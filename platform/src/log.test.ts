import { describe, expect, it } from "@jest/globals";
import { createLogger, type Logger, type LogOptions } from "./log.ts";

/** What a logger writes, line by line. */
function linesOf(options: Partial<LogOptions>, log: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  log(
    createLogger({
      service: "gateway",
      level: "info",
      format: "json",
      maskSensitive: true,
      write: (line) => lines.push(line),
      ...options,
    }),
  );
  return lines;
}

describe("createLogger", () => {
  it("writes one JSON object a line with the specification's fields", () => {
    const [line] = linesOf({}, (log) => log.info({ request_id: "req_1", org_id: "o" }, "served"));
    expect(line!.endsWith("\n")).toBe(true);
    const fields = JSON.parse(line!) as Record<string, string>;
    expect(fields).toMatchObject({
      level: "info",
      message: "served",
      service: "gateway",
      request_id: "req_1",
      org_id: "o",
    });
    expect(fields["timestamp"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("writes text for people when asked to", () => {
    const [line] = linesOf({ format: "text" }, (log) => log.warn({ pid: 5 }, "slow"));
    expect(line).toMatch(/^\d{4}-\S+Z WARN {2}gateway: slow \{"pid":5\}\n$/);
  });

  it("leaves out what is less severe than the level", () => {
    const all = (log: Logger): void => {
      log.debug("d");
      log.info("i");
      log.warn("w");
      log.error("e");
    };
    expect(linesOf({ level: "debug" }, all)).toHaveLength(4);
    expect(linesOf({ level: "warn" }, all)).toHaveLength(2);
    expect(linesOf({ level: "silent" }, all)).toHaveLength(0);
  });

  it("masks sensitive text wherever it stands, unless told not to", () => {
    const log = (logger: Logger): void =>
      logger.info({ err: new Error("no mail to jane@example.com") }, "card 4111 1111 1111 1234");
    expect(linesOf({}, log)[0]).not.toMatch(/jane@|4111/);
    expect(linesOf({ maskSensitive: false }, log)[0]).toMatch(/jane@example\.com/);
  });

  it("never writes fields that hold secrets, whatever the settings", () => {
    const [line] = linesOf({ maskSensitive: false }, (log) =>
      log.info(
        {
          password: "p-4711",
          authorization: "a-4711",
          request: { cookie: "c-4711", apiKey: "k-4711" },
          headers: { authorization: "h-4711" },
        },
        "x",
      ),
    );
    expect(line).not.toContain("4711");
    expect(line).toContain("[redacted]");
  });

  it("writes valid JSON when a number has as many digits as a card", () => {
    // Microseconds since 1970 have sixteen digits.
    const [line] = linesOf({}, (log) => log.info({ time_us: 1_795_444_200_000_000 }, "x"));
    expect(() => JSON.parse(line!) as unknown).not.toThrow();
  });

  it("writes text when a number has as many digits as a card", () => {
    const lines = linesOf({ format: "text" }, (log) =>
      log.info({ time_us: 1_795_444_200_000_000 }, "x"),
    );
    expect(lines).toHaveLength(1);
  });
});
