// A checkpoint opened for reading: where its tensors lie, how its family is to be read, and its text side (tokenizer, chat
// template, stop ids). Nothing is packed yet: `sobre show` needs no more than this. Const once open; owned by whoever loads a
// model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/families.h"
#include "tensor/dtype.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace sobre {

enum class CheckpointKind { kHfFolder, kMistralFolder, kGguf };

/// What the text side of a model needs beyond its weights. Parts that a checkpoint lacks stay empty.
struct TextAssets {
  std::optional<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;               // the default one
  std::string bos_token, eos_token, pad_token, unk_token;  // spellings, for templates; empty when none
  std::optional<int32_t> bos;
  bool add_bos = false;           // whether plain text (no template) starts with BOS
  std::vector<int32_t> stop_ids;  // union of generation_config, config and tokenizer eos (and eot/eom of a GGUF), ends of turns
  /// Whether an id ends an answer.
  [[nodiscard]] bool is_stop(int32_t id) const { return std::find(stop_ids.begin(), stop_ids.end(), id) != stop_ids.end(); }

  Json generation_defaults;  // generation_config.json or general.sampling.*: temperature, top_p, ...; an object
};

class Checkpoint {
 public:
  /// A folder (Hugging Face layout, or params.json + consolidated.safetensors) or a .gguf file.
  /// Errors: nothing readable there (says what was looked for), unknown family, damaged files.
  [[nodiscard]] static Result<Checkpoint> open(const std::string& path);
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  [[nodiscard]] CheckpointKind kind() const;
  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] const CheckpointPlan& plan() const;
  /// Null when the file has no such tensor.
  [[nodiscard]] const TensorView* find_tensor(std::string_view name) const;
  [[nodiscard]] const std::vector<TensorView>& tensors() const;
  /// Gives the pages behind a tensor back once it is packed.
  void release(const TensorView& tensor) const;
  /// Tensors that the plan does not read and does not list as ignorable: their names, for a warning.
  [[nodiscard]] std::vector<std::string> unused_tensors() const;

  /// Reads tokenizer and template; missing ones stay empty, damaged ones are errors.
  [[nodiscard]] Result<TextAssets> text_assets() const;

  struct Impl;

 private:
  explicit Checkpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The scale beside the 8-bit weight `name` (two-dimensional): one number, or one for each block that the configuration names.
/// Null where there is none and the type has the range to do without (E5M2). Errors: no scale, one of another shape: how the
/// weight would be cut is not guessed.
[[nodiscard]] Result<const TensorView*> fp8_scale_of(const Checkpoint& checkpoint, const std::string& name,
                                                     const TensorView& weight);

/// Tokenizer of PATH alone: a model (folder or GGUF), or a tokenizer.json, tekken.json or .model file.
[[nodiscard]] Result<Tokenizer> open_tokenizer(const std::string& path);

}  // namespace sobre
