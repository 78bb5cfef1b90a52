import { pino, type Logger } from "pino";
import { maskText } from "./mask.ts";

export type { Logger } from "pino";

/** How a process logs. */
export type LogOptions = {
  /** Name of the process in `service`, for example "gateway". */
  readonly service: string;
  /** Least severe level that is written. */
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** "json": one object a line. "text": for people. */
  readonly format: "json" | "text";
  /** Masks card numbers, social security numbers, keys and e-mail addresses in every line. */
  readonly maskSensitive: boolean;
  /** Where lines go. Standard output when absent. */
  readonly write?: (line: string) => void;
};

/** Fields that may hold a secret: never written, whatever the settings. */
const SECRET_FIELDS = ["authorization", "cookie", "password", "secret", "apiKey", "key"];

/**
 * Makes the process's logger. Lines have the specification's fields: timestamp, level, message, service and, where
 * known, trace_id, request_id, org_id, user_id.
 */
export function createLogger(options: LogOptions): Logger {
  const sink = options.write ?? ((line: string) => void process.stdout.write(line));
  const shape = options.format === "text" ? toText : (line: string) => line;
  const mask = options.maskSensitive ? maskStrings : (line: string) => line;
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      messageKey: "message",
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `headers["${name}"]`]),
        censor: "[redacted]",
      },
    },
    {
      write: (line: string) => {
        sink(shape(mask(line)));
      },
    },
  );
}

/**
 * Masks the strings of a JSON line and nothing else: a time in microseconds looks like a card number, and a number
 * with stars in it is no JSON.
 */
function maskStrings(line: string): string {
  return line.replace(JSON_STRING, (text) => maskText(text));
}

const JSON_STRING = /"(?:[^"\\]|\\.)*"/g;

function toText(line: string): string {
  const { timestamp, level, message, service, ...rest } = JSON.parse(line) as Record<
    string,
    unknown
  >;
  const extra = Object.keys(rest).length === 0 ? "" : ` ${JSON.stringify(rest)}`;
  return `${String(timestamp)} ${String(level).toUpperCase().padEnd(5)} ${String(service)}: ${String(message)}${extra}\n`;
}
