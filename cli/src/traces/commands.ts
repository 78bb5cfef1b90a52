import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  SearchTracesResponseSchema,
  TraceService,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { Problem } from "../problem.ts";
import { filterFields, withFilterFlags, type FilterFlags } from "./filter-flags.ts";
import { periodFrom, tellTraces } from "./search.ts";

type SearchFlags = AskFlags &
  FilterFlags & {
    readonly since: string;
    readonly from?: string;
    readonly to?: string;
    readonly limit: string;
    readonly cursor?: string;
  };

export function traceCommands(): Command {
  const traces = new Command("traces").description("traces: the calls that belong together");
  const search = traces
    .command("search")
    .description("find traces by what one call of them did, newest first")
    .option("--since <span>", "so long until now, or until --to: 30m, 24h, 7d", "24h")
    .option("--from <time>", "from this time on, instead of --since")
    .option("--to <time>", "before this time (now)")
    .option("-n, --limit <n>", "traces to show, at most 200", "50")
    .option("--cursor <cursor>", "go on where the page with this cursor ended");
  withTargetFlags(withFilterFlags(search))
    .addHelpText(
      "after",
      "\nExamples:\n  gwo traces search --status error --since 1h\n  gwo traces search --tool echo --min-duration 500\n  gwo traces search --reason RATE_LIMITED --json | jq '.traces[].id'",
    )
    .action(searchTraces);
  return traces;
}

async function searchTraces(flags: SearchFlags): Promise<void> {
  const limit = Number(flags.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 200)
    throw new Problem(`--limit ${flags.limit} is not from 1 to 200`, "Write it like --limit 20.");
  const { startMs, endMs } = periodFrom(flags, Date.now());
  const request = {
    ...filterFields(flags),
    startTime: timestampFromMs(startMs),
    endTime: timestampFromMs(endMs),
    limit,
    cursor: flags.cursor ?? "",
  };
  await ask(flags, "read", {
    work: (clients) => clients(TraceService).searchTraces(request),
    json: (answer) => messageJson(SearchTracesResponseSchema, answer),
    text: (answer) => tellTraces(answer.traces, answer.hasMore),
  });
}
