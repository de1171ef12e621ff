// What the parts of the hub's client pass between them. Plain values; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sobre {

/// How the hub is reached and where its files are kept: the settings of Hugging Face's own tools, from the environment.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";  // HF_ENDPOINT, without a slash at its end
  std::string token;                                // HF_TOKEN, else the stored one; empty: none. Never in a message
  std::string cache;                                // HF_HUB_CACHE: the folder with models--ORG--NAME inside
  bool offline = false;                             // HF_HUB_OFFLINE, else TRANSFORMERS_OFFLINE
  double metadata_timeout_s = 10;                   // HF_HUB_ETAG_TIMEOUT: connecting, and until an answer's first byte
  double stall_timeout_s = 10;                      // HF_HUB_DOWNLOAD_TIMEOUT: without a byte of a file
  double retry_wait_s = 1;                          // before the second try; doubled before each further one
};

/// A name as a user gives it: REPO[@REVISION][:QUANT].
struct HubName {
  std::string repo;               // "org/name"
  std::string revision = "main";  // branch, tag, refs/pr/N, or 40 hexadecimal digits
  std::string quant;              // "Q4_K_M": which GGUF of the repository; empty: not said

  friend bool operator==(const HubName&, const HubName&) = default;
};

/// A file of a repository at one commit, as the hub describes it.
struct HubFile {
  std::string path;    // within the repository, folders by '/'; checked by check_hub_path()
  uint64_t size = 0;   // bytes of the content
  std::string digest;  // 64 hexadecimal digits: SHA-256 of the content (LFS); 40: git's SHA-1 of it as a blob

  friend bool operator==(const HubFile&, const HubFile&) = default;
};

/// A repository at one commit.
struct HubRepo {
  std::string id;              // "org/name" as the hub spells it: the new name of one that was renamed
  std::string commit;          // 40 hexadecimal digits
  std::string licence;         // of the card: "apache-2.0", "other"; empty: the card does not say
  std::string licence_name;    // of the card, where the licence is "other"
  std::string architecture;    // config.architectures[0] or the GGUF's; empty: not known
  std::vector<HubFile> files;  // every file, in the order of their paths
};

/// What a download tells while it runs: bytes of one file that are there, those of earlier runs included. Called from one
/// thread at a time.
using HubProgress = std::function<void(const HubFile& file, uint64_t done)>;
/// Asked often; true: give up ("cancelled").
using HubCancelled = std::function<bool()>;

}  // namespace sobre
