#include "hub/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "digest/sha256.h"
#include "hub/cache_files.h"
#include "hub/hub_names.h"

namespace sobre {

namespace {

constexpr int kVersion = 1;
constexpr uint64_t kMaxBytes = 64ull << 20;
constexpr size_t kMaxFiles = 100'000;
constexpr uint64_t kMaxFileSize = 1ull << 50;
constexpr size_t kMaxText = 256;  // of a licence's or an architecture's name

// Names that the hub or a card gives are shown to users: no control characters, and short.
std::string plain_text(std::string_view text) {
  const std::string valid = repair_utf8(text);
  std::string out;
  for (size_t i = 0; i < valid.size();) {
    uint32_t size = 0;
    const char32_t code = decode_valid_utf8(valid.data() + i, size);
    if (out.size() + size > kMaxText) break;
    if (code >= 0x20 && (code < 0x7f || code >= 0xa0)) out.append(valid, i, size);
    i += size;
  }
  return out;
}

Result<std::string> text_member(const Json& json, const char* name) {
  const Json* member = json.find(name);
  const std::string* text = member == nullptr ? nullptr : member->as_string();
  if (text == nullptr) return fail("\"{}\" is not a string", name);
  return *text;
}

Result<std::string> plain_member(const Json& json, const char* name) {
  TRY(std::string text, text_member(json, name));
  if (plain_text(text) != text) return fail("\"{}\" has a control character or more than {} bytes", name, kMaxText);
  return text;
}

Result<HubFile> file_of(const Json& json) {
  HubFile file;
  TRY(file.path, text_member(json, "path"));
  TRY_VOID(check_hub_path(file.path));
  TRY(file.digest, text_member(json, "digest"));
  if (!is_hub_digest(file.digest)) return fail("{}: its digest is not of 40 or 64 hexadecimal digits", file.path);
  const Json* size = json.find("size");
  const auto bytes = size == nullptr ? std::nullopt : size->as_uint();
  if (!bytes || *bytes > kMaxFileSize) return fail("{}: its size is no whole number up to {}", file.path, kMaxFileSize);
  file.size = *bytes;
  return file;
}

Result<std::vector<HubFile>> files_of(const Json& json) {
  const Json* member = json.find("files");
  const Json::Array* list = member == nullptr ? nullptr : member->as_array();
  if (list == nullptr) return fail("\"files\" is not a list");
  if (list->size() > kMaxFiles) return fail("{} files, the limit is {}", list->size(), kMaxFiles);
  std::vector<HubFile> files;
  for (const Json& entry : *list) {
    TRY(HubFile file, file_of(entry));
    if (!files.empty() && files.back().path >= file.path) return fail("{}: out of order or twice in \"files\"", file.path);
    files.push_back(std::move(file));
  }
  return files;
}

bool holds(const std::vector<HubFile>& files, const std::string& path) {
  return std::any_of(files.begin(), files.end(), [&](const HubFile& file) { return file.path == path; });
}

Result<void> read_name(const Json& json, Manifest& manifest) {
  TRY(manifest.repo, text_member(json, "repo"));
  TRY(manifest.commit, text_member(json, "commit"));
  TRY(manifest.quant, text_member(json, "quant"));
  if (!is_commit(manifest.commit)) return fail("\"commit\" is not of 40 hexadecimal digits");
  TRY(const HubName name, parse_hub_name(manifest.repo + (manifest.quant.empty() ? "" : ":" + manifest.quant)));
  if (name.repo != manifest.repo || name.quant != manifest.quant) return fail("\"repo\" is more than a repository");
  return {};
}

}  // namespace

std::string manifest_digest(const Manifest& manifest) {
  std::vector<const HubFile*> order;
  order.reserve(manifest.files.size());
  for (const HubFile& file : manifest.files) order.push_back(&file);
  std::sort(order.begin(), order.end(), [](const HubFile* a, const HubFile* b) { return a->path < b->path; });
  Sha256 sum;
  for (const HubFile* file : order) sum.update(fmt::format("{} {} {}\n", file->digest, file->size, file->path));
  return hex(sum.digest());
}

std::string manifest_to_json(const Manifest& manifest) {
  std::vector<HubFile> files = manifest.files;
  std::sort(files.begin(), files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  Json::Array list;
  for (const HubFile& file : files) {
    Json entry{Json::Object()};
    entry.set("path", file.path);
    entry.set("size", file.size);
    entry.set("digest", file.digest);
    list.push_back(std::move(entry));
  }
  Json json{Json::Object()};
  json.set("version", kVersion);
  json.set("repo", manifest.repo);
  json.set("commit", manifest.commit);
  json.set("quant", manifest.quant);
  json.set("model", manifest.model);
  json.set("licence", plain_text(manifest.licence));
  json.set("licence_name", plain_text(manifest.licence_name));
  json.set("architecture", plain_text(manifest.architecture));
  json.set("digest", manifest_digest(manifest));
  json.set("files", std::move(list));
  return json.dump({.indent = 1, .item_separator = ","}) + "\n";
}

Result<Manifest> manifest_from_json(std::string_view text) {
  JsonLimits limits;
  limits.max_bytes = kMaxBytes;
  limits.max_depth = 4;
  TRY(const Json json, Json::parse(text, limits));
  const Json* version = json.find("version");
  if (version == nullptr || version->as_int() != kVersion) return fail("no manifest of version {}", kVersion);
  Manifest manifest;
  TRY_VOID(read_name(json, manifest));
  TRY(manifest.licence, plain_member(json, "licence"));
  TRY(manifest.licence_name, plain_member(json, "licence_name"));
  TRY(manifest.architecture, plain_member(json, "architecture"));
  TRY(manifest.files, files_of(json));
  TRY(manifest.model, text_member(json, "model"));
  if (!manifest.model.empty() && !holds(manifest.files, manifest.model)) return fail("\"model\" is none of its files");
  TRY(const std::string digest, text_member(json, "digest"));
  if (digest != manifest_digest(manifest)) return fail("\"digest\" is not that of its files");
  return manifest;
}

namespace {
std::string repo_folder(const std::string& folder, std::string_view name) {
  std::string repo(name);
  if (const size_t slash = repo.find('/'); slash != repo.npos) repo.replace(slash, 1, "--");
  return folder + "/" + repo;
}
}  // namespace

std::string manifest_path(const std::string& folder, const Manifest& manifest) {
  std::string quant = manifest.quant;
  // Quantisations are named without regard to case; one of them is one file.
  std::transform(quant.begin(), quant.end(), quant.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return fmt::format("{}/{}{}{}.json", repo_folder(folder, manifest.repo), manifest.commit, quant.empty() ? "" : "-", quant);
}

Result<void> write_manifest(const std::string& folder, const Manifest& manifest) {
  const std::string path = manifest_path(folder, manifest), above = std::filesystem::path(path).parent_path().string();
  std::error_code error;
  std::filesystem::create_directories(above, error);
  if (error) return fail("{}: cannot be made: {}; make its parent writable", above, error.message());
  return write_text_file(path, manifest_to_json(manifest));
}

std::optional<Manifest> read_manifest(const std::string& folder, std::string_view repo, std::string_view commit,
                                      std::string_view quant) {
  Manifest wanted;
  wanted.repo = repo, wanted.commit = commit, wanted.quant = quant;
  const std::string path = manifest_path(folder, wanted);
  const auto text = read_file(path, kMaxBytes);
  if (!text) return std::nullopt;
  auto manifest = manifest_from_json(*text);
  if (!manifest || manifest_path(folder, *manifest) != path) return std::nullopt;
  return std::move(*manifest);
}

std::vector<Manifest> read_manifests(const std::string& folder, std::string_view repo, std::string_view commit) {
  namespace fs = std::filesystem;
  std::vector<Manifest> found;
  if (folder.empty()) return found;  // no home, no manifests
  std::error_code error;
  for (fs::directory_iterator entry(repo_folder(folder, repo), error), end; !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!entry->path().filename().string().starts_with(commit)) continue;
    const auto text = read_file(path, kMaxBytes);
    if (!text) continue;
    auto manifest = manifest_from_json(*text);
    if (manifest && manifest_path(folder, *manifest) == path) found.push_back(std::move(*manifest));
  }
  return found;
}

Result<void> remove_manifest(const std::string& folder, const Manifest& manifest) {
  const std::string path = manifest_path(folder, manifest);
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return fail("{}: cannot be removed: {}; remove it by hand", path, error.message());
  return {};
}

std::string pulled_digest(const std::string& folder, const std::string& path) {
  const auto place = place_in_cache(path);
  if (!place) return {};
  for (const Manifest& manifest : read_manifests(folder, place->repo, place->commit)) {
    if (manifest.commit == place->commit && manifest.model == place->path) return "sha256:" + manifest_digest(manifest);
  }
  return {};
}

}  // namespace sobre
