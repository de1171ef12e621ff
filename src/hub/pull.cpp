#include "hub/pull.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/file.h"
#include "hub/download.h"
#include "hub/hub_api.h"
#include "hub/hub_names.h"
#include "hub/hub_url.h"

namespace sobre {

namespace {

constexpr const char* kCancelled = "cancelled";

/// Fetches the chosen files of one repository, several at a time.
class FileFetcher {
 public:
  FileFetcher(const HubSettings& settings, const HubCache& cache, const HubName& name, const HubRepo& repo,
              const PullOptions& options)
      : settings_(settings), cache_(cache), name_(name), repo_(repo), options_(options) {}

  /// Returns the bytes that came over the network, when every file is linked in the snapshot. What several files hold comes
  /// once.
  [[nodiscard]] Result<uint64_t> run(const std::vector<HubFile>& all) {
    std::vector<HubFile> files, copies;
    std::set<std::string> digests;
    for (const HubFile& file : all) (digests.insert(file.digest).second ? files : copies).push_back(file);
    TRY_VOID(cache_.prepare(name_.repo));
    TRY_VOID(check_space(files));
    const int count = std::clamp(options_.parallel, 1, static_cast<int>(std::clamp<size_t>(files.size(), 1, 16)));
    std::vector<std::thread> threads;
    threads.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) threads.emplace_back([&] { work(files); });
    for (std::thread& thread : threads) thread.join();
    next_ = 0;
    if (!error_) work(copies);
    if (error_) return std::unexpected(*error_);
    return fetched_.load();
  }

 private:
  [[nodiscard]] Result<void> check_space(const std::vector<HubFile>& files) const;
  void work(const std::vector<HubFile>& files);
  [[nodiscard]] Result<void> bring(HubHttp& http, const HubFile& file);
  void tell(const HubFile& file, uint64_t done) {
    if (!options_.progress) return;
    const std::lock_guard lock(progress_mutex_);
    options_.progress(file, done);
  }
  [[nodiscard]] bool shall_stop() const { return failed_ || (options_.cancelled && options_.cancelled()); }

