// What the mock server says about energy and cost: the impact of an answer, the ledger's sums, the meter. It follows from the
// request alone. All of it obeys one rule, as the server's does: sums of parts are the sums of the whole.

const kGrid = { zone: "FR", g_per_kwh: 56, year: 2023, source: "Ember, CC BY 4.0" };
const kSpread = [0.95, 1.05]; // of RAPL
const kTariff = 0.25 / 3.6e6; // EUR per joule
const kHardware = 2.1e-6; // EUR per second of the machine

function around(value, [low, high] = kSpread) {
  return { value, low: value * low, high: value * high };
}

/// The impact of an answer of so many tokens. `change` replaces members.
export function impact_of(prompt_tokens, answer_tokens, change = {}) {
  const energy = 0.6 + 0.004 * prompt_tokens + 0.082 * answer_tokens;
  const seconds = 0.08 + answer_tokens / 90;
  return {
    energy_j: around(energy),
    method: "rapl-package",
    boundary: "processor packages",
    estimate: false,
    marginal_energy_j: energy * 0.7,
    carbon_g: { operational: around((energy * kGrid.g_per_kwh) / 3.6e6), embodied: seconds * 1.9e-3 },
    grid: kGrid,
    cost: { amount: energy * kTariff + seconds * kHardware, marginal: energy * 0.7 * kTariff, currency: "EUR", includes: ["energy", "hardware"] },
    time_ms: { queue: 0.4, prefill: 60, decode: 1000 * seconds - 60, total: 1000 * seconds },
    peak_memory_bytes: 168e6,
    concurrency_mean: 1,
    faults: [],
    ...change,
  };
}

/// One of an estimate, as wide as a constant per core is.
export function estimate_of(answer_tokens, change = {}) {
  const impact = impact_of(20, answer_tokens);
  const value = impact.energy_j.value;
  const grams = impact.carbon_g.operational.value;
  return { ...impact, energy_j: around(value, [0.33, 2.9]), carbon_g: { operational: around(grams, [0.33, 2.9]), embodied: null }, method: "estimate-cores", boundary: "processor", estimate: true, ...change };
}

const kShares = {
  model: [["SmolLM2-135M-Instruct", 0.46], ["SmolLM2-360M-Instruct", 0.41], ["Ministral-3B-Instruct", 0.13]],
  task: [["mail-triage", 0.5], ["invoice-fields", 0.3], ["", 0.2]],
  key: [["accounting", 0.5], ["front-desk", 0.42], ["batch", 0.08]],
};
// Joules for a token of answer differ by model; the other groups are mixtures.
const kPerToken = { "SmolLM2-135M-Instruct": 0.09, "SmolLM2-360M-Instruct": 0.1, "Ministral-3B-Instruct": 0.62 };

function row_of(member, name, requests, per_token, spread) {
  const answer_tokens = requests * 143;
  const energy = answer_tokens * per_token;
  return {
    [member]: name,
    requests,
    prompt_tokens: requests * 412,
    cached_tokens: requests * 230,
    answer_tokens,
    energy_j: around(energy, spread),
    marginal_energy_j: energy * 0.62,
    carbon_g: { operational: (energy * kGrid.g_per_kwh) / 3.6e6, embodied: requests * 2.4e-3 },
    cost: [{ amount: energy * kTariff + requests * 3e-6, marginal: energy * 0.62 * kTariff, currency: "EUR" }],
    methods: ["rapl-package"], estimate: false,
  };
}

function sum_of(rows) {
  const add = (pick) => rows.reduce((sum, r) => sum + pick(r), 0);
  return {
    requests: add((r) => r.requests),
    prompt_tokens: add((r) => r.prompt_tokens),
    cached_tokens: add((r) => r.cached_tokens),
    answer_tokens: add((r) => r.answer_tokens),
    energy_j: { value: add((r) => r.energy_j.value), low: add((r) => r.energy_j.low), high: add((r) => r.energy_j.high) },
    marginal_energy_j: add((r) => r.marginal_energy_j),
    carbon_g: { operational: add((r) => r.carbon_g.operational), embodied: add((r) => r.carbon_g.embodied) },
    cost: rows.length === 0 ? [] : [{ amount: add((r) => r.cost[0].amount), marginal: add((r) => r.cost[0].marginal), currency: "EUR" }],
    methods: rows.length === 0 ? [] : ["rapl-package"], estimate: false,
  };
}

/// GET /v1/usage. Weekends are quiet, and so is the first third of a long period.
export function usage_of(query, { spread = kSpread } = {}) {
  const by = query.get("by") ?? "day";
  const [from, to] = [query.get("from"), query.get("to")];
  const days = [];
  for (let ms = Date.parse(from); ms <= Date.parse(to); ms += 86_400_000) days.push(new Date(ms));
  const asked = days.map((d, i) => ({ day: d.toISOString().slice(0, 10), requests: d.getUTCDay() % 6 === 0 || i < days.length / 3 - 3 ? 0 : 90 + ((d.getUTCDate() * 37) % 160) }));
  const busy = asked.filter((d) => d.requests > 0);
  const requests = busy.reduce((sum, d) => sum + d.requests, 0);
  const rows = by === "day" ? busy.map((d) => row_of("day", d.day, d.requests, 0.16, spread)) : kShares[by].map(([name, share]) => row_of(by, name, Math.round(requests * share), kPerToken[name] ?? 0.16, spread));
  return {
    object: "usage", by, from, to,
    method: { name: "rapl-package", boundary: "processor packages", estimate: false },
    grid: kGrid, currency: "EUR", ledger: { rows: 48_211, alarm: null }, rows, total: sum_of(rows),
  };
}

/// The member "meter" of the state.
export const kMeter = {
  method: "rapl-package", boundary: "processor packages", estimate: false, watts: 23.4, idle_watts: 6.1,
  sources: [
    { name: "RAPL", state: "used", reason: "intel-rapl:0, package-0", advice: "" },
    { name: "NVML", state: "refused", reason: "libnvidia-ml.so.1 is not there", advice: "" },
    { name: "wall calibration", state: "refused", reason: "no calibration is stored for this machine", advice: "run sobre meter --calibrate --wall with a wall meter: it covers the whole machine, power supply included" },
  ],
};
