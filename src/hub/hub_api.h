// The hub's API: what a repository holds, and search. What asks uses a HubHttp, so one thread at a time; what reads is pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/hub_http.h"

namespace sobre {

/// Commit, licence, architecture and every file with its digest, of a repository at a revision: /api/models/ID/revision/REV and
/// the pages of its tree. Paths and digests have passed the checks of hub_names.h; at most 100,000 files. Each request is tried
/// `tries` times. Errors: explained, or an answer that is not of the hub's form (which member). `unreachable` (may be null)
/// tells whether the error says nothing about the repository: no connection, 429, 5xx, an answer that is no hub's.
[[nodiscard]] Result<HubRepo> fetch_hub_repo(HubHttp& http, const HubName& name, int tries = 5, bool* unreachable = nullptr);

/// Where a file of a repository is fetched from: ENDPOINT/ID/resolve/COMMIT/PATH.
[[nodiscard]] std::string hub_file_url(const HubSettings& settings, std::string_view repo, std::string_view commit,
                                       std::string_view path);

struct HubHit {
  std::string id, licence;
  uint64_t downloads = 0, likes = 0;
  uint64_t parameters = 0;  // 0: not known
  std::vector<std::string> tags;
  bool gated = false;
};

/// Models that match words, the most downloaded first; at most `limit` (1 to 1000), over as many pages as it takes.
[[nodiscard]] Result<std::vector<HubHit>> search_hub(HubHttp& http, std::string_view words, int limit, bool gguf_only);

// The bodies of the answers. They trust nothing: names, paths, digests and texts for the terminal are checked or made harmless,
// numbers have limits. Errors name the member.

/// /api/models/ID/revision/REV, without the files.
[[nodiscard]] Result<HubRepo> read_repo_json(std::string_view body);
/// One page of /api/models/ID/tree/REV: appends its files (not the folders). Error: also more than 100,000 files in all.
[[nodiscard]] Result<void> read_tree_json(std::string_view body, std::vector<HubFile>& files);
/// One page of /api/models: appends at most as many as `limit` allows in all. Hits whose name no pull could use are left out.
[[nodiscard]] Result<void> read_search_json(std::string_view body, size_t limit, std::vector<HubHit>& hits);

}  // namespace sobre
