#include "cli/aliases.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/toml.h"
#include "base/utf8.h"

namespace sobre {

namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr size_t kLongestName = 64, kLongestTarget = 4096;

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Result<void> check_target(const std::string& name, const std::string& target) {
  const bool printable =
      std::none_of(target.begin(), target.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
  if (target.empty() || target.size() > kLongestTarget || !printable || !is_valid_utf8(target))
    return fail("alias '{}': its target is no name or path of 1 to {} printable bytes in UTF-8", name, kLongestTarget);
  return {};
}

// As a basic string of TOML.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

Result<void> check_alias(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kLongestName && is_letter_or_digit(name.front()) &&
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
  if (good && !name.ends_with(".gguf")) return {};
  return fail(
      "'{}' is no alias; letters, digits and . _ - are allowed, a letter or digit first, at most {}, not ending with .gguf",
      name, kLongestName);
}

Result<std::map<std::string, std::string>> read_aliases(const std::string& path) {
  std::map<std::string, std::string> aliases;
  struct stat info{};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return aliases;
  TRY(const std::string text, read_file(path, kMostBytes));
  TRY(const toml::table table, parse_toml(text, path));
  for (const auto& [key, value] : table) {
    std::string name(key.str());
    const auto target = value.value_exact<std::string>();
    if (!target) return fail("{}: '{}' is no text", path, name);
    if (const auto good = check_alias(name); !good) return fail_in(path, good.error());
    if (const auto good = check_target(name, *target); !good) return fail_in(path, good.error());
    aliases.emplace(std::move(name), *target);
  }
  return aliases;
}

Result<void> write_aliases(const std::string& path, const std::map<std::string, std::string>& aliases) {
  std::string text = "# Names of models, set by `sobre alias NAME TARGET`.\n";
  for (const auto& [name, target] : aliases) {
    TRY_VOID(check_alias(name));
    TRY_VOID(check_target(name, target));
    text += quoted(name) + " = " + quoted(target) + "\n";
  }
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return fail("{}: its folder cannot be made: {}", path, error.message());
  return write_text_file(path, text);
}

}  // namespace sobre
