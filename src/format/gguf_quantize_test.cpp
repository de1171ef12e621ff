// Our quantisers against llama.cpp's on every tensor of whole models: no type loses more than 1.05 times what its file lost.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "tensor/dtype.h"

namespace sobre {
namespace {

const std::string kModels = SOBRE_SOURCE_DIR "/../shared/models/";

double squared_error(const std::vector<float>& x, DType type, const std::byte* data) {
  std::vector<float> y(x.size());
  dequantize_row(type, data, static_cast<int64_t>(y.size()), y.data());
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) sum += (static_cast<double>(y[i]) - x[i]) * (static_cast<double>(y[i]) - x[i]);
  return sum;
}

void expect_no_worse(const std::string& stem, const std::string& suffix, DType type) {
  SCOPED_TRACE(suffix);
  const auto plain = GgufFile::open(kModels + stem + "f32.gguf"), theirs = GgufFile::open(kModels + stem + suffix + ".gguf");
  ASSERT_TRUE(plain && theirs);
  double our_error = 0.0, their_error = 0.0;
  int tensors = 0;
  for (const TensorView& t : theirs->tensors()) {
    const TensorView* source = plain->find_tensor(t.name);
    ASSERT_NE(source, nullptr);
    if (t.dtype != type) continue;
    std::vector<float> x(static_cast<size_t>(t.elements()));
    dequantize_row(source->dtype, source->data.data(), t.elements(), x.data());
    std::vector<std::byte> bytes(t.data.size());
    quantize_row(type, x.data(), t.elements(), bytes.data());
    our_error += squared_error(x, type, bytes.data());
    their_error += squared_error(x, type, t.data.data());
    ++tensors;
  }
  EXPECT_GE(tensors, 15);
  EXPECT_GT(their_error, 0.0);
  EXPECT_LE(our_error, 1.05 * their_error);
}

TEST(GgufQuantize, LosesNoMoreThanLlamaCpp) {
  if (!std::filesystem::exists(kModels)) GTEST_SKIP() << "shared models are absent";
  const std::string random = "rand256/rand256-", stories = "tinystories-656k/gguf/tinystories-656k-";
  expect_no_worse(random, "q8_0", DType::kQ8_0);
  expect_no_worse(random, "q2_k", DType::kQ2_K);
  expect_no_worse(random, "q3_k", DType::kQ3_K);
  expect_no_worse(random, "q4_k", DType::kQ4_K);
  expect_no_worse(random, "q5_k", DType::kQ5_K);
  expect_no_worse(random, "q6_k", DType::kQ6_K);
  expect_no_worse(stories, "q4_0", DType::kQ4_0);
  expect_no_worse(stories, "q4_1", DType::kQ4_1);
  expect_no_worse(stories, "q5_0", DType::kQ5_0);
  expect_no_worse(stories, "q5_1", DType::kQ5_1);
  expect_no_worse(stories, "q8_0", DType::kQ8_0);
  expect_no_worse(stories, "iq4_nl", DType::kIQ4_NL);
}

}  // namespace
}  // namespace sobre
