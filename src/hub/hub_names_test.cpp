#include "hub/hub_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sobre {
namespace {

std::string error_of(std::string_view text) {
  const auto name = parse_hub_name(text);
  return name ? "" : name.error().message;
}

TEST(HubNames, ReadsAllItsParts) {
  EXPECT_EQ(parse_hub_name("HuggingFaceTB/SmolLM2-360M-Instruct").value(),
            (HubName{"HuggingFaceTB/SmolLM2-360M-Instruct", "main", ""}));
  EXPECT_EQ(parse_hub_name("unsloth/Qwen3-0.6B-GGUF:UD-Q4_K_XL").value(),
            (HubName{"unsloth/Qwen3-0.6B-GGUF", "main", "UD-Q4_K_XL"}));
  EXPECT_EQ(parse_hub_name("a/b@refs/pr/1:q8_0").value(), (HubName{"a/b", "refs/pr/1", "q8_0"}));
  EXPECT_EQ(parse_hub_name("a/b@v1@2").value(), (HubName{"a/b", "v1@2", ""}));
  EXPECT_EQ(parse_hub_name("_a/1.b_@0123456789012345678901234567890123456789").value(),
            (HubName{"_a/1.b_", "0123456789012345678901234567890123456789", ""}));
  EXPECT_EQ(parse_hub_name(std::string(96, 'a') + "/" + std::string(96, 'b')).value().repo.size(), 193u);
}

TEST(HubNames, TextReadsBack) {
  for (const char* text : {"a/b", "a/b@v1", "a/b:Q4_K_M", "a/b@feature/x:f16", "a/b@mainline"}) {
    EXPECT_EQ(hub_name_text(parse_hub_name(text).value()), text);
  }
  EXPECT_EQ(hub_name_text(parse_hub_name("a/b@main:Q8_0").value()), "a/b:Q8_0");
}

TEST(HubNames, RefusesRepositoriesThatAreNone) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no repository of the hub"},
      {"gpt2", "named org/name"},
      {"a/b/c", "more than one '/'"},
      {"/b", "the organisation is empty"},
      {"a/", "the name is empty"},
      {"a/@v1", "the name is empty"},
      {"../etc", "begins or ends with '.'"},
      {"a/..", "begins or ends with '.'"},
      {"a/-b", "begins or ends with '-'"},
      {"a-/b", "begins or ends with '-'"},
      {"a/b--c", "\"--\""},
      {"a..b/c", "\"..\""},
      {"a/b.git", "leave \".git\" away"},
      {"a/b c", "the byte 0x20"},
      {"a/b\\c", "'\\'"},
      {"a/b\x1b[2J", "the byte 0x1b"},
      {"a/caf\xc3\xa9", "the byte 0xc3"},
      {std::string("a/b\0c", 5), "the byte 0x00"},
      {std::string(97, 'a') + "/b", "97 characters, the limit is 96"},
      {"a/" + std::string(97, 'b'), "97 characters, the limit is 96"},
      {"https://huggingface.co/a/b", "write the repository alone"},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_NE(error_of(text).find(reason), std::string::npos) << text << " -> " << error_of(text);
    EXPECT_FALSE(looks_like_hub_name(text));
    // What comes from outside is never shown raw.
    EXPECT_EQ(error_of(text).find('\x1b'), std::string::npos);
  }
}

TEST(HubNames, RefusesRevisionsThatGitRefuses) {
  for (const char* revision :
       {"",    ".",   "..", "a..b", "../x", "x/..", "/a",   "a/", "a//b",  ".a",    "a/.b",  "a.lock",    "a.lock/b", "a.",
        "a b", "a~1", "a^", "a?",   "a*",   "a[b",  "a\\b", "@",  "a@{1}", "a\x7f", "a\x01", "a\xc2\x85", "a\xff"}) {
    EXPECT_NE(error_of(std::string("a/b@") + revision), "") << revision;
  }
  EXPECT_NE(error_of("a/b@" + std::string(201, 'r')).find("201 bytes, the limit is 200"), std::string::npos);
  EXPECT_EQ(error_of("a/b@" + std::string(200, 'r')), "");
  EXPECT_EQ(error_of("a/b@caf\xc3\xa9/x.y"), "");
}

TEST(HubNames, RefusesQuantisationsOfOddForm) {
  EXPECT_NE(error_of("a/b:").find("no quantisation after the ':'"), std::string::npos);
  EXPECT_NE(error_of("a/b:Q4/K").find("'/'"), std::string::npos);
  EXPECT_NE(error_of("a/b:Q4:K").find("':'"), std::string::npos);
  EXPECT_NE(error_of("a/b:Q4@v1").find("'@'"), std::string::npos);
  EXPECT_NE(error_of("a/b:" + std::string(33, 'q')).find("33 characters, the limit is 32"), std::string::npos);
}

TEST(HubNames, PathsStayBelowTheirFolder) {
  for (const char* path : {"config.json", "onnx/model.onnx", ".gitattributes", "a b.txt", "caf\xc3\xa9.txt", "a..b", "...",
                           "x/.y", "1_Pooling/config.json", "ab:c", "poetry.lock", "a/x.incomplete"}) {
    EXPECT_TRUE(check_hub_path(path)) << path;
  }
  for (const std::string& path : std::vector<std::string>{"",
                                                          "/etc/passwd",
                                                          "..",
                                                          ".",
                                                          "../x",
                                                          "a/../b",
                                                          "a/..",
                                                          "./a",
                                                          "a/.",
                                                          "a//b",
                                                          "a/",
                                                          "a\\b",
                                                          "..\\x",
                                                          "C:/x",
                                                          "c:x",
                                                          "a\nb",
                                                          "a\x1b[31m",
                                                          "a\x7f",
                                                          "a\xc2\x9b",
                                                          "a\xff",
                                                          "\xed\xa0\x80",
                                                          std::string("a\0b", 3),
                                                          std::string(1025, 'a'),
                                                          std::string(256, 'a'),
                                                          "a/" + std::string(256, 'a')}) {
    const auto checked = check_hub_path(path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().message.find_first_of("\n\x1b"), std::string::npos);
    EXPECT_LT(checked.error().message.size(), 900u);
  }
}

TEST(HubNames, Digests) {
  const std::string forty(40, 'a'), sixty_four(64, '0');
  EXPECT_TRUE(is_commit(forty) && is_hub_digest(forty) && is_hub_digest(sixty_four));
  EXPECT_FALSE(is_commit(sixty_four) || is_commit(std::string(40, 'A')) || is_commit(std::string(40, 'g')) || is_commit(""));
  EXPECT_FALSE(is_hub_digest(std::string(64, 'F')) || is_hub_digest(std::string(63, '0')) || is_hub_digest("../" + forty));
}

TEST(HubNames, UrlParts) {
  EXPECT_EQ(encode_url_part("refs/pr/1", false), "refs%2Fpr%2F1");
  EXPECT_EQ(encode_url_part("a b/c#d?e%f.txt", true), "a%20b/c%23d%3Fe%25f.txt");
  EXPECT_EQ(encode_url_part("caf\xc3\xa9~_-.", true), "caf%C3%A9~_-.");
}

}  // namespace
}  // namespace sobre
