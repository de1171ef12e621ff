// Drives the page in Chromium. Without a server it builds the page and serves it itself beside a mock of the API.
//
// usage: node tests/web/run.mjs [--base-url URL] [--dist FOLDER] [--shots FOLDER] [--chromium FILE] [FILTER]
//   --base-url   a running `sobre serve`; tests that only the mock can give are skipped
//   --dist       a page that is built already, for the mock
//   --shots      writes a picture of each test's end there
//   FILTER       a part of the tests' names
// The last line is 'N passed, N failed, N skipped'; the status is 0 when at least one passed and none failed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { kRoot, require_web, run_tests } from "./harness.mjs";
import { start_mock_server } from "./mock_server.mjs";
import { kChatTests } from "./chat_tests.mjs";
import { kMeterTests } from "./meter_tests.mjs";
import { kPageTests } from "./page_tests.mjs";

function fail(message) {
  console.error(`tests/web: ${message}`);
  process.exit(1);
}

function read_arguments() {
  const text = { type: "string" };
  try {
    const { values, positionals } = parseArgs({ options: { "base-url": text, dist: text, shots: text, chromium: text }, allowPositionals: true });
    if (positionals.length > 1) throw new Error("there is one filter at most");
    return { ...values, filter: positionals[0] ?? "" };
  } catch (error) {
    return fail(`${error.message}; the first lines of tests/web/run.mjs tell the usage`);
  }
}

/// Builds the page into a new folder.
function build_page() {
  const folder = mkdtempSync(join(tmpdir(), "sobre-page-"));
  const vite = join(kRoot, "web/node_modules/vite/bin/vite.js");
  const built = spawnSync(process.execPath, [vite, "build", "--outDir", folder, "--logLevel", "warn"], { cwd: join(kRoot, "web"), stdio: "inherit" });
  if (built.status !== 0) fail("the page could not be built");
  return folder;
}

const options = read_arguments();
if (!existsSync(join(kRoot, "web/node_modules/playwright-core"))) fail("web/node_modules is not there; run `npm ci` in web/");
const chromium_path = options.chromium ?? "/usr/bin/chromium";
if (!existsSync(chromium_path)) fail(`there is no ${chromium_path}; install Debian's package chromium or give --chromium`);
const shots = options.shots === undefined ? "" : resolve(options.shots);
if (shots !== "") mkdirSync(shots, { recursive: true });

const is_real = options["base-url"] !== undefined;
const folder = is_real ? "" : options.dist === undefined ? build_page() : resolve(options.dist);
const mock = is_real ? undefined : await start_mock_server(folder);
const { chromium } = require_web("playwright-core");
const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: chromium_path, args: sandbox });
const base = (options["base-url"] ?? mock.url).replace(/\/$/, "");
const counts = await run_tests([...kChatTests, ...kPageTests, ...kMeterTests], { base, is_real, mock, browser, filter: options.filter, shots, log: console.log });
await browser.close();
mock?.close();
if (!is_real && options.dist === undefined) rmSync(folder, { recursive: true });
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
