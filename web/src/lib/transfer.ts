// Conversations as files: written out and read back with every field checked, since files come from anywhere. Pure.
import { read_impact } from "./impact";
import { plain_setup } from "./setup";
import { branch, title_of } from "./tree";
import type { AnswerFormat, Conversation, FormatKind, Message, Sampling, Setup, Stats, ToolCall } from "./types";

type Fields = Record<string, unknown>;
const kKinds: FormatKind[] = ["text", "json_object", "json_schema", "regex"];

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
function text(value: unknown, otherwise = ""): string {
  return typeof value === "string" ? value : otherwise;
}
function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function export_json(conversations: Conversation[]): string {
  return JSON.stringify({ format: "sobre-conversations", version: 1, conversations }, null, 1);
}

export function export_markdown(conversation: Conversation): string {
  const parts = [`# ${title_of(conversation)}`];
  if (conversation.setup.system !== "") parts.push(`**System**\n\n${conversation.setup.system}`);
  for (const m of branch(conversation)) {
    if (m.role === "user") parts.push(`**You**\n\n${m.content}`);
    else if (m.role === "tool") parts.push(`**Result of ${m.name}**\n\n    ${m.content.replaceAll("\n", "\n    ")}`);
    else {
      const calls = m.calls.map((c) => `Calls \`${c.name}\`:\n\n    ${c.arguments.replaceAll("\n", "\n    ")}`);
      parts.push([`**${m.model || "Answer"}**`, m.content, ...calls].filter((p) => p !== "").join("\n\n"));
    }
  }
  return parts.join("\n\n") + "\n";
}

function read_format(value: unknown): AnswerFormat {
  const f = fields(value);
  const kind = kKinds.find((k) => k === f.kind) ?? "text";
  return { kind, source: text(f.source) };
}

export function read_setup(value: unknown): Setup {
  const f = fields(value);
  const setup = plain_setup();
  setup.model = text(f.model);
  setup.system = text(f.system);
  setup.tools = text(f.tools);
  setup.tool_choice = text(f.tool_choice, "auto");
  setup.parallel_calls = f.parallel_calls !== false;
  setup.format = read_format(f.format);
  const sampling = fields(f.sampling);
  for (const key of Object.keys(setup.sampling) as (keyof Sampling)[]) {
    if (key === "stop") setup.sampling.stop = Array.isArray(sampling.stop) ? sampling.stop.filter((s) => typeof s === "string" && s !== "") : [];
    else setup.sampling[key] = number(sampling[key]);
  }
  return setup;
}

function read_stats(value: unknown): Stats | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const stats: Stats = {};
  for (const key of ["first_token_ms", "total_ms", "prompt_tokens", "cached_tokens", "answer_tokens", "tokens_per_s"] as const) {
    const n = number(fields(value)[key]);
    if (n !== null) stats[key] = n;
  }
  return stats;
}

function read_message(value: unknown): Message | undefined {
  const f = fields(value);
  const id = text(f.id);
  if (id === "") return undefined;
  const node = { id, parent: typeof f.parent === "string" ? f.parent : null, created: number(f.created) ?? 0 };
  if (f.role === "user") return { ...node, role: "user", content: text(f.content) };
  if (f.role === "tool") return { ...node, role: "tool", call_id: text(f.call_id), name: text(f.name), content: text(f.content) };
  if (f.role !== "assistant") return undefined;
  const calls: ToolCall[] = (Array.isArray(f.calls) ? f.calls : []).map((c) => {
    const call = fields(c);
    return { id: text(call.id), name: text(call.name), arguments: text(call.arguments) };
  });
  const message: Message = { ...node, role: "assistant", content: text(f.content), calls, model: text(f.model) };
  if (text(f.reasoning) !== "") message.reasoning = text(f.reasoning);
  if (text(f.finish) !== "") message.finish = text(f.finish);
  const stats = read_stats(f.stats);
  if (stats !== undefined) message.stats = stats;
  const impact = read_impact(f.impact);
  if (impact !== undefined) message.impact = impact;
  if (f.format !== undefined) message.format = read_format(f.format);
  const problem = fields(f.problem);
  if (text(problem.title) !== "") message.problem = { title: text(problem.title), detail: text(problem.detail), status: number(problem.status) ?? 0 };
  return message;
}

/// A conversation whose parts fit together: parents are there and come first, ids are unique, the head exists.
export function read_conversation(value: unknown): Conversation | undefined {
  const f = fields(value);
  if (!Array.isArray(f.messages) || text(f.id) === "") return undefined;
  const messages: Message[] = [];
  const known = new Set<string>();
  for (const entry of f.messages) {
    const message = read_message(entry);
    if (message === undefined || known.has(message.id) || (message.parent !== null && !known.has(message.parent))) continue;
    known.add(message.id);
    messages.push(message);
  }
  const head = typeof f.head === "string" && known.has(f.head) ? f.head : (messages.at(-1)?.id ?? null);
  const created = number(f.created) ?? 0;
  return { id: text(f.id), title: text(f.title), created, updated: number(f.updated) ?? created, setup: read_setup(f.setup), messages, head };
}

export function import_json(source: string): { conversations: Conversation[]; fault?: string } {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return { conversations: [], fault: "The file is not JSON." };
  }
  const list = fields(value).conversations;
  if (fields(value).format !== "sobre-conversations" || !Array.isArray(list)) {
    return { conversations: [], fault: "The file holds no conversations exported by this page." };
  }
  const conversations = list.map(read_conversation).filter((c) => c !== undefined);
  return conversations.length === 0 ? { conversations, fault: "The file holds no conversation that can be read." } : { conversations };
}
