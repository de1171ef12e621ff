// What one answer does with its logits: the next token, what a grammar forces, text, and the reasons to end.
#include <algorithm>

#include "engine/logprobs.h"
#include "engine/scheduler_impl.h"

namespace sobre {

namespace {

constexpr size_t kMaxForced = 32;  // tokens a grammar forces at a time

// Appends what of an answer's next text is certain; true: a stop string ended it.
bool add_text(Answer& a, std::string_view text, std::string& out) {
  if (a.request->stops_in_grammar || !a.constraint || !a.constraint->active()) return a.matcher->push(text, out);
  a.matcher->finish(out);  // what was held back before the grammar began
  out += text;
  return false;
}

// Takes the next token of an answer: its text, and whether the answer ends with it. `logits`: where log probabilities are
// wanted, those it was drawn from.
void take_token(Answer& a, int32_t id, std::span<const float> logits, const Model& model, int context) {
  const GenerationRequest& request = *a.request;
  ++a.report.answer_tokens;
  a.ids.push_back(id);
  if (model.text().is_stop(id) && !request.ignore_eos) {
    end_answer(a, GenerationEnd::kStop);
    return;
  }
  GenerationToken token;
  token.id = id;
  std::string text;
  a.decoder->push(id, text);
  const bool stopped = add_text(a, text, token.text);
  if (!logits.empty()) add_logprobs(logits, request.top_logprobs, token);
  a.fresh.push_back(std::move(token));
  if (stopped) {
    end_answer(a, GenerationEnd::kStopString);
  } else if (a.constraint && a.constraint->ended()) {
    end_answer(a, GenerationEnd::kStop);
  } else if (request.max_tokens > 0 && a.report.answer_tokens >= request.max_tokens) {
    end_answer(a, GenerationEnd::kMaxTokens);
  } else if (static_cast<int>(a.ids.size()) >= context) {
    end_answer(a, GenerationEnd::kContextFull);
  }
}

// Appends what the grammar forces; true: something.
bool take_forced(Answer& a, std::span<const float> logits, size_t most, const Model& model, int context) {
  if (!a.constraint || a.ended || !a.constraint->active()) return false;
  std::vector<int32_t> forced;
  a.constraint->forced(forced, most);
  bool any = false;
  for (const int32_t id : forced) {
    if (a.ended || !a.constraint->accept(id)) break;
    any = true;
    a.sampler->take(id);
    ++a.report.forced_tokens;
    take_token(a, id, logits, model, context);
  }
  return any;
}

}  // namespace

static bool none_allowed(std::span<const uint64_t> mask) {
  return std::all_of(mask.begin(), mask.end(), [](uint64_t word) { return word == 0; });
}

static constexpr const char* kTooCostly =
    "the grammar of the answer holds too many patterns side by side: finding the tokens that it takes next would hold all "
    "other "
    "answers up; give it fewer alternatives";

std::string begin_fault(const GenerationRequest& request, const std::shared_ptr<const TokenIndex>& index) {
  Constraint constraint(request.grammar, index, request.grammar_start);
  if (!none_allowed(constraint.mask())) return "";
  if (constraint.too_costly()) return kTooCostly;
  return "no token of this model's vocabulary begins what the grammar of the answer asks for";
}

void begin_answer(Answer& answer, const Model& model, std::shared_ptr<const TokenIndex> index) {
  const GenerationRequest& request = *answer.request;
  SamplingOptions sampling = request.sampling;
  sampling.choice = answer.choice;
  answer.sampler = std::make_unique<Sampler>(std::move(sampling), model.spec().vocab_size);
  answer.sampler->observe_prompt(request.prompt);
  answer.decoder = std::make_unique<StreamDecoder>(*model.text().tokenizer, !request.special_text);
  answer.matcher = std::make_unique<StopMatcher>(request.stops);
  if (request.grammar)
    answer.constraint = std::make_unique<Constraint>(request.grammar, std::move(index), request.grammar_start);
}

void draw_token(Answer& answer, std::span<const float> logits, const Model& model, int context) {
  const bool probabilities = answer.request->top_logprobs >= 0;
  const std::span<const float> wanted = probabilities ? logits : std::span<const float>();
  // With log probabilities every token, forced ones too, has the logits before it: one at a time.
  if (take_forced(answer, wanted, probabilities ? 1 : kMaxForced, model, context)) return;
  std::span<const uint64_t> mask;
  if (answer.constraint) {
    mask = answer.constraint->mask();
    if (answer.constraint->too_costly()) {
      end_answer(answer, GenerationEnd::kFailed);
      answer.report.error = kTooCostly;
      return;
    }
    if (none_allowed(mask)) {
      end_answer(answer, GenerationEnd::kDeadEnd);
      answer.report.error = "no token of this model's vocabulary goes on as the grammar of the answer asks for";
      return;
    }
  }
  const int32_t id = answer.sampler->sample(logits, static_cast<uint64_t>(answer.report.answer_tokens), mask);
  if (answer.constraint && !answer.constraint->accept(id)) {
    end_answer(answer, GenerationEnd::kFailed);
    answer.report.error = fmt::format("the grammar allowed token {} and then refused it", id);
    return;
  }
  take_token(answer, id, wanted, model, context);
  if (!probabilities) (void)take_forced(answer, {}, kMaxForced, model, context);
}

void end_answer(Answer& answer, GenerationEnd why) {
  if (answer.ended) return;
  answer.ended = true;
  answer.report.end = why;
  if (why == GenerationEnd::kStopString || !answer.decoder) return;
  if (!add_text(answer, answer.decoder->finish(), answer.report.rest)) answer.matcher->finish(answer.report.rest);
}

}  // namespace sobre
