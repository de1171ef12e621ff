import assert from "node:assert/strict";
import { test } from "node:test";
import { pretty_json } from "../src/lib/pretty";
import { check_schema } from "../src/lib/schema_check";
import { judge } from "../src/lib/verdict";

const fits = (schema: unknown, value: unknown) => check_schema(schema, value).fault === undefined;

test("keywords of JSON Schema, each with a value that fits and one that does not", () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ type: "integer" }, 2, 2.5],
    [{ type: ["string", "null"] }, null, 1],
    [{ enum: [1, { a: [2] }] }, { a: [2] }, { a: [3] }],
    [{ const: "x" }, "x", "y"],
    [{ minimum: 1, maximum: 2 }, 1, 3],
    [{ exclusiveMinimum: 1, exclusiveMaximum: 2 }, 1.5, 1],
    [{ multipleOf: 0.1 }, 0.3, 0.35],
    [{ minLength: 2, maxLength: 2 }, "🦊🦊", "🦊"],
    [{ pattern: "^a" }, "ab", "ba"],
    [{ items: { type: "number" }, minItems: 1, maxItems: 2 }, [1], ["x"]],
    [{ prefixItems: [{ const: 1 }], items: false }, [1], [1, 2]],
    [{ uniqueItems: true }, [1, "1"], [{ a: 1 }, { a: 1 }]],
    [{ contains: { const: 3 } }, [1, 3], [1]],
    [{ properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false }, { a: "" }, { a: "", b: 1 }],
    [{ required: ["toString"] }, { toString: 1 }, {}],
    [{ minProperties: 1, maxProperties: 1 }, { a: 1 }, {}],
    [{ propertyNames: { maxLength: 1 } }, { a: 1 }, { ab: 1 }],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, null, 1],
    [{ oneOf: [{ minimum: 1 }, { maximum: 5 }] }, 0, 3],
    [{ allOf: [{ minimum: 1 }, { maximum: 5 }] }, 3, 6],
    [{ not: { type: "string" } }, 1, "x"],
    [{ if: { type: "string" }, then: { minLength: 1 }, else: { minimum: 5 } }, 5, ""],
    [{ $ref: "#/$defs/t", $defs: { t: { type: "array", items: { $ref: "#/$defs/t" } } } }, [[], [[]]], [[1]]],
    [true, 1, undefined],
  ];
  for (const [schema, good, bad] of cases) {
    assert.ok(fits(schema, good), `${JSON.stringify(schema)} should take ${JSON.stringify(good)}`);
    if (bad !== undefined) assert.ok(!fits(schema, bad), `${JSON.stringify(schema)} should not take ${JSON.stringify(bad)}`);
  }
  assert.ok(!fits(false, 1));
});

test("a fault has a place; what is not known is named", () => {
  assert.equal(check_schema({ properties: { a: { items: { type: "string" } } } }, { a: ["x", 1] }).fault, "the answer.a[1] is number, not string");
  assert.deepEqual(check_schema({ unevaluatedProperties: false, title: "t" }, {}).unchecked, ["unevaluatedProperties"]);
  assert.deepEqual(check_schema({ $ref: "https://x.org/s" }, {}).unchecked, ["$ref"]);
  assert.ok(fits({ $ref: "#" }, 1));
});

test("verdicts", () => {
  const schema = { kind: "json_schema" as const, source: '{"type": "object"}' };
  assert.equal(judge(schema, "{}", "stop").state, "fits");
  assert.equal(judge(schema, "[]", "stop").state, "fails");
  assert.equal(judge(schema, "{", "stop").state, "fails");
  assert.match(judge(schema, "{", "length").text, /token limit/);
  assert.equal(judge(schema, "{", "stopped").state, "unknown");
  assert.equal(judge({ kind: "regex", source: "a|b" }, "b", "stop").state, "fits");
  assert.equal(judge({ kind: "regex", source: "a|b" }, "ab", "stop").state, "fails");
  assert.equal(judge({ kind: "regex", source: "(" }, "b", "stop").state, "unknown");
  assert.equal(judge({ kind: "json_object", source: "" }, "[1]", "stop").state, "fails");
});

test("JSON is laid out without changing what it says", () => {
  const shown = (text: string) => pretty_json(text).map((t) => t.text).join("");
  assert.equal(shown('{"a":[1,2.50,{}],"b":"x\\"y","c":[]}'), '{\n  "a": [\n    1,\n    2.50,\n    {}\n  ],\n  "b": "x\\"y",\n  "c": []\n}');
  assert.equal(shown('{"a": 12345678901234567890'), '{\n  "a": 12345678901234567890');
  assert.equal(shown('{"a": "not end'), '{\n  "a": "not end');
  assert.equal(shown(""), "");
  const kinds = pretty_json('{"k": "v", "n": -1e5, "t": true}').filter((t) => t.kind !== "mark").map((t) => t.kind);
  assert.deepEqual(kinds, ["key", "string", "key", "number", "key", "word"]);
});
