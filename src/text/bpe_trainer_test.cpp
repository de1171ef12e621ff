// Training of BPE: against the definition written out plainly, and what must hold for any text.
#include "text/bpe_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "base/utf8.h"
#include "text/hf_json_writer.h"
#include "text/tokenizer.h"

namespace sobre {
namespace {

PieceCounts counted(const std::vector<std::string>& texts) {
  auto counts = PieceCounts::create();
  EXPECT_TRUE(counts);
  for (const std::string& text : texts) EXPECT_TRUE(counts->add_text(text));
  return std::move(*counts);
}

TrainedBpe train(const PieceCounts& counts, int32_t vocab_size, uint64_t min_frequency = 1) {
  return train_bpe(counts, {.vocab_size = vocab_size, .min_frequency = min_frequency});
}

Tokenizer tokenizer_of(const TrainedBpe& bpe) {
  auto tokenizer = Tokenizer::from_hf_json(hf_tokenizer_json(bpe));
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return std::move(*tokenizer);
}

/// Words of a few letters each, so that pairs repeat, compete and tie; now and then digits, white space and other scripts.
std::string random_text(uint64_t seed, size_t words, std::string_view letters) {
  uint64_t at = 0;
  const auto below = [&](size_t n) { return static_cast<size_t>(random_unit(seed, 5, at++) * static_cast<double>(n)); };
  const std::vector<std::string> others = {
      "7",  "42 ",          "\n\n",    "\t ", "'s ", "\xC3\xA9", "\xE4\xBD\xA0\xE5\xA5\xBD", " \xF0\x9F\x98\x80",
      "!?", "<|im_start|>", "\xC2\xA0"};
  std::string text;
  for (size_t w = 0; w < words; ++w) {
    const size_t length = 1 + below(7);
    for (size_t i = 0; i < length; ++i) text.push_back(letters[below(letters.size())]);
    text += below(8) == 0 ? others[below(others.size())] : std::string(" ");
  }
  return text;
}

using Pair = std::pair<int32_t, int32_t>;

/// The definition: cut every piece anew by the merges so far, count all pairs, merge the best; nothing is remembered.
class PlainTrainer {
 public:
  explicit PlainTrainer(const PieceCounts& counts) : counts_(counts), start_(train(counts, kSmallestBpeVocabulary + 1)) {
    out_.tokens.assign(start_.tokens.begin(), start_.tokens.begin() + kSmallestBpeVocabulary);
  }

  TrainedBpe run(size_t vocab_size, uint64_t min_frequency, bool split_capitals = false) {
    while (out_.tokens.size() < vocab_size) {
      std::map<Pair, uint64_t> pairs;
      for (size_t i = 0; i < counts_.size(); ++i) {
        const std::vector<int32_t> ids = cut(counts_.piece(i));
        for (size_t k = 0; k + 1 < ids.size(); ++k) {
          const bool capital = text(ids[k + 1])[0] >= 'A' && text(ids[k + 1])[0] <= 'Z';
          if (!split_capitals || !capital || !text(ids[k]).ends_with(' ')) pairs[{ids[k], ids[k + 1]}] += counts_.count(i);
        }
      }
      const auto best = std::max_element(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second < b.second : a.first > b.first;
      });
      if (best == pairs.end() || best->second < min_frequency) break;
      add(best->first);
    }
    return out_;
  }

 private:
  [[nodiscard]] const std::string& text(int32_t id) const { return out_.tokens[static_cast<size_t>(id)]; }

  void add(Pair pair) {
    const std::string joined = text(pair.first) + text(pair.second);
    const auto found = std::find(out_.tokens.begin() + 3, out_.tokens.end(), joined);
    const auto id = static_cast<int32_t>(found - out_.tokens.begin());
    if (found == out_.tokens.end()) out_.tokens.push_back(joined);
    out_.merges.push_back({pair.first, pair.second, id});
  }

  [[nodiscard]] std::vector<int32_t> cut(std::string_view piece) const {
    std::vector<int32_t> ids;
    for (const char c : piece) {
      const auto byte = std::find(out_.tokens.begin() + 3, out_.tokens.begin() + kSmallestBpeVocabulary, std::string(1, c));
      ids.push_back(static_cast<int32_t>(byte - out_.tokens.begin()));
    }
    for (size_t m = 0; m < out_.merges.size();) {
      size_t k = 0;
      while (k + 1 < ids.size() && (ids[k] != out_.merges[m].left || ids[k + 1] != out_.merges[m].right)) ++k;
      if (k + 1 >= ids.size()) {
        ++m;
        continue;
      }
      ids[k] = out_.merges[m].result;
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(k) + 1);
      m = 0;
    }
    return ids;
  }

  const PieceCounts& counts_;
  TrainedBpe start_, out_;
};

