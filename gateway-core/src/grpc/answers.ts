import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CallToolResponseSchema,
  CompleteResponseSchema,
  GetPromptResponseSchema,
  InputRequiredSchema,
  ListPromptsResponseSchema,
  ListResourcesResponseSchema,
  ListResourceTemplatesResponseSchema,
  ListToolsResponseSchema,
  ReadResourceResponseSchema,
} from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { JsonObject } from "./json-object.ts";

// Messages of an MCP server in the shapes of GatewayService. What has no field of its own stays in the JSON beside them.

export function toolsFrom(answer: Buffer): MessageInitShape<typeof ListToolsResponseSchema> {
  const { entries, ...page } = pageFrom(answer, "tools");
  return { ...page, tools: entries.map((tool) => ({ ...namesFrom(tool), json: tool.bytes })) };
}

export function resourcesFrom(
  answer: Buffer,
): MessageInitShape<typeof ListResourcesResponseSchema> {
  const { entries, ...page } = pageFrom(answer, "resources");
  return {
    ...page,
    resources: entries.map((resource) => ({
      ...namesFrom(resource),
      uri: resource.text("uri") ?? "",
      mimeType: resource.text("mimeType") ?? "",
      json: resource.bytes,
    })),
  };
}

export function resourceTemplatesFrom(
  answer: Buffer,
): MessageInitShape<typeof ListResourceTemplatesResponseSchema> {
  const { entries, ...page } = pageFrom(answer, "resourceTemplates");
  return {
    ...page,
    resourceTemplates: entries.map((template) => ({
      ...namesFrom(template),
      uriTemplate: template.text("uriTemplate") ?? "",
      mimeType: template.text("mimeType") ?? "",
      json: template.bytes,
    })),
  };
}

export function promptsFrom(answer: Buffer): MessageInitShape<typeof ListPromptsResponseSchema> {
  const { entries, ...page } = pageFrom(answer, "prompts");
  return {
    ...page,
    prompts: entries.map((prompt) => ({ ...namesFrom(prompt), json: prompt.bytes })),
  };
}

/** An event of a tool call: a notification, or the answer. */
export function toolEventFrom(message: Buffer): MessageInitShape<typeof CallToolResponseSchema> {
  const said = new JsonObject(message);
  const params = said.object("params");
  switch (said.text("method")) {
    case "notifications/progress":
      return {
        event: {
          case: "progress",
          value: {
            progress: params.number("progress") ?? 0,
            total: params.number("total"),
            message: params.text("message") ?? "",
            restJson: params.without("progressToken", "progress", "total", "message"),
          },
        },
      };
    case "notifications/message":
      return {
        event: {
          case: "log",
          value: {
            level: params.text("level") ?? "",
            logger: params.text("logger") ?? "",
            dataJson: params.json("data"),
            restJson: params.without("level", "logger", "data"),
          },
        },
      };
    default:
      return { event: toolOutcomeFrom(said.object("result")) };
  }
}

export function resourceFrom(answer: Buffer): MessageInitShape<typeof ReadResourceResponseSchema> {
  const result = new JsonObject(answer).object("result");
  if (isInputRequired(result))
    return { outcome: { case: "inputRequired", value: inputRequiredFrom(result) } };
  const contents = result.objects("contents").map((one) => {
    const [text, blob] = [one.text("text"), one.text("blob")];
    const content =
      text !== undefined
        ? ({ case: "text", value: text } as const)
        : blob !== undefined
          ? ({ case: "blob", value: Buffer.from(blob, "base64") } as const)
          : { case: undefined };
    return {
      uri: one.text("uri") ?? "",
      mimeType: one.text("mimeType") ?? "",
      content,
      restJson: one.without("uri", "mimeType", content.case ?? "uri"),
    };
  });
  return {
    outcome: { case: "result", value: { contents, restJson: result.without("contents") } },
  };
}

export function promptFrom(answer: Buffer): MessageInitShape<typeof GetPromptResponseSchema> {
  const result = new JsonObject(answer).object("result");
  if (isInputRequired(result))
    return { outcome: { case: "inputRequired", value: inputRequiredFrom(result) } };
  const messages = result.objects("messages").map((message) => ({
    role: message.text("role") ?? "",
    contentJson: message.json("content"),
    restJson: message.without("role", "content"),
  }));
  const description = result.text("description") ?? "";
  const restJson = result.without("description", "messages");
  return { outcome: { case: "result", value: { description, messages, restJson } } };
}

export function completionFrom(answer: Buffer): MessageInitShape<typeof CompleteResponseSchema> {
  const completion = new JsonObject(answer).object("result").object("completion");
  const total = completion.number("total");
  return {
    values: completion.texts("values"),
    total:
      total !== undefined && Number.isSafeInteger(total) && total >= 0 ? BigInt(total) : undefined,
    hasMore: completion.isTrue("hasMore"),
    restJson: completion.without("values", "total", "hasMore"),
  };
}

type ToolEvent = Exclude<MessageInitShape<typeof CallToolResponseSchema>["event"], undefined>;

function toolOutcomeFrom(result: JsonObject): ToolEvent {
  if (isInputRequired(result)) return { case: "inputRequired", value: inputRequiredFrom(result) };
  const texts = result
    .objects("content")
    .filter((block) => block.text("type") === "text")
    .map((block) => block.text("text") ?? "");
  return {
    case: "result",
    value: {
      text: texts.join("\n"),
      isError: result.isTrue("isError"),
      resultType: result.text("resultType") ?? "complete",
      json: result.bytes,
    },
  };
}

function inputRequiredFrom(result: JsonObject): MessageInitShape<typeof InputRequiredSchema> {
  return {
    inputRequestsJson: result.json("inputRequests"),
    requestState: result.text("requestState"),
    restJson: result.without("resultType", "inputRequests", "requestState"),
  };
}

/** MCP 2026-07-28 patterns/mrtr §InputRequiredResult. */
function isInputRequired(result: JsonObject): boolean {
  return result.text("resultType") === "input_required";
}

function pageFrom(
  answer: Buffer,
  list: string,
): { entries: JsonObject[]; nextCursor: string | undefined; restJson: Buffer } {
  const result = new JsonObject(answer).object("result");
  return {
    entries: result.objects(list),
    nextCursor: result.text("nextCursor"),
    restJson: result.without(list, "nextCursor"),
  };
}

function namesFrom(entry: JsonObject): { name: string; title: string; description: string } {
  return {
    name: entry.text("name") ?? "",
    title: entry.text("title") ?? "",
    description: entry.text("description") ?? "",
  };
}
