// Puts an answer together from the chunks of its stream. Pure, but for the clock that it is given.
import { read_impact, type Impact } from "./impact";
import type { Problem, Stats, ToolCall, Usage } from "./types";

interface Delta {
  content?: string | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  tool_calls?: { index?: number; id?: string; function?: { name?: string; arguments?: string } }[];
}
interface Chunk {
  choices?: { index?: number; delta?: Delta; finish_reason?: string | null }[];
  usage?: Usage | null;
  timings?: { tokens_per_second?: number; predicted_per_second?: number } | null; // ours, and llama.cpp's name for it
  impact?: unknown;
  error?: { message?: string; code?: string | null; type?: string } | null;
}

export class AnswerReader {
  content = "";
  reasoning = "";
  calls: ToolCall[] = [];
  finish: string | undefined;
  problem: Problem | undefined;
  done = false;
  impact: Impact | undefined;
  private usage: Usage | undefined;
  private server_rate: number | undefined;
  private first: number | undefined;
  private last: number | undefined;

  /// `now` tells milliseconds; `began` is when the request was sent.
  constructor(
    private now: () => number,
    private began: number,
  ) {}

  /// One event's data.
  push(data: string) {
    if (data.startsWith("[DONE]")) {
      this.done = true;
      return;
    }
    let chunk: Chunk;
    try {
      chunk = JSON.parse(data) as Chunk;
    } catch {
      this.problem = { title: "The answer cannot be read", detail: `The server sent: ${data.slice(0, 200)}`, status: 200 };
      return;
    }
    if (chunk.error) {
      this.problem = { title: "The server broke off the answer", detail: chunk.error.message ?? "It gave no reason.", status: 200 };
      this.impact = read_impact(chunk.impact);
      return;
    }
    if (chunk.usage) this.usage = chunk.usage;
    this.impact = read_impact(chunk.impact) ?? this.impact;
    // 0 stands for an answer too short to have a rate.
    const rate = chunk.timings?.tokens_per_second ?? chunk.timings?.predicted_per_second;
    if (typeof rate === "number" && rate > 0) this.server_rate = rate;
    const choice = chunk.choices?.find((c) => (c.index ?? 0) === 0);
    if (choice === undefined) return;
    if (choice.delta) this.add(choice.delta);
    if (choice.finish_reason) this.finish = choice.finish_reason;
  }

  private add(delta: Delta) {
    const thought = delta.reasoning_content ?? delta.reasoning ?? "";
    const text = delta.content ?? "";
    if (thought === "" && text === "" && !delta.tool_calls?.length) return;
    this.last = this.now();
    this.first ??= this.last;
    this.reasoning += thought;
    this.content += text;
    for (const piece of delta.tool_calls ?? []) {
      const index = piece.index ?? 0;
      if (!Number.isInteger(index) || index < 0 || index > this.calls.length) continue;
      const call = (this.calls[index] ??= { id: `call_${index}`, name: "", arguments: "" });
      if (piece.id) call.id = piece.id;
      call.name += piece.function?.name ?? "";
      call.arguments += piece.function?.arguments ?? "";
    }
  }

  stats(): Stats {
    const stats: Stats = { total_ms: this.now() - this.began };
    if (this.first !== undefined) stats.first_token_ms = this.first - this.began;
    if (this.usage !== undefined) {
      stats.prompt_tokens = this.usage.prompt_tokens;
      stats.answer_tokens = this.usage.completion_tokens;
      stats.cached_tokens = this.usage.prompt_tokens_details?.cached_tokens;
    }
    // The first token belongs to the prompt's time: n tokens have n - 1 times between them.
    const between = (this.last ?? 0) - (this.first ?? 0);
    if (this.server_rate !== undefined) stats.tokens_per_s = this.server_rate;
    else if ((stats.answer_tokens ?? 0) > 1 && between > 0) stats.tokens_per_s = (((stats.answer_tokens ?? 0) - 1) * 1000) / between;
    return stats;
  }
}

const kTitles: Record<number, string> = {
  400: "The server refused this request",
  401: "This server asks for a key",
  403: "The server does not allow this",
  404: "The server does not have this",
  408: "The request took too long to arrive",
  413: "The request is too long",
  422: "The server refused this request",
  429: "The server is busy",
  503: "The server is not ready",
};

/// An answer that is no success, in words.
export function describe_failure(status: number, body: string, retry_after: string | null): Problem {
  let detail = "";
  try {
    const error = (JSON.parse(body) as { error?: { message?: string } | string }).error;
    if (typeof error === "string") detail = error;
    else if (typeof error?.message === "string") detail = error.message;
  } catch {
    // No JSON: from something between the page and the server, most likely.
  }
  if (detail === "") {
    detail = status === 401 ? "The key is missing or wrong." : `It answered with status ${status} and gave no reason.`;
  }
  const problem: Problem = { title: kTitles[status] ?? (status >= 500 ? "The server failed" : "The request failed"), detail, status };
  const seconds = Number(retry_after);
  if (retry_after !== null && Number.isFinite(seconds) && seconds > 0) problem.retry_after_s = Math.min(seconds, 3600);
  if (status === 401 || status === 403) problem.wants_key = true;
  return problem;
}

/// A fetch that got no answer at all.
export function describe_silence(): Problem {
  return { title: "The server cannot be reached", detail: "It may have stopped, or the network is down.", status: 0 };
}
