import { describe, expect, it } from "@jest/globals";
import { ConfigError, loadConfig } from "@gatewayops/platform/config";
import { GATEWAY_SCHEMA, STDIO_YAML_PATH, stdioServersFrom, type GatewayConfig } from "./config.ts";

/** The example config.yaml of the specification, "Gateway Service", word for word. */
const EXAMPLE = `
server:
  http_port: 8080
  grpc_port: 9090
  read_timeout: 30s
  write_timeout: 30s
  idle_timeout: 120s
  max_request_size: 10MB

auth:
  api_key_header: "Authorization"
  api_key_prefix: "Bearer gwo_"

rate_limiting:
  enabled: true
  default_rps: 100
  burst_size: 50
  redis_url: "\${REDIS_URL}"

mcp_servers:
  discovery: "config"  # or "dns" for service discovery
  default_timeout: 30s
  max_retries: 3
  circuit_breaker:
    threshold: 5
    timeout: 30s

tracing:
  enabled: true
  sample_rate: 1.0  # 100% sampling
  exporter: "clickhouse"

logging:
  level: "info"
  format: "json"
  mask_sensitive: true
`;

const REQUIRED = {
  GWO_AUTH_URL: "http://127.0.0.1:1",
  GWO_COST_URL: "http://127.0.0.1:2",
  GWO_TRACE_URL: "http://127.0.0.1:3",
  GWO_INTERNAL_SECRET: "i".repeat(32),
  GWO_SESSION_SECRET: "s".repeat(32),
};

function load(yaml: string, env: Record<string, string> = {}): GatewayConfig {
  return loadConfig(GATEWAY_SCHEMA, {
    env: { ...REQUIRED, REDIS_URL: "redis://127.0.0.1:6379", ...env },
    yaml,
    otherYaml: [STDIO_YAML_PATH],
  });
}

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** The example with one line changed. */
function changed(line: string, to: string): string {
  expect(EXAMPLE).toContain(line);
  return EXAMPLE.replace(line, to);
}

