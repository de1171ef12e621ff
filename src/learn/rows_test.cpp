#include "learn/rows.h"

#include <gtest/gtest.h>

#include <random>

#include "learn/learn_testing.h"

namespace sobre {
namespace {

using Fields = std::vector<std::string>;

std::string quoted_field(const std::string& field) {
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

TEST(Rows, JsonlSkipsBlankLinesAndNamesTheRightLine) {
  const std::string text = "\xEF\xBB\xBF{\"a\": 1}\r\n\n  \t\r\n{\"a\": 2}\n{broken\n[3]\n{\"a\": 4}";
  const auto rows = RowFile::over(text, "x.jsonl", RowForm::kJsonl);
  ASSERT_TRUE(rows) << message_of(rows);
  ASSERT_EQ(rows->size(), 5u);
  EXPECT_EQ(json_row(*rows, 0)->find("a")->as_int(), 1);
  EXPECT_EQ(json_row(*rows, 1)->find("a")->as_int(), 2);
  EXPECT_TRUE(message_of(json_row(*rows, 2)).starts_with("x.jsonl:5: JSON error")) << message_of(json_row(*rows, 2));
  EXPECT_TRUE(message_of(json_row(*rows, 3)).starts_with("x.jsonl:6: the row is no JSON object"));
  EXPECT_EQ(json_row(*rows, 4)->find("a")->as_int(), 4);  // no line break at the end
}

TEST(Rows, FilesThatHoldNothing) {
  const TestFiles files;
  for (const char* text : {"", "\n\n \n", "\xEF\xBB\xBF"}) {
    EXPECT_NE(message_of(RowFile::open(files.write("e", text), RowForm::kJsonl)).find("holds no rows"), std::string::npos);
    EXPECT_NE(message_of(CsvFile::open(files.write("e", text))).find("holds no rows"), std::string::npos);
  }
  EXPECT_NE(message_of(CsvFile::over("a,b\n", "x.csv")).find("x.csv:1: no rows follow"), std::string::npos);
  EXPECT_NE(message_of(RowFile::open(files / "absent", RowForm::kCsv)).find("absent"), std::string::npos);
}

TEST(Rows, ARowThatIsTooLongIsNamed) {
  const std::string text = "{}\n" + std::string(RowFile::kMaxRowBytes + 1, ' ') + "\n";
  EXPECT_EQ(message_of(RowFile::over(text, "x", RowForm::kJsonl)), "x:2: a row of 16777217 bytes; at most 16777216 are read");
}

TEST(Csv, ReadsWhatRfc4180Allows) {
  const std::string text =
      "text,category\r\nplain,one\r\n\"with, comma\",two\r\n\"two\r\nlines\",three\n\"say \"\"hi\"\"\",\"\"\n,\nlast,four";
  const auto file = CsvFile::over(text, "x.csv");
  ASSERT_TRUE(file) << message_of(file);
  const std::vector<Fields> wanted = {{"plain", "one"}, {"with, comma", "two"}, {"two\r\nlines", "three"}, {"say \"hi\"", ""},
                                      {"", ""},         {"last", "four"}};
  ASSERT_EQ(file->size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(*file->fields(i), wanted[i]) << i;
  EXPECT_EQ(file->place(3), "x.csv:6");
  EXPECT_EQ(*file->column("category"), 1u);
  EXPECT_EQ(message_of(file->column("label")), "x.csv:1: no column \"label\"; the first row names: text, category");
}

TEST(Csv, ABadRowIsOneErrorAndSpoilsNoOther) {
  const std::string text = "a,b\ngood,1\nbad \"quote,2\n\"x\"y,3\nfew\n1,2,3\n\xFF,4\ngood,5\n";
  const auto file = CsvFile::over(text, "x.csv");
  ASSERT_TRUE(file) << message_of(file);
  ASSERT_EQ(file->size(), 7u);
  const std::pair<uint64_t, const char*> errors[] = {{1, "x.csv:3: field 1: a quote within"},
                                                     {2, "x.csv:4: field 1: text behind its closing quote"},
                                                     {3, "x.csv:5: 1 fields; the first row names 2 columns"},
                                                     {4, "x.csv:6: 3 fields"},
                                                     {5, "x.csv:7: the row is no UTF-8"}};
  for (const auto& [row, error] : errors)
    EXPECT_TRUE(message_of(file->fields(row)).starts_with(error)) << message_of(file->fields(row));
  EXPECT_EQ(*file->fields(0), (Fields{"good", "1"}));
  EXPECT_EQ(*file->fields(6), (Fields{"good", "5"}));
}

TEST(Csv, QuotesThatNeverCloseAreNamedWhenTheFileIsOpened) {
  EXPECT_EQ(message_of(CsvFile::over("a,b\n1,2\n3,\"4\n5,6\n", "x.csv")), "x.csv:3: a quoted field of this row never closes");
  EXPECT_EQ(message_of(CsvFile::over("a,\"a\n1", "x.csv")), "x.csv:1: a quoted field of this row never closes");
  EXPECT_NE(message_of(CsvFile::over("a,a\n1,2\n", "x.csv")).find("two columns are named \"a\""), std::string::npos);
  EXPECT_NE(message_of(parse_csv_row(std::string(5000, ','))).find("4096"), std::string::npos);
}

TEST(Csv, RandomTablesComeBackHoweverTheyAreWritten) {
  std::mt19937 random(7);
  constexpr std::string_view kLetters = "ab,\"\n\r x";
  for (int round = 0; round < 2000; ++round) {
    std::vector<Fields> table;
    const size_t columns = 2 + random() % 3;
    std::string text;
    for (size_t c = 0; c < columns; ++c) text += (c > 0 ? "," : "") + std::string(1, static_cast<char>('a' + c));
    const char* ending = random() % 3 == 0 ? "\n" : random() % 2 == 0 ? "\r\n" : "\r";
    text += ending;
    for (size_t rows = 1 + random() % 6; rows > 0; --rows) {
      Fields fields(columns);
      for (size_t c = 0; c < columns; ++c) {
        for (size_t n = random() % 5; n > 0; --n) fields[c] += kLetters[random() % kLetters.size()];
        const bool plain = fields[c].find_first_of(",\"\n\r") == std::string::npos && random() % 2 == 0;
        text += (c > 0 ? "," : "") + (plain ? fields[c] : quoted_field(fields[c]));
      }
      text += ending;
      table.push_back(fields);
    }
    if (random() % 2 == 0) text.resize(text.size() - std::string(ending).size());
    const auto file = CsvFile::over(text, "x");
    ASSERT_TRUE(file) << message_of(file) << text;
    ASSERT_EQ(file->size(), table.size()) << text;
    for (size_t i = 0; i < table.size(); ++i) ASSERT_EQ(*file->fields(i), table[i]) << text;
  }
}

}  // namespace
}  // namespace sobre
