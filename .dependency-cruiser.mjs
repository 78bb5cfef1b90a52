/** The dependency rule of the design: who may import whom. Every rule is an error. */
export default {
  forbidden: [
    {
      name: "services-stand-alone",
      comment:
        "Services never import each other or the gateway: they talk through their proto API.",
      severity: "error",
      from: { path: "^(svc-[a-z]+|gateway-core)/" },
      to: { path: "^(svc-[a-z]+|gateway-core|cli|console|bench)/", pathNot: "^$1/" },
    },
    {
      name: "platform-knows-no-product",
      comment: "The platform is below everything but the contract.",
      severity: "error",
      from: { path: "^platform/src/" },
      to: { path: "^(svc-[a-z]+|gateway-core|cli|console|bench|engines)/" },
    },
    {
      name: "engines-stand-alone",
      comment: "The engines know nothing of the product.",
      severity: "error",
      from: { path: "^engines/src/" },
      to: { path: "^(platform|svc-[a-z]+|gateway-core|cli|console|bench|proto)/" },
    },
    {
      name: "console-sees-the-contract-only",
      comment: "The console imports only proto.",
      severity: "error",
      from: { path: "^console/src/" },
      to: { path: "^(platform|svc-[a-z]+|gateway-core|cli|bench|engines)/" },
    },
    {
      name: "no-test-code-in-production",
      severity: "error",
      from: { path: "/src/", pathNot: "\\.test\\.ts$" },
      to: { path: "(\\.test\\.ts$|/test/)" },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "declared-dependencies-only",
      severity: "error",
      from: { pathNot: "\\.test\\.ts$|/test/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules|proto/gen" },
    exclude: { path: "(dist|\\.angular|node_modules)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
