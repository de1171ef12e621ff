// The conversations: what is in memory is what counts, and it is written to the browser's database soon after each change. Other
// tabs are told and read again.
import { SvelteSet } from "svelte/reactivity";
import { Database } from "./database";
import { load_local, save_local } from "./local";
import { plain_setup } from "./setup";
import { read_conversation, read_setup } from "./transfer";
import type { Conversation, Setup } from "./types";

export function new_id(): string {
  // randomUUID is for secure contexts alone; a server in the local network is none.
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
}

const kSaveDelayMs = 300;

export class Library {
  list = $state<Conversation[]>([]);
  /// The conversation shown; one without messages is a draft that is in no list.
  current = $state<Conversation>(this.draft());
  /// Why conversations are not kept; empty when they are.
  trouble = $state("");
  ready = $state(false);
  busy = new SvelteSet<string>(); // ids of those being answered: another tab's copy must not replace them
  private database: Database | undefined;
  private dirty = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("sobre");

  async open() {
    try {
      this.database = await Database.open();
      const stored = (await this.database.all()).map(read_conversation).filter((c) => c !== undefined);
      this.list = [...this.list, ...stored.filter((s) => !this.list.some((c) => c.id === s.id))];
    } catch {
      this.trouble = "This browser keeps no data for this page: conversations are lost when it is closed.";
    }
    if (this.channel !== undefined) this.channel.onmessage = (event) => void this.reread(String(event.data));
    addEventListener("pagehide", () => this.flush());
    this.ready = true;
  }

  private draft(setup?: Setup): Conversation {
    let kept: Setup = plain_setup();
    if (setup === undefined) {
      try {
        kept = read_setup(JSON.parse(load_local("setup") || "{}"));
      } catch {
        kept = plain_setup();
      }
    }
    const now = Date.now();
    return { id: new_id(), title: "", created: now, updated: now, setup: setup ?? kept, messages: [], head: null };
  }

  /// A new conversation with the settings of the one shown.
  start() {
    this.current = this.draft($state.snapshot(this.current.setup) as Setup);
  }

  select(id: string): boolean {
    const found = this.list.find((c) => c.id === id);
    if (found !== undefined) this.current = found;
    return found !== undefined;
  }

  /// Call after each change of a conversation. `now`: its time of change too.
  touch(conversation: Conversation, now = true) {
    if (now) conversation.updated = Date.now();
    if (!this.list.some((c) => c.id === conversation.id)) {
      if (conversation.messages.length === 0) return;
      this.list.push(conversation);
      // The list's proxy is what components follow.
      const listed = this.list.at(-1);
      if (listed !== undefined && this.current.id === conversation.id) this.current = listed;
    }
    this.dirty.add(conversation.id);
    this.timer ??= setTimeout(() => this.flush(), kSaveDelayMs);
  }

  /// Settings are kept for the next conversation, too.
  touch_setup() {
    save_local("setup", JSON.stringify($state.snapshot(this.current.setup)));
    this.touch(this.current, false);
  }

  remove(id: string): Conversation | undefined {
    const gone = this.list.find((c) => c.id === id);
    this.list = this.list.filter((c) => c.id !== id);
    this.dirty.delete(id);
    void this.database?.remove(id).then(() => this.channel?.postMessage(id), () => {});
    if (this.current.id === id) this.start();
    return gone;
  }

  /// Adds conversations out of a file; those whose id is taken get a new one.
  add(conversations: Conversation[]) {
    for (const c of conversations) {
      if (this.list.some((other) => other.id === c.id)) c.id = new_id();
      this.list.push(c);
      this.touch(c, false);
    }
  }

  private flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const ids = [...this.dirty];
    this.dirty.clear();
    for (const id of ids) {
      const conversation = this.list.find((c) => c.id === id);
      if (conversation === undefined) continue;
      this.database?.put($state.snapshot(conversation) as Conversation).then(
        () => this.channel?.postMessage(id),
        () => (this.trouble = "The browser's storage is full: the newest messages are not kept. Export or delete conversations."),
      );
    }
  }

  private async reread(id: string) {
    if (this.database === undefined || this.busy.has(id) || this.dirty.has(id)) return;
    const stored = read_conversation(await this.database.get(id).catch(() => undefined));
    const at = this.list.findIndex((c) => c.id === id);
    if (stored === undefined) {
      if (at >= 0) this.list.splice(at, 1);
      if (this.current.id === id) this.start();
      return;
    }
    if (at < 0) this.list.push(stored);
    else this.list[at] = stored;
    const listed = this.list.find((c) => c.id === id);
    if (this.current.id === id && listed !== undefined) this.current = listed;
  }
}

export const library = new Library();
