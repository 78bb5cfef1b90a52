import { matchingSteps, type MatchingSteps } from "./linear-pattern.ts";

/** A schema as `dereference` of @cfworker/json-schema left it, and by their URIs all that it may refer to. */
export type ReferencedSchema = {
  readonly schema: unknown;
  readonly lookup: Readonly<Record<string, unknown>>;
};

/** What a check may cost. A cost is the nanoseconds that something takes when it goes badly; most takes a fraction. */
const CHECK_MAX_COST = 30_000_000;
/** Schemas within one another, over all levels of the arguments. */
const DEPTH_MAX = 256;
/** Schemas within one another that apply to the same value. */
const CHAIN_MAX = 64;

/** One schema is applied to one value. */
const VISIT = 600;
/** One keyword fails, and each schema around it copies the error. */
const ERROR = 400;
const ERROR_PER_LEVEL = 25;
/** One entry of `properties` and the like is looked up. */
const ENTRY = 300;
/** One property of a value is listed. */
const PROPERTY = 80;
/** One property or item is noted as evaluated, in each schema around it that applies to the same value. */
const CHILD = 800;
/** The same, for each other property of the object, in each schema around it that combines others. */
const CHILD_PER_SIBLING = 32;
/** One character of a property's name is escaped for pointers. */
const NAME_CHARACTER = 64;
const LENGTH_CHARACTER = 2;
const MULTIPLE_OF = 5_000;
/** A pattern is made, and is matched with one text. */
const PATTERN = 4_000;
const PATTERN_TEXT = 150;
const PATTERN_STEP = 4;
/** A pattern is compiled, once in a check: one character, and one class by a property of Unicode. */
const PATTERN_CHARACTER = 200;
const PATTERN_UNICODE_CLASS = 60_000;
/** One character of values that an error quotes. */
const QUOTED_CHARACTER = 4;

/**
 * What checking arguments costs at most, told before it is done; undefined when that is too much. The validator has no
 * bound of its own, and what it does with one schema and one value may grow with the square of either. So this goes all
 * the ways that the validator may go, and sums up what is to be done there.
 *
 * Throws when the check cannot be done: the schema applies more than 64 schemas to one value, one within another, as
 * when it goes in circles; or a keyword is of the wrong type.
 */
export function costOfCheck(
  { schema, lookup }: ReferencedSchema,
  args: unknown,
): number | undefined {
  const count = new CostCount(lookup);
  try {
    count.visit(schema, args, { depth: 0, chain: 0, layers: 0 });
    return count.sum;
  } catch (error) {
    if (error instanceof TooCostly) return undefined;
    throw error;
  }
}

class TooCostly extends Error {}

/** Where a schema is applied. */
type Place = {
  /** Schemas around it. */
  readonly depth: number;
  /** Those of them that apply to the same value. */
  readonly chain: number;
  /** Those of them that combine others: each keeps notes of what was evaluated. */
  readonly layers: number;
};

/** A keyword of a schema, and the value that the schema is applied to. */
type Keyword<Value> = {
  readonly schema: Json;
  readonly name: string;
  readonly inner: unknown;
  readonly value: Value;
  readonly place: Place;
};

type Json = Readonly<Record<string, unknown>>;

class CostCount {
  readonly #lookup: Readonly<Record<string, unknown>>;
  readonly #patterns = new Map<string, MatchingSteps>();
  readonly #properties = new Map<object, readonly string[]>();
  sum = 0;

  constructor(lookup: Readonly<Record<string, unknown>>) {
    this.#lookup = lookup;
  }

  visit(schema: unknown, value: unknown, place: Place): void {
    if (place.chain > CHAIN_MAX) throw new Error("the schema goes in circles");
    if (place.depth > DEPTH_MAX) throw new TooCostly();
    this.#spend(VISIT + errorCost(place));
    if (!isObject(schema)) return;
    const properties = isObject(value) ? this.#propertiesOf(value) : [];
    this.#spend(properties.length * PROPERTY);
    for (const [name, inner] of Object.entries(schema)) {
      this.#spend(errorCost(place));
      this.#onAny({ schema, name, inner, value, place });
      if (isObject(value)) this.#onObject({ schema, name, inner, value, place }, properties);
      else if (isList(value)) this.#onList({ schema, name, inner, value, place });
      else if (typeof value === "string") this.#onText({ schema, name, inner, value, place });
      else if (name === "multipleOf") this.#spend(MULTIPLE_OF);
    }
  }

