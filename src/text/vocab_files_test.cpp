// tekken.json and SentencePiece models made by hand: the rules of the two formats, and what is refused.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "text/charsmap.h"
#include "text/tokenizer.h"
#include "text/trie.h"

namespace sobre {
namespace {

using Ids = std::vector<int32_t>;

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kAlphabet[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

/// All bytes, then `more`; `special` (a JSON list) may be empty: the file does not list its control tokens.
std::string tekken(const std::vector<std::string>& more, const std::string& special, int n_special, int size) {
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(static_cast<unsigned char>(b)));
  tokens.insert(tokens.end(), more.begin(), more.end());
  std::string vocab;
  for (size_t i = 0; i < tokens.size(); ++i) {
    vocab += (i > 0 ? "," : "") + std::string(R"({"rank":)") + std::to_string(i) + R"(,"token_bytes":")" + base64(tokens[i]) +
             R"(","token_str":null})";
  }
  return R"({"config":{"pattern":"[a-z]+|\\s+|[^a-z\\s]+","default_vocab_size":)" + std::to_string(size) +
         R"(,"default_num_special_tokens":)" + std::to_string(n_special) + "}" +
         (special.empty() ? "" : R"(,"special_tokens":)" + special) + R"(,"vocab":[)" + vocab + "]}";
}

TEST(Tekken, IdsFollowTheControlTokens) {
  const auto t = Tokenizer::from_tekken(tekken({"he", "ll", "hell", "hello", "never"}, "", 20, 280));
  ASSERT_TRUE(t.has_value()) << t.error().message;
  EXPECT_EQ(t->vocab_size(), 280);  // "never" is beyond default_vocab_size
  EXPECT_EQ(t->bos(), 1);
  EXPECT_EQ(t->eos(), 2);
  EXPECT_EQ(t->encode("hello", {.add_special = true}), (Ids{1, 20 + 259}));
  EXPECT_EQ(t->encode("hells"), (Ids{20 + 258, 20 + 's'}));
  // Text never becomes a control token.
  const Ids ids = t->encode("[INST]", {.parse_special = true});
  EXPECT_EQ(ids.size(), 6u);
  EXPECT_EQ(t->find_token("[INST]"), 3);
  EXPECT_TRUE(t->is_special(3) && !t->is_special(20));
  EXPECT_EQ(t->decode(Ids{1, 20 + 0xC3, 20 + 0xA9, 20 + 0xC3}, true), "\u00E9\uFFFD");
  EXPECT_EQ(t->decode(Ids{3, 20 + 'x', 4}), "[INST]x[/INST]");
}

TEST(Tekken, ListedControlTokens) {
  const std::string special =
      R"([{"rank":0,"token_str":"<unk>","is_control":true},{"rank":2,"token_str":"<s>","is_control":true},
          {"rank":3,"token_str":"[THINK]","is_control":false}])";
  const auto t = Tokenizer::from_tekken(tekken({}, special, 4, 1000));
  ASSERT_TRUE(t.has_value()) << t.error().message;
  EXPECT_EQ(t->bos(), 2);
  EXPECT_EQ(t->token_text(1), "<SPECIAL_1>");
  EXPECT_EQ(t->decode(Ids{3, 4 + 'a'}), "[THINK]a");
  EXPECT_EQ(t->decode(Ids{3, 4 + 'a'}, true), "a");
  EXPECT_EQ(t->vocab_size(), 260);
}

TEST(Tekken, FaultyFilesAreRefused) {
  const auto refused = [](const std::string& json) { return !Tokenizer::from_tekken(json).has_value(); };
  EXPECT_TRUE(refused("{}"));
  EXPECT_TRUE(refused(tekken({}, "", 20, 100)));  // not all bytes
  EXPECT_TRUE(refused(tekken({}, "", 20, 10)));   // more control tokens than ids
  EXPECT_TRUE(refused(tekken({}, "", 4'000'000, 4'000'999)));
  EXPECT_TRUE(refused(tekken({""}, "", 20, 999)));
  EXPECT_TRUE(refused(tekken({}, R"([{"rank":20,"token_str":"x"}])", 20, 999)));
  EXPECT_TRUE(refused(tekken({}, R"([{"rank":-1,"token_str":"x"}])", 20, 999)));
  std::string bad = tekken({}, "", 20, 999);
  bad.replace(bad.find("\"rank\":7,"), 9, "\"rank\":8,");
  EXPECT_TRUE(refused(bad));
}

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(static_cast<unsigned char>(value & 0x7F) | 0x80u);
  return out += static_cast<char>(value);
}
std::string number(uint32_t field, uint64_t value) { return varint(field << 3) + varint(value); }
std::string bytes(uint32_t field, const std::string& value) { return varint(field << 3 | 2) + varint(value.size()) + value; }

