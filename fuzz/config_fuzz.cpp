// Arbitrary JSON text as config.json and as params.json: a plan or one clear line of error, never a crash. A plan that comes
// out keeps what loading relies on. The first byte chooses the reader and how much of the checkpoint is there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/families.h"
#include "model/family_common.h"

namespace {

using namespace sobre;

// Holds what a fresh checkpoint of the config would, less the tensors whose number `dropped` divides (0: nothing dropped).
class PartialDirectory final : public TensorDirectory {
 public:
  PartialDirectory(const Result<CheckpointPlan>& plan, size_t dropped) {
    if (!plan) return;
    size_t i = 0;
    for (const PlannedTensor& t : planned_tensors(*plan)) {
      if (++i; dropped == 0 || i % dropped != 0) shapes_[t.name] = t.shape;
    }
  }
  [[nodiscard]] const std::vector<int64_t>* shape(const std::string& name) const override {
    const auto found = shapes_.find(name);
    return found == shapes_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, std::vector<int64_t>> shapes_;
};

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const Result<CheckpointPlan>& result) {
  if (!result) {
    require(!result.error().message.empty() && result.error().message.find('\n') == std::string::npos);
    return;
  }
  const DecoderSpec& spec = result->spec;
  require(spec.n_layers() >= 1 && spec.d_model >= 1 && spec.vocab_size >= 1 && spec.max_context >= 1);
  require(result->layers.size() == spec.layers.size());
  for (const LayerSpec& l : spec.layers) {
    require(l.n_heads >= 1 && l.n_kv_heads >= 1 && l.n_heads % l.n_kv_heads == 0 && l.head_dim % 2 == 0 && l.ffn_dim >= 1);
    require(l.score_scale > 0 && l.window >= 0 && l.rope < static_cast<int>(spec.ropes.size()));
    if (l.rope < 0) continue;
    const RopeSpec& rope = spec.ropes[static_cast<size_t>(l.rope)];
    require(rope.magnitude > 0 && rope.inv_freq.size() * 2 == static_cast<size_t>(l.head_dim));
    for (const float f : rope.inv_freq) require(f > 0 && f <= 1.0F);
  }
  require(!planned_tensors(*result).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  JsonLimits limits;
  limits.max_bytes = 1 << 20;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Result<Json> json = Json::parse(text, limits);
  if (!json) return 0;
  const bool params = (data[0] & 1U) != 0;
  const Result<CheckpointPlan> fresh = params ? read_mistral_family(*json, nullptr) : read_hf_family(*json, nullptr);
  check(fresh);
  const PartialDirectory files(fresh, data[0] >> 1U);
  check(params ? plan_from_mistral_params(*json, files) : plan_from_hf_config(*json, files));
  return 0;
}
