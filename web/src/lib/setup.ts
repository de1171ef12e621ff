// How a conversation is answered: defaults, what the reader has typed into the panels, and whether it can be sent.
import type { AnswerFormat, Sampling, Setup } from "./types";

export function plain_sampling(): Sampling {
  return {
    temperature: null,
    top_p: null,
    top_k: null,
    min_p: null,
    max_tokens: null,
    seed: null,
    repetition_penalty: null,
    presence_penalty: null,
    frequency_penalty: null,
    stop: [],
  };
}

export function plain_setup(): Setup {
  return {
    model: "",
    system: "",
    sampling: plain_sampling(),
    tools: "",
    tool_choice: "auto",
    parallel_calls: true,
    format: { kind: "text", source: "" },
  };
}

/// The numbers of the sampling panel: as the API calls them, with the API's ranges.
export interface NumberField {
  key: Exclude<keyof Sampling, "stop">;
  label: string;
  hint: string;
  min: number;
  max: number;
  step: number;
  whole: boolean;
}
export const kNumberFields: NumberField[] = [
  { key: "temperature", label: "Temperature", hint: "0 always takes the likeliest token", min: 0, max: 2, step: 0.1, whole: false },
  { key: "top_p", label: "Top p", hint: "the likeliest tokens that make up this share", min: 0, max: 1, step: 0.05, whole: false },
  { key: "top_k", label: "Top k", hint: "the k likeliest tokens; 0 is all", min: 0, max: 1e6, step: 1, whole: true },
  { key: "min_p", label: "Min p", hint: "at least this share of the likeliest", min: 0, max: 1, step: 0.01, whole: false },
  { key: "max_tokens", label: "Max tokens", hint: "length of an answer", min: 1, max: 1e6, step: 1, whole: true },
  { key: "seed", label: "Seed", hint: "same seed, same answer", min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, step: 1, whole: true },
  { key: "repetition_penalty", label: "Repetition", hint: "above 1 discourages what was said", min: 0.01, max: 100, step: 0.05, whole: false },
  { key: "presence_penalty", label: "Presence", hint: "once for each token that was said", min: -2, max: 2, step: 0.1, whole: false },
  { key: "frequency_penalty", label: "Frequency", hint: "for each time it was said", min: -2, max: 2, step: 0.1, whole: false },
];

/// What is typed into a number field: a number in range, null for nothing, or a fault in words.
export function read_number(field: NumberField, text: string): { value: number | null; fault?: string } {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return { value: null };
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return { value: null, fault: "not a number" };
  if (field.whole && !Number.isInteger(value)) return { value: null, fault: "a whole number" };
  if (value < field.min) return { value: null, fault: `at least ${field.min}` };
  if (value > field.max) return { value: null, fault: `at most ${field.max}` };
  return { value };
}

export interface ToolDefinition {
  type: "function";
  function: { name: string; description?: string; parameters?: unknown };
}

function is_object(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/// JSON with a fault in words.
export function read_json(text: string): { value?: unknown; fault?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message);
    if (position === null) return { fault: `Not valid JSON: ${message}` };
    const before = text.slice(0, Number(position[1])).split("\n");
    return { fault: `Not valid JSON at line ${before.length}, column ${(before.at(-1) ?? "").length + 1}.` };
  }
}

/// Definitions as the API takes them; bare functions ({"name", "parameters"}) are wrapped, one alone is made a list.
export function read_tools(text: string): { tools: ToolDefinition[]; fault?: string } {
  if (text.trim() === "") return { tools: [] };
  const { value, fault } = read_json(text);
  if (fault !== undefined) return { tools: [], fault };
  const entries = Array.isArray(value) ? value : [value];
  const tools: ToolDefinition[] = [];
  for (const [i, entry] of entries.entries()) {
    const body = is_object(entry) && is_object(entry.function) ? entry.function : entry;
    if (!is_object(body) || typeof body.name !== "string" || body.name === "") {
      return { tools: [], fault: `Tool ${i + 1} has no name: {"type": "function", "function": {"name": …, "parameters": …}} is expected.` };
    }
    const name = body.name;
    if (tools.some((t) => t.function.name === name)) return { tools: [], fault: `Two tools are called ${name}.` };
    tools.push({ type: "function", function: { ...body, name } });
  }
  return { tools };
}

/// `response_format` as the API takes it; undefined for plain text.
export function read_format(format: AnswerFormat): { response_format?: Record<string, unknown>; fault?: string } {
  switch (format.kind) {
    case "text":
      return {};
    case "json_object":
      return { response_format: { type: "json_object" } };
    case "regex":
      if (format.source === "") return { fault: "The regular expression is empty." };
      return { response_format: { type: "regex", pattern: format.source } };
    case "json_schema": {
      if (format.source.trim() === "") return { fault: "The JSON Schema is empty." };
      const { value, fault } = read_json(format.source);
      if (fault !== undefined) return { fault };
      if (!is_object(value) && typeof value !== "boolean") return { fault: "A JSON Schema is an object, true or false." };
      return { response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: value } } };
    }
  }
}

export const kToolExample = `[
  {
    "type": "function",
    "function": {
      "name": "get_weather",
      "description": "The weather of a city now",
      "parameters": {
        "type": "object",
        "properties": {
          "city": { "type": "string", "maxLength": 40 },
          "unit": { "enum": ["celsius", "fahrenheit"] }
        },
        "required": ["city", "unit"],
        "additionalProperties": false
      }
    }
  }
]`;

export const kSchemaExample = `{
  "type": "object",
  "properties": {
    "name": { "type": "string", "maxLength": 40 },
    "year": { "type": "integer", "minimum": 1000, "maximum": 2100 },
    "topics": {
      "type": "array",
      "items": { "type": "string", "maxLength": 24 },
      "minItems": 1,
      "maxItems": 3
    }
  },
  "required": ["name", "year", "topics"],
  "additionalProperties": false
}`;

export const kRegexExample = `(yes|no), because [a-z ,]{10,80}\\.`;