std::string piece(const std::string& text, float score, TokenType type = TokenType::kNormal) {
  char raw[4];
  std::memcpy(raw, &score, 4);
  return bytes(1, bytes(1, text) + varint(2 << 3 | 5) + std::string(raw, 4) + number(3, static_cast<uint64_t>(type)));
}

const std::string kControls =
    piece("<unk>", 0, TokenType::kUnknown) + piece("<s>", 0, TokenType::kControl) + piece("</s>", 0, TokenType::kControl);

Tokenizer sentencepiece(const std::string& proto) {
  auto t = Tokenizer::from_sentencepiece(proto);
  EXPECT_TRUE(t.has_value()) << t.error().message;
  return std::move(*t);
}

TEST(SentencePiece, Bpe) {
  // 3 is unused: it may arise while merging, and is taken apart again.
  const Tokenizer t =
      sentencepiece(kControls + piece("ab", -1, TokenType::kUnused) + piece("\u2581", -9) + piece("a", -9) + piece("b", -9) +
                    piece("abb", -2) + piece("<x>", 0, TokenType::kUserDefined) + piece("<0xC3>", 0, TokenType::kByte) +
                    piece("<0xA9>", 0, TokenType::kByte) + piece("<0xE2>", 0, TokenType::kByte) +
                    piece("<0x82>", 0, TokenType::kByte) + bytes(2, number(3, 2) + number(35, 1)) + bytes(3, number(4, 0)));
  EXPECT_EQ(t.kind(), "SentencePiece BPE");
  EXPECT_TRUE(t.is_special(1) && !t.is_special(0) && !t.is_special(8));
  EXPECT_EQ(t.decode(Ids{1, 4, 5, 2}, true), "a");
  EXPECT_EQ(t.encode("ab", {.add_special = true}), (Ids{1, 4, 5, 6}));
  EXPECT_EQ(t.encode("abb"), (Ids{4, 7}));
  EXPECT_EQ(t.encode("a<x>b"), (Ids{4, 5, 8, 6}));
  EXPECT_EQ(t.encode("</s>"), (Ids{4, 0}));  // control tokens are plain text; a run of unknown characters is one <unk>
  EXPECT_EQ(t.encode("\u00E9"), (Ids{4, 9, 10}));
  EXPECT_EQ(t.decode(Ids{4, 5, 4, 9, 10, 9, 6}),
            "a \u00E9\uFFFD"
            "b");
  EXPECT_EQ(t.decode(Ids{5, 11, 12, 6}),
            "a\uFFFD\uFFFD"
            "b");  // each byte of a truncated character
  EXPECT_EQ(t.decode(Ids{5, 10, 9, 9, 6}),
            "a\uFFFD\uFFFD\uFFFD"
            "b");
  EXPECT_EQ(t.decode(Ids{0, 4, 5}), " \u2047  a");
  EXPECT_EQ(t.decode(Ids{4, 0}), " \u2047 ");
}

TEST(SentencePiece, UnusedCharactersAreUnknown) {
  const Tokenizer t =
      sentencepiece(kControls + piece("a", -1) + piece("b", -1, TokenType::kUnused) + piece("ab", -2, TokenType::kUnused) +
                    bytes(2, number(3, 2)) + bytes(3, number(3, 0) + number(4, 0)));
  EXPECT_EQ(t.encode("aabb"), (Ids{3, 3, 0}));
}

