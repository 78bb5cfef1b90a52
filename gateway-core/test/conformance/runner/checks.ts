/** A check of the suite, as it stands in a `checks.json`. */
export type Check = {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  /** What went wrong, or what was checked. */
  readonly message: string;
};

/** Why a scenario does not count, as the requirement set says it. */
export type Scoring = "required" | "extension" | "added-after-release" | "pending";

export type ScenarioResult = {
  readonly scenario: string;
  readonly scoring: Scoring;
  readonly checks: readonly Check[];
};

/** The check that stands for a scenario of which the suite wrote no result. */
export const UNFINISHED = "did-not-finish";

const STATUSES: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "WARNING", "SKIPPED", "INFO"]);

/**
 * Reads the text of a `checks.json`. An id that stands in it several times is several checks.
 *
 * @throws Error when it is no list of checks
 */
export function readChecks(text: string): Check[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error("A result of the suite must be a list of checks.");
  return list.map((item: unknown) => {
    const { id, status, errorMessage, description } = item as Record<string, unknown>;
    if (typeof id !== "string" || typeof status !== "string" || !STATUSES.has(status))
      throw new Error(`This is no check of the suite: ${JSON.stringify(item)}`);
    const message = [errorMessage, description].find((words) => typeof words === "string") ?? "";
    return { id, status: status as Check["status"], message };
  });
}

/** The result of a scenario that wrote none: it broke, or its time ran out. */
export function unfinished(): Check[] {
  return [{ id: UNFINISHED, status: "FAILURE", message: "The scenario did not finish." }];
}

/** The scenario of a result's directory: `server-ping-2026-11-25T07-14-42-120Z` is of `ping`. */
export function scenarioOfDirectory(name: string): string {
  return name.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, "");
}

export function failuresOf({ checks }: ScenarioResult): readonly Check[] {
  return checks.filter(({ status }) => status === "FAILURE");
}

export function warningsOf({ checks }: ScenarioResult): readonly Check[] {
  return checks.filter(({ status }) => status === "WARNING");
}

/** The suite's own rule: a scenario passes when no check of it failed. */
export function isPassed(result: ScenarioResult): boolean {
  return failuresOf(result).length === 0;
}

const MESSAGE_MAX_CHARS = 240;

/** A message on one line: some quote whole answers. */
export function shortened(message: string): string {
  const line = message.replaceAll(/\s+/g, " ");
  return line.length > MESSAGE_MAX_CHARS ? `${line.slice(0, MESSAGE_MAX_CHARS)}…` : line;
}