void expect_same(const TrainedBpe& a, const TrainedBpe& b) {
  EXPECT_EQ(a.tokens, b.tokens);
  ASSERT_EQ(a.merges.size(), b.merges.size());
  for (size_t i = 0; i < a.merges.size(); ++i) {
    EXPECT_EQ(a.merges[i].left, b.merges[i].left) << i;
    EXPECT_EQ(a.merges[i].right, b.merges[i].right) << i;
    EXPECT_EQ(a.merges[i].result, b.merges[i].result) << i;
  }
}

TEST(BpeTrainer, EqualsThePlainDefinition) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    // Few letters make runs and ties.
    const std::string_view letters = std::string_view("aabcde").substr(0, 1 + seed % 6);
    const PieceCounts counts = counted({random_text(seed, 60, letters)});
    const auto vocab_size = static_cast<int32_t>(kSmallestBpeVocabulary + 1 + seed);
    const uint64_t min_frequency = 1 + seed % 3;
    const TrainedBpe fast = train(counts, vocab_size, min_frequency);
    const TrainedBpe plain = PlainTrainer(counts).run(static_cast<size_t>(vocab_size), min_frequency);
    SCOPED_TRACE(seed);
    expect_same(fast, plain);
    // Each merge makes a token that is new.
    EXPECT_EQ(fast.merges.size() + static_cast<size_t>(kSmallestBpeVocabulary), fast.tokens.size());
    EXPECT_EQ(std::set<std::string>(fast.tokens.begin(), fast.tokens.end()).size(), fast.tokens.size());
  }
}

TEST(BpeTrainer, ACapitalIsKeptFromTheSpaceBeforeIt) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const PieceCounts counts = counted({random_text(seed, 60, std::string_view("ABabAc").substr(0, 1 + seed % 6))});
    const TrainedBpe fast = train_bpe(counts, {.vocab_size = 320, .min_frequency = 1, .split_capitals = true});
    expect_same(fast, PlainTrainer(counts).run(320, 1, true));
    for (const std::string& token : fast.tokens) EXPECT_EQ(token.find(" A"), std::string::npos) << token;
  }
  const TrainedBpe bpe =
      train_bpe(counted({"Ann met Ann: \"Ann\" and Ann's aunt"}), {.vocab_size = 400, .split_capitals = true});
  const Tokenizer tokenizer = tokenizer_of(bpe);
  EXPECT_EQ(tokenizer.encode("Ann").size(), 1u);
  EXPECT_EQ(tokenizer.encode(" Ann").size(), 2u);
}

TEST(BpeTrainer, TiesGoToTheLowerIds) {
  // Each pair occurs once; letters have their ids in alphabetical order.
  const TrainedBpe bpe = train(counted({"cd", "ab", "ba", "dc"}), kSmallestBpeVocabulary + 4);
  const std::vector<std::string> last(bpe.tokens.end() - 4, bpe.tokens.end());
  EXPECT_EQ(last, (std::vector<std::string>{"ab", "ba", "cd", "dc"}));
}

TEST(BpeTrainer, OrderOfTheTextsDoesNotMatter) {
  std::vector<std::string> texts;
  for (uint64_t seed = 100; seed < 110; ++seed) texts.push_back(random_text(seed, 80, "abcdefgh"));
  const TrainedBpe one = train(counted(texts), 500, 2);
  std::reverse(texts.begin(), texts.end());
  const TrainedBpe other = train(counted(texts), 500, 2);
  expect_same(one, other);
  EXPECT_EQ(one.pieces_tokens, other.pieces_tokens);
}

TEST(BpeTrainer, StartsWithControlTokensAndBytesInTheOrderOfTheirCharacters) {
  const TrainedBpe bpe = train(counted({"aa"}), 300);
  ASSERT_EQ(bpe.tokens.size(), 260U);  // one merge and nothing more to merge
  EXPECT_EQ(bpe.tokens[0], "<|endoftext|>");
  EXPECT_EQ(bpe.tokens[2], "<|im_end|>");
  EXPECT_EQ(bpe.tokens[3], "!");  // as SmolLM2's, which has 14 more control tokens
  EXPECT_EQ(bpe.tokens[3 + 'a' - '!'], "a");
  EXPECT_EQ(bpe.tokens[259], "aa");
  const Tokenizer tokenizer = tokenizer_of(bpe);
  EXPECT_EQ(tokenizer.token_text(3 + 188), "\xC4\x80");  // U+0100 stands for byte 0
  EXPECT_EQ(tokenizer.token_bytes(3 + 188), std::string_view("\0", 1));
}

TEST(BpeTrainer, MergesNothingRarerThanAsked) {
  const PieceCounts counts = counted({"abab xyxyxy"});
  EXPECT_EQ(train(counts, 1000, 4).merges.size(), 0U);
  const TrainedBpe three = train(counts, 1000, 3);
  ASSERT_EQ(three.merges.size(), 1U);
  EXPECT_EQ(three.tokens.back(), "xy");
}

