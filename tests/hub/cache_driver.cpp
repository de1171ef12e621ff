// The cache's functions as a program, for tests/clients/hub_cache, which compares them with the Python package's. Usage:
//   hub_cache_driver CACHE put REPO COMMIT REVISION PATH FILE [PATH FILE]...    files as a pull brings them
//   hub_cache_driver CACHE list                REPO COMMIT REVISIONS BYTES, then a line for each file: " PATH SIZE DIGEST"
//   hub_cache_driver CACHE find REPO REVISION PATH
//   hub_cache_driver CACHE remove REPO [REVISION]
//   hub_cache_driver CACHE verify REPO REVISION                                 a line for each fault
//   hub_cache_driver CACHE lock REPO DIGEST         "waiting" when another process has it, "locked" when this one has
// Status 1: not found, faults, or an error on stderr.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <span>
#include <string>
#include <system_error>

#include "digest/git_blob.h"
#include "digest/sha256.h"
#include "hub/hub_cache.h"
#include "hub/hub_names.h"

namespace {

using namespace sobre;

using Args = std::span<const std::string>;

// Weights are LFS files, named by SHA-256; the rest is git's.
Result<std::string> digest_of(const std::string& path, const std::string& file) {
  const bool lfs = path.ends_with(".safetensors") || path.ends_with(".gguf");
  return lfs ? file_sha256(file) : file_git_blob(file);
}

Result<void> put_one(const HubCache& cache, Args name, const std::string& path, const std::string& file) {
  TRY_VOID(check_hub_path(path));
  TRY(const std::string digest, digest_of(path, file));
  TRY(const BlobLock lock, cache.lock(name[0], digest, {}, {}));
  if (!cache.has_blob(name[0], digest, std::filesystem::file_size(file))) {
    std::error_code error;
    std::filesystem::copy_file(file, cache.partial_path(name[0], digest), std::filesystem::copy_options::overwrite_existing, error);
    if (error) return fail("{}: {}", file, error.message());
    TRY_VOID(cache.commit_blob(name[0], digest));
  }
  return cache.link(name[0], name[1], path, digest);
}

Result<int> put(const HubCache& cache, Args args) {
  TRY_VOID(cache.prepare(args[0]));
  for (size_t i = 3; i + 1 < args.size(); i += 2) TRY_VOID(put_one(cache, args, args[i], args[i + 1]));
  TRY_VOID(cache.set_ref(args[0], args[2], args[1]));
  return 0;
}

Result<int> list(const HubCache& cache, Args) {
  TRY(const auto snapshots, cache.list());
  for (const CachedSnapshot& s : snapshots) {
    fmt::print("{} {} {} {}\n", s.repo, s.commit, s.revisions.empty() ? "-" : fmt::format("{}", fmt::join(s.revisions, ",")), s.bytes);
    for (const HubFile& f : s.files) fmt::print(" {} {} {}\n", f.path, f.size, f.digest.empty() ? "-" : f.digest);
  }
  return 0;
}

Result<int> find(const HubCache& cache, Args args) {
  const auto commit = cache.commit_of(args[0], args[1]);
  const auto path = commit ? cache.find_file(args[0], *commit, args[2]) : std::nullopt;
  if (!path) return 1;
  fmt::print("{}\n", *path);
  return 0;
}

Result<int> remove(const HubCache& cache, Args args) {
  TRY(const CacheRemoval removal, cache.remove(args[0], args.size() > 1 ? args[1] : ""));
  fmt::print("{} bytes, {} blobs, {} snapshots\n", removal.freed_bytes, removal.blobs, removal.snapshots);
  return 0;
}

Result<int> verify(const HubCache& cache, Args args) {
  const auto commit = cache.commit_of(args[0], args[1]);
  TRY(const auto snapshots, cache.list());
  for (const CachedSnapshot& s : snapshots) {
    if (s.repo != args[0] || !commit || s.commit != *commit) continue;
    TRY(const auto faults, cache.verify(s, {}));
    for (const CacheFault& f : faults) fmt::print("{}: {}\n", f.path, f.what);
    return faults.empty() ? 0 : 1;
  }
  return fail("{}@{} is not there", args[0], args[1]);
}

Result<int> lock(const HubCache& cache, Args args) {
  TRY_VOID(cache.prepare(args[0]));
  const auto waiting = [] {
    fmt::print("waiting\n");
    std::fflush(stdout);
  };
  TRY(const BlobLock held, cache.lock(args[0], args[1], waiting, {}));
  fmt::print("locked\n");
  return 0;
}

struct Command {
  std::string_view name;
  size_t least, most;
  Result<int> (*run)(const HubCache&, Args);
};
constexpr Command kCommands[] = {{"put", 5, 1000, put},     {"list", 0, 0, list},       {"find", 3, 3, find},
                                 {"remove", 1, 2, remove},  {"verify", 2, 2, verify},   {"lock", 2, 2, lock}};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (const Command& command : kCommands) {
    if (words.size() < 2 || words[1] != command.name) continue;
    const Args args = Args(words).subspan(2);
    if (args.size() < command.least || args.size() > command.most) break;
    const auto status = command.run(HubCache(words[0]), args);
    if (status) return *status;
    fmt::print(stderr, "{}\n", status.error().message);
    return 1;
  }
  fmt::print(stderr, "usage: hub_cache_driver CACHE put|list|find|remove|verify|lock ...\n");
  return 2;
}
