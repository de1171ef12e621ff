// Constraints over real vocabularies: masks against their plain definition, triggers, forced tokens, completions.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <optional>

#include "base/random.h"
#include "text/constraint.h"

namespace sobre {
namespace {

constexpr const char* kTokenizer = "../shared/tokenizers/smollm2/tokenizer.json";
constexpr const char* kSentencePiece = "../shared/tokenizers/mistral/mistral_instruct_tokenizer_240323.model.v3";

class ConstraintTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kTokenizer)) GTEST_SKIP() << kTokenizer << " is not there";
    static const Tokenizer shared = *Tokenizer::from_file(kTokenizer);
    tokenizer_ = &shared;
    stop_ = *shared.find_token("<|im_end|>");
    static std::shared_ptr<const TokenIndex> index =
        TokenIndex::build(shared, std::vector<int32_t>{stop_}, shared.vocab_size() + 7);
    index_ = index;
  }
  static std::shared_ptr<const Grammar> compiled(const GrammarNode& node) {
    auto grammar = Grammar::compile(node);
    EXPECT_TRUE(grammar.has_value()) << grammar.error().message;
    return *grammar;
  }
  static GrammarNode schema(std::string_view text) { return grammar_schema(*Json::parse(text)); }
  static bool allows(Constraint& c, int32_t id) {
    const auto mask = c.mask();
    return (mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
  }
  std::vector<int32_t> ids_of(std::string_view text) const { return tokenizer_->encode(text, {.parse_special = false}); }
  void feed(Constraint& c, std::string_view text) const {
    for (const int32_t id : ids_of(text)) ASSERT_TRUE(c.accept(id)) << text << " at " << tokenizer_->token_bytes(id);
  }
  std::string text_of(const std::vector<int32_t>& ids) const {
    std::string text;
    for (const int32_t id : ids) text += tokenizer_->token_bytes(id);
    return text;
  }

  const Tokenizer* tokenizer_ = nullptr;
  std::shared_ptr<const TokenIndex> index_;
  int32_t stop_ = 0;
};

const char* const kSchemas[] = {
    "{}",
    R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150}}, "required": ["name"]})",
    R"({"type": "object", "properties": {"kind": {"enum": ["cat", "dog", "\u00e9t\u00e9"]}}, "required": ["kind"], "additionalProperties": false})",
    R"({"type": "array", "items": {"type": "string", "pattern": "^[a-z]{2,5} ?[0-9]*$"}, "maxItems": 4})",
    R"({"type": "string", "minLength": 3, "maxLength": 9})",
    R"({"anyOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}, {"type": "array", "contains": {"const": null}}]})",
    R"({"type": "object", "patternProperties": {"^[xy]{1,2}$": {"type": "number"}}, "additionalProperties": false, "maxProperties": 3})",
    R"({"type": "object", "propertyNames": {"pattern": "^[\u00e9a]+$"}, "minProperties": 2})",
    R"({"type": "number", "multipleOf": 0.25, "minimum": -3})",
    R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true, "minItems": 2})",
    R"({"type": "array", "items": {"enum": ["ab", "a", 1, 12, true]}, "uniqueItems": true, "minItems": 3})",
    R"({"type": "array", "prefixItems": [{"enum": [1, 2, 12]}, {"enum": [1, 12]}, {"enum": [1, 12]}], "uniqueItems": true, "minItems": 3, "items": {"enum": [5, 55]}})",
    R"({"type": "object", "properties": {"a": {}, "b": {"type": "null"}, "ab": {"type": ["null", "boolean"]}}, "maxProperties": 3, "allOf": [{"not": {"additionalProperties": {"type": "string"}}}, {"not": {"patternProperties": {"^a": {"type": "null"}}}}]})",
};

/// Patterns that all go on with nearly every token: a few are told apart, tens of them would hold a step up.
TEST_F(ConstraintTest, TooManyPatternsSideBySideAreGivenUp) {
  const auto patterns = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i)
      text += fmt::format(R"({}{{"type": "string", "pattern": "k{}", "maxLength": 60}})", i > 0 ? ", " : "", 10 + i);
    return R"({"anyOf": [)" + text + "]}";
  };
  for (const int n : {8, 45}) {
    Constraint c(compiled(schema(patterns(n))), index_);
    feed(c, "\"");
    int given_up = 0;
    for (int i = 0; i < 2; ++i) {
      const auto mask = c.mask();
      EXPECT_EQ(c.too_costly(), std::all_of(mask.begin(), mask.end(), [](uint64_t word) { return word == 0; }));
      given_up += c.too_costly() ? 1 : 0;
      feed(c, " word");
    }
    EXPECT_EQ(given_up, n > 30 ? 2 : 0) << n;
  }
}

