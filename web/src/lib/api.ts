// Requests to the server that the page came from. Paths are relative, so that the page also works behind a path of a proxy.
import { describe_failure, describe_silence } from "./answer";
import { load_key } from "./local";
import type { Problem, ServerStatus } from "./types";
import { read_usage, type By, type Usage } from "./usage";

export class ApiFailure extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

async function ask(path: string, options: RequestInit): Promise<Response> {
  const headers = new Headers(options.headers);
  const key = load_key();
  // Without a key of its own the browser adds what it was asked for by HTTP Basic.
  if (key !== "") headers.set("authorization", `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiFailure(describe_silence());
  }
  if (!response.ok) {
    const body = await response.text().catch(() => "");
    throw new ApiFailure(describe_failure(response.status, body, response.headers.get("retry-after")));
  }
  return response;
}

async function ask_json<T>(path: string): Promise<T> {
  const response = await ask(path, {});
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiFailure({ title: "The server's answer cannot be read", detail: `${path} gave no JSON.`, status: response.status });
  }
}

export async function list_models(): Promise<string[]> {
  const { data } = await ask_json<{ data?: { id?: unknown }[] }>("v1/models");
  return (data ?? []).map((m) => m.id).filter((id) => typeof id === "string");
}

export async function server_status(): Promise<ServerStatus> {
  return ask_json<ServerStatus>("v1/status");
}

/// What the ledger says about these days (UTC, both included). A server without a ledger answers 404.
export async function server_usage(by: By, from: string, to: string): Promise<Usage> {
  return read_usage(await ask_json<unknown>(`v1/usage?${new URLSearchParams({ by, from, to })}`), by);
}

/// The body of a streamed answer.
export async function stream_chat(body: unknown, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const response = await ask("v1/chat/completions", { method: "POST", headers, body: JSON.stringify(body), signal });
  const type = response.headers.get("content-type") ?? "";
  if (response.body === null || !type.startsWith("text/event-stream")) {
    throw new ApiFailure({ title: "The server's answer cannot be read", detail: `It is ${type || "of no type"}, not a stream of events.`, status: response.status });
  }
  return response.body;
}
