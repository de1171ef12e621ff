// Rows of real GGUF files, dequantised by us and by the reference implementation: equal in every value.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "tensor/dtype.h"

namespace sobre {
namespace {

const std::string kModels = SOBRE_SOURCE_DIR "/../shared/models/";

std::vector<float> read_floats(const std::string& path) {
  std::vector<float> values;
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    float v = 0.0f;
    while (std::fread(&v, sizeof(v), 1, file) == 1) values.push_back(v);
    std::fclose(file);
  }
  return values;
}

// stem + ".gguf" holds the tensor, stem + ".ffn_down0.f32" its first 8 rows as the reference reads them.
void expect_reference_rows(const std::string& stem, DType type) {
  SCOPED_TRACE(stem);
  const std::vector<float> want = read_floats(kModels + stem + ".ffn_down0.f32");
  ASSERT_FALSE(want.empty());
  const auto file = GgufFile::open(kModels + stem + ".gguf");
  ASSERT_TRUE(file) << file.error().message;
  const TensorView* tensor = file->find_tensor("blk.0.ffn_down.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->dtype, type);
  ASSERT_EQ(tensor->shape.size(), 2u);
  ASSERT_EQ(static_cast<int64_t>(want.size()), 8 * tensor->shape[1]);
  std::vector<float> got(want.size());
  dequantize_row(tensor->dtype, tensor->data.data(), static_cast<int64_t>(got.size()), got.data());
  EXPECT_EQ(got, want);
}

TEST(GgufDequantize, RowsEqualTheReference) {
  if (!std::filesystem::exists(kModels)) GTEST_SKIP() << "shared models are absent";
  expect_reference_rows("rand256/rand256-f32", DType::kF32);
  expect_reference_rows("rand256/rand256-q8_0", DType::kQ8_0);
  expect_reference_rows("rand256/rand256-q2_k", DType::kQ2_K);
  expect_reference_rows("rand256/rand256-q3_k", DType::kQ3_K);
  expect_reference_rows("rand256/rand256-q4_k", DType::kQ4_K);
  expect_reference_rows("rand256/rand256-q5_k", DType::kQ5_K);
  expect_reference_rows("rand256/rand256-q6_k", DType::kQ6_K);
  expect_reference_rows("rand256/rand256-iq4_xs", DType::kIQ4_XS);
  expect_reference_rows("rand256/rand256-tq1_0", DType::kTQ1_0);
  expect_reference_rows("rand256/rand256-tq2_0", DType::kTQ2_0);
  expect_reference_rows("rand256/rand256-mxfp4_moe", DType::kMXFP4);
  const std::string stories = "tinystories-656k/gguf/tinystories-656k-";
  expect_reference_rows(stories + "f16", DType::kF16);
  expect_reference_rows(stories + "bf16", DType::kBF16);
  expect_reference_rows(stories + "q4_0", DType::kQ4_0);
  expect_reference_rows(stories + "q4_1", DType::kQ4_1);
  expect_reference_rows(stories + "q5_0", DType::kQ5_0);
  expect_reference_rows(stories + "q5_1", DType::kQ5_1);
  expect_reference_rows(stories + "q8_0", DType::kQ8_0);
  expect_reference_rows(stories + "iq4_nl", DType::kIQ4_NL);
}

}  // namespace
}  // namespace sobre
