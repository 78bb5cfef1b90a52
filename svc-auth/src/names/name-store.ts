/** What kind of thing an id stands for. */
export type NamedKind = "server" | "tool" | "team" | "user" | "key";

/** Reads the names behind ids in records; a read model over other features' tables, removed servers included. */
export type NameStore = {
  /**
   * Names of things of one kind, in one query, by `refName`. Unknown ids, and ids of another organisation than they are
   * asked in, are left out. Ids must be well-formed: UUIDs, of tools 16 hexadecimal digits.
   */
  names(kind: NamedKind, refs: readonly NamedRef[]): Promise<ReadonlyMap<string, string>>;
};

export type NamedRef = { readonly orgId: string; readonly id: string };

export function refName(ref: NamedRef): string {
  return `${ref.orgId}/${ref.id}`;
}
