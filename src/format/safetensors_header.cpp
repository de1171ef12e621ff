// From bytes to a SafetensorsHeader. The JSON is walked, not built as a tree: what is kept is what a correct header needs.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "format/names.h"
#include "format/safetensors.h"

namespace sobre {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's limit
constexpr size_t kMaxTensors = 1 << 20;
constexpr size_t kMaxMetadata = 1 << 16;
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxNameBytes = 65'535;
constexpr int kDepth = 3;  // file, tensor, shape

/// A tensor as the header states it; offsets are relative to the end of the header.
struct Statement {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};

/// Takes the header's JSON in, part by part. Depth 1 holds names, depth 2 a tensor's fields, depth 3 its numbers.
class HeaderReader final : public JsonHandler {
 public:
  Result<void> begin_object() override {
    if (++depth_ == 1) return {};
    if (depth_ != 2) return unexpected("an object");
    if (in_metadata_) return {};
    if (statements.size() == kMaxTensors) return fail("more than {} tensors, the limit", kMaxTensors);
    statements.emplace_back().name = name_;
    has_dtype_ = has_shape_ = has_offsets_ = false;
    return {};
  }

  Result<void> key(std::string_view name) override {
    if (name.size() > kMaxNameBytes) {
      return fail("the name {} has {} bytes, the limit is {}", in_quotes(name), name.size(), kMaxNameBytes);
    }
    if (depth_ == 1) {
      name_ = name;
      in_metadata_ = name == "__metadata__";
      if (in_metadata_ && std::exchange(seen_metadata_, true)) return fail("the name \"__metadata__\" occurs twice");
      if (name.empty()) return fail("a tensor's name is empty");
      return {};
    }
    field_ = name;
    if (in_metadata_) return {};
    bool* seen = name == "dtype"          ? &has_dtype_
                 : name == "shape"        ? &has_shape_
                 : name == "data_offsets" ? &has_offsets_
                                          : nullptr;
    if (seen == nullptr) return fail("tensor {}: unknown field {}", in_quotes(name_), in_quotes(name));
    if (std::exchange(*seen, true)) return fail("tensor {}: the field {} occurs twice", in_quotes(name_), in_quotes(name));
    return {};
  }

  Result<void> end_object() override {
    if (--depth_ == 0 || in_metadata_) return {};
    if (!has_dtype_ || !has_shape_ || !has_offsets_) {
      return fail("tensor {}: {} is missing", in_quotes(name_), !has_dtype_ ? "dtype" : !has_shape_ ? "shape" : "data_offsets");
    }
    return {};
  }

  Result<void> begin_array() override {
    ++depth_;
    if (depth_ != kDepth || in_metadata_ || field_ == "dtype") return unexpected("an array");
    numbers_.clear();
    return {};
  }

  Result<void> end_array() override {
    --depth_;
    Statement& tensor = statements.back();
    if (field_ == "data_offsets") {
      if (numbers_.size() != 2)
        return fail("tensor {}: data_offsets has {} numbers, expected 2", in_quotes(name_), numbers_.size());
      tensor.begin = numbers_[0];
      tensor.end = numbers_[1];
      return {};
    }
    for (const uint64_t dim : numbers_) {
      if (!std::in_range<int64_t>(dim)) return fail("tensor {}: dimension {} is too large", in_quotes(name_), dim);
    }
    tensor.shape.assign(numbers_.begin(), numbers_.end());
    return {};
  }

  Result<void> scalar(Json value) override {
    if (depth_ == kDepth) return take_number(value);
    const std::string* text = value.as_string();
    if (depth_ == 2 && in_metadata_) {
      if (text == nullptr) return fail("__metadata__: the value of {} is not a string", in_quotes(field_));
      if (metadata.size() == kMaxMetadata) return fail("__metadata__ has more than {} entries, the limit", kMaxMetadata);
      if (!metadata.emplace(field_, *text).second) return fail("__metadata__: the key {} occurs twice", in_quotes(field_));
      return {};
    }
    if (depth_ != 2 || field_ != "dtype" || text == nullptr) return unexpected("a plain value");
    const auto dtype = dtype_from_safetensors(*text);
    if (!dtype)
      return fail("tensor {} has type {}, which is not supported; supported are {}", in_quotes(name_), in_quotes(*text),
                  supported());
    statements.back().dtype = *dtype;
    return {};
  }

  std::vector<Statement> statements;
  std::map<std::string, std::string> metadata;

