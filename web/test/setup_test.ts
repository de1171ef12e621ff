import assert from "node:assert/strict";
import { test } from "node:test";
import { chat_request } from "../src/lib/request";
import { kNumberFields, kRegexExample, kSchemaExample, kToolExample, plain_setup, read_format, read_json, read_number, read_tools } from "../src/lib/setup";
import type { Message } from "../src/lib/types";

const user = (content: string): Message => ({ id: "u", parent: null, created: 0, role: "user", content });

test("nothing typed sends nothing but the messages", () => {
  const { body } = chat_request(plain_setup(), "m", [user("hi")]);
  assert.deepEqual(body, { messages: [{ role: "user", content: "hi" }], stream: true, stream_options: { include_usage: true }, model: "m" });
});

test("all of the panels", () => {
  const setup = plain_setup();
  setup.system = "Be brief.";
  Object.assign(setup.sampling, { temperature: 0, top_k: 40, max_tokens: 5, seed: -3, stop: ["\n"] });
  setup.tools = kToolExample;
  setup.tool_choice = "=get_weather";
  setup.parallel_calls = false;
  setup.format = { kind: "regex", source: "a+" };
  const { body } = chat_request(setup, "", [
    user("q"),
    { id: "a", parent: "u", created: 0, role: "assistant", content: "", calls: [{ id: "c", name: "get_weather", arguments: "{}" }], model: "m" },
    { id: "t", parent: "a", created: 0, role: "tool", call_id: "c", name: "get_weather", content: "7 degrees" },
    { id: "f", parent: "t", created: 0, role: "assistant", content: "", calls: [], model: "m" },
  ]);
  assert.deepEqual(body?.messages, [
    { role: "system", content: "Be brief." },
    { role: "user", content: "q" },
    { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: { name: "get_weather", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "c", content: "7 degrees" },
  ]);
  assert.equal(body?.model, undefined);
  assert.equal(body?.temperature, 0);
  assert.equal(body?.max_completion_tokens, 5);
  assert.equal(body?.seed, -3);
  assert.deepEqual(body?.stop, ["\n"]);
  assert.deepEqual(body?.tool_choice, { type: "function", function: { name: "get_weather" } });
  assert.equal(body?.parallel_tool_calls, false);
  assert.deepEqual(body?.response_format, { type: "regex", pattern: "a+" });
});

test("what cannot be sent is said before", () => {
  const setup = plain_setup();
  setup.tools = "[{";
  assert.match(chat_request(setup, "", []).fault ?? "", /tool definitions.*JSON/);
  setup.tools = kToolExample;
  setup.tool_choice = "=other";
  assert.match(chat_request(setup, "", []).fault ?? "", /other/);
  setup.tools = "";
  setup.format = { kind: "json_schema", source: "[]" };
  assert.match(chat_request(setup, "", []).fault ?? "", /Schema/);
  setup.format = { kind: "regex", source: "" };
  assert.match(chat_request(setup, "", []).fault ?? "", /empty/);
});

test("tools in the forms that people have at hand", () => {
  assert.equal(read_tools('{"name": "f"}').tools[0]?.function.name, "f");
  assert.match(read_tools("[{}]").fault ?? "", /Tool 1 has no name/);
  assert.match(read_tools('[{"name": "f"}, {"function": {"name": "f"}}]').fault ?? "", /Two tools/);
  assert.equal(read_tools(kToolExample).fault, undefined);
});

test("the examples are good", () => {
  assert.equal(read_format({ kind: "json_schema", source: kSchemaExample }).fault, undefined);
  assert.ok(new RegExp(`^(?:${kRegexExample})$`, "u").test("yes, because it is mostly sunny."));
});

test("faults in JSON have a place", () => {
  assert.match(read_json('{\n  "a": x}').fault ?? "", /line 2, column 8|JSON/);
  assert.equal(read_json("[1]").fault, undefined);
});

test("numbers as they are typed", () => {
  const field = (key: string) => {
    const found = kNumberFields.find((f) => f.key === key);
    assert.ok(found);
    return found;
  };
  assert.deepEqual(read_number(field("temperature"), " 0,7 "), { value: 0.7 });
  assert.deepEqual(read_number(field("temperature"), ""), { value: null });
  assert.match(read_number(field("temperature"), "3").fault ?? "", /at most 2/);
  assert.match(read_number(field("top_k"), "1.5").fault ?? "", /whole/);
  assert.match(read_number(field("seed"), "x").fault ?? "", /number/);
});
