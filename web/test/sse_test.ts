import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser, read_events } from "../src/lib/sse";

function events(...pieces: string[]): string[] {
  const parser = new SseParser();
  return pieces.flatMap((p) => parser.push(p));
}

test("events end with a blank line, in every style of line ends", () => {
  assert.deepEqual(events("data: a\n\ndata: b\r\n\r\ndata: c\r\r"), ["a", "b", "c"]);
});

test("an event may come in any pieces", () => {
  const whole = "\ufeff: hello\r\ndata: {\"a\": 1}\r\n\r\nevent: x\ndata:two\ndata: lines\nid: 7\n\n\n\ndata\n\n";
  const expected = ['{"a": 1}', "two\nlines", ""];
  assert.deepEqual(events(whole), expected);
  assert.deepEqual(events(...whole), expected);
  for (let cut = 0; cut <= whole.length; cut++) assert.deepEqual(events(whole.slice(0, cut), whole.slice(cut)), expected);
});

test("what is not complete gives no event", () => {
  assert.deepEqual(events("data: a\n"), []);
  assert.deepEqual(events(": ping\n\n"), []);
});

test("one space after the colon is dropped, no more", () => {
  assert.deepEqual(events("data:  x\n\n"), [" x"]);
});

test("a body's bytes may cut characters in two", async () => {
  const bytes = new TextEncoder().encode("data: é🦊\n\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const b of bytes) controller.enqueue(Uint8Array.of(b));
      controller.close();
    },
  });
  const seen: string[] = [];
  for await (const data of read_events(body)) seen.push(data);
  assert.deepEqual(seen, ["é🦊"]);
});
