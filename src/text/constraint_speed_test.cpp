// The tools of BFCL with SmolLM2's vocabulary: how many are enforced and take their answers. It also prints what masks and
// compiling cost, for bench/mask_cost.
#include <gtest/gtest.h>

#include <time.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "text/constraint.h"

namespace sobre {
namespace {

constexpr const char* kTools = "../shared/data/bfcl/simple_python.jsonl";
constexpr const char* kAnswers = "../shared/data/bfcl/simple_python.answers.jsonl";
constexpr const char* kTokenizer = "../shared/tokenizers/smollm2/tokenizer.json";

/// Time of this thread's work alone: other programs may run beside it.
struct Clock {
  static double now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) * 1e-3;
  }
};
double micros(double from) { return Clock::now() - from; }

std::vector<Json> read_lines(const char* path) {
  std::vector<Json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(*Json::parse(line));
  return lines;
}

/// The first acceptable value of each argument, as an object's text.
std::string arguments_of(const Json& answer) {
  Json::Object object;
  const Json& call = (*answer.find("ground_truth")->as_array())[0];
  for (const auto& [name, values] : *call.as_object()->front().second.as_object()) {
    const Json& value = values.as_array()->front();
    if (!(value == Json(""))) object.emplace_back(name, value);
  }
  return Json(object).dump();
}

TEST(ConstraintSpeed, EnforcesTheToolsOfBfcl) {
  if (!std::filesystem::exists(kTools) || !std::filesystem::exists(kTokenizer)) GTEST_SKIP() << kTools << " is not there";
  const Tokenizer tokenizer = *Tokenizer::from_file(kTokenizer);
  const std::vector<int32_t> stops{*tokenizer.find_token("<|im_end|>")};
  const auto index = TokenIndex::build(tokenizer, stops, tokenizer.vocab_size());
  const std::vector<Json> tools = read_lines(kTools), answers = read_lines(kAnswers);
  std::vector<double> compile_us, mask_us, accept_us, forced_us;
  size_t enforced = 0, written = 0;
  for (size_t i = 0; i < tools.size(); ++i) {
    const Json& schema = *(*tools[i].find("function")->as_array())[0].find("parameters");
    const auto begin = Clock::now();
    const auto grammar = Grammar::compile(grammar_schema(schema));
    compile_us.push_back(micros(begin));
    if (!grammar) continue;
    ++enforced;
    const std::string text = arguments_of(answers[i]);
    Constraint constraint(*grammar, index);
    bool taken = true;
    for (const int32_t id : tokenizer.encode(text, {.parse_special = false})) {
      auto from = Clock::now();
      std::vector<int32_t> ids;
      constraint.forced(ids, 16);
      forced_us.push_back(micros(from));
      from = Clock::now();
      static_cast<void>(constraint.mask());
      mask_us.push_back(micros(from));
      from = Clock::now();
      taken = constraint.accept(id);
      accept_us.push_back(micros(from));
      if (!taken) break;
    }
    written += taken && constraint.complete();
  }
  const auto mean = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x;
    return sum / static_cast<double>(v.size());
  };
  const auto quantile = [](std::vector<double> v, double q) {
    std::sort(v.begin(), v.end());
    return v[static_cast<size_t>(q * static_cast<double>(v.size() - 1))];
  };
  std::printf("%zu of %zu schemas enforced, %zu answers written\n", enforced, tools.size(), written);
  std::printf("compile: mean %.0f us, p95 %.0f us, max %.0f us\n", mean(compile_us), quantile(compile_us, 0.95),
              quantile(compile_us, 1));
  std::printf("mask: mean %.1f us, p50 %.1f us, p95 %.1f us, max %.0f us over %zu tokens\n", mean(mask_us),
              quantile(mask_us, 0.5), quantile(mask_us, 0.95), quantile(mask_us, 1), mask_us.size());
  std::printf("accept: mean %.1f us; forced: mean %.1f us\n", mean(accept_us), mean(forced_us));
  EXPECT_GE(enforced * 10, tools.size() * 9);
  EXPECT_GE(written * 10, enforced * 9);
}

}  // namespace
}  // namespace sobre