/// A token is in the mask exactly when appending its bytes can still become a text of the language: judged by accept(), byte by
/// byte, for every token of the vocabulary, in states met on random walks.
TEST_F(ConstraintTest, MasksAreWhatTheyAreDefinedAs) {
  uint32_t stream = 0;
  for (const char* text : kSchemas) {
    const auto grammar = compiled(schema(text));
    for (int walk = 0; walk < 3; ++walk, ++stream) {
      std::vector<int32_t> path;
      Constraint constraint(grammar, index_);
      for (int n = 0; n < 40 && !constraint.ended(); ++n) {
        const auto mask = constraint.mask();
        std::vector<int32_t> allowed;
        for (int32_t id = 0; id < index_->vocab_size(); ++id) {
          if ((mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0) allowed.push_back(id);
        }
        ASSERT_FALSE(allowed.empty());
        if (n % 9 == walk) {
          const std::vector<uint64_t> copy(mask.begin(), mask.end());
          int wrong = 0;
          for (int32_t id = 0; id < index_->vocab_size(); id += n == walk ? 1 : 7) {
            Constraint other(grammar, index_);
            for (const int32_t p : path) ASSERT_TRUE(other.accept(p));
            wrong += other.accept(id) != ((copy[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0);
            if (path.size() > 6 && id > 8000) break;
          }
          EXPECT_EQ(wrong, 0) << text << " after " << text_of(path);
        }
        // Common tokens and structure, else strings would never end.
        int32_t id = allowed[static_cast<size_t>(random_unit(11, stream, static_cast<uint64_t>(n)) *
                                                 static_cast<double>(allowed.size()))];
        if (n % 3 == 2) id = *std::min_element(allowed.begin(), allowed.end());
        if (id == stop_) break;
        ASSERT_TRUE(constraint.accept(id));
        path.push_back(id);
      }
    }
  }
}

TEST_F(ConstraintTest, StopsExactlyWhereTheTextIsComplete) {
  Constraint c(compiled(schema(R"({"type": "integer"})")), index_);
  EXPECT_FALSE(allows(c, stop_));
  EXPECT_FALSE(c.complete());
  EXPECT_FALSE(c.accept(stop_));
  feed(c, "12");
  EXPECT_TRUE(allows(c, stop_));
  EXPECT_TRUE(c.complete());
  EXPECT_FALSE(c.ended());
  EXPECT_FALSE(c.accept(ids_of("x")[0]));
  feed(c, "3");
  EXPECT_TRUE(c.accept(stop_));
  EXPECT_TRUE(c.ended());
  Constraint d(compiled(schema(R"({"type": "boolean"})")), index_);
  feed(d, "true");
  EXPECT_TRUE(d.ended());
  EXPECT_TRUE(allows(d, stop_));
}

TEST_F(ConstraintTest, ControlTokensAreNeverBytes) {
  Constraint c(compiled(grammar_regex("(.|\\n)*")), index_);
  for (int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    if (!tokenizer_->is_special(id)) continue;
    EXPECT_EQ(allows(c, id), id == stop_) << tokenizer_->token_text(id);
  }
  for (int32_t id = tokenizer_->vocab_size(); id < index_->vocab_size(); ++id) EXPECT_FALSE(allows(c, id));
  EXPECT_FALSE(c.accept(-1));
  EXPECT_FALSE(c.accept(index_->vocab_size()));
}

TEST_F(ConstraintTest, ControlTokensOfTheGrammar) {
  const int32_t start = *tokenizer_->find_token("<|im_start|>");
  Constraint c(compiled(grammar_sequence({grammar_token(start), grammar_text("hello world"), grammar_token(stop_)})), index_);
  std::vector<int32_t> ids;
  c.forced(ids, 100);
  ASSERT_EQ(ids.size(), 4U);
  EXPECT_EQ(ids.front(), start);
  EXPECT_EQ(ids.back(), stop_);
  EXPECT_EQ(text_of({ids.begin() + 1, ids.end() - 1}), "hello world");
  EXPECT_FALSE(c.accept(ids_of("<|im_start|>")[0]));
  for (const int32_t id : ids) {
    EXPECT_TRUE(allows(c, id));
    EXPECT_TRUE(c.accept(id));
  }
  EXPECT_TRUE(c.ended());
}

TEST_F(ConstraintTest, ForcedTokensAreTheTokenizersOwn) {
  const auto grammar = compiled(schema(
      R"({"type": "object", "properties": {"temperature_unit": {"const": "celsius degrees"}}, "required": ["temperature_unit"], "additionalProperties": false})"));
  Constraint c(grammar, index_);
  std::string text;
  size_t forced_tokens = 0;
  for (int n = 0; n < 60 && !c.ended(); ++n) {
    std::vector<int32_t> ids;
    c.forced(ids, 50);
    for (const int32_t id : ids) {
      ASSERT_TRUE(allows(c, id)) << text;
      ASSERT_TRUE(c.accept(id)) << text;
      text += tokenizer_->token_bytes(id);
    }
    forced_tokens += ids.size();
    if (c.ended()) break;
    const auto mask = c.mask();
    for (size_t w = 0; w < mask.size(); ++w) {
      if (mask[w] == 0) continue;
      const auto id = static_cast<int32_t>(w * 64) + std::countr_zero(mask[w]);
      ASSERT_TRUE(c.accept(id));
      text += tokenizer_->token_bytes(id);
      break;
    }
  }
  EXPECT_TRUE(grammar->matches(text)) << text;
  EXPECT_GE(forced_tokens, 4U) << text;
  std::vector<int32_t> few;
  Constraint d(grammar, index_);
  d.forced(few, 1);
  EXPECT_LE(few.size(), 1U);
}

TEST_F(ConstraintTest, TriggersBeginTheGrammar) {
  const auto grammar = compiled(
      grammar_sequence({schema(R"({"type": "object", "additionalProperties": false})"), grammar_text("</tool_call>")}));
  Constraint c(grammar, index_, {.triggers = {"<tool_call>", "CALL:"}, .trigger_tokens = {}});
  EXPECT_FALSE(c.active());
  EXPECT_TRUE(c.complete());
  EXPECT_TRUE(allows(c, stop_));
  feed(c, "Some text <tool_ca");
  EXPECT_FALSE(c.active());
  for (int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    const std::string_view bytes = tokenizer_->token_bytes(id);
    if (!bytes.starts_with("ll>") || bytes.size() == 3) continue;
    EXPECT_EQ(allows(c, id), bytes == "ll>{") << bytes;
  }
  feed(c, "ll>");
  EXPECT_TRUE(c.active());
  EXPECT_FALSE(c.complete());
  EXPECT_FALSE(allows(c, stop_));
  feed(c, "{}</tool_call>");
  EXPECT_TRUE(c.ended());

  const int32_t token = *tokenizer_->find_token("<|im_start|>");
  Constraint d(grammar, index_, {.triggers = {}, .trigger_tokens = {token}});
  feed(d, "free <tool_call> text");
  EXPECT_FALSE(d.active());
  EXPECT_TRUE(d.accept(token));
  EXPECT_TRUE(d.active());
}

TEST_F(ConstraintTest, CompletionsAreShortAndComplete) {
  for (const char* text : kSchemas) {
    const auto grammar = compiled(schema(text));
    Constraint c(grammar, index_);
    std::vector<int32_t> ids;
    c.shortest_completion(ids);
    EXPECT_TRUE(grammar->matches(text_of(ids))) << text << ": " << text_of(ids);
    EXPECT_LT(text_of(ids).size(), 40U) << text_of(ids);
  }
  const auto grammar = compiled(schema(kSchemas[2]));
  for (const char* begin : {"{", "{\"", "{\"ki", "{\"kind\"", "{\"kind\": \"\\u00e", "{\"kind\":\"d"}) {
    Constraint c(grammar, index_);
    std::string text = begin;
    for (const char b : text) {
      const auto id = ids_of(std::string(1, b));
      ASSERT_TRUE(c.accept(id[0])) << begin;
    }
    std::vector<int32_t> ids;
    c.shortest_completion(ids);
    text += text_of(ids);
    EXPECT_TRUE(grammar->matches(text)) << text;
    for (const int32_t id : ids) EXPECT_TRUE(c.accept(id));
    EXPECT_TRUE(c.complete());
  }
}

/// Names that were used stay out, in the middle of long objects too, and the state does not grow without end.
TEST_F(ConstraintTest, LongObjectsKeepTheirNamesApart) {
  const auto grammar = compiled(grammar_json_object());
  Constraint c(grammar, index_);
  feed(c, "{");
  for (int i = 0; i < 400; ++i) feed(c, fmt::format("\"key{}\": {},", i, i));
  feed(c, "\"key7");
  EXPECT_FALSE(allows(c, ids_of("\"")[0]));
  EXPECT_FALSE(allows(c, ids_of("\":")[0]));
  feed(c, "x\":1}");
  EXPECT_TRUE(c.ended());
}

TEST_F(ConstraintTest, SentencePieceVocabularies) {
  if (!std::filesystem::exists(kSentencePiece)) GTEST_SKIP() << kSentencePiece << " is not there";
  const Tokenizer tokenizer = *Tokenizer::from_file(kSentencePiece);
  const std::vector<int32_t> stops{*tokenizer.eos()};
  const auto index = TokenIndex::build(tokenizer, stops, tokenizer.vocab_size());
  for (const char* text : kSchemas) {
    const auto grammar = compiled(schema(text));
    Constraint c(grammar, index);
    std::string written;
    for (int n = 0; n < 30 && !c.ended(); ++n) {
      const auto mask = c.mask();
      const bool any = std::any_of(mask.begin(), mask.end(), [](uint64_t w) { return w != 0; });
      ASSERT_TRUE(any) << text << ": " << written;
      int32_t pick = -1, skip = n % 5;
      for (int32_t id = 0; id < index->vocab_size(); ++id) {
        if ((mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) == 0) continue;
        pick = id;
        if (skip-- == 0) break;
      }
      ASSERT_TRUE(c.accept(pick));
      if (pick == stops[0]) break;
      written += tokenizer.token_bytes(pick);
    }
    std::vector<int32_t> ids;
    c.shortest_completion(ids);
    for (const int32_t id : ids) {
      ASSERT_TRUE(c.accept(id)) << written;
      written += tokenizer.token_bytes(id);
    }
    EXPECT_TRUE(grammar->matches(written)) << text << ": " << written;
  }
}

}  // namespace
}  // namespace sobre
