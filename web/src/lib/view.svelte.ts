// Where the reader is: chat or server, open panels, theme, notices. The address after # keeps chat and server apart.
import { library } from "./library.svelte";
import { load_local, save_local } from "./local";

export type Section = "system" | "sampling" | "tools" | "format" | "connection";

const kNarrow = "(max-width: 900px)";

class View {
  page = $state<"chat" | "server">("chat");
  part = $state<"live" | "energy">("live"); // of the server's page
  sidebar = $state(!matchMedia(kNarrow).matches && load_local("sidebar") !== "closed");
  panel = $state(false);
  section = $state<Section>();
  help = $state(false);
  narrow = $state(matchMedia(kNarrow).matches);
  theme = $state(load_local("theme") || "system");
  notice = $state<{ text: string; action?: string; act?: () => void }>();
  /// Raised to send the focus to the box for questions.
  focus_composer = $state(0);
  private notice_timer: ReturnType<typeof setTimeout> | undefined;

  start() {
    matchMedia(kNarrow).addEventListener("change", (event) => {
      this.narrow = event.matches;
      this.sidebar = !event.matches;
      if (event.matches) this.panel = false;
    });
    addEventListener("hashchange", () => this.follow_address());
    this.follow_address();
    if (!this.narrow && this.page === "chat") this.focus_composer++;
  }

  follow_address() {
    const [, page, id] = location.hash.split("/");
    this.page = page === "server" ? "server" : "chat";
    this.part = id === "energy" ? "energy" : "live";
    if (page === "chat" && id !== undefined && id !== library.current.id && !library.select(id)) this.go_home();
  }

  private go_home() {
    history.replaceState(null, "", "#/");
  }

  show_server() {
    location.hash = "#/server";
    if (this.narrow) this.sidebar = false;
  }

  /// Shows the conversation that is the current one.
  show_chat(focus = true) {
    this.page = "chat";
    const listed = library.list.some((c) => c.id === library.current.id);
    const wanted = listed ? `#/chat/${library.current.id}` : "#/";
    if (location.hash !== wanted && !(wanted === "#/" && location.hash === "")) history.pushState(null, "", wanted);
    if (this.narrow) this.sidebar = false;
    if (focus) this.focus_composer++;
  }

  start_chat() {
    library.start();
    this.show_chat();
  }

  toggle_sidebar() {
    this.sidebar = !this.sidebar;
    if (this.narrow && this.sidebar) this.panel = false;
    if (!this.narrow) save_local("sidebar", this.sidebar ? "" : "closed");
  }

  open_panel(section?: Section) {
    this.panel = true;
    this.section = section;
    if (this.page !== "chat") this.show_chat(false);
    if (this.narrow) this.sidebar = false;
  }

  set_theme(theme: string) {
    this.theme = theme;
    save_local("theme", theme === "system" ? "" : theme);
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  notify(text: string, action?: string, act?: () => void) {
    clearTimeout(this.notice_timer);
    this.notice = { text, action, act };
    this.notice_timer = setTimeout(() => (this.notice = undefined), action === undefined ? 3000 : 8000);
  }

  async copy(text: string) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Outside secure contexts (a server in the local network) there is only the old way.
      const area = document.createElement("textarea");
      area.value = text;
      area.setAttribute("readonly", "");
      area.className = "offscreen";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) return this.notify("The browser does not allow copying here");
    }
    this.notify("Copied");
  }

  save_file(name: string, type: string, text: string) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

export const view = new View();
