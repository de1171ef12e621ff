// SentencePiece's .model files: a protocol buffer (ModelProto, proto2) with pieces, scores and the normaliser.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "text/bpe.h"
#include "text/score_ranks.h"
#include "text/tokenizer_impl.h"

namespace sobre {
namespace {

/// Reads the fields of one protocol buffer message, in order.
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : rest_(message) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// Moves to the next field; its value is in number or bytes, according to its wire type.
  Result<void> next() {
    TRY(const uint64_t tag, varint());
    field = static_cast<uint32_t>(tag >> 3 & 0x1FFFFFFF);
    switch (tag & 7) {
      case 0: {
        TRY(number, varint());
        return {};
      }
      case 1:
        return fixed(8);
      case 2: {
        TRY(const uint64_t size, varint());
        if (size > rest_.size()) return fail("field {}: {} bytes, {} left", field, size, rest_.size());
        bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return {};
      }
      case 5:
        return fixed(4);
      default:
        return fail("field {}: wire type {} is not supported", field, tag & 7);
    }
  }
  [[nodiscard]] float as_float() const { return std::bit_cast<float>(static_cast<uint32_t>(number)); }

  uint32_t field = 0;
  uint64_t number = 0;
  std::string_view bytes;

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return fail("ends inside a number");
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return fail("a number of more than ten bytes");
  }
  Result<void> fixed(size_t size) {
    if (rest_.size() < size) return fail("field {}: ends inside a number", field);
    number = 0;
    for (size_t i = size; i-- > 0;) number = number << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return {};
  }

  std::string_view rest_;
};

struct Piece {
  std::string_view text;
  float score = 0;
  TokenType type = TokenType::kNormal;
};

constexpr size_t kMaxUnkSurface = 256;

enum ModelType : uint64_t { kUnigramModel = 1, kBpeModel = 2 };

