// Runs calls.json and more through the openai package of npm: `node openai_calls.mjs PACKAGES URL MODEL`. Exit status 1 and a line
// per failure. PACKAGES is the folder whose node_modules holds openai.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [packages, url, model] = process.argv.slice(2);
const require = createRequire(packages + '/');
const { default: OpenAI } = await import(pathToFileURL(require.resolve('openai')).href);
const version = JSON.parse(readFileSync(packages + '/node_modules/openai/package.json', 'utf8')).version;
const client = new OpenAI({ baseURL: url + '/v1', apiKey: 'sk-none', maxRetries: 2 });
const failures = [];

async function requestsSeen() {
  const text = await (await fetch(url + '/metrics')).text();
  return text.split('\n').filter((line) => line.startsWith('sobre_requests_total')).reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
}

function call(test, stream) {
  const request = { ...test.request, model: test.model ?? model };
  if (stream) Object.assign(request, { stream: true, stream_options: { include_usage: true } });
  return test.route === 'completions' ? client.completions.create(request) : client.chat.completions.create(request);
}

async function fromStream(chunks) {
  const choices = {};
  let usage = null;
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const c of chunk.choices) {
      const choice = (choices[c.index] ??= { text: '', finish: null, calls: [] });
      choice.text += c.delta.content ?? '';
      choice.finish = c.finish_reason ?? choice.finish;
      for (const piece of c.delta.tool_calls ?? []) {
        if (piece.index === choice.calls.length) choice.calls.push({ name: piece.function.name, text: '' });
        choice.calls[piece.index].text += piece.function.arguments ?? '';
      }
    }
  }
  return { choices, usage };
}

function fromAnswer(answer) {
  const choices = {};
  for (const c of answer.choices) {
    const calls = (c.message?.tool_calls ?? []).map((t) => ({ name: t.function.name, text: t.function.arguments }));
    choices[c.index] = { text: (c.message ? c.message.content : c.text) ?? '', finish: c.finish_reason, calls };
  }
  return { choices, usage: answer.usage };
}

async function check(test) {
  const expect = test.expect ?? {};
  if (test.error) {
    const before = await requestsSeen();
    const error = await call(test, false).then(() => null, (e) => e);
    assert.ok(error instanceof OpenAI.APIError, 'no error');
    assert.equal(error.status, test.error.status);
    for (const key of ['param', 'code']) if (key in test.error) assert.equal(error[key], test.error[key]);
    assert.equal((await requestsSeen()) - before, 2, 'the client tried again');
    return;
  }
  const plain = await call(test, false);
  const { choices, usage } = fromAnswer(plain);
  if (test.stream) {
    const streamed = await fromStream(await call(test, true));
    if (expect.same_as_plain) assert.deepEqual(streamed.choices, choices);
    assert.equal(streamed.usage.total_tokens, usage.total_tokens);
  }
  const { text, finish, calls } = choices[0];
  if (expect.text) assert.ok(text.length > 0, 'no text');
  assert.equal(Object.keys(choices).length, expect.choices ?? 1);
  if (expect.json) {
    const value = JSON.parse(text);
    assert.deepEqual(Object.keys(value).sort(), Object.keys(expect.json).sort());
    for (const [key, allowed] of Object.entries(expect.json)) assert.ok(allowed.includes(value[key]), text);
  }
  if (expect.tool) {
    assert.equal(finish, 'tool_calls');
    assert.equal(calls[0].name, expect.tool);
    for (const [key, allowed] of Object.entries(expect.arguments)) assert.ok(allowed.includes(JSON.parse(calls[0].text)[key]), calls[0].text);
  }
  if (expect.logprobs) assert.ok(plain.choices[0].logprobs.content.every((t) => t.top_logprobs.length === expect.logprobs));
  for (const word of expect.without ?? []) assert.ok(!text.includes(word), text);
  assert.ok(text.startsWith(expect.starts ?? ''), text);
}

async function abortInMidStream() {
  const stream = await client.chat.completions.create({ model, stream: true, max_tokens: 2000, ignore_eos: true, messages: [{ role: 'user', content: 'Go on and on.' }] });
  let n = 0;
  for await (const _ of stream) if (++n > 5) break;
  for (let i = 0; i < 100; ++i) {
    if ((await (await fetch(url + '/v1/status')).json()).running === 0) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail('the answer goes on without its client');
}

async function retriesUntilThereIsRoom() {
  const patient = client.withOptions ? client.withOptions({ maxRetries: 60 }) : client;
  const ask = (i) => patient.chat.completions.create({ model, max_tokens: 20, seed: i, ignore_eos: true, messages: [{ role: 'user', content: `${i}` }] }, { maxRetries: 60 });
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(i)));
  for (const a of answers) assert.equal(a.usage.completion_tokens, 20);
}

const cases = JSON.parse(readFileSync(fileURLToPath(new URL('calls.json', import.meta.url)), 'utf8')).map((c) => [c.name, () => check(c)]);
cases.push(['abort in mid-stream', abortInMidStream], ['retries until there is room', retriesUntilThereIsRoom]);
for (const [name, run] of cases) {
  try {
    await run();
  } catch (error) {
    failures.push(name);
    console.log(`openai (npm ${version}): ${name}: ${error.name}: ${error.message}`);
  }
}
console.log(`openai (npm ${version}): ${cases.length - failures.length} of ${cases.length} calls as expected`);
process.exit(failures.length > 0 ? 1 : 0);
