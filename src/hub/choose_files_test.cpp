// Lists of files in the manner of well-known repositories.
#include "hub/choose_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "hub/gguf_names.h"

namespace sobre {
namespace {

struct Entry {
  std::string path;
  uint64_t size = 1000;
};

HubRepo repo_of(const std::vector<Entry>& entries) {
  HubRepo repo;
  repo.id = "org/name";
  repo.commit = std::string(40, 'a');
  for (const Entry& e : entries) repo.files.push_back({e.path, e.size, std::string(64, '0')});
  std::sort(repo.files.begin(), repo.files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return repo;
}

using Paths = std::vector<std::string>;

// The paths that are chosen, sorted, and what is opened at the end; or the error.
Paths chosen(const HubRepo& repo, std::string_view quant = "") {
  const auto files = choose_files(repo, quant);
  if (!files) return {"error: " + files.error().message};
  Paths paths;
  for (const HubFile& f : files->files) paths.push_back(f.path);
  std::sort(paths.begin(), paths.end());
  paths.push_back("-> " + files->model);
  return paths;
}

std::string error_of(const HubRepo& repo, std::string_view quant = "") {
  const auto files = choose_files(repo, quant);
  return files ? "" : files.error().message;
}

const std::vector<Entry> kSmolLm = {{".gitattributes"},
                                    {"README.md"},
                                    {"all_results.json"},
                                    {"config.json", 861},
                                    {"eval_results.json"},
                                    {"generation_config.json", 132},
                                    {"merges.txt", 466'391},
                                    {"model.safetensors", 723'674'912},
                                    {"onnx/model.onnx", 1'450'000'000},
                                    {"onnx/model_q4.onnx", 385'000'000},
                                    {"runs/Oct31/events.out.tfevents.1730"},
                                    {"special_tokens_map.json", 655},
                                    {"tokenizer.json", 2'104'556},
                                    {"tokenizer_config.json", 3764},
                                    {"train_results.json"},
                                    {"trainer_state.json"},
                                    {"training_args.bin", 7000},
                                    {"vocab.json", 800'662}};

TEST(ChooseFiles, AFolderOfOneSafetensors) {
  const HubRepo repo = repo_of(kSmolLm);
  EXPECT_EQ(chosen(repo), (Paths{"config.json", "generation_config.json", "merges.txt", "model.safetensors",
                                 "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "-> "}));
  const auto files = choose_files(repo, "").value();
  EXPECT_EQ(files.files.front().path, "generation_config.json");
  EXPECT_EQ(files.files.back().path, "model.safetensors");
  EXPECT_EQ(files.bytes, 861u + 132 + 466'391 + 723'674'912 + 655 + 2'104'556 + 3764 + 800'662);
  EXPECT_NE(error_of(repo, "Q4_K_M").find("leave \":Q4_K_M\" away"), std::string::npos);
}

TEST(ChooseFiles, ShardsWithTheirIndexAndNothingElse) {
  std::vector<Entry> list = {{"config.json"},
                             {"model-00001-of-00003.safetensors", 4'900'000'000},
                             {"model-00002-of-00003.safetensors", 4'900'000'000},
                             {"model-00003-of-00003.safetensors", 4'000'000'000},
                             {"model.safetensors.index.json"},
                             {"model.fp16-00001-of-00002.safetensors"},
                             {"adapter_model.safetensors"},
                             {"pytorch_model-00001-of-00002.bin"},
                             {"pytorch_model.bin.index.json"},
                             {"original/consolidated.00.pth"},
                             {"original/params.json"},
                             {"original/tokenizer.model"},
                             {"tokenizer.json"},
                             {"chat_template.jinja"},
                             {"LICENSE"}};
  const Paths expected = {"chat_template.jinja",
                          "config.json",
                          "model-00001-of-00003.safetensors",
                          "model-00002-of-00003.safetensors",
                          "model-00003-of-00003.safetensors",
                          "model.safetensors.index.json",
                          "tokenizer.json",
                          "-> "};
  EXPECT_EQ(chosen(repo_of(list)), expected);
  // The one file is what a folder is opened with where both forms are there.
  std::vector<Entry> both = list;
  both.push_back({"model.safetensors"});
  EXPECT_EQ(chosen(repo_of(both)), (Paths{"chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json", "-> "}));
  list.erase(list.begin() + 2);
  EXPECT_NE(error_of(repo_of(list)).find("2 of the 3 parts"), std::string::npos) << error_of(repo_of(list));
}

TEST(ChooseFiles, ShardsOfOtherNames) {
  EXPECT_EQ(
      chosen(repo_of({{"config.json"},
                      {"model.safetensors.index.json"},
                      {"part_a.safetensors"},
                      {"part_b.safetensors"},
                      {"consolidated.safetensors"},
                      {"params.json"},
                      {"x/part_c.safetensors"}})),
      (Paths{"config.json", "model.safetensors.index.json", "params.json", "part_a.safetensors", "part_b.safetensors", "-> "}));
  EXPECT_NE(error_of(repo_of({{"config.json"}, {"model.safetensors.index.json"}})).find("none of the files"),
            std::string::npos);
}

TEST(ChooseFiles, WhatTheIndexNamesAndNoOtherSplitting) {
  const HubRepo repo = repo_of({{"config.json"},
                                {"model.safetensors.index.json"},
                                {"model-00001-of-00002.safetensors"},
                                {"model-00002-of-00002.safetensors"},
                                {"model-00001-of-00001.safetensors"},
                                {"model.fp16-00001-of-00001.safetensors"},
                                {"model_extra_tensors.safetensors"},
                                {"model-Q8_0.gguf"}});
  ASSERT_NE(index_of_choice(repo, ""), nullptr);
  EXPECT_EQ(index_of_choice(repo, "Q8_0"), nullptr);
  EXPECT_EQ(index_of_choice(repo_of(kSmolLm), ""), nullptr);
  const auto shards = shards_of_index(
      R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors",
          "c": "model-00001-of-00002.safetensors", "d": "model_extra_tensors.safetensors"}})");
  ASSERT_TRUE(shards) << shards.error().message;
  const auto files = choose_files(repo, "", *shards);
  ASSERT_TRUE(files) << files.error().message;
  Paths paths;
  for (const HubFile& f : files->files) paths.push_back(f.path);
  EXPECT_EQ(paths, (Paths{"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                          "model.safetensors.index.json", "model_extra_tensors.safetensors"}));
  const auto missing = choose_files(repo, "", Paths{"model-00001-of-00003.safetensors"});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("names model-00001-of-00003.safetensors, which is not there"), std::string::npos);
  // Before the index is read: one splitting.
  EXPECT_EQ(chosen(repo), (Paths{"config.json", "model-00001-of-00001.safetensors", "model.safetensors.index.json", "-> "}));
}

TEST(ChooseFiles, AnIndexIsNotTrusted) {
  for (const auto& [json, words] :
       std::vector<std::pair<std::string, std::string>>{{"{", "model.safetensors.index.json: "},
                                                        {"[]", "weight_map"},
                                                        {R"({"weight_map": {}})", "weight_map"},
                                                        {R"({"weight_map": {"a": 1}})", "no text"},
                                                        {R"({"weight_map": {"a": "../x.safetensors"}})", "not safe"},
                                                        {R"({"weight_map": {"a": "config.json"}})", "no .safetensors"}}) {
    const auto shards = shards_of_index(json);
    ASSERT_FALSE(shards) << json;
    EXPECT_NE(shards.error().message.find(words), std::string::npos) << shards.error().message;
  }
}

TEST(ChooseFiles, MistralsLayoutOnlyWithoutHuggingFaces) {
  std::vector<Entry> list = {{"README.md"},
                             {"config.json"},
                             {"consolidated.safetensors"},
                             {"params.json"},
                             {"tekken.json"},
                             {"tokenizer.json"},
                             {"tokenizer_config.json"},
                             {"generation_config.json"},
                             {"SYSTEM_PROMPT.txt"},
                             {"model-00001-of-00002.safetensors"},
                             {"model-00002-of-00002.safetensors"},
                             {"model.safetensors.index.json"}};
  EXPECT_EQ(chosen(repo_of(list)), (Paths{"config.json", "generation_config.json", "model-00001-of-00002.safetensors",
                                          "model-00002-of-00002.safetensors", "model.safetensors.index.json", "params.json",
                                          "tokenizer.json", "tokenizer_config.json", "-> "}));
  std::erase_if(list, [](const Entry& e) { return e.path.starts_with("model"); });
  EXPECT_EQ(chosen(repo_of(list)), (Paths{"config.json", "consolidated.safetensors", "generation_config.json", "params.json",
                                          "tekken.json", "tokenizer_config.json", "-> "}));
  // The older form with SentencePiece.
  EXPECT_EQ(chosen(repo_of({{"consolidated.safetensors"}, {"params.json"}, {"tokenizer.model.v3"}, {"extra/params.json"}})),
            (Paths{"consolidated.safetensors", "params.json", "tokenizer.model.v3", "-> "}));
  EXPECT_EQ(chosen(repo_of({{"consolidated.safetensors"},
                            {"params.json"},
                            {"tokenizer.model.v7m1"},
                            {"tokenizer.model.v"},
                            {"tokenizer.model.v3.bin"},
                            {"tokenizer.model.v3/x"}})),
            (Paths{"consolidated.safetensors", "params.json", "tokenizer.model.v7m1", "-> "}));
}

std::vector<Entry> bartowski() {
  std::vector<Entry> list = {{"README.md"}, {".gitattributes"}, {"SmolLM2-360M-Instruct.imatrix"}, {"config.json"}};
  uint64_t size = 100;
  for (const char* quant :
       {"IQ3_M", "Q2_K", "IQ4_XS", "Q3_K_L", "Q4_0", "Q4_K_S", "Q4_K_M", "Q4_K_L", "Q5_K_M", "Q6_K_L", "Q8_0", "f16"}) {
    list.push_back({std::string("SmolLM2-360M-Instruct-") + quant + ".gguf", size += 100});
  }
  return list;
}

TEST(ChooseFiles, OneGgufOfMany) {
  const HubRepo repo = repo_of(bartowski());
  EXPECT_EQ(chosen(repo), (Paths{"SmolLM2-360M-Instruct-Q4_K_M.gguf", "-> SmolLM2-360M-Instruct-Q4_K_M.gguf"}));
  EXPECT_EQ(chosen(repo, "q4_k_m"), chosen(repo));
  EXPECT_EQ(chosen(repo, "iq4_xs").front(), "SmolLM2-360M-Instruct-IQ4_XS.gguf");
  EXPECT_EQ(chosen(repo, "F16").front(), "SmolLM2-360M-Instruct-f16.gguf");
  EXPECT_EQ(chosen(repo, "Q8_0").front(), "SmolLM2-360M-Instruct-Q8_0.gguf");
  EXPECT_EQ(chosen(repo, "360M-Instruct-Q8_0").front(), "SmolLM2-360M-Instruct-Q8_0.gguf");
  EXPECT_EQ(quants_of(repo), (Paths{"IQ3_M", "Q2_K", "IQ4_XS", "Q3_K_L", "Q4_0", "Q4_K_S", "Q4_K_M", "Q4_K_L", "Q5_K_M",
                                    "Q6_K_L", "Q8_0", "F16"}));
  for (const char* quant : {"Q4_K", "K_M", "0", "M", "16", "4_K_M", "Q5_K_S", "Q", "gguf", "Instruct"}) {
    EXPECT_NE(error_of(repo, quant).find(std::string("no ") + quant + " there; there is IQ3_M, Q2_K"), std::string::npos)
        << quant << ": " << error_of(repo, quant);
  }
}

TEST(ChooseFiles, UnslothsNamesAndFolders) {
  const HubRepo repo = repo_of({{"config.json"},
                                {"Qwen3-30B-A3B-Q4_K_M.gguf"},
                                {"Qwen3-30B-A3B-UD-Q4_K_M.gguf"},
                                {"Qwen3-30B-A3B-UD-Q4_K_XL.gguf"},
                                {"Qwen3-30B-A3B-IQ4_XS.gguf"},
                                {"mmproj-BF16.gguf"},
                                {"mmproj-F16.gguf"},
                                {"imatrix_unsloth.gguf"},
                                {"BF16/Qwen3-30B-A3B-BF16-00001-of-00002.gguf", 49},
                                {"BF16/Qwen3-30B-A3B-BF16-00002-of-00002.gguf", 11},
                                {"Q8_0/model.gguf"}});
  EXPECT_EQ(chosen(repo).front(), "Qwen3-30B-A3B-Q4_K_M.gguf");
  EXPECT_EQ(chosen(repo, "ud-q4_k_m").front(), "Qwen3-30B-A3B-UD-Q4_K_M.gguf");
  EXPECT_EQ(chosen(repo, "Q4_K_XL").front(), "Qwen3-30B-A3B-UD-Q4_K_XL.gguf");
  EXPECT_EQ(chosen(repo, "UD-Q4_K_XL").front(), "Qwen3-30B-A3B-UD-Q4_K_XL.gguf");
  EXPECT_EQ(chosen(repo, "bf16"),
            (Paths{"BF16/Qwen3-30B-A3B-BF16-00001-of-00002.gguf", "BF16/Qwen3-30B-A3B-BF16-00002-of-00002.gguf",
                   "-> BF16/Qwen3-30B-A3B-BF16-00001-of-00002.gguf"}));
  EXPECT_EQ(chosen(repo, "q8_0"), (Paths{"Q8_0/model.gguf", "-> Q8_0/model.gguf"}));
  EXPECT_NE(error_of(repo, "F16"), "");  // of the projector alone
}

TEST(ChooseFiles, PartsMustAllBeThere) {
  const HubRepo repo = repo_of({{"m-Q8_0-00001-of-00003.gguf"}, {"m-Q8_0-00003-of-00003.gguf"}, {"m-Q4_0.gguf"}});
  EXPECT_NE(error_of(repo, "Q8_0").find("part 2 is not there"), std::string::npos) << error_of(repo, "Q8_0");
  EXPECT_EQ(chosen(repo, "Q4_0").front(), "m-Q4_0.gguf");
}

TEST(ChooseFiles, WithoutQuantisationInManyTheUsualOneOrAnError) {
  EXPECT_EQ(chosen(repo_of({{"model.gguf"}, {"README.md"}})), (Paths{"model.gguf", "-> model.gguf"}));
  const HubRepo none = repo_of({{"a-Q8_0.gguf", 9}, {"a-Q5_0.gguf", 5}});
  EXPECT_NE(error_of(none).find("name one as org/name:QUANT, of Q5_0, Q8_0"), std::string::npos) << error_of(none);
  const HubRepo unnamed = repo_of({{"first.gguf"}, {"second.gguf"}});
  EXPECT_NE(error_of(unnamed).find("first.gguf, second.gguf"), std::string::npos) << error_of(unnamed);
  EXPECT_EQ(chosen(unnamed, "second").front(), "second.gguf");
}

TEST(ChooseFiles, TwoModelsOfOneQuantisationAreTold) {
  const HubRepo repo = repo_of({{"SmolLM2-135M-Q4_K_M.gguf"}, {"SmolLM2-360M-Q4_K_M.gguf"}});
  EXPECT_NE(error_of(repo, "Q4_K_M").find("2 models end with Q4_K_M: SmolLM2-135M-Q4_K_M.gguf, SmolLM2-360M"),
            std::string::npos)
      << error_of(repo, "Q4_K_M");
  EXPECT_EQ(chosen(repo, "360m-q4_k_m").front(), "SmolLM2-360M-Q4_K_M.gguf");
}

TEST(ChooseFiles, SafetensorsBeforeGgufUnlessAsked) {
  const HubRepo repo = repo_of({{"config.json"}, {"model.safetensors"}, {"model-q8_0.gguf"}, {"tokenizer.model"}});
  EXPECT_EQ(chosen(repo), (Paths{"config.json", "model.safetensors", "tokenizer.model", "-> "}));
  EXPECT_EQ(chosen(repo, "Q8_0"), (Paths{"model-q8_0.gguf", "-> model-q8_0.gguf"}));
}

TEST(ChooseFiles, NoModelSaysWhatIsThereInstead) {
  EXPECT_NE(error_of(repo_of({})).find("no model that can be run"), std::string::npos);
  EXPECT_NE(error_of(repo_of({{"config.json"}, {"pytorch_model.bin"}})).find("never fetched"), std::string::npos);
  EXPECT_NE(error_of(repo_of({{"adapter_config.json"}, {"adapter_model.safetensors"}})).find("an adapter"), std::string::npos);
  EXPECT_NE(error_of(repo_of({{"model.safetensors"}})).find("looked for config.json"), std::string::npos);
  EXPECT_NE(error_of(repo_of({{"x/config.json"}, {"x/model.safetensors"}})).find("no model"), std::string::npos);
  EXPECT_NE(error_of(repo_of({{"mmproj-F16.gguf"}}), "F16").find("no model"), std::string::npos);
}

TEST(ChooseFiles, SizesThatDoNotAddUpAreAnError) {
  EXPECT_NE(error_of(repo_of({{"config.json", UINT64_MAX}, {"model.safetensors", 1}})).find("more than a number"),
            std::string::npos);
}

TEST(GgufNames, Quantisations) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"SmolLM2-360M-Instruct-Q4_K_M", "Q4_K_M"},
                                                                  {"tinyllama-1.1b-chat-v1.0.Q4_K_M", "Q4_K_M"},
                                                                  {"smollm2-360m-instruct-q8_0", "Q8_0"},
                                                                  {"Qwen3-UD-IQ1_S", "UD-IQ1_S"},
                                                                  {"UD-Q2_K_XL", "UD-Q2_K_XL"},
                                                                  {"CLOUD-Q2_K", "Q2_K"},
                                                                  {"model.i1-IQ3_XXS", "IQ3_XXS"},
                                                                  {"Phi-3-mini-4k-instruct-q4", "Q4"},
                                                                  {"Phi-3-mini-4k-instruct-fp16", "FP16"},
                                                                  {"gpt-oss-20b-MXFP4_MOE", "MXFP4_MOE"},
                                                                  {"ggml-model-i2_s", "I2_S"},
                                                                  {"m-Q4_0_4_8", "Q4_0_4_8"},
                                                                  {"llama_q8_0", "Q8_0"},
                                                                  {"m_TQ1_0", "TQ1_0"},
                                                                  {"Q4_K_M/model", "Q4_K_M"},
                                                                  {"a/UD-Q4_K_XL/model-v1", "UD-Q4_K_XL"},
                                                                  {"Q8_0/m-Q4_0", "Q4_0"},
                                                                  {"model", ""},
                                                                  {"Mistral-7B-v0.3", ""},
                                                                  {"m-q25_1", ""},
                                                                  {"m-Q4_", ""},
                                                                  {"", ""},
                                                                  {"m-q", ""},
                                                                  {"a/b/c", ""}};
  for (const auto& [stem, quant] : cases) EXPECT_EQ(quant_of_stem(stem), quant) << stem;
}

TEST(GgufNames, Parts) {
  const auto split = split_name("a/m-Q8_0-00002-of-00013.gguf", ".gguf");
  ASSERT_TRUE(split);
  EXPECT_EQ(split->base, "a/m-Q8_0");
  EXPECT_EQ(split->number, 2u);
  EXPECT_EQ(split->count, 13u);
  for (const char* path : {"m-00000-of-00002.gguf", "m-00003-of-00002.gguf", "m-1-of-2.gguf", "m-0000a-of-00002.gguf",
                           "-00001-of-00002.gguf", "m_00001-of-00002.gguf", "m-00001-of-00002.bin", ".gguf", "m.gguf"}) {
    EXPECT_FALSE(split_name(path, ".gguf")) << path;
  }
}

}  // namespace
}  // namespace sobre
