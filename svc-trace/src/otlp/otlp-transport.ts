/** What came of a request (OTLP specification, "OTLP/gRPC Response" and "OTLP/HTTP Response"). */
export type SendOutcome =
  /** Taken, but for some spans that the receiver rejected; they are not to be sent again. */
  | { readonly kind: "accepted"; readonly rejectedSpans: number; readonly message: string }
  /** Not taken: the same may be sent again, not before the receiver's delay where it names one. */
  | { readonly kind: "retry"; readonly afterMs: number | undefined; readonly problem: string }
  /** Not taken, and must not be sent again. */
  | { readonly kind: "refused"; readonly problem: string };

/** Sends serialized ExportTraceServiceRequests. */
export type OtlpTransport = {
  /** Sends one, within the time-out. Never rejects. */
  send(request: Uint8Array): Promise<SendOutcome>;
  close(): void;
};

/** Where and how requests are sent. */
export type OtlpTransportOptions = {
  /** For example "http://127.0.0.1:4318". */
  readonly endpoint: string;
  /** Sent with each request; they may hold a secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds a request may take. */
  readonly timeoutMs: number;
};

/**
 * Headers as OTEL_EXPORTER_OTLP_HEADERS writes them: "name=value,other=value", values percent-encoded where they must be.
 *
 * @throws Error when the text is not such a list; it does not repeat the text
 */
export function headersFrom(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const part of text.split(",").filter((entry) => entry.trim() !== "")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim().toLowerCase();
    if (at < 1 || !/^[a-z0-9-]+$/.test(name)) throw notHeaders();
    headers[name] = decoded(part.slice(at + 1).trim());
  }
  return headers;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // A "%" that is none of an encoding.
    throw notHeaders();
  }
}

function notHeaders(): Error {
  return new Error(
    'GWO_OTLP_HEADERS must be headers written as "name=value,other=value", with "%" in values written as "%25".',
  );
}
