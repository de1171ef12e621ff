// `sobre new`: a checkpoint of random weights in the shape a config describes, to measure speed and memory at true size (and to
// train from scratch). The values depend on the seed, the tensor and the place alone, so any machine makes the same file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <span>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/threads.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "format/safetensors.h"
#include "format/tensor_bytes.h"
#include "model/export_hf.h"
#include "model/families.h"
#include "model/text_assets.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxConfigBytes = 16 << 20;

// A mixing function of 64 bits (the finaliser of splitmix64): neighbouring counters give unrelated values.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Nearly normal, mean 0, deviation 1: the sum of four uniform 16-bit numbers.
float nearly_normal(uint64_t bits) {
  constexpr float kDeviation = 37837.2F;  // sqrt(4 * (2^32 - 1) / 12)
  const auto sum = static_cast<float>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
  return (sum - 2 * 65535.0F) / kDeviation;
}

// Mean and deviation of a tensor's values: matrices keep the size of what they multiply, norms are near one.
struct Scale {
  float mean = 0, deviation = 0;
};

Scale scale_of(const PlannedTensor& t, bool norm_plus_one) {
  constexpr float kSmall = 0.02F;
  if (t.shape.size() > 1) return {0, 1 / std::sqrt(static_cast<float>(t.shape.back()))};
  if (t.name.ends_with(".bias")) return {0, kSmall};
  return {norm_plus_one ? 0.0F : 1.0F, kSmall};
}

class RandomTensors {
 public:
  RandomTensors(uint64_t seed, int threads) : seed_(seed), pool_(threads) {}

  // The bytes of tensor `index`, valid until the next call.
  std::span<const uint16_t> fill(uint64_t index, int64_t elements, Scale scale) {
    values_.resize(static_cast<size_t>(elements));
    const uint64_t stream = mix(seed_ ^ mix(index));
    pool_.run([&](int member) {
      const auto [begin, end] = share(elements, member, pool_.size());
      for (int64_t i = begin; i < end; ++i) {
        const float x = nearly_normal(mix(stream + static_cast<uint64_t>(i)));
        values_[static_cast<size_t>(i)] = f32_to_bf16(scale.mean + scale.deviation * x);
      }
    });
    return values_;
  }

 private:
  uint64_t seed_;
  ThreadPool pool_;
  std::vector<uint16_t> values_;
};

int64_t elements_of(const PlannedTensor& t) {
  int64_t n = 1;
  for (const int64_t d : t.shape) n *= d;
  return n;
}

Result<Json> read_config(const std::string& path) {
  TRY(const std::string text, read_file(path, kMaxConfigBytes));
  auto config = Json::parse(text);
  if (!config) return fail_in(path, config.error());
  if (!config->is_object()) return fail("{}: it is no JSON object", path);
  return config;
}

Result<void> check_folders(const NewOptions& options, int vocab_size) {
  std::error_code error;
  for (const char* name : {"config.json", "model.safetensors"}) {
    if (fs::exists(options.out_folder + "/" + name, error))
      return fail("{}: it has a {} already; choose another folder", options.out_folder, name);
  }
  if (!options.tokenizer_folder.empty() && !fs::is_directory(options.tokenizer_folder, error))
    return fail("{}: --tokenizer names a folder, this is none", options.tokenizer_folder);
  fs::create_directories(options.out_folder, error);
  if (error) return fail("{}: the folder cannot be made: {}", options.out_folder, error.message());
  if (options.tokenizer_folder.empty()) return {};
  TRY(const Tokenizer tokenizer, open_tokenizer(options.tokenizer_folder));
  if (tokenizer.vocab_size() > vocab_size) {
    return fail("{}: its tokenizer has {} ids, the config a vocabulary of {}", options.tokenizer_folder, tokenizer.vocab_size(),
                vocab_size);
  }
  return {};
}

Result<void> copy_tokenizer(const NewOptions& options) {
  if (options.tokenizer_folder.empty()) return {};
  for (const auto& entry : fs::directory_iterator(options.tokenizer_folder)) {
    const std::string name = entry.path().filename().string();
    if (!is_text_file(name) || !entry.is_regular_file()) continue;
    std::error_code error;
    fs::copy_file(entry.path(), fs::path(options.out_folder) / name, fs::copy_options::overwrite_existing, error);
    if (error) return fail("{}: it cannot be copied: {}", entry.path().string(), error.message());
  }
  return {};
}

}  // namespace

Result<void> new_command(const NewOptions& options) {
  TRY(const Json config, read_config(options.config_path));
  auto planned = plan_new_checkpoint(config);
  if (!planned) return fail_in(options.config_path, planned.error());
  const CheckpointPlan& plan = *planned;
  TRY_VOID(check_folders(options, plan.spec.vocab_size));
  const std::vector<PlannedTensor> tensors = planned_tensors(plan);
  std::vector<SafetensorsEntry> entries;
  uint64_t total = 0, done = 0;
  for (const PlannedTensor& t : tensors) {
    entries.push_back({t.name, DType::kBF16, t.shape});
    TRY(const uint64_t bytes, tensor_bytes(t.name, DType::kBF16, t.shape));
    total += bytes;
  }
  const fs::space_info space = fs::space(options.out_folder);
  if (space.available < total) {
    return fail("{}: {} are needed, {} are free on this disk", options.out_folder, bytes_text(total),
                bytes_text(space.available));
  }
  RandomTensors random(options.seed, options.threads);
  ProgressBar bar("writing", total);
  const auto data = [&](size_t i) -> Result<std::span<const uint16_t>> {
    const std::span<const uint16_t> values =
        random.fill(i, elements_of(tensors[i]), scale_of(tensors[i], plan.spec.norm_plus_one));
    done += values.size_bytes();
    bar.update(done);
    return values;
  };
  TRY_VOID(write_safetensors(options.out_folder + "/model.safetensors", entries, {{"format", "pt"}}, data));
  TRY_VOID(copy_tokenizer(options));
  TRY_VOID(write_text_file(options.out_folder + "/config.json",
                           plain_config(config, "bfloat16").dump({.indent = 2, .item_separator = ","}) + "\n"));
  bar.finish();
  fmt::print("{}: {}, {} random parameters from seed {}, {}\n", options.out_folder, plan.spec.family, count_text(total / 2),
             options.seed, bytes_text(total));
  return {};
}

}  // namespace sobre
