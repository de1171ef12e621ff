#include "cli/chat_settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace sobre {

namespace {

constexpr SettingHelp kSettings[] = {
    {"temperature", "T", "0: always the likeliest token; higher: more varied", false},
    {"top-k", "K", "choose among the K likeliest tokens; 0: off", false},
    {"top-p", "P", "choose among the likeliest tokens that make up P together; 1: off", false},
    {"min-p", "P", "drop tokens less likely than P times the likeliest; 0: off", false},
    {"repetition-penalty", "R", "make tokens of the last 64 less likely; 1: off", false},
    {"presence-penalty", "X", "taken off tokens that the answer has already; 0: off", false},
    {"frequency-penalty", "X", "the same, for every time it has them; 0: off", false},
    {"seed", "N", "another seed, another answer; the same seed gives the same answer everywhere", false},
    {"max-tokens", "N", "end the answer after N tokens; 0: when the model ends it", false},
    {"stop", "TEXT", "end the answer before TEXT", true},
    {"logit-bias", "ID=B", "add B to the logit of a token id", true},
};

constexpr int kMaxAnswerTokens = 1 << 30;
constexpr size_t kMaxBiases = 1024;

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Result<double> real(std::string_view name, std::string_view text) {
  const auto value = parse_number<double>(text);
  if (!value || !std::isfinite(*value)) return fail("{}: '{}' is not a number", name, text);
  return *value;
}

template <class T>
Result<T> whole(std::string_view name, std::string_view text, T most) {
  const auto value = parse_number<T>(text);
  if (!value || *value < 0 || *value > most) return fail("{}: '{}' is not a whole number from 0 to {}", name, text, most);
  return *value;
}

Result<void> add_bias(AnswerOptions& options, std::string_view text) {
  auto& biases = options.sampling.logit_bias;
  if (text.empty()) {
    biases.clear();
    return {};
  }
  const size_t equals = text.find('=');
  const auto id = equals == std::string_view::npos ? std::nullopt : parse_number<int32_t>(text.substr(0, equals));
  const auto bias = id ? parse_number<float>(text.substr(equals + 1)) : std::nullopt;
  if (!id || !bias || !std::isfinite(*bias)) return fail("logit-bias: '{}' is not ID=B, as in 42=-5", text);
  std::erase_if(biases, [&](const auto& entry) { return entry.first == *id; });
  if (biases.size() >= kMaxBiases) return fail("logit-bias: more than {} tokens", kMaxBiases);
  biases.emplace_back(*id, *bias);
  return {};
}

Result<void> set_real(SamplingOptions& o, std::string_view name, std::string_view value, bool& known) {
  const std::pair<std::string_view, double SamplingOptions::*> fields[] = {
      {"temperature", &SamplingOptions::temperature},
      {"top-p", &SamplingOptions::top_p},
      {"min-p", &SamplingOptions::min_p},
      {"repetition-penalty", &SamplingOptions::repetition_penalty},
      {"presence-penalty", &SamplingOptions::presence_penalty},
      {"frequency-penalty", &SamplingOptions::frequency_penalty}};
  for (const auto& [field_name, field] : fields) {
    if (field_name != name) continue;
    known = true;
    TRY(o.*field, real(name, value));
    if (field == &SamplingOptions::repetition_penalty) o.penalty_window = -1;  // as the server reads this name
  }
  return {};
}

Result<void> set_plain(AnswerOptions& o, const std::string& name, std::string_view value) {
  bool known = false;
  TRY_VOID(set_real(o.sampling, name, value, known));
  if (known) return {};
  if (name == "top-k") {
    TRY(o.sampling.top_k, whole<int>(name, value, kMaxAnswerTokens));
  } else if (name == "seed") {
    TRY(o.sampling.seed, whole<uint64_t>(name, value, std::numeric_limits<uint64_t>::max()));
  } else if (name == "max-tokens") {
    TRY(o.max_tokens, whole<int>(name, value, kMaxAnswerTokens));
  } else if (name == "logit-bias") {
    return add_bias(o, value);
  } else if (name == "stop") {
    if (value.empty()) {
      o.stops.clear();
    } else {
      o.stops.emplace_back(value);
    }
  } else {
    std::string names;
    for (const SettingHelp& s : kSettings) names += fmt::format("{}{}", names.empty() ? "" : ", ", s.name);
    return fail("no option '{}'; known are {}", name, names);
  }
  return {};
}

}  // namespace

std::span<const SettingHelp> setting_list() { return kSettings; }

Result<void> set_option(AnswerOptions& options, std::string_view name, std::string_view value) {
  std::string plain(name), unquoted(value);
  std::replace(plain.begin(), plain.end(), '_', '-');
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    const Result<Json> json = Json::parse(value);
    if (!json || json->as_string() == nullptr) return fail("{}: {} is not a JSON string", plain, value);
    unquoted = *json->as_string();
  }
  AnswerOptions tried = options;
  TRY_VOID(set_plain(tried, plain, unquoted));
  if (const auto checked = check_sampling(tried.sampling, std::numeric_limits<int>::max()); !checked) {
    std::string message = checked.error().message;
    std::replace(message.begin(), message.end(), '_', '-');  // as flags are spelled
    return fail("{}", message);
  }
  TRY_VOID(check_stops(tried.stops));
  options = std::move(tried);
  return {};
}

std::string settings_text(const AnswerOptions& options) {
  const SamplingOptions& s = options.sampling;
  std::string out = fmt::format("temperature {}", s.temperature);
  if (s.top_k != 0) out += fmt::format(", top-k {}", s.top_k);
  if (s.top_p < 1) out += fmt::format(", top-p {}", s.top_p);
  if (s.min_p > 0) out += fmt::format(", min-p {}", s.min_p);
  if (s.repetition_penalty != 1) out += fmt::format(", repetition-penalty {}", s.repetition_penalty);
  if (s.presence_penalty != 0) out += fmt::format(", presence-penalty {}", s.presence_penalty);
  if (s.frequency_penalty != 0) out += fmt::format(", frequency-penalty {}", s.frequency_penalty);
  out += fmt::format(", seed {}", s.seed);
  if (options.max_tokens > 0) out += fmt::format(", max-tokens {}", options.max_tokens);
  for (const std::string& stop : options.stops) out += fmt::format(", stop {}", Json(stop).dump());
  for (const auto& [id, bias] : s.logit_bias) out += fmt::format(", logit-bias {}={}", id, bias);
  return out;
}

}  // namespace sobre
