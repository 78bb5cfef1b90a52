import { invalidRequest, type FieldProblem } from "@gatewayops/platform/errors";

/** How requests to a server are checked, changed and repeated. */
export type ServerSettings = {
  readonly validateArguments: "off" | "observe" | "enforce";
  /** In the order in which they are made. */
  readonly transformations: readonly Transformation[];
  /** Patterns of tools that may be called again. */
  readonly idempotentTools: readonly string[];
};

/** A change to requests on their way to a server. */
export type Transformation = {
  readonly target: "argument" | "header";
  readonly action: "set" | "rename" | "remove" | "default";
  /** JSON pointer of an argument, or name of a header in lower case. */
  readonly name: string;
  /** Of rename; empty otherwise. */
  readonly newName: string;
  /** Of set and default: JSON of an argument, text of a header. Empty otherwise. */
  readonly value: string;
  /** Patterns of tools. None: all. */
  readonly tools: readonly string[];
};

export const NO_SETTINGS: ServerSettings = {
  validateArguments: "off",
  transformations: [],
  idempotentTools: [],
};

/**
 * Admits settings from outside.
 *
 * @throws Failure REQUEST_INVALID that says what is wrong with which transformation
 */
export function requireSettings(settings: ServerSettings): ServerSettings {
  const problems = settings.transformations.flatMap((transformation, index) =>
    problemsOf(transformation).map(({ field, message }) => ({
      field: `settings.transformations[${index}].${field}`,
      message,
    })),
  );
  if (problems.length > 0) throw invalidRequest(problems);
  return settings;
}

function problemsOf(transformation: Transformation): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { target, action, name, newName, value } = transformation;
  const nameProblem = target === "argument" ? pointerProblem(name) : headerProblem(name);
  if (nameProblem !== undefined) problems.push({ field: "name", message: nameProblem });
  if (action === "rename") {
    const problem = target === "argument" ? memberProblem(newName) : headerProblem(newName);
    if (problem !== undefined) problems.push({ field: "new_name", message: problem });
  } else if (newName !== "") {
    problems.push({ field: "new_name", message: "is for rename only; leave it out" });
  }
  if (action === "set" || action === "default") {
    const problem = target === "argument" ? jsonProblem(value) : headerValueProblem(value);
    if (problem !== undefined) problems.push({ field: "value", message: problem });
  } else if (value !== "") {
    problems.push({ field: "value", message: "is for set and default only; leave it out" });
  }
  return problems;
}

function pointerProblem(pointer: string): string | undefined {
  // RFC 6901 §3. The empty pointer is the arguments as a whole, which are no argument.
  return /^(\/([^~/]|~[01])*)+$/.test(pointer)
    ? undefined
    : 'must be a JSON pointer that begins with "/", for example "/options/limit"';
}

function memberProblem(name: string): string | undefined {
  return name === "" ? "must not be empty" : undefined;
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return 'must be JSON, for example "\\"en\\"" or "10"'; // The parser's words quote the value.
  }
}

function headerProblem(name: string): string | undefined {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
    return "must be the name of a header (RFC 9110 §5.1)";
  const kept = KEPT_HEADERS.find(({ names }) => names.test(name));
  return kept && `cannot be changed: ${kept.why}`;
}

function headerValueProblem(value: string): string | undefined {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)
    ? undefined
    : "must be printable ASCII without spaces at its ends (RFC 9110 §5.5)";
}

const KEPT_HEADERS: readonly { readonly names: RegExp; readonly why: string }[] = [
  {
    names: /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect)$/,
    why: "it belongs to the connection, which is the gateway's own",
  },
  {
    names: /^(host|content-.*|accept|accept-encoding)$/,
    why: "it says how the message is sent and read, and a wrong one breaks every request",
  },
  {
    names: /^mcp-.*$/,
    why: "it must agree with the message (MCP 2026-07-28 basic/transports/streamable-http)",
  },
  {
    names: /^(last-event-id|traceparent|x-gwo-.*)$/,
    why: "the gateway writes it itself",
  },
  {
    names: /^(authorization|proxy-authorization|cookie)$/,
    why: "settings are shown to everyone who may see servers, and credentials must not be",
  },
];
