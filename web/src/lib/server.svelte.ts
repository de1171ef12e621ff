// What the server says about itself: its models, and its state once a second while somebody looks.
import { ApiFailure, list_models, server_status } from "./api";
import { amount, fields, text } from "./impact";
import type { Meter, Problem, Sample, ServerStatus } from "./types";

const kFastMs = 1000;
const kSlowMs = 5000;
const kMaxMs = 15_000;

class Server {
  models = $state<string[]>([]);
  problem = $state<Problem>();
  status = $state.raw<ServerStatus>();
  status_problem = $state<Problem>();
  /// Whether the state is wanted each second; otherwise it is asked for now and then.
  watched = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private asking = false;

  async load_models() {
    try {
      this.models = await list_models();
      this.problem = undefined;
    } catch (error) {
      if (error instanceof ApiFailure) this.problem = error.problem;
    }
  }

  /// The model that a request names: the chosen one if the server has it, else its first.
  pick(chosen: string): string {
    return chosen !== "" && (this.models.includes(chosen) || this.models.length === 0) ? chosen : (this.models[0] ?? "");
  }

  start() {
    document.addEventListener("visibilitychange", () => this.poll());
    void this.load_models();
    void this.poll();
  }

  /// Asks now, and again after a while.
  async poll() {
    clearTimeout(this.timer);
    if (document.hidden || this.asking) return;
    this.asking = true;
    const began = performance.now();
    try {
      this.status = read_status(await server_status());
      if (this.status_problem !== undefined || this.problem !== undefined) void this.load_models();
      this.status_problem = undefined;
      this.failures = 0;
    } catch (error) {
      this.failures++;
      if (error instanceof ApiFailure) this.status_problem = error.problem;
    } finally {
      this.asking = false;
    }
    const wait = (this.watched ? kFastMs : kSlowMs) * 2 ** Math.min(this.failures, 4);
    this.timer = setTimeout(() => this.poll(), Math.max(0, Math.min(wait, kMaxMs) - (performance.now() - began)));
  }
}

function finite(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function read_meter(value: unknown): Meter | null | undefined {
  if (value === undefined || value === null) return value;
  const f = fields(value);
  return {
    method: text(f.method),
    boundary: text(f.boundary),
    estimate: f.estimate === true,
    watts: amount(f.watts) ?? null,
    idle_watts: amount(f.idle_watts) ?? null,
    sources: (Array.isArray(f.sources) ? f.sources : []).map((source) => {
      const s = fields(source);
      return { name: text(s.name), state: text(s.state), reason: text(s.reason), advice: text(s.advice) };
    }),
  };
}

/// The state with every figure there, so that an older or newer server does not break the view.
function read_status(raw: ServerStatus): ServerStatus {
  const sample = (s: Partial<Sample>): Sample => ({
    age_s: finite(s.age_s),
    tokens_per_s: finite(s.tokens_per_s),
    prompt_tokens_per_s: finite(s.prompt_tokens_per_s),
    running: finite(s.running),
    queued: finite(s.queued),
    cache_used: finite(s.cache_used),
  });
  return {
    version: String(raw.version ?? ""),
    uptime_s: finite(raw.uptime_s),
    tokens_per_s: finite(raw.tokens_per_s),
    prompt_tokens_per_s: finite(raw.prompt_tokens_per_s),
    running: finite(raw.running),
    queued: finite(raw.queued),
    models: (raw.models ?? []).map((m) => ({
      ...m,
      id: String(m.id),
      aliases: m.aliases ?? [],
      error: m.error ?? null,
      progress: finite(m.progress),
      memory_bytes: finite(m.memory_bytes),
      running: finite(m.running),
      queued: finite(m.queued),
      max_active: finite(m.max_active),
      prompt_tokens: finite(m.prompt_tokens),
      cached_tokens: finite(m.cached_tokens),
      answer_tokens: finite(m.answer_tokens),
      tokens_per_s: finite(m.tokens_per_s),
      prompt_tokens_per_s: finite(m.prompt_tokens_per_s),
      cache: { bytes: finite(m.cache?.bytes), used_bytes: finite(m.cache?.used_bytes), kept_bytes: finite(m.cache?.kept_bytes) },
    })),
    history: (raw.history ?? []).map(sample),
    meter: read_meter(raw.meter),
  };
}

export const server = new Server();
