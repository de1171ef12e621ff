// tokenizer.json of vocabularies as GGUF files hold them: byte-level BPE ("gpt2") by the pre-tokenizer that the file names, and
// SentencePiece BPE ("llama") with the merges that its scores mean.
#include <algorithm>
#include <unordered_map>

#include "text/gguf_pre.h"
#include "text/gguf_tokens.h"
#include "text/hf_json_writer.h"

namespace sobre {
namespace {

constexpr size_t kMaxMerges = 4'000'000;

Json typed(std::string_view type) {
  Json out{Json::Object()};
  out.set("type", type);
  return out;
}

Json sequence(const char* list, Json::Array steps) {
  Json out = typed("Sequence");
  out.set(list, Json(std::move(steps)));
  return out;
}

Json replace(std::string_view from, std::string_view to) {
  Json pattern{Json::Object()};
  pattern.set("String", from);
  Json out = typed("Replace");
  out.set("pattern", std::move(pattern));
  out.set("content", to);
  return out;
}

class VocabWriter {
 public:
  explicit VocabWriter(const VocabData& vocab) : vocab_(vocab) {}

  Result<std::string> write() {
    if (vocab_.tokens.empty() || (!vocab_.types.empty() && vocab_.types.size() != vocab_.tokens.size()))
      return fail("its vocabulary is damaged");
    for (const auto& id : {vocab_.bos, vocab_.eos, vocab_.eot, vocab_.eom, vocab_.unk}) {
      if (id && (*id < 0 || static_cast<size_t>(*id) >= vocab_.tokens.size()))
        return fail("special token id {} in a vocabulary of {}", *id, vocab_.tokens.size());
    }
    special_ = gguf_special_tokens(vocab_);
    HfTokenizer out;
    if (vocab_.model == "gpt2") {
      TRY_VOID(set_byte_level(out));
    } else if (vocab_.model == "llama") {
      TRY_VOID(set_sentencepiece(out));
    } else {
      return fail("a tokenizer of the kind '{}' is not written as tokenizer.json (gpt2 and llama are)", vocab_.model);
    }
    out.bpe.tokens = vocab_.tokens;
    for (size_t id = 0; id < vocab_.tokens.size(); ++id) {
      const bool unknown = type(id) == TokenType::kUnknown;
      if (special_[id] == 0 && !unknown && type(id) != TokenType::kUserDefined) continue;
      out.added.push_back({static_cast<int32_t>(id), vocab_.tokens[id], special_[id] != 0 || unknown});
    }
    return hf_tokenizer_json(out);
  }

 private:
  [[nodiscard]] TokenType type(size_t id) const { return gguf_token_type(vocab_, id); }
  [[nodiscard]] std::string token(int32_t id) const { return vocab_.tokens[static_cast<size_t>(id)]; }

  Result<void> set_byte_level(HfTokenizer& out) {
    const GgufPre* pre = find_gguf_pre(vocab_.pre.empty() ? "default" : vocab_.pre);
    if (pre == nullptr) return fail("its pre-tokenizer '{}' is not known", vocab_.pre);
    if (vocab_.merges.empty()) return fail("its byte-level BPE has no merges (tekken's ranks)");
    Json::Array steps;
    for (const std::string_view regex : pre->patterns) {
      if (regex.empty()) continue;
      Json pattern{Json::Object()}, split = typed("Split");
      pattern.set("Regex", regex);
      split.set("pattern", std::move(pattern));
      split.set("behavior", "Isolated");
      split.set("invert", false);
      steps.push_back(std::move(split));
    }
    steps.push_back(byte_level_step(false, false));
    out.pre_tokenizer = vocab_.pre == "smollm" ? byte_level_pre_tokenizer() : sequence("pretokenizers", std::move(steps));
    out.decoder = byte_level_step(true, true);
    if (pre->nfc) out.normalizer = typed("NFC");
    out.post_processor = around(vocab_.add_bos.value_or(pre->add_bos), vocab_.add_eos.value_or(false));
    out.bpe.ignore_merges = pre->whole_words;
    out.bpe.merges = vocab_.merges;
    return {};
  }

