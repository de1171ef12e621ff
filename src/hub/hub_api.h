// The hub's API: what a repository holds, and search. Uses a HubHttp, so one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/hub_http.h"

namespace sobre {

/// Commit, licence, architecture and every file with its digest, of a repository at a revision: /api/models/ID/revision/REV and
/// the pages of its tree. Paths and digests have passed the checks of hub_names.h; at most 100,000 files. Errors: explained, or
/// an answer that is not of the hub's form (which member).
[[nodiscard]] Result<HubRepo> fetch_hub_repo(HubHttp& http, const HubName& name);

struct HubHit {
  std::string id, licence;
  uint64_t downloads = 0, likes = 0;
  uint64_t parameters = 0;  // 0: not known
  std::vector<std::string> tags;
  bool gated = false;
};

/// Models that match words, the most downloaded first; at most `limit` (1 to 1000), over as many pages as it takes.
[[nodiscard]] Result<std::vector<HubHit>> search_hub(HubHttp& http, std::string_view words, int limit, bool gguf_only);

}  // namespace sobre
