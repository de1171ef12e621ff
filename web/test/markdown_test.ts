import assert from "node:assert/strict";
import { test } from "node:test";
import type { Inline } from "../src/lib/inline";
import { GrowingMarkdown, parse_markdown, type Block } from "../src/lib/markdown";

// A short way to write trees down.
function inline(nodes: Inline[]): string {
  return nodes
    .map((n) => {
      if (n.t === "text") return n.text;
      if (n.t === "code") return `<code>${n.text}</code>`;
      if (n.t === "br") return "<br>";
      if (n.t === "link") return `<a ${n.href}>${inline(n.kids)}</a>`;
      return `<${n.t}>${inline(n.kids)}</${n.t}>`;
    })
    .join("");
}
function block(b: Block): string {
  switch (b.t) {
    case "p":
      return `<p>${inline(b.kids)}</p>`;
    case "h":
      return `<h${b.level}>${inline(b.kids)}</h${b.level}>`;
    case "code":
      return `<pre ${b.language}>${b.text}</pre>`;
    case "quote":
      return `<q>${b.kids.map(block).join("")}</q>`;
    case "list":
      return `<${b.ordered ? `ol ${b.start}` : "ul"}${b.tight ? "" : " loose"}>${b.items.map((i) => `<li>${i.map(block).join("")}</li>`).join("")}</>`;
    case "hr":
      return "<hr>";
    case "table":
      return `<table ${b.align.join(",")}>${[b.head, ...b.rows].map((r) => r.map(inline).join("|")).join("/")}</table>`;
  }
}
function show(text: string): string {
  return parse_markdown(text).map(block).join("");
}

const kCases: [string, string][] = [
  ["a *b* **c** ***d*** `e`", "<p>a <em>b</em> <strong>c</strong> <em><strong>d</strong></em> <code>e</code></p>"],
  ["snake_case_name and __init__", "<p>snake_case_name and <strong>init</strong></p>"],
  ["2 * 3 * 4 and * x", "<p>2 * 3 * 4 and * x</p>"],
  ["**bold with *em* inside**", "<p><strong>bold with <em>em</em> inside</strong></p>"],
  ["*open **and** not closed", "<p>*open <strong>and</strong> not closed</p>"],
  ["~~gone~~ ~stays~", "<p><del>gone</del> ~stays~</p>"],
  ["\\*no\\* \\q", "<p>*no* \\q</p>"],
  ["`` a ` b `` `open", "<p><code>a ` b</code> `open</p>"],
  ["one\ntwo  \nthree\\\nfour", "<p>one\ntwo<br>three<br>four</p>"],
  ["[a *b*](https://x.org/p_(1) \"t\") [c](javascript:alert(1))", "<p><a https://x.org/p_(1)>a <em>b</em></a> [c](javascript:alert(1))</p>"],
  ["![alt](https://x.org/i.png) ![x](data:image/png;base64,AA)", "<p><a https://x.org/i.png>alt</a> ![x](data:image/png;base64,AA)</p>"],
  ["see https://x.org/a_b, (https://y.org). <https://z.org> xhttp://n", "<p>see <a https://x.org/a_b>https://x.org/a_b</a>, (<a https://y.org>https://y.org</a>). <a https://z.org>https://z.org</a> xhttp://n</p>"],
  ["<script>alert(1)</script> <b onclick=x>y</b> <img src=x onerror=y>", "<p><script>alert(1)</script> <b onclick=x>y</b> <img src=x onerror=y></p>"],
  ["a<br>b", "<p>a<br>b</p>"],
  ["# H1\n## H2 ##\n####### no", "<h1>H1</h1><h2>H2</h2><p>####### no</p>"],
  ["Title\n===\nSub\n---\n***\n- - -", "<h1>Title</h1><h2>Sub</h2><hr><hr>"],
  ["```js\na < b\n\n  c\n```\nafter", "<pre js>a < b\n\n  c</pre><p>after</p>"],
  ["~~~\n```\n~~~~", "<pre >```</pre>"],
  ["```py\nopen", "<pre py>open</pre>"],
  ["    code\n\n    more\nnot", "<pre >code\n\nmore</pre><p>not</p>"],
  ["- a\n- b\n  - c\n  - d\n- e", "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li><li><p>d</p></li></></li><li><p>e</p></li></>"],
  ["3. a\n4. b\n  - under two columns\n5. c", "<ol 3><li><p>a</p></li><li><p>b</p><ul><li><p>under two columns</p></li></></li><li><p>c</p></li></>"],
  ["1. a\n\n   ```\n   x\n   ```\n2. b", "<ol 1><li><p>a</p><pre >x</pre></li><li><p>b</p></li></>"],
  ["- a\n\n- b", "<ul loose><li><p>a</p></li><li><p>b</p></li></>"],
  ["- a\nlazy\n\nafter", "<ul><li><p>a\nlazy</p></li></><p>after</p>"],
  ["In 1990.\n1986. A year", "<p>In 1990.\n1986. A year</p>"],
  ["> a\n> - b\nlazy\n\nc", "<q><p>a</p><ul><li><p>b\nlazy</p></li></></q><p>c</p>"],
  ["|a|b|\n|:-|-:|\n|1|`x|y`|\n|2|\n\nend", "<table left,right>a|b/1|<code>x|y</code>/2|</table><p>end</p>"],
  ["a | b\n--- | ---\n1 \\| 2 | 3", "<table ,>a|b/1 | 2|3</table>"],
  ["a | b\nno rule", "<p>a | b\nno rule</p>"],
  ["", ""],
  ["\r\n\r\na\r\nb", "<p>a\nb</p>"],
];

