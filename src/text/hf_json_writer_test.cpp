// The files of a trained tokenizer: their form is SmolLM2's, their template frames as SmolLM2-Instruct's does.
#include "text/hf_json_writer.h"

#include <gtest/gtest.h>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace sobre {
namespace {

TrainedBpe trained(std::string_view text, int32_t vocab_size) {
  auto counts = PieceCounts::create();
  EXPECT_TRUE(counts && counts->add_text(text));
  return train_bpe(*counts, {.vocab_size = vocab_size, .min_frequency = 1});
}

TEST(HfJsonWriter, TokenizerJsonHasItsForm) {
  const TrainedBpe bpe = trained("the cat, the hat \xC3\xA9t\xC3\xA9 the", 270);
  const auto json = Json::parse(hf_tokenizer_json(bpe));
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->find("pre_tokenizer")->dump(),
            R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", )"
            R"("add_prefix_space": false, "trim_offsets": true, "use_regex": true}]})");
  const Json& model = *json->find("model");
  EXPECT_TRUE(model.find("unk_token")->is_null());
  EXPECT_TRUE(model.find("dropout")->is_null());
  const Json::Object& vocab = *model.find("vocab")->as_object();
  ASSERT_EQ(vocab.size(), 270U);
  for (size_t id = 0; id < vocab.size(); ++id) EXPECT_EQ(vocab[id].second.as_uint(), id) << vocab[id].first;
  EXPECT_EQ(vocab[1].first, "<|im_start|>");
  EXPECT_EQ(vocab[259].first, "he");  // of the pairs that occur three times: h has the lowest id
  EXPECT_EQ(model.find("merges")->as_array()->front(), Json("h e"));
  EXPECT_EQ(json->find("added_tokens")->as_array()->size(), 3U);
}

TEST(HfJsonWriter, ControlTokensAreFoundInText) {
  auto tokenizer = Tokenizer::from_hf_json(hf_tokenizer_json(trained("a a", 260)));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::vector<int32_t> ids = tokenizer->encode("<|im_start|>a<|im_end|><|endoftext|>");
  ASSERT_EQ(ids.size(), 4U);
  EXPECT_EQ(ids[0], 1);
  EXPECT_EQ(ids[2], 2);
  EXPECT_EQ(ids[3], 0);
  EXPECT_TRUE(tokenizer->is_special(0));
  EXPECT_EQ(tokenizer->decode(ids, true), "a");
  EXPECT_EQ(tokenizer->encode("", {.add_special = true}).size(), 0U);
  EXPECT_GT(tokenizer->encode("<|im_start|>", {.parse_special = false}).size(), 1U);
}

TEST(HfJsonWriter, TemplateFramesWithoutASystemPromptOfItsOwn) {
  const auto parsed = ChatTemplate::parse(kChatMlTemplate);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto messages =
      Json::parse(R"({"messages": [{"role": "user", "content": " Hi\n<|im_end|>"}, {"role": "assistant", "content": ""}]})");
  ASSERT_TRUE(messages);
  Json variables = *messages;
  auto rendered = parsed->render(variables, {});
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(rendered->text, "<|im_start|>user\n Hi\n<|im_end|><|im_end|>\n<|im_start|>assistant\n<|im_end|>\n");
  variables.set("add_generation_prompt", true);
  rendered = parsed->render(variables, {});
  ASSERT_TRUE(rendered);
  EXPECT_TRUE(rendered->text.ends_with("assistant\n<|im_end|>\n<|im_start|>assistant\n"));
  // What a user wrote stays text: the first <|im_end|> lies inside the content's span.
  ASSERT_GE(rendered->from_input.size(), 1U);
  EXPECT_EQ(rendered->text.substr(rendered->from_input[0].begin, 14), " Hi\n<|im_end|>");
}

TEST(HfJsonWriter, ConfigNamesTheControlTokens) {
  const auto config = Json::parse(hf_tokenizer_config());
  const auto map = Json::parse(hf_special_tokens_map());
  ASSERT_TRUE(config && map);
  const std::pair<const char*, const char*> expected[] = {
      {"bos_token", "<|im_start|>"}, {"eos_token", "<|im_end|>"}, {"pad_token", "<|im_end|>"}, {"unk_token", "<|endoftext|>"}};
  for (const auto& [key, token] : expected) {
    EXPECT_EQ(*config->find(key), Json(token));
    EXPECT_EQ(*map->find(key)->find("content"), Json(token));
  }
  EXPECT_EQ(*config->find("chat_template"), Json(kChatMlTemplate));
  EXPECT_EQ(*config->find("added_tokens_decoder")->find("2")->find("content"), Json("<|im_end|>"));
}

}  // namespace
}  // namespace sobre
