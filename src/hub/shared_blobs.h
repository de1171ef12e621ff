// The store of blobs that all repositories of a cache share: CACHE/blobs/XX/HASH with HASH.refs (a line
// "models--ORG--NAME/blobs/ DIGEST" for each link that was ever made to it) and HASH.lock, marked by
// CACHE/blobs/.huggingface-shared-blobs (huggingface_hub 2, utils/_shared_blobs.py). Sobre reads through it and clears it up
// after itself; it puts nothing there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sobre {

/// The file's name in the store that a link in a repository's blobs leads to; empty for any other text of a link.
[[nodiscard]] std::string shared_blob_of_link(std::string_view text);

[[nodiscard]] std::string shared_blob_path(const std::string& cache, const std::string& name);

/// Removes a file of the store if the list of its links is there and none of them is a link to it any more, with its list;
/// returns its bytes, else 0. In doubt, or while another process holds its lock, it stays: the Python package clears it later.
[[nodiscard]] uint64_t sweep_shared_blob(const std::string& cache, const std::string& name);

}  // namespace sobre
