// What the ledger says about days, models, tasks and keys: read with every member checked, arranged for charts, written as CSV. Pure.
import { amount, fields, read_cost, read_grid, read_quantity, text, type Cost, type Grid } from "./impact";
import { in_proportion, overlap, type Quantity } from "./quantity";

export const kBy = ["day", "model", "task", "key"] as const;
export type By = (typeof kBy)[number];
export type Metric = "energy" | "money" | "carbon";

export interface UsageRow {
  name: string; // a day as YYYY-MM-DD, or the name of a model, task or key; empty: none was given
  requests: number;
  prompt_tokens: number;
  cached_tokens: number;
  answer_tokens: number;
  energy_j: Quantity;
  marginal_energy_j: number;
  operational_g?: number;
  embodied_g?: number;
  cost?: Cost; // in the currency that is drawn
  other_costs: Cost[]; // in others: what was asked while another tariff was declared
  methods: string[]; // by which its energy was found
  estimate: boolean; // any of them is one
}
export interface Usage {
  by: By;
  method: string; // of now, as are the boundary, the grid and whether it is an estimate
  boundary: string;
  estimate: boolean;
  grid?: Grid;
  currency: string; // that is drawn: the one declared now unless all money is in others; empty: none
  ledger_rows: number;
  alarm: string; // empty: all is well
  rows: UsageRow[];
  total: UsageRow;
}

const read_costs = (value: unknown): Cost[] => (Array.isArray(value) ? value : []).map(read_cost).filter((c) => c !== undefined);

function read_row(value: unknown, by: By, currency: string): UsageRow {
  const f = fields(value);
  const found = read_costs(f.cost);
  const carbon = fields(f.carbon_g);
  return {
    name: text(f[by]),
    requests: amount(f.requests) ?? 0,
    prompt_tokens: amount(f.prompt_tokens) ?? 0,
    cached_tokens: amount(f.cached_tokens) ?? 0,
    answer_tokens: amount(f.answer_tokens) ?? 0,
    energy_j: read_quantity(f.energy_j) ?? { value: 0, low: 0, high: 0 },
    marginal_energy_j: amount(f.marginal_energy_j) ?? 0,
    operational_g: amount(carbon.operational) ?? read_quantity(carbon.operational)?.value,
    embodied_g: amount(carbon.embodied),
    cost: found.find((c) => c.currency === currency),
    other_costs: found.filter((c) => c.currency !== currency),
    methods: (Array.isArray(f.methods) ? f.methods : []).filter((m) => typeof m === "string"),
    estimate: f.estimate === true,
  };
}

export function read_usage(value: unknown, by: By): Usage {
  const f = fields(value);
  const method = fields(f.method);
  const ledger = fields(f.ledger);
  const all = read_costs(fields(f.total).cost).map((c) => c.currency);
  const now = text(f.currency);
  const currency = all.includes(now) ? now : (all[0] ?? now);
  return {
    by,
    method: text(method.name),
    boundary: text(method.boundary),
    estimate: method.estimate === true,
    grid: read_grid(f.grid),
    currency,
    ledger_rows: amount(ledger.rows) ?? 0,
    alarm: text(ledger.alarm),
    rows: (Array.isArray(f.rows) ? f.rows : []).map((r) => read_row(r, by, currency)),
    total: read_row(f.total, by, currency),
  };
}

/// The last `days` days up to `now` (ms since 1970), both ends included. The ledger counts days in UTC.
export function period(days: number, now: number): { from: string; to: string } {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return { from: day(now - (days - 1) * 86_400_000), to: day(now) };
}

/// Every day of the period, those without a row too.
export function each_day(from: string, to: string): string[] {
  const days: string[] = [];
  for (let ms = Date.parse(from); ms <= Date.parse(to) && days.length < 1000; ms += 86_400_000) days.push(new Date(ms).toISOString().slice(0, 10));
  return days;
}

export function day_words(day: string): string {
  return new Date(Date.parse(day)).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

export function name_words(row: UsageRow, by: By): string {
  return by === "day" ? row.name : row.name === "" ? `no ${by}` : row.name;
}

/// What is drawn of a row; undefined where it is not known. Money and grams carry the energy's doubt, in proportion.
export function measure(row: UsageRow, metric: Metric): Quantity | undefined {
  if (metric === "energy") return row.energy_j;
  const sum = metric === "money" ? row.cost?.amount : row.operational_g;
  return sum === undefined ? undefined : in_proportion(sum, row.energy_j);
}

/// In the order of the number of answers, which is exact. Never in that of energies: intervals that overlap have no order.
export function in_order(rows: UsageRow[]): UsageRow[] {
  return [...rows].sort((a, b) => b.requests - a.requests || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/// Whether any two amounts may be the same one.
export function any_overlap(quantities: Quantity[]): boolean {
  const sorted = [...quantities].sort((a, b) => a.low - b.low);
  return sorted.some((q, i) => i > 0 && overlap(sorted[i - 1] as Quantity, q));
}

const kColumns: [string, (row: UsageRow) => number | string | undefined][] = [
  ["requests", (r) => r.requests],
  ["prompt_tokens", (r) => r.prompt_tokens],
  ["cached_tokens", (r) => r.cached_tokens],
  ["answer_tokens", (r) => r.answer_tokens],
  ["energy_j", (r) => r.energy_j.value],
  ["energy_j_low", (r) => r.energy_j.low],
  ["energy_j_high", (r) => r.energy_j.high],
  ["marginal_energy_j", (r) => r.marginal_energy_j],
  ["co2e_operational_g", (r) => r.operational_g],
  ["co2e_embodied_g", (r) => r.embodied_g],
  ["cost", (r) => r.cost?.amount],
  ["cost_marginal", (r) => r.cost?.marginal],
  ["currency", (r) => r.cost?.currency],
  ["other_costs", (r) => r.other_costs.map((c) => `${c.amount} ${c.currency}`).join(" ")],
  ["methods", (r) => r.methods.join(" ")],
  ["estimate", (r) => String(r.estimate)],
];

/// A spreadsheet takes what begins with these signs as a formula; a name stays a name.
function cell(value: number | string | undefined): string {
  if (typeof value !== "string") return value === undefined ? "" : String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/// RFC 4180, with every digit the server sent and what the figures mean. Empty cells: not known.
export function usage_csv(usage: Usage): string {
  const lines = [[usage.by, ...kColumns.map(([name]) => name)].join(",")];
  for (const row of usage.rows) lines.push([row.name, ...kColumns.map(([, get]) => get(row))].map(cell).join(","));
  return lines.join("\r\n") + "\r\n";
}
