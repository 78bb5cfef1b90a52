import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { OtlpTransport, OtlpTransportOptions, SendOutcome } from "./otlp-transport.ts";

/** Statuses after which the same request may be sent again (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Bytes of an answer that are read. */
const ANSWER_MAX_BYTES = 64 * 1024;

/** Sends by OTLP/HTTP with binary protobuf, to `/v1/traces` below the endpoint. */
export function createHttpTransport(options: OtlpTransportOptions): OtlpTransport {
  const url = `${options.endpoint.replace(/\/+$/, "")}/v1/traces`;
  const headers = { ...options.headers, "content-type": "application/x-protobuf" };
  return {
    async send(request) {
      try {
        const response = await fetch(url, {
          method: "POST",
          headers,
          body: request as Uint8Array<ArrayBuffer>,
          // A receiver that has moved is the operator's to name: headers may hold a secret.
          redirect: "error",
          signal: AbortSignal.timeout(options.timeoutMs),
        });
        const body = await readAtMost(response, ANSWER_MAX_BYTES);
        return outcomeOf(response, body);
      } catch (error) {
        return { kind: "retry", afterMs: undefined, problem: problemOf(error) };
      }
    },
    // Connections of fetch end by themselves.
    close: () => undefined,
  };
}

function outcomeOf(response: Response, body: Uint8Array): SendOutcome {
  const { status } = response;
  if (status >= 200 && status < 300) return acceptedOf(body);
  const problem = `the receiver answered HTTP ${status}`;
  if (!RETRYABLE.has(status)) return { kind: "refused", problem };
  return { kind: "retry", afterMs: retryAfterMs(response.headers.get("retry-after")), problem };
}

/** What a successful answer says of spans that were rejected all the same. */
export function acceptedOf(body: Uint8Array): SendOutcome {
  try {
    const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(body);
    return {
      kind: "accepted",
      rejectedSpans: partialSuccess?.rejectedSpans ?? 0,
      message: partialSuccess?.errorMessage ?? "",
    };
  } catch {
    // Receivers answer success with bodies of their own; it is success all the same.
    return { kind: "accepted", rejectedSpans: 0, message: "" };
  }
}

/** Milliseconds that a Retry-After asks for: seconds or a date (RFC 9110 §10.2.3). Undefined when it says nothing. */
export function retryAfterMs(value: string | null, nowMs = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1_000;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, time - nowMs);
}

async function readAtMost(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function problemOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
