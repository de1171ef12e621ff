// GGUF files: values of every type, what is refused and how it is said, split models, and the writer.
#include "format/gguf.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "format/format_testing.h"
#include "format/hostile_testing.h"

namespace sobre {
namespace {

const std::string kModels = SOBRE_SOURCE_DIR "/../shared/models/";

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string error_of(std::string_view bytes) {
  const auto file = GgufFile::parse(as_bytes(bytes), "f");
  return file ? "(taken)" : file.error().message;
}

hostile::GgufBytes start(uint64_t tensors, uint64_t keys) {
  hostile::GgufBytes f;
  f.raw("GGUF"), f.number(uint32_t{3}), f.number(tensors), f.number(keys);
  return f;
}

TEST(Gguf, ReadsEveryKindOfValue) {
  for (const uint32_t version : {2u, 3u}) {
    const std::string bytes = hostile::small_gguf(version).bytes;
    const auto file = GgufFile::parse(as_bytes(bytes), "f");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->name(), "f");
    EXPECT_TRUE(file->mappings().empty());
    EXPECT_EQ(**file->get_string("general.architecture"), "llama");
    EXPECT_EQ(**file->get_int("k.u8", 0, 255), 200);
    EXPECT_EQ(**file->get_int("k.i8", -128, 127), -100);
    EXPECT_EQ(**file->get_int("k.u16", 0, 65535), 60000);
    EXPECT_EQ(**file->get_int("k.i16", -32768, 0), -30000);
    EXPECT_EQ(**file->get_int("k.i32", INT32_MIN, 0), -2000000000);
    EXPECT_EQ(**file->get_int("k.i64", INT64_MIN, 0), -9000000000000000000);
    EXPECT_EQ(std::get<uint64_t>(*file->find("k.u64")), UINT64_MAX);
    EXPECT_EQ(**file->get_double("k.f32"), 0.5);
    EXPECT_EQ(**file->get_double("k.f64"), -0.1);
    EXPECT_EQ(**file->get_double("k.u8"), 200.0);
    EXPECT_EQ(**file->get_bool("k.bool"), true);
    EXPECT_EQ(std::get<GgufArray>(*file->find("k.bools")).ints, (std::vector<int64_t>{1, 0}));
    EXPECT_EQ(std::get<GgufArray>(*file->find("k.bytes")).ints, (std::vector<int64_t>{'a', 'b', 'c', 'd', 'e'}));
    EXPECT_EQ(std::get<GgufArray>(*file->find("k.none")).size(), 0u);
    EXPECT_EQ(std::get<GgufArray>(*file->find("tokenizer.ggml.tokens")).strings[2], "ab");
    EXPECT_EQ(std::get<GgufArray>(*file->find("tokenizer.ggml.scores")).floats[3], -3.0);
    EXPECT_EQ(file->find("k"), nullptr);
    EXPECT_EQ(*file->get_string("absent"), std::nullopt);
    ASSERT_EQ(file->tensors().size(), 3u);
    EXPECT_EQ(file->find_tensor("w")->dtype, DType::kQ8_0);
    EXPECT_EQ(file->find_tensor("w")->shape, (std::vector<int64_t>{2, 32}));
    EXPECT_EQ(as_text(file->find_tensor("w")->data), std::string(68, '\1'));
    EXPECT_EQ(file->find_tensor("h")->shape, (std::vector<int64_t>{2, 2, 3}));
    EXPECT_EQ(as_text(file->find_tensor("h")->data), std::string(24, '\2'));
    EXPECT_EQ(file->find_tensor("s")->elements(), 1);
    EXPECT_EQ(file->find_tensor("x"), nullptr);
  }
}

TEST(Gguf, TypedReadsNameTheKeyAndTheValue) {
  const std::string bytes = hostile::small_gguf().bytes;
  const auto file = GgufFile::parse(as_bytes(bytes), "f");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->get_int("k.u8", 0, 100).error().message, "f: k.u8 is 200, expected an integer from 0 to 100");
  EXPECT_EQ(file->get_int("k.u64", 0, 5).error().message, "f: k.u64 is 18446744073709551615, expected an integer from 0 to 5");
  EXPECT_EQ(file->get_int("k.f32", 0, 5).error().message, "f: k.f32 is 0.5, expected an integer from 0 to 5");
  EXPECT_EQ(file->get_int("k.bool", 0, 5).error().message, "f: k.bool is true, expected an integer from 0 to 5");
  EXPECT_EQ(file->get_string("k.none").error().message, "f: k.none is an array of 0 elements, expected a string");
  EXPECT_EQ(file->get_double("general.architecture").error().message,
            "f: general.architecture is the string \"llama\", expected a number");
  EXPECT_EQ(file->get_bool("k.u8").error().message, "f: k.u8 is 200, expected true or false");
}

