// Asking for answers: sends a branch, puts the stream into a message, stops, retries.
import { SvelteMap } from "svelte/reactivity";
import { AnswerReader } from "./answer";
import { ApiFailure, stream_chat } from "./api";
import { library, new_id } from "./library.svelte";
import { chat_request } from "./request";
import { server } from "./server.svelte";
import { read_events } from "./sse";
import { append, branch, find } from "./tree";
import type { AssistantMessage, Conversation, Message, Setup } from "./types";

const kShowEveryMs = 40; // pieces of an answer are shown together
const kSaveEveryMs = 2000;

interface Run {
  message: string; // id of the message being written
  controller: AbortController;
  began: number; // performance.now()
}

class Talk {
  /// Answers being written, by conversation.
  runs = new SvelteMap<string, Run>();
  /// What a screen reader is told.
  announcement = $state("");

  is_busy(conversation: Conversation): boolean {
    return this.runs.has(conversation.id);
  }

  stop(conversation: Conversation) {
    this.runs.get(conversation.id)?.controller.abort();
  }

  /// Adds a question after `parent` and has it answered.
  say(conversation: Conversation, content: string, parent: string | null = conversation.head) {
    const message: Message = { id: new_id(), parent, created: Date.now(), role: "user", content };
    append(conversation, message);
    library.touch(conversation);
    void this.answer(library.current.id === conversation.id ? library.current : conversation, message.id);
  }

  /// Adds the results of an answer's calls and has the model go on.
  give_results(conversation: Conversation, answer: AssistantMessage, results: string[]) {
    let parent = answer.id;
    for (const [i, call] of answer.calls.entries()) {
      const id = new_id();
      append(conversation, { id, parent, created: Date.now(), role: "tool", call_id: call.id, name: call.name, content: results[i] ?? "" });
      parent = id;
    }
    library.touch(conversation);
    void this.answer(conversation, parent, true);
  }

  /// A further answer to what this one answered. One that failed without a word is replaced.
  retry(conversation: Conversation, answer: AssistantMessage) {
    if (this.is_busy(conversation)) return;
    const is_empty = answer.content === "" && answer.calls.length === 0 && !answer.reasoning;
    if (is_empty && !conversation.messages.some((m) => m.parent === answer.id)) {
      conversation.messages = conversation.messages.filter((m) => m.id !== answer.id);
    }
    const parent = find(conversation, answer.parent);
    if (parent !== undefined) void this.answer(conversation, parent.id, parent.role === "tool");
  }

  /// Answers a branch whose last answer is missing: the page was closed, or the answer was removed.
  resume(conversation: Conversation) {
    const last = find(conversation, conversation.head);
    if (last !== undefined && last.role !== "assistant") void this.answer(conversation, last.id, last.role === "tool");
  }

  private async answer(conversation: Conversation, parent: string, after_results = false) {
    if (this.is_busy(conversation)) return;
    const model = server.pick(conversation.setup.model);
    // A call that is forced would be forced again after its result, for ever.
    const setup = $state.snapshot(conversation.setup) as Setup;
    if (after_results && setup.tool_choice !== "none") setup.tool_choice = "auto";
    const { body, fault } = chat_request(setup, model, branch(conversation, parent));
    const id = new_id();
    const blank: AssistantMessage = { id, parent, created: Date.now(), role: "assistant", content: "", calls: [], model };
    if (setup.format.kind !== "text") blank.format = setup.format;
    if (fault !== undefined) blank.problem = { title: "Not sent", detail: fault, status: -1 };
    append(conversation, blank);
    library.touch(conversation);
    if (fault !== undefined) return;
    const message = find(conversation, id) as AssistantMessage; // the proxy that components follow
    const run: Run = { message: id, controller: new AbortController(), began: performance.now() };
    this.runs.set(conversation.id, run);
    library.busy.add(conversation.id);
    this.announcement = "Answering";
    void server.poll();
    try {
      await this.receive(conversation, message, body, run);
    } finally {
      this.runs.delete(conversation.id);
      library.busy.delete(conversation.id);
      library.touch(conversation);
      this.announcement = announce(message);
    }
  }

  private async receive(conversation: Conversation, message: AssistantMessage, body: unknown, run: Run) {
    const reader = new AnswerReader(() => performance.now(), run.began);
    let shown = 0;
    let saved = run.began;
    let later: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      clearTimeout(later);
      later = undefined;
      shown = performance.now();
      message.content = reader.content;
      if (reader.reasoning !== "") message.reasoning = reader.reasoning;
      if (reader.calls.length > 0) message.calls = reader.calls.map((c) => ({ ...c }));
      if (shown - saved > kSaveEveryMs) {
        saved = shown;
        library.touch(conversation);
      }
    };
    try {
      for await (const data of read_events(await stream_chat(body, run.controller.signal))) {
        reader.push(data);
        if (reader.done || reader.problem !== undefined) break;
        if (performance.now() - shown >= kShowEveryMs) show();
        else later ??= setTimeout(show, kShowEveryMs);
      }
      message.finish = reader.finish;
      message.problem = reader.problem;
      if (!reader.done && reader.problem === undefined && reader.finish === undefined) {
        message.problem = { title: "The connection broke", detail: "The answer is not complete.", status: 0 };
      }
    } catch (error) {
      if (run.controller.signal.aborted) message.finish = "stopped";
      else if (error instanceof ApiFailure) message.problem = error.problem;
      else message.problem = { title: "The connection broke", detail: "The answer is not complete.", status: 0 };
    }
    show();
    message.stats = reader.stats();
    if (reader.impact !== undefined) message.impact = reader.impact;
  }
}

function announce(message: AssistantMessage): string {
  if (message.problem !== undefined) return `${message.problem.title}. ${message.problem.detail}`;
  if (message.finish === "stopped") return "Stopped";
  if (message.calls.length > 0) return `The model calls ${message.calls.map((c) => c.name).join(", ")} and waits for the result`;
  return message.content.length > 600 ? "Answer complete" : `Answer: ${message.content}`;
}

export const talk = new Talk();
