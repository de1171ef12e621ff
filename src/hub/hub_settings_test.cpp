#include "hub/hub_settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "base/file.h"

namespace sobre {
namespace {

using Variables = std::map<std::string, std::string>;

Result<HubSettings> settings_of(const Variables& variables) {
  return hub_settings([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string cache_of(const Variables& variables) {
  const auto settings = settings_of(variables);
  return settings ? settings->cache : "error: " + settings.error().message;
}

std::string error_of(const Variables& variables) {
  const auto settings = settings_of(variables);
  return settings ? "" : settings.error().message;
}

TEST(HubSettings, WhereTheCacheIs) {
  EXPECT_EQ(cache_of({{"HOME", "/h"}}), "/h/.cache/huggingface/hub");
  EXPECT_EQ(cache_of({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}), "/x/huggingface/hub");
  EXPECT_EQ(cache_of({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/f"}}), "/f/hub");
  EXPECT_EQ(cache_of({{"HF_HOME", "/f"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}), "/old");
  EXPECT_EQ(cache_of({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}), "/new");
  EXPECT_EQ(cache_of({{"HOME", "/h"}, {"HF_HOME", ""}, {"HF_HUB_CACHE", ""}}), "/h/.cache/huggingface/hub");
}

TEST(HubSettings, HomesAndNamesAreExpanded) {
  const Variables base = {{"HOME", "/h"}, {"DISK", "/d"}, {"A_1", "one"}};
  const auto at = [&](const char* value) {
    Variables all = base;
    all["HF_HUB_CACHE"] = value;
    return cache_of(all);
  };
  EXPECT_EQ(at("~"), "/h");
  EXPECT_EQ(at("~/hub"), "/h/hub");
  EXPECT_EQ(at("/a~/b"), "/a~/b");
  EXPECT_EQ(at("$DISK/hub"), "/d/hub");
  EXPECT_EQ(at("${DISK}hub/${A_1}"), "/dhub/one");
  EXPECT_EQ(at("/x/$A_1.y"), "/x/one.y");
  EXPECT_EQ(at("/x/$NONE/${NONE}/$"), "/x/$NONE/${NONE}/$");
  EXPECT_EQ(at("/x/${DISK"), "/x/${DISK");
  EXPECT_EQ(at("/x/${}/$$DISK"), "/x/${}/$/d");
  EXPECT_NE(at("~other/hub").find("HF_HUB_CACHE: ~other/hub names another user's home"), std::string::npos);
  EXPECT_NE(cache_of({{"HF_HUB_CACHE", "~/x"}}).find("needs HOME"), std::string::npos);
  EXPECT_NE(cache_of({}).find("set HF_HOME to a folder"), std::string::npos);
}

TEST(HubSettings, TheEndpoint) {
  const auto at = [](const char* value) { return settings_of({{"HOME", "/h"}, {"HF_ENDPOINT", value}}); };
  EXPECT_EQ(settings_of({{"HOME", "/h"}})->endpoint, "https://huggingface.co");
  EXPECT_EQ(at("https://mirror.example/hf//")->endpoint, "https://mirror.example/hf");
  EXPECT_EQ(at("http://127.0.0.1:8080")->endpoint, "http://127.0.0.1:8080");
  for (const char* value : {"ftp://x", "huggingface.co", "https://", "https:///x", "https://:80", "http://a b", "http://a\nb",
                            "https://x?y", "https://x#y", "file:///etc/passwd"}) {
    const auto settings = at(value);
    ASSERT_FALSE(settings) << value;
    EXPECT_TRUE(settings.error().message.starts_with("HF_ENDPOINT: ")) << settings.error().message;
    EXPECT_EQ(settings.error().message.find('\n'), std::string::npos);
  }
  const std::string message = at("https://me:secret@host/x").error().message;
  EXPECT_NE(message.find("set HF_TOKEN"), std::string::npos);
  EXPECT_EQ(message.find("secret"), std::string::npos);
}

TEST(HubSettings, TruthAndTimes) {
  for (const char* value : {"1", "on", "YES", "True"}) {
    EXPECT_TRUE(settings_of({{"HOME", "/h"}, {"HF_HUB_OFFLINE", value}})->offline) << value;
    EXPECT_TRUE(settings_of({{"HOME", "/h"}, {"TRANSFORMERS_OFFLINE", value}})->offline) << value;
  }
  for (const char* value : {"0", "", "no", "false", "2", "truely"}) {
    EXPECT_FALSE(settings_of({{"HOME", "/h"}, {"HF_HUB_OFFLINE", value}})->offline) << value;
  }
  // As in the Python package, the first that is set decides.
  EXPECT_FALSE(settings_of({{"HOME", "/h"}, {"HF_HUB_OFFLINE", "0"}, {"TRANSFORMERS_OFFLINE", "1"}})->offline);
  EXPECT_TRUE(settings_of({{"HOME", "/h"}, {"HF_HUB_OFFLINE", ""}, {"TRANSFORMERS_OFFLINE", "1"}})->offline);
  const auto set = settings_of({{"HOME", "/h"}, {"HF_HUB_ETAG_TIMEOUT", "2.5"}, {"HF_HUB_DOWNLOAD_TIMEOUT", "60"}});
  EXPECT_EQ(set->metadata_timeout_s, 2.5);
  EXPECT_EQ(set->stall_timeout_s, 60);
  EXPECT_EQ(settings_of({{"HOME", "/h"}, {"HF_HUB_ETAG_TIMEOUT", ""}})->metadata_timeout_s, 10);
  for (const char* value : {"0", "-1", "ten", "1s", "nan", "inf", "1e9"}) {
    EXPECT_TRUE(error_of({{"HOME", "/h"}, {"HF_HUB_ETAG_TIMEOUT", value}}).starts_with("HF_HUB_ETAG_TIMEOUT: ")) << value;
    EXPECT_TRUE(error_of({{"HOME", "/h"}, {"HF_HUB_DOWNLOAD_TIMEOUT", value}}).starts_with("HF_HUB_DOWNLOAD_TIMEOUT: "))
        << value;
  }
}

class HubToken : public testing::Test {
 protected:
  HubToken() {
    std::string folder = (std::filesystem::temp_directory_path() / "sobre-hub-token-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
  }
  ~HubToken() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(HubToken, FromTheEnvironmentFirstThenFromTheFile) {
  const std::string home = folder_, path = folder_ + "/token", other = folder_ + "/other";
  EXPECT_EQ(settings_of({{"HF_HOME", home}})->token, "");
  ASSERT_TRUE(write_text_file(path, " hf_stored\n\n") && write_text_file(other, "hf_other"));
  EXPECT_EQ(settings_of({{"HF_HOME", home}})->token, "hf_stored");
  EXPECT_EQ(settings_of({{"HF_HOME", home}, {"HF_TOKEN_PATH", other}})->token, "hf_other");
  EXPECT_EQ(settings_of({{"HF_HOME", home}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}})->token, "hf_old");
  EXPECT_EQ(settings_of({{"HF_HOME", home}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}, {"HF_TOKEN", "\thf_new\r\n"}})->token,
            "hf_new");
  EXPECT_EQ(settings_of({{"HF_HOME", home}, {"HF_TOKEN", " \n"}})->token, "hf_stored");
  EXPECT_EQ(settings_of({{"HF_HOME", home}, {"HF_TOKEN", "hf_x"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})->token, "");
}

TEST_F(HubToken, ThatNoHeaderMayHaveIsRefusedAndNotShown) {
  const std::string path = folder_ + "/token";
  ASSERT_TRUE(write_text_file(path, "hf_sec\r\nret"));
  std::string message = error_of({{"HF_HOME", folder_}});
  EXPECT_TRUE(message.starts_with(path)) << message;
  EXPECT_EQ(message.find("sec"), std::string::npos);
  message = error_of({{"HF_HOME", folder_}, {"HF_TOKEN", "hf_sec\xc3\xa9"}});
  EXPECT_TRUE(message.starts_with("HF_TOKEN: ")) << message;
  EXPECT_EQ(message.find("sec"), std::string::npos);
  ASSERT_TRUE(write_text_file(path, std::string(70'000, 'x')));
  EXPECT_NE(error_of({{"HF_HOME", folder_}}).find("the limit is 65536"), std::string::npos);
}

}  // namespace
}  // namespace sobre
