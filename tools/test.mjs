// Runs the tests and ends with "N passed, N failed" alone on a line. Arguments: kinds of tests (unit, int, e2e), all
// when none are named; what follows "--" goes to Jest.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const separator = process.argv.indexOf("--");
const own = process.argv.slice(2, separator < 0 ? undefined : separator);
const forJest = separator < 0 ? [] : process.argv.slice(separator + 1);
const kinds = own.length > 0 ? own : ["unit", "int", "e2e"];
const directory = mkdtempSync(join(tmpdir(), "gatewayops-test-"));
let passed = 0;
let failed = 0;

if (kinds.includes("e2e")) installChromium();
for (const kind of kinds) {
  const report = join(directory, `${kind}.json`);
  const code = await runJest(kind, report);
  const result = readReport(report);
  passed += result.numPassedTests ?? 0;
  failed += (result.numFailedTests ?? 0) + (result.numRuntimeErrorTestSuites ?? 0);
  // A run that breaks outside any test, in set-up or teardown, is a failure as well.
  if (code !== 0 && (result.numFailedTests ?? 0) + (result.numRuntimeErrorTestSuites ?? 0) === 0)
    failed += 1;
}

rmSync(directory, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** The console is tested in Debian's Chromium. Where we may install it we do; elsewhere its tests name the command. */
function installChromium() {
  const has = (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
  if (process.env.GWO_CHROMIUM || has("chromium")) return;
  if (process.getuid?.() !== 0 || !has("apt-get")) return;
  console.log("installing Chromium for the console's tests (apt-get install chromium)");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync(
    "sh",
    ["-c", "apt-get update -q && apt-get install -q -y --no-install-recommends chromium"],
    {
      stdio: ["ignore", "ignore", "inherit"],
      env,
    },
  );
}

function runJest(kind, report) {
  // Stacks and engines share two cores: their suites run one after another.
  const workers = kind === "unit" ? [] : ["--runInBand"];
  const args = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const jest = ["node_modules/jest/bin/jest.js", "--selectProjects", kind, ...workers];
  const output = ["--json", `--outputFile=${report}`, "--testLocationInResults=false", ...forJest];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args, ...jest, ...output], {
      stdio: ["inherit", "ignore", "inherit"],
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return {}; // Jest did not get far enough to write one; its exit code says so.
  }
}
