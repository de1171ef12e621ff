import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerReader } from "../src/lib/answer";
import { fault_words, grid_words, method_words, money_words, per_token, read_impact } from "../src/lib/impact";
import { read_conversation } from "../src/lib/transfer";

const kSent = {
  energy_j: { value: 0.42, low: 0.4, high: 0.44 },
  method: "rapl-package",
  boundary: "processor packages",
  estimate: false,
  marginal_energy_j: 0.3,
  carbon_g: { operational: { value: 0.0000065, low: 0.0000062, high: 0.0000068 }, embodied: 0.0001 },
  grid: { zone: "FR", g_per_kwh: 56, year: 2023, source: "Ember" },
  cost: { amount: 3e-8, marginal: 2e-8, currency: "EUR", includes: ["energy"] },
  time_ms: { queue: 0, prefill: 50, decode: 300, total: 350 },
  peak_memory_bytes: 1e8,
  concurrency_mean: 1,
  faults: ["shared_host"],
};

test("what is read reads as itself again", () => {
  assert.deepEqual(read_impact(kSent), kSent);
  assert.deepEqual(read_impact(read_impact(kSent)), kSent);
});

test("nulls, gaps and rubbish", () => {
  const bare = read_impact({ energy_j: { value: 1 } });
  assert.deepEqual(bare?.energy_j, { value: 1, low: 1, high: 1 });
  assert.deepEqual(bare?.carbon_g, { operational: null, embodied: null });
  assert.equal(bare?.cost, null);
  assert.equal(bare?.grid, null);
  assert.deepEqual(bare?.faults, []);
  assert.deepEqual(read_impact({ energy_j: { value: 2, low: 3, high: 1 } })?.energy_j, { value: 2, low: 2, high: 2 });
  assert.deepEqual(read_impact({ ...kSent, faults: ["a", 3, null, ""], time_ms: { queue: -1, total: "x" } })?.faults, ["a"]);
  assert.deepEqual(read_impact({ ...kSent, time_ms: { queue: -1, total: "x" } })?.time_ms, {});
  for (const value of [undefined, null, 3, [], {}, { energy_j: null }, { energy_j: { value: -1 } }, { energy_j: { value: "1" } }]) assert.equal(read_impact(value), undefined);
});

test("the last chunk of a stream brings it, with usage or without", () => {
  for (const usage of [{ prompt_tokens: 3, completion_tokens: 4 }, undefined]) {
    const reader = new AnswerReader(() => 0, 0);
    reader.push(JSON.stringify({ choices: [{ index: 0, delta: { content: "x" }, finish_reason: "stop" }] }));
    assert.equal(reader.impact, undefined);
    reader.push(JSON.stringify({ choices: [], usage, impact: kSent }));
    reader.push(JSON.stringify({ choices: [] }));
    assert.deepEqual(reader.impact, kSent);
  }
});

test("it stays with the conversation; old conversations open without it", () => {
  const answer = { id: "b", parent: "a", created: 1, role: "assistant", content: "x", calls: [], model: "m", stats: { total_ms: 3 } };
  const conversation = (message: unknown) => read_conversation({ id: "c", title: "", created: 1, updated: 1, setup: {}, head: "b", messages: [{ id: "a", parent: null, created: 1, role: "user", content: "q" }, message] });
  const old = conversation(answer)?.messages[1];
  assert.ok(old?.role === "assistant" && !("impact" in old) && old.stats?.total_ms === 3);
  const now = conversation({ ...answer, impact: kSent })?.messages[1];
  assert.ok(now?.role === "assistant");
  assert.deepEqual(now.impact, kSent);
  const broken = conversation({ ...answer, impact: "much" })?.messages[1];
  assert.ok(broken?.role === "assistant" && !("impact" in broken));
});

test("in words", () => {
  assert.match(method_words("estimate-tdp"), /^Estimated/);
  assert.equal(method_words("new-thing"), "Method: new-thing.");
  assert.match(fault_words("missed_wrap"), /started again at zero/);
  assert.equal(fault_words("odd_thing"), "Something was wrong with the measurement: odd thing.");
  assert.equal(grid_words(kSent.grid), "Grid FR: 56 g CO₂e per kWh (2023, Ember)");
  assert.equal(grid_words({ zone: "", g_per_kwh: 475, year: 0, source: "" }), "Grid: 475 g CO₂e per kWh");
  const small = money_words(3e-8, kSent.energy_j, "EUR");
  assert.deepEqual([small.written.value, small.of], ["0.030 EUR", "for a million such answers"]);
  assert.deepEqual([money_words(2e-5, kSent.energy_j, "EUR").written.value, money_words(2e-5, kSent.energy_j, "EUR").of], ["0.0200 EUR", "for 1,000 such answers"]);
  assert.equal(money_words(0, kSent.energy_j, "EUR").written.value, "0 EUR");
  const impact = read_impact(kSent);
  assert.ok(impact);
  assert.equal(per_token(impact, 4)?.value, "105 mJ");
  assert.equal(per_token(impact, 0), undefined);
  assert.equal(per_token(impact, undefined), undefined);
});
