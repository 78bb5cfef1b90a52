import { describe, expect, it } from "@jest/globals";
import {
  completionFrom,
  promptFrom,
  promptsFrom,
  resourceFrom,
  resourcesFrom,
  resourceTemplatesFrom,
  toolEventFrom,
  toolsFrom,
} from "./answers.ts";

function answer(result: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":0,"result":${result}}`);
}

/** Bytes read as text, so that failures can be read. */
function readable(value: unknown): unknown {
  if (value instanceof Buffer) return value.toString("utf8");
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readable(one)]));
}

describe("answers of MCP servers as responses", () => {
  it("are tools, each with its bytes", () => {
    const tool = '{"name":"a","title":"A","inputSchema":{"maximum":9007199254740993},"x":1.0}';
    const result = `{"tools":[ ${tool} ,{"name":"b","description":"B"}],"nextCursor":"","ttlMs":5}`;
    expect(readable(toolsFrom(answer(result)))).toEqual({
      tools: [
        { name: "a", title: "A", description: "", json: tool },
        { name: "b", title: "", description: "B", json: '{"name":"b","description":"B"}' },
      ],
      nextCursor: "",
      restJson: '{"ttlMs":5}',
    });
  });

  it("are resources, templates and prompts", () => {
    const resource = '{"uri":"u:1","name":"n","mimeType":"text/plain"}';
    expect(readable(resourcesFrom(answer(`{"resources":[${resource}]}`)))).toMatchObject({
      resources: [{ uri: "u:1", name: "n", mimeType: "text/plain", json: resource }],
      nextCursor: undefined,
      restJson: "",
    });
    const template = '{"uriTemplate":"u:{id}","name":"n"}';
    expect(
      readable(resourceTemplatesFrom(answer(`{"resourceTemplates":[${template}]}`))),
    ).toMatchObject({ resourceTemplates: [{ uriTemplate: "u:{id}", json: template }] });
    expect(readable(promptsFrom(answer('{"prompts":[{"name":"p"}]}')))).toMatchObject({
      prompts: [{ name: "p", json: '{"name":"p"}' }],
    });
  });

  it("are the events of a tool call", () => {
    const progress =
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0,"progress":0.5,"total":2,"x":[]}}';
    expect(readable(toolEventFrom(Buffer.from(progress)))).toEqual({
      event: {
        case: "progress",
        value: { progress: 0.5, total: 2, message: "", restJson: '{"x":[]}' },
      },
    });
    const log =
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"n":1.0}}}';
    expect(readable(toolEventFrom(Buffer.from(log)))).toEqual({
      event: {
        case: "log",
        value: { level: "info", logger: "", dataJson: '{"n":1.0}', restJson: "" },
      },
    });
    const result =
      '{"content":[{"type":"text","text":"a"},{"type":"image","data":""},{"type":"text","text":"b"}],"isError":true,"resultType":"complete"}';
    expect(readable(toolEventFrom(answer(result)))).toEqual({
      event: {
        case: "result",
        value: { text: "a\nb", isError: true, resultType: "complete", json: result },
      },
    });
  });

  it("keep results that an extension defines", () => {
    const result = '{"resultType":"com.example/receipt","receipt":17}';
    expect(readable(toolEventFrom(answer(result)))).toEqual({
      event: {
        case: "result",
        value: { text: "", isError: false, resultType: "com.example/receipt", json: result },
      },
    });
  });

  it("are questions", () => {
    const result =
      '{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}},"requestState":"s","_meta":{}}';
    const value = {
      inputRequestsJson: '{"k":{"method":"roots/list"}}',
      requestState: "s",
      restJson: '{"_meta":{}}',
    };
    const question = { case: "inputRequired", value };
    expect(readable(toolEventFrom(answer(result)))).toEqual({ event: question });
    expect(readable(resourceFrom(answer(result)))).toEqual({ outcome: question });
    expect(readable(promptFrom(answer(result)))).toEqual({ outcome: question });
  });

  it("are contents as text and as bytes", () => {
    const result =
      '{"contents":[{"uri":"u:1","text":"","_meta":1},{"uri":"u:2","mimeType":"a/b","blob":"AAH/"}],"ttlMs":0}';
    expect(resourceFrom(answer(result))).toEqual({
      outcome: {
        case: "result",
        value: {
          contents: [
            {
              uri: "u:1",
              mimeType: "",
              content: { case: "text", value: "" },
              restJson: Buffer.from('{"_meta":1}'),
            },
            {
              uri: "u:2",
              mimeType: "a/b",
              content: { case: "blob", value: Buffer.from([0, 1, 255]) },
              restJson: Buffer.alloc(0),
            },
          ],
          restJson: Buffer.from('{"ttlMs":0}'),
        },
      },
    });
  });

  it("are prompts and completions", () => {
    const made =
      '{"description":"d","messages":[{"role":"user","content":{"type":"text","text":"t"}}]}';
    expect(readable(promptFrom(answer(made)))).toEqual({
      outcome: {
        case: "result",
        value: {
          description: "d",
          messages: [{ role: "user", contentJson: '{"type":"text","text":"t"}', restJson: "" }],
          restJson: "",
        },
      },
    });
    const completed = '{"completion":{"values":["a","b"],"total":12,"hasMore":true}}';
    expect(readable(completionFrom(answer(completed)))).toEqual({
      values: ["a", "b"],
      total: 12n,
      hasMore: true,
      restJson: "",
    });
  });

  it.each(["{}", "[]", "null", '{"tools":{},"content":7,"contents":"x","completion":[]}'])(
    "are empty for a result that is none: %s",
    (result) => {
      expect(toolsFrom(answer(result))).toMatchObject({ tools: [] });
      expect(toolEventFrom(answer(result))).toMatchObject({ event: { value: { text: "" } } });
      expect(resourceFrom(answer(result))).toMatchObject({ outcome: { value: { contents: [] } } });
      expect(completionFrom(answer(result))).toMatchObject({ values: [], total: undefined });
    },
  );
});
