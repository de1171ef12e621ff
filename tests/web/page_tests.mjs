// The page itself: Markdown, conversations, keyboard, phone, themes, live view, accessibility.
import { readFileSync } from "node:fs";
import { check, kPhone } from "./harness.mjs";
import { stream } from "./chat_tests.mjs";

const kChat = "**/v1/chat/completions";
const kHostile = `# Title
<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2"> <style>*{display:none}</style>

[bad](javascript:window.hacked=3) ![pixel](https://tracker.example/p.png) [good](https://example.org/a "t")

| a | b |
|---|--:|
| <b>x</b> | **y** |

\`\`\`html
<script>window.hacked = 4</script>
\`\`\`

1. one
   - *two* and \`three\``;

async function answer_with(page, text) {
  await page.route(kChat, (route) => route.fulfill({ contentType: "text/event-stream", body: stream([text], { usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } }) }));
}

/// Puts the focus before the page's first stop.
async function from_start(page) {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
}

export const kPageTests = [
  {
    name: "Markdown is drawn, HTML stays text",
    options: { permissions: ["clipboard-read", "clipboard-write"] },
    async run(t) {
      const { page } = t;
      await answer_with(page, kHostile);
      await t.ask("Show me");
      const seen = await page.evaluate(() => {
        const root = document.querySelector("article.answer .markdown");
        return { hacked: window.hacked, forbidden: root.querySelectorAll("script, img, style, iframe").length, links: [...root.querySelectorAll("a")].map((a) => `${a.getAttribute("href")} ${a.rel}`), text: root.innerText, cells: [...root.querySelectorAll("td")].map((c) => c.innerHTML.replace(/<!---->/g, "").trim()) };
      });
      check(seen.hacked === undefined && seen.forbidden === 0, "HTML of an answer became elements");
      check(seen.links.length === 2 && seen.links.every((l) => l.startsWith("https://") && l.includes("noopener")), `the links are ${seen.links}`);
      check(seen.text.includes("<script>window.hacked = 1</script>") && seen.text.includes("one") && seen.text.includes("two and three"), `the text is ${seen.text}`);
      check(seen.cells[0].includes("&lt;b&gt;x&lt;/b&gt;") && /<strong[^>]*>y<\/strong>/.test(seen.cells[1]), `the cells are ${seen.cells}`);
      await page.click("[aria-label='Copy this code']");
      check((await page.evaluate(() => navigator.clipboard.readText())) === "<script>window.hacked = 4</script>", "the code was not copied");
      await t.accessible("Markdown");
    },
  },
  {
    name: "conversations are found, renamed, exported, deleted and brought back",
    async run(t) {
      const { page } = t;
      await answer_with(page, "An answer about badgers");
      for (const question of ["Alpha question", "Beta question", "Gamma", "Delta", "Epsilon", "Zeta"]) {
        await t.ask(question);
        await page.keyboard.press("Control+k");
      }
      const titles = () => page.locator("#sidebar .entry").allInnerTexts();
      check((await titles()).join() === "Zeta,Epsilon,Delta,Gamma,Beta question,Alpha question", `the list is ${await titles()}`);
      await page.fill("#sidebar input[type=search]", "beta");
      check((await titles()).join() === "Beta question", "the search does not find");
      await page.fill("#sidebar input[type=search]", "");
      const menu = async (title, item) => {
        await page.locator("#sidebar li", { hasText: title }).hover();
        await page.click(`[aria-label='Actions of ${title}']`);
        await page.click(`[role=menuitem]:has-text('${item}')`);
      };
      await menu("Alpha question", "Rename");
      await page.keyboard.type("Renamed");
      await page.keyboard.press("Enter");
      check((await titles()).includes("Renamed"), "the new name is not listed");
      const saved = async (act) => {
        const [download] = await Promise.all([page.waitForEvent("download"), act()]);
        return readFileSync(await download.path(), "utf8");
      };
      const markdown = await saved(() => menu("Renamed", "Export as Markdown"));
      check(markdown.startsWith("# Renamed") && markdown.includes("An answer about badgers"), "the Markdown is not whole");
      const json = await saved(() => menu("Renamed", "Export as JSON"));
      check(JSON.parse(json).conversations[0].messages.length === 2, "the JSON is not whole");
      await menu("Renamed", "Delete");
      check(!(await titles()).includes("Renamed"), "it is still listed");
      await page.click(".notice >> text=Undo");
      check((await titles()).includes("Renamed"), "undo does not bring it back");
      await menu("Renamed", "Delete");
      await page.waitForTimeout(500);
      await page.reload();
      await page.waitForSelector("#sidebar .entry");
      check((await titles()).length === 5, "a deleted conversation is back after a reload");
      await page.setInputFiles("#sidebar input[type=file]", { name: "c.json", mimeType: "application/json", buffer: Buffer.from(json) });
      await page.waitForSelector("#sidebar .entry:has-text('Renamed')");
      await page.click("#sidebar .entry:has-text('Renamed')");
      await page.waitForSelector("text=An answer about badgers");
      await page.setInputFiles("#sidebar input[type=file]", { name: "bad.json", mimeType: "application/json", buffer: Buffer.from("{}") });
      await page.waitForSelector(".notice:has-text('no conversations')");
    },
  },
  {
    name: "everything goes by keyboard",
    async run(t) {
      const { page } = t;
      const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.tagName);
      check((await focus()) === "composer", `the page opens with the focus on ${await focus()}`);
      await page.keyboard.type("line one");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("line two");
      check((await page.inputValue("#composer")) === "line one\nline two", "Shift+Enter does not begin a line");
      await page.fill("#composer", "");
      await from_start(page);
      await page.keyboard.press("Tab");
      check((await page.evaluate(() => document.activeElement.textContent)) === "To the question box", "the first stop is not the skip link");
      await page.keyboard.press("Enter");
      check((await focus()) === "composer", "the skip link does not lead to the box");
      // Every stop on the way is visible: a ring, in the accent's colour.
      await from_start(page);
      const stops = [];
      for (let i = 0; i < 30; i++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(() => document.activeElement === document.body)) break; // past the last stop
        const ring = await page.evaluate(() => {
          const e = document.activeElement;
          const style = getComputedStyle(e);
          return { name: e.id || e.getAttribute("aria-label") || e.textContent.trim().slice(0, 30), seen: style.outlineStyle !== "none" || e.id === "composer", box: e.getBoundingClientRect().width };
        });
        stops.push(ring.name);
        check(ring.seen && ring.box > 0, `no ring around ${ring.name}`);
      }
      for (const wanted of ["composer", "Model", "Settings of this chat"]) check(stops.includes(wanted), `Tab does not reach ${wanted}: ${stops}`);
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("?");
      check(await page.locator("dialog").isVisible(), "? shows no list of keys");
      await page.keyboard.press("Escape");
      check(!(await page.locator("dialog").isVisible()), "Escape does not close the list");
      await page.keyboard.press("/");
      check((await focus()) === "composer", "/ does not lead to the box");
      await page.keyboard.press("Control+.");
      check((await focus()) === "system", "Ctrl+. does not open the settings");
      await page.keyboard.press("Escape");
      check((await focus()) === "composer" && !(await page.locator("#panel").isVisible()), "Escape does not close the settings");
      await answer_with(page, "Short");
      await page.keyboard.type("Question by key");
      await page.keyboard.press("Enter");
      await t.answered(1);
      check((await focus()) === "composer", "the focus left the box after sending");
      await page.keyboard.press("ArrowUp");
      check((await focus()) === "Edit the question", "the arrow does not edit the last question");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      check((await page.locator("article").count()) === 0 && (await focus()) === "composer", "Ctrl+K does not begin a new chat");
    },
  },
  {
    name: "Escape stops an answer",
    async run(t) {
      const { page } = t;
      await page.route(kChat, () => {}); // never answered
      await page.keyboard.type("Hello");
      await page.keyboard.press("Enter");
      await page.waitForSelector("text=Reading the prompt");
      await page.keyboard.press("Escape");
      await page.waitForSelector("text=Stopped before the first word");
      check((await page.locator(".sr[aria-live]").innerText()) === "Stopped", "the end is not announced");
    },
  },
  {
    name: "phone of 360 by 740",
    options: kPhone,
    async run(t) {
      const { page } = t;
      await t.no_sideways_scroll();
      await t.accessible("phone");
      await answer_with(page, `${kHostile}\n\n${"averyveryverylongwordwithoutanyspace".repeat(6)}`);
      await t.ask("Show me everything on a small screen, please, with a long question that needs several lines");
      await t.no_sideways_scroll();
      const box = await page.locator("#composer").boundingBox();
      check(box.y + box.height <= 740 && box.width > 250, "the box for questions is not on the screen");
      const small = await page.evaluate(() => [...document.querySelectorAll("main button:not(.scrim)")].filter((b) => b.getBoundingClientRect().height > 0 && b.getBoundingClientRect().height < 24).map((b) => b.textContent));
      check(small.length === 0, `too small for a finger: ${small}`);
      await page.tap("button[aria-controls=sidebar]");
      check(await page.locator("#sidebar").isVisible(), "the list does not open");
      check(await page.evaluate(() => document.querySelector("main").inert), "what is covered can be reached");
      await t.accessible("phone, list");
      await page.tap("#sidebar >> text=New chat");
      check(!(await page.locator("#sidebar").isVisible()), "the list does not close");
      await page.tap("button[aria-controls=panel]");
      await t.no_sideways_scroll();
      await page.tap("[aria-label='Close the settings']");
      await page.tap(".pulse");
      await page.waitForSelector(".charts");
      await t.no_sideways_scroll();
    },
  },
  {
    name: "screen of 320 pixels",
    options: { ...kPhone, viewport: { width: 320, height: 568 } },
    async run(t) {
      const { page } = t;
      await t.no_sideways_scroll();
      await answer_with(page, kHostile);
      await t.ask("Show me");
      await t.no_sideways_scroll();
      await page.tap("button[aria-controls=panel]");
      await t.no_sideways_scroll();
    },
  },
  {
    name: "dark follows the system and can be chosen",
    options: { colorScheme: "dark" },
    async run(t) {
      const { page } = t;
      const light = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number).reduce((a, b) => a + b) > 384);
      check(!(await light()), "a dark system gets a light page");
      await answer_with(page, kHostile);
      await t.ask("Show me");
      await t.accessible("dark");
      await page.click("[aria-label^='Theme: system']");
      await page.click("[aria-label^='Theme: dark']");
      check(await light(), "the light theme cannot be chosen");
      await t.accessible("light by choice");
      await page.reload();
      await page.waitForSelector("#composer");
      check(await light(), "the choice is lost after a reload");
      await page.click("[aria-label^='Theme: light']");
      check(!(await light()), "back to the system's theme does not work");
    },
  },
  {
    name: "the live view asks each second",
    async run(t) {
      const { page } = t;
      let asked = 0;
      page.on("request", (request) => (asked += request.url().endsWith("/v1/status") ? 1 : 0));
      await page.click("#sidebar .server");
      await page.waitForSelector(".models li");
      asked = 0;
      const began = Date.now();
      while (asked < 5 && Date.now() - began < 30_000) await page.waitForTimeout(50);
      const took = (Date.now() - began) / 1000;
      check(asked >= 5, `asked ${asked} times in ${took} s`);
      check(took > 3.5, `asked 5 times in ${took} s`);
      check((await page.locator(".chart svg").count()) === 4, "there are not four charts");
      const names = await page.locator(".models .name b").allInnerTexts();
      check(names.length > 0, "no models are listed");
      const label = await page.locator(".chart svg").first().getAttribute("aria-label");
      check(/now [\d.,]+, at most [\d.,]+ tokens\/s/.test(label), `the chart is called ${label}`);
      await t.accessible("live view");
      await page.keyboard.press("Escape");
      check(await page.locator("#composer").isVisible(), "Escape does not lead back");
    },
  },
  {
    name: "the live view tells when the server is gone",
    async run(t) {
      const { page } = t;
      t.allowed.push(/ERR_FAILED/);
      await page.click("#sidebar .server");
      await page.waitForSelector(".models li");
      await page.route("**/v1/status", (route) => route.abort());
      await page.waitForSelector(".trouble:has-text('cannot be reached')");
      check((await page.locator("header .live.stale").count()) === 1, "old figures look new");
      await page.unroute("**/v1/status");
      await page.click(".trouble button");
      await page.waitForSelector(".trouble", { state: "detached" });
    },
  },
  {
    name: "every part is accessible",
    async run(t) {
      const { page } = t;
      await page.waitForTimeout(300);
      await t.accessible("empty page");
      await page.click("button[aria-controls=panel]");
      await page.fill("#tools", "[{");
      await page.check("input[name=format][value=json_schema]");
      await t.accessible("settings");
      await page.click("[aria-label='Close the settings']");
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("?");
      await t.accessible("keys");
    },
  },
  {
    name: "two tabs show the same conversations",
    async run(t) {
      const { page } = t;
      const other = await page.context().newPage();
      await other.goto(t.base);
      await other.waitForSelector("#composer");
      await answer_with(page, "Known to both");
      await t.ask("Shared question");
      await other.waitForSelector("#sidebar .entry:has-text('Shared question')");
      await other.click("#sidebar .entry:has-text('Shared question')");
      await other.waitForSelector("text=Known to both");
      await other.close();
    },
  },
  {
    name: "the page works where the browser keeps nothing",
    opens: false,
    async run(t) {
      const { page } = t;
      await page.addInitScript(() => {
        for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
          Object.defineProperty(window, name, {
            get() {
              throw new DOMException("forbidden", "SecurityError");
            },
          });
        }
      });
      await t.open();
      await answer_with(page, "Still here");
      await t.ask("Hello");
      check((await t.text_of_last()) === "Still here", "no answer");
      check((await page.locator("#sidebar .trouble").innerText()).includes("lost when it is closed"), "nobody is told");
    },
  },
];
