// Jest runs the sources as the ES modules they are; `tools/test.mjs` gives Node the flag that takes.
const common = {
  rootDir: import.meta.dirname,
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2024", parser: { syntax: "typescript" } }, module: { type: "es6" } },
    ],
  },
  modulePathIgnorePatterns: ["/\\.gatewayops/", "/dist/"],
};

/** Unit: beside the code, values and fakes. Int: real engines. E2e: a running stack, real clients, a real browser. */
export default {
  projects: [
    {
      ...common,
      displayName: "unit",
      testMatch: ["<rootDir>/{platform,engines,gateway-core,svc-*,cli,bench,console}/**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "\\.int\\.test\\.ts$", "\\.e2e\\.test\\.ts$"],
    },
    {
      ...common,
      displayName: "int",
      testMatch: ["<rootDir>/{platform,engines,gateway-core,svc-*,cli,bench}/**/*.int.test.ts"],
    },
    {
      ...common,
      displayName: "e2e",
      testMatch: ["<rootDir>/gateway-core/test/e2e/*.e2e.test.ts"],
      globalSetup: "<rootDir>/gateway-core/test/e2e/global-setup.ts",
      globalTeardown: "<rootDir>/gateway-core/test/e2e/global-teardown.ts",
    },
  ],
  testTimeout: 30_000,
};
