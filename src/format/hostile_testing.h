// Small valid files with their structure marked, and the damaged forms that tests and fuzzers start from: cut off at every
// structural boundary, every length set to 0, to its maximum and to values that wrap around. Written here by hand, not by the
// writers of this layer, so that reader and writer do not only agree with each other. For tests and fuzz/ alone; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sobre::hostile {

/// A number in a file that says how much of something follows, or where it is.
struct LengthField {
  std::string name;
  size_t at = 0;
  size_t bytes = 0;  // 4 or 8: binary, little-endian; 0: decimal digits in a JSON text, `digits` of them
  size_t digits = 0;
};

struct MarkedFile {
  std::string bytes;
  std::vector<size_t> boundaries;  // where a part ends and the next begins, without the end of the file
  std::vector<LengthField> lengths;
};

struct Damaged {
  std::string name;
  std::string bytes;
};

/// Puts a marked GGUF file together.
class GgufBytes {
 public:
  template <class T>
  void number(T value) {
    file_.bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    file_.boundaries.push_back(file_.bytes.size());
  }
  template <class T>
  void length(std::string name, T value) {
    file_.lengths.push_back({std::move(name), file_.bytes.size(), sizeof(value), 0});
    number(value);
  }
  void raw(std::string_view bytes) {
    file_.bytes += bytes;
    file_.boundaries.push_back(file_.bytes.size());
  }
  void string(const std::string& what, std::string_view text) {
    length("length of " + what, static_cast<uint64_t>(text.size()));
    raw(text);
  }
  void key(const std::string& name, uint32_t type) {
    string("key " + name, name);
    length("type of " + name, type);
  }
  void array(const std::string& name, uint32_t element_type, uint64_t count) {
    key(name, 9);
    length("element type of " + name, element_type);
    length("count of " + name, count);
  }
  /// Dimensions innermost first, as the file has them.
  void tensor(const std::string& name, std::initializer_list<uint64_t> dims, uint32_t type, uint64_t offset) {
    string("tensor name " + name, name);
    length("dimensions of " + name, static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) length("a dimension of " + name, dim);
    length("type of tensor " + name, type);
    length("offset of " + name, offset);
  }
  void pad(size_t alignment) { file_.bytes.resize((file_.bytes.size() + alignment - 1) / alignment * alignment, '\0'); }
  MarkedFile take() {
    while (!file_.boundaries.empty() && file_.boundaries.back() == file_.bytes.size()) file_.boundaries.pop_back();
    return std::move(file_);
  }

 private:
  MarkedFile file_;
};

/// Parts of small_gguf, to be added up.
inline constexpr int kScalars = 1, kArrays = 2, kTensors = 4, kAllParts = 7;

/// Every kind of value, a vocabulary of four tokens, three tensors; the data ends without padding.
inline MarkedFile small_gguf(uint32_t version = 3, int parts = kAllParts) {
  GgufBytes f;
  f.raw("GGUF");
  f.number(version);
  f.length("tensor count", uint64_t{(parts & kTensors) != 0 ? 3u : 0u});
  f.length("key count", uint64_t{((parts & kScalars) != 0 ? 12u : 0u) + ((parts & kArrays) != 0 ? 7u : 0u)});
  if ((parts & kScalars) != 0) {
    f.key("general.architecture", 8);
    f.string("the architecture", "llama");
    f.key("general.alignment", 4);
    f.length("alignment", uint32_t{32});
    f.key("k.u8", 0), f.number(uint8_t{200});
    f.key("k.i8", 1), f.number(int8_t{-100});
    f.key("k.u16", 2), f.number(uint16_t{60000});
    f.key("k.i16", 3), f.number(int16_t{-30000});
    f.key("k.i32", 5), f.number(int32_t{-2000000000});
    f.key("k.f32", 6), f.number(0.5f);
    f.key("k.bool", 7), f.number(uint8_t{1});
    f.key("k.u64", 10), f.number(uint64_t{18446744073709551615u});
    f.key("k.i64", 11), f.number(int64_t{-9000000000000000000});
    f.key("k.f64", 12), f.number(-0.1);
  }
  if ((parts & kArrays) != 0) {
    f.array("k.bools", 7, 2), f.raw(std::string_view("\1\0", 2));
    f.array("k.bytes", 0, 5), f.raw("abcde");
    f.array("k.none", 5, 0);
    f.key("tokenizer.ggml.model", 8);
    f.string("the vocabulary's kind", "gpt2");
    f.array("tokenizer.ggml.tokens", 8, 4);
    for (const std::string_view token : {"a", "b", "ab", "<s>"}) f.string("a token", token);
    f.array("tokenizer.ggml.token_type", 5, 4);
    for (const int32_t type : {1, 1, 1, 3}) f.number(type);
    f.array("tokenizer.ggml.scores", 6, 4);
    for (const float score : {0.0f, -1.0f, -2.0f, -3.0f}) f.number(score);
  }
  if ((parts & kTensors) != 0) {
    f.tensor("w", {32, 2}, 8, 0);     // Q8_0: 68 bytes
    f.tensor("h", {3, 2, 2}, 1, 96);  // F16: 24 bytes
    f.tensor("s", {}, 0, 128);        // F32, a single element
    f.pad(32), f.raw(std::string(68, '\1'));
    f.pad(32), f.raw(std::string(24, '\2'));
    f.pad(32), f.raw(std::string(4, '\3'));
  }
  return f.take();
}

