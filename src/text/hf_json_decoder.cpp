// Decoders and post-processors of a tokenizer.json.
#include <algorithm>
#include <variant>

#include "text/byte_level.h"
#include "text/hf_json_parts.h"

namespace sobre::hf {
namespace {

constexpr size_t kMaxPiece = 1 << 16;             // bytes of one decoded token
constexpr size_t kMaxContent = 256;               // bytes that one replacement puts in
constexpr size_t kMaxPieces = size_t{512} << 20;  // of all

/// Strip of single tokens: at most so many characters off either end.
struct TokenStrip {
  std::string content;
  int start = 0, stop = 0;
};

/// What a list of decoders comes to. All of it works on one token at a time, but for byte runs, the strip at the start and what
/// BPEDecoder does to the last token.
struct DecoderPlan {
  std::vector<std::variant<Normalizer, TokenStrip>> steps;
  bool byte_level = false, byte_fallback = false, fused = false, metaspace = false, word_piece = false, word_ends = false;
  std::string prefix = "##";  // WordPiece
};

Result<TokenStrip> read_strip(const Json& j) {
  constexpr std::string_view kWhere = "decoder Strip";
  TokenStrip strip;
  TRY(strip.content, string_member(j, kWhere, "content", " "));
  for (const bool at_start : {true, false}) {
    const Json* json = member(j, at_start ? "start" : "stop");
    const auto count = json != nullptr ? json->as_int() : std::optional<int64_t>(0);
    if (!count || *count < 0 || *count > 1000 || strip.content.empty()) {
      return fail("{}: content is empty, or start or stop is not a number from 0 to 1000", kWhere);
    }
    (at_start ? strip.start : strip.stop) = static_cast<int>(*count);
  }
  return strip;
}

std::string strip_token(const TokenStrip& strip, std::string token) {
  std::string_view rest = token;
  for (int i = 0; i < strip.start && rest.starts_with(strip.content); ++i) rest.remove_prefix(strip.content.size());
  for (int i = 0; i < strip.stop && rest.ends_with(strip.content); ++i) rest.remove_suffix(strip.content.size());
  return std::string(rest);
}

Result<void> add_strip(const Json& j, DecoderPlan& plan, DecodeRules& rules) {
  TRY(TokenStrip strip, read_strip(j));
  if (!plan.fused) {
    if (plan.byte_fallback) return fail("decoder Strip: between ByteFallback and Fuse it is not supported");
    plan.steps.emplace_back(std::move(strip));
    return {};
  }
  if (strip.stop != 0 || rules.strip_max != 0) {
    return fail("decoder Strip: after Fuse only one is supported, with stop 0 (its stop is {})", strip.stop);
  }
  rules.strip = std::move(strip.content);
  rules.strip_max = strip.start;
  return {};
}

/// Decoders that give every token its text by themselves.
Result<void> add_whole_decoder(const Json& j, const std::string& type, DecoderPlan& plan, DecodeRules& rules) {
  const std::string where = "decoder " + type;
  if (!plan.steps.empty() || plan.byte_fallback || plan.fused) return fail("{}: not supported after other decoders", where);
  plan.byte_level = type == "ByteLevel";
  if (type == "Metaspace") {
    TRY(const MetaspaceStep step, read_metaspace(j, where));
    plan.metaspace = true;
    rules.mark = step.replacement;
    if (step.prepend != MetaspaceStep::Prepend::kNever) rules.first = DecodeRules::First::kWithoutMarks;
  }
  if (type == "WordPiece") {
    TRY(plan.prefix, string_member(j, where, "prefix", "##"));
    TRY(rules.cleanup, bool_member(j, where, "cleanup", true));
    plan.word_piece = true;
    rules.first = DecodeRules::First::kSpelling;
  }
  if (type == "BPEDecoder") {
    TRY(rules.word_end, string_member(j, where, "suffix", "</w>"));
    if (rules.word_end.empty()) return fail("{}: an empty suffix", where);
    plan.word_ends = true;
  }
  return {};
}

Result<void> add_decoder(const Json& j, DecoderPlan& plan, DecodeRules& rules) {
  TRY(const std::string type, type_of(j, "decoder"));
  const std::string where = "decoder " + type;
  if (plan.byte_level || plan.metaspace || plan.word_piece || plan.word_ends) {
    if (type == "Fuse") return {};
    return fail("{}: not supported after ByteLevel, Metaspace, WordPiece or BPEDecoder", where);
  }
  if (type == "ByteLevel" || type == "Metaspace" || type == "WordPiece" || type == "BPEDecoder") {
    return add_whole_decoder(j, type, plan, rules);
  }
  if (type == "Fuse") return plan.fused = true, Result<void>{};
  if (type == "Strip") return add_strip(j, plan, rules);
  if (type == "ByteFallback" && !plan.fused) return plan.byte_fallback = true, Result<void>{};
  if (type == "Replace" && !plan.fused && !plan.byte_fallback) {
    TRY(ReplaceStep step, read_replace(j, where));
    if (step.content.size() > kMaxContent) {
      return fail("{}: content of {} bytes; at most {} are supported", where, step.content.size(), kMaxContent);
    }
    Normalizer replacement;
    TRY_VOID(replacement.add(std::move(step)));
    plan.steps.emplace_back(std::move(replacement));
    return {};
  }
  if (type == "Replace" || type == "ByteFallback") return fail("{}: not supported at its place in the sequence", where);
  return fail("decoder '{}' is not supported", type);
}

/// The text of a token that is not the first one.
std::string piece_of(std::string_view token, const DecoderPlan& plan, const DecodeRules& rules, bool spaced) {
  std::string piece;
  if (token.size() > kMaxPiece) return std::string(token);  // refused by the caller
  if (plan.byte_level) {
    if (!append_bytes_of_chars(piece, token)) piece = token;
    return piece;
  }
  if (spaced && !token.empty()) piece.push_back(' ');
  if (plan.word_piece && token.starts_with(plan.prefix)) {
    piece = token.substr(plan.prefix.size());
  } else {
    piece.append(token);
  }
  if (plan.metaspace) replace_all(piece, rules.mark, " ");
  if (rules.cleanup) clean_up_spaces(piece);
  if (plan.word_ends) replace_all(piece, rules.word_end, " ");
  for (const auto& step : plan.steps) {
    const auto* strip = std::get_if<TokenStrip>(&step);
    piece = strip != nullptr ? strip_token(*strip, std::move(piece)) : std::get<Normalizer>(step).run(std::move(piece));
    // Each step may lengthen a token; what is too long already stays so, and is refused by the caller.
    if (piece.size() > kMaxPiece) break;
  }
  return piece;
}

}  // namespace

Result<void> read_decoder(const Json* json, Tokenizer::Impl& impl) {
  TRY(const std::vector<const Json*> list, components(json, "decoder", "decoders"));
  DecoderPlan plan;
  DecodeRules& rules = impl.decode;
  for (const Json* j : list) TRY_VOID(add_decoder(*j, plan, rules));
  if (json == nullptr) rules.first = DecodeRules::First::kSpelling;  // tokens joined with spaces
  const bool spaced = json == nullptr || plan.word_piece;
  rules.byte_runs = plan.byte_level ? DecodeRules::ByteRuns::kJoined : DecodeRules::ByteRuns::kWholeRun;
  impl.byte_token.assign(static_cast<size_t>(impl.table.size()), 0);
  size_t total = 0;
  for (int32_t id = 0; id < impl.table.size(); ++id) {
    const std::string piece = piece_of(impl.spelling(id), plan, rules, spaced);
    total += piece.size();
    if (piece.size() > kMaxPiece || total > kMaxPieces) {
      return fail("token {}: the decoder makes {} bytes of it, {} of the tokens up to it; at most {} and {} are supported", id,
                  piece.size(), total, kMaxPiece, kMaxPieces);
    }
    const auto byte = plan.byte_fallback ? parse_byte_token(piece) : std::nullopt;
    const char raw = static_cast<char>(byte.value_or(0));
    impl.pieces.add(byte ? std::string_view(&raw, 1) : std::string_view(piece));
    impl.byte_token[static_cast<size_t>(id)] = byte.has_value();
  }
  return {};
}

namespace {

Result<int32_t> checked_id(const Json& json, const Tokenizer::Impl& impl, std::string_view where) {
  const auto id = json.as_int();
  if (!id || *id < 0 || *id >= impl.table.size())
    return fail("{}: an id outside the vocabulary of {}", where, impl.table.size());
  return static_cast<int32_t>(*id);
}

constexpr size_t kMaxAround = 1024;  // one entry may name many ids, and many entries the same one

/// The ids of one special token of a template.
Result<void> append_template_token(const Json& template_processing, const Json& piece, const Tokenizer::Impl& impl,
                                   std::vector<int32_t>& out) {
  constexpr std::string_view kWhere = "post_processor TemplateProcessing";
  TRY(const std::string name, string_member(piece, kWhere, "id", ""));
  const Json* tokens = member(template_processing, "special_tokens");
  const Json* token = tokens != nullptr ? member(*tokens, name) : nullptr;
  const Json* ids = token != nullptr ? member(*token, "ids") : nullptr;
  if (ids == nullptr || ids->as_array() == nullptr) return fail("{}: special token '{}' has no ids", kWhere, name);
  for (const Json& id : *ids->as_array()) {
    TRY(const int32_t checked, checked_id(id, impl, kWhere));
    if (out.size() >= kMaxAround) return fail("{}: more than {} ids around a text", kWhere, kMaxAround);
    out.push_back(checked);
  }
  return {};
}

struct Around {
  std::vector<int32_t> prefix, suffix;
};

Result<Around> read_template(const Json& j, const Tokenizer::Impl& impl) {
  constexpr std::string_view kWhere = "post_processor TemplateProcessing";
  const Json* single = member(j, "single");
  if (single == nullptr || single->as_array() == nullptr) return fail("{}: 'single' is not a list", kWhere);
  Around around;
  bool seen = false;
  for (const Json& piece : *single->as_array()) {
    if (const Json* token = member(piece, "SpecialToken"); token != nullptr) {
      TRY_VOID(append_template_token(j, *token, impl, seen ? around.suffix : around.prefix));
      continue;
    }
    const Json* sequence = member(piece, "Sequence");
    const Json* name = sequence != nullptr ? member(*sequence, "id") : nullptr;
    if (seen || name == nullptr || *name != Json("A")) return fail("{}: 'single' must hold sequence A once", kWhere);
    seen = true;
  }
  if (!seen) return fail("{}: 'single' must hold sequence A once", kWhere);
  return around;
}

/// BertProcessing and RobertaProcessing: "cls" before, "sep" after, each as [token, id].
Result<Around> read_pair(const Json& j, const std::string& type, const Tokenizer::Impl& impl) {
  Around around;
  for (const bool before : {true, false}) {
    const Json* pair = member(j, before ? "cls" : "sep");
    if (pair == nullptr || pair->as_array() == nullptr || pair->as_array()->size() != 2) {
      return fail("post_processor {}: cls and sep must be [token, id]", type);
    }
    TRY(const int32_t id, checked_id((*pair->as_array())[1], impl, "post_processor " + type));
    (before ? around.prefix : around.suffix).push_back(id);
  }
  return around;
}

}  // namespace

Result<void> read_post_processor(const Json* json, Tokenizer::Impl& impl) {
  TRY(const std::vector<const Json*> list, components(json, "post_processor", "processors"));
  for (const Json* j : list) {
    TRY(const std::string type, type_of(*j, "post_processor"));
    if (type == "ByteLevel") continue;  // concerns offsets only
    const bool pair = type == "BertProcessing" || type == "RobertaProcessing";
    if (!pair && type != "TemplateProcessing") return fail("post_processor '{}' is not supported", type);
    TRY(const Around around, pair ? read_pair(*j, type, impl) : read_template(*j, impl));
    impl.prefix.insert(impl.prefix.begin(), around.prefix.begin(), around.prefix.end());
    impl.suffix.insert(impl.suffix.end(), around.suffix.begin(), around.suffix.end());
  }
  return {};
}

}  // namespace sobre::hf
