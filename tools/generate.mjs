// Regenerates everything that is generated and committed: TypeScript from proto/, docs/openapi.json, docs/config.md.
// With --check it fails, naming the files, when what is committed differs.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, existsSync } from "node:fs";
import { join } from "node:path";

const check = process.argv.includes("--check");
const thirdParty = "proto/third_party";
const outputs = ["proto/gen", "docs/openapi.json", "docs/config.md"];

run(process.execPath, ["tools/third-party-protos.mjs"]);
rmSync("proto/gen", { recursive: true, force: true });
run("buf", ["lint"]);
run("buf", ["format", "--diff", "--exit-code", "--path", "proto/gatewayops"]);
run("buf", ["generate"]);
for (const script of ["tools/generate-openapi.ts", "tools/generate-config-doc.ts"])
  if (existsSync(script)) run(process.execPath, [script]);
run("prettier", ["--log-level=warn", "--write", ...outputs.filter((path) => existsSync(path))]);

if (check) {
  const status = spawnSync("git", ["status", "--porcelain", "--", ...outputs], {
    encoding: "utf8",
  });
  if (status.stdout.trim() !== "") {
    console.error(`Generated files differ from what is committed:\n${status.stdout}`);
    console.error("Run `npm run generate` and commit the result.");
    process.exit(1);
  }
  breaking();
  console.log("Generated files are up to date.");
}

/** Compares the contract with the one on the branch this change started from. */
function breaking() {
  const against = process.env.GWO_PROTO_BASE ?? "HEAD~1";
  const base = spawnSync("git", ["ls-tree", "-r", "--name-only", against, "--", "buf.yaml"], {
    encoding: "utf8",
  });
  if (base.stdout.trim() === "") return;
  const dir = join(".gatewayops", "proto-base");
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  run("sh", ["-c", `git archive ${against} buf.yaml proto/gatewayops | tar -x -C ${dir}`]);
  cpSync(thirdParty, join(dir, thirdParty), { recursive: true });
  run("buf", ["breaking", "--against", dir]);
}

function run(command, args) {
  const result = spawnSync(command, args, { stdio: "inherit" });
  if (result.status !== 0) {
    console.error(`${command} ${args.join(" ")} failed.`);
    process.exit(1);
  }
}
