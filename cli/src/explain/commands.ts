import { CallSchema } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { withDeployment } from "../client/target.ts";
import { Problem } from "../problem.ts";
import { fetchCall, fetchPriceRule, tellCall } from "./explain.ts";

export function explainCommand(): Command {
  const explain = new Command("explain")
    .argument("<request-id>", "x-request-id of the answer, req_ and 32 hexadecimal digits")
    .description("tell what happened to a call, stage by stage")
    .addHelpText("after", "\nExample:\n  gwo explain req_0199c1e25a4f7d3e8b6a1c2d3e4f5061");
  return withTargetFlags(explain).action(explainCall);
}

async function explainCall(requestId: string, flags: AskFlags): Promise<void> {
  if (!/^(req_)?[0-9a-f]{32}$/.test(requestId))
    throw new Problem(
      `${requestId} is no request id`,
      'It is the x-request-id of the answer: "req_" and 32 hexadecimal digits.',
    );
  const call = await withDeployment(flags, "read", (clients) => fetchCall(clients, requestId));
  const wantsRule = flags.json !== true && call.priceRuleId !== "";
  await ask(flags, wantsRule ? "manage" : "read", {
    work: async (clients) => ({
      call,
      rule: wantsRule ? await fetchPriceRule(clients, call.priceRuleId) : undefined,
    }),
    json: () => messageJson(CallSchema, call),
    text: ({ rule }) => tellCall(call, rule),
  });
}
