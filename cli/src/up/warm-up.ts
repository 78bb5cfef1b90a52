/** Milliseconds for a first list: a stdio server is started for it. */
const TIMEOUT_MS = 30_000;

/**
 * Lists a server's tools once through the gateway, so that the first call of an agent finds
 * everything started. Returns what is wrong, undefined when it works.
 */
export async function warmUp(
  gatewayUrl: string,
  apiKey: string,
  server: string,
): Promise<string | undefined> {
  try {
    const answer = await fetch(`${gatewayUrl}/v1/mcp/${server}/tools/list`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    return answer.ok ? undefined : `${String(answer.status)} ${text.slice(0, 300)}`;
  } catch (error) {
    const cause = (error as Error).cause;
    return cause instanceof Error ? cause.message : (error as Error).message;
  }
}
