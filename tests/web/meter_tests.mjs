// What answers cost: under each answer, and in the view of energy and cost.
import { readFileSync } from "node:fs";
import { check, kPhone } from "./harness.mjs";
import { stream } from "./chat_tests.mjs";
import { estimate_of, impact_of, kMeter, usage_of } from "./mock_meter.mjs";

const kChat = "**/v1/chat/completions";
const kUsage = "**/v1/usage?*";
const kCount = { prompt_tokens: 20, completion_tokens: 50, total_tokens: 70 };

async function answer_with(page, impact) {
  await page.unroute(kChat);
  await page.route(kChat, (route) => route.fulfill({ contentType: "text/event-stream", body: stream(["An answer"], { usage: kCount, impact }) }));
}
async function open_cost(t) {
  await t.last_answer().locator(".cost").click();
  await t.last_answer().locator(".impact").waitFor();
  return (await t.last_answer().locator(".impact").innerText()).replace(/\s+/g, " ");
}
/// Answers /v1/usage with what `change` makes of the mock's.
async function usage_with(page, change) {
  await page.unroute(kUsage);
  await page.route(kUsage, (route) => {
    const usage = usage_of(new URL(route.request().url()).searchParams);
    return route.fulfill({ contentType: "application/json", body: JSON.stringify(change(usage)) });
  });
}
async function open_energy(t) {
  const { page } = t;
  await page.evaluate(() => (location.hash = "#/server/energy"));
  await page.waitForSelector(".totals, [data-note], .trouble");
}
const choose = (page, group, text) => page.locator(`fieldset:has(input[name=usage-${group}]) label`, { hasText: text }).click();
const words = async (page, selector) => (await page.locator(selector).innerText()).replace(/\s+/g, " ");

