/**
 * One setting of a process: everything that is known of it in one place. `parse` turns the text of an environment
 * variable, or the value in config.yaml, into the typed value, or throws an Error that says what would be right.
 */
export type Setting<T> = {
  /** Environment variable. `{env}_FILE` names a file that holds the value. */
  readonly env: string;
  /** Path in config.yaml, for example "server.http_port". */
  readonly yaml?: string;
  /** Kind of value as documentation names it, for example "duration". */
  readonly kind: string;
  /** Value when nothing is given. Undefined: the setting is required. */
  readonly fallback: T | undefined;
  /** What it means, with bounds. */
  readonly doc: string;
  /** True when the value must not be shown. */
  readonly secret: boolean;
  readonly parse: (raw: unknown) => T;
};

type Common<T> = { env: string; yaml?: string; default?: T; doc: string; secret?: boolean };

export function stringSetting(spec: Common<string> & { pattern?: RegExp }): Setting<string> {
  return make(spec, "text", (raw) => {
    if (typeof raw !== "string" && typeof raw !== "number") throw new Error("must be text");
    const text = String(raw);
    if (spec.pattern && !spec.pattern.test(text))
      throw new Error(`must match ${spec.pattern.source}`);
    return text;
  });
}

export function urlSetting(
  spec: Common<string> & { protocols: readonly string[] },
): Setting<string> {
  return make(spec, "URL", (raw) => {
    if (typeof raw === "string" && raw === "" && spec.default === "") return raw;
    const url = typeof raw === "string" && URL.canParse(raw) ? new URL(raw) : undefined;
    if (!url || !spec.protocols.includes(url.protocol.slice(0, -1)))
      throw new Error(
        `must be a URL that begins with ${spec.protocols.map((p) => `${p}://`).join(" or ")}`,
      );
    return String(raw);
  });
}

export function integerSetting(
  spec: Common<number> & { min: number; max: number },
): Setting<number> {
  return make(spec, `integer ${spec.min}–${spec.max}`, (raw) => {
    const value = toNumber(raw);
    if (!Number.isInteger(value) || value < spec.min || value > spec.max)
      throw new Error(`must be a whole number from ${spec.min} to ${spec.max}`);
    return value;
  });
}

export function fractionSetting(spec: Common<number>): Setting<number> {
  return make(spec, "number 0–1", (raw) => {
    const value = toNumber(raw);
    if (!(value >= 0 && value <= 1)) throw new Error("must be a number from 0 to 1");
    return value;
  });
}

export function booleanSetting(spec: Common<boolean>): Setting<boolean> {
  return make(spec, "true or false", (raw) => {
    if (raw === true || raw === "true" || raw === "1") return true;
    if (raw === false || raw === "false" || raw === "0") return false;
    throw new Error("must be true or false");
  });
}

export function choiceSetting<const T extends string>(
  spec: Common<T> & { choices: readonly T[] },
): Setting<T> {
  return make(spec, spec.choices.join(" | "), (raw) => {
    const found = spec.choices.find((choice) => choice === raw);
    if (found === undefined) throw new Error(`must be one of ${spec.choices.join(", ")}`);
    return found;
  });
}

/** Milliseconds, written as "250ms", "30s", "5m", "8h" or "30d". Default and bounds in milliseconds. */
export function durationSetting(
  spec: Common<number> & { min: number; max: number },
): Setting<number> {
  return make(spec, "duration", (raw) => {
    const match = typeof raw === "string" ? /^(\d+)(ms|s|m|h|d)$/.exec(raw) : null;
    const unit = match?.[2] as keyof typeof DURATIONS | undefined;
    const value = match && unit ? Number(match[1]) * DURATIONS[unit] : Number.NaN;
    if (!(value >= spec.min && value <= spec.max))
      throw new Error(
        `must be a duration such as 250ms, 30s or 5m, from ${spec.min} ms to ${spec.max} ms`,
      );
    return value;
  });
}

/** Bytes, written as "512KB", "10MB" or "1GB" (powers of 1024), or a plain number. */
export function bytesSetting(spec: Common<number> & { min: number; max: number }): Setting<number> {
  return make(spec, "size", (raw) => {
    const match = /^(\d+)(B|KB|MB|GB)?$/.exec(String(raw));
    const unit = (match?.[2] ?? "B") as keyof typeof SIZES;
    const value = match ? Number(match[1]) * SIZES[unit] : Number.NaN;
    if (!(value >= spec.min && value <= spec.max))
      throw new Error(
        `must be a size such as 512KB or 10MB, from ${spec.min} to ${spec.max} bytes`,
      );
    return value;
  });
}

const DURATIONS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

function make<T>(spec: Common<T>, kind: string, parse: (raw: unknown) => T): Setting<T> {
  return {
    env: spec.env,
    ...(spec.yaml === undefined ? {} : { yaml: spec.yaml }),
    kind,
    fallback: spec.default,
    doc: spec.doc,
    secret: spec.secret ?? false,
    parse,
  };
}

function toNumber(raw: unknown): number {
  if (typeof raw === "number") return raw;
  return typeof raw === "string" && raw.trim() !== "" ? Number(raw) : Number.NaN;
}
