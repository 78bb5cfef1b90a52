import fc from "fast-check";

// JSON as a writer may choose to write it: any white space, any escapes, numbers that no double holds. Every text comes
// with the value that a parser sees, so that what is expected is known by construction.

/** A member as it is written: white space and all. */
export type WrittenMember = { readonly name: string; readonly key: string; readonly value: string };

export const spaces = fc.stringMatching(/^[ \t\r\n]{0,2}$/);

function written(text: string, mask: readonly boolean[]): string {
  const units = [...Array(text.length).keys()].map((index) => {
    const unit = text.charCodeAt(index);
    const isForced = unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit & 0xf800) === 0xd800;
    return isForced || mask[index % Math.max(1, mask.length)] === true
      ? `\\u${unit.toString(16).padStart(4, "0")}`
      : text.charAt(index);
  });
  return `"${units.join("")}"`;
}

/** JSON of a text, with escapes where the mask says so. */
export const writtenAs = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { maxLength: 4 }).map((mask) => written(text, mask));

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({ maxLength: 8 }),
  fc.constantFrom('"', "\ud800", "\ufeff", "é\u2028", "__proto__", "constructor"),
);

// Of a backslash in a name JSON.parse of Node 24 makes mistakes (see message.test.ts), and so is no oracle.
const anyText = text.map((one) => one.replaceAll("\\", "/"));

const stringJson = anyText.chain(writtenAs);
const numberJson = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom("-0", "1.0", "1e2", "1E-400", "1e400", "12345678901234567890123", "0.10"),
);

export const valueJson: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    stringJson,
    numberJson,
    fc.constantFrom("true", "false", "null", "{}", "[]", "[[[[]]]]"),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 2 }), spaces)
      .map(([items, space]) => `[${space}${items.join(`${space},`)}${space}]`),
    fc
      .tuple(fc.array(fc.tuple(stringJson, tie("value")), { maxLength: 2 }), spaces)
      .map(([members, space]) =>
        objectText(
          members.map(([key, value]) => ({ key, value })),
          space,
        ),
      ),
  ),
})).value;

/** An object's text, with the same white space between all its tokens. */
export function objectText(
  members: readonly { readonly key: string; readonly value: string }[],
  space: string,
): string {
  const texts = members.map(({ key, value }) => `${space}${key}${space}:${space}${value}`);
  return `{${texts.join(`${space},`)}${space}}`;
}

/** Members with names of a list, or any others; no name twice. */
export function membersArb(
  names: readonly string[],
  value: fc.Arbitrary<string> = valueJson,
): fc.Arbitrary<WrittenMember[]> {
  const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names) }, anyText);
  return fc
    .uniqueArray(name, { maxLength: 6 })
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((one) =>
          fc.tuple(writtenAs(one), value).map(([key, text]) => ({ name: one, key, value: text })),
        ),
      ),
    );
}

/** Bytes with some of them changed, cut out, doubled or put in: what a broken or hostile sender makes of a message. */
export function mutated(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const change = fc.tuple(
    fc.nat(),
    fc.oneof(
      fc.record({ kind: fc.constant("set" as const), byte: fc.nat({ max: 255 }) }),
      fc.record({ kind: fc.constant("cut" as const), length: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant("double" as const), length: fc.integer({ min: 1, max: 24 }) }),
      fc.record({
        kind: fc.constant("insert" as const),
        text: fc.constantFrom(...HOSTILE),
      }),
      fc.record({ kind: fc.constant("end" as const) }),
    ),
  );
  return fc
    .tuple(bytes, fc.array(change, { maxLength: 3 }))
    .map(([original, changes]) =>
      changes.reduce((now, [place, one]) => changed(now, place, one), original),
    )
    .filter((one) => !/\\\\|\\u005c/i.test(one.toString("latin1")));
}

type Change =
  | { readonly kind: "set"; readonly byte: number }
  | { readonly kind: "cut" | "double"; readonly length: number }
  | { readonly kind: "insert"; readonly text: Buffer }
  | { readonly kind: "end" };

function changed(bytes: Buffer, place: number, change: Change): Buffer {
  const at = place % (bytes.length + 1);
  const before = bytes.subarray(0, at);
  switch (change.kind) {
    case "set":
      return Buffer.concat([before, Buffer.of(change.byte), bytes.subarray(at + 1)]);
    case "cut":
      return Buffer.concat([before, bytes.subarray(at + change.length)]);
    case "double":
      return Buffer.concat([before, bytes.subarray(at, at + change.length), bytes.subarray(at)]);
    case "insert":
      return Buffer.concat([before, change.text, bytes.subarray(at)]);
    case "end":
      return before;
  }
}

const HOSTILE = [
  ...["\ufeff", "\r\n", "\0", '"', "\\", "{", "}", "[", "]", ",", ":", "null", "1e999", "\\ud800"],
  ...[
    ',"id":2',
    ',"method":"ping"',
    ',"result":{}',
    ',"error":{}',
    ',"params":{}',
    '"jsonrpc":"1.0",',
  ],
  ...["[".repeat(2_000), '{"a":'.repeat(1_000), "9".repeat(500), "\n\n", "data:", "\r"],
]
  .map((text) => Buffer.from(text))
  .concat([Buffer.of(0xff), Buffer.of(0xc3), Buffer.of(0xed, 0xa0, 0x80)]);

/** A buffer in pieces, cut at any places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

export const placesArb = fc.array(fc.nat(), { maxLength: 6 });

/** The value of JSON bytes, undefined when they are none. */
export function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
