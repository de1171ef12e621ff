// Helpers of this layer's tests: the program run inside the test, with its output caught, and a small model made by it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace sobre {

struct Outcome {
  int status = -1;
  std::string out, err;
};

/// A folder that is removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-cli-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Sets a variable of the environment until it ends.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~EnvironmentVariable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

inline void write_text(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

inline std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// Runs `sobre ARGS...` with `input` as standard input.
inline Outcome run_sobre(std::vector<std::string> args, const std::string& input = "") {
  const TemporaryFolder folder;
  // Rows of a test are no rows of the tester's ledger.
  const bool no_state = std::getenv("XDG_STATE_HOME") == nullptr;
  if (no_state) setenv("XDG_STATE_HOME", folder.path().c_str(), 1);
  write_text(folder / "input", input);
  const int file = open((folder / "input").c_str(), O_RDONLY | O_CLOEXEC);
  const int old_input = dup(STDIN_FILENO);
  EXPECT_TRUE(file >= 0 && old_input >= 0 && dup2(file, STDIN_FILENO) == STDIN_FILENO);
  args.insert(args.begin(), "sobre");
  std::vector<char*> argv;
  argv.reserve(args.size() + 1);
  for (std::string& a : args) argv.push_back(a.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = run_command_line(static_cast<int>(args.size()), argv.data());
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  if (no_state) unsetenv("XDG_STATE_HOME");
  if (old_input >= 0) {
    dup2(old_input, STDIN_FILENO);
    close(old_input);
  }
  if (file >= 0) close(file);
  return outcome;
}

/// One line "sobre: ..." on stderr that has these words, nothing on stdout, and this status.
inline void expect_failure(const std::vector<std::string>& args, int status, const std::string& words,
                           const std::string& input = "") {
  const Outcome o = run_sobre(args, input);
  std::string command;
  for (const std::string& a : args) command += " " + a;
  EXPECT_EQ(o.status, status) << command << "\n" << o.err;
  EXPECT_EQ(o.out, "") << command;
  EXPECT_TRUE(o.err.starts_with("sobre: ")) << command << "\n" << o.err;
  EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << command << "\n" << o.err;
  EXPECT_NE(o.err.find(words), std::string::npos) << command << "\nexpected: " << words << "\ngot: " << o.err;
}

/// A llama config of this vocabulary, small enough for tests, with the given members added.
inline std::string tiny_config(int vocab, const std::string& members = "") {
  return R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
 "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "rope_theta": 10000.0,
 "rms_norm_eps": 1e-05, "tie_word_embeddings": true, "vocab_size": )" +
         std::to_string(vocab) + (members.empty() ? "" : ", " + members) + "}";
}

/// Makes a model with `sobre new` in `folder`/NAME and returns its path.
inline std::string make_model(const TemporaryFolder& folder, const std::string& name, const std::string& config,
                              const std::string& tokenizer = "") {
  write_text(folder / (name + ".config.json"), config);
  std::vector<std::string> args = {"new", "--config", folder / (name + ".config.json"), "--out", folder / name, "--seed", "7"};
  if (!tokenizer.empty()) args.insert(args.end(), {"--tokenizer", tokenizer});
  const Outcome o = run_sobre(args);
  EXPECT_EQ(o.status, 0) << o.err;
  return folder / name;
}

inline const std::string kShared = SOBRE_SOURCE_DIR "/../shared";
inline bool shared_missing() { return !std::filesystem::exists(kShared + "/goldens/README.md"); }
#define NEED_SHARED() \
  if (shared_missing()) GTEST_SKIP() << kShared << " is absent: reference outputs not compared"

}  // namespace sobre
