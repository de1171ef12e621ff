// A server that speaks as `sobre serve` does, for the tests of the page: models, state, streamed answers, tools, forms of answers.
// What it says follows from the request alone. Also a program: node tests/web/mock_server.mjs FOLDER [PORT] serves a built page.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { impact_of, kMeter, usage_of } from "./mock_meter.mjs";

// Stricter than what the page is promised: no inline styles either.
const kPolicy = "default-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const kTypes = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const kModels = ["SmolLM2-135M-Instruct", "Ministral-3B-Instruct", "SmolLM2-360M-Instruct"];

const kMarkdown = `Small models can be *enough*. **Three reasons:**

1. Most questions are simple.
2. They run where the data is:
   - on a laptop
   - on a \`2-core\` server
3. They cost little.

## A table

| model | size | tokens/s |
|:--|--:|--:|
| SmolLM2-135M | 105 MB | 173 |
| SmolLM2-360M | 230 MB | 88 |

\`\`\`python
def enough(model, task):
    return model.quality(task) >= task.target  # the smallest that is good enough
\`\`\`

> Frugal means: as much as is needed, no more.

See [the page](https://example.org/paper).`;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// An instance of a schema, the same every time.
function instance(schema, root = schema) {
  if (schema === true || schema === undefined) return null;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return instance(schema.anyOf[0], root);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case "object":
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, s]) => [k, instance(s, root)]));
    case "array":
      return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => instance(schema.items ?? true, root));
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return "Ada Lovelace".padEnd(schema.minLength ?? 0, "x").slice(0, schema.maxLength ?? 60);
  }
}

/// What to say, and how long a piece takes.
function plan(body) {
  const last = body.messages.at(-1);
  const text = String(last.content ?? "");
  const tools = body.tool_choice === "none" ? [] : (body.tools ?? []);
  const named = body.tool_choice?.function?.name;
  const forced = body.tool_choice === "required" || named !== undefined;
  if (tools.length > 0 && last.role === "user" && (forced || /weather/i.test(text))) {
    const wanted = tools.filter((t) => named === undefined || t.function.name === named);
    const count = /two/.test(text) && body.parallel_tool_calls !== false ? 2 : 1;
    return { calls: Array.from({ length: count }, (_, i) => ({ name: wanted[i % wanted.length].function.name, arguments: JSON.stringify(instance(wanted[i % wanted.length].function.parameters)) })) };
  }
  if (last.role === "tool") return { text: `The tool says: ${text}` };
  const format = body.response_format;
  if (format?.type === "json_schema") return { text: JSON.stringify(instance(format.json_schema.schema)) };
  if (format?.type === "json_object") return { text: '{"ok": true}' };
  if (format?.type === "regex") {
    const repeated = /^\[(\w)\w*\]\{(\d+)\}$/.exec(format.pattern);
    return repeated ? { text: repeated[1].repeat(Number(repeated[2])), delay_ms: 20 } : { text: "yes, because it is mostly sunny there." };
  }
  if (/markdown/i.test(text)) return { text: kMarkdown, delay_ms: 3 };
  if (/slowly/i.test(text)) return { text: "one two three four five six seven eight nine ten ".repeat(20), delay_ms: 30 };
  return { text: `You said: ${text}`, delay_ms: 5 };
}

function chunk(id, model, delta, finish = null) {
  return { id, object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }], usage: null };
}

function error_body(message, type, code = null, param = null) {
  return JSON.stringify({ error: { message, type, param, code } });
}

async function answer(request, response, state) {
  let raw = "";
  for await (const piece of request) raw += piece;
  const body = JSON.parse(raw);
  const model = body.model ?? kModels[0];
  const fail = (status, message, headers = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(error_body(message, status === 429 ? "rate_limit_error" : "invalid_request_error"));
  };
  if (!kModels.includes(model)) return fail(404, `There is no model ${model}; there are ${kModels.join(", ")}`);
  const type = body.response_format?.json_schema?.schema?.type;
  if (type === "unicorn") return fail(400, "response_format.json_schema.schema: keyword type: unicorn is no type");
  const { text = "", calls = [], delay_ms = 8 } = plan(body);
  const limit = body.max_completion_tokens ?? Infinity;
  let gone = false;
  response.on("close", () => (gone = true));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const id = "chatcmpl-mock";
  const send = (object) => response.write(`data: ${JSON.stringify(object)}\n\n`);
  state.running++;
  response.write(": waiting\n\n");
  await sleep(60);
  send(chunk(id, model, { role: "assistant", content: calls.length > 0 ? null : "" }));
  const began = performance.now();
  let tokens = 0;
  const pieces = text.match(/[\s\S]{1,4}/g) ?? [];
  for (const piece of pieces) {
    if (gone || tokens >= limit) break;
    send(chunk(id, model, { content: piece }));
    tokens++;
    state.tokens++;
    await sleep(delay_ms);
  }
  for (const [index, call] of calls.entries()) {
    send(chunk(id, model, { tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name: call.name, arguments: "" } }] }));
    for (const piece of call.arguments.match(/.{1,6}/g) ?? []) {
      send(chunk(id, model, { tool_calls: [{ index, function: { arguments: piece } }] }));
      tokens++;
      await sleep(delay_ms);
    }
  }
  state.running--;
  if (gone) {
    state.aborted++;
    return;
  }
  const last = chunk(id, model, {}, calls.length > 0 ? "tool_calls" : tokens >= limit && pieces.length > tokens ? "length" : "stop");
  const decode_ms = performance.now() - began;
  send({ ...last, timings: { first_token_ms: 60, decode_ms, answer_tokens: tokens, tokens_per_second: tokens > 1 ? ((tokens - 1) * 1000) / decode_ms : 0 } });
  const prompt = Math.ceil(raw.length / 6);
  const end = { id, object: "chat.completion.chunk", created: 1, model, choices: [], impact: impact_of(prompt, tokens) };
  if (body.stream_options?.include_usage) {
    end.usage = { prompt_tokens: prompt, completion_tokens: tokens, total_tokens: prompt + tokens, prompt_tokens_details: { cached_tokens: body.messages.length > 1 ? 32 : 0 } };
  }
  send(end);
  response.end("data: [DONE]\n\n");
}

