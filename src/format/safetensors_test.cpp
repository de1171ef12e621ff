// safetensors files and folders: what is read, what is refused and how it is said, and the writer.
#include "format/safetensors.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "format/format_testing.h"
#include "format/hostile_testing.h"

namespace sobre {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string file_of(const std::string& json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  bytes += json;
  for (size_t i = 0; i < data_bytes; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string error_of(const std::string& json, size_t data_bytes) {
  const std::string bytes = file_of(json, data_bytes);
  const auto header = parse_safetensors(as_bytes(bytes), "f");
  return header ? "(taken)" : header.error().message;
}

class SafetensorsFiles : public FolderTest {};

TEST(Safetensors, ReadsEveryPart) {
  const std::string bytes = hostile::small_safetensors().bytes;
  const auto header = parse_safetensors(as_bytes(bytes), "f");
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(header->tensors.size(), 4u);
  const TensorView& a = header->tensors[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, DType::kF32);
  EXPECT_EQ(a.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(a.data.size(), 24u);
  EXPECT_EQ(a.data.data(), as_bytes(bytes).data() + bytes.size() - 35);
  EXPECT_EQ(header->tensors[1].dtype, DType::kBF16);
  EXPECT_EQ(header->tensors[2].name, "empty");
  EXPECT_EQ(header->tensors[2].shape, (std::vector<int64_t>{4, 0}));
  EXPECT_EQ(header->tensors[2].data.size(), 0u);
  EXPECT_EQ(header->tensors[3].dtype, DType::kF8E4M3);
  EXPECT_EQ(header->tensors[3].shape, std::vector<int64_t>());
  EXPECT_EQ(header->tensors[3].elements(), 1);
}

TEST(Safetensors, ReadsEveryTypeAtOddOffsets) {
  const std::pair<const char*, DType> kTypes[] = {
      {"U8", DType::kU8},   {"F32", DType::kF32},        {"F16", DType::kF16},        {"BF16", DType::kBF16},
      {"F64", DType::kF64}, {"F8_E4M3", DType::kF8E4M3}, {"F8_E5M2", DType::kF8E5M2}, {"BOOL", DType::kBool},
      {"I8", DType::kI8},   {"U16", DType::kU16},        {"I16", DType::kI16},        {"U32", DType::kU32},
      {"I32", DType::kI32}, {"U64", DType::kU64},        {"I64", DType::kI64}};
  std::string json = "{";
  uint64_t at = 0;
  for (const auto& [name, type] : kTypes) {
    const uint64_t size = *dtype_bytes(type, 3);
    json += fmt::format(R"({}"{}":{{"data_offsets":[{},{}],"dtype":"{}","shape":[3]}})", at > 0 ? "," : "", name, at, at + size,
                        name);
    at += size;
  }
  const std::string bytes = file_of(json + "}  \n", at);
  const auto header = parse_safetensors(as_bytes(bytes), "f");
  ASSERT_TRUE(header) << header.error().message;
  ASSERT_EQ(header->tensors.size(), std::size(kTypes));
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    EXPECT_EQ(header->tensors[i].dtype, kTypes[i].second);
    float values[3];
    dequantize_row(header->tensors[i].dtype, header->tensors[i].data.data(), 3, values);  // at any alignment
  }
}

TEST(Safetensors, ReadsAFileWithoutTensors) {
  EXPECT_EQ(error_of("{}", 0), "(taken)");
  EXPECT_EQ(error_of(R"({"__metadata__":{}})", 0), "(taken)");
  EXPECT_NE(error_of("{}", 1).find("1 bytes follow the last tensor"), std::string::npos);
}

TEST(Safetensors, SaysWhatIsWrong) {
  const auto tensor = [](std::string_view type, std::string_view shape, std::string_view offsets) {
    return fmt::format(R"({{"a":{{"dtype":"{}","shape":{},"data_offsets":{}}}}})", type, shape, offsets);
  };
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  const std::pair<std::string, const char*> kCases[] = {
      {"", "does not begin with '{'"},
      {" {}", "does not begin with '{'"},
      {"[]", "does not begin with '{'"},
      {"{} x", "JSON error"},
      {R"({"a":1})", "a plain value where the format has none"},
      {R"({"a":null})", "a plain value where the format has none"},
      {R"({"a":[0]})", "an array where the format has none"},
      {R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "name is empty"},
      {"{" + a + "," + a + "}", "without holes or overlap"},
      {R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "dtype is missing"},
      {R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "shape is missing"},
      {R"({"a":{"dtype":"U8","shape":[1]}})", "data_offsets is missing"},
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "\"dtype\" occurs twice"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1]}})", "unknown field \"strides\""},
      {R"({"a":{"dtype":["U8"],"shape":[1],"data_offsets":[0,1]}})", "an array where"},
      {R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", "a plain value where"},
      {R"({"a":{"dtype":"U8","shape":{},"data_offsets":[0,1]}})", "an object where"},
      {R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", "nested deeper than 3"},
      {tensor("u8", "[1]", "[0,1]"), "type \"u8\", which is not supported; supported are F32, F16, BF16"},
      {tensor("Q4_0", "[32]", "[0,1]"), "not supported"},
      {tensor("F4", "[2]", "[0,1]"), "not supported"},
      {tensor("U8", "[1]", "[0]"), "data_offsets has 1 numbers, expected 2"},
      {tensor("U8", "[1]", "[0,1,1]"), "data_offsets has 3 numbers, expected 2"},
      {tensor("U8", "[1]", "[1,0]"), "end before they begin"},
      {tensor("U8", "[1]", "[1,2]"), "begins at offset 1, expected 0"},
      {tensor("U8", "[2]", "[0,2]"), "ends at offset 2 of the data, which has 1 bytes"},
      {tensor("U8", "[0]", "[0,0]"), "1 bytes follow the last tensor"},
      {tensor("U8", "[2]", "[0,1]"), "span 1 bytes, but shape [2] of U8 has 2"},
      {tensor("U16", "[1]", "[0,1]"), "span 1 bytes, but shape [1] of U16 has 2"},
      {tensor("U8", "[-1]", "[0,1]"), "something other than integers from 0"},
      {tensor("U8", "[1.0]", "[0,1]"), "something other than integers from 0"},
      {tensor("U8", "[\"1\"]", "[0,1]"), "something other than integers from 0"},
      {tensor("U8", "[true]", "[0,1]"), "something other than integers from 0"},
      {tensor("U8", "[18446744073709551616]", "[0,1]"), "something other than integers from 0"},
      {tensor("U8", "[9223372036854775808]", "[0,1]"), "dimension 9223372036854775808 is too large"},
      {tensor("U8", "[4294967296,4294967296]", "[0,0]"), "more than 2^63 - 1 elements"},
      {tensor("F64", "[2305843009213693952]", "[0,0]"), "more bytes than 64 bits count"},
      {tensor("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), "more than 8 numbers, the limit"},
      {R"({"__metadata__":{"k":1},)" + a + "}", "the value of \"k\" is not a string"},
      {R"({"__metadata__":{"k":{}},)" + a + "}", "an object where"},
      {R"({"__metadata__":{"k":[]},)" + a + "}", "an array where"},
      {R"({"__metadata__":[],)" + a + "}", "an array where"},
      {R"({"__metadata__":{"k":"1","k":"2"},)" + a + "}", "the key \"k\" occurs twice"},
      {R"({"__metadata__":{},"__metadata__":{},)" + a + "}", "\"__metadata__\" occurs twice"},
      {"{\"\xff\":{}}", "JSON error"},
  };
  for (const auto& [json, reason] : kCases) {
    const std::string error = error_of(json, 1);
    EXPECT_TRUE(error.starts_with("f: ")) << error;
    EXPECT_NE(error.find(reason), std::string::npos) << json << "\n" << error;
  }
  const std::string two =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":)";
  EXPECT_NE(error_of(two + "[2,3]}}", 3).find("begins at offset 2, expected 1"), std::string::npos);
  EXPECT_NE(error_of(two + "[0,1]}}", 1).find("begins at offset 0, expected 1"), std::string::npos);
}

TEST(Safetensors, SaysWhatIsWrongWithTheLength) {
  const auto error = [](uint64_t length, size_t size) {
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
    bytes.resize(size, '{');
    return parse_safetensors(as_bytes(bytes), "f").error().message;
  };
  EXPECT_EQ(error(2, 7), "f: no safetensors file: 7 bytes, fewer than the 8 of the header's length");
  EXPECT_EQ(error(100'000'001, 20), "f: the header claims 100000001 bytes, the limit is 100000000");
  EXPECT_EQ(error(13, 20), "f: the header claims 13 bytes, but 12 remain; the file is damaged or cut off");
  EXPECT_NE(error(0, 20).find("does not begin"), std::string::npos);
}

TEST_F(SafetensorsFiles, OpensAFileAndFindsByName) {
  const auto file = SafetensorsFile::open(make("m.safetensors", hostile::small_safetensors().bytes));
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_NE(file->find_tensor("b.weight"), nullptr);
  EXPECT_EQ(file->find_tensor("b.weight")->dtype, DType::kBF16);
  EXPECT_EQ(file->find_tensor("b"), nullptr);
  EXPECT_EQ(file->mappings().size(), 1u);
  const auto missing = SafetensorsFile::open(path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, path("missing") + ": No such file or directory");
}

std::string one_tensor(const std::string& name, const std::string& value) {
  return file_of(
             fmt::format(R"({{"{}":{{"dtype":"U8","shape":[{}],"data_offsets":[0,{}]}}}})", name, value.size(), value.size()),
             0) +
         value;
}

class Shards : public FolderTest {
 protected:
  Shards() {
    make("model-00001-of-00002.safetensors", one_tensor("a", "first"));
    make("model-00002-of-00002.safetensors", one_tensor("b", "second"));
  }
  void index(const std::string& json) const { make("model.safetensors.index.json", json); }
  std::string error() const {
    const auto folder = SafetensorsFile::open_folder(folder_.string());
    return folder ? "(taken)" : folder.error().message;
  }
  void expect(const std::string& json, const std::string& reason) const {
    index(json);
    EXPECT_NE(error().find(reason), std::string::npos) << json << "\n" << error();
  }
};

constexpr std::string_view kMap =
    R"("weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"})";

TEST_F(Shards, AreOneCheckpoint) {
  index(fmt::format(R"({{"metadata":{{"total_size":11,"deep":[{{"weight_map":1}}]}},{}}})", kMap));
  const auto folder = SafetensorsFile::open_folder(folder_.string());
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(folder->tensors().size(), 2u);
  EXPECT_EQ(folder->mappings().size(), 2u);
  ASSERT_NE(folder->find_tensor("b"), nullptr);
  EXPECT_EQ(std::memcmp(folder->find_tensor("b")->data.data(), "second", 6), 0);
}

TEST_F(Shards, ASingleFileComesFirst) {
  index("broken");
  make("model.safetensors", one_tensor("c", "whole"));
  const auto folder = SafetensorsFile::open_folder(folder_.string());
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_NE(folder->find_tensor("c"), nullptr);
  EXPECT_EQ(folder->find_tensor("a"), nullptr);
}

TEST_F(Shards, AreChecked) {
  EXPECT_NE(error().find("neither model.safetensors nor model.safetensors.index.json"), std::string::npos);
  expect("", "JSON error");
  expect("{}", "weight_map is missing or empty");
  expect("[]", "weight_map is missing or empty");
  expect(R"({"weight_map":{}})", "weight_map is missing or empty");
  expect(R"({"weight_map":["a"]})", "weight_map is missing or empty");
  expect(R"({"weight_map":{"a":1}})", "the file of \"a\" is not a string");
  expect(R"({"weight_map":{"a":["x"]}})", "the file of \"a\" is not a string");
  expect(R"({"weight_map":{"a":{}}})", "the file of \"a\" is not a string");
  expect(fmt::format("{{{},{}}}", kMap, kMap), "weight_map occurs twice");
  for (const char* name : {"../model.safetensors", "/etc/passwd", "sub/x.safetensors", "..", ".", "", "a\\\\b", "a\\u0000b"}) {
    expect(fmt::format(R"({{"weight_map":{{"a":"{}"}}}})", name), "is not a plain file name");
  }
  expect(R"({"weight_map":{"a":"gone.safetensors"}})", "No such file");
  expect(R"({"weight_map":{"x":"model-00001-of-00002.safetensors"}})",
         "the tensor \"x\" is not in \"model-00001-of-00002.safetensors\"");
  expect(R"({"weight_map":{"b":"model-00001-of-00002.safetensors","a":"model-00002-of-00002.safetensors"}})",
         "the tensor \"b\" is not in \"model-00001-of-00002.safetensors\"");
  expect(R"({"weight_map":{"a":"model-00001-of-00002.safetensors","a":"model-00002-of-00002.safetensors"}})",
         "the tensor \"a\" occurs twice");
  make("model-00002-of-00002.safetensors", one_tensor("a", "again"));
  expect(fmt::format("{{{}}}", kMap), "the tensor \"a\" is in two files");
  make("model-00002-of-00002.safetensors", one_tensor("b", "second").substr(0, 60));
  expect(fmt::format("{{{}}}", kMap), "model-00002-of-00002.safetensors: ");
}

// ---- Writing ---------------------------------------------------------------------------------------------------------------

const std::vector<SafetensorsEntry> kEntries = {{"w", DType::kF32, {2, 3}},
                                                {"n\xc3\xa4me \"x\"\n", DType::kF8E4M3, {5}},
                                                {"none", DType::kI64, {0, 7}},
                                                {"s", DType::kBF16, {}}};

Result<std::string> data_of(size_t i) {
  TRY(const uint64_t size, tensor_bytes("", kEntries[i].dtype, kEntries[i].shape));
  return std::string(size, static_cast<char>('a' + i));
}

TEST_F(SafetensorsFiles, WrittenFilesComeBack) {
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"note", "\"\\\xe2\x82\xac"}};
  const auto written = write_safetensors(path("out"), kEntries, metadata, data_of);
  ASSERT_TRUE(written) << written.error().message;
  const std::string bytes = contents(path("out"));
  const auto header = parse_safetensors(as_bytes(bytes), "f");
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->metadata, metadata);
  ASSERT_EQ(header->tensors.size(), kEntries.size());
  EXPECT_EQ((header->tensors[0].data.data() - as_bytes(bytes).data()) % 8, 0);
  for (const SafetensorsEntry& entry : kEntries) {
    const auto i = static_cast<size_t>(&entry - kEntries.data());
    const auto view =
        std::find_if(header->tensors.begin(), header->tensors.end(), [&](const TensorView& t) { return t.name == entry.name; });
    ASSERT_NE(view, header->tensors.end());
    EXPECT_EQ(view->dtype, entry.dtype);
    EXPECT_EQ(view->shape, entry.shape);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(view->data.data()), view->data.size()), *data_of(i));
  }
  EXPECT_EQ(entries(), 1u);
}

