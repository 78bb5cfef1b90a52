import { describe, expect, it } from "@jest/globals";
import { serverEnvironment, serviceEnvironment } from "./environment.ts";
import { PORT_NAMES, type Ports } from "./ports.ts";

const ports = Object.fromEntries(PORT_NAMES.map((name, index) => [name, 100 + index])) as Ports;

const secrets = {
  internalSecret: "internal",
  keyCacheSecret: "key-cache",
  sessionSecret: "session",
  apiKey: "gwo_dev_x",
  adminPassword: "password",
};

describe("serviceEnvironment", () => {
  const env = serviceEnvironment({
    base: { HOME: "/home/ada", PATH: "/bin", GWO_LOG_LEVEL: "debug", GWO_GATEWAY_HTTP_PORT: "1" },
    ports,
    secrets,
    engines: { postgresUrl: "postgres://p", redisUrl: "redis://r", clickhouseUrl: "http://c" },
    workers: 2,
    consoleDirectory: "/console",
    gatewayDirectory: "/data/gateway",
    configFile: "/data/config.yaml",
  });

  it("points every process at the others", () => {
    expect(env).toMatchObject({
      GWO_POSTGRES_URL: "postgres://p",
      GWO_GATEWAY_HTTP_PORT: "100",
      GWO_SVC_AUTH_HTTP_PORT: "102",
      GWO_AUTH_HTTP_URL: "http://127.0.0.1:102",
      GWO_AUTH_URL: "http://127.0.0.1:103",
      GWO_TRACE_URL: "http://127.0.0.1:107",
      GWO_WAL_DIR: "/data/gateway/wal",
      GWO_GATEWAY_WORKERS: "2",
    });
  });

  it("keeps settings of the operator that are not the stack's", () => {
    expect(env["GWO_LOG_LEVEL"]).toBe("debug");
  });
});

describe("serverEnvironment", () => {
  it("holds no secret: the server's tool get-env shows it to agents", () => {
    const env = serverEnvironment(
      {
        HOME: "/home/ada",
        PATH: "/bin",
        AWS_SECRET_ACCESS_KEY: "x",
        GWO_POSTGRES_URL: "postgres://p:secret@h",
      },
      3001,
    );
    expect(Object.keys(env).sort()).toEqual(["HOME", "PATH", "PORT"]);
    expect(env["PORT"]).toBe("3001");
  });
});
