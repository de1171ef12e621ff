#include "hub/hub_settings.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "base/file.h"

namespace sobre {

namespace {

using Variable = std::function<std::optional<std::string>(const char*)>;

constexpr uint64_t kMaxTokenFile = 64 << 10;
constexpr double kMaxTimeoutS = 24 * 3600;

// A variable that is set to nothing counts as one that is not set.
std::optional<std::string> value_of(const Variable& variable, const char* name) {
  std::optional<std::string> value = variable(name);
  if (value && value->empty()) value.reset();
  return value;
}

bool is_true(const Variable& variable, const char* name) {
  std::string value = value_of(variable, name).value_or("");
  std::transform(value.begin(), value.end(), value.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

bool is_name_char(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

// $NAME and ${NAME}; what is not set stays as it is written, as in a Python program's expandvars.
std::string expand_names(const std::string& text, const Variable& variable) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t brace = text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{' ? 1 : 0;
    const size_t begin = i + 1 + brace;
    size_t end = begin;
    while (text[i] == '$' && end < text.size() && (brace == 1 ? text[end] != '}' : is_name_char(text[end]))) ++end;
    const bool closed = end > begin && (brace == 0 || end < text.size());
    const size_t next = closed ? end + brace : i + 1;
    const std::optional<std::string> value =
        closed && text[i] == '$' ? variable(text.substr(begin, end - begin).c_str()) : std::nullopt;
    out += value ? *value : text.substr(i, next - i);
    i = next;
  }
  return out;
}

// A folder or file as a user writes it: "~" at its beginning is the home, names of variables are replaced.
Result<std::string> expanded(const std::string& text, const char* name, const Variable& variable) {
  std::string path = text;
  if (path == "~" || path.starts_with("~/")) {
    const std::optional<std::string> home = value_of(variable, "HOME");
    if (!home) return fail("{}: {} needs HOME, which is not set; write the whole path", name, text);
    path.replace(0, 1, *home);
  } else if (path.starts_with('~')) {
    return fail("{}: {} names another user's home; write the whole path", name, text);
  }
  return expand_names(path, variable);
}

// The first of two variables that is set, with its name: the present one and the one it had in older versions.
std::optional<std::pair<const char*, std::string>> either(const Variable& variable, const char* name, const char* older) {
  for (const char* one : {name, older}) {
    if (std::optional<std::string> value = value_of(variable, one)) return std::pair(one, std::move(*value));
  }
  return std::nullopt;
}

Result<std::string> home_folder(const Variable& variable) {
  if (const auto value = value_of(variable, "HF_HOME")) return expanded(*value, "HF_HOME", variable);
  if (const auto value = value_of(variable, "XDG_CACHE_HOME")) {
    TRY(const std::string folder, expanded(*value, "XDG_CACHE_HOME", variable));
    return folder + "/huggingface";
  }
  if (const auto value = value_of(variable, "HOME")) return *value + "/.cache/huggingface";
  return fail("no folder for models: neither HF_HOME, XDG_CACHE_HOME nor HOME is set; set HF_HOME to a folder");
}

Result<std::string> cache_folder(const Variable& variable) {
  if (const auto set = either(variable, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")) {
    return expanded(set->second, set->first, variable);
  }
  TRY(const std::string home, home_folder(variable));
  return home + "/hub";
}

// An address is shown in a message only when it has no credentials in it.
Result<std::string> endpoint_of(std::string value) {
  while (value.ends_with('/')) value.pop_back();
  const size_t scheme = value.starts_with("https://") ? 8 : value.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return fail("HF_ENDPOINT: it must begin with http:// or https://, such as https://huggingface.co");
  const std::string_view rest = std::string_view(value).substr(scheme), host = rest.substr(0, rest.find('/'));
  if (host.find('@') != host.npos) {
    return fail("HF_ENDPOINT: it has credentials in it; leave them away and set HF_TOKEN");
  }
  const bool odd = std::any_of(value.begin(), value.end(), [](char c) { return c <= 0x20 || c >= 0x7f || c == '\\'; });
  if (odd) return fail("HF_ENDPOINT: it has a space, a backslash or a character that is not ASCII in it");
  if (host.empty() || host.starts_with(':')) return fail("HF_ENDPOINT: {} names no host", value);
  if (rest.find_first_of("?#") != rest.npos) return fail("HF_ENDPOINT: {} has a query or a fragment; leave it away", value);
  return value;
}

Result<double> seconds(const Variable& variable, const char* name, double otherwise) {
  const std::optional<std::string> text = value_of(variable, name);
  if (!text) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(text->c_str(), &end);
  const bool whole = end != text->c_str() && *end == '\0' && std::isfinite(value);
  if (whole && value > 0 && value <= kMaxTimeoutS) return value;
  return fail("{}: \"{}\" is no time; set seconds above 0 and at most {}", name, text->substr(0, 40), kMaxTimeoutS);
}

// Without the blanks around it. The token itself is never in a message.
Result<std::string> clean_token(std::string_view text, const std::string& where) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return std::string();
  const std::string_view token = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  if (std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; })) return std::string(token);
  return fail("{}: the token has characters that no token has; copy it again from the hub's settings page", where);
}

Result<std::string> stored_token(const Variable& variable) {
  std::string path;
  if (const auto value = value_of(variable, "HF_TOKEN_PATH")) {
    TRY(path, expanded(*value, "HF_TOKEN_PATH", variable));
  } else {
    const Result<std::string> home = home_folder(variable);
    if (!home) return std::string();
    path = *home + "/token";
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::string();
  TRY(const std::string text, read_file(path, kMaxTokenFile));
  return clean_token(text, path);
}

Result<std::string> token_of(const Variable& variable) {
  // As in the Python package: "implicit" is every token that the program was not handed for this very call.
  if (is_true(variable, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) return std::string();
  if (const auto set = either(variable, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")) {
    TRY(std::string token, clean_token(set->second, set->first));
    if (!token.empty()) return token;
  }
  return stored_token(variable);
}

}  // namespace

Result<HubSettings> hub_settings(const Variable& variable) {
  HubSettings settings;
  if (const auto value = value_of(variable, "HF_ENDPOINT")) {
    TRY(settings.endpoint, endpoint_of(*value));
  }
  TRY(settings.cache, cache_folder(variable));
  TRY(settings.token, token_of(variable));
  const auto offline = either(variable, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE");
  settings.offline = offline && is_true(variable, offline->first);
  TRY(settings.metadata_timeout_s, seconds(variable, "HF_HUB_ETAG_TIMEOUT", settings.metadata_timeout_s));
  TRY(settings.stall_timeout_s, seconds(variable, "HF_HUB_DOWNLOAD_TIMEOUT", settings.stall_timeout_s));
  return settings;
}

}  // namespace sobre
