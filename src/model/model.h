// A model ready to run: spec, weights packed for this CPU, tokenizer and template. Const and shared (the only shared owner in
// Sobre); any number of sessions on any threads may use one at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"
#include "model/checkpoint.h"
#include "model/spec.h"
#include "model/weights.h"

namespace sobre {

struct LoadOptions {
  WeightMode weights = WeightMode::kAuto;
  std::optional<Isa> isa;                         // nothing: the best this CPU has
  int threads = 0;                                // for packing; 0: as many as the process may use
  std::function<void(double fraction)> progress;  // called on the loading thread, 0..1; may be empty
};

/// The kernels of an instruction set that was asked for. Error: this machine has it not (names those it has).
[[nodiscard]] Result<const Kernels*> chosen_kernels(Isa isa);

class Model {
 public:
  /// Opens, checks and packs. Errors as Checkpoint::open, plus tensors that are missing or of the wrong shape, types that
  /// cannot be packed.
  [[nodiscard]] static Result<std::shared_ptr<const Model>> load(const std::string& path, const LoadOptions& options = {});

  /// The same from a checkpoint that is open already (its plan asked, its memory counted).
  [[nodiscard]] static Result<std::shared_ptr<const Model>> load(const Checkpoint& checkpoint, const LoadOptions& options = {});

  /// A model of parts that are already at hand (tests, benchmarks of shapes): no text side.
  [[nodiscard]] static std::shared_ptr<const Model> from_parts(DecoderSpec spec, Weights weights, const Kernels& kernels);

  [[nodiscard]] const DecoderSpec& spec() const { return spec_; }
  [[nodiscard]] const Weights& weights() const { return weights_; }
  [[nodiscard]] const Kernels& kernels() const { return *kernels_; }
  [[nodiscard]] const TextAssets& text() const { return text_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Warnings worth one line each (unused tensors).
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Model() = default;
  DecoderSpec spec_;
  Weights weights_;
  const Kernels* kernels_ = nullptr;
  TextAssets text_;
  std::string path_;
  std::vector<std::string> warnings_;
};

/// Bytes that the packed weights will take, without packing them: for `sobre show` and the refusal before loading.
[[nodiscard]] Result<uint64_t> packed_bytes(const Checkpoint& checkpoint, WeightMode mode);

}  // namespace sobre
