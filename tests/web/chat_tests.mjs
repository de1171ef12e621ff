// Asking and answering: streams, stop, retry, edit, tools, forms of answers, failures.
import { check } from "./harness.mjs";

const kChat = "**/v1/chat/completions";
const kTools = JSON.stringify([
  { type: "function", function: { name: "get_weather", description: "Weather of a city", parameters: { type: "object", properties: { city: { enum: ["Lyon", "Lille"] }, days: { type: "integer", minimum: 1, maximum: 9 } }, required: ["city", "days"], additionalProperties: false } } },
]);
const kSchema = JSON.stringify({ type: "object", properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer", minimum: 1, maximum: 99 }, kind: { enum: ["cat", "dog"] } }, required: ["name", "age", "kind"], additionalProperties: false });

/// The body of a streamed answer with these pieces.
export function stream(pieces, { end = true, usage = null, impact = undefined } = {}) {
  const base = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
  const events = pieces.map((p) => ({ ...base, choices: [{ index: 0, delta: typeof p === "string" ? { content: p } : p, finish_reason: null }] }));
  if (end) events.push({ ...base, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  if (usage !== null || impact !== undefined) events.push({ ...base, choices: [], usage, impact });
  return events.map((e) => `data: ${JSON.stringify(e)}\n\n`).join("") + (end ? "data: [DONE]\n\n" : "");
}

async function set_format(page, kind, source) {
  if (!(await page.locator("#panel").isVisible())) await page.click("button[aria-controls=panel]");
  await page.check(`input[name=format][value=${kind}]`);
  if (source !== undefined) await page.fill("[data-section=format] textarea", source);
}

/// Notes the bodies of the requests that pass.
async function note_requests(page, into) {
  await page.route(kChat, async (route) => {
    into.push(route.request().postDataJSON());
    await route.continue();
  });
}

export const kChatTests = [
  {
    name: "chat streams, shows figures and survives a reload",
    async run(t) {
      const { page } = t;
      const sent = [];
      await note_requests(page, sent);
      await page.waitForSelector("select[name=model] option:not([value=''])", { state: "attached" });
      await t.ask("Say hello to the world");
      check(sent[0].stream === true && sent[0].stream_options.include_usage === true, "the request does not ask for a stream with usage");
      check(sent[0].messages.length === 1 && sent[0].model !== undefined, "the request names no model or other messages");
      const said = await t.text_of_last();
      check(said !== "", "the answer is empty");
      if (!t.is_real) check(said === "You said: Say hello to the world", `the answer is ${said}`);
      const stats = await t.last_answer().locator("[data-stat]").evaluateAll((all) => all.map((e) => e.dataset.stat));
      for (const wanted of ["tokens/s", "first token", "prompt", "total"]) check(stats.includes(wanted) || (t.is_real && wanted === "tokens/s"), `no figure ${wanted} among ${stats}`);
      check((await page.title()).includes("Say hello"), "the title is not the question");
      await t.ask("And again");
      check(sent[1].messages.map((m) => m.role).join() === "user,assistant,user", "the second request does not carry the history");
      await page.waitForTimeout(600);
      await page.reload();
      await page.waitForSelector("article.answer");
      check((await page.locator("article.answer").count()) === 2, "the answers are gone after a reload");
      check((await page.locator("article.answer").first().innerText()).includes(said.slice(0, 20)), "the first answer changed");
    },
  },
  {
    name: "an answer appears while it is written, and stop ends it",
    async run(t) {
      const { page } = t;
      await set_format(page, "regex", "[ab]{3000}");
      await page.fill("input[name=max_tokens]", "");
      await page.keyboard.press("Escape");
      await page.fill("#composer", "Write many letters");
      await page.press("#composer", "Enter");
      const plain = page.locator("article.answer .plain");
      await plain.waitFor();
      const first = (await plain.innerText()).length;
      await page.waitForFunction((n) => document.querySelector("article.answer .plain").textContent.length > n, first);
      check((await page.locator("article.answer").getAttribute("aria-busy")) === "true", "the answer is not marked as busy");
      await page.click("button[aria-label=Stop]");
      await t.answered(1);
      const stopped = (await plain.innerText()).length;
      check(stopped < 3000, "the answer was complete before stop");
      await page.waitForTimeout(700);
      check((await plain.innerText()).length === stopped, "the answer grows after stop");
      check((await t.last_answer().innerText()).includes("stopped"), "the answer is not called stopped");
      check((await page.locator(".verdict").getAttribute("data-verdict")) === "unknown", "a stopped answer was judged");
      if (t.mock) check(t.mock.state.aborted === 1 && t.mock.state.running === 0, "the server was not told");
    },
  },
  {
    name: "retry keeps both answers, edit keeps both questions",
    async run(t) {
      const { page } = t;
      await t.ask("First wording");
      await t.last_answer().getByRole("button", { name: "Retry" }).click();
      await page.waitForSelector("article.answer .siblings");
      await t.answered(1);
      check((await t.last_answer().locator(".siblings .count").innerText()) === "2/2", "there are not two answers");
      await page.click("[aria-label='Previous answer']");
      check((await t.last_answer().locator(".siblings .count").innerText()) === "1/2", "the first answer does not come back");
      await page.click("article.question button:has-text('Edit')");
      await page.fill("article.question textarea", "Second wording");
      await page.press("article.question textarea", "Enter");
      await page.waitForSelector("article.question .siblings");
      await t.answered(1);
      check((await page.locator("article.question .text").innerText()) === "Second wording", "the edited question is not shown");
      await page.click("[aria-label='Previous question']");
      check((await page.locator("article.question .text").innerText()) === "First wording", "the first question is lost");
      check((await page.locator("article.answer").count()) === 1, "its answer is lost");
    },
  },
  {
    name: "a tool call is a card, its result goes back",
    async run(t) {
      const { page } = t;
      const sent = [];
      await note_requests(page, sent);
      await page.click("button[aria-controls=panel]");
      await page.fill("#tools", "[{");
      check((await page.locator("#tools-note").innerText()).includes("JSON"), "broken definitions are not named");
      await page.fill("#tools", kTools);
      await page.selectOption("select[name=tool_choice]", "=get_weather");
      await page.uncheck("[data-section=tools] input[type=checkbox]");
      await t.ask("What is the weather in Lyon?");
      check(sent[0].tools.length === 1 && sent[0].tool_choice.function.name === "get_weather" && sent[0].parallel_tool_calls === false, "the tools were not sent as set");
      check((await page.locator(".card .name").innerText()) === "get_weather", "the card does not name the tool");
      const args = JSON.parse(await page.locator(".card .json").innerText());
      check(["Lyon", "Lille"].includes(args.city) && Number.isInteger(args.days), `the arguments are ${JSON.stringify(args)}`);
      check(await page.evaluate(() => document.activeElement.closest(".card") !== null), "the focus is not in the box for the result");
      await page.keyboard.type('{"sky": "clear"}');
      await page.keyboard.press("Control+Enter");
      await t.answered(2);
      const messages = sent[1].messages;
      check(messages.map((m) => m.role).join() === "user,assistant,tool", `the second request has ${messages.map((m) => m.role)}`);
      check(messages[1].tool_calls[0].id === messages[2].tool_call_id && messages[2].content === '{"sky": "clear"}', "the result does not belong to the call");
      check(sent[1].tool_choice === "auto", "the call is forced again after its result");
      check((await page.locator(".card .result pre").innerText()) === '{"sky": "clear"}', "the card does not show the result");
      check((await page.locator(".trouble").count()) === 0, "going on failed");
      if (!t.is_real) check((await t.text_of_last()) === 'The tool says: {"sky": "clear"}', "the model did not get the result");
      await page.click("text=Change result");
      await page.fill(".card textarea", "rain");
      await page.click("text=Send result");
      await t.answered(2);
      check((await page.locator(".card .result pre").innerText()) === "rain", "the changed result is not shown");
      check(sent[2].messages.at(-1).content === "rain", "the changed result was not sent");
    },
  },
  {
    name: "several calls take several results",
    mock_only: true,
    async run(t) {
      const { page } = t;
      await page.click("button[aria-controls=panel]");
      await page.fill("#tools", kTools);
      await t.ask("The weather in two cities");
      check((await page.locator(".card").count()) === 2, "there are not two cards");
      await page.fill(".card >> nth=0 >> textarea", "one");
      await page.fill(".card >> nth=1 >> textarea", "two");
      await page.click("text=Send results");
      await t.answered(2);
      check((await page.locator(".card .result pre").allInnerTexts()).join() === "one,two", "the results are mixed up");
    },
  },
  {
    name: "a schema shapes the answer, which is checked again",
    async run(t) {
      const { page } = t;
      const sent = [];
      await note_requests(page, sent);
      await set_format(page, "json_schema", "{");
      check((await page.locator("#format-note").innerText()).includes("JSON"), "a broken schema is not named");
      await set_format(page, "json_schema", kSchema);
      await page.fill("input[name=max_tokens]", "");
      await t.ask("Describe a pet");
      check(sent[0].response_format.type === "json_schema" && sent[0].response_format.json_schema.schema.type === "object", "the schema was not sent");
      const value = JSON.parse(await page.locator(".shaped").innerText());
      check(typeof value.name === "string" && ["cat", "dog"].includes(value.kind), `the answer is ${JSON.stringify(value)}`);
      check((await page.locator(".shaped").innerText()).split("\n").length === 5, "the JSON is not laid out");
      check((await page.locator(".verdict").getAttribute("data-verdict")) === "fits", await page.locator(".verdict").innerText());
      await page.click("text=As sent");
      check((await page.locator("article.answer .plain").innerText()).split("\n").length === 1, "the answer as sent is not shown");
      await set_format(page, "regex", "(yes|no), because [a-z ]{5,40}\\.");
      await t.ask("Is it sunny?");
      check(sent[1].response_format.pattern === "(yes|no), because [a-z ]{5,40}\\.", "the regular expression was not sent");
      check((await page.locator(".verdict").last().getAttribute("data-verdict")) === "fits", await page.locator(".verdict").last().innerText());
    },
  },
  {
    name: "an answer that does not fit is called so",
    async run(t) {
      const { page } = t;
      await page.route(kChat, (route) => route.fulfill({ contentType: "text/event-stream", body: stream(['{"name": "x", "age"', ': 500, "kind": "cat"}']) }));
      await set_format(page, "json_schema", kSchema);
      await t.ask("Describe a pet");
      check((await page.locator(".verdict").innerText()).includes("the answer.age is above 99"), await page.locator(".verdict").innerText());
    },
  },
  {
    name: "a request that the server refuses is explained",
    async run(t) {
      const { page } = t;
      t.allowed.push(/status of 400/);
      await set_format(page, "json_schema", '{"type": "unicorn"}');
      await t.ask("Anything");
      const text = await page.locator(".trouble").innerText();
      check(text.includes("refused") && text.includes("unicorn"), text);
      await set_format(page, "text");
      await page.click(".trouble >> text=Try again");
      await page.waitForSelector(".trouble", { state: "detached" });
      await t.answered(1);
      check((await page.locator("article.answer .siblings").count()) === 0, "the failed answer was kept as an alternative");
    },
  },
  {
    name: "busy, broken, cut and silent servers are told in words",
    async run(t) {
      const { page } = t;
      t.allowed.push(/status of 429/, /ERR_FAILED/, /ERR_CONNECTION_FAILED/);
      let answer = (route) => route.fulfill({ status: 429, headers: { "retry-after": "2" }, contentType: "application/json", body: '{"error": {"message": "the queue of 64 is full", "type": "rate_limit_error", "param": null, "code": null}}' });
      await page.route(kChat, (route) => answer(route));
      await t.ask("Hello");
      check(/The server is busy\s+the queue of 64 is full\s+Try again \(in [12] s\)/.test(await page.locator(".trouble").innerText()), await page.locator(".trouble").innerText());
      const retry_into = async (next, pattern) => {
        answer = next;
        await page.click(".trouble button");
        await page.waitForFunction((source) => new RegExp(source).test(document.querySelector(".trouble")?.textContent ?? ""), pattern.source);
      };
      await retry_into((route) => route.abort(), /cannot be reached/);
      await retry_into((route) => route.fulfill({ contentType: "text/event-stream", body: stream(["Half an ans"], { end: false }) }), /The connection broke/);
      check((await t.text_of_last()) === "Half an ans", "what had come is lost");
      await retry_into((route) => route.fulfill({ contentType: "text/event-stream", body: 'data: {"error": {"message": "model unloaded"}}\n\n' }), /broke off.*model unloaded/);
      await retry_into((route) => route.fulfill({ contentType: "text/html", body: "<h1>proxy</h1>" }), /cannot be read/);
      answer = (route) => route.fulfill({ contentType: "text/event-stream", body: stream(["Well again"]) });
      await page.click(".trouble button");
      await page.waitForSelector("text=Well again");
      check((await page.locator(".trouble").count()) === 0, "the failure is still shown");
    },
  },
  {
    name: "sampling settings are sent as typed, wrong ones are not",
    async run(t) {
      const { page } = t;
      const sent = [];
      await note_requests(page, sent);
      await page.click("button[aria-controls=panel]");
      await page.fill("#system", "Answer in one word.");
      const values = { temperature: "0", top_p: "0.9", top_k: "40", min_p: "0.05", max_tokens: "8", seed: "42", repetition_penalty: "1.1", presence_penalty: "0.5", frequency_penalty: "-0.5" };
      for (const [name, value] of Object.entries(values)) await page.fill(`input[name=${name}]`, value);
      await page.fill("textarea[name=stop]", "###\n\\n\\n");
      await page.press("textarea[name=stop]", "Tab");
      await page.fill("input[name=temperature]", "9");
      check((await page.locator("#hint-temperature").innerText()) === "at most 2", "a temperature of 9 is not named");
      await t.ask("Colour of the sky?");
      const { messages, stop, max_completion_tokens, ...rest } = sent[0];
      check(messages[0].role === "system" && messages[0].content === "Answer in one word.", "the system prompt was not sent");
      check(JSON.stringify(stop) === '["###","\\n\\n"]', `stop is ${JSON.stringify(stop)}`);
      check(max_completion_tokens === 8, "the limit was not sent");
      for (const [name, value] of Object.entries(values)) if (name !== "max_tokens") check(rest[name] === Number(value), `${name} is ${rest[name]}`);
      check((await page.locator(".chip").allInnerTexts()).join() === "System prompt,10 sampling settings", "the settings are not shown beside the box");
      await page.click("text=Back to the model’s own");
      await t.ask("And now?");
      check(sent[1].temperature === undefined && sent[1].stop === undefined, "the settings were not reset");
    },
  },
  {
    name: "a key is asked for and sent",
    async run(t) {
      const { page } = t;
      t.allowed.push(/status of 401/);
      await page.route("**/v1/**", async (route) => {
        const request = route.request();
        if (request.headers().authorization === "Bearer sk-sobre-1") return request.method() === "POST" ? route.fulfill({ contentType: "text/event-stream", body: stream(["Let in"]) }) : route.continue();
        return route.fulfill({ status: 401, contentType: "application/json", body: '{"error": {"message": "the key is missing"}}' });
      });
      await t.ask("Hello");
      check((await page.locator(".trouble").innerText()).includes("This server asks for a key"), "the failure is not explained");
      await page.click("text=Enter a key");
      check(await page.evaluate(() => document.activeElement.id === "key"), "the focus is not in the field for the key");
      await page.keyboard.type("sk-sobre-1");
      await page.keyboard.press("Enter");
      await page.click(".trouble >> text=Try again");
      await page.waitForSelector("text=Let in");
      const kept = await page.evaluate(() => [sessionStorage.getItem("sobre.key"), localStorage.getItem("sobre.key")]);
      check(kept[0] === "sk-sobre-1" && kept[1] === null, "the key outlives the tab without being asked to");
    },
  },
];
