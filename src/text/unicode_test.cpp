#include "text/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace sobre {
namespace {

constexpr const char* kBad = "\xEF\xBF\xBD";

TEST(Unicode, RepairsByMaximalSubparts) {
  const std::string bad = kBad;
  EXPECT_EQ(repair_utf8("abc\xC3\xA9"), "abc\xC3\xA9");
  EXPECT_EQ(repair_utf8("\x80"
                        "a"),
            bad + "a");
  EXPECT_EQ(repair_utf8("\xE2\x82"), bad);  // one truncated character
  EXPECT_EQ(repair_utf8("\xE2\x82"
                        "a"),
            bad + "a");
  EXPECT_EQ(repair_utf8("\xF0\x9F\x99"), bad);
  EXPECT_EQ(repair_utf8("\xC0\x80"), bad + bad);            // overlong
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), bad + bad + bad);  // a surrogate
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(repair_utf8("\xF1\x80\x41\x42"), bad + "AB");
  EXPECT_EQ(repair_utf8("12345678\xFF"
                        "12345678"),
            "12345678" + bad + "12345678");
}

TEST(Unicode, TellsIncompleteFromInvalid) {
  EXPECT_EQ(decode_utf8("\xE2\x82", 0).status, Utf8Status::kIncomplete);
  EXPECT_EQ(decode_utf8("\xE2\x28", 0).status, Utf8Status::kInvalid);
  EXPECT_EQ(decode_utf8("\xE0\x80", 0).status, Utf8Status::kInvalid);  // can never become valid
  EXPECT_EQ(decode_utf8("\xF0\x9F\x99\x82", 0).code, 0x1F642u);
}

TEST(Unicode, EveryScalarValueGoesRound) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    const Utf8Char decoded = decode_utf8(text, 0);
    ASSERT_EQ(decoded.code, c);
    ASSERT_EQ(decoded.size, text.size());
    uint32_t size = 0;
    ASSERT_EQ(decode_valid_utf8(text.data(), size), c);
    ASSERT_EQ(size, utf8_size(text[0]));
    ASSERT_EQ(previous_utf8(text, text.size()), 0u);
  }
}

TEST(Unicode, Classes) {
  const auto has = [](char32_t c, unsigned mask) { return (char_classes(c) & mask) != 0; };
  EXPECT_TRUE(has('a', kClassLowerish) && !has('a', kClassUpperish));
  EXPECT_TRUE(has(0x4E2D, kClassLetter) && has(0x4E2D, kClassLowerish) && has(0x4E2D, kClassUpperish));
  EXPECT_TRUE(has(0xBD, kClassNumber) && has(0x2167, kClassNumber) && has(0x665, kClassNumber));
  for (const char32_t c : std::initializer_list<char32_t>{0x9, 0xB, 0x20, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x202F, 0x3000})
    EXPECT_TRUE(has(c, kClassSpace));
  for (const char32_t c : std::initializer_list<char32_t>{0x200B, 0x180E, 0xFEFF, 0x1F}) EXPECT_FALSE(has(c, kClassSpace));
  EXPECT_TRUE(has(0x301, kClassMark) && has(0x301, kClassNonspacing) && !has(0x301, kClassLetter));
  EXPECT_TRUE(has('_', kClassWord) && has('_', kClassPunctuation) && has('$', kClassAsciiSymbol) &&
              !has('$', kClassPunctuation));
}

TEST(Unicode, NormalForms) {
  EXPECT_EQ(normalize_unicode("e\u0301", NormalForm::kNfc), "\u00E9");
  EXPECT_EQ(normalize_unicode("\u00E9", NormalForm::kNfd), "e\u0301");
  EXPECT_EQ(normalize_unicode("\uFB01 \u00BD", NormalForm::kNfkc), "fi 1\u20442");
  EXPECT_EQ(normalize_unicode("\uAC01", NormalForm::kNfd), "\u1100\u1161\u11A8");
  EXPECT_EQ(normalize_unicode("\u1100\u1161\u11A8", NormalForm::kNfc), "\uAC01");
  EXPECT_EQ(normalize_unicode("q\u0307\u0323", NormalForm::kNfc), "q\u0323\u0307");  // reordered
  EXPECT_EQ(normalize_unicode("\u0344", NormalForm::kNfc), "\u0308\u0301");          // never composed
  EXPECT_EQ(normalize_unicode("\u212B", NormalForm::kNfc), "\u00C5");
  std::string lower;
  append_lower(lower, 0x130);
  append_lower(lower, 0x3A3);
  EXPECT_EQ(lower, "i\u0307\u03C3");
}

TEST(Unicode, LongRunsOfMarksAreOrderedFast) {
  // Marks of five classes, mixed: an exchange sort would need 10^11 steps.
  const std::string marks[] = {"\u0301", "\u0323", "\u0345", "\u0334", "\u0315"};
  std::mt19937 random(1);
  std::string text = "a";
  while (text.size() < 1 << 20) text += marks[random() % 5];
  const auto start = std::chrono::steady_clock::now();
  const std::string nfd = normalize_unicode(text, NormalForm::kNfd);
  const std::string nfc = normalize_unicode(text, NormalForm::kNfc);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(nfd.size(), text.size());
  // 0334 has class 1, 0323 220, 0301 230, 0315 232, 0345 240.
  EXPECT_LT(nfd.rfind("\u0334"), nfd.find("\u0323"));
  EXPECT_LT(nfd.rfind("\u0323"), nfd.find("\u0301"));
  EXPECT_LT(nfd.rfind("\u0301"), nfd.find("\u0315"));
  EXPECT_LT(nfd.rfind("\u0315"), nfd.find("\u0345"));
  EXPECT_EQ(normalize_unicode(nfc, NormalForm::kNfd), nfd);
}

}  // namespace
}  // namespace sobre
