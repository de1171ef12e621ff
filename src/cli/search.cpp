// `sobre search` and `sobre alias`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/json.h"
#include "cli/aliases.h"
#include "cli/catalogue.h"
#include "cli/chat_interrupt.h"
#include "cli/chat_text.h"
#include "cli/hub.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "hub/hub_api.h"
#include "hub/hub_names.h"

namespace sobre {

namespace {

std::string parameters_text(uint64_t n) {
  if (n == 0) return "";
  double value = static_cast<double>(n) / 1e6;
  const char* unit = "M";
  for (const char* larger : {"B", "T"}) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  return fmt::format("{:.{}f}{}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
}

void print_hits(const std::vector<HubHit>& hits) {
  size_t name = 4;
  for (const HubHit& h : hits) name = std::max(name, h.id.size());
  fmt::print("{:<{}}  {:>10}  {:>12}  {}\n", "name", name, "parameters", "downloads", "licence");
  for (const HubHit& h : hits) {
    fmt::print("{:<{}}  {:>10}  {:>12}  {}{}\n", terminal_safe(h.id), name, parameters_text(h.parameters),
               count_text(h.downloads), h.licence.empty() ? "not stated" : terminal_safe(h.licence),
               h.gated ? " (gated: accept its terms on its page first)" : "");
  }
}

void print_json(const std::vector<HubHit>& hits) {
  for (const HubHit& h : hits) {
    Json row{Json::Object{}};
    row.set("name", h.id);
    if (h.parameters > 0) row.set("parameters", static_cast<int64_t>(h.parameters));
    row.set("downloads", static_cast<int64_t>(h.downloads));
    row.set("likes", static_cast<int64_t>(h.likes));
    row.set("licence", h.licence);
    row.set("gated", h.gated);
    fmt::print("{}\n", row.dump());
  }
}

Result<void> set_alias(const std::string& path, std::map<std::string, std::string> aliases, const AliasFlags& flags) {
  TRY_VOID(check_alias(flags.name));
  TRY(const Catalogue catalogue, known_models());
  if (catalogue.find(flags.name) != nullptr) return fail("'{}' stands for a model of the catalogue already", flags.name);
  if (aliases.contains(flags.target)) return fail("'{}' is an alias itself; name what it stands for", flags.target);
  std::error_code error;
  // What exists is a path, as everywhere a model is named, also where a repository could have the name.
  const bool is_name = catalogue.find(flags.target) != nullptr || looks_like_hub_name(flags.target);
  if (std::filesystem::exists(flags.target, error) || !is_name) {
    // A path is kept as it is from everywhere.
    TRY(const std::string model, resolve_model(flags.target));
    aliases[flags.name] = std::filesystem::absolute(model, error).string();
  } else {
    aliases[flags.name] = flags.target;
  }
  TRY_VOID(write_aliases(path, aliases));
  fmt::print("{} = {}\n", flags.name, aliases[flags.name]);
  return {};
}

}  // namespace

Result<void> search_command(const SearchFlags& flags) {
  TRY(const HubSettings settings, hub_environment());
  if (settings.offline) return fail("HF_HUB_OFFLINE is set: search asks the hub, which needs the network");
  std::string words;
  for (const std::string& word : flags.words) words += (words.empty() ? "" : " ") + word;
  const InterruptScope scope;
  HubHttp http(settings, interrupted);
  TRY(const std::vector<HubHit> hits, search_hub(http, words, flags.limit, flags.gguf));
  if (hits.empty()) return fail("nothing on {} matches '{}'; try fewer words", settings.endpoint, words);
  flags.json ? print_json(hits) : print_hits(hits);
  return {};
}

Result<void> alias_command(const AliasFlags& flags) {
  const std::string path = aliases_path();
  if (path.empty()) return fail("no place for aliases: set XDG_CONFIG_HOME or HOME to an absolute path");
  TRY(auto aliases, read_aliases(path));
  if (flags.name.empty()) {
    for (const auto& [name, target] : aliases) fmt::print("{} = {}\n", name, target);
    return {};
  }
  if (flags.remove || flags.target.empty()) {
    const auto found = aliases.find(flags.name);
    if (found == aliases.end()) return fail("'{}' is no alias; `sobre alias` lists them", flags.name);
    if (!flags.remove) {
      fmt::print("{} = {}\n", found->first, found->second);
      return {};
    }
    aliases.erase(found);
    return write_aliases(path, aliases);
  }
  return set_alias(path, std::move(aliases), flags);
}

}  // namespace sobre