describe("the specification's config.yaml", () => {
  it("is taken as it stands", () => {
    expect(load(EXAMPLE)).toMatchObject({
      httpPort: 8080,
      grpcPort: 9090,
      readTimeoutMs: 30_000,
      writeTimeoutMs: 30_000,
      idleTimeoutMs: 120_000,
      bodyMaxBytes: 10_485_760,
      apiKeyHeader: "Authorization",
      apiKeyPrefix: "Bearer gwo_",
      rateLimitEnabled: true,
      defaultRps: 100,
      defaultBurst: 50,
      redisUrl: "redis://127.0.0.1:6379",
      discovery: "config",
      defaultTimeoutMs: 30_000,
      maxRetries: 3,
      breakerThreshold: 5,
      breakerTimeoutMs: 30_000,
      tracingEnabled: true,
      sampleRate: 1,
      traceExporter: "clickhouse",
      logLevel: "info",
      logFormat: "json",
      maskSensitive: true,
    });
  });

  it("gives the same as an empty one, but for Redis", () => {
    expect(load("", { GWO_REDIS_URL: "redis://127.0.0.1:6379" })).toEqual(load(EXAMPLE));
  });

  it.each([
    ["http_port: 8080", "http_port: 8081", "httpPort", 8081],
    ["grpc_port: 9090", "grpc_port: 0", "grpcPort", 0],
    ["read_timeout: 30s", "read_timeout: 250ms", "readTimeoutMs", 250],
    ["write_timeout: 30s", "write_timeout: 2m", "writeTimeoutMs", 120_000],
    ["idle_timeout: 120s", "idle_timeout: 1h", "idleTimeoutMs", 3_600_000],
    ["max_request_size: 10MB", "max_request_size: 512KB", "bodyMaxBytes", 524_288],
    ["max_request_size: 10MB", "max_request_size: 2048", "bodyMaxBytes", 2048],
    ['api_key_header: "Authorization"', 'api_key_header: "X-API-Key"', "apiKeyHeader", "X-API-Key"],
    ['api_key_prefix: "Bearer gwo_"', 'api_key_prefix: "gwo_"', "apiKeyPrefix", "gwo_"],
    ["enabled: true\n  default_rps", "enabled: false\n  default_rps", "rateLimitEnabled", false],
    ["default_rps: 100", "default_rps: 7", "defaultRps", 7],
    ["burst_size: 50", "burst_size: 9", "defaultBurst", 9],
    ['"${REDIS_URL}"', "rediss://u:p@h:1/2", "redisUrl", "rediss://u:p@h:1/2"],
    ["default_timeout: 30s", "default_timeout: 5s", "defaultTimeoutMs", 5_000],
    ["max_retries: 3", "max_retries: 0", "maxRetries", 0],
    ["threshold: 5", "threshold: 1", "breakerThreshold", 1],
    ["timeout: 30s\n\ntracing", "timeout: 10s\n\ntracing", "breakerTimeoutMs", 10_000],
    ["enabled: true\n  sample_rate", "enabled: false\n  sample_rate", "tracingEnabled", false],
    ["sample_rate: 1.0", "sample_rate: 0.25", "sampleRate", 0.25],
    ['level: "info"', "level: debug", "logLevel", "debug"],
    ['format: "json"', "format: text", "logFormat", "text"],
    ["mask_sensitive: true", "mask_sensitive: false", "maskSensitive", false],
  ] as const)("%s → %s", (line, to, name, value) => {
    expect(load(changed(line, to))[name]).toBe(value);
  });

  it.each([
    ["http_port: 8080", "http_port: 65536", "server.http_port"],
    ["http_port: 8080", "http_port: 80.5", "server.http_port"],
    ["grpc_port: 9090", "grpc_port: -1", "server.grpc_port"],
    ["read_timeout: 30s", "read_timeout: 30", "server.read_timeout"],
    ["write_timeout: 30s", "write_timeout: 0s", "server.write_timeout"],
    ["idle_timeout: 120s", "idle_timeout: forever", "server.idle_timeout"],
    ["max_request_size: 10MB", "max_request_size: 10 MB", "server.max_request_size"],
    ['api_key_header: "Authorization"', 'api_key_header: "a b"', "auth.api_key_header"],
    ['api_key_prefix: "Bearer gwo_"', 'api_key_prefix: "sk_"', "auth.api_key_prefix"],
    ["enabled: true\n  default_rps", "enabled: maybe\n  default_rps", "rate_limiting.enabled"],
    ["default_rps: 100", "default_rps: 0", "rate_limiting.default_rps"],
    ["burst_size: 50", "burst_size: many", "rate_limiting.burst_size"],
    ['"${REDIS_URL}"', "http://h", "rate_limiting.redis_url"],
    ['discovery: "config"', 'discovery: "consul"', "mcp_servers.discovery"],
    ["default_timeout: 30s", "default_timeout: 2h", "mcp_servers.default_timeout"],
    ["max_retries: 3", "max_retries: 11", "mcp_servers.max_retries"],
    ["threshold: 5", "threshold: 0", "mcp_servers.circuit_breaker.threshold"],
    ["timeout: 30s\n\ntracing", "timeout: 30\n\ntracing", "mcp_servers.circuit_breaker.timeout"],
    ["enabled: true\n  sample_rate", "enabled: 2\n  sample_rate", "tracing.enabled"],
    ["sample_rate: 1.0", "sample_rate: 1.1", "tracing.sample_rate"],
    ['exporter: "clickhouse"', 'exporter: "jaeger"', "tracing.exporter"],
    ['level: "info"', "level: loud", "logging.level"],
    ['format: "json"', "format: xml", "logging.format"],
    ["mask_sensitive: true", "mask_sensitive: yes please", "logging.mask_sensitive"],
  ])("%s → %s is refused by name", (line, to, path) => {
    const problems = problemsOf(() => load(changed(line, to)));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      new RegExp(`^config\\.yaml: ${path.replaceAll(".", "\\.")}: must `),
    );
  });

  it("refuses keys it does not know by name, those without a value included", () => {
    const problems = problemsOf(() =>
      load(`${EXAMPLE}\nserver2: { port: 1 }\nbogus: hello\nempty:\nnothing: {}\n`),
    );
    expect(problems).toContain("config.yaml: server2.port is not a setting");
    expect(problems).toContain("config.yaml: bogus is not a setting");
    expect(problems).toContain("config.yaml: empty is not a setting");
    expect(problems).toContain("config.yaml: nothing is not a setting");
  });

  it("refuses a misspelt key of a known section", () => {
    expect(problemsOf(() => load(changed("http_port", "htpp_port")))).toEqual([
      "config.yaml: server.htpp_port is not a setting",
    ]);
  });

  it("refuses a file that is no table of settings", () => {
    for (const yaml of ["just text", "- a\n- b", "42"])
      expect(problemsOf(() => load(yaml, { GWO_REDIS_URL: "redis://h" })).length).toBeGreaterThan(
        0,
      );
  });

  it("names the environment variable that an expansion lacks", () => {
    expect(
      problemsOf(() => loadConfig(GATEWAY_SCHEMA, { env: REQUIRED, yaml: EXAMPLE })).join("\n"),
    ).toContain("rate_limiting.redis_url: environment variable REDIS_URL is not set");
  });
});

describe("stdioServersFrom", () => {
  it("reads the operator's servers", () => {
    expect(
      stdioServersFrom(
        'mcp_servers:\n  stdio:\n    files: { command: npx, args: [-y, server], env: { ROOT: "${DATA}" } }\n    time: { command: uvx, stateless: true }\n',
        { DATA: "/srv" },
      ),
    ).toEqual([
      {
        name: "files",
        command: "npx",
        args: ["-y", "server"],
        env: { ROOT: "/srv" },
        stateless: false,
      },
      { name: "time", command: "uvx", args: [], env: {}, stateless: true },
    ]);
  });

  it("reads none where none are listed", () => {
    for (const yaml of [undefined, "", "mcp_servers:\n", EXAMPLE])
      expect(stdioServersFrom(yaml, {})).toEqual([]);
  });

  it.each([
    ["a: { command: '' }", "mcp_servers.stdio.a.command"],
    ["a: {}", "mcp_servers.stdio.a.command"],
    ["a: { command: x, cwd: /tmp }", "mcp_servers.stdio.a"],
    ["a: { command: x, args: y }", "mcp_servers.stdio.a.args"],
    ["a: { command: x, env: { N: 1 } }", "mcp_servers.stdio.a.env.N"],
    ["a: { command: x, stateless: 'yes' }", "mcp_servers.stdio.a.stateless"],
    ["'A/../b': { command: x }", "mcp_servers.stdio"],
  ])("refuses %s by name", (entry, path) => {
    const problems = problemsOf(() =>
      stdioServersFrom(`mcp_servers:\n  stdio:\n    ${entry}\n`, {}),
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`config.yaml: ${path}`);
  });
});