TEST_F(SafetensorsFiles, WritingRefusesWhatReadersWould) {
  const auto error = [&](std::vector<SafetensorsEntry> tensors, std::map<std::string, std::string> metadata = {}) {
    const auto header = safetensors_header(tensors, metadata);
    return header ? "(taken)" : header.error().message;
  };
  EXPECT_NE(error({{"", DType::kF32, {}}}).find("name is empty"), std::string::npos);
  EXPECT_NE(error({{"__metadata__", DType::kF32, {}}}).find("is reserved"), std::string::npos);
  EXPECT_NE(error({{"\xff", DType::kF32, {}}}).find("is not UTF-8"), std::string::npos);
  EXPECT_NE(error({{"a", DType::kQ4_0, {32}}}).find("safetensors has no type Q4_0"), std::string::npos);
  EXPECT_NE(error({{"a", DType::kF32, {-1}}}).find("is negative"), std::string::npos);
  EXPECT_NE(error({{"a", DType::kF32, std::vector<int64_t>(9, 1)}}).find("9 dimensions, the limit is 8"), std::string::npos);
  EXPECT_NE(error({{"a", DType::kF32, {INT64_MAX}}}).find("more bytes than 64 bits count"), std::string::npos);
  EXPECT_NE(error({{"a", DType::kF32, {}}, {"a", DType::kF32, {}}}).find("\"a\" is used twice"), std::string::npos);
  EXPECT_NE(error({}, {{"k", "\x80"}}).find("metadata entry \"k\" is not UTF-8"), std::string::npos);
}