const kAnswerTests = [
  {
    name: "an answer tells its energy, and more when asked",
    async run(t) {
      const { page } = t;
      await answer_with(page, impact_of(20, 50));
      await t.ask("What does this cost?");
      const button = t.last_answer().locator(".cost");
      check((await button.innerText()).replace(/\s+/g, " ").trim() === "energy 4.8 J", await button.innerText());
      check((await button.getAttribute("aria-expanded")) === "false" && (await page.locator(".impact").count()) === 0, "it is open from the start");
      await button.focus();
      await page.keyboard.press("Enter");
      await page.locator(".impact").waitFor();
      check((await button.getAttribute("aria-expanded")) === "true", "the button does not say that it is open");
      const said = await words(page, ".impact");
      for (const wanted of ["Energy 4.8 J from 4.5 to 5.0 J", "CO₂e of the electricity 74 µg from 71 to 78 µg", "For each token of the answer 96 mJ, from 91 to 100 mJ", "0.00167 EUR, from 0.00158 to 0.00175 EUR for 1,000 such answers; it includes electricity, its share of the machine’s price", "Grid FR: 56 g CO₂e per kWh (2023", "RAPL", "processor packages", "this one alone"]) {
        check(said.includes(wanted), `“${wanted}” is missing in: ${said}`);
      }
      check(!said.includes("estimated") && !said.includes("interval is wider"), `a measurement is called an estimate or in doubt: ${said}`);
      // The drawing says the same: the mark lies between the bar's ends, all on one axis.
      const drawn = await page.locator(".impact svg[role=img]").first().evaluate((svg) => ({ low: parseFloat(svg.querySelector("rect").getAttribute("x")), wide: parseFloat(svg.querySelector("rect").getAttribute("width")), value: parseFloat(svg.querySelector(".value").getAttribute("x1")), label: svg.getAttribute("aria-label") }));
      check(Math.abs(drawn.low - (100 * 4.78 * 0.95) / 6) < 0.1 && Math.abs(drawn.value - (100 * 4.78) / 6) < 0.1 && Math.abs(drawn.low + drawn.wide - (100 * 4.78 * 1.05) / 6) < 0.1, JSON.stringify(drawn));
      check(drawn.label === "Energy: 4.8 J, from 4.5 to 5.0 J", drawn.label);
      await t.accessible("cost of an answer");
      await page.keyboard.press("Enter");
      check((await page.locator(".impact").count()) === 0, "it does not close");
    },
  },
  {
    name: "estimates and faults are named",
    async run(t) {
      const { page } = t;
      await answer_with(page, estimate_of(50, { faults: ["missed_wrap", "shared_host", "novel_fault"] }));
      await t.ask("Estimate it");
      const line = await t.last_answer().locator(".cost").innerText();
      check(/energy 5 J estimated, in doubt/.test(line.replace(/\s+/g, " ")), line);
      const said = await open_cost(t);
      for (const wanted of ["from 2 to 14 J", "estimated", "Do not compare it with an estimate of another machine", "started again at zero unseen", "more than a fifth", "novel fault", "The interval is wider for that", "same power for every core"]) check(said.includes(wanted), `“${wanted}” is missing in: ${said}`);
      check((await page.locator(".impact svg.estimate").count()) === 2, "the bars of an estimate look like a measurement's");
      await t.accessible("an estimate");
    },
  },
  {
    name: "no tariff and no grid: it is said what to declare",
    async run(t) {
      const { page } = t;
      await answer_with(page, impact_of(20, 50, { cost: null, grid: null, carbon_g: { operational: null, embodied: null } }));
      await t.ask("Hello");
      const said = await open_cost(t);
      check(said.includes("No price of electricity is declared") && said.includes("tariff_per_kwh = 0.25") && said.includes('currency = "EUR"'), said);
      check(said.includes("No electricity grid is declared") && !said.includes("making the machine"), said);
    },
  },
  {
    name: "an answer without a cost shows none",
    async run(t) {
      const { page } = t;
      for (const impact of [undefined, null, {}, { energy_j: null }, "much"]) {
        await answer_with(page, impact);
        await t.ask("Hello");
        check((await t.last_answer().locator("[data-stat=tokens]").count()) === 1, "the other figures are gone");
        check((await t.last_answer().locator(".cost").count()) === 0, `a cost is shown for ${JSON.stringify(impact)}`);
      }
    },
  },
  {
    name: "the cost stays with the conversation, and old conversations open",
    async run(t) {
      const { page } = t;
      await answer_with(page, impact_of(20, 50));
      await t.ask("Keep this");
      await page.waitForTimeout(600);
      await page.reload();
      await page.waitForSelector("article.answer .cost");
      check((await open_cost(t)).includes("Energy 4.8 J from 4.5 to 5.0 J"), "the cost changed over a reload");
      const old = { format: "sobre-conversations", version: 1, conversations: [{ id: "old1", title: "From before", created: 1, updated: 1, setup: {}, head: "b", messages: [{ id: "a", parent: null, created: 1, role: "user", content: "Old question" }, { id: "b", parent: "a", created: 2, role: "assistant", content: "Old answer", calls: [], model: "m", stats: { total_ms: 30, answer_tokens: 2 } }] }] };
      await page.setInputFiles("#sidebar input[type=file]", { name: "old.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(old)) });
      await page.click("#sidebar .entry:has-text('From before')");
      await page.waitForSelector("text=Old answer");
      check((await page.locator(".cost").count()) === 0 && (await page.locator("[data-stat=tokens]").count()) === 1, "an old answer got a cost, or lost its figures");
    },
  },
  {
    name: "the cost of an answer on a phone of 390 pixels",
    options: { ...kPhone, viewport: { width: 390, height: 844 } },
    async run(t) {
      const { page } = t;
      await answer_with(page, estimate_of(50, { faults: ["counter_jump"], cost: null }));
      await t.ask("What does this cost?");
      await t.last_answer().locator(".cost").tap();
      await page.locator(".impact").waitFor();
      await t.no_sideways_scroll();
      const box = await t.last_answer().locator(".cost").boundingBox();
      check(box.height >= 30, `the button is ${box.height} pixels high`);
      await t.accessible("cost on a phone");
    },
  },
];

const kViewTests = [
  {
    name: "energy and cost by day, model, task and key",
    async run(t) {
      const { page } = t;
      const asked = [];
      page.on("request", (request) => request.url().includes("/v1/usage") && asked.push(new URL(request.url()).searchParams));
      await page.click("#sidebar .server");
      await page.click("text=Energy and cost");
      await page.waitForSelector(".totals");
      const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
      check(asked[0].get("by") === "day" && [asked[0].get("from"), day(29)].every((d, _, all) => d === all[1]) && asked[0].get("to") === day(0), `it asked for ${asked[0]}`);
      const usage = usage_of(asked[0]);
      check((await page.locator(".days .bar").count()) === usage.rows.length, "there is not one bar for each day with answers");
      const kilojoules = usage.total.energy_j.value / 1000;
      const said = await words(page, "[data-total=Energy]");
      check(said.includes(`${kilojoules.toFixed(kilojoules < 10 ? 1 : 0)} kJ`) && /from [\d.]+ to [\d.]+ kJ/.test(said) && /Wh/.test(said), said);
      for (const wanted of ["Money", "CO₂e of the electricity", "CO₂e of making the machine", "For one answer", "For 1,000 tokens of answer"]) check((await page.locator(`[data-total="${wanted}"]`).count()) === 1, `no total of ${wanted}`);
      check((await words(page, '[data-total="For 1,000 tokens of answer"]')).includes("160 J") || (await words(page, '[data-total="For 1,000 tokens of answer"]')).includes("0.16 kJ"), await words(page, '[data-total="For 1,000 tokens of answer"]'));
      // Each whisker reaches from the low to the high end around its bar's top.
      const bars = await page.evaluate(() => [...document.querySelectorAll(".days .whisker")].map((w) => [w.getBBox().y, w.getBBox().y + w.getBBox().height, Number(w.previousElementSibling.getAttribute("y"))]));
      check(bars.every(([high, low, value]) => high < value && value < low), `whiskers do not enclose values: ${bars[0]}`);
      await t.accessible("energy by day");
      for (const by of ["Model", "Task", "Key"]) {
        await choose(page, "by", by);
        await page.waitForSelector(`h2:has-text('by ${by.toLowerCase()}')`);
        check((await page.locator(".lines li").count()) === 3, `by ${by}: not three rows`);
      }
      await choose(page, "by", "Task");
      await page.waitForSelector(".lines >> text=no task");
      for (const [metric, unit] of [["Money", "EUR"], ["CO₂e", "m?g"]]) {
        await choose(page, "metric", metric);
        await page.waitForFunction((u) => document.querySelector(".lines li p")?.textContent.match(`\\d ${u},`), unit);
      }
      await choose(page, "days", "7 days");
      await page.waitForFunction(() => document.querySelector("fieldset:last-of-type .on")?.textContent.includes("7"));
      await page.waitForTimeout(200);
      check(asked.at(-1).get("by") === "task" && asked.at(-1).get("from") === day(6), `it asked for ${asked.at(-1)}`);
      await t.accessible("energy by task");
      await page.keyboard.press("Escape");
      check(await page.locator("#composer").isVisible(), "Escape does not lead back");
    },
  },
  {
    name: "days are told by pointer and keyboard",
    async run(t) {
      const { page } = t;
      await open_energy(t);
      const told = () => words(page, ".days .told");
      await page.locator(".days svg").focus();
      await page.keyboard.press("End");
      const end = await told();
      await page.keyboard.press("Home");
      const start = await told();
      check(start !== end && /no answers|from .* kJ/.test(start), `${start} / ${end}`);
      check((await page.locator(".days svg").getAttribute("aria-valuetext")) === start, "the keyboard's day is not told to a screen reader");
      const bar = page.locator(".days .bar").nth(2);
      await bar.hover();
      const day = await bar.getAttribute("data-day");
      check((await told()).startsWith(`${Number(day.slice(8))} `) && /\d J, from|kJ, from/.test(await told()), `${await told()} for ${day}`);
    },
  },
  {
    name: "intervals that overlap are drawn, not ranked",
    async run(t) {
      const { page } = t;
      await choose_model_with(t, (usage) => usage);
      const names = () => page.locator(".line-name b").allInnerTexts();
      check((await names()).join() === "SmolLM2-135M-Instruct,SmolLM2-360M-Instruct,Ministral-3B-Instruct", `the order is ${await names()}: not that of the answers`);
      const bars = await page.locator(".lines svg rect").evaluateAll((all) => all.map((r) => [parseFloat(r.getAttribute("x")), parseFloat(r.getAttribute("x")) + parseFloat(r.getAttribute("width"))]));
      check(bars.length === 3 && bars.every(([low, high]) => low >= 0 && high <= 100.1 && high > low), `the bars are ${bars}`);
      check((await words(page, "[data-note=order]")).includes("Where two bars overlap"), "nothing is said of the overlap");
      check(!/lowest|highest|best|worst|rank|more than|less than/i.test(await words(page, ".chart-of")), await words(page, ".chart-of"));
      // Far apart: nothing of an overlap is said, and the order is still that of the answers.
      await choose_model_with(t, (usage) => {
        usage.rows.forEach((r, i) => (r.energy_j = { value: 10 ** (i + 1), low: 10 ** (i + 1) * 0.9, high: 10 ** (i + 1) * 1.1 }));
        return usage;
      });
      check(!(await words(page, "[data-note=order]")).includes("overlap"), "an overlap is seen where there is none");
    },
  },
  {
    name: "estimates of the view are called so",
    async run(t) {
      const { page } = t;
      const guess = (row) => ({ ...row, methods: ["estimate-tdp"], estimate: true });
      await usage_with(page, (usage) => ({ ...usage, method: { name: "estimate-tdp", boundary: "processor", estimate: true }, rows: usage.rows.map(guess), total: guess(usage.total) }));
      await page.route("**/v1/status", async (route) => {
        const status = await (await route.fetch()).json();
        return route.fulfill({ json: { ...status, meter: { ...kMeter, method: "estimate-tdp", estimate: true, sources: [{ name: "RAPL", state: "refused", reason: "/sys/class/powercap/intel-rapl:0/energy_uj: permission denied", advice: "install packaging/60-sobre-rapl.rules" }] } } });
      });
      await open_energy(t);
      check((await page.locator(".totals em").first().innerText()) === "estimated", "the totals are not called estimated");
      await page.waitForSelector(".how li");
      const how = await words(page, ".how");
      for (const wanted of ["Estimated from processor time and the rated power", "Do not compare them with those of another", "permission denied", "For better figures: install packaging/60-sobre-rapl.rules", "(estimated)"]) check(how.includes(wanted), `“${wanted}” is missing in: ${how}`);
      await t.accessible("estimates");
    },
  },
  {
    name: "days keep the method and the currency of their time",
    async run(t) {
      const { page } = t;
      const dollars = [{ amount: 2, marginal: 1, currency: "USD" }];
      await usage_with(page, ({ rows: [first, ...rest], total, ...usage }) => ({
        ...usage,
        rows: [{ ...first, cost: dollars, methods: ["estimate-tdp"], estimate: true }, ...rest],
        total: { ...total, cost: [...total.cost, ...dollars], methods: ["estimate-tdp", "rapl-package"], estimate: true },
      }));
      await open_energy(t);
      check((await page.locator(".days .bar.estimate").count()) === 1, "not one day is drawn as an estimate");
      check((await words(page, "[data-note=methods]")).includes("estimate-tdp"), await words(page, "[data-note=methods]"));
      await choose(page, "metric", "Money");
      check(/2(\.\d+)? USD/.test(await words(page, "[data-note=currencies]")), await words(page, "[data-note=currencies]"));
      await t.accessible("two methods");
    },
  },
  {
    name: "an alarm of the ledger is shown plainly",
    async run(t) {
      const { page } = t;
      await usage_with(page, (usage) => ({ ...usage, ledger: { rows: 3, alarm: "the disk is full: rows since 10:04 are not kept" } }));
      await open_energy(t);
      check((await words(page, ".alarm[role=alert]")) === "The ledger reports a problem. the disk is full: rows since 10:04 are not kept", "the alarm is not shown");
      check((await page.locator(".totals").count()) === 1, "the figures are gone");
      await t.accessible("alarm");
      await usage_with(page, (usage) => usage);
      await choose(page, "days", "7 days");
      await page.waitForSelector(".alarm", { state: "detached" });
    },
  },
  {
    name: "no answers, no tariff, no grid, no ledger, no meter",
    async run(t) {
      const { page } = t;
      t.allowed.push(/status of 404/, /status of 500/);
      const zero = { requests: 0, prompt_tokens: 0, cached_tokens: 0, answer_tokens: 0, energy_j: { value: 0, low: 0, high: 0 }, marginal_energy_j: 0, carbon_g: { operational: null, embodied: null }, cost: [], methods: [], estimate: false };
      await usage_with(page, (usage) => ({ ...usage, rows: [], total: zero, ledger: { rows: 0, alarm: null } }));
      await open_energy(t);
      check((await words(page, "[data-note=empty]")).includes("The ledger is empty"), await words(page, "[data-note=empty]"));
      await t.accessible("empty");
      const poor = (row) => ({ ...row, cost: [], carbon_g: { operational: null, embodied: null } });
      await usage_with(page, (usage) => ({ ...usage, grid: null, currency: null, rows: usage.rows.map(poor), total: poor(usage.total) }));
      await choose(page, "days", "7 days");
      await page.waitForSelector(".totals");
      check((await page.locator("[data-total=Money]").count()) === 0, "money is shown without a tariff");
      await choose(page, "metric", "Money");
      check(/tariff_per_kwh = 0.25/.test(await words(page, "[data-note=no-tariff]")), "it is not said what to declare");
      await t.accessible("no tariff");
      await choose(page, "metric", "CO₂e");
      check((await words(page, "[data-note=no-grid]")).includes("[meter]"), "it is not said what to declare for the grid");
      await page.click("summary");
      check((await words(page, "tbody tr:last-child")).includes("not known"), "unknown money looks known");
      await page.unroute(kUsage);
      await page.route(kUsage, (route) => route.fulfill({ status: 500, contentType: "application/json", body: '{"error": {"message": "the ledger cannot be read: disk I/O error"}}' }));
      await choose(page, "days", "90");
      await page.waitForSelector(".trouble:has-text('disk I/O error')");
      await page.unroute(kUsage);
      await page.route("**/v1/status", async (route) => route.fulfill({ json: { ...(await (await route.fetch()).json()), meter: null } }));
      await page.route(kUsage, (route) => route.fulfill({ status: 404, contentType: "application/json", body: '{"error": {"message": "this server keeps no ledger: set [ledger] path"}}' }));
      await page.click(".trouble button");
      await page.waitForSelector("[data-note=no-ledger]");
      check((await words(page, "[data-note=no-ledger]")).includes("set [ledger] path") && (await page.locator(".totals").count()) === 0, "old figures stay, or the server's words are lost");
      await page.waitForSelector("[data-note=no-meter]");
      await t.accessible("no ledger");
    },
  },
  {
    name: "the same numbers as a table and as CSV",
    options: { permissions: ["clipboard-read", "clipboard-write"] },
    async run(t) {
      const { page } = t;
      await choose_model_with(t, (usage) => ({ ...usage, rows: usage.rows.map((r, i) => (i === 0 ? { ...r, model: "=cmd, really" } : r)) }));
      await page.click("summary");
      check((await page.locator("tbody tr").count()) === 4 && (await page.locator("thead th").count()) === 11, "the table is not whole");
      check(/^Ministral-3B-Instruct [\d,]+ [\d,]+ [\d,]+ [\d,]+ [\d.]+ kJ from/.test(await words(page, "tbody tr:nth-child(3)")), await words(page, "tbody tr:nth-child(3)"));
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Save as CSV")]);
      check(/^sobre-model-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/.test(download.suggestedFilename()), download.suggestedFilename());
      const csv = readFileSync(await download.path(), "utf8");
      const lines = csv.trimEnd().split("\r\n");
      check(lines.length === 4 && lines[0].startsWith("model,requests,") && lines[1].startsWith(`"'=cmd, really",`), csv);
      await page.click("text=Copy as CSV");
      check((await page.evaluate(() => navigator.clipboard.readText())).replaceAll("\r", "") === csv.replaceAll("\r", ""), "the copy differs from the file");
      await t.accessible("table");
    },
  },
  ...[["light", 390], ["dark", 390], ["dark", 1280], ["light", 320]].map(([colorScheme, width]) => ({
    name: `energy and cost, ${colorScheme}, ${width} pixels`,
    options: width < 500 ? { ...kPhone, colorScheme, viewport: { width, height: 844 } } : { colorScheme },
    async run(t) {
      const { page } = t;
      await open_energy(t);
      await t.no_sideways_scroll();
      await t.accessible(`${colorScheme} by day`);
      await choose(page, "days", "90");
      await page.waitForFunction(() => document.querySelector(".days svg").getAttribute("aria-valuemax") === "90");
      await t.no_sideways_scroll();
      await choose(page, "by", "Model");
      await page.waitForSelector(".lines li");
      await page.click("summary");
      await t.no_sideways_scroll();
      await t.accessible(`${colorScheme} by model`);
    },
  })),
];

/// The view by model, of what `change` makes of the mock's sums.
async function choose_model_with(t, change) {
  const { page } = t;
  await usage_with(page, change);
  await open_energy(t);
  await choose(page, "by", "Day");
  await choose(page, "by", "Model");
  await page.waitForSelector(".lines li");
}

const kServerTests = [
  {
    name: "the server's own answers carry a cost where its meter is on",
    async run(t) {
      const { page } = t;
      const metered = await page.evaluate(async () => Boolean((await (await fetch("v1/status")).json()).meter));
      check(metered || t.is_real, "the mock has no meter");
      await t.ask("Say hello");
      check((await t.last_answer().locator(".cost").count()) === (metered ? 1 : 0), `with the meter ${metered ? "on" : "off"} there are ${await t.last_answer().locator(".cost").count()} costs`);
      if (metered) {
        const said = await open_cost(t);
        check(/Energy [\d.,]+ [µmkM]?J from [\d.,]+ to [\d.,]+ [µmkM]?J/.test(said), said);
      }
      await page.waitForTimeout(1500); // the ledger writes behind the answer
      t.allowed.push(/status of 404/);
      await open_energy(t);
      check((await page.locator(".trouble").count()) === 0, "the ledger could not be asked");
      check((await page.locator(".totals").count()) === 1 || t.is_real, "the mock's totals are not shown");
    },
  },
];

export const kMeterTests = [...[...kAnswerTests, ...kViewTests].map((test) => ({ ...test, mock_only: true })), ...kServerTests];