struct Proto {
  std::vector<Piece> pieces;
  uint64_t model_type = kUnigramModel;
  int64_t unk = 0, bos = 1, eos = 2;
  bool byte_fallback = false, whitespace_as_suffix = false;
  std::string_view unk_surface = " \xE2\x81\x87 ";
  std::string_view charsmap;
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

Result<Piece> read_piece(std::string_view bytes) {
  Piece piece;
  for (ProtoReader r(bytes); !r.at_end();) {
    TRY_VOID(r.next());
    if (r.field == 1) piece.text = r.bytes;
    if (r.field == 2) piece.score = r.as_float();
    if (r.field != 3) continue;
    if (r.number < 1 || r.number > 6) return fail("type {} is not known", r.number);
    piece.type = static_cast<TokenType>(r.number);
  }
  if (!std::isfinite(piece.score)) return fail("its score is not finite");
  if (piece.text.empty()) return fail("it is empty");
  return piece;
}

Result<void> read_trainer(std::string_view bytes, Proto& proto) {
  for (ProtoReader r(bytes); !r.at_end();) {
    TRY_VOID(r.next());
    const auto id = static_cast<int64_t>(static_cast<int32_t>(r.number));
    if (r.field == 3) proto.model_type = r.number;
    if (r.field == 24) proto.whitespace_as_suffix = r.number != 0;
    if (r.field == 35) proto.byte_fallback = r.number != 0;
    if (r.field == 40) proto.unk = id;
    if (r.field == 41) proto.bos = id;
    if (r.field == 42) proto.eos = id;
    if (r.field == 44) {
      if (r.bytes.size() > kMaxUnkSurface)  // every unknown piece has a copy
        return fail("unk_surface has {} bytes; at most {} are supported", r.bytes.size(), kMaxUnkSurface);
      proto.unk_surface = r.bytes;
    }
  }
  return {};
}

Result<void> read_normalizer(std::string_view bytes, Proto& proto) {
  for (ProtoReader r(bytes); !r.at_end();) {
    TRY_VOID(r.next());
    if (r.field == 2) proto.charsmap = r.bytes;
    if (r.field == 3) proto.add_dummy_prefix = r.number != 0;
    if (r.field == 4) proto.remove_extra_whitespaces = r.number != 0;
    if (r.field == 5) proto.escape_whitespaces = r.number != 0;
  }
  return {};
}

Result<Proto> read_proto(std::string_view bytes) {
  Proto proto;
  for (ProtoReader r(bytes); !r.at_end();) {
    TRY_VOID(r.next());
    if (r.field == 1) {
      auto piece = read_piece(r.bytes);
      if (!piece) return fail_in(fmt::format("piece {}", proto.pieces.size()), piece.error());
      if (proto.pieces.size() >= static_cast<size_t>(kMaxVocabularySize))
        return fail("more than {} pieces", kMaxVocabularySize);
      proto.pieces.push_back(*piece);
    }
    if (r.field == 2) TRY_VOID(read_trainer(r.bytes, proto));
    if (r.field == 3) TRY_VOID(read_normalizer(r.bytes, proto));
  }
  if (proto.pieces.empty()) return fail("no pieces");
  if (proto.model_type != kUnigramModel && proto.model_type != kBpeModel) {
    return fail("model type {} is not supported, only unigram (1) and BPE (2)", proto.model_type);
  }
  return proto;
}

std::vector<uint8_t> marks(const Proto& proto, std::initializer_list<TokenType> types) {
  std::vector<uint8_t> out;
  out.reserve(proto.pieces.size());
  for (const Piece& p : proto.pieces) out.push_back(std::find(types.begin(), types.end(), p.type) != types.end());
  return out;
}

Result<void> fill_table(const Proto& proto, Tokenizer::Impl& impl) {
  for (const Piece& p : proto.pieces) {
    impl.table.add(p.text);
    const auto byte = p.type == TokenType::kByte ? parse_byte_token(p.text) : std::nullopt;
    if (p.type == TokenType::kByte && !byte) return fail("piece '{}' is no byte", p.text);
    impl.byte_token.push_back(byte.has_value());
    std::string piece = repair_utf8(p.type == TokenType::kUnknown ? proto.unk_surface : p.text);
    const bool text = p.type != TokenType::kControl && p.type != TokenType::kUnknown;
    if (text && proto.escape_whitespaces) replace_all(piece, "\xE2\x96\x81", " ");
    if (byte) piece.assign(1, static_cast<char>(*byte));
    impl.pieces.add(piece);
  }
  impl.special = marks(proto, {TokenType::kControl});
  return impl.table.build_index(TokenTable::Duplicates::kFirst);
}

Result<void> build_controls(const Proto& proto, Tokenizer::Impl& impl) {
  std::vector<AddedToken> controls;
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const Piece& p = proto.pieces[i];
    if (p.type == TokenType::kControl) controls.push_back({std::string(p.text), static_cast<int32_t>(i), true});
  }
  TRY(impl.template_added, AddedTokens::build(std::move(controls)));
  return {};
}

Result<void> build_normalizer(const Proto& proto, Tokenizer::Impl& impl) {
  SentencePieceStep step;
  step.add_dummy_prefix = proto.add_dummy_prefix;
  step.remove_extra_whitespaces = proto.remove_extra_whitespaces;
  step.escape_whitespaces = proto.escape_whitespaces;
  step.whitespace_as_suffix = proto.whitespace_as_suffix;
  if (!proto.charsmap.empty()) {
    TRY(step.map, Charsmap::parse(proto.charsmap));
  }
  std::vector<Trie::Entry> user_defined;
  std::vector<AddedToken> added;
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const Piece& p = proto.pieces[i];
    if (p.type != TokenType::kUserDefined || !is_valid_utf8(p.text)) continue;
    user_defined.push_back({p.text, static_cast<int32_t>(i)});
    added.push_back({std::string(p.text), static_cast<int32_t>(i)});
  }
  if (!user_defined.empty()) {
    TRY(step.user_defined, Trie::build(std::move(user_defined)));
  }
  // BPE never merges across them; Unigram prefers them by their score instead.
  if (proto.model_type == kBpeModel) {
    TRY(impl.normalized_added, AddedTokens::build(std::move(added)));
  }
  return impl.normalizer.add(std::move(step));
}

