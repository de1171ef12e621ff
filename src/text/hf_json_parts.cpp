#include "text/hf_json_parts.h"

#include "text/byte_level.h"

namespace sobre::hf {
namespace {

constexpr size_t kMaxComponents = 64;

/// The components in order, Sequences (whose lists are under `list_key`) flattened. Depth is bounded by the JSON parser.
Result<void> flatten(const Json& json, std::string_view where, std::string_view list_key, std::vector<const Json*>& out) {
  TRY(const std::string type, type_of(json, where));
  if (type != "Sequence") {
    out.push_back(&json);
    if (out.size() > kMaxComponents) return fail("{}: more than {} components", where, kMaxComponents);
    return {};
  }
  const Json* list = member(json, list_key);
  if (list == nullptr || list->as_array() == nullptr) return fail("{}: Sequence without a list '{}'", where, list_key);
  for (const Json& item : *list->as_array()) TRY_VOID(flatten(item, where, list_key, out));
  return {};
}

/// {"String": ...} or {"Regex": ...}.
struct PatternText {
  bool is_regex;
  std::string text;
};

Result<PatternText> read_pattern(const Json& component, std::string_view where) {
  const Json* pattern = member(component, "pattern");
  if (pattern == nullptr) return fail("{}: no pattern", where);
  for (const bool regex : {false, true}) {
    const Json* text = member(*pattern, regex ? "Regex" : "String");
    // An empty string is at every place, as an empty expression is.
    if (text != nullptr && text->as_string() != nullptr)
      return PatternText{regex || text->as_string()->empty(), *text->as_string()};
  }
  return fail("{}: a pattern that is neither String nor Regex", where);
}

Result<Normalizer::Step> read_bert(const Json& j) {
  constexpr std::string_view kWhere = "normalizer BertNormalizer";
  BertStep step;
  TRY(step.clean_text, bool_member(j, kWhere, "clean_text", true));
  TRY(step.handle_chinese_chars, bool_member(j, kWhere, "handle_chinese_chars", true));
  TRY(step.lowercase, bool_member(j, kWhere, "lowercase", true));
  TRY(step.strip_accents, bool_member(j, kWhere, "strip_accents", step.lowercase));
  return step;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

Result<Normalizer::Step> read_normalizer_step(const Json& j) {
  TRY(const std::string type, type_of(j, "normalizer"));
  const std::string where = "normalizer " + type;
  if (type == "NFC") return NormalForm::kNfc;
  if (type == "NFD") return NormalForm::kNfd;
  if (type == "NFKC") return NormalForm::kNfkc;
  if (type == "NFKD") return NormalForm::kNfkd;
  if (type == "Lowercase") return LowercaseStep{};
  if (type == "StripAccents") return StripAccentsStep{};
  if (type == "Nmt") return NmtStep{};
  if (type == "ByteLevel") return NormalizeBytesStep{};
  if (type == "BertNormalizer") return read_bert(j);
  if (type == "Replace") {
    TRY(ReplaceStep step, read_replace(j, where));
    return step;
  }
  if (type == "Strip") {
    StripStep step;
    TRY(step.left, bool_member(j, where, "strip_left", true));
    TRY(step.right, bool_member(j, where, "strip_right", true));
    return step;
  }
  if (type == "Prepend") {
    TRY(std::string content, string_member(j, where, "prepend", ""));
    return PrependStep{std::move(content)};
  }
  if (type == "Precompiled") {
    TRY(const std::string encoded, string_member(j, where, "precompiled_charsmap", ""));
    TRY(const std::string bytes, decode_base64(encoded));
    TRY(Charsmap map, Charsmap::parse(bytes));
    return CharsmapStep{std::move(map)};
  }
  return fail("normalizer '{}' is not supported", type);
}

Result<SplitBehavior> read_behavior(const Json& j, std::string_view where, std::string_view fallback) {
  TRY(const std::string name, string_member(j, where, "behavior", fallback));
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return fail("{}: behavior '{}' is not supported", where, name);
}

Result<SplitStep> read_split(const Json& j) {
  constexpr std::string_view kWhere = "pre_tokenizer Split";
  TRY(PatternText pattern, read_pattern(j, kWhere));
  TRY(const SplitBehavior behavior, read_behavior(j, kWhere, "Isolated"));
  TRY(const bool invert, bool_member(j, kWhere, "invert", false));
  if (!pattern.is_regex) return SplitStep{std::move(pattern.text), behavior, invert};
  auto step = SplitStep::regex(pattern.text, behavior, invert);
  if (!step) return fail_in(std::string(kWhere), step.error());
  return step;
}

Result<void> add_byte_level(const Json& j, PreTokenizer& steps) {
  constexpr std::string_view kWhere = "pre_tokenizer ByteLevel";
  TRY(const bool prefix, bool_member(j, kWhere, "add_prefix_space", true));
  TRY(const bool regex, bool_member(j, kWhere, "use_regex", true));
  if (prefix) TRY_VOID(steps.add(PrefixSpaceStep{}));
  if (!regex) return {};
  TRY(SplitStep step, SplitStep::regex(kGpt2Pattern, SplitBehavior::kIsolated, false));
  return steps.add(std::move(step));
}

Result<void> add_pre_tokenizer(const Json& j, const std::string& type, PreTokenizer& steps) {
  const std::string where = "pre_tokenizer " + type;
  if (type == "Split") {
    TRY(SplitStep step, read_split(j));
    return steps.add(std::move(step));
  }
  if (type == "Digits") {
    TRY(const bool each, bool_member(j, where, "individual_digits", false));
    return steps.add(SplitStep{&is_numeric_char, each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, false});
  }
  if (type == "Metaspace") {
    TRY(MetaspaceStep step, read_metaspace(j, where));
    return steps.add(std::move(step));
  }
  if (type == "Whitespace") {
    // The reference's other engine: its \w has the two joiners as well.
    constexpr std::string_view kPattern = R"([\w\x{200c}\x{200d}]+|[^\w\s\x{200c}\x{200d}]+)";
    TRY(SplitStep step, SplitStep::regex(kPattern, SplitBehavior::kRemoved, true));
    return steps.add(std::move(step));
  }
  if (type == "WhitespaceSplit") return steps.add(SplitStep{&is_space_char, SplitBehavior::kRemoved, false});
  if (type == "BertPreTokenizer") {
    TRY_VOID(steps.add(SplitStep{&is_space_char, SplitBehavior::kRemoved, false}));
    return steps.add(SplitStep{&is_punctuation_char, SplitBehavior::kIsolated, false});
  }
  if (type == "Punctuation") {
    TRY(const SplitBehavior behavior, read_behavior(j, where, "Isolated"));
    return steps.add(SplitStep{&is_punctuation_char, behavior, false});
  }
  if (type == "CharDelimiterSplit") {
    TRY(std::string delimiter, string_member(j, where, "delimiter", ""));
    return steps.add(SplitStep{std::move(delimiter), SplitBehavior::kRemoved, false});
  }
  if (type == "FixedLength") {
    const Json* length = member(j, "length");
    const auto value = length != nullptr ? length->as_int() : std::optional<int64_t>(5);
    if (!value || *value < 1) return fail("{}: length is not a positive integer", where);
    return steps.add(FixedLengthStep{static_cast<size_t>(*value)});
  }
  return fail("pre_tokenizer '{}' is not supported", type);
}

}  // namespace

const Json* member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Result<bool> bool_member(const Json& object, std::string_view where, std::string_view key, bool fallback) {
  const Json* found = member(object, key);
  if (found == nullptr) return fallback;
  const auto value = found->as_bool();
  if (!value) return fail("{}: {} is not true or false", where, key);
  return *value;
}

Result<std::string> string_member(const Json& object, std::string_view where, std::string_view key, std::string_view fallback) {
  const Json* found = member(object, key);
  if (found == nullptr) return std::string(fallback);
  if (found->as_string() == nullptr) return fail("{}: {} is not a string", where, key);
  return *found->as_string();
}

Result<std::string> type_of(const Json& component, std::string_view where) {
  const Json* type = member(component, "type");
  if (type == nullptr || type->as_string() == nullptr) return fail("{}: no type", where);
  return *type->as_string();
}

Result<std::vector<const Json*>> components(const Json* json, std::string_view where, std::string_view list_key) {
  std::vector<const Json*> out;
  if (json != nullptr) TRY_VOID(flatten(*json, where, list_key, out));
  return out;
}

Result<ReplaceStep> read_replace(const Json& component, std::string_view where) {
  TRY(PatternText pattern, read_pattern(component, where));
  ReplaceStep step;
  TRY(step.content, string_member(component, where, "content", ""));
  if (pattern.is_regex) {
    auto regex = SplitRegex::compile(pattern.text);
    if (!regex) return fail_in(std::string(where), regex.error());
    step.pattern = std::move(*regex);
  } else {
    step.pattern = std::move(pattern.text);
  }
  return step;
}

Result<MetaspaceStep> read_metaspace(const Json& j, std::string_view where) {
  MetaspaceStep step;
  TRY(step.replacement, string_member(j, where, "replacement", step.replacement));
  if (step.replacement.empty() || utf8_size(step.replacement[0]) != step.replacement.size()) {
    return fail("{}: replacement '{}' is not one character", where, step.replacement);
  }
  TRY(step.split, bool_member(j, where, "split", true));
  TRY(const bool add, bool_member(j, where, "add_prefix_space", true));
  TRY(const std::string scheme, string_member(j, where, "prepend_scheme", add ? "always" : "never"));
  if (scheme == "always") {
    step.prepend = MetaspaceStep::Prepend::kAlways;
  } else if (scheme == "first") {
    step.prepend = MetaspaceStep::Prepend::kFirst;
  } else if (scheme == "never") {
    step.prepend = MetaspaceStep::Prepend::kNever;
  } else {
    return fail("{}: prepend_scheme '{}' is not supported", where, scheme);
  }
  return step;
}

Result<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  while (text.ends_with('=')) text.remove_suffix(1);
  uint32_t bits = 0;
  int have = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int value = base64_value(text[i]);
    if (value < 0) return fail("base64: byte {} is not of its alphabet", i);
    bits = bits << 6 | static_cast<uint32_t>(value);
    if ((have += 6) < 8) continue;
    have -= 8;
    out.push_back(static_cast<char>(static_cast<unsigned char>(bits >> have)));
  }
  if (have >= 6) return fail("base64: {} characters cannot be whole bytes", text.size());
  return out;
}

Result<Normalizer> read_normalizer(const Json* json) {
  TRY(const std::vector<const Json*> list, components(json, "normalizer", "normalizers"));
  Normalizer normalizer;
  for (const Json* j : list) {
    TRY(Normalizer::Step step, read_normalizer_step(*j));
    TRY_VOID(normalizer.add(std::move(step)));
  }
  return normalizer;
}

Result<PreTokenizerPlan> read_pre_tokenizer(const Json* json) {
  TRY(const std::vector<const Json*> list, components(json, "pre_tokenizer", "pretokenizers"));
  PreTokenizerPlan plan;
  for (size_t i = 0; i < list.size(); ++i) {
    TRY(const std::string type, type_of(*list[i], "pre_tokenizer"));
    if (type != "ByteLevel") {
      TRY_VOID(add_pre_tokenizer(*list[i], type, plan.steps));
      continue;
    }
    TRY_VOID(add_byte_level(*list[i], plan.steps));
    plan.bytes_at_end = i + 1 == list.size() && !plan.byte_level;
    plan.byte_level = true;
    if (!plan.bytes_at_end) TRY_VOID(plan.steps.add(ByteCharsStep{}));
  }
  return plan;
}

}  // namespace sobre::hf
