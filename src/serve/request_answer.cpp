#include "serve/request_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "text/unicode.h"

namespace sobre {

std::string_view finish_reason(GenerationEnd end) {
  return end == GenerationEnd::kMaxTokens || end == GenerationEnd::kContextFull ? "length" : "stop";
}

void UsageSum::add(const GenerationReport& report, bool first_of_prompt, int reasoning_tokens) {
  if (first_of_prompt) {
    prompt_ += report.prompt_tokens;
    cached_ += report.cached_tokens;
  }
  completion_ += report.answer_tokens;
  reasoning_ += reasoning_tokens;
}

void UsageSum::append(std::string& out) const {
  fmt::format_to(std::back_inserter(out),
                 R"({{"prompt_tokens": {}, "completion_tokens": {}, "total_tokens": {}, "prompt_tokens_details": )"
                 R"({{"cached_tokens": {}}}, "completion_tokens_details": {{"reasoning_tokens": {}}}}})",
                 prompt_, completion_, prompt_ + completion_, cached_, reasoning_);
}

void append_timings(std::string& out, const GenerationReport& report) {
  const auto per_second = [](int n, double seconds) { return n > 0 && seconds > 0 ? n / seconds : 0; };
  // The first token comes with the prompt: the others are what decoding gave.
  const double rate = per_second(report.answer_tokens - 1, report.decode_s);
  const int read = report.prompt_tokens - report.cached_tokens;
  fmt::format_to(std::back_inserter(out),
                 R"({{"queue_ms": {:.3f}, "prompt_ms": {:.3f}, "first_token_ms": {:.3f}, "decode_ms": {:.3f}, )"
                 R"("prompt_tokens": {}, "cached_tokens": {}, "answer_tokens": {}, "forced_tokens": {}, )"
                 R"("tokens_per_second": {:.2f}, )",
                 report.queue_s * 1e3, report.prompt_s * 1e3, report.first_token_s * 1e3, report.decode_s * 1e3,
                 report.prompt_tokens, report.cached_tokens, report.answer_tokens, report.forced_tokens, rate);
  fmt::format_to(std::back_inserter(out),
                 R"("prompt_n": {}, "prompt_per_second": {:.2f}, "predicted_n": {}, "predicted_ms": {:.3f}, )"
                 R"("predicted_per_second": {:.2f}}})",
                 read, per_second(read, report.prompt_s), report.answer_tokens, report.decode_s * 1e3, rate);
}

void append_logprob(std::string& out, float logprob) {
  constexpr float kNone = -9999;
  fmt::format_to(std::back_inserter(out), "{}", std::isfinite(logprob) ? logprob : kNone);
}

std::string_view shown_bytes(const Tokenizer& tokenizer, int32_t id) {
  const std::string_view bytes = tokenizer.token_bytes(id);
  return bytes.empty() ? tokenizer.token_text(id) : bytes;
}

std::string token_name(const Tokenizer& tokenizer, int32_t id, std::string_view prefix) {
  const std::string_view bytes = shown_bytes(tokenizer, id);
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string name(prefix);
  for (const char c : bytes) fmt::format_to(std::back_inserter(name), "\\x{:02x}", static_cast<unsigned char>(c));
  return name;
}

}  // namespace sobre
