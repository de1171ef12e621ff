"""Runs calls.json and more through the openai package of PyPI: `openai_calls.py URL MODEL`. Exit status 1 and a line per failure."""
import concurrent.futures
import json
import os
import sys
import urllib.request

import openai

url, model = sys.argv[1], sys.argv[2]
client = openai.OpenAI(base_url=url + "/v1", api_key="sk-none", max_retries=2)
failures = []


def requests_seen():
    with urllib.request.urlopen(url + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("sobre_requests_total"))


def call(case, stream):
    create = client.completions.create if case.get("route") == "completions" else client.chat.completions.create
    request = dict(case["request"], model=case.get("model", model))
    if stream:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    extra = {k: request.pop(k) for k in list(request) if k in ("regex",)}
    return create(**request, **({"extra_body": extra} if extra else {}))


def from_stream(chunks):
    """{choice: (text, finish, [(name, arguments)])} and the usage."""
    choices, usage = {}, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for c in chunk.choices:
            text, finish, calls = choices.setdefault(c.index, ["", None, []])
            choices[c.index][0] += c.delta.content or ""
            choices[c.index][1] = c.finish_reason or finish
            for piece in c.delta.tool_calls or []:
                if piece.index == len(calls):
                    calls.append([piece.function.name, ""])
                    assert piece.id, "a call without an id"
                calls[piece.index][1] += piece.function.arguments or ""
    return choices, usage


def from_answer(answer):
    choices = {}
    for c in answer.choices:
        message = getattr(c, "message", None)
        calls = [[t.function.name, t.function.arguments] for t in (message.tool_calls or [])] if message else []
        choices[c.index] = [(message.content if message else c.text) or "", c.finish_reason, calls]
    return choices, answer.usage


def check(case):
    expect = case.get("expect", {})
    if "error" in case:
        before = requests_seen()
        try:
            call(case, False)
        except openai.APIStatusError as error:
            wanted = case["error"]
            assert error.status_code == wanted["status"], error
            assert isinstance(error.body["message"], str) and error.body["type"], error.body
            for key in ("param", "code"):
                assert key not in wanted or error.body[key] == wanted[key], error.body
            assert error.request_id, "no x-request-id"
            # The metrics' own request is counted as well.
            assert requests_seen() - before == 2, "the client tried again"
            return
        raise AssertionError("no error")
    plain = call(case, False)
    choices, usage = from_answer(plain)
    if case.get("stream"):
        streamed, stream_usage = from_stream(call(case, True))
        assert not expect.get("same_as_plain") or streamed == choices, (streamed, choices)
        assert stream_usage.total_tokens == usage.total_tokens, "usage differs"
    text, _, calls = choices[0]
    assert not expect.get("text") or text, "no text"
    assert usage.completion_tokens <= expect.get("max_tokens", 1 << 30)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert len(choices) == expect.get("choices", 1)
    if "json" in expect:
        value = json.loads(text)
        assert set(value) == set(expect["json"]) and all(value[k] in v for k, v in expect["json"].items()), text
    if "tool" in expect:
        assert plain.choices[0].finish_reason == "tool_calls", plain
        assert calls[0][0] == expect["tool"], calls
        value = json.loads(calls[0][1])
        assert all(value[k] in v for k, v in expect["arguments"].items()), calls
    if "logprobs" in expect:
        content = plain.choices[0].logprobs.content
        assert len(content) == usage.completion_tokens or plain.choices[0].finish_reason == "stop"
        assert all(len(t.top_logprobs) == expect["logprobs"] and t.logprob <= 0 for t in content)
    assert not any(w in text for w in expect.get("without", [])), text
    assert text.startswith(expect.get("starts", "")), text


def abort_in_mid_stream():
    stream = client.chat.completions.create(model=model, stream=True, max_tokens=2000, extra_body={"ignore_eos": True},
                                            messages=[{"role": "user", "content": "Go on and on."}])
    for i, _ in enumerate(stream):
        if i == 5:
            break
    stream.close()
    for _ in range(100):
        with urllib.request.urlopen(url + "/v1/status") as answer:
            if json.load(answer)["running"] == 0:
                return
        import time
        time.sleep(0.1)
    raise AssertionError("the answer goes on without its client")


def retries_until_there_is_room():
    """More at once than queue and batch hold (see run): 429s are tried again until all are answered."""
    patient = client.with_options(max_retries=60)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: patient.chat.completions.create(model=model, max_tokens=20, seed=i, extra_body={"ignore_eos": True},
                                                                           messages=[{"role": "user", "content": f"{i}"}]), range(12)))
    assert all(a.usage.completion_tokens == 20 for a in answers)


def regex_and_models():
    assert model in [m.id for m in client.models.list()]
    assert client.models.retrieve(model).id == model
    answer = client.chat.completions.create(model=model, max_tokens=50, messages=[{"role": "user", "content": "A date."}],
                                            extra_body={"regex": "[0-9]{4}-[0-9]{2}-[0-9]{2}"})
    import re
    assert re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", answer.choices[0].message.content), answer


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "calls.json"), encoding="utf-8") as file:
    cases = [(c["name"], lambda c=c: check(c)) for c in json.load(file)]
cases += [(f.__name__, f) for f in (abort_in_mid_stream, regex_and_models, retries_until_there_is_room)]
for name, run in cases:
    try:
        run()
    except Exception as error:  # every case is to be seen
        failures.append(name)
        print(f"openai (PyPI {openai.__version__}): {name}: {type(error).__name__}: {error}")
print(f"openai (PyPI {openai.__version__}): {len(cases) - len(failures)} of {len(cases)} calls as expected")
sys.exit(1 if failures else 0)
