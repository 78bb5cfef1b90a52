import eslint from "@eslint/js";
import tseslint from "typescript-eslint";
import angular from "angular-eslint";

const sources = "{platform,engines,gateway-core,svc-*,cli,bench,tools}/**/*.ts";

export default tseslint.config(
  {
    ignores: [
      "**/node_modules/",
      "**/dist/",
      "**/.angular/",
      "proto/gen/",
      "proto/third_party/",
      ".gatewayops/",
      "coverage/",
      "test-results/",
    ],
  },
  {
    files: ["**/*.mjs"],
    extends: [eslint.configs.recommended],
    languageOptions: { globals: nodeGlobals() },
  },
  {
    files: [sources],
    extends: [eslint.configs.recommended, ...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // Numbers in messages are what messages are for.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: true },
      ],
      // A short arrow that returns what its call returns reads better than one with braces.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // `index["signature"]` is what the compiler wants where keys are data.
      "@typescript-eslint/dot-notation": "off",
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Node runs the sources as they are: no enum." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
      ],
    },
  },
  {
    files: ["{platform,gateway-core,svc-*}/src/**/*.ts"],
    ignores: ["**/main.ts", "**/*.test.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Read the environment in main.ts only." },
      ],
    },
  },
  {
    files: ["console/src/**/*.ts"],
    extends: [
      eslint.configs.recommended,
      ...tseslint.configs.strictTypeChecked,
      ...angular.configs.tsRecommended,
    ],
    languageOptions: {
      parserOptions: {
        project: ["./console/tsconfig.json", "./console/tsconfig.spec.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    processor: angular.processInlineTemplates,
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-extraneous-class": ["error", { allowWithDecorator: true }],
    },
  },
  {
    files: ["console/src/**/*.html"],
    extends: [...angular.configs.templateRecommended, ...angular.configs.templateAccessibility],
  },
  {
    files: ["**/*.test.ts", "**/test/**/*.ts"],
    rules: {
      // Jest's matchers are unbound by design, and fakes are async to have the right type.
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);

function nodeGlobals() {
  return Object.fromEntries(
    [
      "process",
      "console",
      "URL",
      "Buffer",
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      "fetch",
      "AbortController",
      "performance",
    ].map((name) => [name, "readonly"]),
  );
}
