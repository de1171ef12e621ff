// The tree of a conversation's messages. Pure functions; those that change something change the conversation given.
import type { Conversation, Message } from "./types";

export function find(conversation: Conversation, id: string | null): Message | undefined {
  return id === null ? undefined : conversation.messages.find((m) => m.id === id);
}

/// The branch that is shown, from the first message to the head.
export function branch(conversation: Conversation, head = conversation.head): Message[] {
  const by_id = new Map(conversation.messages.map((m) => [m.id, m]));
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let at = head; at !== null && !seen.has(at); ) {
    const message = by_id.get(at);
    if (message === undefined) break;
    seen.add(at);
    path.push(message);
    at = message.parent;
  }
  return path.reverse();
}

/// A message and its alternatives in the order they were made.
export function siblings(conversation: Conversation, message: Message): Message[] {
  return conversation.messages.filter((m) => m.parent === message.parent);
}

/// Appends a message and shows it.
export function append(conversation: Conversation, message: Message) {
  conversation.messages.push(message);
  conversation.head = message.id;
}

/// Shows the branch through this message that was grown last.
export function show(conversation: Conversation, id: string) {
  let at = id;
  for (;;) {
    const next = conversation.messages.filter((m) => m.parent === at).at(-1);
    if (next === undefined) break;
    at = next.id;
  }
  conversation.head = at;
}

/// Removes a message and all that follows it; shows a sibling, or what came before.
export function remove(conversation: Conversation, id: string) {
  const target = find(conversation, id);
  if (target === undefined) return;
  const gone = new Set([id]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const m of conversation.messages) {
      if (m.parent !== null && gone.has(m.parent) && !gone.has(m.id)) {
        gone.add(m.id);
        grown = true;
      }
    }
  }
  conversation.messages = conversation.messages.filter((m) => !gone.has(m.id));
  if (conversation.head === null || !gone.has(conversation.head)) return;
  const other = conversation.messages.filter((m) => m.parent === target.parent).at(-1);
  if (other !== undefined) show(conversation, other.id);
  else conversation.head = target.parent;
}

/// The title a conversation is listed under.
export function title_of(conversation: Conversation): string {
  if (conversation.title !== "") return conversation.title;
  const first = conversation.messages.find((m) => m.role === "user");
  const line = first?.content.trim().split("\n")[0]?.replace(/\s+/g, " ") ?? "";
  if (line === "") return "New chat";
  return line.length > 60 ? line.slice(0, 59).trimEnd() + "…" : line;
}