TEST(SentencePiece, ByteTokensKeepTheirSpaces) {
  const Tokenizer t = sentencepiece(kControls + piece("\u2581a", -1) + piece("<0x20>", 0, TokenType::kByte) +
                                    bytes(2, number(3, 2) + number(35, 1)));
  EXPECT_EQ(t.decode(Ids{3, 4}), "a ");
  EXPECT_EQ(t.decode(Ids{4, 3}), "  a");
}

TEST(SentencePiece, UnigramTrimsSpaces) {
  const Tokenizer t =
      sentencepiece(kControls + piece("\u2581", -3) + piece("a", -3) + piece("\u2581a", -2) + piece("\u2581a\u2581", -0.5F));
  EXPECT_EQ(t.kind(), "Unigram");
  EXPECT_EQ(t.encode("  a   a "), (Ids{6, 4}));
  EXPECT_EQ(t.encode("   "), Ids{});
  EXPECT_EQ(t.encode("axya"), (Ids{5, 0, 4}));
}

TEST(SentencePiece, UserDefinedPiecesCostATenth) {
  const Tokenizer t = sentencepiece(kControls + piece("\u2581", -3) + piece("to", -1) + piece("ken", -1) + piece("s", -3) +
                                    piece("token", 0, TokenType::kUserDefined));
  EXPECT_EQ(t.encode("tokens"), (Ids{3, 7, 6}));
}

TEST(SentencePiece, EachTokenAtTheBeginningLosesOneSpace) {
  const Tokenizer t = sentencepiece(kControls + piece("\u2581\u2581", -3) + piece("a", -3) + piece("\u2581", -3));
  EXPECT_EQ(t.decode(Ids{3, 4}), " a");
  EXPECT_EQ(t.decode(Ids{5, 5, 4}), "a");
  EXPECT_EQ(t.decode(Ids{4, 5, 4}), "a a");
}

TEST(SentencePiece, FaultyFilesAreRefused) {
  const auto refused = [](const std::string& proto) { return !Tokenizer::from_sentencepiece(proto).has_value(); };
  const std::string good = kControls + piece("a", -1);
  EXPECT_FALSE(refused(good));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(kControls + piece("<0x-1>", 0, TokenType::kByte)));
  EXPECT_TRUE(refused(kControls + piece("", 0)));
  EXPECT_TRUE(refused(kControls + piece("a", std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(refused(kControls + piece("a", 0, static_cast<TokenType>(9))));
  EXPECT_TRUE(refused(good + bytes(2, number(3, 3))));                      // the word model
  EXPECT_TRUE(refused(good + bytes(2, bytes(44, std::string(300, 'x')))));  // each unknown piece would have a copy
  EXPECT_TRUE(refused(good + bytes(3, bytes(2, "\xFF\xFF\xFF\x7F"))));      // a charsmap larger than the file
  EXPECT_TRUE(refused(good + "\x0A\x7F"));                                  // a field beyond the end
  EXPECT_TRUE(refused(good + "\x0B"));                                      // a group
  for (size_t n = 1; n < good.size(); ++n) {
    const auto t =
        Tokenizer::from_sentencepiece(std::string_view(good).substr(0, n));  // cut anywhere: an error or a smaller vocabulary
    EXPECT_TRUE(!t || t->vocab_size() < 4);
  }
}

// Unit 97 leads from "a" to itself: an automaton in which a text of any length is a key.
TEST(Charsmap, AKeyOfADamagedMapEnds) {
  std::vector<uint32_t> units(98);
  units[97] = uint32_t{97} << 10 | 1U << 8 | 97;
  std::string map(4 + units.size() * 4, '\0');
  const auto size = static_cast<uint32_t>(units.size() * 4);
  std::memcpy(map.data(), &size, 4);
  std::memcpy(map.data() + 4, units.data(), size);
  const auto parsed = Charsmap::parse(map + "b");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  const auto match = parsed->match(std::string(Trie::kMaxLength * 4, 'a'), true);
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->size, Trie::kMaxLength);
  EXPECT_EQ(match->replacement, "b");
  EXPECT_EQ(parsed->match("aab", true)->size, 2U);
  EXPECT_EQ(parsed->match("aab", false)->size, 1U);
  EXPECT_FALSE(parsed->match("b", true).has_value());
}

}  // namespace
}  // namespace sobre
