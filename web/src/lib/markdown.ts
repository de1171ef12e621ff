// Markdown's blocks: paragraphs, headings, lists, quotes, code, tables. As with inline.ts, the result is a tree that components
// draw. An answer that grows is parsed from its last blocks on, and blocks that did not change keep their identity.
import { parse_inline, type Inline } from "./inline";

export type Block =
  | { t: "p"; kids: Inline[] }
  | { t: "h"; level: number; kids: Inline[] }
  | { t: "code"; language: string; text: string }
  | { t: "list"; ordered: boolean; start: number; tight: boolean; items: Block[][] }
  | { t: "quote"; kids: Block[] }
  | { t: "table"; align: ("left" | "center" | "right" | "")[]; head: Inline[][]; rows: Inline[][][] }
  | { t: "hr" };

const kMaxDepth = 12;
const kFence = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})[ \t]*(\S*)/;
const kHeading = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const kRule = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const kQuote = /^ {0,3}> ?/;
const kItem = /^( {0,3})([-*+]|(\d{1,9})[.)])([ \t]+|$)/;
const kTableRule = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

function indent_of(line: string): number {
  let n = 0;
  while (line[n] === " ") n++;
  return n;
}
function is_blank(line: string): boolean {
  return line.trim() === "";
}

/// Whether a line ends a paragraph by beginning something else.
function interrupts(line: string): boolean {
  if (kFence.test(line) || kHeading.test(line) || kRule.test(line) || kQuote.test(line)) return true;
  const item = kItem.exec(line);
  return item !== null && line.length > item[0].length && (item[3] === undefined || Number(item[3]) === 1);
}

/// A block and the line after its last.
type Read = { block: Block; next: number } | undefined;