  Result<void> set_sentencepiece(HfTokenizer& out) {
    if (vocab_.scores.size() != vocab_.tokens.size()) return fail("its SentencePiece vocabulary has no scores");
    const bool prefix = vocab_.add_space_prefix.value_or(true);
    Json::Array before, after;
    if (prefix) {
      Json prepend = typed("Prepend");
      prepend.set("prepend", kSpaceMark);
      before.push_back(std::move(prepend));
      Json strip = typed("Strip");
      strip.set("content", " ");
      strip.set("start", 1);
      strip.set("stop", 0);
      after = {replace(kSpaceMark, " "), typed("ByteFallback"), typed("Fuse"), std::move(strip)};
    } else {
      after = {replace(kSpaceMark, " "), typed("ByteFallback"), typed("Fuse")};
    }
    before.push_back(replace(" ", kSpaceMark));
    out.normalizer = sequence("normalizers", std::move(before));
    out.decoder = sequence("decoders", std::move(after));
    out.post_processor = around(vocab_.add_bos.value_or(true), vocab_.add_eos.value_or(false));
    out.bpe.byte_fallback = true;
    if (vocab_.unk) out.bpe.unk_token = token(*vocab_.unk);
    TRY(out.bpe.merges, merges_of_scores());
    return {};
  }

  // Every way to make a piece of two others; the best score first, then the longest left part, as Hugging Face's converter of
  // SentencePiece models orders them.
  Result<std::vector<std::string>> merges_of_scores() const {
    const auto is_text = [&](size_t id) { return is_gguf_text(vocab_, special_, id); };
    std::unordered_map<std::string_view, size_t> ids;
    for (size_t id = 0; id < vocab_.tokens.size(); ++id) {
      if (is_text(id)) ids.emplace(vocab_.tokens[id], id);
    }
    struct Merge {
      float score;
      size_t id, left;  // left: bytes of the left part
    };
    std::vector<Merge> found;
    for (size_t id = 0; id < vocab_.tokens.size(); ++id) {
      const std::string_view piece = vocab_.tokens[id];
      // A space is a mark by the time that pieces are cut; the list of merges parts its two halves by one.
      // Nor are very long pieces made of others: every way to cut them would be looked at.
      if (!is_text(id) || piece.size() > kLongestSplit || piece.find(' ') != std::string_view::npos) continue;
      for (size_t cut = 1; cut < piece.size(); ++cut) {
        const bool inside = (static_cast<unsigned char>(piece[cut]) & 0xC0) == 0x80;  // of a character
        if (inside || !ids.contains(piece.substr(0, cut)) || !ids.contains(piece.substr(cut))) continue;
        found.push_back({vocab_.scores[id], id, cut});
      }
      if (found.size() > kMaxMerges) return fail("its scores mean more than {} merges", kMaxMerges);
    }
    std::sort(found.begin(), found.end(), [](const Merge& a, const Merge& b) {
      return a.score != b.score ? a.score > b.score : a.id != b.id ? a.id < b.id : a.left > b.left;
    });
    std::vector<std::string> merges;
    merges.reserve(found.size());
    for (const Merge& m : found) {
      const std::string& piece = vocab_.tokens[m.id];
      merges.push_back(piece.substr(0, m.left) + " " + piece.substr(m.left));
    }
    return merges;
  }

  // What stands before and after every text; null: nothing.
  [[nodiscard]] Json around(bool bos, bool eos) const {
    if (!(bos && vocab_.bos) && !(eos && vocab_.eos)) return {};
    Json::Array single, pair;
    Json tokens{Json::Object()};
    const auto add_token = [&](int32_t id, int64_t part, Json::Array& list) {
      Json inner{Json::Object()}, item{Json::Object()};
      inner.set("id", token(id));
      inner.set("type_id", part);
      item.set("SpecialToken", std::move(inner));
      list.push_back(std::move(item));
      Json known{Json::Object()};
      known.set("id", token(id));
      known.set("ids", Json(Json::Array{Json(static_cast<int64_t>(id))}));
      known.set("tokens", Json(Json::Array{Json(token(id))}));
      tokens.set(token(id), std::move(known));
    };
    const auto add_text = [&](const char* name, int64_t part, Json::Array& list) {
      if (bos && vocab_.bos) add_token(*vocab_.bos, part, list);
      Json inner{Json::Object()}, item{Json::Object()};
      inner.set("id", name);
      inner.set("type_id", part);
      item.set("Sequence", std::move(inner));
      list.push_back(std::move(item));
      if (eos && vocab_.eos) add_token(*vocab_.eos, part, list);
    };
    add_text("A", 0, single);
    add_text("A", 0, pair);
    add_text("B", 1, pair);
    Json out = typed("TemplateProcessing");
    out.set("single", Json(std::move(single)));
    out.set("pair", Json(std::move(pair)));
    out.set("special_tokens", std::move(tokens));
    return out;
  }

  const VocabData& vocab_;
  std::vector<uint8_t> special_;
};

}  // namespace

Result<std::string> hf_tokenizer_json(const VocabData& vocab) { return VocabWriter(vocab).write(); }

}  // namespace sobre
