// What the tests of the page share: a browser, a page that watches itself, small helpers, and the runner.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const kRoot = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const require_web = createRequire(join(kRoot, "web/package.json"));

export const kDesktop = { viewport: { width: 1280, height: 800 } };
export const kPhone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/// A page that notes what must not happen: requests elsewhere, errors in the console, breaches of the policy.
export class WatchedPage {
  faults = [];
  allowed = []; // console errors that a test provokes, as regular expressions

  constructor(page, base, is_real) {
    this.page = page;
    this.base = base;
    this.is_real = is_real;
  }

  async open(path = "/") {
    const { page } = this;
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.protocol !== "blob:" && url.origin !== new URL(this.base).origin) this.faults.push(`request to ${request.url()}`);
    });
    page.on("console", (message) => {
      const text = `${message.text()} (${message.location().url})`;
      if (["error", "warning"].includes(message.type()) && !this.allowed.some((a) => a.test(text))) this.faults.push(`console: ${text}`);
    });
    page.on("pageerror", (error) => this.faults.push(`exception: ${error.message}`));
    await page.addInitScript(() => {
      window.policy_breaches = [];
      document.addEventListener("securitypolicyviolation", (event) => window.policy_breaches.push(`${event.violatedDirective}: ${event.blockedURI}`));
    });
    // A real model on a busy machine is slow: short answers, the same ones every time.
    if (this.is_real) {
      await page.addInitScript(() => {
        try {
          if (localStorage.getItem("sobre.setup") === null) localStorage.setItem("sobre.setup", '{"sampling": {"max_tokens": 64, "temperature": 0}}');
        } catch {
          // This test's browser keeps nothing.
        }
      });
    }
    await page.goto(this.base + path);
    await page.waitForSelector("#composer, .charts, .energy");
  }

  async finish() {
    const breaches = await this.page.evaluate(() => window.policy_breaches);
    const faults = [...this.faults, ...breaches.map((b) => `policy: ${b}`)];
    check(faults.length === 0, faults.join("; "));
  }

  /// Asks, and waits until the answer is complete.
  async ask(text) {
    const before = await this.page.locator("article.answer").count();
    await this.page.fill("#composer", text);
    await this.page.press("#composer", "Enter");
    await this.answered(before + 1);
  }
  /// Waits until there are so many answers and none is being written.
  async answered(count) {
    await this.page.waitForFunction(
      (n) => document.querySelectorAll("article.answer").length >= n && document.querySelector("article.answer[aria-busy=true]") === null && document.querySelector("button[aria-label=Stop]") === null,
      count,
      { timeout: this.is_real ? 300_000 : 120_000 },
    );
  }
  last_answer() {
    return this.page.locator("article.answer").last();
  }
  async text_of_last() {
    return (await this.last_answer().locator(".markdown, .plain, .shaped").first().innerText()).trim();
  }
  async no_sideways_scroll() {
    const wide = await this.page.evaluate(() => {
      const limit = document.documentElement.clientWidth;
      const scrolls = (e) => e !== null && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
      return [...document.querySelectorAll("body *")]
        .filter((e) => e.getBoundingClientRect().right > limit + 1 && !e.closest(".sr, .skip") && !(e.parentElement !== null && e.parentElement.closest("pre, .table")))
        .filter((e) => !e.matches("option") && getComputedStyle(e).visibility !== "hidden")
        .map((e) => `${e.tagName}.${e.className} to ${Math.round(e.getBoundingClientRect().right)} of ${limit}`);
    });
    check(wide.length === 0, `wider than the screen: ${wide.slice(0, 5).join(", ")}`);
  }
  /// axe-core's rules, contrast among them.
  async accessible(what) {
    await this.page.evaluate(this.axe_source ??= (await import("node:fs")).readFileSync(require_web.resolve("axe-core/axe.min.js"), "utf8"));
    const found = await this.page.evaluate(async () => {
      const result = await window.axe.run(document, { resultTypes: ["violations"] });
      return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} (${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ""})`).join(" | ")}`);
    });
    check(found.length === 0, `${what}: ${found.join("\n      ")}`);
  }
}

/// Runs tests one after the other: {name, options, mock_only, run(watched)}. Returns how many failed.
export async function run_tests(tests, { base, is_real, mock, browser, filter, shots, log }) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const test of tests) {
    if (filter !== "" && !test.name.includes(filter)) continue;
    if (test.mock_only && is_real) {
      counts.skipped++;
      log(`skip  ${test.name}: needs the mock server`);
      continue;
    }
    const began = Date.now();
    let context, watched;
    try {
      context = await browser.newContext({ ...kDesktop, ...test.options });
      watched = new WatchedPage(await context.newPage(), base, is_real);
      watched.mock = mock;
      watched.page.setDefaultTimeout(is_real ? 120_000 : 120_000);
      if (test.opens !== false) await watched.open();
      await test.run(watched);
      await watched.finish();
      counts.passed++;
      log(`ok    ${test.name} (${Date.now() - began} ms)`);
    } catch (error) {
      counts.failed++;
      log(`FAIL  ${test.name}: ${error.message}`);
    }
    if (shots !== "") await watched?.page.screenshot({ path: join(shots, `${test.name.replace(/\W+/g, "-")}.png`) }).catch(() => {});
    await context?.close().catch(() => {});
  }
  log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts;
}