for (const [source, expected] of kCases) {
  test(`markdown ${JSON.stringify(source)}`, () => assert.equal(show(source), expected));
}

// Numbers that are the same every time.
function random(seed: number): () => number {
  let s = seed;
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 32;
  };
}

test("an answer that grows ends as if it had been whole", () => {
  const parts = ["- ", "1. ", "2", "> ", "```", "`", "\n", "\n", "\n\n", "  ", "    ", "a", "b c", "*", "**", "_", "|", "|-|", "# ", "---", "=", "[x](", "https://a.b", ")", "\t", "\r\n"];
  for (let seed = 1; seed <= 1500; seed++) {
    const next = random(seed);
    const growing = new GrowingMarkdown();
    let text = "";
    for (let i = 0; i < 30; i++) {
      text += parts[Math.floor(next() * parts.length)];
      assert.deepEqual(growing.update(text), parse_markdown(text), `seed ${seed}: ${JSON.stringify(text)}`);
    }
  }
});

test("blocks that did not change stay the same objects", () => {
  const growing = new GrowingMarkdown();
  const before = growing.update("a\n\nb\n\nc\n\nd");
  const after = growing.update("a\n\nb\n\nc\n\nd e");
  assert.equal(after[0], before[0]);
  assert.equal(after[1], before[1]);
  assert.deepEqual(growing.update("new"), parse_markdown("new"));
});

test("no input takes long", () => {
  const hostile = ["*a ".repeat(6000), "_*".repeat(9000), "[".repeat(19000), "`".repeat(3) + "a`b``".repeat(3000), "> ".repeat(5000) + "x", "- ".repeat(5000) + "x",
    "|a".repeat(5000) + "\n" + "|-".repeat(5000), "\\".repeat(19000), "<https://".repeat(2000), "![](".repeat(4000), "1. a\n\n".repeat(3000), "[a](b".repeat(3500), "((".repeat(9000) + "[a](((((((((((((((((((((((((("];
  for (const source of hostile) {
    // Processor time: the machine may have other work.
    const began = process.cpuUsage();
    parse_markdown(source);
    const took = process.cpuUsage(began).user / 1000;
    assert.ok(took < 500, `${JSON.stringify(source.slice(0, 20))} took ${took} ms`);
  }
});