TEST_F(SafetensorsFiles, AFailureLeavesTheOldFile) {
  make("out", "old");
  const auto wrong_size = write_safetensors(path("out"), kEntries, {}, [](size_t) -> Result<std::string> { return "x"; });
  ASSERT_FALSE(wrong_size);
  EXPECT_NE(wrong_size.error().message.find("tensor 0 has 1 bytes, expected 24"), std::string::npos);
  const auto no_data = write_safetensors(path("out"), kEntries, {}, [](size_t i) -> Result<std::string> {
    if (i == 3) return fail("no data for {}", i);
    return data_of(i);
  });
  ASSERT_FALSE(no_data);
  EXPECT_EQ(no_data.error().message, "no data for 3");
  {
    const FileSizeLimit full(100);
    const auto written = write_safetensors(path("out"), kEntries, {}, data_of);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find("cannot write: File too large; nothing was changed"), std::string::npos);
  }
  EXPECT_EQ(contents(path("out")), "old");
  EXPECT_EQ(entries(), 1u);
  EXPECT_TRUE(is_killed([&] {
    (void)write_safetensors(path("out"), kEntries, {}, [](size_t i) -> Result<std::string> {
      if (i == 3) ::raise(SIGKILL);
      return data_of(i);
    });
  }));
  EXPECT_EQ(contents(path("out")), "old");
  ASSERT_TRUE(write_safetensors(path("out"), kEntries, {}, data_of));  // what the killed process left is in nobody's way
  EXPECT_TRUE(SafetensorsFile::open(path("out")));
}

}  // namespace
}  // namespace sobre
