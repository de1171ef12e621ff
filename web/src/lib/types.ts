// What the API sends and what the page keeps.
import type { Impact } from "./impact";

export interface ToolCall {
  id: string;
  name: string;
  arguments: string; // JSON text, as far as it has come
}

/// Members of the last chunk of a stream that the page shows or keeps for later.
export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  prompt_tokens_details?: { cached_tokens?: number } | null;
}

export interface Stats {
  first_token_ms?: number; // from sending to the first piece of the answer
  total_ms?: number;
  prompt_tokens?: number;
  cached_tokens?: number;
  answer_tokens?: number;
  tokens_per_s?: number;
}

export interface Problem {
  title: string; // what happened
  detail: string; // what the server says, or what to do
  status: number; // 0: no answer
  retry_after_s?: number;
  wants_key?: boolean;
}

export type FormatKind = "text" | "json_object" | "json_schema" | "regex";

export interface AnswerFormat {
  kind: FormatKind;
  source: string; // of the schema or the regular expression
}

interface Node {
  id: string;
  parent: string | null;
  created: number; // ms since 1970
}
export interface UserMessage extends Node {
  role: "user";
  content: string;
}
export interface AssistantMessage extends Node {
  role: "assistant";
  content: string;
  reasoning?: string;
  calls: ToolCall[];
  model: string;
  finish?: string; // finish_reason; "stopped" when the reader stopped it
  stats?: Stats;
  impact?: Impact; // absent: from before the meter, or the meter is off
  problem?: Problem;
  format?: AnswerFormat; // what was asked for
}
export interface ToolMessage extends Node {
  role: "tool";
  call_id: string;
  name: string;
  content: string;
}
export type Message = UserMessage | AssistantMessage | ToolMessage;

/// Numbers are null where the model's own recommendation counts.
export interface Sampling {
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
  max_tokens: number | null;
  seed: number | null;
  repetition_penalty: number | null;
  presence_penalty: number | null;
  frequency_penalty: number | null;
  stop: string[];
}

export interface Setup {
  model: string; // empty: the server's first
  system: string;
  sampling: Sampling;
  tools: string; // JSON text of definitions; empty: none
  tool_choice: string; // auto, none, required, or "=" and a name
  parallel_calls: boolean;
  format: AnswerFormat;
}

/// Messages form a tree: an edited question or a retried answer is a sibling, and nothing is lost. `head` is the last message of
/// the branch that is shown.
export interface Conversation {
  id: string;
  title: string; // empty: made from the first question
  created: number;
  updated: number;
  setup: Setup;
  messages: Message[];
  head: string | null;
}

export interface ServerModel {
  id: string;
  aliases: string[];
  state: "unloaded" | "loading" | "loaded" | "failed";
  error: string | null;
  progress: number;
  memory_bytes: number;
  running: number;
  queued: number;
  max_active: number;
  prompt_tokens: number;
  cached_tokens: number;
  answer_tokens: number;
  tokens_per_s: number;
  prompt_tokens_per_s: number;
  cache: { bytes: number; used_bytes: number; kept_bytes: number };
}
export interface Sample {
  age_s: number;
  tokens_per_s: number;
  prompt_tokens_per_s: number;
  running: number;
  queued: number;
  cache_used: number;
}
/// A place where energy can be read, and why it is not.
export interface MeterSource {
  name: string;
  state: string; // used, refused
  reason: string;
  advice: string;
}
export interface Meter {
  method: string;
  boundary: string;
  estimate: boolean;
  watts: number | null;
  idle_watts: number | null;
  sources: MeterSource[];
}
export interface ServerStatus {
  version: string;
  uptime_s: number;
  tokens_per_s: number;
  prompt_tokens_per_s: number;
  running: number;
  queued: number;
  models: ServerModel[];
  history: Sample[];
  meter?: Meter | null; // null: off; absent: a server that has none
}
