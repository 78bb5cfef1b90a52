import { createInternalClient } from "@gatewayops/platform/rpc/client";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { asAdmin, type Admin } from "../client/admin-session.ts";
import { readJsonFile, writePrivateFile } from "../private-file.ts";
import type { Secrets } from "./secrets.ts";

export const ADMIN_EMAIL = "admin@gatewayops.local";

/** Milliseconds for the first organisation: it hashes a password and a key, on a busy machine. */
const BOOTSTRAP_MS = 30_000;

/** The demo's organisation, team, admin, key and servers: made, or found again. */
export async function bootstrapDemo(options: {
  readonly authGrpcUrl: string;
  readonly secrets: Secrets;
  readonly everythingUrl: string;
}): Promise<{ orgId: string; teamId: string }> {
  const { secrets } = options;
  const auth = createInternalClient(InternalAuthService, {
    baseUrl: options.authGrpcUrl,
    internalSecret: secrets.internalSecret,
    timeoutMs: BOOTSTRAP_MS,
  });
  const { orgId, teamId } = await auth.bootstrap({
    orgName: "Demo",
    orgSlug: "demo",
    teamName: "Platform",
    teamSlug: "platform",
    adminEmail: ADMIN_EMAIL,
    adminPassword: secrets.adminPassword,
    apiKey: secrets.apiKey,
    apiKeyName: "demo",
    apiKeyScopes: {
      servers: ["*"],
      tools: [],
      permissions: ["traces:read", "costs:read"],
      rateRps: 100_000,
      rateBurst: 100_000,
    },
    servers: [
      { name: "everything", url: options.everythingUrl },
      { name: "filesystem", url: "stdio:filesystem" },
    ],
  });
  return { orgId, teamId };
}

const DEMO_PRICES = [
  { server: "everything", tool: "*", perCallUsdMicros: 1_000n },
  { server: "filesystem", tool: "*", perCallUsdMicros: 500n },
  { server: "everything", tool: "echo", perCallUsdMicros: 250n },
];

/**
 * Gives the demo's servers a price, once: not when the organisation has a rule already, and not again
 * when they were removed. The file remembers for which organisation it was done.
 */
export async function priceDemo(options: {
  readonly authUrl: string;
  readonly costUrl: string;
  readonly admin: Admin;
  readonly orgId: string;
  readonly memoryFile: string;
}): Promise<void> {
  const done = readJsonFile(options.memoryFile) as { pricedOrgId?: string } | undefined;
  if (done?.pricedOrgId === options.orgId) return;
  await asAdmin(options.authUrl, options.admin, async (clientOf) => {
    const prices = clientOf(PriceService, options.costUrl);
    const { items } = await prices.listPriceRules({ limit: 1 });
    if (items.length > 0) return;
    for (const rule of DEMO_PRICES) await prices.createPriceRule(rule);
  });
  writePrivateFile(options.memoryFile, JSON.stringify({ pricedOrgId: options.orgId }));
}
