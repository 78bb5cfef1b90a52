import { describe, expect, it } from "@jest/globals";
import { aKey, newId, seedOrg, TIME } from "../../test/samples.ts";
import { changeOfKey } from "../keys/key-store.ts";
import { changeOfServer } from "../servers/server-store.ts";
import { createMemoryStores } from "../stores.ts";
import { createChangeTeller } from "./auth-change.ts";

describe("createChangeTeller", () => {
  const stamp = { changeId: newId(), time: TIME };

  it("ends cached answers of a key before it tells gateways", async () => {
    const told: string[] = [];
    const tell = createChangeTeller({
      fenceKey: (prefix) => Promise.resolve(void told.push(`fence ${prefix}`)),
      broadcast: ({ kind }) => Promise.resolve(void told.push(kind)),
    });
    const { orgId } = await seedOrg(createMemoryStores());
    const { key } = aKey(orgId);
    await tell(changeOfKey(key, stamp));
    await tell(changeOfServer(orgId, "files", stamp));
    expect(told).toEqual([`fence ${key.prefix}`, "key", "server"]);
  });

  it("tells no gateway while it is not sure that cached answers ended", async () => {
    const tell = createChangeTeller({
      fenceKey: () => Promise.reject(new Error("away")),
      broadcast: () => Promise.reject(new Error("told")),
    });
    const { key } = aKey(newId());
    await expect(tell(changeOfKey(key, stamp))).rejects.toThrow("away");
  });
});
