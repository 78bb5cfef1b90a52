/** A member that nobody knows, in forms that a parser and writer would change. */
const ODD =
  '"x-odd" :  {"big":12345678901234567890123,"exp":1.0E+2,"minus":-0,"z":1,"a":2,"esc":"\\u00e9\\/\\u2028","no":null,"deep":[[ ],{ }]}';
const ODD_META = `"vendor.example/trace":"\\u0041","vendor.example/n":0.10 , ${ODD}`;

const ARGUMENTS = `{"n":9007199254740993,"f":1.50,"s":"\\ud83d\\ude00 é",${ODD}}`;

/** Params of requests: members, without braces, beside `_meta`. */
export const PARAMS: Readonly<
  Record<string, { method: string; name: string; members: string; args?: string }>
> = {
  "a tool call": {
    method: "tools/call",
    name: "work",
    members: `"name":"work", "arguments" :${ARGUMENTS}, ${ODD}`,
    args: ARGUMENTS,
  },
  "a list": { method: "tools/list", name: "", members: `"cursor" : "", ${ODD}` },
  "a prompt": {
    method: "prompts/get",
    name: "p",
    members: `"name" : "p","arguments":{"a":"\\t"},${ODD}`,
    args: '{"a":"\\t"}',
  },
};

/** Members of `_meta` that an agent may send beside its envelope. */
export const META = ODD_META;

/** Members of results, without braces, as servers of either era may send them. */
export const RESULTS: Readonly<Record<string, string>> = {
  "content of unknown types": `"content":[{"type":"hologram","data" : 1e2,"annotations":{"audience":["x"],"priority":0.50,"later":true},"_meta":{"k" : 1}}],"isError" : false,${ODD}`,
  "tools with vendor members": `"tools":[{"name":"t","inputSchema":{"type":"object","x-vendor":1.0},"execution":{"taskSupport":"optional"},"annotations":{"readOnlyHint":true,"x":{}},"x-token-cost":12 }],"nextCursor" : "",${ODD}`,
  "a task": `"resultType" : "task","task":{"taskId":"t-1","status":"working","ttl":60000},${ODD}`,
  "a payment": `"resultType":"payment_required","accepts":[{"amount":"10000000000000000000000"}],${ODD}`,
  "structured content": `"structuredContent":{"z":1,"a":[1.0,{"b":-0.0}]},"content":[],${ODD}`,
};

/** Errors, as JSON. */
export const ERRORS: Readonly<Record<string, string>> = {
  "an unknown code": `{"code":-31999,"message":"m\\u00e9","data":{${ODD}}, ${ODD}}`,
  "the code of a missing resource": `{"code" : -32002,"message":"m","data":{${ODD}}}`,
  "a code of the server's own": `{"message" : "first","code":4001 ,"data":"\\/"}`,
};

/** Params of notifications during a call, without braces; TOKEN stands for the progress token. */
export const PROGRESS = `"progressToken" : TOKEN,"progress":1.0,"total":1e1,"message":"\\u0031",${ODD}`;
