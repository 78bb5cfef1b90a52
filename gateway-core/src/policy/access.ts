import { createWildcard, type Wildcard } from "@gatewayops/platform/wildcard";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";

/** What scopes say of one thing: "observed" is out of reach, and passes because those scopes only observe. */
export type Verdict = "allowed" | "observed" | "refused";

/** What a key may reach. Of a tool, resource or prompt it is asked once its server is known to be in reach. */
export type Access = {
  server(server: string): Verdict;
  tool(server: string, name: string): Verdict;
  resource(server: string, uri: string): Verdict;
  /** True to its resources: "refused" only when all of them are out of reach. */
  template(server: string, uriTemplate: string): Verdict;
  prompt(server: string, name: string): Verdict;
};

/** Scopes of a key or of a team, as svc-auth gives them. */
export type ScopeLists = {
  /** Names, or "*" for all; none means no server. */
  readonly servers: readonly string[];
  /** "server/name" where "*" stands for any characters; none means everything of the servers. */
  readonly tools: readonly string[];
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
  /** Deny wins. */
  readonly denyTools: readonly string[];
  readonly denyResources: readonly string[];
  readonly denyPrompts: readonly string[];
  readonly scopesMode: PolicyMode;
};

/** What all of the scopes together allow: a key reaches what it and its team may both reach. */
export function createAccess(scopes: readonly ScopeLists[]): Access {
  const layers = scopes.map(createLayer);
  const [only] = layers;
  if (only && layers.length === 1) return only;
  return {
    server: (server) => worst(layers, (layer) => layer.server(server)),
    tool: (server, name) => worst(layers, (layer) => layer.tool(server, name)),
    resource: (server, uri) => worst(layers, (layer) => layer.resource(server, uri)),
    template: (server, uri) => worst(layers, (layer) => layer.template(server, uri)),
    prompt: (server, name) => worst(layers, (layer) => layer.prompt(server, name)),
  };
}

function worst(layers: readonly Access[], ask: (layer: Access) => Verdict): Verdict {
  let verdict: Verdict = "allowed";
  for (const layer of layers) {
    const answer = ask(layer);
    if (answer === "refused") return answer;
    if (answer === "observed") verdict = answer;
  }
  return verdict;
}

function createLayer(scopes: ScopeLists): Access {
  const names = new Set(scopes.servers);
  const anyServer = names.has("*");
  const tools = createRule(scopes.tools, scopes.denyTools);
  const resources = createRule(scopes.resources, scopes.denyResources);
  const prompts = createRule(scopes.prompts, scopes.denyPrompts);
  const otherwise = scopes.scopesMode === PolicyMode.OBSERVE ? "observed" : "refused";
  const verdictOn = (isAllowed: boolean): Verdict => (isAllowed ? "allowed" : otherwise);
  return {
    server: (server) => verdictOn(anyServer || names.has(server)),
    tool: (server, name) => verdictOn(tools.allows(server, name)),
    resource: (server, uri) => verdictOn(resources.allows(server, uri)),
    template: (server, uri) => verdictOn(resources.allowsSome(server, patternOf(uri))),
    prompt: (server, name) => verdictOn(prompts.allows(server, name)),
  };
}

/** A URI template (RFC 6570) as a pattern, where "*" stands for any characters, that fits all its URIs. */
export function patternOf(uriTemplate: string): string {
  return uriTemplate.replaceAll(/\{[^{}]*\}/g, "*").replaceAll(/\*+/g, "*");
}

function createRule(allowed: readonly string[], denied: readonly string[]) {
  const allow = new Patterns(allowed);
  const deny = new Patterns(denied);
  const isUnlimited = allow.isEmpty && deny.isEmpty;
  return {
    allows: (server: string, name: string): boolean =>
      isUnlimited ||
      (name.length <= NAME_MAX_CHARS &&
        (allow.isEmpty || allow.fit(server, name)) &&
        !deny.fit(server, name)),
    /** True when something that fits the pattern is allowed, as far as can be told from one deny pattern at a time. */
    allowsSome: (server: string, pattern: string): boolean =>
      (allow.isEmpty || allow.overlap(server, pattern)) && !deny.fit(server, pattern),
  };
}

/** Characters of a name that is held against patterns: it comes from agents, and is refused where it is longer. */
const NAME_MAX_CHARS = 4_096;
/** Characters of a pattern that is held against others, as it comes from agents. */
const OVERLAP_MAX_CHARS = 2_048;

/** Patterns "server/name". Most are names in full, and those are found without trying them all. */
class Patterns {
  readonly isEmpty: boolean;
  // By server, by name: a joined key would be built and hashed anew for every call.
  readonly #exact = new Map<string, Set<string>>();
  readonly #wild: { readonly server: Wildcard; readonly name: Wildcard; readonly text: string }[] =
    [];

  constructor(patterns: readonly string[]) {
    this.isEmpty = patterns.length === 0;
    for (const pattern of patterns) {
      // Names of servers hold no slash, so the first one ends them; other names may. Without one it names nothing.
      const slash = pattern.indexOf("/");
      if (slash < 0) continue;
      const server = pattern.slice(0, slash);
      const name = pattern.slice(slash + 1);
      if (pattern.includes("*"))
        this.#wild.push({ server: createWildcard(server), name: createWildcard(name), text: name });
      else this.#exact.set(server, (this.#exact.get(server) ?? new Set()).add(name));
    }
  }

  fit(server: string, name: string): boolean {
    if (this.#exact.get(server)?.has(name) === true) return true;
    for (const wild of this.#wild) if (wild.server(server) && wild.name(name)) return true;
    return false;
  }

  /** True when some name fits both one of these patterns and the given one, unless that is too long to tell. */
  overlap(server: string, pattern: string): boolean {
    if (pattern.length > OVERLAP_MAX_CHARS) return false;
    const fits = createWildcard(pattern);
    for (const name of this.#exact.get(server) ?? []) if (fits(name)) return true;
    return this.#wild.some((wild) => wild.server(server) && overlaps(wild.text, pattern));
  }
}

/** True when some text fits both patterns. Takes time in the sum of their lengths. */
function overlaps(a: string, b: string): boolean {
  if (!a.includes("*")) return createWildcard(b)(a);
  if (!b.includes("*")) return createWildcard(a)(b);
  // What stands between the first and the last "*" of one has room in a "*" of the other.
  const [startOfA, startOfB] = [a.slice(0, a.indexOf("*")), b.slice(0, b.indexOf("*"))];
  const [endOfA, endOfB] = [a.slice(a.lastIndexOf("*") + 1), b.slice(b.lastIndexOf("*") + 1)];
  return (
    (startOfA.startsWith(startOfB) || startOfB.startsWith(startOfA)) &&
    (endOfA.endsWith(endOfB) || endOfB.endsWith(endOfA))
  );
}