// An encoder with the trained merges cuts as the training did, and what it cuts reads back.
TEST(BpeTrainer, EncodesAsTrainedAndDecodesBack) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text = random_text(seed, 300, std::string_view("abcdefghij").substr(0, 2 + seed % 9));
    const PieceCounts counts = counted({text});
    const TrainedBpe bpe = train(counts, static_cast<int32_t>(300 + 20 * seed));
    const Tokenizer tokenizer = tokenizer_of(bpe);
    ASSERT_EQ(static_cast<size_t>(tokenizer.vocab_size()), bpe.tokens.size());
    const std::vector<int32_t> ids = tokenizer.encode(text, {.parse_special = false});
    EXPECT_EQ(ids.size(), bpe.pieces_tokens) << seed;
    EXPECT_EQ(text.size(), bpe.pieces_bytes) << seed;
    EXPECT_EQ(tokenizer.decode(ids), text) << seed;
    for (size_t id = kChatMlTokens.size(); id < bpe.tokens.size(); ++id)
      EXPECT_EQ(tokenizer.token_bytes(static_cast<int32_t>(id)), bpe.tokens[id]);
  }
}

TEST(BpeTrainer, EveryTextReadsBack) {
  const Tokenizer tokenizer = tokenizer_of(train(counted({random_text(1, 200, "abcdefghijklmnop")}), 400));
  uint64_t at = 0;
  for (int text = 0; text < 200; ++text) {
    std::string any;
    for (int i = 0; i < 40; ++i) {
      const double limits[] = {0x80, 0x800, 0xD800, 0x110000};
      append_utf8(any, static_cast<char32_t>(random_unit(9, 1, at) * limits[at % 4]));
      ++at;
    }
    ASSERT_TRUE(is_valid_utf8(any));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(any)), any);
  }
}

TEST(BpeTrainer, TellsItsProgress) {
  std::vector<uint64_t> done;
  BpeTrainerOptions options{.vocab_size = 700, .min_frequency = 1};
  options.progress = [&done](uint64_t n, uint64_t total) {
    EXPECT_EQ(total, 700U);
    done.push_back(n);
  };
  ASSERT_EQ(train_bpe(counted({random_text(3, 2000, "abcdefghijklmnop")}), options).tokens.size(), 700U);
  ASSERT_GE(done.size(), 3U);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_LE(done.back(), 700U);
}

TEST(PieceCounts, CutsAsTheWrittenTokenizerDoes) {
  const PieceCounts counts = counted({"it's 12 a\n\n b", " a"});
  std::map<std::string, uint64_t> got;
  for (size_t i = 0; i < counts.size(); ++i) got[std::string(counts.piece(i))] = counts.count(i);
  const std::map<std::string, uint64_t> expected = {{"it", 1}, {"'s", 1}, {" ", 1},    {"1", 1},
                                                    {"2", 1},  {" a", 2}, {"\n\n", 1}, {" b", 1}};
  EXPECT_EQ(got, expected);
  EXPECT_EQ(counts.distinct_bytes(), 2U + 2 + 1 + 1 + 1 + 2 + 2 + 2);
}

TEST(PieceCounts, CountsManyDistinctPieces) {
  auto counts = PieceCounts::create();
  ASSERT_TRUE(counts);
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    std::string word = " ";
    for (int n = i; n > 0; n /= 26) word.push_back(static_cast<char>('a' + n % 26));
    word += "z";
    text += word;
    if (i % 2 == 0) text += word;
  }
  ASSERT_TRUE(counts->add_text(text));
  ASSERT_EQ(counts->size(), 5000U);
  for (size_t i = 0; i < 5000; ++i) EXPECT_EQ(counts->count(i), i % 2 == 0 ? 2U : 1U);
}

TEST(PieceCounts, HasLimits) {
  auto few = PieceCounts::create({.max_pieces = 3, .max_bytes = 100, .max_piece_bytes = 10});
  ASSERT_TRUE(few);
  EXPECT_TRUE(few->add_text("a b c b"));
  const auto refused = few->add_text(" d");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("more than 3 distinct pieces or 100 bytes"), std::string::npos)
      << refused.error().message;
  auto small = PieceCounts::create({.max_pieces = 100, .max_bytes = 12, .max_piece_bytes = 10});
  ASSERT_TRUE(small);
  EXPECT_TRUE(small->add_text("abcdefghij"));   // 10 bytes: as long as a piece may be
  EXPECT_TRUE(small->add_text("abcdefghijk"));  // longer: left out
  EXPECT_EQ(small->left_out(), 1U);
  EXPECT_EQ(small->size(), 1U);
  EXPECT_TRUE(small->add_text("xy"));
  EXPECT_FALSE(small->add_text("z"));
}

}  // namespace
}  // namespace sobre
