/** Cases of each fuzz test. They are 100,000 together, which `cases.test.ts` holds them to. */
export const CASES = {
  message: 20_000,
  members: 12_000,
  splice: 15_000,
  serverMessage: 12_000,
  answerScan: 12_000,
  sseParser: 8_000,
  sseGate: 6_000,
  headers: 5_000,
  facade: 6_000,
  ids: 4_000,
} satisfies Record<string, number>;
