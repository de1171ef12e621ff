// Amounts with their doubt, in words and on axes. An amount is never written with more digits than its interval carries. Pure.

/// A value and the ends of its 95 % interval, in one unit.
export interface Quantity {
  value: number;
  low: number;
  high: number;
}

export type Unit = "J" | "g" | "W" | "Wh";

const kPrefixes: [number, string][] = [
  [1e-6, "µ"],
  [1e-3, "m"],
  [1, ""],
  [1e3, "k"],
  [1e6, "M"],
  [1e9, "G"],
];
const kMostDigits = 3; // however narrow the interval is

/// The power of ten of a positive number. What lies a rounding error below a power counts as that power.
function power(x: number): number {
  return Math.floor(Math.log10(x) + 1e-9);
}

/// The power of ten of the last digit worth writing: that of half the interval's width, but the value keeps its first digit.
function last_digit(q: Quantity): number {
  if (!(q.value > 0)) return q.high > 0 ? power(q.high) : 0;
  const half = (q.high - q.low) / 2;
  const finest = power(q.value) - kMostDigits + 1;
  return half > 0 ? Math.min(power(q.value), Math.max(power(half), finest)) : finest;
}

/// `x` up to the digit 10^last, and with one digit at least.
function digits(x: number, last: number): string {
  const at = x > 0 ? Math.min(last, power(x)) : last;
  const rounded = at >= 0 ? Math.round(x / 10 ** at) * 10 ** at : x;
  const decimals = x > 0 ? Math.min(20, Math.max(0, -at)) : 0;
  return rounded.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function times(q: Quantity, factor: number): Quantity {
  return { value: q.value * factor, low: q.low * factor, high: q.high * factor };
}

/// The prefix that a quantity is written with: the greatest that leaves 1 or more before the point; one greater where that would
/// end in zeros that say nothing (0.42 J, not 420 mJ, when the tens of millijoules are in doubt).
export function prefix(q: Quantity): [number, string] {
  const size = q.value > 0 ? q.value : q.high;
  let at = 2;
  if (size > 0) {
    at = Math.max(0, kPrefixes.filter(([factor]) => size >= factor * 0.9995).length - 1);
    const next = kPrefixes[at + 1];
    if (next !== undefined && last_digit(q) > power(kPrefixes[at]?.[0] ?? 1) && size >= next[0] * 0.0995) at++;
  }
  return kPrefixes[at] ?? [1, ""];
}

function unit_name(symbol: string, unit: Unit): string {
  return unit === "g" && symbol === "M" ? "t" : unit === "g" && symbol === "G" ? "kt" : symbol + unit;
}

export interface Written {
  value: string; // with its unit
  interval: string; // "from 0.1 to 1.3 J"; empty where both ends are the value
}

function write(q: Quantity, unit: string): Written {
  const last = last_digit(q);
  const [value, low, high] = [digits(q.value, last), digits(q.low, last), digits(q.high, last)];
  return { value: `${value} ${unit}`, interval: low === high ? "" : `from ${low} to ${high} ${unit}` };
}

export function written(q: Quantity, unit: Unit): Written {
  const [factor, symbol] = prefix(q);
  return write(times(q, 1 / factor), unit_name(symbol, unit));
}

/// Money has no prefixes.
export function written_money(q: Quantity, currency: string): Written {
  return write(q, currency);
}

/// "0.4 J, from 0.1 to 1.3 J".
export function in_words(w: Written): string {
  return w.interval === "" ? w.value : `${w.value}, ${w.interval}`;
}

/// An amount that follows from `q` in proportion and so carries its doubt: grams, money, a part of it.
export function in_proportion(amount: number, q: Quantity): Quantity {
  return q.value > 0 ? { value: amount, low: (amount * q.low) / q.value, high: (amount * q.high) / q.value } : { value: amount, low: amount, high: amount };
}

export function per(q: Quantity, count: number): Quantity {
  return times(q, 1 / count);
}

/// Whether two amounts may be the same one.
export function overlap(a: Quantity, b: Quantity): boolean {
  return a.low <= b.high && b.low <= a.high;
}

/// The end of an axis from 0 that holds `value`.
export function axis_end(value: number): number {
  if (!(value > 0)) return 1;
  const step = 10 ** power(value);
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((m) => m * step >= value * 0.9999) ?? 10) * step;
}

/// Labels of an axis from 0 to `end`, all in one unit. Money is given as [1, currency].
export function axis_unit(end: number, unit: Unit): [number, string] {
  const [factor, symbol] = prefix({ value: end, low: end, high: end });
  return [factor, unit_name(symbol, unit)];
}
export function axis_label(x: number, [factor, name]: [number, string]): string {
  return `${Number((x / factor).toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 })} ${name}`;
}