 private:
  Result<void> take_number(const Json& value) {
    const auto number = value.as_uint();
    if (!number) return fail("tensor {}: {} holds something other than integers from 0", in_quotes(name_), field_);
    if (numbers_.size() == kMaxRank)
      return fail("tensor {}: {} has more than {} numbers, the limit", in_quotes(name_), field_, kMaxRank);
    numbers_.push_back(*number);
    return {};
  }

  [[nodiscard]] Result<void> unexpected(std::string_view what) const {
    if (depth_ <= 1 && name_.empty()) return fail("the header is not a JSON object");
    return fail("{}: {} where the format has none", in_quotes(name_), what);
  }

  static std::string supported() {
    std::string list;
    for (int i = 0; i < kDTypeCount; ++i) {
      const auto type = static_cast<DType>(i);
      if (is_quantized(type)) continue;
      if (!list.empty()) list += ", ";
      list += dtype_info(type).name;
    }
    return list;
  }

  int depth_ = 0;
  bool in_metadata_ = false, seen_metadata_ = false;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  std::string name_, field_;
  std::vector<uint64_t> numbers_;
};

/// The header's text. Errors: too short, too long, beyond the file.
Result<std::string_view> header_text(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof(length))
    return fail("no safetensors file: {} bytes, fewer than the 8 of the header's length", bytes.size());
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxHeaderBytes) return fail("the header claims {} bytes, the limit is {}", length, kMaxHeaderBytes);
  if (length > bytes.size() - sizeof(length)) {
    return fail("the header claims {} bytes, but {} remain; the file is damaged or cut off", length,
                bytes.size() - sizeof(length));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof(length), length);
  if (text.empty() || text.front() != '{') return fail("no safetensors file: the header does not begin with '{{'");
  return text;
}

/// Makes the views: tensors must follow each other without holes and fill the data exactly.
Result<std::vector<TensorView>> lay_out(std::vector<Statement>& statements, std::span<const std::byte> data) {
  std::sort(statements.begin(), statements.end(), [](const Statement& a, const Statement& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::vector<TensorView> tensors;
  tensors.reserve(statements.size());
  uint64_t next = 0;
  for (Statement& s : statements) {
    if (s.end < s.begin)
      return fail("tensor {}: data_offsets [{}, {}] end before they begin", in_quotes(s.name), s.begin, s.end);
    if (s.begin != next) {
      return fail("tensor {} begins at offset {}, expected {}: tensors must follow each other without holes or overlap",
                  in_quotes(s.name), s.begin, next);
    }
    TRY(const uint64_t size, tensor_bytes(s.name, s.dtype, s.shape));
    if (size != s.end - s.begin) {
      return fail("tensor {}: data_offsets span {} bytes, but shape {} of {} has {}", in_quotes(s.name), s.end - s.begin,
                  shape_text(s.shape), dtype_info(s.dtype).name, size);
    }
    if (s.end > data.size()) {
      return fail("tensor {} ends at offset {} of the data, which has {} bytes; the file is cut off", in_quotes(s.name), s.end,
                  data.size());
    }
    tensors.push_back(TensorView{std::move(s.name), s.dtype, std::move(s.shape), data.subspan(s.begin, size)});
    next = s.end;
  }
  if (next != data.size()) return fail("{} bytes follow the last tensor; the file is damaged", data.size() - next);
  return tensors;
}

Result<SafetensorsHeader> parse_unnamed(std::span<const std::byte> bytes) {
  TRY(const std::string_view text, header_text(bytes));
  HeaderReader reader;
  TRY_VOID(walk_json(text, JsonLimits{.max_bytes = kMaxHeaderBytes, .max_depth = kDepth}, reader));
  SafetensorsHeader header;
  header.metadata = std::move(reader.metadata);
  TRY(header.tensors, lay_out(reader.statements, bytes.subspan(sizeof(uint64_t) + text.size())));
  const auto name_of = [](const TensorView& t) -> std::string_view { return t.name; };
  const std::vector<uint32_t> order = order_by_name(header.tensors, name_of);
  if (const auto twice = find_repeated(header.tensors, order, name_of)) {
    return fail("the tensor name {} occurs twice", in_quotes(header.tensors[*twice].name));
  }
  return header;
}

}  // namespace

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    if (!is_quantized(type) && dtype_info(type).name == name) return type;
  }
  return std::nullopt;
}

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  auto header = parse_unnamed(bytes);
  if (!header) return fail_in(name, header.error());
  return header;
}

}  // namespace sobre
