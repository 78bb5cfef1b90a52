import { PolicyMode as Mode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";

/** Whether a rule refuses what it does not allow, or only says in the record that it would have. */
export type PolicyMode = "enforce" | "observe";

export function policyModeFrom(mode: Mode): PolicyMode {
  return mode === Mode.OBSERVE ? "observe" : "enforce";
}

export function toPolicyMode(mode: PolicyMode): Mode {
  return mode === "observe" ? Mode.OBSERVE : Mode.ENFORCE;
}
