import { get } from "node:http";
import { connect } from "node:net";

const TIMEOUT_MS = 2_000;

/**
 * True when the URL answers 200. Asked often during a start, so by the plainest means: nothing is sent
 * before somebody listens.
 */
export async function answersOk(url: string): Promise<boolean> {
  if ((await greet(Number(new URL(url).port), "")) === undefined) return false;
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.once("timeout", () => request.destroy());
    // Reset or out of time: not up.
    request.on("error", () => {
      resolve(false);
    });
  });
}

/** What the URL's body says when it does not answer 2xx, or why it does not answer; undefined when it does. */
export async function trouble(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.text();
    return answer.ok ? undefined : `${String(answer.status)} ${text.slice(0, 300)}`;
  } catch (error) {
    const cause = (error as Error).cause;
    return cause instanceof Error ? cause.message : (error as Error).message;
  }
}

/** The first bytes that a loopback port answers to a greeting; undefined when it does not. */
export function greet(port: number, greeting: Uint8Array | string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (answer: string | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => {
      finish(undefined);
    });
    socket.once("error", () => {
      finish(undefined);
    });
    socket.once("connect", () => {
      if (greeting.length === 0) finish("");
      else socket.write(greeting);
    });
    socket.once("data", (bytes) => {
      finish(bytes.toString("latin1"));
    });
  });
}
