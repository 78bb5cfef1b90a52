import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { create, type DescService } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { loadConfig } from "@gatewayops/platform/config";
import { REASONS, type Reason } from "@gatewayops/platform/errors";
import { toRestJson } from "@gatewayops/platform/rpc/rest-json";
import { restRoutes } from "@gatewayops/platform/rpc/rest-routes";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { BudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { createQueryMetrics } from "@gatewayops/platform/query-metrics";
import { createServerMetrics } from "@gatewayops/platform/rpc/metrics";
import { createConsumerMetrics } from "@gatewayops/platform/streams/consumer-metrics";
import { Registry } from "prom-client";
import { parse as parseYaml } from "yaml";
import {
  GATEWAY_SCHEMA,
  STDIO_YAML_PATH,
  stdioServersFrom,
} from "../../gateway-core/src/config.ts";
import { logGauges } from "../../gateway-core/src/events/log-gauges.ts";
import { CallMetrics } from "../../gateway-core/src/http/call-metrics.ts";
import { heldGauges } from "../../gateway-core/src/http/held-gauges.ts";
import { createAuthMetrics } from "../../svc-auth/src/metrics.ts";
import {
  countingCostEvents,
  createBudgetMetrics,
  createWallMetrics,
} from "../../svc-cost/src/metrics.ts";
import {
  countingTraces,
  createOtlpMetrics,
  createTailMetrics,
} from "../../svc-trace/src/metrics.ts";
import { configText } from "../../tools/generate-config-doc.ts";
import { openapiText } from "../../tools/generate-openapi.ts";

const ROOT = new URL("../../", import.meta.url);
const SERVICES: readonly DescService[] = [
  ApiKeyService,
  BudgetService,
  CostService,
  McpServerService,
  OrganizationService,
  PriceService,
  SessionService,
  TraceService,
];

describe("docs/errors.md", () => {
  const rows = readDoc("errors.md")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")));

  it("has a row for every reason and no other, in the order of the table", () => {
    expect(rows.map((cells) => cells[1])).toEqual(Object.keys(REASONS));
  });

  it.each(Object.keys(REASONS) as Reason[])("says what the table says of %s", (reason) => {
    const { number, http, rest, code, advice } = REASONS[reason];
    const cells = rows.find((row) => row[1] === reason) ?? [];
    expect(cells.slice(1, 8)).toEqual([
      reason,
      String(number),
      String(http),
      rest,
      snakeCase(Code[code]),
      // JSON-RPC codes of the MCP face, see rpcErrorBody.
      String(1_000 + number),
      advice,
    ]);
    expect(cells[8]).toMatch(/\.$/);
  });
});

describe("docs/config.md", () => {
  it("is what the schemas generate", async () => {
    expect(await configText()).toBe(readDoc("config.md"));
  });
});

describe("docs/config.example.yaml", () => {
  const yaml = readDoc("config.example.yaml");
  const env = {
    REDIS_URL: "redis://127.0.0.1:6379",
    GWO_AUTH_URL: "http://127.0.0.1:9091",
    GWO_COST_URL: "http://127.0.0.1:9092",
    GWO_TRACE_URL: "http://127.0.0.1:9093",
    GWO_INTERNAL_SECRET: "i".repeat(32),
    GWO_SESSION_SECRET: "s".repeat(32),
  };

  it("is taken by the gateway, and says every default as it is", () => {
    const given = loadConfig(GATEWAY_SCHEMA, { env, yaml, otherYaml: [STDIO_YAML_PATH] });
    const defaults = loadConfig(GATEWAY_SCHEMA, {
      env: { ...env, GWO_REDIS_URL: env.REDIS_URL },
    });
    expect(given).toEqual(defaults);
    expect(stdioServersFrom(yaml, env)).toHaveLength(1);
  });

  it("names every key there is", () => {
    const root: unknown = parseYaml(yaml);
    for (const { yaml: path } of Object.values<{ yaml?: string }>(GATEWAY_SCHEMA))
      if (path !== undefined) expect([path, leafOf(root, path)]).not.toContain(undefined);
  });
});

describe("docs/openapi.json", () => {
  const document = JSON.parse(readDoc("openapi.json")) as OpenApi;

  it("is what the contract generates", async () => {
    expect(await openapiText()).toBe(readDoc("openapi.json"));
  });

  it("has every REST path that is served to the outside, and no other below /v1 but /v1/mcp", () => {
    const documented = Object.entries(document.paths)
      .filter(([path]) => path.startsWith("/v1/") && !path.startsWith("/v1/mcp/"))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
    const served = restRoutes(SERVICES).map(
      ({ httpMethod, path }) => `${httpMethod.toLowerCase()} ${path}`,
    );
    expect(documented.sort()).toEqual(served.sort());
  });

  it.each(restRoutes(SERVICES).map((route) => route.method.output))(
    "promises of $name what REST answers hold",
    (output) => {
      const answer = JSON.parse(JSON.stringify(toRestJson(output, create(output)))) as object;
      const required = document.components.schemas[output.name]?.required ?? [];
      expect(Object.keys(answer).sort()).toEqual([...required].sort());
    },
  );

  it("offers no value that stands for none", () => {
    expect(readDoc("openapi.json").toLowerCase()).not.toContain("unspecified");
  });

  it("refers to nothing that is not there", () => {
    for (const [, path = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g))
      expect([path, leafOf(document, path.replaceAll("/", "."))]).not.toContain(undefined);
  });
});

describe("documents", () => {
  const files = documents();

  it.each(files)("%s links to files that exist", (file) => {
    const targets = [...readRoot(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !target.endsWith(".png"));
    expect(targets.filter((target) => !existsSync(new URL(target, new URL(file, ROOT))))).toEqual(
      [],
    );
  });

  it.each(files)("%s names files of the repository that exist", (file) => {
    const named = [...readRoot(file).matchAll(NAMED_FILE)].map(([, path = ""]) => path);
    expect(named.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
  });

  it("docs/architecture.md names files of the pipeline that exist", () => {
    const named = [...readDoc("architecture.md").matchAll(/`((?:\w+\/)[\w-]+\.ts)`/g)];
    expect(named.length).toBeGreaterThan(10);
    for (const [, path = ""] of named)
      expect([path, existsSync(new URL(`gateway-core/src/${path}`, ROOT))]).toEqual([path, true]);
  });
});

describe("docs/metrics.md", () => {
  it("names every metric of our own, and no other", () => {
    const registry = new Registry();
    const callMetrics = new CallMetrics();
    callMetrics.register(registry);
    callMetrics.registerGauges(
      registry,
      logGauges({ bytes: 0, openCalls: 0, lastCompletedSequence: 0 }, { shippedSequence: 0 }),
    );
    const none = { size: 0 };
    callMetrics.registerGauges(
      registry,
      heldGauges(
        {
          streams: none,
          running: none,
          parked: none,
          asked: none,
          calls: { sessions: none },
          sessions: { remembered: 0 },
        },
        { counts: () => ({ waiting: 0, instances: 0, ejected: 0 }) },
      ),
    );
    createServerMetrics(registry);
    createConsumerMetrics(registry, "cost", 0);
    createAuthMetrics(registry);
    createQueryMetrics(registry);
    countingCostEvents(registry, () => Promise.resolve());
    createBudgetMetrics(registry);
    createWallMetrics(registry);
    countingTraces(registry, () => Promise.resolve());
    createTailMetrics(registry);
    createOtlpMetrics(registry);
    const documented = readDoc("metrics.md").matchAll(/^\| `([a-z_]+)`/gm);
    expect([...documented].map(([, name]) => name).sort()).toEqual(
      registry
        .getMetricsAsArray()
        .map(({ name }) => name)
        .sort(),
    );
  });
});

/** Paths in code marks that say which workspace they are in. */
const NAMED_FILE =
  /`((?:platform|gateway-core|svc-auth|svc-cost|svc-trace|cli|engines|tools|docs|proto)\/[\w./-]+\.(?:ts|mjs|sql|json|md|yaml|proto))`/g;

type OpenApi = {
  readonly paths: Readonly<Record<string, object>>;
  readonly components: { readonly schemas: Readonly<Record<string, { required?: string[] }>> };
};

function documents(): string[] {
  const inDocs = readdirSync(new URL("docs/", ROOT), { recursive: true, encoding: "utf8" });
  return [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "platform/README.md",
    "gateway-core/README.md",
    "proto/README.md",
    ...inDocs.filter((path) => path.endsWith(".md")).map((path) => `docs/${path}`),
  ];
}

function readRoot(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

function readDoc(name: string): string {
  return readRoot(`docs/${name}`);
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}

/** The value at a dotted path, undefined when there is none. */
function leafOf(root: unknown, path: string): unknown {
  let value = root;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[key];
  return value;
}
