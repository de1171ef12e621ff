import assert from "node:assert/strict";
import { test } from "node:test";
import { any_overlap, each_day, in_order, measure, period, read_usage, usage_csv } from "../src/lib/usage";

const row = (model: string, requests: number, value: number, more = {}) => ({
  model, requests, prompt_tokens: 10, cached_tokens: 2, answer_tokens: 5, energy_j: { value, low: value * 0.5, high: value * 2 }, marginal_energy_j: value / 2,
  carbon_g: { operational: value / 10, embodied: 1 }, cost: [{ amount: value / 100, marginal: value / 200, currency: "EUR" }], methods: ["estimate-cores"], estimate: true, ...more,
});
const sent = (rows: unknown[], more = {}) => ({
  object: "usage", by: "model", from: null, to: null, method: { name: "estimate-cores", boundary: "processor", estimate: true }, grid: null, currency: "EUR",
  ledger: { rows: 9, alarm: "the disk is full" }, rows, total: row("", 7, 30), ...more,
});

test("rows, method and alarm", () => {
  const usage = read_usage(sent([row("a", 3, 10), row("b", 4, 20)]), "model");
  assert.deepEqual(usage.rows.map((r) => [r.name, r.requests, r.energy_j.high]), [["a", 3, 20], ["b", 4, 40]]);
  assert.deepEqual([usage.method, usage.estimate, usage.alarm, usage.ledger_rows, usage.grid], ["estimate-cores", true, "the disk is full", 9, undefined]);
  assert.equal(usage.total.requests, 7);
});

test("money and grams carry the energy's interval; unknown stays unknown", () => {
  const usage = read_usage(sent([row("a", 3, 10), row("b", 4, 20, { cost: [], carbon_g: { operational: null, embodied: null } })]), "model");
  const [a, b] = usage.rows;
  assert.ok(a && b);
  assert.deepEqual(measure(a, "money"), { value: 0.1, low: 0.05, high: 0.2 });
  assert.deepEqual(measure(a, "carbon"), { value: 1, low: 0.5, high: 2 });
  assert.equal(measure(b, "money"), undefined);
  assert.equal(measure(b, "carbon"), undefined);
});

test("each row has the method of its time, and money its currency", () => {
  const euros = { amount: 0.5, marginal: 0.25, currency: "EUR" };
  const dollars = { amount: 2, marginal: 1, currency: "USD" };
  const usage = read_usage(sent([row("a", 3, 10, { cost: [dollars], methods: ["rapl-package"], estimate: false }), row("b", 4, 20, { cost: [euros, dollars] })], { total: row("", 7, 30, { cost: [euros, dollars] }) }), "model");
  assert.deepEqual(usage.rows.map((r) => [r.methods, r.estimate, r.cost?.amount, r.other_costs.map((c) => c.currency)]), [[["rapl-package"], false, undefined, ["USD"]], [["estimate-cores"], true, 0.5, ["USD"]]]);
  assert.equal(usage.currency, "EUR");
  assert.ok(usage_csv(usage).split("\r\n")[2]?.endsWith(",0.5,0.25,EUR,2 USD,estimate-cores,true"));
  // All of it is from before the tariff of now.
  const old = read_usage(sent([row("a", 3, 10, { cost: [dollars] })], { total: row("", 3, 10, { cost: [dollars] }) }), "model");
  assert.deepEqual([old.currency, old.total.cost?.amount, old.rows[0]?.other_costs], ["USD", 2, []]);
});

test("rubbish reads as nothing", () => {
  for (const value of [null, 3, {}, { rows: "x", total: [] }]) {
    const usage = read_usage(value, "day");
    assert.deepEqual([usage.rows.length, usage.total.requests, usage.alarm], [0, 0, ""]);
  }
  assert.deepEqual(read_usage({ rows: [null, 3] }, "day").rows.map((r) => r.energy_j.value), [0, 0]);
});

test("periods are of whole days in UTC, both ends included", () => {
  assert.deepEqual(period(7, Date.parse("2026-11-25T00:30:00Z")), { from: "2026-11-19", to: "2026-11-25" });
  assert.deepEqual(period(1, Date.parse("2026-11-25T23:59:59Z")), { from: "2026-11-25", to: "2026-11-25" });
  assert.deepEqual(each_day("2028-02-28", "2028-03-01"), ["2028-02-28", "2028-02-29", "2028-03-01"]);
  assert.deepEqual(each_day("", ""), []);
  assert.equal(each_day("2026-03-20", "2026-04-02").length, 14); // over a change of the clocks
});

test("the order is that of answers, never that of energies", () => {
  const usage = read_usage(sent([row("most energy", 1, 99), row("b", 5, 1), row("a", 5, 2)]), "model");
  assert.deepEqual(in_order(usage.rows).map((r) => r.name), ["a", "b", "most energy"]);
});

test("overlaps are found between any two", () => {
  const q = (low: number, high: number) => ({ value: (low + high) / 2, low, high });
  assert.equal(any_overlap([q(5, 6), q(1, 2), q(3, 4)]), false);
  assert.equal(any_overlap([q(8, 9), q(1, 10), q(20, 30)]), true);
  assert.equal(any_overlap([q(1, 2), q(2, 3)]), true);
  assert.equal(any_overlap([q(1, 2)]), false);
});

test("CSV keeps every digit, and a name stays a name", () => {
  const usage = read_usage(sent([row('=HYPERLINK("x")', 3, 0.1234567), row("plain, with comma", 4, 20, { cost: [] })]), "model");
  const lines = usage_csv(usage).split("\r\n");
  assert.equal(lines[0], "model,requests,prompt_tokens,cached_tokens,answer_tokens,energy_j,energy_j_low,energy_j_high,marginal_energy_j,co2e_operational_g,co2e_embodied_g,cost,cost_marginal,currency,other_costs,methods,estimate");
  assert.ok(lines[1]?.startsWith(`"'=HYPERLINK(""x"")",3,10,2,5,0.1234567,0.06172835,0.2469134,`), lines[1]);
  assert.equal(lines[2], '"plain, with comma",4,10,2,5,20,10,40,10,2,1,,,,,estimate-cores,true');
  assert.equal(lines.length, 4);
});
