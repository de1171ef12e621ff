#include <algorithm>
#include <chrono>

#include "engine/chat.h"

namespace sobre {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Answerer::Answerer(Session& session) : session_(session) { session_.truncate(0); }

void Answerer::reset() {
  session_.truncate(0);
  held_.clear();
}

Result<void> Answerer::read_prompt(std::span<const int32_t> prompt, const Cancelled& cancelled, AnswerReport& report) {
  // The last token is computed in any case: its logits begin the answer.
  const size_t keep = std::min(common_prefix(prompt, held_), prompt.size() - 1);
  session_.truncate(static_cast<int>(keep));
  held_.assign(prompt.begin(), prompt.end());
  report.reused_tokens = static_cast<int>(keep);
  bool stopped = false;
  const auto start = std::chrono::steady_clock::now();
  const Result<void> done = session_.append(prompt.subspan(keep), [&](int) {
    stopped = cancelled && cancelled();
    return !stopped;
  });
  report.prompt_s = seconds_since(start);
  held_.resize(static_cast<size_t>(session_.n_past()));
  if (stopped) report.end = AnswerEnd::kCancelled;
  return done;
}

Result<void> Answerer::write_answer(Sampler& sampler, const AnswerOptions& options, const Sink& sink,
                                    const Cancelled& cancelled, AnswerReport& report) {
  StreamDecoder decoder(*session_.model().text().tokenizer);
  StopMatcher matcher(options.stops);
  std::string text, ready;
  const auto start = std::chrono::steady_clock::now();
  Result<void> status;
  for (bool stopped = false; !stopped;) {
    const int32_t id = sampler.sample(session_.logits(), static_cast<uint64_t>(report.answer_tokens));
    ++report.answer_tokens;
    text.clear();
    ready.clear();
    if (session_.model().text().is_stop(id)) {
      report.end = AnswerEnd::kModel;
      break;
    }
    decoder.push(id, text);
    stopped = matcher.push(text, ready);
    if (!ready.empty()) sink(ready);
    if (stopped) {
      report.end = AnswerEnd::kStopString;
    } else if (options.max_tokens > 0 && report.answer_tokens >= options.max_tokens) {
      report.end = AnswerEnd::kMaxTokens;
      break;
    } else if (session_.n_past() + 1 >= session_.context()) {
      report.end = AnswerEnd::kContextFull;
      break;
    } else if (cancelled && cancelled()) {
      report.end = AnswerEnd::kCancelled;
      break;
    } else {
      status = session_.append(std::span(&id, 1));
      if (!status) break;
      held_.push_back(id);
    }
  }
  if (report.end != AnswerEnd::kStopString) {
    ready.clear();
    if (!matcher.push(decoder.finish(), ready)) matcher.finish(ready);
    if (!ready.empty()) sink(ready);
  }
  report.answer_s = seconds_since(start);
  return status;
}

Result<AnswerReport> Answerer::answer(std::span<const int32_t> prompt, const AnswerOptions& options, const Sink& sink,
                                      const Cancelled& cancelled) {
  const DecoderSpec& spec = session_.model().spec();
  if (!session_.model().text().tokenizer) return fail("the model carries no tokenizer: it cannot answer in text");
  if (prompt.empty()) return fail("the prompt is empty");
  TRY_VOID(check_sampling(options.sampling, spec.vocab_size));
  TRY_VOID(check_stops(options.stops));
  if (prompt.size() >= static_cast<size_t>(session_.context())) {
    return fail(
        "the prompt has {} tokens, and the context of {} positions must hold the answer too; shorten it or raise --ctx "
        "(the model's limit is {})",
        prompt.size(), session_.context(), spec.max_context);
  }
  AnswerReport report;
  report.prompt_tokens = static_cast<int>(prompt.size());
  TRY_VOID(read_prompt(prompt, cancelled, report));
  if (report.end == AnswerEnd::kCancelled) return report;
  Sampler sampler(options.sampling, spec.vocab_size);
  sampler.observe_prompt(prompt);
  TRY_VOID(write_answer(sampler, options, sink, cancelled, report));
  return report;
}

}  // namespace sobre
