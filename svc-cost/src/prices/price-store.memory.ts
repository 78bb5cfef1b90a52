/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import { changeOfPrices } from "./price-change.ts";
import type { PriceRule } from "./price-rule.ts";
import { RULES_MAX, type PriceStore, type RuleKey } from "./price-store.ts";
import { tooManyRules } from "./too-many-rules.ts";

/**
 * Keeps rules in memory, and puts changes into the map.
 *
 * @param now milliseconds since 1970
 */
export function createMemoryPriceStore(
  changes: Map<string, PendingChange>,
  now: () => number,
): PriceStore {
  const orgs = new Map<string, PriceRule[]>();
  const rulesOf = (orgId: string): PriceRule[] => {
    const rules = orgs.get(orgId) ?? [];
    orgs.set(orgId, rules);
    return rules;
  };
  return {
    async replace(orgId, fresh, stamp) {
      const at = now();
      const rules = rulesOf(orgId);
      if (rules.filter((rule) => isLive(rule, at)).length >= RULES_MAX) throw tooManyRules();
      const from = Math.max(at, fresh.effectiveTime?.getTime() ?? 0);
      const same = rules.filter((rule) => compareCalls(rule, fresh) === 0);
      for (const rule of same)
        if (startOf(rule) <= from && endOf(rule) > from) setEnd(rules, rule, dateOf(from));
      const next = same.filter((rule) => startOf(rule) > from && endOf(rule) > startOf(rule));
      const rule: PriceRule = {
        ...fresh,
        createTime: dateOf(at),
        effectiveTime: dateOf(from),
        endTime: next.length > 0 ? dateOf(Math.min(...next.map(startOf))) : undefined,
      };
      rules.push(rule);
      return { rule, change: changed(orgId, stamp) };
    },
    async list(orgId, { after, limit, includeEnded }) {
      const at = now();
      return rulesOf(orgId)
        .filter((rule) => includeEnded || isLive(rule, at))
        .filter((rule) => !after || compareKeys(rule, after) > 0)
        .sort(compareKeys)
        .slice(0, limit);
    },
    async book(orgId) {
      const at = now();
      const rules = rulesOf(orgId).filter((rule) => isLive(rule, at));
      return { rules, readTime: dateOf(at) };
    },
    async end(orgId, id, stamp) {
      const rules = rulesOf(orgId);
      const rule = rules.find((one) => one.id === id);
      if (!rule) return undefined;
      const at = now();
      if (isLive(rule, at)) setEnd(rules, rule, dateOf(Math.max(at, startOf(rule))));
      const before = rules.find(
        (one) =>
          compareCalls(one, rule) === 0 &&
          startOf(one) < startOf(rule) &&
          endOf(one) === startOf(rule),
      );
      if (before && isLive(rule, at) && startOf(rule) > at) setEnd(rules, before, rule.endTime);
      return changed(orgId, stamp);
    },
  };

  function changed(orgId: string, stamp: ChangeStamp): PendingChange {
    const change = changeOfPrices(orgId, stamp);
    changes.set(change.id, change);
    return change;
  }
}

function setEnd(rules: PriceRule[], rule: PriceRule, endTime: Date | undefined): void {
  rules[rules.indexOf(rule)] = { ...rule, endTime };
}

/** True for a rule in force or to come. */
function isLive(rule: PriceRule, at: number): boolean {
  return endOf(rule) > Math.max(at, startOf(rule));
}

function startOf(rule: PriceRule): number {
  return rule.effectiveTime.getTime();
}

function endOf(rule: PriceRule): number {
  return rule.endTime?.getTime() ?? Number.POSITIVE_INFINITY;
}

function dateOf(ms: number): Date {
  return new Date(ms);
}

/** Orders in the order of bytes, as COLLATE "C" does. */
function compareCalls(a: Omit<RuleKey, "id">, b: Omit<RuleKey, "id">): number {
  return bytes(a.server, b.server) || bytes(a.tool, b.tool) || bytes(a.operation, b.operation);
}

function compareKeys(a: RuleKey, b: RuleKey): number {
  return compareCalls(a, b) || bytes(a.id, b.id);
}

function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
