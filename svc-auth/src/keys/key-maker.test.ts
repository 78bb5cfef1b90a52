import { describe, expect, it } from "@jest/globals";
import { anOrganization, aKey, aTeam, newId, TIME } from "../../test/samples.ts";
import { NO_ACCESS, type AccessScopes } from "../access/access-scopes.ts";
import { createMemoryStores } from "../stores.ts";
import { DEFAULT_SCOPES } from "./api-key.ts";
import { createKeyMaker } from "./key-maker.ts";

const EVERYTHING: AccessScopes = { ...NO_ACCESS, servers: ["*"] };

/** Makes a key of no team by a key of a team that has the scopes. */
async function makeBeside(scopes: AccessScopes | undefined): Promise<string> {
  const { organizations, teams, keys } = createMemoryStores();
  const { id: orgId } = await organizations.ensure(anOrganization());
  const team = await teams.create(orgId, aTeam(orgId, { scopes }));
  const own = aKey(orgId, { teamId: team.id });
  await keys.create(orgId, own);
  const hasher = { hash: (text: string) => Promise.resolve(`(${text})`), verify: unused };
  const now = () => TIME.getTime();
  const maker = createKeyMaker({ keys, teams, hasher, now, newId });
  const caller = {
    orgId,
    orgName: "",
    userId: "",
    keyId: own.key.id,
    email: "",
    name: "",
    role: "",
    permissions: new Set<string>(),
    expireTime: undefined,
  };
  const wish = {
    name: "x",
    environment: "test",
    teamId: undefined,
    scopes: DEFAULT_SCOPES,
    expireTime: undefined,
  };
  return (await maker.make(caller, wish)).key.name;
}
const unused = () => Promise.reject(new Error("not used"));

describe("createKeyMaker", () => {
  it.each<[string, AccessScopes | undefined]>([
    ["no scopes", undefined],
    ["scopes that restrict nothing", EVERYTHING],
  ])("makes a key outside of a team with %s", async (_, scopes) => {
    expect(await makeBeside(scopes)).toBe("x");
  });

  it.each<[string, AccessScopes]>([
    ["that name servers", { ...NO_ACCESS, servers: ["files"] }],
    ["that name tools", { ...EVERYTHING, tools: ["files/read"] }],
    ["that deny something", { ...EVERYTHING, denyPrompts: ["files/x"] }],
    ["of no server at all", NO_ACCESS],
  ])("makes none outside of a team with scopes %s", async (_, scopes) => {
    await expect(makeBeside(scopes)).rejects.toMatchObject({ reason: "PERMISSION_DENIED" });
  });
});
