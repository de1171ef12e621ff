// One file from the hub into its partial file, whole and verified. Runs on the thread that calls, with a second one that
// hashes.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "hub/hub_http.h"
#include "hub/hub_types.h"

namespace sobre {

struct Download {
  std::string repo;                              // for messages
  std::string url;                               // at the hub (hub_file_url)
  HubFile file;                                  // what must come
  int tries = 5;                                 // attempts in a row without a byte, while there is none, before it is given up
  std::string partial;                           // where to; its folder exists, and the caller holds the blob's lock
  std::function<void(uint64_t bytes)> progress;  // bytes that are there, a few times a second; may be empty
};

/// What the partial file has already is kept, whoever wrote it, and the rest is asked for with a range (of an answer that has
/// the whole file the known bytes are passed over). What arrives is written at once, so that a kill loses what the kernel had
/// not handed over, no more. The signed link that the hub redirects to is used again until it is refused. A connection that
/// ends goes on from where it was; `tries` attempts in a row without a byte are an error, of a file that has begun to arrive at
/// least five, and what arrived stays. The file is
/// then right, or it is fetched anew once, or it is an error and the partial file is removed.
/// Returns the bytes that came over the network. Errors: one line, with what to do; "cancelled".
[[nodiscard]] Result<uint64_t> download_file(HubHttp& http, const Download& download);

}  // namespace sobre
