#include "text/added_tokens.h"

#include <gtest/gtest.h>

#include <random>

namespace sobre {
namespace {

/// The definition: at each place from the left the longest token, and on after it.
std::vector<std::pair<Span, int32_t>> split_plainly(std::string_view text, const std::vector<AddedToken>& tokens) {
  std::vector<std::pair<Span, int32_t>> out;
  size_t pos = 0, written = 0;
  while (pos < text.size()) {
    const AddedToken* best = nullptr;
    for (const AddedToken& t : tokens) {
      if (text.substr(pos).starts_with(t.content) && (best == nullptr || t.content.size() > best->content.size())) best = &t;
    }
    if (best == nullptr) {
      ++pos;
      continue;
    }
    if (written < pos) out.push_back({{written, pos}, kNoToken});
    out.push_back({{pos, pos + best->content.size()}, best->id});
    written = pos += best->content.size();
  }
  if (written < text.size()) out.push_back({{written, text.size()}, kNoToken});
  return out;
}

TEST(AddedTokens, LeftmostLongestAsDefined) {
  std::mt19937 random(11);
  const auto word = [&random](size_t most) {
    std::string s;
    for (size_t n = 1 + random() % most; n > 0; --n) s.push_back(static_cast<char>('a' + random() % 2));
    return s;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<AddedToken> tokens;
    for (int32_t id = 0; id < 1 + static_cast<int32_t>(random() % 6); ++id) tokens.push_back({word(5), id});
    const std::string text = word(30);
    const auto added = AddedTokens::build(tokens);
    ASSERT_TRUE(added.has_value());
    std::vector<Segment> segments;
    added->split(text, true, segments);
    std::vector<std::pair<Span, int32_t>> got;
    for (const Segment& s : segments) got.emplace_back(s.span, s.id);
    ASSERT_EQ(got, split_plainly(text, tokens)) << text;
  }
}

TEST(AddedTokens, RefusesLongOnesAndNeverFindsBrokenOnes) {
  EXPECT_FALSE(AddedTokens::build({{std::string(AddedTokens::kMaxContent + 1, 'x'), 0}}).has_value());
  const auto added = AddedTokens::build({{"\xA9", 0}, {"", 1}});  // the second byte of U+00E9
  ASSERT_TRUE(added.has_value());
  std::vector<Segment> segments;
  added->split("\u00E9", true, segments);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].id, kNoToken);
}

}  // namespace
}  // namespace sobre
