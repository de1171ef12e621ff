// `sobre pull`: models of the hub into its cache.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "cli/chat_interrupt.h"
#include "cli/chat_text.h"
#include "cli/hub.h"
#include "cli/names.h"
#include "cli/pull_bars.h"
#include "cli/terminal.h"
#include "hub/hub_names.h"
#include "hub/hub_settings.h"

namespace sobre {

namespace {

void tell_forbidden(const std::string& licence, const std::string& licence_name) {
  const std::string forbidden = forbids_commercial_use(licence, licence_name);
  if (!forbidden.empty()) say("sobre: warning: {}\n", terminal_safe(forbidden));
}

void tell_choice(const HubRepo& repo, const ChosenFiles& chosen) {
  const std::string licence = repo.licence == "other" && !repo.licence_name.empty() ? repo.licence_name : repo.licence;
  say("sobre: {}: {} file{}, {}, licence {}\n", terminal_safe(repo.id), chosen.files.size(),
      chosen.files.size() == 1 ? "" : "s", bytes_text(chosen.bytes), licence.empty() ? "not stated" : terminal_safe(licence));
  tell_forbidden(repo.licence, repo.licence_name);
}

// What a pull says and draws while it runs.
class ShownPull {
 public:
  using Choice = std::function<void(const HubRepo& repo, const ChosenFiles& chosen)>;
  explicit ShownPull(Choice choice) : choice_(std::move(choice)) {}

  [[nodiscard]] PullOptions options() {
    PullOptions options;
    options.cancelled = interrupted;
    options.chosen = [this](const HubRepo& repo, const ChosenFiles& chosen) {
      const std::lock_guard lock(mutex_);
      choice_(repo, chosen);
      bars_.start(chosen.bytes);
    };
    options.progress = [this](const HubFile& file, uint64_t done) {
      const std::lock_guard lock(mutex_);
      bars_.update(file, done);
    };
    options.note = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      bars_.wipe();
      say("sobre: {}\n", terminal_safe(line));
    };
    return options;
  }
  void end() { bars_.wipe(); }

 private:
  Choice choice_;
  std::mutex mutex_;  // of the bars, and of lines between them
  PullBars bars_;
};

}  // namespace

Result<Pulled> pull_file_shown(const CatalogueEntry& entry, const CatalogueSource& source) {
  TRY(const HubSettings settings, hub_environment());
  const InterruptScope scope;
  ShownPull shown([&](const HubRepo&, const ChosenFiles&) {
    say("sobre: fetching {}: {} ({}), once; it is kept in {}\n", entry.name, entry.title, entry.licence, settings.cache);
  });
  PullOptions options = shown.options();
  const bool is_last = std::none_of(entry.sources.begin(), entry.sources.end(), [&](const CatalogueSource& other) {
    return !other.parts.empty() || (!other.repo.empty() && &other > &source);
  });
  if (!is_last) options.tries = 1;
  Result<Pulled> pulled = pull_file(settings, source.repo, source.commit, {source.path, entry.bytes, entry.sha256}, options);
  shown.end();
  return pulled;
}

Result<HubSettings> hub_environment() {
  return hub_settings([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

std::string manifest_folder() { return state_folder().empty() ? "" : state_folder() + "/manifests"; }

Result<Pulled> pull_shown(const HubName& name, const PullFlags& flags) {
  TRY(const HubSettings settings, hub_environment());
  const InterruptScope scope;
  ShownPull shown(tell_choice);
  PullOptions options = shown.options();
  options.parallel = flags.parallel;
  options.update = flags.update;
  options.manifest_folder = manifest_folder();
  Result<Pulled> pulled = pull_model(settings, name, options);
  shown.end();
  return pulled;
}

Result<void> pull_command(const PullFlags& flags) {
  for (const std::string& text : flags.names) {
    TRY(const std::string target, alias_target(text));
    if (!looks_like_hub_name(target)) {
      std::error_code error;
      // Meant as a repository: what is wrong with its name is what helps.
      if (target.find('/') != target.npos && !std::filesystem::exists(target, error)) TRY_VOID(parse_hub_name(target));
      TRY(const std::string path, resolve_model(target));
      fmt::print("{}\n", path);
      continue;
    }
    TRY(const HubName name, parse_hub_name(target));
    TRY(const Pulled pulled, pull_shown(name, flags));
    if (pulled.from_cache) tell_forbidden(pulled.manifest.licence, pulled.manifest.licence_name);
    if (pulled.fetched_bytes == 0)
      say("sobre: {} is here already{}\n", hub_name_text(name),
          pulled.from_cache && !flags.update ? "; --update asks the hub for a newer one" : "");
    else
      say("sobre: {} fetched, {} in all\n", bytes_text(pulled.fetched_bytes), hub_name_text(name));
    fmt::print("{}\n", pulled.path);
  }
  return {};
}

}  // namespace sobre
