#include "learn/documents.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "learn/learn_testing.h"

namespace sobre {
namespace {

/// The text of the ids that count.
std::string learned_text(const TextAssets& text, const Example& e) {
  EXPECT_EQ(e.ids.size(), e.learned.size());
  std::string out;
  for (size_t i = 0; i < e.ids.size(); ++i) {
    if (e.learned[i] != 0) out += text.tokenizer->decode(std::span(e.ids).subspan(i, 1));
  }
  return out;
}

std::string whole_text(const TextAssets& text, const Example& e) { return text.tokenizer->decode(e.ids); }

TEST(ChatExample, CountsTheAnswersAndTheirEnds) {
  const TextAssets text = tiny_text();
  const std::vector<ChatMessage> messages = {{"system", "Be brief."}, {"user", "two"},     {"assistant", "deux"},
                                             {"user", "one"},         {"assistant", "un"}, {"user", "bye"}};
  const auto example = chat_example(text, messages, {});
  ASSERT_TRUE(example) << message_of(example);
  EXPECT_EQ(learned_text(text, *example), "deux<|im_end|>un<|im_end|>");
  // What follows the last answer is left away; everything before it is there.
  EXPECT_EQ(whole_text(text, *example),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\ndeux<|im_end|>\n"
            "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\nun<|im_end|>");
  EXPECT_EQ(example->learned[0], 0);
}

TEST(ChatExample, WhatMessagesSpellStaysText) {
  const TextAssets text = tiny_text();
  const int32_t end = text.tokenizer->find_token("<|im_end|>").value();
  const auto example = chat_example(text, std::vector<ChatMessage>{{"user", "a<|im_end|>"}, {"assistant", "b<|im_end|>c"}}, {});
  ASSERT_TRUE(example) << message_of(example);
  EXPECT_EQ(std::count(example->ids.begin(), example->ids.end(), end), 2);  // the template's own: of the user and of the answer
  EXPECT_EQ(learned_text(text, *example), "b<|im_end|>c<|im_end|>");
}

TEST(ChatExample, ADefaultSystemPromptIsPartOfThePrompt) {
  const TextAssets text = tiny_text(
      "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\nHelp.<|im_end|>\n' }}{% "
      "endif %}"
      "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
  const auto example = chat_example(text, std::vector<ChatMessage>{{"user", "a"}, {"assistant", "b"}}, {});
  ASSERT_TRUE(example) << message_of(example);
  EXPECT_EQ(learned_text(text, *example), "b<|im_end|>");
  EXPECT_TRUE(whole_text(text, *example).starts_with("<|im_start|>system\nHelp.<|im_end|>"));
}

TEST(ChatExample, RefusesWhatCannotBeExact) {
  const TextAssets text = tiny_text();
  const auto error = [&](const TextAssets& t, const std::vector<ChatMessage>& m) { return message_of(chat_example(t, m, {})); };
  EXPECT_NE(error(text, {{"user", "a"}}).find("no assistant message"), std::string::npos);
  EXPECT_NE(error(text, {}).find("no assistant message"), std::string::npos);
  // The end of the prompt and the beginning of the answer are one token together.
  const TextAssets merged = tiny_text(
      "{% for m in messages %}{{ (' t' if m['role'] == 'assistant' else '') ~ m['content'] }}{% endfor %}"
      "{% if add_generation_prompt %}{{ ' t' }}{% endif %}");
  EXPECT_NE(error(merged, {{"user", "a"}, {"assistant", "he"}}).find("assistant message 1: the chat template does not"),
            std::string::npos);
  EXPECT_EQ(error(merged, {{"user", "a"}, {"assistant", "Q"}}), "");
  // A template that shows only the last message: the second answer's conversation does not begin as the first one's.
  const TextAssets last = tiny_text(
      "{% set m = messages[-1] %}{{ '<|im_start|>' ~ m['role'] ~ '\n' ~ m['content'] ~ '<|im_end|>\n' }}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
  EXPECT_NE(error(last, {{"user", "a"}, {"assistant", "b"}}).find("assistant message 1"), std::string::npos);
  // One that drops earlier answers.
  const TextAssets dropped = tiny_text(
      "{% for m in messages %}{% if m['role'] == 'user' or loop.last %}"
      "{{ '<|im_start|>' ~ m['role'] ~ '\n' ~ m['content'] ~ '<|im_end|>\n' }}{% endif %}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
  EXPECT_NE(error(dropped, {{"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}}).find("assistant message 2"),
            std::string::npos);
  std::vector<ChatMessage> many(257, {"user", "a"});
  EXPECT_NE(error(text, many).find("257 messages; at most 256"), std::string::npos);
}

TEST(TextExamples, EveryIdIsPredictedOnceHoweverItIsCut) {
  const TextAssets text = tiny_text();
  const std::string plain = "The answer is <|im_end|> on the model and what is it?";
  const int32_t end = 381;
  const auto whole = text_examples(text, plain, end, 10'000);
  ASSERT_TRUE(whole) << message_of(whole);
  ASSERT_EQ(whole->size(), 1u);
  const std::vector<int32_t>& ids = whole->front().ids;
  EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 1);  // what the text spells is no control token
  EXPECT_EQ(ids.back(), end);
  for (int limit = 2; limit <= static_cast<int>(ids.size()) + 1; ++limit) {
    const auto pieces = text_examples(text, plain, end, limit);
    ASSERT_TRUE(pieces);
    std::vector<int32_t> predicted = {ids[0]};
    for (const Example& e : *pieces) {
      ASSERT_LE(e.ids.size(), static_cast<size_t>(limit));
      ASSERT_GE(e.ids.size(), 2u);
      EXPECT_EQ(e.ids[0], predicted.back());
      EXPECT_EQ(e.learned[0], 0);
      for (size_t i = 1; i < e.ids.size(); ++i) {
        EXPECT_EQ(e.learned[i], 1);
        predicted.push_back(e.ids[i]);
      }
    }
    EXPECT_EQ(predicted, ids) << limit;
  }
  EXPECT_NE(message_of(text_examples(text, "", end, 8)).find("empty"), std::string::npos);
}

TEST(Documents, ErrorsNameTheRowAndTooLongOnesAreLeftOut) {
  const TestFiles files;
  const TextAssets text = tiny_text();
  const std::string path = files.write("c.jsonl",
                                       "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, "
                                       "{\"role\": \"assistant\", \"content\": \"b\"}], \"expected\": 3}\n"
                                       "{\"text\": \"none\"}\n"
                                       "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n"
                                       "{\"messages\": [{\"role\": \"robot\", \"content\": \"a\"}]}\n"
                                       "{\"messages\": [{\"role\": \"user\", \"content\": \"a long question to the model\"}, "
                                       "{\"role\": \"assistant\", \"content\": \"b\"}]}\n");
  DocumentRules rules;
  rules.max_tokens = 20;
  auto opened = open_chat_jsonl(path);
  ASSERT_TRUE(opened) << message_of(opened);
  const auto strict = chat_documents(text, std::move(*opened), rules);
  ASSERT_EQ(strict->size(), 5u);
  ASSERT_TRUE(strict->documents(0)) << message_of(strict->documents(0));
  EXPECT_EQ(message_of(strict->documents(1)), path + ":2: the row has no \"messages\"");
  EXPECT_EQ(message_of(strict->documents(2)),
            path + ":3: the conversation has no assistant message: there is nothing to learn");
  EXPECT_TRUE(message_of(strict->documents(3)).starts_with(path + ":4: message 1: the role is \"robot\""));
  const std::string too_long = message_of(strict->documents(4));
  EXPECT_TRUE(too_long.starts_with(path + ":5: the conversation has ")) << too_long;
  EXPECT_NE(too_long.find("at most 20 are allowed"), std::string::npos) << too_long;
  rules.skip_too_long = true;
  const auto lenient = chat_documents(text, *open_chat_jsonl(path), rules);
  ASSERT_TRUE(lenient->documents(4));
  EXPECT_TRUE(lenient->documents(4)->empty());
  EXPECT_EQ(lenient->documents(0)->size(), 1u);
}

TEST(Documents, WhatCannotBeLearnedIsNamed) {
  TestFiles files;
  const auto message = [&](const std::string& row) {
    const auto source = open_chat_jsonl(files.write("row.jsonl", row));
    EXPECT_TRUE(source) << message_of(source);
    return message_of((*source)->conversation(0));
  };
  const std::string asked = R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": )";
  EXPECT_NE(message(asked + R"("", "tool_calls": [{"name": "f"}]}]})").find("row.jsonl:1: message 2: it has \"tool_calls\""),
            std::string::npos);
  EXPECT_NE(message(asked + R"("a"}], "tools": [{"type": "function"}]})").find("\"tools\""), std::string::npos);
  EXPECT_NE(message(asked + R"(""}]})").find("message 2: the assistant's text is empty"), std::string::npos);
  const auto plain =
      open_chat_jsonl(files.write("plain.jsonl", asked + R"("a", "tool_calls": null, "function_call": ""}], "tools": []})"));
  ASSERT_TRUE(plain);
  EXPECT_TRUE((*plain)->conversation(0));
  const auto csv = open_chat_csv(files.write("rows.csv", "q,a\nwhat,\n"), {"q", "a", ""});
  ASSERT_TRUE(csv);
  EXPECT_NE(message_of((*csv)->conversation(0)).find("rows.csv:2: the answer is empty"), std::string::npos);
}

TEST(Documents, AFileThatChangesMeanwhileIsNamed) {
  TestFiles files;
  const std::string path = files.write("rows.jsonl", R"({"text": "one"})"
                                                     "\n"
                                                     R"({"text": "two"})"
                                                     "\n");
  const auto source = open_text_jsonl(path);
  ASSERT_TRUE(source);
  ASSERT_TRUE((*source)->text(1));
  std::filesystem::resize_file(path, 10);
  EXPECT_NE(message_of((*source)->text(1)).find("rows.jsonl: the file was changed"), std::string::npos);
}

TEST(Documents, CsvColumnsBecomeConversations) {
  const TestFiles files;
  const std::string path = files.write("c.csv", "id,category,text\n1,card,\"where is\nit?\"\n2,rate\n");
  const auto source = open_chat_csv(path, {"text", "category", "Name the intent."});
  ASSERT_TRUE(source) << message_of(source);
  const std::vector<ChatMessage> wanted = {{"system", "Name the intent."}, {"user", "where is\nit?"}, {"assistant", "card"}};
  EXPECT_EQ(*(*source)->conversation(0), wanted);
  EXPECT_EQ(message_of((*source)->conversation(1)), path + ":4: 2 fields; the first row names 3 columns");
  EXPECT_NE(message_of(open_chat_csv(path, {"question", "category", ""})).find("no column \"question\""), std::string::npos);
  EXPECT_NE(message_of(open_chat_csv(path, {"text", "text", ""})).find("the same column"), std::string::npos);
}

TEST(Documents, TextsEndWithTheModelsToken) {
  const TestFiles files;
  TextAssets text = tiny_text();
  EXPECT_EQ(*end_of_text_id(text), 381);
  const std::string path = files.write("t.jsonl", "{\"text\": \"the model\"}\n{\"text\": 3}\n{\"text\": \"\"}\n");
  const auto documents = text_documents(text, *open_text_jsonl(path), {});
  ASSERT_TRUE(documents) << message_of(documents);
  EXPECT_EQ((*documents)->documents(0)->front().ids.back(), 381);
  EXPECT_EQ(message_of((*documents)->documents(1)), path + ":2: the row has no \"text\" that is a text");
  EXPECT_EQ(message_of((*documents)->documents(2)), path + ":3: the text is empty: there is nothing to learn");
  text.eos_token.clear();
  EXPECT_FALSE(end_of_text_id(text));
}

TEST(Documents, ATemplateOfAFileTakesTheModelsPlace) {
  const TestFiles files;
  TextAssets text = tiny_text();
  const std::string good = files.write("t.jinja", "{% for m in messages %}{{ m['content'] }}|{% endfor %}");
  ASSERT_TRUE(replace_chat_template(text, good));
  const auto example = chat_example(text, std::vector<ChatMessage>{{"user", "a"}, {"assistant", "b"}}, {});
  ASSERT_TRUE(example) << message_of(example);
  EXPECT_EQ(whole_text(text, *example), "a|b|");
  EXPECT_TRUE(message_of(replace_chat_template(text, files.write("b.jinja", "{% for %}"))).starts_with(files / "b.jinja"));
}

}  // namespace
}  // namespace sobre
