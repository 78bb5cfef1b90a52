import {
  dereference,
  validate,
  type OutputUnit,
  type Schema,
  type SchemaDraft,
} from "@cfworker/json-schema";
import { boundedSchema, isTooLarge } from "./bounded-schema.ts";
import { costOfCheck } from "./check-cost.ts";

/** What came of a check. Problems quote no value: they go into messages, and arguments may hold secrets. */
export type ArgumentCheck =
  | { readonly kind: "valid" }
  | { readonly kind: "invalid"; readonly problems: readonly ArgumentProblem[] }
  /** The tool's schema cannot be used, so nothing was checked. */
  | { readonly kind: "unusable" };

export type ArgumentProblem = {
  /** JSON pointer (RFC 6901) into the arguments; empty for all of them. */
  readonly pointer: string;
  readonly message: string;
};

/** A tool's schema with the hash of the definition it stands in. */
export type ToolSchema = { readonly hash: string; readonly inputSchema: Buffer };

export type ArgumentValidator = {
  /** @param args parsed; undefined when the call has none, which counts as an empty object */
  check(schema: ToolSchema, args: unknown): ArgumentCheck;
};

export type ArgumentValidatorOptions = {
  /** Schemas that are kept in memory; the ones not used for longest go first. */
  readonly schemasMax: number;
  /** Told once of each schema that cannot be used, as long as it is remembered. */
  readonly onUnusable: (hash: string, problem: string) => void;
};

const PROBLEMS_MAX = 5;
/** Errors that are read for problems. */
const ERRORS_MAX = 1_000;
const ARGUMENTS_MAX_NODES = 5_000;
const POINTER_MAX = 256;

/**
 * Interprets schemas: code made of a schema from outside would be code from outside. Nothing is fetched.
 *
 * Whether a check ends soon is told before it begins: arguments that would take too long count as invalid, since what is
 * too costly for one schema is a matter of the arguments, and passing them would let an agent evade the check.
 */
export function createArgumentValidator(options: ArgumentValidatorOptions): ArgumentValidator {
  const compiled = new Map<string, Compiled | undefined>();
  return {
    check(schema, args = {}) {
      const usable = compile(schema);
      if (!usable) return { kind: "unusable" };
      if (isTooLarge(args, ARGUMENTS_MAX_NODES)) return invalid("are too large to be checked");
      try {
        if (costOfCheck(usable, args) === undefined) return invalid("take too long to be checked");
        const { valid, errors } = validate(args, usable.schema, usable.draft, usable.lookup, false);
        return valid ? { kind: "valid" } : { kind: "invalid", problems: problemsFrom(errors) };
      } catch (error) {
        // More errors than fit on the stack, or a property's name with half a surrogate pair: of the arguments, not of
        // the schema, which must stay in use.
        if (error instanceof RangeError || error instanceof URIError)
          return invalid("cannot be checked");
        // A reference that leads nowhere or in circles, or a keyword of the wrong type.
        return unusable(schema.hash, "it cannot be followed");
      }
    },
  };

  function compile({ hash, inputSchema }: ToolSchema): Compiled | undefined {
    if (compiled.has(hash)) {
      const known = compiled.get(hash);
      compiled.delete(hash);
      compiled.set(hash, known);
      return known;
    }
    const bounded = boundedSchema(inputSchema);
    if (bounded.problem !== undefined) {
      unusable(hash, bounded.problem);
      return undefined;
    }
    try {
      const { schema, draft } = bounded;
      keep(hash, { schema, draft, lookup: dereference(schema) });
    } catch {
      unusable(hash, "its references cannot be read"); // An $id that is no URI, or one that stands twice.
    }
    return compiled.get(hash);
  }

  function unusable(hash: string, problem: string): ArgumentCheck {
    keep(hash, undefined);
    options.onUnusable(hash, problem);
    return { kind: "unusable" };
  }

  function keep(hash: string, value: Compiled | undefined): void {
    compiled.set(hash, value);
    const oldest = compiled.keys().next();
    if (compiled.size > options.schemasMax && oldest.done === false) compiled.delete(oldest.value);
  }
}

type Compiled = {
  readonly schema: Schema;
  readonly draft: SchemaDraft;
  readonly lookup: Record<string, Schema | boolean>;
};

function invalid(message: string): ArgumentCheck {
  return { kind: "invalid", problems: [{ pointer: "", message }] };
}

/** The innermost problems: that a schema around them does not fit says nothing more. */
function problemsFrom(errors: readonly OutputUnit[]): ArgumentProblem[] {
  const problems = new Map<string, ArgumentProblem>();
  for (const { keyword, instanceLocation } of errors.slice(0, ERRORS_MAX)) {
    if (AROUND.has(keyword)) continue;
    const pointer = decodeURIComponentSafely(instanceLocation.slice(1, POINTER_MAX + 1));
    const message = WORDS.get(keyword) ?? "does not fit the schema";
    problems.set(`${pointer} ${message}`, { pointer, message });
    if (problems.size === PROBLEMS_MAX) break;
  }
  if (problems.size === 0) problems.set("", { pointer: "", message: "do not fit the schema" });
  return [...problems.values()];
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Cut within an escape.
  }
}

const AROUND: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "properties",
  "patternProperties",
  "items",
  "prefixItems",
  "additionalItems",
  "if",
  "dependentSchemas",
]);

const WORDS: ReadonlyMap<string, string> = new Map([
  ["type", "is of the wrong type"],
  ["enum", "is none of the values that are allowed"],
  ["const", "is not the value that is allowed"],
  ["required", "lacks a property that is required"],
  ["dependentRequired", "lacks a property that another one requires"],
  ["additionalProperties", "has a property that is not allowed"],
  ["unevaluatedProperties", "has a property that is not allowed"],
  ["propertyNames", "has a property of a name that is not allowed"],
  ["unevaluatedItems", "has an item that is not allowed"],
  ["false", "is not allowed"],
  ["not", "is what is not allowed"],
  ["anyOf", "fits none of the forms that are allowed"],
  ["oneOf", "does not fit exactly one of the forms that are allowed"],
  ["pattern", "does not fit the pattern"],
  ["minLength", "is too short"],
  ["maxLength", "is too long"],
  ["minimum", "is too small"],
  ["exclusiveMinimum", "is too small"],
  ["maximum", "is too large"],
  ["exclusiveMaximum", "is too large"],
  ["multipleOf", "is no multiple of what is asked for"],
  ["minItems", "has too few items"],
  ["maxItems", "has too many items"],
  ["uniqueItems", "has an item twice"],
  ["contains", "lacks an item that is required"],
  ["minContains", "lacks an item that is required"],
  ["maxContains", "has too many items of a kind"],
  ["minProperties", "has too few properties"],
  ["maxProperties", "has too many properties"],
]);
