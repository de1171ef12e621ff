// The bodies of the hub's answers (hub_api.h). Pure.
#include <algorithm>

#include "base/json.h"
#include "hub/hub_api.h"
#include "hub/hub_names.h"
#include "hub/hub_url.h"

namespace sobre {

namespace {

constexpr size_t kMaxFiles = 100'000;
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 42;  // 4 TiB
constexpr size_t kMaxTags = 500, kMaxText = 100;
constexpr JsonLimits kLimits = {.max_bytes = 64 << 20, .max_depth = 32, .max_values = 4'000'000};

/// A text of a member for the terminal; empty when there is none.
std::string text_of(const Json* value) {
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string() : shown_text(*text, kMaxText);
}

/// A member of a member; null when either is absent.
const Json* find_in(const Json& json, std::string_view outer, std::string_view inner) {
  const Json* found = json.find(outer);
  return found == nullptr ? nullptr : found->find(inner);
}

/// The first text of a value that is one text or a list of them.
std::string first_text(const Json* value) {
  if (value == nullptr) return {};
  if (const Json::Array* list = value->as_array()) return list->empty() ? std::string() : text_of(&list->front());
  return text_of(value);
}

uint64_t count_of(const Json* value) { return value == nullptr ? 0 : value->as_uint().value_or(0); }

std::vector<std::string> tags_of(const Json& json) {
  std::vector<std::string> tags;
  const Json* value = json.find("tags");
  const Json::Array* list = value == nullptr ? nullptr : value->as_array();
  if (list == nullptr) return tags;
  for (const Json& tag : *list) {
    if (tags.size() == kMaxTags) break;
    if (std::string text = text_of(&tag); !text.empty()) tags.push_back(std::move(text));
  }
  return tags;
}

/// The licence of the card, else that of the tags.
std::string licence_of(const Json& json, const std::vector<std::string>& tags) {
  if (std::string licence = first_text(find_in(json, "cardData", "license")); !licence.empty()) return licence;
  constexpr std::string_view kTag = "license:";
  const auto tag = std::find_if(tags.begin(), tags.end(), [&](const std::string& t) { return t.starts_with(kTag); });
  return tag == tags.end() ? std::string() : tag->substr(kTag.size());
}

/// A repository's name as the hub spells it, or nothing when no pull could use it.
std::optional<std::string> repo_name(const Json& json) {
  const Json* id = json.find("id");
  const std::string* text = id == nullptr ? nullptr : id->as_string();
  if (text == nullptr || text->find_first_of("@:") != std::string::npos) return std::nullopt;
  const auto name = parse_hub_name(*text);
  return name ? std::optional(name->repo) : std::nullopt;
}

Result<HubFile> read_file_entry(const Json& entry, const std::string& path) {
  HubFile file;
  file.path = path;
  const Json* lfs = entry.find("lfs");
  const bool is_lfs = lfs != nullptr && lfs->is_object();
  const Json* digest = is_lfs ? lfs->find("oid") : entry.find("oid");
  const Json* size = is_lfs && lfs->find("size") != nullptr ? lfs->find("size") : entry.find("size");
  const std::string* text = digest == nullptr ? nullptr : digest->as_string();
  const std::string member = is_lfs ? "lfs.oid" : "oid";
  if (text == nullptr || !is_hub_digest(*text) || text->size() != (is_lfs ? 64u : 40u)) {
    return fail("'{}' of {} is no digest of {} hexadecimal digits; is this a hub? (HF_ENDPOINT)", member, shown_text(path),
                is_lfs ? 64 : 40);
  }
  file.digest = *text;
  const auto bytes = size == nullptr ? std::nullopt : size->as_uint();
  if (!bytes || *bytes > kMaxFileBytes)
    return fail("'size' of {} is no number of bytes from 0 to {}; is this a hub? (HF_ENDPOINT)", shown_text(path),
                kMaxFileBytes);
  file.size = *bytes;
  return file;
}

}  // namespace

Result<HubRepo> read_repo_json(std::string_view body) {
  TRY(const Json json, Json::parse(body, kLimits));
  if (!json.is_object()) return fail("the answer is no JSON object; is this a hub? (HF_ENDPOINT)");
  HubRepo repo;
  const auto id = repo_name(json);
  if (!id) return fail("'id' is no name of a repository; is this a hub? (HF_ENDPOINT)");
  repo.id = *id;
  const Json* sha = json.find("sha");
  const std::string* commit = sha == nullptr ? nullptr : sha->as_string();
  if (commit == nullptr || !is_commit(*commit)) return fail("'sha' is no commit; is this a hub? (HF_ENDPOINT)");
  repo.commit = *commit;
  repo.licence = licence_of(json, tags_of(json));
  repo.licence_name = first_text(find_in(json, "cardData", "license_name"));
  repo.architecture = first_text(find_in(json, "config", "architectures"));
  if (repo.architecture.empty()) repo.architecture = text_of(find_in(json, "gguf", "architecture"));
  return repo;
}

Result<void> read_tree_json(std::string_view body, std::vector<HubFile>& files) {
  TRY(const Json json, Json::parse(body, kLimits));
  const Json::Array* entries = json.as_array();
  if (entries == nullptr) return fail("the list of files is no JSON array; is this a hub? (HF_ENDPOINT)");
  for (const Json& entry : *entries) {
    const Json* type = entry.find("type");
    const std::string* kind = type == nullptr ? nullptr : type->as_string();
    if (kind == nullptr) return fail("an entry of the list of files has no 'type'; is this a hub? (HF_ENDPOINT)");
    if (*kind != "file") continue;
    const Json* path = entry.find("path");
    const std::string* text = path == nullptr ? nullptr : path->as_string();
    if (text == nullptr) return fail("a file of the list has no 'path'; is this a hub? (HF_ENDPOINT)");
    if (auto good = check_hub_path(*text); !good)
      return fail("the hub lists a file that is refused: {}; choose another repository", good.error().message);
    if (files.size() == kMaxFiles) return fail("the repository has more than {} files; choose another", kMaxFiles);
    TRY(HubFile file, read_file_entry(entry, *text));
    files.push_back(std::move(file));
  }
  return {};
}

Result<void> read_search_json(std::string_view body, size_t limit, std::vector<HubHit>& hits) {
  TRY(const Json json, Json::parse(body, kLimits));
  const Json::Array* entries = json.as_array();
  if (entries == nullptr) return fail("the hits are no JSON array; is this a hub? (HF_ENDPOINT)");
  for (const Json& entry : *entries) {
    if (hits.size() >= limit) break;
    const auto id = repo_name(entry);
    if (!id) continue;
    HubHit hit;
    hit.id = *id;
    hit.tags = tags_of(entry);
    hit.licence = licence_of(entry, hit.tags);
    hit.downloads = count_of(entry.find("downloads"));
    hit.likes = count_of(entry.find("likes"));
    hit.parameters = count_of(find_in(entry, "safetensors", "total"));
    if (hit.parameters == 0) hit.parameters = count_of(find_in(entry, "gguf", "total"));
    const Json* gated = entry.find("gated");
    hit.gated = gated != nullptr && (gated->is_string() || gated->as_bool().value_or(false));
    hits.push_back(std::move(hit));
  }
  return {};
}

}  // namespace sobre
