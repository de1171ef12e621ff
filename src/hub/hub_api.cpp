#include "hub/hub_api.h"

#include <algorithm>

#include "hub/hub_names.h"
#include "hub/hub_url.h"

namespace sobre {

namespace {

constexpr int kMaxPages = 2000;
constexpr int kPageOfHits = 100;

/// The URL of the next page, on the endpoint whatever host the link names: mirrors pass the hub's own links on.
Result<std::string> next_page(const HubResponse& response, const HubSettings& settings) {
  const std::string link = next_link(response.header("link"));
  if (link.empty()) return std::string();
  TRY(std::string url, redirect_target(response.url, link));
  if (url.starts_with(settings.endpoint + "/")) return url;
  const size_t api = url.find("/api/models");
  if (api == std::string::npos) return fail("the next page is at {}, which is no address of the API", shown_url(url));
  return settings.endpoint + url.substr(api);
}

/// The pages of a list, one after the other, and what went wrong with them.
struct Pages {
  HubHttp& http;
  int tries;
  std::string repo, what;  // for messages
  bool unreachable = true;

  [[nodiscard]] Result<std::string> get(std::string& url) {
    unreachable = true;
    TRY(HubResponse response, http.send_patiently({.url = url}, tries));
    if (response.status != 200) {
      unreachable = is_passing(response.status) || response.status < 400;
      return fail("{}", explain_hub_error(response, http.settings(), repo, what));
    }
    TRY(url, next_page(response, http.settings()));
    return std::move(response.body);
  }
};

/// Sorts by path. A path that is listed twice would have two contents.
Result<void> order_files(std::vector<HubFile>& files) {
  std::sort(files.begin(), files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  for (size_t i = 0; i + 1 < files.size(); ++i) {
    if (files[i].path == files[i + 1].path)
      return fail("the hub lists {} twice; try again, or use another mirror (HF_ENDPOINT)", shown_text(files[i].path));
  }
  return {};
}

}  // namespace

std::string hub_file_url(const HubSettings& settings, std::string_view repo, std::string_view commit, std::string_view path) {
  return fmt::format("{}/{}/resolve/{}/{}", settings.endpoint, encode_url_part(repo, true), encode_url_part(commit, false),
                     encode_url_part(path, true));
}

Result<HubRepo> fetch_hub_repo(HubHttp& http, const HubName& name, int tries, bool* unreachable) {
  Pages pages{http, tries, name.repo, fmt::format("revision \"{}\"", shown_text(name.revision))};
  const auto fetch = [&]() -> Result<HubRepo> {
    const std::string models = http.settings().endpoint + "/api/models/";
    std::string url = models + encode_url_part(name.repo, true) + "/revision/" + encode_url_part(name.revision, false);
    TRY(const std::string body, pages.get(url));
    auto repo = read_repo_json(body);
    if (!repo) return fail_in(name.repo, repo.error());
    // A mirror that knows branches alone answers with the newest.
    if (is_commit(name.revision) && repo->commit != name.revision)
      return fail("{}: {} answers with commit {}; use another mirror (HF_ENDPOINT)", hub_name_text(name),
                  shown_url(http.settings().endpoint), repo->commit);
    url = fmt::format("{}{}/tree/{}?recursive=true", models, encode_url_part(repo->id, true), repo->commit);
    pages.what = "list of its files";
    for (int page = 0; !url.empty(); ++page) {
      if (page == kMaxPages) return fail("{}: more than {} pages of files", name.repo, kMaxPages);
      const size_t before = repo->files.size();
      TRY(const std::string list, pages.get(url));
      if (auto read = read_tree_json(list, repo->files); !read) return fail_in(name.repo, read.error());
      if (repo->files.size() == before && list.size() < 4) break;  // "[]": links beyond the end are followed no further
    }
    TRY_VOID(order_files(repo->files));
    return repo;
  };
  Result<HubRepo> repo = fetch();
  if (unreachable != nullptr) *unreachable = pages.unreachable;
  return repo;
}

Result<std::vector<HubHit>> search_hub(HubHttp& http, std::string_view words, int limit, bool gguf_only) {
  CHECK(limit >= 1 && limit <= 1000);
  std::string url = fmt::format("{}/api/models?search={}&sort=downloads&direction=-1&limit={}", http.settings().endpoint,
                                encode_url_part(words, false), std::min(limit, kPageOfHits));
  for (const char* field : {"downloads", "likes", "tags", "gated", "safetensors", "gguf"})
    url += fmt::format("&expand={}", field);
  if (gguf_only) url += "&filter=gguf";
  Pages pages{http, 5, "the search", "the search"};
  std::vector<HubHit> hits;
  for (int page = 0; !url.empty() && page < kMaxPages && hits.size() < static_cast<size_t>(limit); ++page) {
    const size_t before = hits.size();
    TRY(const std::string body, pages.get(url));
    if (auto read = read_search_json(body, static_cast<size_t>(limit), hits); !read) return fail_in("search", read.error());
    if (hits.size() == before) break;
  }
  return hits;
}

}  // namespace sobre
