// Bundles the unit tests (TypeScript) and runs them with Node's own test runner.
// usage: npm test [-- FILTER]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "sobre-web-test-"));
const tests = readdirSync(here).filter((name) => name.endsWith("_test.ts") && name.includes(process.argv[2] ?? ""));
let status = 1;
if (tests.length === 0) {
  console.error(`no test in ${here} has '${process.argv[2]}' in its name`);
} else {
  buildSync({
    entryPoints: tests.map((name) => join(here, name)),
    bundle: true,
    platform: "node",
    format: "esm",
    outExtension: { ".js": ".mjs" },
    outdir: out,
    sourcemap: "inline",
  });
  const files = tests.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
  status = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" }).status ?? 1;
}
rmSync(out, { recursive: true, force: true });
process.exit(status);
