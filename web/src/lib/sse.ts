// Server-sent events out of a stream of text, as the WHATWG specification reads them, as far as an API's stream needs: `data`
// fields joined by line ends, comments and other fields passed over. Lines end with LF, CR LF or CR, also across pieces.

export class SseParser {
  private line = "";
  private data: string[] = [];
  private after_cr = false;
  private at_start = true;

  /// Returns the data of the events that this piece completes.
  push(piece: string): string[] {
    const events: string[] = [];
    let text = piece;
    if (this.at_start && text !== "") {
      this.at_start = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (c === "\n" && this.after_cr) {
        this.after_cr = false;
        from = i + 1;
        continue;
      }
      this.after_cr = c === "\r";
      if (c !== "\n" && c !== "\r") continue;
      this.end_line(this.line + text.slice(from, i), events);
      this.line = "";
      from = i + 1;
    }
    this.line += text.slice(from);
    return events;
  }

  private end_line(line: string, events: string[]) {
    if (line === "") {
      if (this.data.length > 0) events.push(this.data.join("\n"));
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== "data") return;
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    this.data.push(value);
  }
}

/// The data of each event of a response's body. Ends with the body.
export async function* read_events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
