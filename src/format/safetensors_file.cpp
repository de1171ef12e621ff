#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "format/names.h"
#include "format/safetensors.h"

namespace sobre {
namespace {

constexpr uint64_t kMaxIndexBytes = 100'000'000;
constexpr size_t kMaxShards = 10'000;

std::string_view name_of(const TensorView& tensor) { return tensor.name; }

/// The tensors of one shard among all: [first, last).
struct IndexRange {
  size_t first = 0, last = 0;
};

/// Whether a shard's name stays inside its folder.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

struct IndexEntry {
  std::string tensor;
  uint32_t shard;  // in IndexReader::shards
};

/// Takes the weight_map out of an index's JSON, part by part; everything else in it is passed over.
class IndexReader final : public JsonHandler {
 public:
  Result<void> begin_object() override {
    if (++depth_ == 2 && key_ == kWeightMap) {
      if (std::exchange(seen_, true)) return fail("weight_map occurs twice");
      inside_ = true;
    } else if (inside_) {
      return not_a_string();
    }
    return {};
  }
  Result<void> end_object() override { return leave(); }
  Result<void> begin_array() override {
    ++depth_;
    return inside_ ? not_a_string() : Result<void>();
  }
  Result<void> end_array() override { return leave(); }
  Result<void> key(std::string_view name) override {
    if (depth_ == 1 || inside_) key_ = name;
    return {};
  }
  Result<void> scalar(Json value) override {
    if (!inside_) return {};
    const std::string* file = value.as_string();
    if (file == nullptr) return not_a_string();
    if (!is_plain_name(*file)) return fail("the file {} of {} is not a plain file name", in_quotes(*file), in_quotes(key_));
    const auto [shard, is_new] = shards.try_emplace(*file, static_cast<uint32_t>(shards.size()));
    if (is_new && shards.size() > kMaxShards) return fail("more than {} files, the limit", kMaxShards);
    entries.push_back({key_, shard->second});
    return {};
  }

  std::deque<IndexEntry> entries;  // grows without a second copy
  std::map<std::string, uint32_t, std::less<>> shards;

 private:
  static constexpr std::string_view kWeightMap = "weight_map";
  Result<void> leave() {
    if (--depth_ == 1) inside_ = false;
    return {};
  }
  [[nodiscard]] Result<void> not_a_string() const { return fail("the file of {} is not a string", in_quotes(key_)); }

  int depth_ = 0;
  bool inside_ = false, seen_ = false;
  std::string key_;
};

/// Reads an index and checks what it says of itself.
Result<void> read_index(const std::string& path, IndexReader& reader) {
  TRY(const std::string text, read_file(path, kMaxIndexBytes));
  if (auto walked = walk_json(text, JsonLimits{.max_bytes = kMaxIndexBytes}, reader); !walked) {
    return fail_in(path, walked.error());
  }
  if (reader.entries.empty()) return fail("{}: weight_map is missing or empty", path);
  const auto tensor_of = [](const IndexEntry& e) -> std::string_view { return e.tensor; };
  const std::vector<uint32_t> order = order_by_name(reader.entries, tensor_of);
  if (const auto twice = find_repeated(reader.entries, order, tensor_of)) {
    return fail("{}: the tensor {} occurs twice", path, in_quotes(reader.entries[*twice].tensor));
  }
  return {};
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

Result<void> SafetensorsFile::add_file(const std::string& path) {
  TRY(MappedFile file, MappedFile::open(path));
  TRY(SafetensorsHeader header, parse_safetensors(file.bytes(), path));
  std::move(header.tensors.begin(), header.tensors.end(), std::back_inserter(tensors_));
  files_.push_back(std::move(file));  // the mapping does not move with its object, so the views stay
  return {};
}

Result<void> SafetensorsFile::finish(const std::string& where) {
  order_ = order_by_name(tensors_, name_of);
  if (const auto twice = find_repeated(tensors_, order_, name_of)) {
    return fail("{}: the tensor {} is in two files", where, in_quotes(tensors_[*twice].name));
  }
  return {};
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  SafetensorsFile checkpoint;
  TRY_VOID(checkpoint.add_file(path));
  TRY_VOID(checkpoint.finish(path));
  return checkpoint;
}

Result<SafetensorsFile> SafetensorsFile::open_folder(const std::string& folder) {
  const std::string single = folder + "/model.safetensors", index = folder + "/model.safetensors.index.json";
  if (exists(single)) return open(single);
  if (!exists(index)) return fail("{}: neither model.safetensors nor model.safetensors.index.json is there", folder);
  IndexReader reader;
  TRY_VOID(read_index(index, reader));
  SafetensorsFile checkpoint;
  std::vector<IndexRange> tensors_of(reader.shards.size());
  std::vector<std::string_view> name_of_shard(reader.shards.size());
  for (const auto& [file, shard] : reader.shards) {
    const size_t first = checkpoint.tensors_.size();
    TRY_VOID(checkpoint.add_file(folder + "/" + file));
    tensors_of[shard] = {first, checkpoint.tensors_.size()};
    name_of_shard[shard] = file;
  }
  TRY_VOID(checkpoint.finish(index));
  for (const IndexEntry& entry : reader.entries) {
    const TensorView* view = checkpoint.find_tensor(entry.tensor);
    const auto [first, last] = tensors_of[entry.shard];
    const auto at = view != nullptr ? static_cast<size_t>(view - checkpoint.tensors_.data()) : last;
    if (at < first || at >= last) {
      return fail("{}: the tensor {} is not in {}", index, in_quotes(entry.tensor), in_quotes(name_of_shard[entry.shard]));
    }
  }
  return checkpoint;
}

const TensorView* SafetensorsFile::find_tensor(std::string_view name) const {
  return find_by_name(tensors_, order_, name_of, name);
}

}  // namespace sobre