/// Four tensors, metadata, padding after the header.
inline MarkedFile small_safetensors() {
  MarkedFile f;
  std::string text;
  const auto add = [&](std::string_view part) {
    text += part;
    f.boundaries.push_back(8 + text.size());
  };
  const auto count = [&](const char* name, std::string_view digits) {
    f.lengths.push_back({name, 8 + text.size(), 0, digits.size()});
    add(digits);
  };
  const auto tensor = [&](std::string_view name, std::string_view type, std::initializer_list<std::string_view> shape,
                          std::string_view begin, std::string_view end) {
    add(",\""), add(name), add("\":{\"dtype\":\""), add(type), add("\",\"shape\":[");
    for (const std::string_view dim : shape) {
      if (dim.data() != shape.begin()->data()) add(",");
      count("a dimension", dim);
    }
    add("],\"data_offsets\":["), count("begin", begin), add(","), count("end", end), add("]}");
  };
  add("{"), add("\"__metadata__\":"), add("{\"format\":"), add("\"pt\""), add("}");
  tensor("a", "F32", {"2", "3"}, "0", "24");
  tensor("b.weight", "BF16", {"5"}, "24", "34");
  tensor("empty", "I64", {"4", "0"}, "34", "34");
  tensor("s", "F8_E4M3", {}, "34", "35");
  add("}");
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  f.bytes.assign(reinterpret_cast<const char*>(&length), sizeof(length));
  f.bytes += text + std::string(35, '\5');
  f.boundaries.insert(f.boundaries.begin(), {0, 4, 8});
  for (const size_t data : {size_t{0}, size_t{24}, size_t{34}}) f.boundaries.push_back(8 + text.size() + data);
  f.lengths.push_back({"header length", 0, 8, 0});
  return f;
}

/// 0, the maximum, and values that wrap around when added to a position or multiplied by an element's size.
inline std::vector<uint64_t> few_bad_values(uint64_t right, size_t at) {
  constexpr uint64_t kMax = ~uint64_t{0};
  return {0, kMax, kMax - at, (uint64_t{1} << 63) + right, (uint64_t{1} << 61) + right, (uint64_t{1} << 31) + right};
}

/// These, more of their kind, and the right value plus and minus one.
inline std::vector<uint64_t> many_bad_values(uint64_t right, size_t at) {
  constexpr uint64_t kMax = ~uint64_t{0};
  std::vector<uint64_t> values = few_bad_values(right, at);
  values.insert(values.end(), {kMax - 1, kMax - 7, kMax - at - 7, right + 1, right - 1});
  for (const int bit : {31, 32, 33, 34, 60, 61, 62, 63}) {
    const uint64_t power = uint64_t{1} << bit;
    values.insert(values.end(), {power - 1, power, power + 1, power + right});
  }
  return values;
}

inline Damaged with_value(const MarkedFile& file, const LengthField& field, const std::string& digits, uint64_t value) {
  Damaged d{field.name + " = " + digits, file.bytes};
  if (field.bytes > 0) {
    std::memcpy(d.bytes.data() + field.at, &value, field.bytes);
    return d;
  }
  // Text: the header's length follows, so that this number alone is wrong.
  d.bytes.replace(field.at, field.digits, digits);
  const uint64_t length = file.bytes.size() - 8 - 35 + digits.size() - field.digits;
  std::memcpy(d.bytes.data(), &length, sizeof(length));
  return d;
}

/// Every length field with every bad value that differs from the right one: few for seeds, many for tests.
inline std::vector<Damaged> wrong_lengths(const MarkedFile& file, bool many) {
  std::vector<Damaged> all;
  for (const LengthField& field : file.lengths) {
    uint64_t right = 0;
    if (field.bytes > 0) {
      std::memcpy(&right, file.bytes.data() + field.at, field.bytes);
    } else {
      right = std::stoull(file.bytes.substr(field.at, field.digits));
    }
    const uint64_t mask = field.bytes == 4 ? 0xffffffffu : ~uint64_t{0};
    for (const uint64_t value : many ? many_bad_values(right, field.at) : few_bad_values(right, field.at)) {
      if ((value & mask) != right) all.push_back(with_value(file, field, std::to_string(value & mask), value));
    }
    if (field.bytes > 0 || !many) continue;
    for (const char* text : {"18446744073709551616", "-1", "1e3", "2.0", "99999999999999999999999999"}) {
      all.push_back(with_value(file, field, text, 0));
    }
  }
  return all;
}

inline std::vector<Damaged> truncations(const MarkedFile& file) {
  std::vector<Damaged> all;
  for (const size_t at : file.boundaries) all.push_back({"cut at " + std::to_string(at), file.bytes.substr(0, at)});
  return all;
}

}  // namespace sobre::hostile