  /** The names of an object's properties, listed once: many schemas may apply to it. */
  #propertiesOf(value: object): readonly string[] {
    const known = this.#properties.get(value);
    if (known) return known;
    const properties = Object.keys(value);
    this.#properties.set(value, properties);
    return properties;
  }

  #onAny({ schema, name, inner, value, place }: Keyword<unknown>): void {
    switch (name) {
      case "$ref": {
        // In a property that does not show the validator noted what this leads to. It takes anything for a text there,
        // and tells itself when that leads nowhere.
        const noted = schema["__absolute_ref__"];
        const target = this.#lookup[String(noted || inner)];
        if (target !== undefined) this.visit(target, value, within(place));
        return;
      }
      case "not":
      case "if":
      case "then":
      case "else":
        this.visit(inner, value, within(place));
        return;
      case "allOf":
      case "anyOf":
      case "oneOf":
        for (const one of listFrom(inner))
          this.visit(one, value, { ...within(place), layers: place.layers + 1 });
        return;
      case "enum":
        this.#compare(value, listFrom(inner).length);
        this.#spend(JSON.stringify(inner).length * QUOTED_CHARACTER);
        return;
      case "const":
        this.#compare(value, 1);
        this.#spend(JSON.stringify(inner).length * QUOTED_CHARACTER);
        return;
      case "type":
        if (isList(inner)) this.#spend(inner.length * ENTRY);
    }
  }

  #onObject(
    { schema, name, inner, value, place }: Keyword<Json>,
    properties: readonly string[],
  ): void {
    const visitChild = (one: unknown, property: string, child = value[property]) => {
      this.#spend(property.length * NAME_CHARACTER);
      this.#spend(properties.length * place.layers * CHILD_PER_SIBLING);
      this.#visitChild(one, child, place);
    };
    switch (name) {
      case "required":
        this.#spend(listFrom(inner).length * errorCost(place));
        return;
      case "dependentRequired":
        for (const [, one] of entriesFrom(inner))
          this.#spend(ENTRY + listFrom(one).length * errorCost(place));
        return;
      case "dependentSchemas":
      case "dependencies":
        for (const [property, one] of entriesFrom(inner)) {
          this.#spend(ENTRY);
          if (isList(one)) this.#spend(one.length * errorCost(place));
          else if (Object.hasOwn(value, property)) this.visit(one, value, within(place));
        }
        return;
      case "properties":
        for (const [property, one] of entriesFrom(inner)) {
          this.#spend(ENTRY);
          if (Object.hasOwn(value, property)) visitChild(one, property);
        }
        return;
      case "patternProperties":
        // Whether a name fits is not looked at: that is the work which is to be bounded.
        for (const [pattern, one] of entriesFrom(inner)) {
          this.#match(pattern, properties);
          for (const property of properties) visitChild(one, property);
        }
        return;
      case "additionalProperties":
      case "unevaluatedProperties": {
        const known = isObject(schema["properties"]) ? schema["properties"] : {};
        for (const property of properties)
          if (!Object.hasOwn(known, property)) visitChild(inner, property);
        return;
      }
      case "propertyNames":
        for (const property of properties) visitChild(inner, property, property);
    }
  }

  #onList({ schema, name, inner, value, place }: Keyword<readonly unknown[]>): void {
    const visitChildren = (children: readonly unknown[], schemaAt: (index: number) => unknown) => {
      for (const [index, child] of children.entries())
        this.#visitChild(schemaAt(index), child, place);
    };
    switch (name) {
      case "prefixItems": {
        const schemas = listFrom(inner);
        visitChildren(value.slice(0, schemas.length), (index) => schemas[index]);
        return;
      }
      case "items":
        if (isList(inner)) visitChildren(value.slice(0, inner.length), (index) => inner[index]);
        else visitChildren(value.slice(listFrom(schema["prefixItems"]).length), () => inner);
        return;
      case "additionalItems":
        if (isList(schema["items"]))
          visitChildren(value.slice(schema["items"].length), () => inner);
        return;
      case "contains":
      case "unevaluatedItems":
        visitChildren(value, () => inner);
        return;
      case "uniqueItems":
        // Each item is compared with each other one.
        if (inner) for (const item of value) this.#compare(item, value.length);
    }
  }

  #onText({ schema, name, inner, value }: Keyword<string>): void {
    // Both lengths are held against one count.
    if (name === "minLength" || (name === "maxLength" && schema["minLength"] === undefined))
      this.#spend(value.length * LENGTH_CHARACTER);
    if (name === "pattern") this.#match(String(inner), [value]);
  }

  #visitChild(schema: unknown, value: unknown, place: Place): void {
    this.#spend((place.chain + 1) * CHILD + errorCost(place));
    this.visit(schema, value, { depth: place.depth + 1, chain: 0, layers: 0 });
  }

  #match(pattern: string, texts: readonly string[]): void {
    this.#spend(PATTERN);
    const { once, perCharacter } = this.#patterns.get(pattern) ?? this.#compile(pattern);
    for (const text of texts)
      this.#spend(PATTERN_TEXT + (once + text.length * perCharacter) * PATTERN_STEP);
  }

  #compile(pattern: string): MatchingSteps {
    const steps = matchingSteps(pattern);
    // A bounded schema has none but in a list, which the validator takes for a text.
    if (steps === undefined) throw new Error("a pattern is no text");
    const unicodeClasses = pattern.split(/\\p/i).length - 1;
    this.#spend(pattern.length * PATTERN_CHARACTER + unicodeClasses * PATTERN_UNICODE_CLASS);
    this.#patterns.set(pattern, steps);
    return steps;
  }

  #compare(value: unknown, times: number): void {
    this.#spend((times + 1) * comparisonCost(value));
  }

  #spend(cost: number): void {
    this.sum += cost;
    if (this.sum > CHECK_MAX_COST) throw new TooCostly();
  }
}

function errorCost({ depth }: Place): number {
  return ERROR + depth * ERROR_PER_LEVEL;
}

/** The place of a schema within another one that applies to the same value. */
function within({ depth, chain, layers }: Place): Place {
  return { depth: depth + 1, chain: chain + 1, layers };
}

/** Comparing a value with another one: both are read as far as they are alike. */
function comparisonCost(value: unknown): number {
  if (typeof value === "string") return 8 + value.length / 16;
  if (typeof value !== "object" || value === null) return 2;
  let cost = 40;
  for (const inner of Object.values(value)) cost += 40 + comparisonCost(inner);
  return cost;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function listFrom(value: unknown): readonly unknown[] {
  if (isList(value)) return value;
  if (value === undefined) return [];
  throw new Error("a keyword is no list");
}

function entriesFrom(value: unknown): readonly (readonly [string, unknown])[] {
  if (typeof value === "object" && value !== null) return Object.entries(value);
  throw new Error("a keyword is no object");
}
