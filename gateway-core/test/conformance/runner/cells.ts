export type Era = "legacy" | "modern";
export type Revision = "2025-11-25" | "2026-07-28";

/**
 * One run of the suite. In server cells the suite is the client and our fixture of an era the MCP server; in client
 * cells a scripted client of an era calls the suite's MCP server. The gateway stands between the two.
 */
export type Cell = {
  readonly id: string;
  readonly role: "server" | "client";
  /** Era of the part that is not the suite's. */
  readonly era: Era;
  /** What the suite speaks. */
  readonly revision: Revision;
};

const ERAS = ["legacy", "modern"] as const;
const REVISIONS = ["2025-11-25", "2026-07-28"] as const;

export const CELLS: readonly Cell[] = (["server", "client"] as const).flatMap((role) =>
  ERAS.flatMap((era) =>
    REVISIONS.map((revision) => ({
      id: `${role === "server" ? era : `${era}-client`}/${revision}`,
      role,
      era,
      revision,
    })),
  ),
);

/** True for the cells that need no translation between eras. */
export function isSameEra({ era, revision }: Cell): boolean {
  return (era === "legacy") === (revision === "2025-11-25");
}
