import { createInternalClient } from "@gatewayops/platform/rpc/client";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { asAdmin } from "../client/admin-session.ts";
import { readJsonFile, writePrivateFile } from "../private-file.ts";
import { Problem } from "../problem.ts";
import { loopbackUrl } from "./environment.ts";
import { logFileOf, type Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import type { Secrets } from "./secrets.ts";

export const ADMIN_EMAIL = "admin@gatewayops.local";

/** Milliseconds for the first organisation: it hashes a password and a key, on a busy machine. */
const BOOTSTRAP_MS = 30_000;

/** The demo's organisation, team, admin, key, servers and prices: made, or found again. */
export async function makeDemo(options: {
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly layout: Layout;
}): Promise<{ orgId: string; teamId: string }> {
  const explain =
    (what: string, service: string) =>
    (cause: unknown): never => {
      throw new Problem(
        `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
        `Read ${logFileOf(options.layout, service)} and start again.`,
        { cause },
      );
    };
  const ids = await bootstrap(options).catch(
    explain("svc-auth did not make the demo organisation", "svc-auth"),
  );
  await setPrices({ ...options, orgId: ids.orgId }).catch(
    explain("svc-cost did not take the demo's prices", "svc-cost"),
  );
  return ids;
}

async function bootstrap(options: {
  readonly ports: Ports;
  readonly secrets: Secrets;
}): Promise<{ orgId: string; teamId: string }> {
  const { ports, secrets } = options;
  const auth = createInternalClient(InternalAuthService, {
    baseUrl: loopbackUrl(ports["svc-auth-grpc"]),
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
      { name: "everything", url: `${loopbackUrl(ports["mcp-everything"])}/mcp` },
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
 * when they were removed. A file remembers for which organisation it was done.
 */
async function setPrices(options: {
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly layout: Layout;
  readonly orgId: string;
}): Promise<void> {
  const { ports, secrets, layout, orgId } = options;
  const done = readJsonFile(layout.demoFile) as { pricedOrgId?: string } | undefined;
  if (done?.pricedOrgId === orgId) return;
  const admin = { email: ADMIN_EMAIL, password: secrets.adminPassword };
  await asAdmin(loopbackUrl(ports["svc-auth"]), admin, async (clientOf) => {
    const prices = clientOf(PriceService, loopbackUrl(ports["svc-cost"]));
    const { items } = await prices.listPriceRules({ limit: 1 });
    if (items.length > 0) return;
    for (const rule of DEMO_PRICES) await prices.createPriceRule(rule);
  });
  writePrivateFile(layout.demoFile, JSON.stringify({ pricedOrgId: orgId }));
}
