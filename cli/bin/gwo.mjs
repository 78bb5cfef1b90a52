#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `gwo needs Node 24.15 or newer; this is ${process.versions.node}.\n` +
      "  next step: in the checkout, npm start (or npm run gwo -- ARGS) brings its own\n",
  );
  process.exit(1);
}
// Stripping types and compiling are most of a start; the next one finds them done.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL("../../.gatewayops/cache/compile", import.meta.url),
);
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { main } = await import("../src/main.ts");
await main(process.argv);
