// Markdown inside a line: code, emphasis, links, escapes. The result is a tree that components draw as elements; nothing is ever
// read as HTML. Written after CommonMark's rules, without references, images (their text becomes a link) and raw HTML.

export type Inline =
  | { t: "text"; text: string }
  | { t: "code"; text: string }
  | { t: "br" }
  | { t: "strong" | "em" | "del"; kids: Inline[] }
  | { t: "link"; href: string; kids: Inline[] };

// Longer stretches than any paragraph stay plain: the time stays bounded.
const kMaxLength = 20_000;
const kMaxMarks = 1000; // of emphasis in one stretch; further ones stay text
const kPunctuation = /[!-/:-@[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e]/;
const kBare = /https?:\/\/[^\s<>"'`]+/y;

interface Mark {
  at: number; // index into nodes
  char: string;
  count: number;
  opens: boolean;
  closes: boolean;
}

/// Addresses that a link may have; others stay text.
export function safe_href(url: string): string | undefined {
  return /^(https?:\/\/|mailto:)/i.test(url) && !/[\s<>]/.test(url) ? url : undefined;
}

export function parse_inline(text: string): Inline[] {
  if (text.length > kMaxLength) return [{ t: "text", text }];
  return new InlineParser(text).parse();
}

class InlineParser {
  private nodes: Inline[] = [];
  private marks: Mark[] = [];
  private brackets: { at: number; marks: number; is_image: boolean }[] = [];
  private pending = "";
  private missing_ticks = new Set<number>(); // lengths of backtick runs that have no partner ahead

  constructor(private text: string) {}

  parse(): Inline[] {
    for (let i = 0; i < this.text.length; ) i = this.step(i);
    this.flush();
    this.emphasise(0);
    return this.merged(this.nodes);
  }

  private flush() {
    if (this.pending !== "") this.nodes.push({ t: "text", text: this.pending });
    this.pending = "";
  }

  /// Reads what begins at i; returns where the next begins.
  private step(i: number): number {
    const c = this.text[i] as string;
    switch (c) {
      case "\\":
        return this.escape(i);
      case "`":
        return this.code(i);
      case "\n":
        return this.line_end(i);
      case "*":
      case "_":
      case "~":
        return this.mark(i, c);
      case "!":
      case "[":
        return this.open_bracket(i, c);
      case "]":
        return this.close_bracket(i);
      case "<":
        return this.angle(i);
      case "h":
        return this.bare_address(i);
      default:
        this.pending += c;
        return i + 1;
    }
  }

  private plain(i: number, count = 1): number {
    this.pending += this.text.slice(i, i + count);
    return i + count;
  }

  private escape(i: number): number {
    const next = this.text[i + 1];
    if (next === "\n") {
      this.flush();
      this.nodes.push({ t: "br" });
      return i + 2;
    }
    if (next === undefined || !/[!-/:-@[-`{-~]/.test(next)) return this.plain(i);
    this.pending += next;
    return i + 2;
  }

  private run_length(i: number): number {
    let n = 1;
    while (this.text[i + n] === this.text[i]) n++;
    return n;
  }

  private code(i: number): number {
    const n = this.run_length(i);
    if (this.missing_ticks.has(n)) return this.plain(i, n);
    for (let at = this.text.indexOf("`", i + n); at >= 0; ) {
      const length = this.run_length(at);
      if (length === n) {
        let body = this.text.slice(i + n, at).replaceAll("\n", " ");
        if (body.startsWith(" ") && body.endsWith(" ") && body.trim() !== "") body = body.slice(1, -1);
        this.flush();
        this.nodes.push({ t: "code", text: body });
        return at + n;
      }
      at = this.text.indexOf("`", at + length);
    }
    this.missing_ticks.add(n);
    return this.plain(i, n);
  }

  private line_end(i: number): number {
    const hard = /  +$/.test(this.pending);
    this.pending = this.pending.replace(/ +$/, "");
    if (hard) {
      this.flush();
      this.nodes.push({ t: "br" });
    } else {
      this.pending += "\n";
    }
    let next = i + 1;
    while (this.text[next] === " ") next++;
    return next;
  }

  private mark(i: number, char: string): number {
    const count = this.run_length(i);
    if (char === "~" && count !== 2) return this.plain(i, count);
    const before = this.text[i - 1] ?? " ";
    const after = this.text[i + count] ?? " ";
    const space_before = /\s/.test(before);
    const space_after = /\s/.test(after);
    const left = !space_after && (!kPunctuation.test(after) || space_before || kPunctuation.test(before));
    const right = !space_before && (!kPunctuation.test(before) || space_after || kPunctuation.test(after));
    const opens = char === "_" ? left && (!right || kPunctuation.test(before)) : left;
    const closes = char === "_" ? right && (!left || kPunctuation.test(after)) : right;
    if ((!opens && !closes) || this.marks.length >= kMaxMarks) return this.plain(i, count);
    this.flush();
    this.marks.push({ at: this.nodes.length, char, count, opens, closes });
    this.nodes.push({ t: "text", text: char.repeat(count) });
    return i + count;
  }

  private open_bracket(i: number, c: string): number {
    const is_image = c === "!";
    if (is_image && this.text[i + 1] !== "[") return this.plain(i);
    this.flush();
    this.brackets.push({ at: this.nodes.length, marks: this.marks.length, is_image });
    this.nodes.push({ t: "text", text: is_image ? "![" : "[" });
    return i + (is_image ? 2 : 1);
  }

  private close_bracket(i: number): number {
    const bracket = this.brackets.pop();
    const target = /\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;
    target.lastIndex = i + 1;
    const match = bracket === undefined ? null : target.exec(this.text);
    const href = match === null ? undefined : safe_href(match[1] ?? "");
    if (bracket === undefined || match === null || href === undefined) return this.plain(i);
    this.flush();
    this.emphasise(bracket.marks);
    const kids = this.nodes.splice(bracket.at).slice(1);
    if (kids.length === 0) kids.push({ t: "text", text: href });
    this.nodes.push({ t: "link", href, kids });
    // No links inside links: what was opened before cannot become one any more.
    if (!bracket.is_image) this.brackets = [];
    return i + 1 + match[0].length;
  }

  private angle(i: number): number {
    const address = /<([^\s<>]+)>/y;
    address.lastIndex = i;
    const match = address.exec(this.text);
    const href = match === null ? undefined : safe_href(match[1] ?? "");
    if (match !== null && href !== undefined) {
      this.flush();
      this.nodes.push({ t: "link", href, kids: [{ t: "text", text: match[1] ?? "" }] });
      return i + match[0].length;
    }
    // The one tag that models use for what Markdown cannot say.
    const line_break = /<br\s*\/?>/iy;
    line_break.lastIndex = i;
    const broken = line_break.exec(this.text);
    if (broken === null) return this.plain(i);
    this.flush();
    this.nodes.push({ t: "br" });
    return i + broken[0].length;
  }

  private bare_address(i: number): number {
    kBare.lastIndex = i;
    if (/\w/.test(this.text[i - 1] ?? " ")) return this.plain(i);
    const match = kBare.exec(this.text);
    if (match === null) return this.plain(i);
    let url = match[0].replace(/[.,:;!?*_~\]]+$/, "");
    while (url.endsWith(")") && url.split(")").length > url.split("(").length) url = url.slice(0, -1);
    this.flush();
    this.nodes.push({ t: "link", href: url, kids: [{ t: "text", text: url }] });
    return i + url.length;
  }

  /// Turns the marks from `bottom` on into emphasis, closers in their order, each with the nearest opener.
  private emphasise(bottom: number) {
    for (let c = bottom; c < this.marks.length; c++) {
      const closer = this.marks[c] as Mark;
      while (closer.closes && closer.count > 0) {
        const o = this.opener(closer, c, bottom);
        if (o < 0) break;
        c = this.wrap(o, c);
      }
    }
    this.marks.length = Math.min(this.marks.length, bottom);
  }

  private opener(closer: Mark, c: number, bottom: number): number {
    for (let o = c - 1; o >= bottom; o--) {
      const opener = this.marks[o] as Mark;
      if (opener.char !== closer.char || !opener.opens || opener.count === 0) continue;
      // The rule of three: runs that can both open and close do not pair when their sum is a multiple of 3.
      const odd = (opener.closes || closer.opens) && (opener.count + closer.count) % 3 === 0 && (opener.count % 3 !== 0 || closer.count % 3 !== 0);
      if (!odd) return o;
    }
    return -1;
  }

  /// Wraps what lies between two marks; returns the closer's new index among the marks.
  private wrap(o: number, c: number): number {
    const opener = this.marks[o] as Mark;
    const closer = this.marks[c] as Mark;
    const width = closer.char === "~" ? 2 : opener.count >= 2 && closer.count >= 2 ? 2 : 1;
    const kids = this.nodes.splice(opener.at + 1, closer.at - opener.at - 1);
    const t = closer.char === "~" ? "del" : width === 2 ? "strong" : "em";
    this.nodes.splice(opener.at + 1, 0, { t, kids: this.merged(kids) });
    const shift = kids.length - 1;
    this.marks.splice(o + 1, c - o - 1);
    for (let m = o + 1; m < this.marks.length; m++) (this.marks[m] as Mark).at -= shift;
    for (const mark of [opener, closer]) {
      mark.count -= width;
      this.nodes[mark.at] = { t: "text", text: mark.char.repeat(mark.count) };
    }
    return o + 1;
  }

  private merged(nodes: Inline[]): Inline[] {
    const out: Inline[] = [];
    for (const node of nodes) {
      const last = out.at(-1);
      if (node.t === "text" && last?.t === "text") last.text += node.text;
      else if (node.t !== "text" || node.text !== "") out.push(node.t === "text" ? { ...node } : node);
    }
    return out;
  }
}
