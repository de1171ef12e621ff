import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerReader, describe_failure } from "../src/lib/answer";
import { stat_items } from "../src/lib/format";

function reader() {
  let clock = 1000;
  const r = new AnswerReader(() => clock, 1000);
  return { r, at: (ms: number) => (clock = ms), push: (chunk: unknown) => r.push(JSON.stringify(chunk)) };
}
function delta(d: unknown, finish: string | null = null) {
  return { choices: [{ index: 0, delta: d, finish_reason: finish }], usage: null };
}

test("text, finish and figures", () => {
  const { r, at, push } = reader();
  push(delta({ role: "assistant", content: "" }));
  at(1200);
  push(delta({ content: "Hel" }));
  at(1400);
  push(delta({ content: "lo" }));
  push(delta({}, "stop"));
  push({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } } });
  at(1450);
  r.push("[DONE]");
  assert.equal(r.content, "Hello");
  assert.equal(r.finish, "stop");
  assert.equal(r.done, true);
  assert.deepEqual(r.stats(), { total_ms: 450, first_token_ms: 200, prompt_tokens: 9, answer_tokens: 5, cached_tokens: 4, tokens_per_s: 20 });
});

test("the server's own rate counts more; what was not measured is absent", () => {
  const { r, push } = reader();
  push(delta({ content: "x" }));
  push({ choices: [], timings: { predicted_per_second: 33 } });
  assert.equal(r.stats().tokens_per_s, 33);
  push({ choices: [], timings: { predicted_per_second: 1, tokens_per_second: 34 } });
  push({ choices: [], timings: { tokens_per_second: 0 } });
  assert.equal(r.stats().tokens_per_s, 34);
  const none = reader();
  none.push(delta({ content: "x" }));
  assert.deepEqual(Object.keys(none.r.stats()), ["total_ms", "first_token_ms"]);
  assert.deepEqual(stat_items({}), []);
});

test("tool calls come in pieces, several at once", () => {
  const { r, push } = reader();
  push(delta({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }] }));
  push(delta({ tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] }));
  push(delta({ tool_calls: [{ index: 1, id: "b", function: { name: "g", arguments: "{}" } }] }));
  push(delta({ tool_calls: [{ index: 0, function: { arguments: ": 1}" } }] }));
  push(delta({ tool_calls: [{ index: 99, function: { arguments: "!" } }] }));
  assert.deepEqual(r.calls, [
    { id: "a", name: "f", arguments: '{"x": 1}' },
    { id: "b", name: "g", arguments: "{}" },
  ]);
});

test("other choices and thoughts are told apart", () => {
  const { r, push } = reader();
  push({ choices: [{ index: 1, delta: { content: "other" } }] });
  push(delta({ reasoning_content: "hm" }));
  assert.equal(r.content, "");
  assert.equal(r.reasoning, "hm");
});

test("an error in mid-stream and rubbish become problems", () => {
  const a = reader();
  a.push({ error: { message: "the model went away" } });
  assert.equal(a.r.problem?.detail, "the model went away");
  const b = reader();
  b.r.push("{nonsense");
  assert.match(b.r.problem?.detail ?? "", /nonsense/);
});

test("failures in words", () => {
  assert.deepEqual(describe_failure(429, '{"error": {"message": "queue full"}}', "7"), { title: "The server is busy", detail: "queue full", status: 429, retry_after_s: 7 });
  assert.equal(describe_failure(401, "", null).wants_key, true);
  assert.match(describe_failure(502, "<html>", null).detail, /502/);
  assert.equal(describe_failure(400, '{"error": "plain"}', "soon").detail, "plain");
  assert.equal(describe_failure(429, "", "soon").retry_after_s, undefined);
});
