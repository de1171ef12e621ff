#include "hub/hub_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace sobre {

namespace {

constexpr size_t kMaxPart = 96;       // of a repository's name: the hub's
constexpr size_t kMaxRevision = 200;  // with the cache's folder before it still a path
constexpr size_t kMaxQuant = 32;
constexpr size_t kMaxPath = 1024;
constexpr size_t kMaxFileName = 255;  // what file systems take
constexpr std::string_view kForm = "a repository is named org/name, as in its page's address";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name_char(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; }
bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// A character of a name in a message: itself where that is plain, else its byte.
std::string shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", c) : fmt::format("the byte 0x{:02x}", byte);
}

// A text of a user's or the hub's in a message: short, and without what a terminal would act on.
std::string quoted(std::string_view text) {
  constexpr size_t kShown = 120;
  std::string out;
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return "\"" + out + (text.size() > kShown ? "...\"" : "\"");
}

Result<void> check_repo_part(std::string_view part, std::string_view what, std::string_view repo) {
  if (part.empty()) return fail("{}: {} is empty; {}", quoted(repo), what, kForm);
  if (part.size() > kMaxPart)
    return fail("{}: {} has {} characters, the limit is {}", quoted(repo), what, part.size(), kMaxPart);
  const auto* bad = std::find_if_not(part.begin(), part.end(), is_name_char);
  if (bad != part.end()) {
    return fail("{}: {} has {} in it; letters, digits, '.', '_' and '-' are allowed", quoted(repo), what, shown(*bad));
  }
  for (const char c : {part.front(), part.back()}) {
    if (c == '.' || c == '-') return fail("{}: {} begins or ends with '{}', which no repository's does", quoted(repo), what, c);
  }
  for (const std::string_view pair : {"--", ".."}) {
    if (part.find(pair) != part.npos)
      return fail("{}: {} has \"{}\" in it, which no repository's has", quoted(repo), what, pair);
  }
  return {};
}

Result<void> check_repo(std::string_view repo) {
  const size_t slash = repo.find('/');
  if (slash == repo.npos) return fail("{}: no repository of the hub; {}", quoted(repo), kForm);
  if (repo.find('/', slash + 1) != repo.npos) return fail("{}: more than one '/'; {}", quoted(repo), kForm);
  TRY_VOID(check_repo_part(repo.substr(0, slash), "the organisation", repo));
  TRY_VOID(check_repo_part(repo.substr(slash + 1), "the name", repo));
  if (repo.ends_with(".git")) return fail("{}: leave \".git\" away at the end; {}", quoted(repo), kForm);
  return {};
}

// The parts between slashes, one after the other, to `check(part)`.
template <class Check>
Result<void> each_part(std::string_view text, const Check& check) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    TRY_VOID(check(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return {};
}

// C0, DEL and C1; the text is valid UTF-8.
bool has_control(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

// git's rules for a ref's name (git check-ref-format), which make it a safe path below refs/ as well.
Result<void> check_revision(std::string_view revision) {
  const auto refuse = [&](std::string_view why) {
    return fail("the revision {} {}; it is a branch, a tag, refs/pr/N or a commit of 40 digits", quoted(revision), why);
  };
  if (revision.empty()) return refuse("is empty");
  if (revision.size() > kMaxRevision)
    return refuse(fmt::format("has {} bytes, the limit is {}", revision.size(), kMaxRevision));
  if (!is_valid_utf8(revision)) return refuse("is no UTF-8");
  if (has_control(revision)) return refuse("has a control character in it");
  const size_t bad = revision.find_first_of(" ~^:?*[\\");
  if (bad != revision.npos) return refuse(fmt::format("has '{}' in it", revision[bad]));
  for (const std::string_view pair : {"..", "@{"}) {
    if (revision.find(pair) != revision.npos) return refuse(fmt::format("has \"{}\" in it", pair));
  }
  if (revision == "@" || revision.ends_with('.')) return refuse("is \"@\" or ends with '.'");
  return each_part(revision, [&](std::string_view part) -> Result<void> {
    if (part.empty()) return refuse("has a '/' at an end or two side by side");
    if (part.starts_with('.') || part.ends_with(".lock"))
      return refuse("has a part that begins with '.' or ends with \".lock\"");
    return {};
  });
}

Result<void> check_quant(std::string_view quant) {
  if (quant.empty()) return fail("no quantisation after the ':'; write one, such as :Q4_K_M, or leave the ':' away");
  if (quant.size() > kMaxQuant) {
    return fail("the quantisation {} has {} characters, the limit is {}", quoted(quant), quant.size(), kMaxQuant);
  }
  const auto* bad = std::find_if_not(quant.begin(), quant.end(), is_name_char);
  if (bad == quant.end()) return {};
  return fail("the quantisation {} has {} in it; letters, digits, '.', '_' and '-' are allowed", quoted(quant), shown(*bad));
}

bool is_hex_of(std::string_view text, size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), is_lower_hex);
}

}  // namespace

Result<HubName> parse_hub_name(std::string_view text) {
  if (text.find("://") != text.npos) return fail("{}: an address; write the repository alone, org/name", quoted(text));
  HubName name;
  const size_t repo_end = std::min(text.find_first_of("@:"), text.size());
  name.repo = text.substr(0, repo_end);
  TRY_VOID(check_repo(name.repo));
  std::string_view rest = text.substr(repo_end);
  // No revision has a ':' in it, so that the first one begins the quantisation.
  const size_t colon = std::min(rest.find(':'), rest.size());
  if (rest.starts_with('@')) {
    name.revision = rest.substr(1, colon - 1);
    TRY_VOID(check_revision(name.revision));
  }
  if (colon < rest.size()) {
    name.quant = rest.substr(colon + 1);
    TRY_VOID(check_quant(name.quant));
  }
  return name;
}

bool looks_like_hub_name(std::string_view text) { return parse_hub_name(text).has_value(); }

std::string hub_name_text(const HubName& name) {
  std::string out = name.repo;
  if (name.revision != "main") out += "@" + name.revision;
  if (!name.quant.empty()) out += ":" + name.quant;
  return out;
}

Result<void> check_hub_path(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail("the file name {} {}; the repository is not safe to fetch", quoted(path), why);
  };
  if (path.empty()) return refuse("is empty");
  if (path.size() > kMaxPath) return refuse(fmt::format("has {} bytes, the limit is {}", path.size(), kMaxPath));
  if (!is_valid_utf8(path)) return refuse("is no UTF-8");
  if (has_control(path)) return refuse("has a control character in it");
  if (path.find('\\') != path.npos) return refuse("has a backslash in it");
  if (path.size() >= 2 && is_letter(path[0]) && path[1] == ':') return refuse("begins with a drive letter");
  return each_part(path, [&](std::string_view part) -> Result<void> {
    if (part.empty()) return refuse("is absolute or has an empty part");
    if (part == "." || part == "..") return refuse(fmt::format("has the part \"{}\"", part));
    if (part.size() > kMaxFileName)
      return refuse(fmt::format("has a part of {} bytes, the limit is {}", part.size(), kMaxFileName));
    return {};
  });
}

bool is_commit(std::string_view text) { return is_hex_of(text, 40); }

bool is_hub_digest(std::string_view text) { return is_hex_of(text, 40) || is_hex_of(text, 64); }

std::string encode_url_part(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_name_char(c) || c == '~' || (c == '/' && keep_slashes);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace sobre
