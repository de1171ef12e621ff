// The request of the chat API out of a conversation. Pure.
import { read_format, read_tools } from "./setup";
import type { Message, Setup } from "./types";

type Json = Record<string, unknown>;

/// The messages of a branch as the API takes them; answers that failed before they said anything are left out.
export function api_messages(system: string, path: Message[]): Json[] {
  const messages: Json[] = [];
  if (system.trim() !== "") messages.push({ role: "system", content: system });
  for (const message of path) {
    if (message.role === "user") {
      messages.push({ role: "user", content: message.content });
    } else if (message.role === "tool") {
      messages.push({ role: "tool", tool_call_id: message.call_id, content: message.content });
    } else if (message.content !== "" || message.calls.length > 0) {
      const entry: Json = { role: "assistant", content: message.content === "" ? null : message.content };
      if (message.calls.length > 0) {
        entry.tool_calls = message.calls.map((call) => ({
          id: call.id,
          type: "function",
          function: { name: call.name, arguments: call.arguments },
        }));
      }
      messages.push(entry);
    }
  }
  return messages;
}

/// The body of the request, or what in the panels keeps it from being sent.
export function chat_request(setup: Setup, model: string, path: Message[]): { body?: Json; fault?: string } {
  const body: Json = { messages: api_messages(setup.system, path), stream: true, stream_options: { include_usage: true } };
  if (model !== "") body.model = model;
  const s = setup.sampling;
  for (const key of ["temperature", "top_p", "top_k", "min_p", "seed", "repetition_penalty", "presence_penalty", "frequency_penalty"] as const) {
    if (s[key] !== null) body[key] = s[key];
  }
  if (s.max_tokens !== null) body.max_completion_tokens = s.max_tokens;
  if (s.stop.length > 0) body.stop = s.stop;
  const { tools, fault } = read_tools(setup.tools);
  if (fault !== undefined) return { fault: `The tool definitions cannot be sent. ${fault}` };
  if (tools.length > 0) {
    body.tools = tools;
    const named = setup.tool_choice.startsWith("=") ? setup.tool_choice.slice(1) : "";
    if (named === "") {
      body.tool_choice = setup.tool_choice;
    } else if (tools.some((t) => t.function.name === named)) {
      body.tool_choice = { type: "function", function: { name: named } };
    } else {
      return { fault: `The tool to be called, ${named}, is not among the definitions.` };
    }
    if (!setup.parallel_calls) body.parallel_tool_calls = false;
  }
  const format = read_format(setup.format);
  if (format.fault !== undefined) return { fault: `The answer format cannot be sent. ${format.fault}` };
  if (format.response_format !== undefined) body.response_format = format.response_format;
  return { body };
}
