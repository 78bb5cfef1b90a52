/** True for JSON of ids that are the same value, however they are written; an empty text is no id. */
export function isSameId(one: string, other: string): boolean {
  if (one === "" || other === "") return false;
  return one === other || valueOf(one) === valueOf(other);
}

function valueOf(idText: string): unknown {
  try {
    return JSON.parse(idText);
  } catch {
    return undefined; // a server may write what is no JSON, which is no id of ours
  }
}
