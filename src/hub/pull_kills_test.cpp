// A pull that is killed at random moments fetches nothing twice.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "hub/hub_names.h"
#include "hub/pull.h"
#include "hub/stand_in_hub_testing.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

/// What the killed process does: this program started again with this "test" alone.
TEST(PullChild, Pull) {
  const char* const endpoint = std::getenv("SOBRE_TEST_ENDPOINT");
  const char* const folder = std::getenv("SOBRE_TEST_FOLDER");
  if (endpoint == nullptr || folder == nullptr) GTEST_SKIP() << "the part of the child that PullKills starts and kills";
  HubSettings settings;
  settings.endpoint = endpoint;
  settings.cache = folder;
  const auto pulled = pull_model(settings, *parse_hub_name("org/big"), {});
  ASSERT_TRUE(pulled) << pulled.error().message;
}

class PullKills : public ::testing::Test {
 protected:
  PullKills() {
    std::string pattern = (fs::temp_directory_path() / "sobre-kills-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    settings_ = hub_.settings(folder_ + "/hub");
  }
  ~PullKills() override { fs::remove_all(folder_); }

  /// Starts the child; its output goes nowhere.
  [[nodiscard]] pid_t start() const {
    std::vector<std::string> variables = {"SOBRE_TEST_ENDPOINT=" + hub_.url(), "SOBRE_TEST_FOLDER=" + settings_.cache,
                                          "no_proxy=127.0.0.1"};
    std::vector<char*> environment;
    environment.reserve(variables.size() + 1);
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    const char* const arguments[] = {"hub_test", "--gtest_filter=PullChild.Pull", "--gtest_brief=1", nullptr};
    const pid_t pid = fork();
    if (pid == 0) {
      execve("/proc/self/exe", const_cast<char* const*>(arguments), environment.data());
      std::abort();
    }
    return pid;
  }

  std::string folder_;
  mutable stand_in::Hub hub_;
  HubSettings settings_;
};

TEST_F(PullKills, NothingIsFetchedTwice) {
  constexpr size_t kSize = 12'000'000, kKills = 10;
  // What a kill may cost: what was under way. Ten per cent of 200 MB over 20 kills are 1 MB each; bench/pull_kills has the
  // figures of such a file.
  constexpr uint64_t kLostPerKill = 500'000;
  std::string bytes(kSize, '\0');
  for (size_t i = 0; i < kSize; i += 16)
    bytes[i] = static_cast<char>(philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {1, 1})[0]);
  hub_.add("org/big", "big-Q4_K_M.gguf", bytes, true);
  hub_.cdn().limit_rate(60'000'000);
  uint64_t before = 0;
  for (uint32_t kill_number = 0; kill_number < kKills; ++kill_number) {
    const uint64_t until = before + philox4x32({kill_number, 0, 0, 0}, {2, 2})[0] % (kSize / (kKills + 1));
    const pid_t child = start();
    ASSERT_GT(child, 0);
    while (hub_.cdn().body_bytes() <= until && waitpid(child, nullptr, WNOHANG) == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    before = hub_.cdn().body_bytes();
  }
  EXPECT_EQ(hub_.cdn().seen().size(), kKills);
  const auto pulled = pull_model(settings_, *parse_hub_name("org/big"), {});
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_TRUE(read_file(pulled->path, 1 << 30) == bytes);
  EXPECT_LT(pulled->fetched_bytes, kSize / 2 + kSize / 4);  // half of it came before
  EXPECT_LE(hub_.cdn().body_bytes(), kSize + kKills * kLostPerKill);
  RecordProperty("wire_bytes", std::to_string(hub_.cdn().body_bytes()));
  for (const auto& entry : fs::directory_iterator(settings_.cache + "/models--org--big/blobs"))
    EXPECT_EQ(entry.path().extension(), "");
}

}  // namespace
}  // namespace sobre
