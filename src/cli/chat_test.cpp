#include <gtest/gtest.h>

#include "cli/chat_settings.h"
#include "cli/chat_text.h"

namespace sobre {
namespace {

TEST(TerminalSafe, NothingSteersTheTerminal) {
  EXPECT_EQ(terminal_safe("a\tb\nété 你好"), "a\tb\nété 你好");
  EXPECT_EQ(terminal_safe("\x1b[2Jx\r\x07\x7f"), "�[2Jx���");
  EXPECT_EQ(terminal_safe("\xC2\x9B"
                          "31m"),
            "�31m");  // the one-character form of ESC [
  EXPECT_EQ(terminal_safe("\xC2\xA0"), "\xC2\xA0");
  EXPECT_EQ(terminal_safe(std::string_view("\0", 1)), "�");
}

TEST(MessageLines, OneLineBackslashAndBlock) {
  MessageLines lines;
  EXPECT_TRUE(lines.add("hello"));
  EXPECT_FALSE(lines.is_block());
  EXPECT_EQ(lines.take(), "hello");
  EXPECT_FALSE(lines.add("one\\"));
  EXPECT_TRUE(lines.open());
  EXPECT_TRUE(lines.add("two"));
  EXPECT_EQ(lines.take(), "one\ntwo");
  EXPECT_FALSE(lines.add("\"\"\""));
  EXPECT_FALSE(lines.add("  first \\"));
  EXPECT_FALSE(lines.add(""));
  EXPECT_TRUE(lines.add("\"\"\""));
  EXPECT_TRUE(lines.is_block());
  EXPECT_EQ(lines.take(), "  first \\\n");
  EXPECT_FALSE(lines.open());
  EXPECT_TRUE(lines.add("\"\"\"/set x\"\"\""));
  EXPECT_TRUE(lines.is_block());
  EXPECT_EQ(lines.take(), "/set x");
  EXPECT_FALSE(lines.add("\"\"\"begin"));
  EXPECT_TRUE(lines.add("end\"\"\""));
  EXPECT_EQ(lines.take(), "begin\nend");
}

TEST(ParseCommand, SlashAndLetters) {
  ChatCommand command;
  ASSERT_TRUE(parse_command("/set  top-p 0.9 ", command));
  EXPECT_EQ(command.name, "set");
  EXPECT_EQ(command.rest, "top-p 0.9");
  ASSERT_TRUE(parse_command("/help", command));
  EXPECT_EQ(command.rest, "");
  for (const char* text : {"", "/", "//", "help", " /help", "/usr/bin is what?", "/2"})
    EXPECT_FALSE(parse_command(text, command));
}

std::string error_of(std::string_view name, std::string_view value) {
  AnswerOptions options;
  const auto result = set_option(options, name, value);
  return result ? std::string() : result.error().message;
}

TEST(SetOption, EveryNameIsTaken) {
  AnswerOptions o;
  const std::pair<const char*, const char*> values[] = {{"temperature", "0.25"}, {"top-k", "40"},        {"top_p", "0.9"},
                                                        {"min-p", "0.05"},       {"seed", "42"},         {"max-tokens", "100"},
                                                        {"stop", "END"},         {"stop", "\"\\n\\n\""}, {"logit-bias", "7=-5"},
                                                        {"logit-bias", "8=1"},   {"logit_bias", "7=2.5"}};
  for (const auto& [name, value] : values) {
    const auto result = set_option(o, name, value);
    EXPECT_TRUE(result) << name;
  }
  EXPECT_TRUE(set_option(o, "repetition-penalty", "1.1"));
  EXPECT_EQ(o.sampling.penalty_window, -1);
  EXPECT_TRUE(set_option(o, "presence-penalty", "-0.5"));
  EXPECT_TRUE(set_option(o, "frequency-penalty", "0.5"));
  EXPECT_EQ(settings_text(o),
            "temperature 0.25, top-k 40, top-p 0.9, min-p 0.05, repetition-penalty 1.1, presence-penalty -0.5, "
            "frequency-penalty 0.5, seed 42, max-tokens 100, stop \"END\", stop \"\\n\\n\", logit-bias 8=1, logit-bias 7=2.5");
  EXPECT_TRUE(set_option(o, "stop", ""));
  EXPECT_TRUE(set_option(o, "logit-bias", ""));
  EXPECT_TRUE(o.stops.empty());
  EXPECT_TRUE(o.sampling.logit_bias.empty());
}

TEST(SetOption, WrongValuesAreNamed) {
  const std::pair<const char*, const char*> values[] = {{"temperature", "-1"},
                                                        {"temperature", "hot"},
                                                        {"temperature", "nan"},
                                                        {"temperature", "0.5x"},
                                                        {"temperature", ""},
                                                        {"top-k", "-1"},
                                                        {"top-k", "1.5"},
                                                        {"top-p", "0"},
                                                        {"top-p", "1.5"},
                                                        {"min-p", "2"},
                                                        {"seed", "-3"},
                                                        {"max-tokens", "many"},
                                                        {"repetition-penalty", "0"},
                                                        {"presence-penalty", "3"},
                                                        {"logit-bias", "5"},
                                                        {"logit-bias", "a=1"},
                                                        {"logit-bias", "5=x"},
                                                        {"logit-bias", "-1=1"},
                                                        {"frequency-penalty", "-9"}};
  for (const auto& [name, value] : values) EXPECT_FALSE(error_of(name, value).empty()) << name << " " << value;
  EXPECT_NE(error_of("warmth", "1").find("top-p"), std::string::npos);
  EXPECT_NE(error_of("top-k", "x").find("'x'"), std::string::npos);
  AnswerOptions o;
  o.sampling.temperature = 0.5;
  EXPECT_FALSE(set_option(o, "temperature", "-1"));
  EXPECT_EQ(o.sampling.temperature, 0.5);
}

TEST(StartingSampling, ModelOverCatalogueOverDefaults) {
  const SamplingOptions plain = starting_sampling(Json(Json::Object()), Json());
  EXPECT_EQ(plain.temperature, 0.7);
  EXPECT_EQ(plain.top_p, 0.95);
  const Json catalogue(Json::Object{{"temperature", 0.2}, {"top_p", 0.9}});
  const Json model(Json::Object{{"temperature", 0.6}});
  EXPECT_EQ(starting_sampling(catalogue, Json()).temperature, 0.2);
  EXPECT_EQ(starting_sampling(catalogue, model).temperature, 0.6);
  EXPECT_EQ(starting_sampling(catalogue, model).top_p, 0.9);
}

}  // namespace
}  // namespace sobre