  const HubSettings& settings_;
  const HubCache& cache_;
  const HubName& name_;
  const HubRepo& repo_;
  const PullOptions& options_;
  std::mutex progress_mutex_, error_mutex_;
  std::atomic<size_t> next_ = 0;
  std::atomic<uint64_t> fetched_ = 0;
  std::atomic<bool> failed_ = false;
  std::optional<Error> error_;  // the first; the other threads stop because of it
};

Result<void> FileFetcher::check_space(const std::vector<HubFile>& files) const {
  uint64_t missing = 0;
  for (const HubFile& file : files) {
    if (cache_.has_blob(name_.repo, file.digest, file.size)) continue;
    if (cache_.find_file(name_.repo, repo_.commit, file.path, file.size)) continue;  // a plain file, where links cannot be made
    struct stat partial{};
    const bool begun = stat(cache_.partial_path(name_.repo, file.digest).c_str(), &partial) == 0;
    missing += file.size - (begun ? std::min(file.size, static_cast<uint64_t>(partial.st_size)) : 0);
  }
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(cache_.folder(), error);
  if (!error && space.available < missing) {
    return fail("{}: {} bytes are still to come and {} are free on its disk; free some, or set HF_HUB_CACHE to another disk",
                cache_.folder(), missing, space.available);
  }
  return {};
}

void FileFetcher::work(const std::vector<HubFile>& files) {
  HubHttp http(settings_, [this] { return shall_stop(); });
  while (true) {
    const size_t i = next_++;
    if (i >= files.size()) return;
    const Result<void> brought = shall_stop() ? fail("{}", kCancelled) : bring(http, files[i]);
    if (brought) continue;
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = brought.error();
    failed_ = true;
    return;
  }
}

Result<void> FileFetcher::bring(HubHttp& http, const HubFile& file) {
  const std::string& repo = name_.repo;
  if (!cache_.find_file(repo, repo_.commit, file.path, file.size)) {
    const auto waiting = [&] {
      if (options_.note) options_.note(fmt::format("another pull fetches {}; waiting for it", file.path));
    };
    // Held until the link is there: a blob that nothing links to and nobody holds counts as free.
    TRY(const BlobLock lock, cache_.lock(repo, file.digest, waiting, [this] { return shall_stop(); }));
    if (!cache_.has_blob(repo, file.digest, file.size)) {  // else the one that had the lock has brought it
      Download download;
      download.repo = repo;
      download.url = hub_file_url(settings_, repo_.id, repo_.commit, file.path);
      download.file = file;
      download.tries = options_.tries;
      download.partial = cache_.partial_path(repo, file.digest);
      download.progress = [&](uint64_t done) { tell(file, done); };
      TRY(const uint64_t fetched, download_file(http, download));
      fetched_ += fetched;
      TRY_VOID(cache_.commit_blob(repo, file.digest));
    }
    TRY_VOID(cache_.link(repo, repo_.commit, file.path, file.digest));
  }
  tell(file, file.size);
  return {};
}

Manifest manifest_of(const HubName& name, const HubRepo& repo, const ChosenFiles& chosen) {
  Manifest manifest;
  manifest.repo = name.repo;
  manifest.commit = repo.commit;
  manifest.licence = repo.licence;
  manifest.licence_name = repo.licence_name;
  manifest.architecture = repo.architecture;
  manifest.quant = name.quant;
  manifest.model = chosen.model;
  manifest.files = chosen.files;
  std::sort(manifest.files.begin(), manifest.files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return manifest;
}

/// The model is whole without it, so that a place that cannot be written is told and no more.
void tell_unkept(const PullOptions& options, const Result<void>& written) {
  if (!written && options.note) options.note(fmt::format("its manifest is not kept: {}", written.error().message));
}

/// What to say instead of a bare "cancelled".
std::unexpected<Error> explain_end(const HubName& name, const Error& error) {
  if (error.message != kCancelled) return std::unexpected(error);
  return fail("{}: cancelled; what has arrived is kept, and the same pull goes on from there", hub_name_text(name));
}

Result<Pulled> bring_all(const HubSettings& settings, const HubCache& cache, const HubName& name, const HubRepo& repo,
                         const PullOptions& options) {
  uint64_t of_index = 0;
  std::optional<std::vector<std::string>> shards;
  if (const HubFile* index = index_of_choice(repo, name.quant)) {
    PullOptions unseen = options;
    unseen.progress = {};  // before anyone knows how much there is in all
    const auto fetched = FileFetcher(settings, cache, name, repo, unseen).run({*index});
    if (!fetched) return explain_end(name, fetched.error());
    of_index = *fetched;
    TRY(const std::string text, read_file(cache.snapshot_folder(name.repo, repo.commit) + "/" + index->path, kMaxIndexBytes));
    auto named = shards_of_index(text);
    if (!named) return fail_in(repo.id, named.error());
    shards = std::move(*named);
  }
  auto chosen = choose_files(repo, name.quant, shards);
  if (!chosen) return std::unexpected(chosen.error());
  if (options.chosen) options.chosen(repo, *chosen);
  FileFetcher fetcher(settings, cache, name, repo, options);
  const auto fetched = fetcher.run(chosen->files);
  if (!fetched) return explain_end(name, fetched.error());
  Pulled pulled;
  pulled.manifest = manifest_of(name, repo, *chosen);
  pulled.path = cache.snapshot_folder(name.repo, repo.commit);
  if (!chosen->model.empty()) pulled.path += "/" + chosen->model;
  pulled.fetched_bytes = *fetched + of_index;
  if (!options.manifest_folder.empty()) tell_unkept(options, write_manifest(options.manifest_folder, pulled.manifest));
  TRY_VOID(cache.set_ref(name.repo, name.revision, repo.commit));
  return pulled;
}

}  // namespace

Result<Pulled> pull_file(const HubSettings& settings, const std::string& repo, const std::string& commit, const HubFile& file,
                         const PullOptions& options) {
  const HubCache cache(settings.cache);
  Pulled pulled;
  pulled.path = fmt::format("{}/{}", cache.snapshot_folder(repo, commit), file.path);
  pulled.from_cache = cache.find_file(repo, commit, file.path, file.size).has_value();
  if (pulled.from_cache) return pulled;
  if (settings.offline) return fail("{} is not in {}, and HF_HUB_OFFLINE is set", repo, settings.cache);
  HubName name;
  name.repo = repo;
  name.revision = commit;
  HubRepo one;
  one.id = repo;
  one.commit = commit;
  one.files = {file};
  if (options.chosen) options.chosen(one, {one.files, file.path, file.size});
  FileFetcher fetcher(settings, cache, name, one, options);
  const auto fetched = fetcher.run(one.files);
  if (!fetched) return explain_end(name, fetched.error());
  pulled.fetched_bytes = *fetched;
  return pulled;
}

Result<Pulled> pull_model(const HubSettings& settings, const HubName& name, const PullOptions& options) {
  const HubCache cache(settings.cache);
  auto cached = find_pulled(cache, options.manifest_folder, name);
  const bool is_answer = cached && !cached->guessed && (is_commit(name.revision) || !options.update);
  if (cached && (settings.offline || is_answer)) {
    if (!is_answer && options.note)
      options.note(fmt::format("HF_HUB_OFFLINE is set; the copy in the cache is used (commit {})", cached->manifest.commit));
    tell_unkept(options, keep_found(options.manifest_folder, *cached));
    return std::move(*cached);
  }
  if (settings.offline) {
    return fail("{} is not in {}, and HF_HUB_OFFLINE is set: unset it, or pull on a machine with a network and copy the folder",
                hub_name_text(name), settings.cache);
  }
  HubHttp http(settings, options.cancelled);
  bool unreachable = false;
  // What is here already need not wait for a hub that does not answer.
  const auto repo = fetch_hub_repo(http, name, cached ? 1 : 5, &unreachable);
  if (!repo) {
    if (http.cancelled()) return explain_end(name, Error{kCancelled});
    if (!cached) return std::unexpected(repo.error());
    if (!unreachable && options.update)
      return fail("{}; the copy in the cache stays, and is what is used", repo.error().message);
    if (options.note) options.note(fmt::format("{}; the copy in the cache is used", repo.error().message));
    return std::move(*cached);
  }
  if (options.note && repo->id != name.repo) options.note(fmt::format("{} is now called {}", name.repo, repo->id));
  return bring_all(settings, cache, name, *repo, options);
}

}  // namespace sobre
