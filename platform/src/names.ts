import {
  NamedKind,
  type NamedEntry,
  type NamedRef,
} from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import type { Logger } from "./log.ts";

/** The kinds of things that records hold ids of. */
export type NameKind = "server" | "tool" | "team" | "user" | "key";

/** An id in a record: a UUID, or 16 hexadecimal digits for a tool. */
export type NameRef = { readonly kind: NameKind; readonly id: string };

/** Gives the names behind ids in records. Every function is of one organisation's ids, whose names no other may read. */
export type NameResolver = {
  /** The name if it is known here. Otherwise undefined, and it is asked for in the background. */
  cached(orgId: string, ref: NameRef): string | undefined;
  /** The names that are known or found out within the deadline. Never throws: other ids are left out. */
  resolve(orgId: string, refs: readonly NameRef[]): Promise<Names>;
};

/** Names found, by what they name. */
export type Names = { of(kind: NameKind, id: string): string | undefined };

/** What a resolver needs. */
export type NameResolverOptions = {
  /** Asks svc-auth, at most 1000 ids at once: `ResolveNames` of its client. */
  readonly lookUp: (request: {
    readonly refs: { readonly orgId: string; readonly kind: NamedKind; readonly id: string }[];
  }) => Promise<{ readonly entries: readonly Pick<NamedEntry, "ref" | "name">[] }>;
  readonly log: Logger;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Names kept. Default 50 000. */
  readonly maxNames?: number;
  /** Milliseconds a name is believed, since things are renamed. Default 60 s. */
  readonly nameTtlMs?: number;
  /** Milliseconds until an unknown id, or a silent svc-auth, is asked again. Default 2 s. */
  readonly retryMs?: number;
  /** Milliseconds `resolve` waits for svc-auth. Default 500. */
  readonly deadlineMs?: number;
};

const KINDS: Record<NameKind, NamedKind> = {
  server: NamedKind.SERVER,
  tool: NamedKind.TOOL,
  team: NamedKind.TEAM,
  user: NamedKind.USER,
  key: NamedKind.API_KEY,
};

/** Most ids svc-auth takes at once. */
const REFS_MAX = 1_000;

/** A name, or that there is none, and until when it is believed. An old name serves until a new one is there. */
type Known = { readonly name: string | undefined; readonly until: number };

export function createNameResolver(options: NameResolverOptions): NameResolver {
  const { now, log } = options;
  const maxNames = options.maxNames ?? 50_000;
  const nameTtlMs = options.nameTtlMs ?? 60_000;
  const retryMs = options.retryMs ?? 2_000;
  const deadlineMs = options.deadlineMs ?? 500;
  // In the order of last writing: the oldest go first.
  const known = new Map<string, Known>();
  /** Refs that wait to be asked for, by key. */
  let wanted = new Map<string, Ref>();
  let round: Promise<void> | undefined;
  let silentUntil = Number.NEGATIVE_INFINITY;

  return {
    cached(orgId, ref) {
      const key = keyOf(orgId, ref);
      const entry = known.get(key);
      if (!entry || entry.until <= now()) want(key, { orgId, ...ref });
      return entry?.name;
    },
    async resolve(orgId, refs) {
      let missing = false;
      for (const ref of refs) {
        const key = keyOf(orgId, ref);
        const entry = known.get(key);
        if (entry && entry.until > now()) continue;
        missing = want(key, { orgId, ...ref }) || missing;
      }
      if (missing) await settleWithin(deadlineMs);
      return { of: (kind, id) => known.get(keyOf(orgId, { kind, id }))?.name };
    },
  };

  /** Notes that a ref is to be asked for. False: not now, svc-auth was silent. */
  function want(key: string, ref: Ref): boolean {
    if (now() < silentUntil) return false;
    if (wanted.size < maxNames) wanted.set(key, ref);
    // What is wanted in one turn of the event loop is asked in one request.
    round ??= new Promise<void>((resolve) => setImmediate(resolve)).then(ask).finally(() => {
      round = undefined;
    });
    return true;
  }

  async function ask(): Promise<void> {
    while (wanted.size > 0) {
      const refs = [...wanted].slice(0, REFS_MAX);
      for (const [key] of refs) wanted.delete(key);
      try {
        const { entries } = await options.lookUp({
          refs: refs.map(([, { orgId, kind, id }]) => ({ orgId, kind: KINDS[kind], id })),
        });
        learn(refs, entries);
        silentUntil = Number.NEGATIVE_INFINITY;
      } catch (error) {
        // Once for each time it goes away, not for each attempt.
        if (silentUntil === Number.NEGATIVE_INFINITY)
          log.warn(
            { err: error },
            "svc-auth gives no names; records are stored without and named when read",
          );
        silentUntil = now() + retryMs;
        wanted = new Map();
      }
    }
  }

  function learn(
    refs: readonly [string, Ref][],
    entries: readonly Pick<NamedEntry, "ref" | "name">[],
  ): void {
    const names = new Map(entries.map(({ ref, name }) => [ref ? keyOfWire(ref) : "", name]));
    for (const [key] of refs) {
      const name = names.get(key);
      known.delete(key);
      known.set(key, { name, until: now() + (name === undefined ? retryMs : nameTtlMs) });
    }
    for (const key of known.keys()) {
      if (known.size <= maxNames) return;
      known.delete(key);
    }
  }

  async function settleWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([round, deadline]);
    clearTimeout(timer);
  }
}

/** The name people read for a server; the id when none is known, "(none)" for no server. */
export function shownName(names: Names, kind: Exclude<NameKind, "tool">, id: string): string {
  if (id === "") return "(none)";
  return names.of(kind, id) ?? id;
}

/** The name people read for a tool: "tool:{id}" when none is known, empty for no tool. */
export function shownTool(names: Names, toolId: string): string {
  if (toolId === NO_TOOL) return "";
  return names.of("tool", toolId) ?? `tool:${toolId}`;
}

/** The id that stands for no tool. */
export const NO_TOOL = "0000000000000000";

type Ref = NameRef & { readonly orgId: string };

function keyOf(orgId: string, ref: NameRef): string {
  return `${orgId} ${KINDS[ref.kind]} ${ref.id}`;
}

function keyOfWire(ref: Pick<NamedRef, "orgId" | "kind" | "id">): string {
  return `${ref.orgId} ${ref.kind} ${ref.id}`;
}
