// Which files of a repository a model needs. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/hub_types.h"

namespace sobre {

struct ChosenFiles {
  std::vector<HubFile> files;  // to fetch, the small ones first
  std::string model;   // what Sobre opens, below the snapshot: a .gguf (the first part of a split one), or "" for the folder
  uint64_t bytes = 0;  // of all files
};

constexpr uint64_t kMaxIndexBytes = 64 << 20;

/// The model.safetensors.index.json that a choice depends on; null when it depends on none (a GGUF, one file of weights).
[[nodiscard]] const HubFile* index_of_choice(const HubRepo& repo, std::string_view quant);
/// The files that such an index names, each once, sorted. Errors: not of its form, a name that is no safe path.
[[nodiscard]] Result<std::vector<std::string>> shards_of_index(std::string_view json);

/// Of a repository with safetensors: weights (exactly the `shards` that its index names, where they are given; else those that
/// their names tell), config, tokenizer, template, params; never consolidated weights beside Hugging Face's own,
/// nothing of folders (original/, onnx/), no pickles. With `quant`, or where there is no safetensors: one GGUF, whose name
/// holds the quantisation as a word of its own, in any case; all parts of a split one ("-00001-of-00003"). Without `quant` in a
/// repository of many: Q4_K_M, else the only one, else an error that lists what there is. Vision projectors (mmproj) and
/// importance matrices are never chosen. Errors: no model in the repository, no such quantisation (with those there are), parts
/// missing.
[[nodiscard]] Result<ChosenFiles> choose_files(const HubRepo& repo, std::string_view quant,
                                               const std::optional<std::vector<std::string>>& shards = std::nullopt);

/// Of files that lie in a cache, the paths of the one GGUF that `quant` means as above, the parts of a split one that are
/// there; none: no name agrees. Error: names of more than one model do.
[[nodiscard]] Result<std::vector<std::string>> paths_of_quant(const HubRepo& repo, std::string_view quant);

/// The quantisations of a repository's GGUF files: "Q4_K_M, Q8_0".
[[nodiscard]] std::vector<std::string> quants_of(const HubRepo& repo);

}  // namespace sobre
