import { uuidFromText } from "@gatewayops/platform/ids";
import {
  NamedKind as Kind,
  type NamedRef as NamedRefMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { refName, type NamedKind, type NamedRef, type NameStore } from "./name-store.ts";

/** An id asked for, with its name. */
export type NamedEntry = { readonly ref: NamedRefMessage; readonly name: string };

/** The entries of all ids that are known: one query per kind. Malformed ids and unknown kinds are left out. */
export async function namedEntries(
  store: NameStore,
  refs: readonly NamedRefMessage[],
): Promise<NamedEntry[]> {
  const byKind = new Map<NamedKind, { asked: NamedRefMessage; ref: NamedRef }[]>();
  for (const asked of refs) {
    const kind = KINDS.get(asked.kind);
    const ref = { orgId: asked.orgId.toLowerCase(), id: asked.id.toLowerCase() };
    if (kind === undefined || !isWellFormed(kind, ref)) continue;
    const group = byKind.get(kind) ?? [];
    group.push({ asked, ref });
    byKind.set(kind, group);
  }
  const found = await Promise.all(
    [...byKind].map(async ([kind, group]) => {
      const names = await store.names(
        kind,
        group.map(({ ref }) => ref),
      );
      return group.flatMap(({ asked, ref }): NamedEntry[] => {
        const name = names.get(refName(ref));
        return name === undefined ? [] : [{ ref: asked, name }];
      });
    }),
  );
  return found.flat();
}

const KINDS: ReadonlyMap<Kind, NamedKind> = new Map([
  [Kind.SERVER, "server"],
  [Kind.TOOL, "tool"],
  [Kind.TEAM, "team"],
  [Kind.USER, "user"],
  [Kind.API_KEY, "key"],
]);

// With dashes only: the answer is matched by text.
function isWellFormed(kind: NamedKind, ref: NamedRef): boolean {
  return isUuid(ref.orgId) && (kind === "tool" ? /^[0-9a-f]{16}$/.test(ref.id) : isUuid(ref.id));
}

function isUuid(text: string): boolean {
  return text.length === 36 && uuidFromText(text) !== undefined;
}
