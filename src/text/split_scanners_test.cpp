#include "text/split_scanners.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "text/pre_tokenizer.h"
#include "text/unicode.h"

namespace sobre {
namespace {

/// The pieces, joined by bars, after one or two isolating patterns.
std::string cut(const std::vector<std::string_view>& patterns, std::string text) {
  PreTokenizer pre;
  for (const std::string_view p : patterns)
    EXPECT_TRUE(pre.add(*SplitStep::regex(p, SplitBehavior::kIsolated, false)).has_value());
  PieceList list{text, {{0, text.size()}}, true};
  pre.run(list);
  std::string out;
  for (const Span s : list.pieces) out += (out.empty() ? "" : "|") + list.text.substr(s.begin, s.end - s.begin);
  return out;
}

const std::string kWorld = "Hello world's 12345 DON'T";
const std::string kSpaces = "  a\n\n  b\t\tc  ";
const std::string kScripts = "iPhoneXR été 你好世界٣";

TEST(SplitScanners, Gpt2) {
  EXPECT_EQ(cut({kGpt2Pattern}, kWorld), "Hello| world|'s| 12345| DON|'|T");
  EXPECT_EQ(cut({kGpt2Pattern}, kSpaces), " | a|\n\n | b|\t|\t|c|  ");
  EXPECT_EQ(cut({kGpt2Pattern}, kScripts), "iPhoneXR| été| 你好世界|٣");
  EXPECT_EQ(cut({R"(\p{N})", kGpt2Pattern}, kWorld), "Hello| world|'s| |1|2|3|4|5| DON|'|T");
  EXPECT_EQ(cut({R"(\p{N})", kGpt2Pattern}, "a  1"), "a|  |1");
}

TEST(SplitScanners, Llama3AndQwen2) {
  EXPECT_EQ(cut({kLlama3Pattern}, kWorld), "Hello| world|'s| |123|45| DON|'T");
  EXPECT_EQ(cut({kLlama3Pattern}, kSpaces), " | a|\n\n| | b|\t|\tc|  ");
  EXPECT_EQ(cut({kLlama3Pattern}, "don't_stop — 3.14%…"), "don|'t|_stop| —| |3|.|14|%…");
  EXPECT_EQ(cut({kQwen2Pattern}, kWorld), "Hello| world|'s| |1|2|3|4|5| DON|'T");
}

TEST(SplitScanners, Tekken) {
  EXPECT_EQ(cut({kTekkenPattern}, kScripts), "i|Phone|XR| été| 你好世界|٣");
  EXPECT_EQ(cut({kTekkenPattern}, kSpaces), " | a|\n\n| | b|\t|\tc|  ");
  EXPECT_EQ(cut({kTekkenPattern}, kWorld), "Hello| world|'s| |1|2|3|4|5| DON|'T");
}

/// Text of characters that matter to the patterns, in runs.
std::string random_text(std::mt19937& random) {
  static const std::string kParts[] = {"a",      "b",      "s",      "T",    "LL",     "ve",     "R",      "'", "'s", " ",
                                       "  ",     "\t",     "\n",     "\r\n", "/",      ".",      "_",      "1", "٣",  "½",
                                       "é",      "É",      "ǅ",      "ʰ",    "中",     "́",       "्",       "ः", "🙂", "\u00A0",
                                       "\u3000", "\u2028", "\u0085", "ſ",    "\u200D", "\u24B6", "\u16EE", "\0"};
  std::string text;
  const size_t n = random() % 24;
  for (size_t i = 0; i < n; ++i) {
    const std::string& part = kParts[random() % std::size(kParts)];
    for (size_t k = 1 + (random() % 4 == 0 ? random() % 4 : 0); k > 0; --k) text += part;
  }
  return text;
}

TEST(SplitScanners, EqualTheirPatterns) {
  std::mt19937 random(7);
  for (const std::string_view pattern : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern, kTekkenPattern}) {
    const Scanner scan = find_scanner(pattern);
    ASSERT_NE(scan, nullptr);
    const auto regex = SplitRegex::compile(pattern);
    ASSERT_TRUE(regex.has_value()) << regex.error().message;
    for (int round = 0; round < 20000; ++round) {
      const std::string text = random_text(random);
      std::vector<Span> expected, got;
      regex->find_all(text, expected);
      for (size_t pos = 0; pos < text.size(); pos = got.back().end) got.push_back({pos, scan(text, pos)});
      ASSERT_EQ(got, expected) << pattern << " on '" << text << "'";
    }
  }
}

TEST(SplitRegex, RefusesWhatItWouldReadOtherwise) {
  for (const char* bad :
       {"a{1,3}+", "[[:nothing:]]", "[[:^punct:]]", "\\u12", "\\p{L",   "[a[b]]", "[a&&b]",   "[\\W]", "(?m)a", "(*FAIL)", "(",
        "a\\",     "[]a]",          "\\C",          "\xFF",  "(?im:a)", "(?xm)a", "(?i-s:a)", "\\pL",  "\\V",   "\\Qa\\E"}) {
    EXPECT_FALSE(SplitRegex::compile(bad).has_value()) << bad;
  }
}

TEST(SplitRegex, FindsAsOnigurumaDoes) {
  const auto all = [](std::string_view pattern, std::string_view text) {
    std::vector<Span> found;
    SplitRegex::compile(pattern)->find_all(text, found);
    return found;
  };
  EXPECT_EQ(all("x*", "axb"), (std::vector<Span>{{0, 0}, {1, 2}, {3, 3}}));
  EXPECT_EQ(all(R"(\h+)", "zfF9g"), (std::vector<Span>{{1, 4}}));
  EXPECT_EQ(all(R"(\w+)", "e\u0301_\u24D0 \u2153"), (std::vector<Span>{{0, 7}}));
  EXPECT_EQ(all(R"(\w)", "\u00BD"), (std::vector<Span>{{0, 2}}));  // so it is with Latin-1, but not inside of [...]
  EXPECT_EQ(all(R"([\w])", "\u00BD"), std::vector<Span>{});
  EXPECT_EQ(all(R"(\ba)", "a\u0301a \u00BDa a"), (std::vector<Span>{{0, 1}, {9, 10}}));
  EXPECT_EQ(all(R"([^\S\n]+)", "a \t\nb\u00A0"), (std::vector<Span>{{1, 3}, {5, 7}}));
  EXPECT_EQ(all(R"([\s\S]{2})", "a\nb"), (std::vector<Span>{{0, 2}}));
  EXPECT_EQ(all("[[:punct:]]", "a\u2282!"), (std::vector<Span>{{1, 4}, {4, 5}}));
  EXPECT_EQ(all("[[:^alpha:]]", "a1\u24D0"), (std::vector<Span>{{1, 2}}));
  EXPECT_EQ(all(R"(\p{Han}+)", "\u6F22\u3366"), (std::vector<Span>{{0, 3}}));  // the script, not its extensions
  EXPECT_EQ(all(R"(\P{^Han}+)", "\u6F22a"), (std::vector<Span>{{0, 3}}));
  EXPECT_EQ(all(R"([\u4e00-\u9fa5])", "a\u6F22"), (std::vector<Span>{{1, 4}}));
  EXPECT_EQ(all(R"(\p{Uppercase_Letter})", "aA"), (std::vector<Span>{{1, 2}}));
  EXPECT_EQ(all(R"(\s)", "\u180E\u0085"), (std::vector<Span>{{3, 5}}));
  EXPECT_EQ(all("^b", "a\nb"), (std::vector<Span>{{2, 3}}));
  EXPECT_EQ(all(R"(\p{N}{,3}1)", "23451"), (std::vector<Span>{{1, 5}}));  // {,n}: from none
  EXPECT_EQ(all(R"(\v)", "\n\v"), (std::vector<Span>{{1, 2}}));
  EXPECT_EQ(all("(?i:b)", "aB"), (std::vector<Span>{{1, 2}}));
  // Matches that need to see beyond any window.
  const std::string run(100000, 'a');
  EXPECT_EQ(all(R"(a+(?!b))", run + "b"), (std::vector<Span>{{0, 99999}}));
  EXPECT_EQ(all(R"(a+$)", run), (std::vector<Span>{{0, 100000}}));
  EXPECT_EQ(all("c", run + "c" + run), (std::vector<Span>{{100000, 100001}}));
}

TEST(SplitRegex, HostilePatternsEnd) {
  const std::string run(1 << 18, 'a');
  for (const char* pattern :
       {"(a+)+b", "a*b|a", "a++b|a", "(?=.*)a", "(a|aa)+$b", "(?:a*)*b|a", "(?=(?:a|aa)*b)a|a", "(?<=a)a*?b|a"}) {
    const auto regex = SplitRegex::compile(pattern);
    ASSERT_TRUE(regex.has_value()) << pattern << regex.error().message;
    const auto start = std::chrono::steady_clock::now();
    std::vector<Span> found;
    regex->find_all(run, found);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << pattern;
    std::vector<Span> again;
    regex->find_all(run, again);
    EXPECT_EQ(found, again) << pattern;
  }
}

TEST(SplitRegex, PiecesOfATextShareItsBudget) {
  const auto regex = SplitRegex::compile("(a+)+b|a");
  ASSERT_TRUE(regex.has_value()) << regex.error().message;
  // Long enough to need more than the steps that are free, short enough for the budget of one text.
  const std::string piece(18, 'a');
  uint64_t budget = SplitRegex::budget_of(piece.size());
  std::vector<Span> found;
  regex->find_all(piece, found, budget);
  EXPECT_EQ(found.size(), piece.size());
  EXPECT_LT(budget, SplitRegex::budget_of(piece.size()));
  int texts = 0;
  for (; found.size() == piece.size(); ++texts) {
    found.clear();
    regex->find_all(piece, found, budget);
  }
  EXPECT_GT(texts, 1);
  EXPECT_LT(found.size(), piece.size()) << "the pieces before have spent it";
  found.clear();
  regex->find_all(piece, found);
  EXPECT_EQ(found.size(), piece.size()) << "a text of its own has its own";
}

}  // namespace
}  // namespace sobre
