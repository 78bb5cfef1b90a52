import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { describe, expect, it } from "@jest/globals";

import { expiryTimeMs } from "./key-expiry.ts";
import { describeServers, keyStateOf } from "./key-state.ts";
import { patternProblem, patternsFrom } from "./patterns.ts";
import { grantablePermissions } from "./permission-list.ts";

const NOW = Date.parse("2026-03-01T00:00:00Z");

describe("keyStateOf", () => {
  it("is active until it expires", () => {
    expect(keyStateOf({}, NOW)).toBe("active");
    expect(keyStateOf({ expireTime: timestampFromMs(NOW + 1) }, NOW)).toBe("active");
    expect(keyStateOf({ expireTime: timestampFromMs(NOW) }, NOW)).toBe("expired");
  });

  it("is suspended until it ends for good", () => {
    const time = timestampFromMs(NOW - 1);
    expect(keyStateOf({ suspendTime: time }, NOW)).toBe("suspended");
    expect(keyStateOf({ suspendTime: time, expireTime: time }, NOW)).toBe("expired");
    expect(keyStateOf({ suspendTime: time, revokeTime: time }, NOW)).toBe("revoked");
  });

  it("stays revoked after its expiry", () => {
    const time = timestampFromMs(NOW - 1);
    expect(keyStateOf({ revokeTime: time, expireTime: time }, NOW)).toBe("revoked");
  });
});

describe("patternsFrom", () => {
  it("reads one pattern per line", () => {
    expect(patternsFrom(" files/read_* \n\n*/echo\n")).toEqual(["files/read_*", "*/echo"]);
    expect(patternsFrom("")).toEqual([]);
  });
});

describe("patternProblem", () => {
  it.each([
    ["", undefined],
    ["files/read_*", undefined],
    ["*/a\nfiles/file:///srv/*", undefined],
    ["files", "files"],
    ["a/b\nFiles/x", "Files/x"],
    ["files/a b", "files/a b"],
  ])("finds in %j the line %j", (text, line) => {
    expect(patternProblem(text)).toBe(line);
  });
});

describe("describeServers", () => {
  it("says what deny by default means", () => {
    expect(describeServers([])).toBe("No servers");
    expect(describeServers(["*"])).toBe("All servers");
    expect(describeServers(["everything", "filesystem"])).toBe("everything, filesystem");
  });
});

describe("expiryTimeMs", () => {
  it("counts whole days", () => {
    expect(expiryTimeMs("never", NOW)).toBeUndefined();
    expect(expiryTimeMs("30d", NOW)).toBe(Date.parse("2026-03-31T00:00:00Z"));
  });
});

describe("grantablePermissions", () => {
  const services = [ApiKeyService, SessionService];

  it("reads them from the contract, without those that need none", () => {
    expect(grantablePermissions(services, ["*"])).toEqual([
      "api_keys:create",
      "api_keys:delete",
      "api_keys:read",
      "api_keys:update",
    ]);
  });

  it("offers no more than the giver has", () => {
    expect(grantablePermissions(services, ["api_keys:read", "traces:read"])).toEqual([
      "api_keys:read",
    ]);
    expect(grantablePermissions(services, [])).toEqual([]);
  });
});
