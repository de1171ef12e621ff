// Figures and times in words.
import type { Stats } from "./types";

export function seconds(ms: number): string {
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(2)} s`;
  if (s < 60) return `${s.toFixed(1)} s`;
  return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
}

export function rate(value: number): string {
  return value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let v = value;
  let u = 0;
  while (v >= 999.5 && u < units.length - 1) {
    v /= 1000;
    u++;
  }
  return `${u === 0 || v >= 99.95 ? Math.round(v) : v.toFixed(1)} ${units[u]}`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function duration(total_s: number): string {
  const s = Math.floor(total_s);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/// The figures under an answer, the most telling first. Only what was measured.
export function stat_items(stats: Stats): { label: string; value: string }[] {
  const items: { label: string; value: string }[] = [];
  if (stats.tokens_per_s !== undefined) items.push({ label: "tokens/s", value: rate(stats.tokens_per_s) });
  if (stats.first_token_ms !== undefined) items.push({ label: "first token", value: seconds(stats.first_token_ms) });
  if (stats.answer_tokens !== undefined) items.push({ label: stats.answer_tokens === 1 ? "token" : "tokens", value: count(stats.answer_tokens) });
  if (stats.prompt_tokens !== undefined) items.push({ label: "prompt", value: count(stats.prompt_tokens) });
  if (stats.cached_tokens) items.push({ label: "cached", value: count(stats.cached_tokens) });
  if (stats.total_ms !== undefined) items.push({ label: "total", value: seconds(stats.total_ms) });
  return items;
}

/// Where in time a conversation is listed.
export function day_group(updated: number, now: number): string {
  const start = (ms: number) => {
    const d = new Date(ms);
    return new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  };
  const days = Math.round((start(now) - start(updated)) / 86_400_000);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "This week";
  if (days < 31) return "This month";
  return "Earlier";
}