/// The state, with a history that looks like one.
function status(state) {
  const wave = (age) => Math.max(0, 90 + 60 * Math.sin(age / 9) + 30 * Math.sin(age / 3.1));
  const history = Array.from({ length: 120 }, (_, i) => {
    const age_s = 119 - i;
    const busy = age_s % 70 > 18;
    return {
      age_s, tokens_per_s: busy ? wave(age_s) : 0, prompt_tokens_per_s: busy && age_s % 7 < 2 ? 700 : 0,
      running: busy ? 1 + (age_s % 4) : 0, queued: busy && age_s % 11 < 3 ? 2 : 0, cache_used: 0.2 + 0.5 * (i / 120),
    };
  });
  const idle = { error: null, progress: 0, memory_bytes: 0, running: 0, queued: 0, max_active: 16, prompt_tokens: 0, cached_tokens: 0, answer_tokens: 0, forced_tokens: 0, steps: 0, step_seconds: 0, tokens_per_s: 0, prompt_tokens_per_s: 0, cache: { bytes: 0, used_bytes: 0, kept_bytes: 0 } };
  const models = [
    { ...idle, id: kModels[0], aliases: ["smollm2"], state: "loaded", memory_bytes: 112e6, running: 3 + state.running, queued: 1, prompt_tokens: 48210, cached_tokens: 20114, answer_tokens: 15377 + state.tokens, tokens_per_s: wave(0), cache: { bytes: 256e6, used_bytes: 171e6, kept_bytes: 90e6 } },
    { ...idle, id: kModels[1], aliases: [], state: "loading", progress: 0.62 },
    { ...idle, id: kModels[2], aliases: [], state: "failed", error: "models/smollm2-360m.gguf: tensor blk.3.attn_q.weight ends at byte 90112, the file has 81920" },
  ];
  return { version: "0.1.0", uptime_s: 7384 + (Date.now() - state.began) / 1000, tokens_per_s: wave(0), prompt_tokens_per_s: 310, running: 3 + state.running, queued: 1, requests: 4, models, history, meter: kMeter };
}

/// Serves the page in `folder` and the API. With a key, the API wants it as a Bearer token or as the password of HTTP Basic.
export function start_mock_server(folder, { port = 0, key = "" } = {}) {
  const state = { running: 0, tokens: 0, aborted: 0, began: Date.now() };
  const server = createServer((request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url, "http://x");
    const json = (value) => {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(value));
    };
    if (path.startsWith("/v1/")) {
      const sent = request.headers.authorization ?? "";
      const basic = sent.startsWith("Basic ") ? Buffer.from(sent.slice(6), "base64").toString().split(":")[1] : "";
      if (key !== "" && sent !== `Bearer ${key}` && basic !== key) {
        response.writeHead(401, { "content-type": "application/json" });
        return response.end(error_body("The key is missing or not known", "authentication_error", "invalid_api_key"));
      }
      if (path === "/v1/models") return json({ object: "list", data: kModels.map((id) => ({ id, object: "model", created: 1, owned_by: "sobre" })) });
      if (path === "/v1/status") return json(status(state));
      if (path === "/v1/usage") return json(usage_of(query));
      if (path === "/v1/chat/completions" && request.method === "POST") return void answer(request, response, state).catch(() => response.destroy());
    }
    const file = join(folder, normalize(path === "/" ? "/index.html" : path));
    if (!file.startsWith(folder) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, { "content-type": "application/json" });
      return response.end(error_body(`There is nothing at ${path}`, "invalid_request_error"));
    }
    response.writeHead(200, { "content-type": kTypes[extname(file)] ?? "application/octet-stream", "content-security-policy": kPolicy, "x-content-type-options": "nosniff" });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => resolve({ url: `http://127.0.0.1:${server.address().port}`, state, close: () => server.close() }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await start_mock_server(process.argv[2], { port: Number(process.argv[3] ?? 8090), key: process.argv[4] ?? "" });
  console.log(url);
}
