import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import { MethodDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createContextValues, type UnaryRequest, type UnaryResponse } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import {
  InternalCostService,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Failure } from "../errors.ts";
import { accessInterceptor, accessRules, INTERNAL_HEADER } from "./access.ts";
import { callerKey, isGranted, type Caller } from "./caller.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const SERVICES: readonly DescService[] = [PriceService, SessionService, InternalCostService];

function callerWith(...permissions: string[]): Caller {
  return {
    orgId: "org",
    orgName: "Acme",
    userId: "",
    keyId: "key",
    email: "",
    name: "agent",
    role: "",
    permissions: new Set(permissions),
    expireTime: undefined,
  };
}

/** The reason a request is refused with, or "admitted"; and who is put into the context. */
async function outcomeOf(
  method: DescMethod,
  headers: Record<string, string>,
  caller?: Caller,
): Promise<{ outcome: string; caller: Caller | undefined }> {
  const contextValues = createContextValues();
  const request = {
    method,
    header: new Headers(headers),
    contextValues,
    stream: false,
  } as unknown as UnaryRequest;
  const intercept = accessInterceptor(SERVICES, {
    authenticate: () => Promise.resolve(caller),
    internalSecret: SECRET,
  });
  try {
    await intercept(() => Promise.resolve({} as UnaryResponse))(request);
    return { outcome: "admitted", caller: contextValues.get(callerKey) };
  } catch (error) {
    if (error instanceof Failure) return { outcome: error.reason, caller: undefined };
    throw error;
  }
}

const { createPriceRule, listPriceRules } = PriceService.method;
const { signIn, whoAmI } = SessionService.method;
const { getPriceBook } = InternalCostService.method;

describe("accessRules", () => {
  it("knows the rule of every method", () => {
    const rules = accessRules(SERVICES);
    expect(rules.get("gatewayops.cost.v1.PriceService/CreatePriceRule")).toEqual({
      case: "permission",
      value: "prices:create",
    });
    expect(rules.get("gatewayops.cost.v1.InternalCostService/GetPriceBook")?.case).toBe("internal");
    expect(rules.get("gatewayops.auth.v1.SessionService/SignIn")?.case).toBe("public");
  });

  it("refuses a method without a rule, so that the service does not start", () => {
    const bare = {
      ...listPriceRules,
      name: "Bare",
      proto: create(MethodDescriptorProtoSchema, { name: "Bare" }),
    } as unknown as DescMethod;
    const service = { ...PriceService, methods: [bare] } as unknown as DescService;
    expect(() => accessRules([service])).toThrow(/PriceService\/Bare declares no/);
  });
});

describe("accessInterceptor", () => {
  it("admits who has the permission, and says who it is", async () => {
    const caller = callerWith("prices:create");
    expect(await outcomeOf(createPriceRule, { authorization: "Bearer x" }, caller)).toEqual({
      outcome: "admitted",
      caller,
    });
  });

  it.each([
    ["nobody", listPriceRules, undefined, "CREDENTIALS_MISSING"],
    ["no permission", listPriceRules, callerWith(), "PERMISSION_DENIED"],
    ["another action", createPriceRule, callerWith("prices:read"), "PERMISSION_DENIED"],
    ["another resource", listPriceRules, callerWith("traces:read"), "PERMISSION_DENIED"],
    ["all actions", createPriceRule, callerWith("prices:*"), "admitted"],
    ["everything", createPriceRule, callerWith("*"), "admitted"],
    ["anyone known", whoAmI, callerWith(), "admitted"],
    ["anyone unknown", whoAmI, undefined, "CREDENTIALS_MISSING"],
    ["the public", signIn, undefined, "admitted"],
  ])("%s", async (_, method, caller, outcome) => {
    expect((await outcomeOf(method, { authorization: "x" }, caller)).outcome).toBe(outcome);
  });

  it("admits to internal methods by the secret alone", async () => {
    const given = async (headers: Record<string, string>): Promise<string> =>
      (await outcomeOf(getPriceBook, headers, callerWith("*"))).outcome;
    expect(await given({ [INTERNAL_HEADER]: SECRET })).toBe("admitted");
    expect(await given({})).toBe("PERMISSION_DENIED");
    expect(await given({ [INTERNAL_HEADER]: "" })).toBe("PERMISSION_DENIED");
    expect(await given({ [INTERNAL_HEADER]: SECRET.slice(1) })).toBe("PERMISSION_DENIED");
    expect(await given({ [INTERNAL_HEADER]: SECRET.replace("0", "1") })).toBe("PERMISSION_DENIED");
    expect(await given({ authorization: "Bearer x" })).toBe("PERMISSION_DENIED");
  });

  it.each([
    // headers of a change, whether it may be made
    [{ cookie: "gwo_session=x", "sec-fetch-site": "same-origin" }, true],
    [{ cookie: "gwo_session=x", "sec-fetch-site": "none" }, true],
    [{ cookie: "gwo_session=x", "sec-fetch-site": "same-site" }, false],
    [{ cookie: "gwo_session=x", "sec-fetch-site": "cross-site" }, false],
    [{ cookie: "gwo_session=x", origin: "http://gw:8080", host: "gw:8080" }, true],
    [{ cookie: "gwo_session=x", origin: "http://gw:8081", host: "gw:8080" }, false],
    [{ cookie: "gwo_session=x", origin: "http://evil", host: "gw:8080" }, false],
    [{ cookie: "gwo_session=x", origin: "null", host: "gw:8080" }, false],
    [{ cookie: "gwo_session=x" }, false],
    // Sec-Fetch-Site is the browser's own word; Origin adds nothing to it.
    [
      {
        cookie: "gwo_session=x",
        "sec-fetch-site": "cross-site",
        origin: "http://gw:8080",
        host: "gw:8080",
      },
      false,
    ],
    [{ authorization: "Bearer gwo_x" }, true],
    [{ authorization: "Bearer gwo_x", cookie: "other=1" }, true],
  ])("a change with %j: %s", async (headers, isAllowed) => {
    expect((await outcomeOf(createPriceRule, headers, callerWith("*"))).outcome).toBe(
      isAllowed ? "admitted" : "ORIGIN_FORBIDDEN",
    );
  });

  it("lets reads come from anywhere, since they change nothing", async () => {
    const headers = { cookie: "gwo_session=x", "sec-fetch-site": "cross-site" };
    expect((await outcomeOf(listPriceRules, headers, callerWith("*"))).outcome).toBe("admitted");
  });

  it("refuses to sign a browser in from another site", async () => {
    expect((await outcomeOf(signIn, { "sec-fetch-site": "cross-site" })).outcome).toBe(
      "ORIGIN_FORBIDDEN",
    );
  });
});

describe("isGranted", () => {
  it("takes no resource for another that begins alike", () => {
    expect(isGranted(new Set(["price:*"]), "prices:read")).toBe(false);
    expect(isGranted(new Set(["prices:rea"]), "prices:read")).toBe(false);
    expect(isGranted(new Set([":*"]), "prices:read")).toBe(false);
  });
});
