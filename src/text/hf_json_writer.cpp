#include "text/hf_json_writer.h"

#include <utility>

#include "text/byte_level.h"

namespace sobre {
namespace {

constexpr size_t kEndOfText = 0, kStart = 1, kEnd = 2;  // in kChatMlTokens

const JsonStyle kStyle = {.indent = 2, .item_separator = ",", .key_separator = ": ", .sort_keys = false};

std::string file_text(const Json& json) { return json.dump(kStyle) + "\n"; }

Json token_name(size_t token) { return kChatMlTokens[token]; }

/// How a control token is found in text: as it is spelled, anywhere.
Json token_rules(std::string_view content) {
  Json out{Json::Object()};
  out.set("content", content);
  for (const char* rule : {"lstrip", "normalized", "rstrip", "single_word"}) out.set(rule, false);
  return out;
}

Json added_tokens(const std::vector<AddedSpelling>& added) {
  Json::Array out;
  for (const AddedSpelling& a : added) {
    Json token{Json::Object()};
    token.set("id", static_cast<int64_t>(a.id));
    token.set("content", a.content);
    for (const char* rule : {"single_word", "lstrip", "rstrip", "normalized"}) token.set(rule, false);
    token.set("special", a.special);
    out.push_back(std::move(token));
  }
  return out;
}

std::vector<std::string> spellings(const TrainedBpe& bpe) {
  std::vector<std::string> out(kChatMlTokens.begin(), kChatMlTokens.end());
  for (size_t id = out.size(); id < bpe.tokens.size(); ++id) append_byte_chars(out.emplace_back(), bpe.tokens[id]);
  return out;
}

Json model(const HfBpe& bpe) {
  Json::Object vocab;
  vocab.reserve(bpe.tokens.size());
  for (size_t id = 0; id < bpe.tokens.size(); ++id) vocab.emplace_back(bpe.tokens[id], static_cast<int64_t>(id));
  Json::Array merges(bpe.merges.begin(), bpe.merges.end());
  Json out{Json::Object()};
  out.set("type", "BPE");
  out.set("dropout", nullptr);
  out.set("unk_token", bpe.unk_token ? Json(*bpe.unk_token) : Json());
  for (const char* none : {"continuing_subword_prefix", "end_of_word_suffix"}) out.set(none, nullptr);
  out.set("fuse_unk", false);
  out.set("byte_fallback", bpe.byte_fallback);
  out.set("ignore_merges", bpe.ignore_merges);
  out.set("vocab", std::move(vocab));
  out.set("merges", std::move(merges));
  return out;
}

void set_special_tokens(Json& out, const std::function<Json(size_t)>& write) {
  out.set("bos_token", write(kStart));
  out.set("eos_token", write(kEnd));
  out.set("pad_token", write(kEnd));
  out.set("unk_token", write(kEndOfText));
}

}  // namespace

const char* const kChatMlTemplate =
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

Json byte_level_step(bool add_prefix_space, bool regex) {
  Json out{Json::Object()};
  out.set("type", "ByteLevel");
  out.set("add_prefix_space", add_prefix_space);
  out.set("trim_offsets", true);
  out.set("use_regex", regex);
  return out;
}

Json byte_level_pre_tokenizer() {
  Json digits{Json::Object()};
  digits.set("type", "Digits");
  digits.set("individual_digits", true);
  Json::Array steps;
  steps.push_back(std::move(digits));
  steps.push_back(byte_level_step(false, true));
  Json out{Json::Object()};
  out.set("type", "Sequence");
  out.set("pretokenizers", std::move(steps));
  return out;
}

std::string hf_tokenizer_json(const HfTokenizer& tokenizer) {
  Json out{Json::Object()};
  out.set("version", "1.0");
  out.set("truncation", nullptr);
  out.set("padding", nullptr);
  out.set("added_tokens", added_tokens(tokenizer.added));
  out.set("normalizer", tokenizer.normalizer);
  out.set("pre_tokenizer", tokenizer.pre_tokenizer);
  out.set("post_processor", tokenizer.post_processor);
  out.set("decoder", tokenizer.decoder);
  out.set("model", model(tokenizer.bpe));
  return file_text(out);
}

std::string hf_tokenizer_json(const TrainedBpe& bpe) {
  HfTokenizer out;
  out.pre_tokenizer = byte_level_pre_tokenizer();
  out.decoder = byte_level_step(true, true);
  out.bpe.tokens = spellings(bpe);
  const std::vector<std::string>& names = out.bpe.tokens;
  out.bpe.merges.reserve(bpe.merges.size());
  // No character of the alphabet is a space, so one separates: the form that every reader knows.
  for (const BpeMerge& m : bpe.merges)
    out.bpe.merges.push_back(names[static_cast<size_t>(m.left)] + " " + names[static_cast<size_t>(m.right)]);
  for (size_t id = 0; id < kChatMlTokens.size(); ++id)
    out.added.push_back({static_cast<int32_t>(id), std::string(kChatMlTokens[id]), true});
  return hf_tokenizer_json(out);
}

std::string hf_tokenizer_config() {
  Json decoder{Json::Object()};
  for (size_t id = 0; id < kChatMlTokens.size(); ++id) {
    Json token = token_rules(kChatMlTokens[id]);
    token.set("special", true);
    decoder.set(std::to_string(id), std::move(token));
  }
  Json out{Json::Object()};
  out.set("add_prefix_space", false);
  out.set("added_tokens_decoder", std::move(decoder));
  set_special_tokens(out, token_name);
  out.set("chat_template", kChatMlTemplate);
  out.set("clean_up_tokenization_spaces", false);
  // The class that takes all of tokenizer.json; those with a model's name may bring pre-tokenizers of their own.
  out.set("tokenizer_class", "PreTrainedTokenizerFast");
  return file_text(out);
}

std::string hf_special_tokens_map() {
  Json out{Json::Object()};
  set_special_tokens(out, [](size_t token) { return token_rules(kChatMlTokens[token]); });
  return file_text(out);
}

}  // namespace sobre
