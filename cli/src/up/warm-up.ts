import { request } from "node:http";

/** Milliseconds for a first list: a stdio server is started for it. */
const TIMEOUT_MS = 30_000;

/**
 * Lists a server's tools through the gateway, so that the first call of an agent finds everything
 * started. Returns what is wrong, undefined when it works.
 */
export function warmUp(
  gatewayUrl: string,
  apiKey: string,
  server: string,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const url = `${gatewayUrl}/v1/mcp/${server}/tools/list`;
    const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
    const sent = request(url, { method: "POST", headers, agent: false, timeout: TIMEOUT_MS });
    sent.once("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.once("error", (error) => {
      resolve(error.message);
    });
    sent.once("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.once("end", () => {
        const status = answer.statusCode ?? 0;
        resolve(status === 200 ? undefined : `${String(status)} ${text.slice(0, 300)}`);
      });
      answer.once("error", (error) => {
        resolve(error.message);
      });
    });
    sent.end("{}");
  });
}
