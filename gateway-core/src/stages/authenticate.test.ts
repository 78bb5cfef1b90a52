import { describe, expect, it } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import type { Directory } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";
import { createAuthenticateStage, type CredentialHeader } from "./authenticate.ts";

/** What a header is taken for: the key that is asked for, or the reason of its refusal. */
function keyIn(
  header: string | string[] | undefined,
  credentials: CredentialHeader = { header: "Authorization", prefix: "Bearer gwo_" },
): string {
  let asked = "";
  const directory = {
    principal: (key: string) => {
      asked = key;
      return {} as Principal;
    },
  } as Directory;
  try {
    void createAuthenticateStage(directory, credentials)(header);
  } catch (error) {
    if (error instanceof Failure) return error.reason;
    throw error;
  }
  return asked;
}

describe("the authenticate stage", () => {
  it("takes the key after the scheme", () => {
    expect(keyIn("Bearer gwo_prod_abc")).toBe("gwo_prod_abc");
    expect(keyIn("bearer gwo_prod_abc")).toBe("gwo_prod_abc"); // RFC 9110 §11.1: schemes are case-insensitive
    expect(keyIn("Bearer gwo_prod_abc ")).toBe("gwo_prod_abc");
  });

  it("refuses a request without credentials", () => {
    expect(keyIn(undefined)).toBe("CREDENTIALS_MISSING");
    expect(keyIn("")).toBe("CREDENTIALS_MISSING");
    expect(keyIn(["Bearer gwo_a", "Bearer gwo_b"])).toBe("CREDENTIALS_MISSING");
  });

  it("refuses what does not begin as a key does, without asking anyone", () => {
    for (const header of [
      "gwo_prod_abc",
      "Basic gwo_prod_abc",
      "Bearer",
      "Bearer sk_1",
      "Bearergwo_1",
    ])
      expect(keyIn(header)).toBe("KEY_INVALID");
  });

  it("takes the key from the header and after the prefix that are configured", () => {
    const plain = { header: "X-API-Key", prefix: "gwo_" };
    expect(keyIn("gwo_prod_abc", plain)).toBe("gwo_prod_abc");
    expect(keyIn("Bearer gwo_prod_abc", plain)).toBe("KEY_INVALID");
    const scheme = { header: "X-Auth", prefix: "Token gwo_" };
    expect(keyIn("Token gwo_prod_abc", scheme)).toBe("gwo_prod_abc");
    expect(keyIn("Bearer gwo_prod_abc", scheme)).toBe("KEY_INVALID");
  });

  it("says which header it wants, and never what it got", () => {
    const stage = createAuthenticateStage({} as Directory, {
      header: "X-API-Key",
      prefix: "gwo_",
    });
    expect(() => stage("secret-4711")).toThrow(/X-API-Key: gwo_/);
    expect(() => stage("secret-4711")).not.toThrow(/4711/);
  });
});
