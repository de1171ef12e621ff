#include "serve/keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

namespace sobre {

namespace {

/// A file of its own, removed at the end.
struct KeysFile {
  std::string path = testing::TempDir() + "sobre-keys-" + std::to_string(getpid()) + ".txt";
  void write(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
  ~KeysFile() { unlink(path.c_str()); }
};

// printf secret | sha256sum
constexpr const char* kHashOfSecret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

std::string error_of(const std::string& text) {
  const auto keys = parse_api_keys(text, "f");
  return keys ? "" : keys.error().message;
}

}  // namespace

TEST(Keys, AcceptsAKeyByItsHash) {
  const KeysFile file;
  file.write(std::string("# ours\n\nalice sha256:") + kHashOfSecret + "  # a comment\r\n");
  const auto store = KeyStore::load(file.path);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->check("secret"), "alice");
  for (const char* wrong : {"", "secre", "secret ", "Secret", kHashOfSecret}) {
    EXPECT_EQ((*store)->check(wrong), std::nullopt) << wrong;
  }
}

TEST(Keys, NewKeysDifferAndTheirLinesLetThemIn) {
  const KeysFile file;
  std::string text;
  std::vector<NewApiKey> made;
  for (int i = 0; i < 50; ++i) {
    const auto key = new_api_key("user-" + std::to_string(i));
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(key->key.size(), std::string("sk-sobre-").size() + 43);
    EXPECT_TRUE(key->key.starts_with("sk-sobre-"));
    EXPECT_EQ(key->line.find(key->key), std::string::npos);
    text += key->line + "\n";
    made.push_back(*key);
  }
  file.write(text);
  const auto store = KeyStore::load(file.path);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->size(), 50u);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ((*store)->check(made[static_cast<size_t>(i)].key), "user-" + std::to_string(i));
    EXPECT_EQ((*store)->check(made[static_cast<size_t>(i)].key + "x"), std::nullopt);
  }
}

TEST(Keys, ErrorsNameTheLine) {
  const std::string hash(64, 'a'), other(64, 'b');
  EXPECT_EQ(error_of("a sha256:" + hash + "\nb sha256:" + other + "\n#\n"), "");
  EXPECT_EQ(error_of("# x\na b c\n"), "f:2: after the id \"a\" stands no hash; the form is sha256: and 64 hexadecimal digits");
  EXPECT_EQ(error_of("a\n"), "f:1: after the id \"a\" stands no hash; the form is sha256: and 64 hexadecimal digits");
  EXPECT_EQ(error_of("a sha256:" + hash.substr(1) + "g"),
            "f:1: after the id \"a\" stands no hash; the form is sha256: and 64 hexadecimal digits");
  EXPECT_EQ(error_of("a sha256:" + hash + " 7"), "f:1: something follows the hash of \"a\"");
  EXPECT_EQ(error_of("a sha256:" + hash + "\na sha256:" + other), "f:2: the id \"a\" stands in line 1 already");
  EXPECT_EQ(error_of("a sha256:" + hash + "\nb sha256:" + hash), "f:2: the key of \"b\" stands in line 1 already");
  EXPECT_EQ(error_of("a/b sha256:" + hash),
            "f:1: \"a/b\" is no id of a key: letters, digits and . _ - @ are allowed, at most 64");
  EXPECT_NE(error_of(std::string("\0", 1) + " sha256:" + hash), "");
  EXPECT_FALSE(new_api_key("a b"));
  EXPECT_FALSE(new_api_key(""));
  EXPECT_FALSE(new_api_key(std::string(65, 'a')));
  EXPECT_FALSE(KeyStore::load("/nonexistent/keys"));
}

TEST(Keys, ReloadsWhileOthersAskAndKeepsTheOldKeysAfterAnError) {
  const KeysFile file;
  const auto a = new_api_key("a"), b = new_api_key("b");
  ASSERT_TRUE(a && b);
  file.write(a->line);
  const auto store = KeyStore::load(file.path);
  ASSERT_TRUE(store);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread asks([&] {
    while (!stop) {
      if ((*store)->check(a->key) != "a" || (*store)->check("nobody")) ++wrong;
    }
  });
  for (int i = 0; i < 100; ++i) {
    file.write(a->line + "\n" + (i % 2 == 0 ? b->line : ""));
    const auto n = (*store)->reload();
    ASSERT_TRUE(n) << n.error().message;
    EXPECT_EQ(*n, i % 2 == 0 ? 2u : 1u);
    EXPECT_EQ((*store)->check(b->key).has_value(), i % 2 == 0);
  }
  file.write(a->line + "\nbroken\n");
  EXPECT_FALSE((*store)->reload());
  EXPECT_EQ((*store)->check(a->key), "a");
  stop = true;
  asks.join();
  EXPECT_EQ(wrong, 0);
  file.write("# all revoked\n");
  EXPECT_EQ((*store)->reload().value_or(9), 0u);
  EXPECT_EQ((*store)->check(a->key), std::nullopt);
}

}  // namespace sobre
