// Damaged headers: refused with one line, quickly and cheaply. Every truncation and every wrong length of a small file, and
// large headers whose fault stands at the end.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "format/allocation_testing.h"
#include "format/gguf.h"
#include "format/hostile_testing.h"
#include "format/safetensors.h"

namespace sobre {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SOBRE_SLOWED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SOBRE_SLOWED 1
#endif
#if defined(SOBRE_SLOWED)
constexpr double kSlowed = 10.0;  // instrumented code is not held to the figures for users
#else
constexpr double kSlowed = 1.0;
#endif

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// What reading gave: the error, nothing when it was taken.
using Reader = std::optional<std::string> (*)(std::string_view);

std::optional<std::string> read_gguf(std::string_view bytes) {
  const auto file = GgufFile::parse(as_bytes(bytes), "f.gguf");
  if (!file) return file.error().message;
  const auto vocab = file->vocab();
  return vocab ? std::nullopt : std::optional(vocab.error().message);
}

std::optional<std::string> read_safetensors(std::string_view bytes) {
  const auto file = parse_safetensors(as_bytes(bytes), "f.safetensors");
  return file ? std::nullopt : std::optional(file.error().message);
}

/// Time that this thread has had: what others do on the machine does not count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Reads and holds the reader to its limits: 100 ms (or what is given) and 16 MB plus 8 times the header.
std::optional<std::string> read_within_limits(Reader reader, std::string_view bytes, size_t header_bytes,
                                              double seconds = 0.1) {
  reset_heap_peak();
  const size_t before = heap_in_use();
  const double start = cpu_seconds();
  std::optional<std::string> error = reader(bytes);
  EXPECT_LT(cpu_seconds() - start, seconds * kSlowed);
  EXPECT_LE(heap_peak() - before, (16u << 20) + 8 * header_bytes);
  if (error) {
    EXPECT_EQ(error->find('\n'), std::string::npos) << *error;
    EXPECT_LT(error->size(), 500u) << *error;
    EXPECT_TRUE(error->starts_with("f.")) << *error;  // names the file
  }
  return error;
}

void expect_refused(Reader reader, const hostile::Damaged& file) {
  SCOPED_TRACE(file.name);
  EXPECT_TRUE(read_within_limits(reader, file.bytes, file.bytes.size()).has_value());
}

TEST(Hostile, GgufCutAnywhere) {
  const hostile::MarkedFile file = hostile::small_gguf();
  ASSERT_EQ(read_gguf(file.bytes), std::nullopt);
  EXPECT_GT(file.boundaries.size(), 100u);
  for (size_t n = 0; n < file.bytes.size(); ++n) expect_refused(read_gguf, {std::to_string(n), file.bytes.substr(0, n)});
}

TEST(Hostile, SafetensorsCutAnywhere) {
  const hostile::MarkedFile file = hostile::small_safetensors();
  ASSERT_EQ(read_safetensors(file.bytes), std::nullopt);
  for (size_t n = 0; n < file.bytes.size(); ++n) {
    expect_refused(read_safetensors, {std::to_string(n), file.bytes.substr(0, n)});
    if (n <= 8) continue;
    // The same cut with a length that agrees with it: the JSON breaks off, or the data does.
    hostile::Damaged cut{std::to_string(n) + ", length agrees", file.bytes.substr(0, n)};
    const uint64_t length = n - 8;
    std::memcpy(cut.bytes.data(), &length, sizeof(length));
    expect_refused(read_safetensors, cut);
  }
}

TEST(Hostile, GgufWrongLengths) {
  const auto damaged = hostile::wrong_lengths(hostile::small_gguf(), true);
  EXPECT_GT(damaged.size(), 1000u);
  for (const hostile::Damaged& d : damaged) {
    // Some changes give another valid file: a type of the same size, an alignment that this layout meets too, and a size
    // that pads to the same.
    const bool may_fit = d.name.starts_with("alignment = ") || d.name.find("type of") != std::string::npos ||
                         d.name == "a dimension of h = 1" || d.name == "a dimension of h = 2" ||
                         d.name == "a dimension of h = 4";
    if (may_fit) {
      (void)read_within_limits(read_gguf, d.bytes, d.bytes.size());
    } else {
      expect_refused(read_gguf, d);
    }
  }
}

TEST(Hostile, SafetensorsWrongLengths) {
  const auto damaged = hostile::wrong_lengths(hostile::small_safetensors(), true);
  EXPECT_GT(damaged.size(), 300u);
  for (const hostile::Damaged& d : damaged) {
    // The empty tensor has no elements whatever its other dimension is.
    if (d.name.starts_with("a dimension = ") && !read_safetensors(d.bytes)) continue;
    expect_refused(read_safetensors, d);
  }
}

TEST(Hostile, EveryByteOfTheHeaderMayBeWrong) {
  // Whatever comes out, it comes out within the limits and without a fault that a sanitizer sees.
  for (const auto& [reader, file] : {std::pair<Reader, hostile::MarkedFile>(read_gguf, hostile::small_gguf()),
                                     std::pair<Reader, hostile::MarkedFile>(read_safetensors, hostile::small_safetensors())}) {
    for (size_t i = 0; i < file.bytes.size(); ++i) {
      for (const int value : {0, 1, 0x20, 0x7f, 0x80, 0xff}) {
        std::string bytes = file.bytes;
        bytes[i] = static_cast<char>(value);
        (void)read_within_limits(reader, bytes, bytes.size());
      }
    }
  }
}

TEST(Hostile, GgufLargeArraysCostEightTimesTheirBytes) {
  for (const auto& [type, size] : {std::pair<uint32_t, size_t>(0, 1), {7, 1}, {2, 2}, {6, 4}}) {
    hostile::GgufBytes f;
    f.raw("GGUF"), f.number(uint32_t{3}), f.number(uint64_t{0}), f.number(uint64_t{2});
    f.array("k", type, (4 << 20) / size), f.raw(std::string(4 << 20, '\0'));
    f.key("broken", 77);
    const std::string bytes = f.take().bytes;
    EXPECT_TRUE(read_within_limits(read_gguf, bytes, bytes.size()).has_value());
    std::string good = bytes.substr(0, bytes.size() - 18);  // without the broken entry
    good[16] = 1;
    EXPECT_NE(read_within_limits(read_gguf, good, good.size())->find("no vocabulary"), std::string::npos);
  }
}

TEST(Hostile, GgufLargeVocabularies) {
  hostile::GgufBytes f;
  constexpr uint64_t kTokens = 200'000;
  f.raw("GGUF"), f.number(uint32_t{3}), f.number(uint64_t{0}), f.number(uint64_t{3});
  f.key("tokenizer.ggml.model", 8), f.string("", "gpt2");
  f.array("tokenizer.ggml.tokens", 8, kTokens);
  for (uint64_t i = 0; i < kTokens; ++i) f.string("", "t" + std::to_string(i));
  f.array("tokenizer.ggml.token_type", 5, kTokens);
  for (uint64_t i = 0; i < kTokens; ++i) f.number(i + 1 == kTokens ? int32_t{9} : int32_t{1});  // the last is at fault
  const std::string bytes = f.take().bytes;
  const auto error = read_within_limits(read_gguf, bytes, bytes.size(), 1.0);
  ASSERT_TRUE(error);
  EXPECT_NE(error->find("token_type[199999] is 9"), std::string::npos) << *error;
}

TEST(Hostile, GgufManyKeysAndTensors) {
  constexpr uint64_t kMany = 65'536;  // the limit of either
  for (const bool keys : {true, false}) {
    for (const bool repeated : {true, false}) {
      hostile::GgufBytes f;
      f.raw("GGUF"), f.number(uint32_t{3}), f.number(keys ? 0 : kMany), f.number(keys ? kMany : 0);
      for (uint64_t i = 0; i < kMany; ++i) {
        const std::string name = "n" + std::to_string(repeated && i + 1 == kMany ? 0 : i);
        if (keys) {
          f.key(name, 0), f.number(uint8_t{1});
        } else {
          f.tensor(name, {1}, 0, 32 * i);
        }
      }
      f.pad(32);
      if (!keys) f.raw(std::string(32 * kMany, '\0'));
      const std::string bytes = f.take().bytes;
      const auto error = read_within_limits(read_gguf, bytes, bytes.size() - (keys ? 0 : 32 * kMany));
      ASSERT_TRUE(error);
      EXPECT_NE(error->find(repeated ? "\"n0\" occurs twice" : "no vocabulary"), std::string::npos) << *error;
    }
  }
}

std::string safetensors_bytes(const std::string& json, size_t data) {
  const uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + json + std::string(data, '\0');
}

TEST(Hostile, SafetensorsLargeHeaders) {
  std::string tensors = "{";
  for (int i = 0; i < 10'000; ++i) {
    tensors += fmt::format(R"("layer.{}.w":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}},)", i, i, i + 1);
  }
  const std::pair<std::string, const char*> kCases[] = {
      {tensors + R"("layer.0.w":{"dtype":"U8","shape":[],"data_offsets":[10000,10001]}})", "occurs twice"},
      {tensors + R"("x":{"dtype":"U8","shape":[],"data_offsets":[10000,10002]}})", "data_offsets span 2 bytes"},
      {tensors + R"("x":{"dtype":"U8","shape":[],"data_offsets":[9999,10000]}})", "without holes or overlap"},
      {tensors + R"("x":{"dtype":"Q8","shape":[],"data_offsets":[10000,10001]}})", "which is not supported"},
  };
  for (const auto& [json, reason] : kCases) {
    const std::string bytes = safetensors_bytes(json, 10'001);
    const auto error = read_within_limits(read_safetensors, bytes, json.size());
    ASSERT_TRUE(error);
    EXPECT_NE(error->find(reason), std::string::npos) << *error;
  }
  const std::string good =
      safetensors_bytes(tensors + R"("x":{"dtype":"U8","shape":[],"data_offsets":[10000,10001]}})", 10'001);
  EXPECT_EQ(read_within_limits(read_safetensors, good, good.size()), std::nullopt);
}

TEST(Hostile, SafetensorsOddShapesOfJson) {
  std::string metadata = R"({"__metadata__":{)";
  for (int i = 0; i < 65'536; ++i) metadata += fmt::format(R"("{}":"",)", i);
  const std::string long_text(2 << 20, 'x');
  const std::string kBad[] = {
      metadata + R"("one more":""}})",         "{\"" + long_text + R"(":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
      R"({"__metadata__":{"k":")" + long_text, "{\"a\":" + std::string(1 << 20, '['),
      "{\"a\":" + std::string(1 << 20, '{'),   R"({"a":{"dtype":"U8","shape":[1)" + std::string(1 << 20, '1'),
      "{" + std::string(1 << 20, ' '),         "{\"a\":{}}" + std::string(1 << 20, '}'),
  };
  for (const std::string& json : kBad) {
    const std::string bytes = safetensors_bytes(json, 1);
    EXPECT_TRUE(read_within_limits(read_safetensors, bytes, json.size())) << json.substr(0, 40);
  }
}

}  // namespace
}  // namespace sobre
