import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { toolIdToText } from "@gatewayops/platform/ids";
import { NO_TOOL, type NameRef, type NameResolver, type Names } from "@gatewayops/platform/names";
import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { spansOfCall, type SpanOrigin } from "./call-spans.ts";

/** Name of the instrumentation scope: what makes the spans, whatever the operator calls the service. */
const SCOPE = { name: "gatewayops", version: "0.1.0" };

/**
 * Makes ExportTraceServiceRequests, in binary protobuf, of the records of calls.
 *
 * @param serviceName `service.name` of the resource
 */
export function createRequestMaker(
  names: NameResolver,
  serviceName: string,
): (records: readonly CallCompletion[]) => Promise<Uint8Array> {
  const origin: SpanOrigin = {
    resource: resourceFromAttributes({ "service.name": serviceName }),
    instrumentationScope: SCOPE,
  };
  return async (records) => {
    const refs = new Map<string, NameRef[]>();
    for (const { orgId, serverId, intent } of records.map(factsOf)) {
      const ofOrg = refs.get(orgId) ?? [];
      if (serverId !== "") ofOrg.push({ kind: "server", id: serverId });
      const toolId = toolIdToText(intent.toolId);
      if (toolId !== NO_TOOL) ofOrg.push({ kind: "tool", id: toolId });
      refs.set(orgId, ofOrg);
    }
    const found = await Promise.all(
      [...refs].map(
        async ([orgId, wanted]) => [orgId, await names.resolve(orgId, wanted)] as const,
      ),
    );
    const namesOf = new Map<string, Names>(found);
    const spans = records.flatMap((record) =>
      spansOfCall(record, namesOf.get(factsOf(record).orgId) ?? NO_NAMES, origin),
    );
    const request = ProtobufTraceSerializer.serializeRequest(spans);
    if (!request) throw new Error("The serializer gave nothing.");
    return request;
  };
}

const NO_NAMES: Names = { of: () => undefined };
