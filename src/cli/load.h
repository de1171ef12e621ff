// From a model's name and the flags that say how to run it to a model and a session: what every command that runs a model does
// first. Main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/session.h"
#include "model/model.h"

namespace sobre {

/// The flags that add_model_flags() adds.
struct ModelFlags {
  std::string model;
  WeightMode weights = WeightMode::kAuto;
  KvType kv = KvType::kF16;
  std::optional<Isa> isa;
  int threads = 0;  // 0: as many as the process may use
  int context = 0;  // positions; 0: the model's own, at most 8192
};

struct Loaded {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Session> session;
};

/// Resolves the name, opens the checkpoint, refuses before packing when weights and session exceed the memory available (the
/// message has both figures), packs with a progress bar on stderr when that takes long, prints the model's warnings there, and
/// makes the session. `chunk`: prompt tokens per step, 0 for the engine's choice.
[[nodiscard]] Result<Loaded> load_model(const ModelFlags& flags, int chunk = 0);

/// The model alone, for those who bring a scheduler: checked and packed in the same way.
[[nodiscard]] Result<std::shared_ptr<const Model>> load_model_alone(const ModelFlags& flags);

/// Whole numbers in [0, vocab_size), separated by white space. Errors: none at all, anything else in the file (with its place).
[[nodiscard]] Result<std::vector<int32_t>> read_ids_file(const std::string& path, int vocab_size);

}  // namespace sobre
