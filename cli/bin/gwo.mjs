#!/usr/bin/env node
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  // The checkout brings a Node that can run us; its bootstrap finds or installs it.
  const bootstrap = new URL("../../tools/bootstrap.mjs", import.meta.url);
  process.argv.splice(1, 1, fileURLToPath(bootstrap), "gwo");
  await import(bootstrap.href);
} else {
  // Stripping types and compiling are most of a start; the next one finds them done.
  const cache = new URL("../../.gatewayops/cache/compile", import.meta.url);
  process.env.NODE_COMPILE_CACHE ??= fileURLToPath(cache);
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  const { main } = await import("../src/main.ts");
  await main(process.argv);
}
