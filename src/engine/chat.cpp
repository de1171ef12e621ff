#include "engine/chat.h"

#include <algorithm>
#include <ctime>

#include "base/json.h"

namespace sobre {

namespace {

const Tokenizer* tokenizer_of(const TextAssets& text) { return text.tokenizer ? &*text.tokenizer : nullptr; }

constexpr const char* kNoTokenizer = "the model carries no tokenizer: it cannot read text (sobre generate takes ids)";

Json template_variables(const TextAssets& text, std::span<const ChatMessage> messages, bool generation_prompt) {
  Json::Array list;
  list.reserve(messages.size());
  for (const ChatMessage& m : messages) list.push_back(Json::Object{{"role", m.role}, {"content", m.content}});
  Json::Object variables;
  variables.emplace_back("messages", std::move(list));
  variables.emplace_back("tools", nullptr);
  variables.emplace_back("documents", nullptr);
  variables.emplace_back("add_generation_prompt", generation_prompt);
  const std::pair<const char*, const std::string*> tokens[] = {{"bos_token", &text.bos_token},
                                                               {"eos_token", &text.eos_token},
                                                               {"pad_token", &text.pad_token},
                                                               {"unk_token", &text.unk_token}};
  for (const auto& [name, spelling] : tokens) {
    if (!spelling->empty()) variables.emplace_back(name, *spelling);
  }
  return variables;
}

}  // namespace

Result<std::vector<int32_t>> conversation_ids(const TextAssets& text, std::span<const ChatMessage> messages,
                                              const LocalTime& now, bool generation_prompt) {
  const Tokenizer* tokenizer = tokenizer_of(text);
  if (tokenizer == nullptr) return fail("{}", kNoTokenizer);
  if (!text.chat_template) return fail("the model has no chat template: it continues plain text");
  const Result<RenderedText> rendered = text.chat_template->render(template_variables(text, messages, generation_prompt), now);
  if (!rendered) return fail_in("the model's chat template refuses this conversation", rendered.error());
  std::vector<int32_t> ids = tokenizer->encode_rendered(rendered->text, rendered->from_input);
  if (ids.empty()) return fail("the model's chat template renders this conversation as nothing");
  return ids;
}

LocalTime local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  return {parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec};
}

Result<std::vector<int32_t>> completion_ids(const TextAssets& text, std::string_view prompt) {
  const Tokenizer* tokenizer = tokenizer_of(text);
  if (tokenizer == nullptr) return fail("{}", kNoTokenizer);
  EncodeOptions options;
  options.parse_special = false;
  std::vector<int32_t> ids = tokenizer->encode(prompt, options);
  if (text.add_bos && text.bos) ids.insert(ids.begin(), *text.bos);
  if (ids.empty()) return fail("the prompt is empty, and this model begins a text with no token of its own");
  return ids;
}

std::string messages_to_json(std::span<const ChatMessage> messages) {
  Json::Array list;
  for (const ChatMessage& m : messages) list.push_back(Json::Object{{"role", m.role}, {"content", m.content}});
  JsonStyle style;
  style.indent = 2;
  style.item_separator = ",";
  std::string json = Json(std::move(list)).dump(style);
  json += '\n';
  return json;
}

Result<std::vector<ChatMessage>> messages_from_json(std::string_view json) {
  TRY(const Json root, Json::parse(json));
  return messages_from_list(root);
}

Result<std::vector<ChatMessage>> messages_from_list(const Json& root) {
  const Json::Array* list = root.as_array();
  if (list == nullptr) return fail("not a list of messages ([{{\"role\": \"user\", \"content\": \"...\"}}, ...])");
  if (list->size() > kMaxMessages) return fail("{} messages; at most {} are read", list->size(), kMaxMessages);
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < list->size(); ++i) {
    const Json *role = (*list)[i].find("role"), *content = (*list)[i].find("content");
    if (role == nullptr || content == nullptr || role->as_string() == nullptr || content->as_string() == nullptr)
      return fail("message {}: no \"role\" and \"content\" that are texts", i + 1);
    const std::string& name = *role->as_string();
    if (name != "system" && name != "user" && name != "assistant")
      return fail("message {}: the role is \"{}\"; known are system, user and assistant", i + 1, name);
    if (name == "system" && i > 0) return fail("message {}: a system message can only be the first", i + 1);
    messages.push_back({name, *content->as_string()});
  }
  return messages;
}

Result<void> check_stops(std::span<const std::string> stops) {
  if (stops.size() > kMaxStops) return fail("{} stop strings; at most {} are allowed", stops.size(), kMaxStops);
  for (const std::string& s : stops) {
    if (s.empty()) return fail("a stop string is empty; it would end every answer before it begins");
    if (s.size() > kMaxStopBytes) return fail("a stop string has {} bytes; at most {} are allowed", s.size(), kMaxStopBytes);
  }
  return {};
}

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& s) { return s.empty(); });
}

/// Bytes at the end of held_ that may be the beginning of a stop string.
size_t StopMatcher::held_suffix() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > longest; --n) {
      if (held_.ends_with(std::string_view(stop).substr(0, n))) longest = n;
    }
  }
  return longest;
}

bool StopMatcher::push(std::string_view piece, std::string& out) {
  held_ += piece;
  size_t begin = std::string::npos, end = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t at = held_.find(stop);
    if (at == std::string::npos) continue;
    const size_t after = at + stop.size();
    if (end == std::string::npos || after < end || (after == end && at < begin)) {
      begin = at;
      end = after;
    }
  }
  const bool found = end != std::string::npos;
  const size_t certain = found ? begin : held_.size() - held_suffix();
  out.append(held_, 0, certain);
  if (found) {
    held_.clear();
  } else {
    held_.erase(0, certain);
  }
  return found;
}

void StopMatcher::finish(std::string& out) {
  out += held_;
  held_.clear();
}

size_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t n = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first - a.begin());
}

SamplingOptions starting_sampling(const Json& catalogue, const Json& generation_defaults) {
  SamplingOptions base;
  base.temperature = 0.7;
  base.top_p = 0.95;
  return sampling_defaults(generation_defaults, sampling_defaults(catalogue, base));
}

SamplingOptions sampling_defaults(const Json& generation_defaults, const SamplingOptions& base) {
  SamplingOptions options = base;
  const auto read = [&](const char* name, double SamplingOptions::* field) {
    const Json* value = generation_defaults.find(name);
    if (value == nullptr || !value->as_double()) return;
    SamplingOptions tried = options;
    tried.*field = *value->as_double();
    // Under this name the whole of prompt and answer is meant.
    if (field == &SamplingOptions::repetition_penalty) tried.penalty_window = -1;
    if (check_sampling(tried, 1)) options = tried;
  };
  const Json *temperature = generation_defaults.find("temperature"), *top_k = generation_defaults.find("top_k");
  const Json* do_sample = generation_defaults.find("do_sample");
  if (do_sample != nullptr && do_sample->as_bool() == false && temperature == nullptr) options.temperature = 0;
  read("temperature", &SamplingOptions::temperature);
  read("top_p", &SamplingOptions::top_p);
  read("min_p", &SamplingOptions::min_p);
  read("repetition_penalty", &SamplingOptions::repetition_penalty);
  if (top_k != nullptr && top_k->as_int() && *top_k->as_int() >= 0 && *top_k->as_int() <= 1 << 24) {
    options.top_k = static_cast<int>(*top_k->as_int());
  }
  return options;
}

}  // namespace sobre
