// Every command on a small random model that `sobre new` makes here, and on the reference outputs where ../shared is there.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/command_testing.h"
#include "cli/terminal.h"

namespace sobre {
namespace {

std::vector<float> read_floats(const std::string& path) {
  const std::string bytes = read_text(path);
  std::vector<float> x(bytes.size() / sizeof(float));
  std::memcpy(x.data(), bytes.data(), x.size() * sizeof(float));
  return x;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(New, TheSameSeedMakesTheSameFileAndAnotherDoesNot) {
  const TemporaryFolder folder;
  const std::string a = make_model(folder, "a", tiny_config(100));
  const std::string b = make_model(folder, "b", tiny_config(100));
  EXPECT_EQ(read_text(a + "/model.safetensors"), read_text(b + "/model.safetensors"));
  write_text(folder / "c.json", tiny_config(100));
  ASSERT_EQ(run_sobre({"new", "--config", folder / "c.json", "--out", folder / "c", "--seed", "8", "--threads", "1"}).status,
            0);
  EXPECT_NE(read_text(folder / "c/model.safetensors"), read_text(a + "/model.safetensors"));
  expect_failure({"new", "--config", folder / "c.json", "--out", a}, 1, "has a config.json already");
}

TEST(New, AConfigThatIsQuantisedBecomesPlain) {
  const TemporaryFolder folder;
  const std::string model = make_model(
      folder, "m", tiny_config(100, R"("quantization_config": {"quant_method": "fp8"}, "torch_dtype": "float8_e4m3fn")"));
  EXPECT_EQ(read_text(model + "/config.json").find("fp8"), std::string::npos);
  EXPECT_NE(read_text(model + "/config.json").find("\"torch_dtype\": \"bfloat16\""), std::string::npos);
  EXPECT_EQ(run_sobre({"show", model}).status, 0);
}

TEST(Show, SaysWhatTheModelIs) {
  const TemporaryFolder folder;
  const std::string model = make_model(folder, "m", tiny_config(100));
  const Outcome o = run_sobre({"show", model});
  ASSERT_EQ(o.status, 0) << o.err;
  // 100 * 64 embedding; per layer q, o 64 * 64, k, v 32 * 64, three of 96 * 64, two norms; one norm.
  const int parameters = 6400 + 2 * (2 * 4096 + 2 * 2048 + 3 * 6144 + 128) + 64;
  EXPECT_NE(o.out.find(count_text(static_cast<uint64_t>(parameters))), std::string::npos) << o.out;
  for (const char* words : {"llama", "4 of 16, 2 for keys and values", "256 positions", "BF16", "tokenizer       none"})
    EXPECT_NE(o.out.find(words), std::string::npos) << words << "\n" << o.out;
  expect_failure({"show", model, "--template"}, 1, "no chat template");
  expect_failure({"show", model, "--ctx", "257"}, 1, "--ctx 257 is more than the 256 positions");
}

TEST(New, ATokenizerThatIsNoFolderIsSaidFirst) {
  const TemporaryFolder folder;
  write_text(folder / "c.json", tiny_config(100));
  write_text(folder / "tokenizer.json", "{}");
  expect_failure({"new", "--config", folder / "c.json", "--out", folder / "m", "--tokenizer", folder / "tokenizer.json"}, 1,
                 "--tokenizer names a folder");
}

TEST(Quantize, ValuesThatAreNoNumbersAreNamed) {
  const TemporaryFolder folder;
  const std::string model = make_model(folder, "m", tiny_config(100));
  std::string bytes = read_text(model + "/model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes.replace(sizeof(header) + header + 64, 2, "\xC0\x7F");  // NaN as bf16, in the first matrix
  write_text(model + "/model.safetensors", bytes);
  write_text(folder / "ids", "1 2");
  expect_failure({"generate", model, "--ids", folder / "ids"}, 1, "no numbers");
  expect_failure({"quantize", model, folder / "m.gguf", "--type", "Q8_0"}, 1, "no numbers");
  // The norms, which are last in the file.
  bytes.replace(sizeof(header) + header + 64, 2, std::string(2, '\0'));
  bytes.replace(bytes.size() - 2, 2, "\xC0\x7F");
  write_text(model + "/model.safetensors", bytes);
  expect_failure({"generate", model, "--ids", folder / "ids"}, 1, "model.norm.weight holds values that are no numbers");
}

TEST(Logits, AreFiniteAndAgreeWithGenerate) {
  const TemporaryFolder folder;
  const std::string model = make_model(folder, "m", tiny_config(100));
  write_text(folder / "ids", " 5 17\n\t99 0 3 ");
  ASSERT_EQ(run_sobre({"logits", model, "--ids", folder / "ids", "--out", folder / "out.f32"}).status, 0);
  const std::vector<float> logits = read_floats(folder / "out.f32");
  ASSERT_EQ(logits.size(), 5U * 100U);
  for (const float x : logits) ASSERT_TRUE(std::isfinite(x));
  const auto top = std::max_element(logits.end() - 100, logits.end()) - (logits.end() - 100);
  const Outcome o = run_sobre({"generate", model, "--ids", folder / "ids", "--max", "7"});
  ASSERT_EQ(o.status, 0) << o.err;
  std::istringstream ids(o.out);
  std::vector<int> generated;
  for (int id = 0; ids >> id;) generated.push_back(id);
  ASSERT_EQ(generated.size(), 7U) << o.out;
  EXPECT_EQ(generated.front(), top);
  EXPECT_EQ(std::count(o.out.begin(), o.out.end(), '\n'), 1);
}

TEST(Logits, WrongIdsAreRefusedWithTheirPlace) {
  const TemporaryFolder folder;
  const std::string model = make_model(folder, "m", tiny_config(100));
  const std::pair<const char*, const char*> cases[] = {
      {"1 2 100", "the id 100 (entry 3) is outside the vocabulary of 100"},
      {"1 -2", "the id -2 (entry 2) is outside"},
      {"1 x", "'x' (entry 2) is no token id"},
      {"1,2", "'1,2' (entry 1) is no token id"},
      {"99999999999999999999999", "is no token id"},
      {" \n", "no token ids in it"},
  };
  for (const auto& [text, words] : cases) {
    write_text(folder / "ids", text);
    expect_failure({"generate", model, "--ids", folder / "ids"}, 1, words);
    expect_failure({"logits", model, "--ids", folder / "ids", "--out", folder / "o"}, 1, words);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "o"));
  std::string many;
  for (int i = 0; i < 257; ++i) many += "1 ";
  write_text(folder / "ids", many);
  expect_failure({"logits", model, "--ids", folder / "ids", "--out", folder / "o"}, 1, "257 tokens do not fit");
}

TEST(Bench, ReportsRatesAndLimits) {
  const TemporaryFolder folder;
  const std::string model = make_model(folder, "m", tiny_config(100));
  const Outcome o = run_sobre({"bench", model, "-p", "16", "-n", "4", "--repeat", "2", "--json", "--threads", "1"});
  ASSERT_EQ(o.status, 0) << o.err;
  const Result<Json> json = Json::parse(o.out);
  ASSERT_TRUE(json) << o.out;
  for (const char* key : {"prompt_tokens_per_s", "decode_tokens_per_s"}) {
    const Json* rates = json->find(key);
    ASSERT_NE(rates, nullptr);
    EXPECT_EQ(rates->find("runs")->as_array()->size(), 2U);
    EXPECT_GT(*rates->find("median")->as_double(), 0);
    EXPECT_LE(*rates->find("min")->as_double(), *rates->find("max")->as_double());
  }
  EXPECT_GT(*json->find("bandwidth_bytes_per_s")->as_double(), 1e8);
  EXPECT_GT(*json->find("peak_int8_products_per_s")->as_double(), 1e7);
  EXPECT_EQ(json->find("threads")->as_int(), 1);
  const Outcome table = run_sobre({"bench", model, "-p", "16", "-n", "0", "--repeat", "1", "--threads", "1"});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_NE(table.out.find("p16"), std::string::npos) << table.out;
  EXPECT_EQ(table.out.find("n0"), std::string::npos) << table.out;
  expect_failure({"bench", model, "-p", "16", "--ctx", "8"}, 1, "--ctx 8 is less than the 128 tokens");
}

TEST(Template, RendersRowsAndGoesOnAfterBadOnes) {
  const TemporaryFolder folder;
  write_text(folder / "t.jinja",
             "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
             "{% if enable_thinking %}{{ strftime_now('%H:%M') }}{% endif %}");
  const std::string input =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\\nb\"}], \"special_tokens\": {\"bos_token\": \"<s>\"}}\n"
      "\n"
      "not json\n"
      "{\"text\": 1}\n"
      "{\"messages\": [], \"enable_thinking\": true}";
  const Outcome o = run_sobre({"template", folder / "t.jinja", "--jsonl", "--now", "2026-03-09T14:05:06"}, input);
  EXPECT_EQ(o.status, 0) << o.err;
  const std::vector<std::string> lines = lines_of(o.out);
  ASSERT_EQ(lines.size(), 4U) << o.out;
  EXPECT_EQ(lines[0], R"({"rendered": "<s>[user]a\nb"})");
  EXPECT_TRUE(lines[1].starts_with("{\"error\": ")) << lines[1];
  EXPECT_NE(lines[2].find("\\\"messages\\\" is missing"), std::string::npos) << lines[2];
  EXPECT_EQ(lines[3], R"({"rendered": "14:05"})");
}

TEST(Tokenize, GoldenRowsThroughTheProgram) {
  NEED_SHARED();
  const std::string tokenizer = kShared + "/tokenizers/smollm2/tokenizer.json";
  std::string input;
  std::vector<Json> expected;
  for (const std::string& line : lines_of(read_text(kShared + "/goldens/tokenizers/smollm2.jsonl"))) {
    const Json row = *Json::parse(line);
    input += Json(Json::Object{{"text", *row.find("text")}}).dump() + "\n";
    input += Json(Json::Object{{"ids", *row.find("ids")}}).dump() + "\n";
    expected.push_back(row);
  }
  const Outcome o = run_sobre({"tokenize", tokenizer, "--jsonl"}, input);
  EXPECT_EQ(o.status, 0) << o.err;
  const std::vector<std::string> lines = lines_of(o.out);
  ASSERT_EQ(lines.size(), 2 * expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(*Json::parse(lines[2 * i])->find("ids"), *expected[i].find("ids"));
    EXPECT_EQ(*Json::parse(lines[2 * i + 1])->find("text"), *expected[i].find("decoded"));
  }
}

TEST(Tokenize, BadRowsAreAnsweredAndPlainTextToo) {
  NEED_SHARED();
  const std::string tokenizer = kShared + "/tokenizers/smollm2/tokenizer.json";
  const Outcome o =
      run_sobre({"tokenize", tokenizer, "--jsonl"},
                "{\"text\": 5}\n[]\n{\"ids\": [1, 99999999]}\n{\"ids\": \"x\"}\n{\"text\": \"\\ud800\"}\n{\"text\": \"a\"}\n");
  EXPECT_EQ(o.status, 0);
  const std::vector<std::string> lines = lines_of(o.out);
  ASSERT_EQ(lines.size(), 6U) << o.out;
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(lines[i].starts_with("{\"error\": ")) << lines[i];
  EXPECT_NE(lines[2].find("entry 2: 99999999 is no id from 0 to 49151"), std::string::npos) << lines[2];
  EXPECT_TRUE(lines[5].starts_with("{\"ids\": [")) << lines[5];
  const Outcome plain = run_sobre({"tokenize", tokenizer}, "<|im_start|>user\n");
  EXPECT_EQ(plain.out, "1 4093 198\n");
}

TEST(Generate, TheGreedyIdsOfTinyStories) {
  NEED_SHARED();
  const TemporaryFolder folder;
  write_text(folder / "ids", "1");
  const std::string hf = kShared + "/models/tinystories-656k/hf";
  const Json golden = *Json::parse(read_text(hf + "/golden-numpy.json"));
  std::string expected;
  const Json::Array& ids = *golden.find("greedy_ids")->as_array();
  for (size_t i = 1; i < ids.size(); ++i) expected += (i > 1 ? " " : "") + ids[i].dump();
  const Outcome o = run_sobre(
      {"generate", hf, "--ids", folder / "ids", "--max", std::to_string(ids.size() - 1), "--weights", "f32", "--kv", "f32"});
  EXPECT_EQ(o.out, expected + "\n");
}

TEST(Perplexity, SelfComparisonIsZeroAndShortTextsAreRefused) {
  NEED_SHARED();
  const TemporaryFolder folder;
  const std::string hf = kShared + "/models/tinystories-656k/hf";
  std::string text;
  for (int i = 0; i < 40; ++i) text += "Once upon a time there was a little dog who liked to play in the park. ";
  write_text(folder / "text", text);
  const Outcome o = run_sobre({"perplexity", hf, "--text", folder / "text", "--chunks", "2", "--ctx", "64", "--weights", "f32",
                               "--kv", "f32", "--against-f32"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_NE(o.out.find("scored      62 tokens"), std::string::npos) << o.out;  // 2 chunks, 64 - 32 - 1 each
  EXPECT_NE(o.out.find("KL divergence   0.000000"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("same top token  100.000 %"), std::string::npos) << o.out;
  const Outcome q4 = run_sobre(
      {"perplexity", hf, "--text", folder / "text", "--chunks", "2", "--ctx", "64", "--weights", "q4", "--against-f32"});
  EXPECT_EQ(q4.status, 0) << q4.err;
  EXPECT_EQ(q4.out.find("KL divergence   0.000000"), std::string::npos) << q4.out;
  write_text(folder / "short", "Once.");
  expect_failure({"perplexity", hf, "--text", folder / "short"}, 1, "make 0 chunks of 512");
  expect_failure({"perplexity", hf, "--text", folder / "none"}, 1, "none");
  expect_failure({"perplexity", hf, "--text", folder / "text", "--ctx", "3"}, 1, "at least 4 tokens");
}

TEST(Template, GoldenRowsThroughTheProgram) {
  NEED_SHARED();
  const std::string name = "HuggingFaceTB-SmolLM2-135M-Instruct";
  const std::string input = read_text(kShared + "/goldens/templates/" + name + ".jsonl");
  const Outcome o =
      run_sobre({"template", kShared + "/templates/" + name + ".jinja", "--jsonl", "--now", "2026-03-09T14:05:06"}, input);
  EXPECT_EQ(o.status, 0) << o.err;
  const std::vector<std::string> rows = lines_of(input), lines = lines_of(o.out);
  ASSERT_EQ(lines.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const Json row = *Json::parse(rows[i]), answer = *Json::parse(lines[i]);
    if (row.find("raises") != nullptr) {
      EXPECT_NE(answer.find("error"), nullptr) << lines[i];
    } else {
      ASSERT_NE(answer.find("rendered"), nullptr) << lines[i];
      EXPECT_EQ(*answer.find("rendered"), *row.find("rendered"));
    }
  }
}

TEST(Terminal, SizesAndTimesAreReadable) {
  EXPECT_EQ(bytes_text(0), "0 bytes");
  EXPECT_EQ(bytes_text(999), "999 bytes");
  EXPECT_EQ(bytes_text(1000), "1.00 kB");
  EXPECT_EQ(bytes_text(98'362'432), "98.4 MB");
  EXPECT_EQ(bytes_text(999'600'000), "1.00 GB");
  EXPECT_EQ(count_text(134'515'008), "134,515,008");
  EXPECT_EQ(count_text(12), "12");
  EXPECT_EQ(duration_text(0.2), "1 s");
  EXPECT_EQ(duration_text(185), "3 min 05 s");
  EXPECT_EQ(duration_text(7260), "2 h 01 min");
}

}  // namespace
}  // namespace sobre