function read_code(lines: string[], i: number): Read {
  const line = lines[i] as string;
  const fence = kFence.exec(line);
  const text: string[] = [];
  if (fence !== null) {
    const mark = fence[1] ?? "";
    const indent = indent_of(line);
    const end = new RegExp(`^ {0,3}[${mark[0] === "~" ? "~" : "`"}]{${mark.length},}[ \\t]*$`);
    let j = i + 1;
    for (; j < lines.length && !end.test(lines[j] as string); j++) {
      const body = lines[j] as string;
      text.push(body.slice(Math.min(indent, indent_of(body))));
    }
    return { block: { t: "code", language: fence[2] ?? "", text: text.join("\n") }, next: Math.min(j + 1, lines.length) };
  }
  if (indent_of(line) < 4) return undefined;
  let j = i;
  for (; j < lines.length && (indent_of(lines[j] as string) >= 4 || is_blank(lines[j] as string)); j++) text.push((lines[j] as string).slice(4));
  while (text.length > 0 && is_blank(text.at(-1) as string)) text.pop();
  return { block: { t: "code", language: "", text: text.join("\n") }, next: j };
}

function read_quote(lines: string[], i: number, depth: number): Read {
  if (!kQuote.test(lines[i] as string)) return undefined;
  const inner: string[] = [];
  let j = i;
  for (; j < lines.length; j++) {
    const line = lines[j] as string;
    if (kQuote.test(line)) inner.push(line.replace(kQuote, ""));
    else if (!is_blank(line) && !interrupts(line) && !is_blank(inner.at(-1) ?? "")) inner.push(line);
    else break;
  }
  return { block: { t: "quote", kids: parse_lines(inner, depth + 1) }, next: j };
}

function read_list(lines: string[], i: number, depth: number): Read {
  const first = kItem.exec(lines[i] as string);
  if (first === null) return undefined;
  const ordered = first[3] !== undefined;
  const bullet = (first[2] ?? "").at(-1);
  const items: Block[][] = [];
  let tight = true;
  let j = i;
  while (j < lines.length) {
    const item = kItem.exec(lines[j] as string);
    if (item === null || (item[2] ?? "").at(-1) !== bullet || (item[3] !== undefined) !== ordered || kRule.test(lines[j] as string)) break;
    const { inner, next } = read_item(lines, j, item);
    let end = next;
    while (end > j + 1 && is_blank(lines[end - 1] as string)) end--;
    const kids = parse_lines(inner, depth + 1);
    items.push(kids);
    const follows = next < lines.length && kItem.test(lines[next] as string);
    if ((end < next && follows) || blank_between(inner, kids)) tight = false;
    j = next;
  }
  return { block: { t: "list", ordered, start: ordered ? Number(first[3]) : 1, tight, items }, next: j };
}

/// Whether an item's own blocks stand apart: a blank line between two of them.
function blank_between(inner: string[], kids: Block[]): boolean {
  if (kids.length < 2) return false;
  const last = inner.length - [...inner].reverse().findIndex((l) => !is_blank(l));
  let in_fence = false;
  return inner.slice(0, last).some((line) => {
    if (kFence.test(line)) in_fence = !in_fence;
    return !in_fence && is_blank(line) && kids.some((k, n) => n > 0 && k.t === "p");
  });
}

/// The lines of one item without their indentation.
function read_item(lines: string[], i: number, item: RegExpExecArray): { inner: string[]; next: number } {
  const base = (item[1] ?? "").length;
  const spaces = (item[4] ?? "").length;
  const width = base + (item[2] ?? "").length + (spaces >= 1 && spaces <= 4 ? spaces : 1);
  // Nested by two columns is what many models write under "1."; strictly it would need three.
  const least = Math.min(width, base + 2);
  const inner = [(lines[i] as string).slice(width)];
  let j = i + 1;
  for (; j < lines.length; j++) {
    const line = lines[j] as string;
    const indent = indent_of(line);
    if (is_blank(line)) {
      // An item may begin with one blank line at most.
      if (inner.length === 1 && is_blank(inner[0] as string)) break;
      inner.push("");
    } else if (indent >= least) {
      inner.push(line.slice(Math.min(indent, width)));
    } else if (!is_blank(inner.at(-1) as string) && !interrupts(line) && !kItem.test(line)) {
      inner.push(line);
    } else {
      break;
    }
  }
  while (inner.length > 1 && is_blank(inner.at(-1) as string)) inner.pop();
  return { inner, next: j };
}

function split_row(line: string): string[] {
  const cells: string[] = [];
  let cell = "";
  let body = line.trim();
  if (body.startsWith("|")) body = body.slice(1);
  let in_code = false;
  for (let i = 0; i < body.length; i++) {
    const c = body[i] as string;
    if (c === "\\" && body[i + 1] === "|") {
      cell += "|";
      i++;
    } else if (c === "|" && !in_code) {
      cells.push(cell.trim());
      cell = "";
    } else {
      if (c === "`") in_code = !in_code && body.indexOf("`", i + 1) >= 0;
      cell += c;
    }
  }
  if (cell.trim() !== "" || !body.endsWith("|")) cells.push(cell.trim());
  return cells;
}

function read_table(lines: string[], i: number): Read {
  const line = lines[i] as string;
  const rule = lines[i + 1];
  if (rule === undefined || !line.includes("|") || !rule.includes("-") || !kTableRule.test(rule)) return undefined;
  const head = split_row(line);
  const align = split_row(rule).map((c) => {
    if (c.startsWith(":")) return c.endsWith(":") ? ("center" as const) : ("left" as const);
    return c.endsWith(":") ? ("right" as const) : ("" as const);
  });
  if (head.length !== align.length) return undefined;
  const rows: Inline[][][] = [];
  let j = i + 2;
  for (; j < lines.length && !is_blank(lines[j] as string) && !interrupts(lines[j] as string); j++) {
    const cells = split_row(lines[j] as string);
    rows.push(head.map((_, k) => parse_inline(cells[k] ?? "")));
  }
  return { block: { t: "table", align, head: head.map(parse_inline), rows }, next: j };
}

function read_paragraph(lines: string[], i: number): Read {
  const text: string[] = [];
  let j = i;
  for (; j < lines.length; j++) {
    const line = lines[j] as string;
    if (j > i) {
      const under = /^ {0,3}(=+|-+)[ \t]*$/.exec(line);
      if (under !== null) {
        const level = (under[1] ?? "").startsWith("=") ? 1 : 2;
        return { block: { t: "h", level, kids: parse_inline(text.join("\n").trim()) }, next: j + 1 };
      }
      if (is_blank(line) || interrupts(line)) break;
    }
    text.push(line.replace(/^ +/, ""));
  }
  return { block: { t: "p", kids: parse_inline(text.join("\n").trimEnd()) }, next: j };
}

function read_block(lines: string[], i: number, depth: number): { block: Block; next: number } {
  const line = lines[i] as string;
  const heading = kHeading.exec(line);
  if (heading !== null) {
    return { block: { t: "h", level: (heading[1] ?? "#").length, kids: parse_inline(heading[2] ?? "") }, next: i + 1 };
  }
  if (kRule.test(line)) return { block: { t: "hr" }, next: i + 1 };
  let read = read_code(lines, i);
  if (depth < kMaxDepth) read ??= read_quote(lines, i, depth) ?? read_list(lines, i, depth);
  read ??= read_table(lines, i) ?? read_paragraph(lines, i);
  return read as { block: Block; next: number };
}

function parse_lines(lines: string[], depth: number): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; ) {
    if (is_blank(lines[i] as string)) {
      i++;
      continue;
    }
    const { block, next } = read_block(lines, i, depth);
    blocks.push(block);
    i = next;
  }
  return blocks;
}

function split_lines(text: string): string[] {
  return text.split(/\r\n|\n|\r/).map((line) => line.replaceAll("\t", "    "));
}

export function parse_markdown(text: string): Block[] {
  return parse_lines(split_lines(text), 0);
}

/// Parses a text that is growing.
export class GrowingMarkdown {
  private text = "";
  private blocks: Block[] = [];
  private starts: number[] = []; // offset of each block's first character

  /// The blocks of `text`. Those before the last two of the text before it are kept: what follows cannot change them.
  update(text: string): Block[] {
    const keep = text.startsWith(this.text) ? Math.max(0, this.blocks.length - 2) : 0;
    const from = this.starts[keep] ?? 0;
    this.blocks = this.blocks.slice(0, keep);
    this.starts = this.starts.slice(0, keep);
    const ends = /\r\n|\n|\r/g;
    const offsets = [0];
    const rest = keep === 0 ? text : text.slice(from);
    const base = keep === 0 ? 0 : from;
    for (let m = ends.exec(rest); m !== null; m = ends.exec(rest)) offsets.push(m.index + m[0].length);
    const lines = split_lines(rest);
    for (let i = 0; i < lines.length; ) {
      if (is_blank(lines[i] as string)) {
        i++;
        continue;
      }
      const { block, next } = read_block(lines, i, 0);
      this.blocks.push(block);
      this.starts.push(base + (offsets[i] ?? 0));
      i = next;
    }
    this.text = text;
    return this.blocks.slice();
  }
}
