import { Failure } from "@gatewayops/platform/errors";
import { RULES_MAX } from "./price-store.ts";

/** The refusal of a rule that gateways have no room for. */
export function tooManyRules(): Failure {
  return new Failure(
    "PRICE_RULES_TOO_MANY",
    `The organisation has ${RULES_MAX} price rules in force or to come. Delete some, or use one rule with "*" for many tools.`,
  );
}
