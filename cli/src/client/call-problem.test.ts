import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import { connectErrorFrom } from "@gatewayops/platform/rpc/errors";
import { problemFromCall } from "./call-problem.ts";

const asked = { url: "http://gw", keySource: "--key", key: "gwo_dev_0123456789abcdef" };

describe("problemFromCall", () => {
  it("says how to start what does not answer", () => {
    const problem = problemFromCall(new ConnectError("refused", Code.Unavailable), asked);
    expect(problem).toMatchObject({ message: "http://gw does not answer: refused" });
    expect((problem as { nextStep: string }).nextStep).toContain("npm start");
  });

  it("says which key was not accepted, without showing it", () => {
    const error = connectErrorFrom(new Failure("KEY_REVOKED", "The key was revoked."));
    const { message } = problemFromCall(error, asked) as Error;
    expect(message).toContain("gwo_dev_01234567… of --key");
    expect(message).not.toContain("abcdef");
  });

  it("lists what is wrong with which field", () => {
    const error = connectErrorFrom(
      new Failure("REQUEST_INVALID", "Bad.", { details: [{ field: "name", message: "too long" }] }),
    );
    expect((problemFromCall(error, asked) as Error).message).toContain("name: too long");
  });

  it("leaves other errors alone", () => {
    const error = new TypeError("a bug");
    expect(problemFromCall(error, asked)).toBe(error);
  });
});
