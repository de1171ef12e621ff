// Small things that the browser keeps: theme, key, the last settings. Storage may be forbidden or full; nothing here fails then.

function get(store: () => Storage, name: string): string {
  try {
    return store().getItem(`sobre.${name}`) ?? "";
  } catch {
    return "";
  }
}
function set(store: () => Storage, name: string, value: string) {
  try {
    if (value === "") store().removeItem(`sobre.${name}`);
    else store().setItem(`sobre.${name}`, value);
  } catch {
    // It counts until the page is closed.
  }
}

let key: string | undefined;

/// The API key to send; empty: none.
export function load_key(): string {
  key ??= get(() => sessionStorage, "key") || get(() => localStorage, "key");
  return key;
}
/// Whether the key outlives this tab.
export function is_key_kept(): boolean {
  return get(() => localStorage, "key") !== "";
}
export function save_key(value: string, keep: boolean) {
  key = value;
  set(() => sessionStorage, "key", keep ? "" : value);
  set(() => localStorage, "key", keep ? value : "");
}

export function load_local(name: "theme" | "setup" | "sidebar" | "panel"): string {
  return get(() => localStorage, name);
}
export function save_local(name: "theme" | "setup" | "sidebar" | "panel", value: string) {
  set(() => localStorage, name, value);
}
