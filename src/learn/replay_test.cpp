// Recorded training runs of the reference library (transformers and PyTorch), done again: losses, gradients, weights.
#include "learn/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "format/safetensors.h"

namespace sobre {
namespace {

std::string goldens() { return std::string(SOBRE_SOURCE_DIR) + "/../shared/goldens/train"; }

struct Difference {
  double relative = 0;  // ||a - b|| / ||b||
  double typical = 0;   // the largest but for one element in a thousand
};

Difference difference(const std::vector<float>& a, const TensorView& b) {
  std::vector<float> expected(static_cast<size_t>(b.elements()));
  dequantize_row(b.dtype, b.data.data(), b.elements(), expected.data());
  if (a.size() != expected.size()) return {INFINITY, INFINITY};
  double off = 0, size = 0;
  std::vector<double> each;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto e = static_cast<double>(expected[i]), d = static_cast<double>(a[i]) - e;
    off += d * d;
    size += e * e;
    each.push_back(std::fabs(d));
  }
  std::sort(each.begin(), each.end());
  return {std::sqrt(off / (size + 1e-30)), each[each.size() - 1 - each.size() / 1000]};
}

template <class Check>
void compare_tensors(const Parameters& p, Parameters::Kind kind, const std::string& file, Check check) {
  const auto golden = SafetensorsFile::open(file);
  ASSERT_TRUE(golden.has_value()) << golden.error().message;
  size_t compared = 0;
  for (const PlannedTensor& t : p.tensors()) {
    const TensorView* view = golden->find_tensor(t.name);
    if (view == nullptr) continue;
    ++compared;
    check(difference(p.tensor(t, kind), *view), file + " " + t.name);
  }
  EXPECT_EQ(compared, golden->tensors().size()) << "every tensor of the golden is compared";
}

TEST(Replay, GoldenRunsAreFollowed) {
  if (!std::filesystem::exists(goldens())) GTEST_SKIP() << goldens() << " is absent: no recorded run is compared";
  for (const int threads : {1, 2, 3}) {
    for (const auto& entry : std::filesystem::directory_iterator(goldens())) {
      const std::string folder = entry.path().string();
      int steps = 0;
      const auto report = [&](const ReplayStep& s, const Parameters& p) {
        EXPECT_NEAR(s.loss, s.recorded_loss, 1e-5 * s.recorded_loss) << folder << " step " << s.step;
        EXPECT_NEAR(s.grad_norm, s.recorded_grad_norm, 1e-4 * s.recorded_grad_norm) << folder << " step " << s.step;
        const std::string gradients = folder + "/grads-step" + std::to_string(s.step) + ".safetensors";
        if (std::filesystem::exists(gradients))
          compare_tensors(p, Parameters::Kind::kGradients, gradients,
                          [](const Difference& d, const std::string& name) { EXPECT_LT(d.relative, 1e-4) << name; });
        ++steps;
      };
      const auto after = replay_training(folder, best_kernels(), std::make_shared<ThreadPool>(threads), report);
      ASSERT_TRUE(after.has_value()) << after.error().message;
      EXPECT_EQ(steps, 10);
      compare_tensors(*after, Parameters::Kind::kValues, folder + "/after.safetensors",
                      [](const Difference& d, const std::string& name) { EXPECT_LT(d.typical, 2e-5) << name; });
    }
  }
}

TEST(Replay, MistralsOwnLayoutIsRefused) {
  const std::string families = goldens() + "/../families/ministral-consolidated";
  if (!std::filesystem::exists(families)) GTEST_SKIP() << families << " is absent";
  const std::string folder = testing::TempDir() + "replay_mistral";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(families, folder, std::filesystem::copy_options::recursive);
  const auto done = replay_training(folder, best_kernels(), std::make_shared<ThreadPool>(1), [](const auto&, const auto&) {});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("Mistral's own layout"), std::string::npos) << done.error().message;
  std::filesystem::remove_all(folder);
}

TEST(Replay, AGgufFileIsRefused) {
  const std::string model = std::string(SOBRE_SOURCE_DIR) + "/models/office-small-Q8_0.gguf";
  const std::string folder = testing::TempDir() + "replay_gguf";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::filesystem::copy(model, folder);
  const auto done = replay_training(folder, best_kernels(), std::make_shared<ThreadPool>(1), [](const auto&, const auto&) {});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("this is a GGUF file"), std::string::npos) << done.error().message;
  std::filesystem::remove_all(folder);
}

TEST(Replay, BadFoldersAreNamed) {
  if (!std::filesystem::exists(goldens())) GTEST_SKIP() << goldens() << " is absent";
  const std::string folder = testing::TempDir() + "replay_bad";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(goldens() + "/llama", folder);
  const auto threads = std::make_shared<ThreadPool>(1);
  const auto message = [&](const std::string& steps) {
    AtomicFile file = *AtomicFile::create(folder + "/steps.json");
    EXPECT_TRUE(file.write(steps).has_value() && file.commit().has_value());
    const auto done = replay_training(folder, best_kernels(), threads, [](const ReplayStep&, const Parameters&) {});
    return done ? std::string("no error") : done.error().message;
  };
  const std::string hyper =
      R"({"hyper": {"lr": [0.1], "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0, "clip_norm": 1}, "steps": [)";
  EXPECT_NE(message("{").find("steps.json"), std::string::npos);
  EXPECT_NE(message("{}").find("\"steps\" is missing"), std::string::npos);
  EXPECT_NE(message(hyper + R"({"ids": [[1, 160]], "loss_mask": [[0, 1]]}]})").find("step 0: \"ids\""), std::string::npos);
  EXPECT_NE(message(hyper + R"({"ids": [[1, 2]], "loss_mask": [[0]]}]})").find("not of the same shape"), std::string::npos);
  EXPECT_NE(message(hyper + R"({"ids": [[1, 2]], "loss_mask": [[0, 0]]}]})").find("no token that counts"), std::string::npos);
  EXPECT_NE(message(hyper + R"({"ids": [[1, 2]]}, {}]})").find("learning rate"), std::string::npos);
  const std::string good = R"({"ids": [[1, 2]], "loss_mask": [[0, 1]]}]})";
  EXPECT_EQ(message(hyper + good), "no error");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = hyper + good;
    return message(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_NE(with("[0.1]", "[\"a\"]").find("\"lr\" holds something that is no number"), std::string::npos);
  EXPECT_NE(with("\"beta1\": 0.9", "\"beta1\": 1").find("\"beta1\" is 1"), std::string::npos);
  EXPECT_NE(with("\"beta2\": 0.95", "\"beta2\": -0.5").find("\"beta2\" is -0.5"), std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sobre
