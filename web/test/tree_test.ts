import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, day_group, duration, rate, seconds } from "../src/lib/format";
import { plain_setup } from "../src/lib/setup";
import { export_json, export_markdown, import_json } from "../src/lib/transfer";
import { append, branch, remove, show, siblings, title_of } from "../src/lib/tree";
import type { Conversation, Message } from "../src/lib/types";

function message(id: string, parent: string | null, role: "user" | "assistant" = "user"): Message {
  const node = { id, parent, created: 1, content: `text of ${id}` };
  return role === "user" ? { ...node, role } : { ...node, role, calls: [], model: "m" };
}
function conversation(): Conversation {
  const c: Conversation = { id: "c", title: "", created: 1, updated: 2, setup: plain_setup(), messages: [], head: null };
  append(c, message("q1", null));
  append(c, message("a1", "q1", "assistant"));
  append(c, message("a2", "q1", "assistant"));
  append(c, message("q2", "a2"));
  return c;
}
const ids = (c: Conversation) => branch(c).map((m) => m.id).join(" ");

test("a retried answer is a sibling, and both branches stay", () => {
  const c = conversation();
  assert.equal(ids(c), "q1 a2 q2");
  assert.deepEqual(siblings(c, c.messages[1] as Message).map((m) => m.id), ["a1", "a2"]);
  show(c, "a1");
  assert.equal(ids(c), "q1 a1");
  show(c, "a2");
  assert.equal(ids(c), "q1 a2 q2");
});

test("removing takes what follows along and shows what is left", () => {
  const c = conversation();
  remove(c, "a2");
  assert.equal(ids(c), "q1 a1");
  remove(c, "a1");
  assert.equal(ids(c), "q1");
  remove(c, "q1");
  assert.equal(ids(c), "");
  remove(c, "q1");
});

test("a loop of parents ends", () => {
  const c = conversation();
  (c.messages[0] as Message).parent = "q2";
  assert.equal(branch(c).length, 3);
});

test("titles", () => {
  const c = conversation();
  assert.equal(title_of(c), "text of q1");
  c.title = "mine";
  assert.equal(title_of(c), "mine");
  c.title = "";
  c.messages = [];
  assert.equal(title_of(c), "New chat");
});

test("what is written out is read back", () => {
  const c = conversation();
  c.setup.sampling.seed = 7;
  c.setup.format = { kind: "regex", source: "a" };
  const { conversations, fault } = import_json(export_json([c]));
  assert.equal(fault, undefined);
  assert.deepEqual(conversations, [c]);
  assert.match(export_markdown(c), /\*\*You\*\*\n\ntext of q1/);
});

test("files from anywhere do no harm", () => {
  assert.match(import_json("{").fault ?? "", /not JSON/);
  assert.match(import_json("[]").fault ?? "", /no conversations/);
  const hostile = { format: "sobre-conversations", conversations: [null, 3, { id: "x" }, { id: "y", messages: [null, { id: "m", role: "user", parent: "none" }, { id: "n", role: "user", content: 5 }, { id: "n", role: "user" }, { id: "s", role: "system" }, { id: "o", role: "assistant", calls: [7], stats: { total_ms: "x" } }], head: "gone", setup: { sampling: { temperature: "hot", stop: [1, "", "s"] }, format: { kind: "xml" } } }] };
  const { conversations } = import_json(JSON.stringify(hostile));
  assert.equal(conversations.length, 1);
  const c = conversations[0] as Conversation;
  assert.deepEqual(c.messages.map((m) => m.id), ["n", "o"]);
  assert.equal(c.head, "o");
  assert.deepEqual(c.setup.sampling.stop, ["s"]);
  assert.equal(c.setup.sampling.temperature, null);
  assert.equal(c.setup.format.kind, "text");
});

test("figures in words", () => {
  assert.deepEqual([seconds(123), seconds(12_340), seconds(125_000)], ["0.12 s", "12.3 s", "2 min 5 s"]);
  assert.deepEqual([rate(3.14), rate(42.6), rate(1234)], ["3.1", "43", "1,234"]);
  assert.deepEqual([bytes(0), bytes(1536), bytes(105e6), bytes(2.5e9)], ["0 B", "1.5 kB", "105 MB", "2.5 GB"]);
  assert.deepEqual([duration(5), duration(300), duration(7300), duration(90_000)], ["5 s", "5 min", "2 h 1 min", "1 d 1 h"]);
  const noon = new Date(2026, 5, 10, 12).getTime();
  assert.deepEqual([0, 1, 3, 10, 100].map((d) => day_group(noon - d * 86_400_000, noon)), ["Today", "Yesterday", "This week", "This month", "Earlier"]);
});