Result<void> build_model(const Proto& proto, int32_t unk, Tokenizer::Impl& impl) {
  if (proto.model_type == kBpeModel) {
    std::vector<float> scores;
    for (const Piece& p : proto.pieces) scores.push_back(p.score);
    std::vector<uint8_t> unused = marks(proto, {TokenType::kUnused});
    if (std::find(unused.begin(), unused.end(), 1) == unused.end()) unused.clear();
    BpeOptions options;
    options.byte_fallback = proto.byte_fallback;
    options.fuse_unk = true;
    options.unk = unk;
    impl.kind = "SentencePiece BPE";
    impl.model = Bpe::from_ranks(
        impl.table, impl.special,
        ranks_of_scores(scores, marks(proto, {TokenType::kNormal, TokenType::kUserDefined, TokenType::kUnused})),
        std::move(unused), std::move(options));
    return {};
  }
  std::vector<double> scores;
  for (const Piece& p : proto.pieces) scores.push_back(static_cast<double>(p.score));
  Unigram::Options options;
  options.unk = unk;
  options.byte_fallback = proto.byte_fallback;
  options.single_precision = true;
  options.absent = marks(proto, {TokenType::kUnknown, TokenType::kControl, TokenType::kUnused, TokenType::kByte});
  options.user_defined = marks(proto, {TokenType::kUserDefined});
  impl.kind = "Unigram";
  TRY(impl.model, Unigram::build(impl.table, impl.special, std::move(scores), std::move(options)));
  return {};
}

std::optional<int32_t> checked_id(int64_t id, const Proto& proto) {
  if (id < 0 || static_cast<size_t>(id) >= proto.pieces.size()) return std::nullopt;
  return static_cast<int32_t>(id);
}

}  // namespace

Result<Tokenizer> Tokenizer::from_sentencepiece(std::string_view bytes) {
  auto read = read_proto(bytes);
  if (!read) return fail_in("SentencePiece model", read.error());
  const Proto& proto = *read;
  auto impl = std::make_unique<Impl>();
  TRY_VOID(fill_table(proto, *impl));
  TRY_VOID(build_controls(proto, *impl));
  TRY_VOID(build_normalizer(proto, *impl));
  TRY_VOID(build_model(proto, checked_id(proto.unk, proto).value_or(kNoToken), *impl));
  impl->bos = checked_id(proto.bos, proto);
  impl->eos = checked_id(proto.eos, proto);
  if (impl->bos) impl->prefix.push_back(*impl->bos);
  impl->decode.unstripped = checked_id(proto.unk, proto).value_or(kNoToken);
  impl->decode.byte_runs = DecodeRules::ByteRuns::kEachByte;
  if (proto.remove_extra_whitespaces) {
    impl->decode.strip_max = std::numeric_limits<int>::max();
    impl->decode.strip_once_a_token = true;
  } else if (proto.add_dummy_prefix) {
    impl->decode.strip_max = 1;
  }
  return Impl::wrap(std::move(impl));
}

Result<VocabData> read_sentencepiece_vocab(std::string_view bytes) {
  auto read = read_proto(bytes);
  if (!read) return fail_in("SentencePiece model", read.error());
  const Proto& proto = *read;
  if (proto.model_type != kBpeModel) return fail("SentencePiece model: type {} is no BPE (2)", proto.model_type);
  VocabData vocab;
  vocab.model = "llama";
  for (const Piece& piece : proto.pieces) {
    vocab.tokens.emplace_back(piece.text);
    vocab.scores.push_back(piece.score);
    vocab.types.push_back(piece.type);
  }
  vocab.bos = checked_id(proto.bos, proto);
  vocab.eos = checked_id(proto.eos, proto);
  vocab.unk = checked_id(proto.unk, proto);
  vocab.add_space_prefix = proto.add_dummy_prefix;
  vocab.remove_extra_whitespaces = proto.remove_extra_whitespaces;
  return vocab;
}

}  // namespace sobre
