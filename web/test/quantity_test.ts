import assert from "node:assert/strict";
import { test } from "node:test";
import { axis_end, axis_label, axis_unit, in_proportion, in_words, overlap, per, written, written_money, type Quantity, type Unit } from "../src/lib/quantity";

const words = (value: number, low: number, high: number, unit: Unit = "J") => in_words(written({ value, low, high }, unit));

test("no digit beyond the interval's", () => {
  assert.equal(words(0.42, 0.4, 0.44), "0.42 J, from 0.40 to 0.44 J");
  assert.equal(words(0.4123, 0.1274, 1.2961), "0.4 J, from 0.1 to 1.3 J");
  assert.equal(words(12345, 11728, 12962), "12.3 kJ, from 11.7 to 13.0 kJ");
  assert.equal(words(123.456, 118.2, 128.7), "123 J, from 118 to 129 J");
  assert.equal(words(0.75, 0.25, 2.25), "0.8 J, from 0.3 to 2.3 J");
  assert.equal(words(0.9, 0.25, 2.9), "0.9 J, from 0.3 to 2.9 J");
  assert.equal(words(5123, 1023, 20456), "5 kJ, from 1 to 20 kJ");
});

test("however narrow the interval, three digits; none but the value where it has no width", () => {
  assert.equal(words(123456, 123455, 123457), "123 kJ");
  assert.equal(words(1.23456, 1.23456, 1.23456), "1.23 J");
  assert.equal(words(0, 0, 0), "0 J");
});

test("each end keeps a digit of its own: no low end becomes 0", () => {
  assert.equal(words(3, 0.04, 30), "3 J, from 0.04 to 30 J");
  assert.equal(words(0, 0, 3), "0 J, from 0 to 3 J");
});

test("prefixes leave no zeros that say nothing", () => {
  assert.equal(words(0.00042, 0.0004, 0.00044, "g"), "0.42 mg, from 0.40 to 0.44 mg");
  assert.equal(words(0.042, 0.0418, 0.0422), "42.0 mJ, from 41.8 to 42.2 mJ");
  assert.equal(words(420, 400, 440), "0.42 kJ, from 0.40 to 0.44 kJ");
  assert.equal(words(2.5e6, 2.4e6, 2.6e6, "g"), "2.5 t, from 2.4 to 2.6 t");
  assert.equal(words(999.7, 950, 1050), "1.00 kJ, from 0.95 to 1.05 kJ");
});

test("the digits kept carry one digit of half the interval, at most, over many orders of size", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 2000; i++) {
    const value = 10 ** (12 * random() - 4);
    const wide = 1 + 8 * random();
    const q = { value, low: value / wide, high: value * wide };
    const w = written(q, "J");
    const number = (text: string) => Number(text.replaceAll(",", ""));
    const [, digits, unit] = /^([\d.,]+) (\S+)$/.exec(w.value) ?? [];
    assert.ok(digits !== undefined && unit !== undefined, w.value);
    const factor = { "µJ": 1e-6, mJ: 1e-3, J: 1, kJ: 1e3, MJ: 1e6, GJ: 1e9 }[unit];
    assert.ok(factor !== undefined, unit);
    const decimals = digits.split(".")[1]?.length ?? 0;
    const half = (q.high - q.low) / 2;
    const significant = digits.replace(/[.,]/g, "").replace(/^0+/, "").length;
    // A number that ends in zeros before the point claims no digit there.
    const claims = decimals > 0 || !digits.endsWith("0");
    const finest = Math.min(half / 10, 10 ** Math.floor(Math.log10(value)));
    assert.ok(significant === 1 || !claims || 10 ** -decimals * factor > finest * 0.9999, `${in_words(w)} of ${JSON.stringify(q)}`);
    assert.ok(significant <= 3, w.value);
    // What is written is the value, to the digit it claims.
    assert.ok(Math.abs(number(digits) * factor - value) <= Math.max(half, value * 0.5), `${w.value} is not ${value}`);
  }
});

test("money has no prefixes", () => {
  assert.equal(in_words(written_money({ value: 0.0123, low: 0.0117, high: 0.0129 }, "EUR")), "0.0123 EUR, from 0.0117 to 0.0129 EUR");
  assert.equal(in_words(written_money({ value: 1234.5, low: 1100, high: 1400 }, "EUR")), "1,200 EUR, from 1,100 to 1,400 EUR");
});

test("shares and rates carry the doubt along", () => {
  const q: Quantity = { value: 10, low: 8, high: 15 };
  assert.deepEqual(in_proportion(2, q), { value: 2, low: 1.6, high: 3 });
  assert.deepEqual(in_proportion(2, { value: 0, low: 0, high: 0 }), { value: 2, low: 2, high: 2 });
  assert.deepEqual(per(q, 5), { value: 2, low: 1.6, high: 3 });
  assert.equal(overlap(q, { value: 20, low: 15, high: 25 }), true);
  assert.equal(overlap(q, { value: 20, low: 15.1, high: 25 }), false);
});

test("axes end at round numbers", () => {
  assert.deepEqual([0, 0.44, 1.3, 1, 9.2, 1050].map(axis_end), [1, 0.5, 1.5, 1, 10, 1500]);
  assert.equal(axis_label(750, axis_unit(1500, "J")), "0.75 kJ");
  assert.equal(axis_label(0.0005, [1, "EUR"]), "0.0005 EUR");
});
