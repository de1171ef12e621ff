// JSON text laid out with its kinds of tokens, for showing. Works on the text itself, so that numbers stay as they are written,
// and on the beginning of a text, so that it can be shown while it comes.

export type TokenKind = "key" | "string" | "number" | "word" | "mark";
export interface PrettyToken {
  kind: TokenKind;
  text: string;
}

const kToken = /"(?:[^"\\]|\\.)*(?:"|\\?$)|-?\d[\d.eE+-]*|[A-Za-z]+|[{}[\]:,]|[^\s]/gsy;

/// The pieces of the laid out text, line ends and indentation among them as marks.
export function pretty_json(text: string, indent = 2): PrettyToken[] {
  const raw: string[] = [];
  for (let at = 0; at < text.length; ) {
    const space = /\s+/y;
    space.lastIndex = at;
    const skipped = space.exec(text);
    if (skipped !== null) at += skipped[0].length;
    if (at >= text.length) break;
    kToken.lastIndex = at;
    const match = kToken.exec(text);
    if (match === null) break;
    raw.push(match[0]);
    at += match[0].length;
  }
  return lay_out(raw, indent);
}

function lay_out(raw: string[], indent: number): PrettyToken[] {
  const out: PrettyToken[] = [];
  let depth = 0;
  const new_line = () => out.push({ kind: "mark", text: "\n" + " ".repeat(depth * indent) });
  for (let i = 0; i < raw.length; i++) {
    const token = raw[i] as string;
    const next = raw[i + 1];
    if (token === "{" || token === "[") {
      out.push({ kind: "mark", text: token });
      depth++;
      if (next !== undefined && next !== "}" && next !== "]") new_line();
    } else if (token === "}" || token === "]") {
      depth = Math.max(0, depth - 1);
      if (raw[i - 1] !== "{" && raw[i - 1] !== "[") new_line();
      out.push({ kind: "mark", text: token });
    } else if (token === ",") {
      out.push({ kind: "mark", text: "," });
      new_line();
    } else if (token === ":") {
      out.push({ kind: "mark", text: ": " });
    } else if (token.startsWith('"')) {
      out.push({ kind: next === ":" ? "key" : "string", text: token });
    } else {
      out.push({ kind: /^[-\d]/.test(token) ? "number" : "word", text: token });
    }
  }
  return out;
}
