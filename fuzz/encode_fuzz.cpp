// Any text through tokenizers of each kind: no crash, every id in range, and what must come back comes back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "text/unicode.h"

namespace {

using namespace sobre;

constexpr const char* kByteLevelModel =
    R"({"type":"BPE","vocab":{"a":0,"b":1,"\u0120":2,"\u0120a":3,"ab":4,"<s>":5},"merges":["\u0120 a","a b"]})";
constexpr const char* kUnigram =
    R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["\u2581",-2],["a",-3],["ab",-4.5],["b",-3],["\u2581a",-3.5]],"byte_fallback":false})";
constexpr const char* kWordPiece =
    R"({"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"a":1,"##b":2,"##a":3,"'":4},"max_input_chars_per_word":20})";

std::string file(const std::string& model, const std::string& normalizer, const std::string& pre, const std::string& decoder) {
  return R"({"added_tokens":[{"id":20,"content":"<s>","special":true,"normalized":false},
    {"id":21,"content":" b","lstrip":true,"rstrip":true,"single_word":true,"normalized":true,"special":false}],"normalizer":)" +
         normalizer + R"(,"pre_tokenizer":)" + pre + R"(,"decoder":)" + decoder + R"(,"model":)" + model + "}";
}

Tokenizer require(Result<Tokenizer> tokenizer) {
  if (!tokenizer) std::abort();
  return std::move(*tokenizer);
}

Tokenizer all_bytes(const char* pre) {
  VocabData v;
  v.model = "gpt2";
  v.pre = pre;
  for (unsigned b = 0, other = 0x100; b < 256; ++b) {
    const bool plain = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    v.tokens.emplace_back();
    append_utf8(v.tokens.back(), plain ? b : other++);
  }
  v.tokens.insert(v.tokens.end(), {"\u0120a", "ab", "\u0120\u0120", "''"});
  return require(Tokenizer::from_vocab(std::move(v)));
}

const std::vector<Tokenizer>& lossy() {
  static const std::vector<Tokenizer> tokenizers = [] {
    const std::string byte_level = R"({"type":"ByteLevel"})", metaspace = R"({"type":"Metaspace"})",
                      bert = R"({"type":"BertPreTokenizer"})";
    const std::string odd = R"({"type":"Sequence","pretokenizers":[{"type":"Whitespace"},{"type":"ByteLevel","use_regex":false},
      {"type":"Digits","individual_digits":true},{"type":"Split","pattern":{"Regex":"a+(?!b)|^b"},"behavior":"MergedWithPrevious","invert":true}]})";
    std::vector<Tokenizer> out;
    out.push_back(require(Tokenizer::from_hf_json(file(kByteLevelModel, "null", byte_level, byte_level))));
    out.push_back(require(Tokenizer::from_hf_json(file(kByteLevelModel, R"({"type":"NFC"})", odd, "null"))));
    out.push_back(require(Tokenizer::from_hf_json(file(kUnigram, R"({"type":"NFKC"})", metaspace, metaspace))));
    out.push_back(
        require(Tokenizer::from_hf_json(file(kWordPiece, R"({"type":"BertNormalizer"})", bert, R"({"type":"WordPiece"})"))));
    return out;
  }();
  return tokenizers;
}

const std::vector<Tokenizer>& exact() {
  static const std::vector<Tokenizer> tokenizers = [] {
    std::vector<Tokenizer> out;
    for (const char* pre : {"default", "gpt-2", "smollm", "llama-bpe", "tekken", "gpt-4o"}) out.push_back(all_bytes(pre));
    return out;
  }();
  return tokenizers;
}

void check(const Tokenizer& t, const std::string& text, bool exact) {
  const std::vector<int32_t> ids = t.encode(text), plain = t.encode(text, {.add_special = true, .parse_special = false});
  for (const int32_t id : plain) {
    if (id < 0 || id >= t.vocab_size()) std::abort();
    if (t.is_special(id)) std::abort();  // none of these vocabularies adds any
  }
  const std::string decoded = t.decode(ids);
  if (!is_valid_utf8(decoded)) std::abort();
  if (exact && decoded != repair_utf8(text)) std::abort();
  StreamDecoder stream(t, false);
  std::string streamed;
  for (const int32_t id : ids) streamed += stream.push(id);
  if (streamed + stream.finish() != decoded) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const Tokenizer& t : lossy()) check(t, text, false);
  for (const Tokenizer& t : exact()) check(t, text, true);
  return 0;
}
