// What an answer cost, as the server tells it: read with every member checked (it also comes out of files), and put into words. Pure.
import { in_proportion, per, written, written_money, type Quantity, type Written } from "./quantity";

export interface Grid {
  zone: string;
  g_per_kwh: number;
  year: number;
  source: string;
}
export interface Cost {
  amount: number;
  marginal: number;
  currency: string;
  includes: string[];
}
export interface Impact {
  energy_j: Quantity;
  method: string;
  boundary: string;
  estimate: boolean;
  marginal_energy_j: number | null;
  carbon_g: { operational: Quantity | null; embodied: number | null }; // null: no grid, no kilograms are declared
  grid: Grid | null;
  cost: Cost | null; // null: no tariff is declared
  time_ms: { queue?: number; prefill?: number; decode?: number; total?: number };
  peak_memory_bytes: number | null;
  concurrency_mean: number | null;
  faults: string[];
}

type Fields = Record<string, unknown>;
const kMostFaults = 16;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
/// A finite number that is no debt.
export function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/// The ends enclose the value, whatever was sent.
export function read_quantity(value: unknown): Quantity | undefined {
  const f = fields(value);
  const middle = amount(f.value);
  if (middle === undefined) return undefined;
  return { value: middle, low: Math.min(middle, amount(f.low) ?? middle), high: Math.max(middle, amount(f.high) ?? middle) };
}

export function read_grid(value: unknown): Grid | undefined {
  const f = fields(value);
  const intensity = amount(f.g_per_kwh);
  return intensity === undefined ? undefined : { zone: text(f.zone), g_per_kwh: intensity, year: amount(f.year) ?? 0, source: text(f.source) };
}

export function read_cost(value: unknown): Cost | undefined {
  const f = fields(value);
  const sum = amount(f.amount);
  if (sum === undefined || text(f.currency) === "") return undefined;
  const includes = Array.isArray(f.includes) ? f.includes.filter((i) => typeof i === "string") : [];
  return { amount: sum, marginal: amount(f.marginal) ?? 0, currency: text(f.currency), includes };
}

/// Undefined where no energy is told: the meter is off, or the server knows none. What this returns reads as itself again.
export function read_impact(value: unknown): Impact | undefined {
  const f = fields(value);
  const energy_j = read_quantity(f.energy_j);
  if (energy_j === undefined) return undefined;
  const carbon = fields(f.carbon_g);
  const time = fields(f.time_ms);
  const impact: Impact = {
    energy_j,
    method: text(f.method),
    boundary: text(f.boundary),
    estimate: f.estimate === true,
    marginal_energy_j: amount(f.marginal_energy_j) ?? null,
    carbon_g: { operational: read_quantity(carbon.operational) ?? null, embodied: amount(carbon.embodied) ?? null },
    grid: read_grid(f.grid) ?? null,
    cost: read_cost(f.cost) ?? null,
    time_ms: {},
    peak_memory_bytes: amount(f.peak_memory_bytes) ?? null,
    concurrency_mean: amount(f.concurrency_mean) ?? null,
    faults: Array.isArray(f.faults) ? f.faults.filter((x) => typeof x === "string" && x !== "").slice(0, kMostFaults) : [],
  };
  for (const key of ["queue", "prefill", "decode", "total"] as const) {
    const ms = amount(time[key]);
    if (ms !== undefined) impact.time_ms[key] = ms;
  }
  return impact;
}

const kMethods: Record<string, string> = {
  "rapl-package": "Measured by the processor’s energy counter (RAPL).",
  "rapl-package+dram": "Measured by the energy counters of processor and memory (RAPL).",
  nvml: "Measured by the graphics card’s energy counter (NVML).",
  "wall-calibrated": "Calculated from processor time, with readings of a wall meter on this machine.",
  "estimate-tdp": "Estimated from processor time and the rated power of this processor.",
  "estimate-cores": "Estimated from processor time, with the same power for every core.",
  "remote-modelled": "Modelled from the number of tokens: another server gave the answer.",
};
export function method_words(method: string): string {
  return kMethods[method] ?? (method === "" ? "The method is not told." : `Method: ${method}.`);
}

const kFaults: Record<string, string> = {
  missed_wrap: "The energy counter may have started again at zero unseen, so energy may be missing.",
  missing_domain: "One of the machine’s energy counters was gone.",
  unreadable: "An energy counter could not be read.",
  counter_jump: "An energy counter rose faster than the machine can draw power.",
  counter_stopped: "An energy counter stood still while the machine worked.",
  shared_host: "Other programs took more than a fifth of the processor’s time.",
};
export function fault_words(fault: string): string {
  return kFaults[fault] ?? `Something was wrong with the measurement: ${fault.replaceAll("_", " ")}.`;
}

export const kTariffExample = '[meter]\ntariff_per_kwh = 0.25\ncurrency = "EUR"';
export const kNoTariff = "No price of electricity is declared.";
export const kNoGrid = "No electricity grid is declared.";

export function grid_words(grid: Grid): string {
  const source = [grid.year > 0 ? String(grid.year) : "", grid.source].filter((t) => t !== "").join(", ");
  return `${grid.zone === "" ? "Grid" : `Grid ${grid.zone}`}: ${Number(grid.g_per_kwh.toPrecision(3)).toLocaleString("en")} g CO₂e per kWh${source === "" ? "" : ` (${source})`}`;
}

/// Money with the doubt of the energy it comes from. Sums too small to picture are told for many such answers.
export function money_words(sum: number, energy: Quantity, currency: string): { written: Written; of: string } {
  const scale: [number, string] = sum === 0 || sum >= 0.001 ? [1, ""] : sum >= 1e-6 ? [1000, "for 1,000 such answers"] : [1e6, "for a million such answers"];
  return { written: written_money(in_proportion(sum * scale[0], energy), currency), of: scale[1] };
}

/// Joules for each token of the answer; undefined where there are none.
export function per_token(impact: Impact, tokens: number | undefined): Written | undefined {
  return tokens !== undefined && tokens > 0 ? written(per(impact.energy_j, tokens), "J") : undefined;
}

const kIncludes: Record<string, string> = {
  energy: "electricity",
  pue: "what its site needs beside (PUE)",
  hardware: "its share of the machine’s price",
  remote: "what the remote model asks",
};

/// To be put after a sum of money. Names of a newer server stand as they are.
export function includes_words(includes: string[]): string {
  return includes.length === 0 ? "" : `; it includes ${includes.map((name) => kIncludes[name] ?? name).join(", ")}`;
}