TEST(Gguf, SaysWhatIsWrongAtTheStart) {
  std::string bytes = hostile::small_gguf().bytes;
  EXPECT_EQ(error_of(""), "f: the magic number at byte 0 needs 4 bytes, but 0 remain; the file is damaged or cut off");
  EXPECT_EQ(error_of("PK\x03\x04zip"), "f: no GGUF file: it begins with bytes 504b0304, not \"GGUF\"");
  bytes[4] = 1;
  EXPECT_NE(error_of(bytes).find("GGUF version 1 is obsolete"), std::string::npos);
  bytes[4] = 4;
  EXPECT_NE(error_of(bytes).find("GGUF version 4 is not supported; versions 2 and 3 are read"), std::string::npos);
  bytes[4] = 0;
  bytes[7] = 3;
  EXPECT_NE(error_of(bytes).find("a big-endian GGUF file (version bytes 00000003)"), std::string::npos);
  EXPECT_NE(error_of(start(1000, 0).take().bytes).find("claims 1000 tensors, but 0 bytes remain"), std::string::npos);
  EXPECT_NE(error_of(start(0, 1000).take().bytes).find("claims 1000 metadata keys, but 0 bytes remain"), std::string::npos);
  hostile::GgufBytes many = start(0, 65'537);
  many.raw(std::string(65'537 * 14, 'x'));
  EXPECT_NE(error_of(many.take().bytes).find("65537 metadata keys, the limit is 65536"), std::string::npos);
}

TEST(Gguf, SaysWhatIsWrongInTheMetadata) {
  const auto error = [](uint64_t keys, const auto& fill) {
    hostile::GgufBytes f = start(0, keys);
    fill(f);
    return error_of(f.take().bytes + std::string(64, '\0'));
  };
  const auto expect = [&](uint64_t keys, const char* reason, const auto& fill) {
    EXPECT_NE(error(keys, fill).find(reason), std::string::npos) << error(keys, fill);
  };
  using Bytes = hostile::GgufBytes;
  expect(1, "key that ends at byte 32 is empty", [](Bytes& f) { f.key("", 0), f.number(uint8_t{0}); });
  expect(1, "has 65536 bytes, the limit is 65535", [](Bytes& f) { f.key(std::string(65'536, 'k'), 0), f.number(uint8_t{0}); });
  expect(2, "the metadata key \"a\" occurs twice", [](Bytes& f) {
    for (int i = 0; i < 2; ++i) f.key("a", 0), f.number(uint8_t{0});
  });
  expect(1, "the value of \"a\" has type 13, which GGUF does not have", [](Bytes& f) { f.key("a", 13); });
  expect(1, "is an array of type 13, which GGUF does not have", [](Bytes& f) { f.array("a", 13, 0); });
  expect(1, "is an array of arrays, which is not supported", [](Bytes& f) { f.array("a", 9, 1); });
  expect(1, "is a bool stored as 2, expected 0 or 1", [](Bytes& f) { f.key("a", 7), f.number(uint8_t{2}); });
  expect(1, "is a bool stored as 2, expected 0 or 1", [](Bytes& f) { f.array("a", 7, 1), f.number(uint8_t{2}); });
  expect(1, "element 1 is 18446744073709551615, the limit",
         [](Bytes& f) { f.array("a", 10, 2), f.number(uint64_t{1}), f.number(UINT64_MAX); });
  expect(1, "claims 4611686018427387904 elements, but 64 bytes remain", [](Bytes& f) { f.array("a", 4, uint64_t{1} << 62); });
  expect(1, "needs 18446744073709551615 bytes", [](Bytes& f) { f.key("a", 8), f.number(UINT64_MAX); });
  expect(1, "the value of \"a\\x0a\\x1b\" has type 99", [](Bytes& f) { f.key("a\n\x1b", 99); });
  expect(1, "general.alignment is 0, expected an integer from 1",
         [](Bytes& f) { f.key("general.alignment", 4), f.number(uint32_t{0}); });
  expect(1, "general.alignment is 24, expected a power of two",
         [](Bytes& f) { f.key("general.alignment", 4), f.number(uint32_t{24}); });
  expect(1, "general.alignment is 2147483648, expected",
         [](Bytes& f) { f.key("general.alignment", 4), f.number(uint32_t{1} << 31); });
  expect(1, "general.alignment is the string", [](Bytes& f) { f.key("general.alignment", 8), f.string("", "32"); });
}

TEST(Gguf, SaysWhatIsWrongWithATensor) {
  const auto expect = [](uint64_t tensors, const char* reason, const auto& fill) {
    hostile::GgufBytes f = start(tensors, 0);
    fill(f);
    f.pad(32);
    f.raw(std::string(256, '\0'));
    const std::string error = error_of(f.take().bytes);
    EXPECT_NE(error.find(reason), std::string::npos) << error;
  };
  using Bytes = hostile::GgufBytes;
  expect(1, "(taken)", [](Bytes& f) { f.tensor("a", {64}, 0, 0); });
  expect(1, "needs 260 bytes at offset 0 of the tensor data, which has 256; the file is cut off",
         [](Bytes& f) { f.tensor("a", {65}, 0, 0); });
  expect(1, "tensor name that ends at byte 32 is empty", [](Bytes& f) { f.tensor("", {1}, 0, 0); });
  expect(1, "has 65 bytes, the limit is 64", [](Bytes& f) { f.tensor(std::string(65, 't'), {1}, 0, 0); });
  expect(2, "the tensor name \"a\" occurs twice", [](Bytes& f) { f.tensor("a", {1}, 0, 0), f.tensor("a", {1}, 0, 32); });
  expect(1, "has 5 dimensions, the limit is 4", [](Bytes& f) { f.tensor("a", {1, 1, 1, 1, 1}, 0, 0); });
  expect(1, "dimension 1 is 0, expected 1 to", [](Bytes& f) { f.tensor("a", {1, 0}, 0, 0); });
  expect(1, "dimension 0 is 18446744073709551615, expected 1 to", [](Bytes& f) { f.tensor("a", {UINT64_MAX}, 0, 0); });
  expect(1, "more than 2^63 - 1 elements", [](Bytes& f) { f.tensor("a", {uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0); });
  expect(1, "more bytes than 64 bits count", [](Bytes& f) { f.tensor("a", {uint64_t{1} << 62}, 0, 0); });
  expect(1, "rows of 33 elements, but Q4_0 is stored in blocks of 32", [](Bytes& f) { f.tensor("a", {33}, 2, 0); });
  expect(1, "rows of 1 elements, but Q4_0", [](Bytes& f) { f.tensor("a", {}, 2, 0); });
  expect(1, "has type IQ2_XXS, which is not supported; supported are F32, F16, BF16, Q4_0",
         [](Bytes& f) { f.tensor("a", {256}, 16, 0); });
  expect(1, "has type NVFP4, which is not supported", [](Bytes& f) { f.tensor("a", {64}, 40, 0); });
  expect(1, "has type type 4, which is not supported", [](Bytes& f) { f.tensor("a", {32}, 4, 0); });
  expect(1, "starts at offset 32 of the tensor data, expected 0", [](Bytes& f) { f.tensor("a", {1}, 0, 32); });
  expect(2, "starts at offset 64 of the tensor data, expected 32",
         [](Bytes& f) { f.tensor("a", {1}, 0, 0), f.tensor("b", {1}, 0, 64); });
  expect(2, "starts at offset 0 of the tensor data, expected 32",
         [](Bytes& f) { f.tensor("a", {1}, 0, 0), f.tensor("b", {1}, 0, 0); });
}

TEST(Gguf, HonoursTheAlignment) {
  for (const uint32_t alignment : {1u, 8u, 64u, 4096u}) {
    hostile::GgufBytes f = start(2, 1);
    f.key("general.alignment", 4), f.number(alignment);
    f.tensor("a", {3}, 24, 0), f.tensor("b", {1}, 24, std::max<uint64_t>(alignment, 3));
    f.pad(alignment), f.raw("abc"), f.pad(alignment), f.raw("d");
    const std::string bytes = f.take().bytes;
    const auto file = GgufFile::parse(as_bytes(bytes), "f");
    ASSERT_TRUE(file) << alignment << " " << file.error().message;
    EXPECT_EQ(as_text(file->find_tensor("b")->data), "d");
  }
}

// ---- Split models ----------------------------------------------------------------------------------------------------------

class GgufFiles : public FolderTest {
 protected:
  void part(const std::string& name, uint16_t number, uint16_t count, const std::string& tensor, int32_t total) const {
    hostile::GgufBytes f = start(1, 3);
    f.key("split.no", 2), f.number(number), f.key("split.count", 2), f.number(count);
    f.key("split.tensors.count", 5), f.number(total);
    f.tensor(tensor, {1}, 24, 0), f.pad(32), f.raw(tensor.substr(0, 1));
    make(name, f.take().bytes);
  }
  std::string error(const std::string& name) const {
    const auto file = GgufFile::open(path(name));
    return file ? "(taken)" : file.error().message;
  }
  void expect(const std::string& reason, const std::string& name = "m-00001-of-00003.gguf") const {
    EXPECT_NE(error(name).find(reason), std::string::npos) << error(name);
  }
};

TEST_F(GgufFiles, PartsAreOneModel) {
  part("m-00001-of-00003.gguf", 0, 3, "x", 3);
  part("m-00002-of-00003.gguf", 1, 3, "a", 3);
  part("m-00003-of-00003.gguf", 2, 3, "k", 3);
  const auto file = GgufFile::open(path("m-00001-of-00003.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->mappings().size(), 3u);
  for (const char* name : {"x", "a", "k"}) {
    ASSERT_NE(file->find_tensor(name), nullptr);
    EXPECT_EQ(as_text(file->find_tensor(name)->data), name);
  }
}

TEST_F(GgufFiles, PartsAreChecked) {
  part("m-00001-of-00003.gguf", 0, 3, "x", 3);
  part("m-00002-of-00003.gguf", 1, 3, "a", 3);
  expect("m-00003-of-00003.gguf: No such file");
  part("m-00003-of-00003.gguf", 1, 3, "k", 3);
  expect("not part 3 of 3: its split.no is 1 and its split.count 3, expected 2 and 3");
  part("m-00003-of-00003.gguf", 2, 4, "k", 3);
  expect("its split.no is 2 and its split.count 4");
  make("m-00003-of-00003.gguf", hostile::small_gguf().bytes);
  expect("its split.no is missing and its split.count missing");
  make("m-00003-of-00003.gguf", "GGUF");
  expect("m-00003-of-00003.gguf: the version at byte 4");
  part("m-00003-of-00003.gguf", 2, 3, "a", 3);
  expect("the tensor name \"a\" occurs twice");
  part("m-00003-of-00003.gguf", 2, 3, "k", 3);
  part("m-00001-of-00003.gguf", 0, 3, "x", 4);
  expect("the 3 parts hold 3 tensors together, but split.tensors.count is 4");
  expect("part 2 of 3 of a split model; open its first part, whose name ends in -00001-of-00003.gguf", "m-00002-of-00003.gguf");
  part("renamed.gguf", 0, 3, "x", 3);
  expect("its name must end in -00001-of-00003.gguf", "renamed.gguf");
  part("alone.gguf", 0, 1, "x", 1);
  expect("(taken)", "alone.gguf");
}

TEST_F(GgufFiles, OpeningNamesThePath) {
  EXPECT_EQ(error("missing"), path("missing") + ": No such file or directory");
  make("empty", "");
  EXPECT_TRUE(error("empty").starts_with(path("empty") + ": the magic number"));
}

// ---- Writing ---------------------------------------------------------------------------------------------------------------

Result<std::string> copy_of(const GgufFile& file, const std::string& to) {
  GgufWriter writer;
  writer.add_metadata_of(file);
  for (const TensorView& t : file.tensors()) writer.add_tensor(t.name, t.dtype, t.shape);
  TRY_VOID(writer.write(to, [&](size_t i) -> Result<std::span<const std::byte>> { return file.tensors()[i].data; }));
  return contents(to);
}

TEST_F(GgufFiles, CopiesAreEqualByteForByte) {
  const std::string bytes = hostile::small_gguf().bytes;
  const auto file = GgufFile::parse(as_bytes(bytes), "f");
  ASSERT_TRUE(file);
  const auto copy = copy_of(*file, path("copy"));
  ASSERT_TRUE(copy) << copy.error().message;
  // The writer leaves the default alignment out, and pads the end; a copy of the copy is the copy.
  const auto again = GgufFile::parse(as_bytes(*copy), "copy");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->metadata().size(), file->metadata().size() - 1);
  EXPECT_EQ(copy_of(*again, path("again")).value(), *copy);
  EXPECT_EQ(again->type_of(2), file->type_of(3));
  for (const TensorView& t : file->tensors()) EXPECT_EQ(as_text(again->find_tensor(t.name)->data), as_text(t.data));
}

TEST_F(GgufFiles, ACopyOfPartsIsOneFile) {
  GgufWriter part;
  part.add_string("general.architecture", "llama");
  part.add_u32("split.no", 0);
  part.add_u32("split.count", 1);
  part.add_u32("split.tensors.count", 0);
  ASSERT_TRUE(part.write(path("part"), [](size_t) -> Result<std::span<const std::byte>> { return fail("no tensors"); }));
  const auto file = GgufFile::open(path("part"));
  ASSERT_TRUE(file) << file.error().message;
  const auto copy = copy_of(*file, path("copy"));
  ASSERT_TRUE(copy) << copy.error().message;
  const auto again = GgufFile::open(path("copy"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->metadata().size(), 1U);
}

TEST_F(GgufFiles, CopiesOfRealFilesAreEqualByteForByte) {
  if (!std::filesystem::exists(kModels)) GTEST_SKIP() << "shared models are absent";
  int files = 0;
  for (const char* folder : {"rand256", "tinystories-656k/gguf"}) {
    for (const auto& entry : std::filesystem::directory_iterator(kModels + folder)) {
      if (entry.path().extension() != ".gguf") continue;
      const auto file = GgufFile::open(entry.path().string());
      ASSERT_TRUE(file) << file.error().message;
      const auto copy = copy_of(*file, path("copy"));
      ASSERT_TRUE(copy) << copy.error().message;
      EXPECT_TRUE(*copy == contents(entry.path().string())) << entry.path();
      ++files;
    }
  }
  EXPECT_EQ(files, 20);
}

TEST_F(GgufFiles, LaterValuesReplaceEarlierOnes) {
  GgufWriter writer;
  writer.add_u32("a", 1);
  writer.add_string("b", "text");
  writer.add_f32("a", 0.25f);
  writer.add_bool("c", true);
  writer.add("list", GgufArray{.ints = {-1, 2}, .floats = {}, .strings = {}}, GgufType::kI16);
  writer.add("max", UINT64_MAX, GgufType::kU64);
  const std::string header = writer.header().value();
  EXPECT_EQ(header.size() % 32, 0u);
  const auto file = GgufFile::parse(as_bytes(header), "f");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metadata().size(), 5u);
  EXPECT_EQ(**file->get_double("a"), 0.25);
  EXPECT_EQ(file->metadata()[0].first, "a");
  EXPECT_EQ(std::get<GgufArray>(*file->find("list")).ints, (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(std::get<uint64_t>(*file->find("max")), UINT64_MAX);
}

TEST_F(GgufFiles, WritingRefusesWhatReadersWould) {
  const auto error = [](const auto& fill) {
    GgufWriter writer;
    fill(writer);
    const auto header = writer.header();
    return header ? "(taken)" : header.error().message;
  };
  const auto expect_error = [&](const char* reason, const auto& fill) {
    EXPECT_NE(error(fill).find(reason), std::string::npos) << error(fill);
  };
  expect_error("a metadata key is empty", [](GgufWriter& w) { w.add_u32("", 1); });
  expect_error("the value of \"k\" does not fit GGUF type 0", [](GgufWriter& w) { w.add("k", int64_t{256}, GgufType::kU8); });
  expect_error("does not fit GGUF type 4", [](GgufWriter& w) { w.add("k", int64_t{-1}, GgufType::kU32); });
  expect_error("does not fit GGUF type 11", [](GgufWriter& w) { w.add("k", UINT64_MAX, GgufType::kI64); });
  expect_error("does not fit GGUF type 6", [](GgufWriter& w) { w.add("k", 1e300, GgufType::kF32); });
  expect_error("does not fit GGUF type 8", [](GgufWriter& w) { w.add("k", 1.0, GgufType::kString); });
  expect_error("does not fit GGUF type 4", [](GgufWriter& w) { w.add("k", std::string("1"), GgufType::kU32); });
  expect_error("does not fit GGUF type 9",
               [](GgufWriter& w) { w.add("k", GgufArray{.ints = {1}, .floats = {}, .strings = {}}, GgufType::kArray); });
  expect_error("does not fit GGUF type 8",
               [](GgufWriter& w) { w.add("k", GgufArray{.ints = {1}, .floats = {}, .strings = {}}, GgufType::kString); });
  expect_error("does not fit GGUF type 7",
               [](GgufWriter& w) { w.add("k", GgufArray{.ints = {2}, .floats = {}, .strings = {}}, GgufType::kBool); });
  expect_error("a tensor name is empty", [](GgufWriter& w) { w.add_tensor("", DType::kF32, {1}); });
  expect_error("has 64 bytes, the limit is 63", [](GgufWriter& w) { w.add_tensor(std::string(64, 't'), DType::kF32, {1}); });
  expect_error("GGUF has no type F8_E4M3", [](GgufWriter& w) { w.add_tensor("t", DType::kF8E4M3, {1}); });
  expect_error("5 dimensions, the limit is 4", [](GgufWriter& w) { w.add_tensor("t", DType::kF32, {1, 1, 1, 1, 1}); });
  expect_error("has no elements", [](GgufWriter& w) { w.add_tensor("t", DType::kF32, {1, 0}); });
  expect_error("is stored in blocks of 256", [](GgufWriter& w) { w.add_tensor("t", DType::kQ4_K, {2, 128}); });
  expect_error("the tensors together have more bytes than 64 bits count", [](GgufWriter& w) {
    for (const char* name : {"a", "b", "c"}) w.add_tensor(name, DType::kI8, {INT64_MAX});
  });
  expect_error("\"t\" is used twice", [](GgufWriter& w) {
    for (int i = 0; i < 2; ++i) w.add_tensor("t", DType::kF32, {1});
  });
}

TEST_F(GgufFiles, AFailureLeavesTheOldFile) {
  make("out", "old");
  GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_tensor("a", DType::kF32, {64});
  writer.add_tensor("b", DType::kF32, {1});
  const auto data = [](size_t i) -> Result<std::vector<float>> { return std::vector<float>(i == 0 ? 64 : 1, 1.0f); };
  const auto wrong_size = writer.write(path("out"), [](size_t) -> Result<std::vector<float>> { return std::vector<float>(3); });
  ASSERT_FALSE(wrong_size);
  EXPECT_NE(wrong_size.error().message.find("tensor 0 has 12 bytes, expected 256"), std::string::npos);
  {
    const FileSizeLimit full(256);
    const auto written = writer.write(path("out"), data);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find("cannot write: File too large; nothing was changed"), std::string::npos);
  }
  EXPECT_EQ(contents(path("out")), "old");
  EXPECT_EQ(entries(), 1u);
  EXPECT_TRUE(is_killed([&] {
    (void)writer.write(path("out"), [&](size_t i) {
      if (i == 1) ::raise(SIGKILL);
      return data(i);
    });
  }));
  EXPECT_EQ(contents(path("out")), "old");
  ASSERT_TRUE(writer.write(path("out"), data));
  EXPECT_TRUE(GgufFile::open(path("out")));
}

}  // namespace
}  // namespace sobre
