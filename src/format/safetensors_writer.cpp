#include <algorithm>
#include <bit>

#include "base/checked.h"
#include "base/json.h"
#include "format/names.h"
#include "format/safetensors.h"

namespace sobre {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // readers refuse more
constexpr size_t kMaxRank = 8;                     // ours does
constexpr size_t kHeaderAlignment = 8;

/// Whether our JSON reader, which checks UTF-8, takes the text back.
bool is_utf8(const std::string& text) { return Json::parse(Json(text).dump()).has_value(); }

Result<void> check_entry(const SafetensorsEntry& tensor) {
  if (tensor.name.empty()) return fail("a tensor's name is empty");
  if (tensor.name == kMetadataKey) return fail("the tensor name {} is reserved", in_quotes(tensor.name));
  if (!is_utf8(tensor.name)) return fail("the tensor name {} is not UTF-8", in_quotes(tensor.name));
  if (!dtype_from_safetensors(dtype_info(tensor.dtype).name)) {
    return fail("tensor {}: safetensors has no type {}", in_quotes(tensor.name), dtype_info(tensor.dtype).name);
  }
  if (tensor.shape.size() > kMaxRank) {
    return fail("tensor {} has {} dimensions, the limit is {}", in_quotes(tensor.name), tensor.shape.size(), kMaxRank);
  }
  return {};
}

Result<Json> metadata_object(const std::map<std::string, std::string>& metadata) {
  Json::Object members;
  for (const auto& [key, value] : metadata) {
    if (!is_utf8(key) || !is_utf8(value)) return fail("the metadata entry {} is not UTF-8", in_quotes(key));
    members.emplace_back(key, Json(value));
  }
  return Json(std::move(members));
}

}  // namespace

Result<std::string> safetensors_header(std::span<const SafetensorsEntry> tensors,
                                       const std::map<std::string, std::string>& metadata) {
  const auto name_of = [](const SafetensorsEntry& t) -> std::string_view { return t.name; };
  if (const auto twice = find_repeated(tensors, order_by_name(tensors, name_of), name_of)) {
    return fail("the tensor name {} is used twice", in_quotes(tensors[*twice].name));
  }
  Json::Object members;
  members.reserve(tensors.size() + 1);
  if (!metadata.empty()) {
    TRY(Json object, metadata_object(metadata));
    members.emplace_back(kMetadataKey, std::move(object));
  }
  uint64_t begin = 0;
  for (const SafetensorsEntry& tensor : tensors) {
    TRY_VOID(check_entry(tensor));
    TRY(const uint64_t size, tensor_bytes(tensor.name, tensor.dtype, tensor.shape));
    const auto end = checked_add(begin, size);
    if (!end) return fail("tensor {}: the tensors together have more bytes than 64 bits count", in_quotes(tensor.name));
    Json::Array shape(tensor.shape.begin(), tensor.shape.end());
    members.emplace_back(tensor.name, Json(Json::Object{{"dtype", Json(dtype_info(tensor.dtype).name)},
                                                        {"shape", Json(std::move(shape))},
                                                        {"data_offsets", Json(Json::Array{Json(begin), Json(*end)})}}));
    begin = *end;
  }
  std::string text = Json(std::move(members)).dump({.item_separator = ",", .key_separator = ":"});
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  if (text.size() > kMaxHeaderBytes) return fail("a header of {} bytes, the limit is {}", text.size(), kMaxHeaderBytes);
  static_assert(std::endian::native == std::endian::little);
  const uint64_t length = text.size();
  std::string header(reinterpret_cast<const char*>(&length), sizeof(length));
  header += text;
  return header;
}

}  // namespace sobre
