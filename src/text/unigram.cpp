#include <algorithm>
#include <cmath>
#include <limits>

#include "text/token_model.h"
#include "text/unicode.h"

namespace sobre {
namespace {

constexpr double kUnknownPenalty = 10.0;  // an unknown character scores this much below the worst token
constexpr double kUserDefinedMargin = 0.1;

}  // namespace

Result<std::unique_ptr<Unigram>> Unigram::build(const TokenTable& table, const std::vector<uint8_t>& special,
                                                std::vector<double> scores, Options options) {
  std::unique_ptr<Unigram> model(new Unigram);
  double lowest = std::numeric_limits<double>::max(), highest = std::numeric_limits<double>::lowest();
  // SentencePiece begins its maximum at FLT_MIN: where all scores are negative, as they are, user-defined tokens cost 0.1 each.
  if (options.single_precision) highest = static_cast<double>(std::numeric_limits<float>::min());
  for (int32_t id = 0; id < table.size(); ++id) {
    const double score = scores[static_cast<size_t>(id)];
    if (!std::isfinite(score)) return fail("token {} ('{}'): its score is not finite", id, table[id]);
    const auto marked = [id](const std::vector<uint8_t>& marks) { return !marks.empty() && marks[static_cast<size_t>(id)]; };
    if (marked(options.absent) || marked(options.user_defined)) continue;
    lowest = std::min(lowest, score);
    highest = std::max(highest, score);
  }
  // Rounded where the reference rounds: the last bit decides between segmentations of equal scores.
  const auto rounded = [&options](double x) {
    return options.single_precision ? static_cast<double>(static_cast<float>(x)) : x;
  };
  for (size_t i = 0; i < options.user_defined.size(); ++i) {
    if (!options.user_defined[i]) continue;
    const auto length = static_cast<double>(table[static_cast<int32_t>(i)].size());
    scores[i] = rounded(rounded(length * highest) - kUserDefinedMargin);
  }
  TRY(model->trie_, build_token_trie(table, special, options.absent));
  model->unk_score_ = rounded(lowest - kUnknownPenalty);
  model->scores_ = std::move(scores);
  model->bytes_ = find_byte_tokens(table);
  model->options_ = std::move(options);
  return model;
}

/// Fills scratch.path: for each end of a character the best way to it (first found among equals).
void Unigram::find_path(std::string_view piece, EncodeScratch& scratch) const {
  auto& path = scratch.path;
  path.assign(piece.size() + 1, {});
  const auto offer = [&](size_t begin, size_t end, double score, int32_t id) {
    double sum = path[begin].score + score;
    if (options_.single_precision) sum = static_cast<float>(sum);
    EncodeScratch::PathNode& target = path[end];
    if (!target.reached || sum > target.score) target = {sum, begin, id, true};
  };
  for (size_t begin = 0; begin < piece.size();) {
    const size_t char_end = begin + utf8_size(piece[begin]);
    bool char_known = false;
    uint32_t node = Trie::kRoot;
    for (size_t i = begin; i < piece.size();) {
      node = trie_.step(node, piece[i++]);
      if (node == Trie::kNone) break;
      const int32_t id = trie_.value(node);
      if (id < 0) continue;
      offer(begin, i, scores_[static_cast<size_t>(id)], id);
      char_known = char_known || i == char_end;
    }
    if (!char_known) offer(begin, char_end, unk_score_, kNoToken);
    begin = char_end;
  }
}

/// A run of unknown characters: one token (a token spelled like the whole run, bytes, or unk), appended backwards.
void Unigram::emit_unknown(std::string_view text, std::vector<int32_t>& reversed) const {
  if (const uint32_t node = trie_.walk(Trie::kRoot, text); node != Trie::kNone && trie_.value(node) >= 0) {
    return reversed.push_back(trie_.value(node));
  }
  const auto id_of = [this](char c) { return bytes_[static_cast<unsigned char>(c)]; };
  if (options_.byte_fallback && std::all_of(text.begin(), text.end(), [&](char c) { return id_of(c) != kNoToken; })) {
    std::transform(text.rbegin(), text.rend(), std::back_inserter(reversed), id_of);
  } else if (options_.unk != kNoToken) {
    reversed.push_back(options_.unk);
  }
}

void Unigram::encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const {
  find_path(piece, scratch);
  scratch.reversed.clear();
  for (size_t end = piece.size(); end > 0;) {
    size_t begin = scratch.path[end].begin;
    const int32_t id = scratch.path[end].id;
    if (id != kNoToken) {
      scratch.reversed.push_back(id);
    } else {
      while (begin > 0 && scratch.path[begin].id == kNoToken) begin = scratch.path[begin].begin;
      emit_unknown(piece.substr(begin, end - begin), scratch.reversed);
    }
    end = begin;
  }
  out.insert(out.end(), scratch.reversed.rbegin(), scratch.reversed.rend());
}

}  // namespace sobre
