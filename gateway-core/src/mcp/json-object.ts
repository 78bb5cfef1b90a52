/** The members of a JSON object; none when the JSON is no object, or empty. What a server sends may be anything. */
export function objectFrom(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = json === "" ? undefined : JSON.parse(json);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** A member of a JSON object, undefined when there is none; what cannot hold it is not parsed. @param name ASCII */
export function memberFrom(json: string, name: string): unknown {
  // A name may hide behind escapes.
  return json.includes(name) || json.includes("\\u") ? objectFrom(json)[name] : undefined;
}
