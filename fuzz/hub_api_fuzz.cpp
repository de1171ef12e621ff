// Any bytes as what a hub may say: bodies of the API, an index of weights, links to the next page, redirects, headers that say
// how long to wait. What is taken must be fit for paths, URLs and a terminal; what is refused must be so in one line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "hub/choose_files.h"
#include "hub/hub_api.h"
#include "hub/hub_names.h"
#include "hub/hub_url.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_line(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) return false;
  }
  return text.size() < 2000;
}

template <class T>
bool taken(const sobre::Result<T>& result) {
  if (!result) require(is_line(result.error().message) && !result.error().message.empty());
  return result.has_value();
}

void read_bodies(std::string_view text) {
  if (const auto repo = sobre::read_repo_json(text); taken(repo)) {
    const auto name = sobre::parse_hub_name(repo->id);
    require(name && name->repo == repo->id && name->quant.empty() && sobre::is_commit(repo->commit) && repo->files.empty());
    require(is_line(repo->licence) && is_line(repo->licence_name) && is_line(repo->architecture));
  }
  std::vector<sobre::HubFile> files;
  if (taken(sobre::read_tree_json(text, files))) {
    for (const sobre::HubFile& file : files)
      require(sobre::check_hub_path(file.path).has_value() && sobre::is_hub_digest(file.digest) &&
              file.size <= uint64_t{1} << 42);
  }
  if (const auto shards = sobre::shards_of_index(text); taken(shards)) {
    require(!shards->empty() && std::is_sorted(shards->begin(), shards->end()));
    for (const std::string& shard : *shards)
      require(sobre::check_hub_path(shard).has_value() && shard.ends_with(".safetensors"));
  }
  std::vector<sobre::HubHit> hits;
  if (taken(sobre::read_search_json(text, 10, hits))) {
    require(hits.size() <= 10);
    for (const sobre::HubHit& hit : hits) {
      require(sobre::parse_hub_name(hit.id).has_value() && is_line(hit.licence));
      for (const std::string& tag : hit.tags) require(is_line(tag));
    }
  }
}

void read_headers(std::string_view text) {
  const std::string link = sobre::next_link(text);
  for (const std::string_view location : {std::string_view(link), text}) {
    const auto target = sobre::redirect_target("https://hub.example/api/models/a/b?c=d", location);
    if (!taken(target)) continue;
    require(target->starts_with("https://"));  // what is encrypted stays so
    const auto origin = sobre::url_origin(*target);
    require(origin.has_value() && target->find('@') >= target->find('/', 8));
    require(is_line(sobre::shown_url(*target)));
  }
  sobre::HubResponse response;
  response.url = "https://hub.example/x";
  response.body = text;
  for (const char* name : {"retry-after", "ratelimit", "x-error-code", "x-error-message", "x-request-id"})
    response.headers[name] = text;
  const double wait = sobre::retry_after_s(response);
  require(wait == -1 || (wait >= 0 && wait < 1e12));
  sobre::HubSettings settings;
  settings.token = "hf_secret-of-the-user";
  for (const long status : {401L, 403L, 404L, 416L, 429L, 500L}) {
    response.status = status;
    const std::string said = sobre::explain_hub_error(response, settings, "org/name", "it");
    require(is_line(said) && !said.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_bodies(text);
  read_headers(text);
  return 0;
}
