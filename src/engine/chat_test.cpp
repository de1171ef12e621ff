#include "engine/chat.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

namespace sobre {
namespace {

/// The definition of stop strings, on a whole text: the one that is complete first, the longest of those that end together.
std::string cut_as_defined(const std::string& text, const std::vector<std::string>& stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return text.substr(0, end - longest);
  }
  return text;
}

TEST(StopMatcher, AsDefinedHoweverThePiecesAreCut) {
  std::mt19937 random(3);
  const auto word = [&random](size_t least, size_t most) {
    std::string s;
    for (size_t n = least + random() % (most - least + 1); n > 0; --n) s.push_back(static_cast<char>('a' + random() % 2));
    return s;
  };
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::string> stops;
    for (size_t n = random() % 4; n > 0; --n) stops.push_back(word(1, 5));
    const std::string text = word(0, 24);
    StopMatcher matcher(stops);
    std::string out;
    bool stopped = false;
    for (size_t at = 0; at < text.size() && !stopped;) {
      const size_t n = 1 + random() % 4;
      stopped = matcher.push(std::string_view(text).substr(at, n), out);
      at += n;
      // A stop string can end before the piece does; nothing of what follows it may come out.
    }
    if (!stopped) matcher.finish(out);
    ASSERT_EQ(out, cut_as_defined(text, stops)) << text;
  }
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeOne) {
  StopMatcher matcher({"<end>"});
  std::string out;
  EXPECT_FALSE(matcher.push("one <e", out));
  EXPECT_EQ(out, "one ");
  EXPECT_FALSE(matcher.push("x <", out));
  EXPECT_EQ(out, "one <ex ");
  EXPECT_TRUE(matcher.push("end> two", out));
  EXPECT_EQ(out, "one <ex ");
}

TEST(CheckStops, NamesTheLimit) {
  EXPECT_TRUE(check_stops({}));
  EXPECT_FALSE(check_stops(std::vector<std::string>{""}));
  EXPECT_FALSE(check_stops(std::vector<std::string>(kMaxStops + 1, "x")));
  const auto status = check_stops(std::vector<std::string>{std::string(kMaxStopBytes + 1, 'x')});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("4096"), std::string::npos) << status.error().message;
}

TEST(CommonPrefix, Counts) {
  const std::vector<int32_t> a{1, 2, 3}, b{1, 2, 4, 5}, none;
  EXPECT_EQ(common_prefix(a, b), 2u);
  EXPECT_EQ(common_prefix(b, a), 2u);
  EXPECT_EQ(common_prefix(a, a), 3u);
  EXPECT_EQ(common_prefix(a, none), 0u);
}

TEST(Messages, ThroughJsonAndBack) {
  const std::vector<ChatMessage> messages{{"system", "Be \"brief\".\n"}, {"user", "été"}, {"assistant", ""}};
  const auto read = messages_from_json(messages_to_json(messages));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, messages);
}

TEST(Messages, ErrorsNameTheEntry) {
  const auto error = [](std::string_view json) {
    const auto read = messages_from_json(json);
    return read ? std::string() : read.error().message;
  };
  EXPECT_NE(error(R"({"role":"user"})").find("not a list"), std::string::npos);
  EXPECT_NE(error(R"([{"role":"user","content":"a"},{"role":"user"}])").find("message 2"), std::string::npos);
  EXPECT_NE(error(R"([{"role":"user","content":["a"]}])").find("message 1"), std::string::npos);
  EXPECT_NE(error(R"([{"role":"root","content":"a"}])").find("\"root\""), std::string::npos);
  EXPECT_NE(error(R"([{"role":"user","content":"a"},{"role":"system","content":"a"}])").find("first"), std::string::npos);
  EXPECT_FALSE(error("[").empty());
  EXPECT_EQ(error("[]"), "");
}

TEST(SamplingDefaults, TakesWhatIsInRange) {
  SamplingOptions base;
  base.temperature = 0.7;
  const auto read = [&](std::string_view json) { return sampling_defaults(*Json::parse(json), base); };
  EXPECT_EQ(read("{}").temperature, 0.7);
  EXPECT_EQ(sampling_defaults(Json(), base).temperature, 0.7);
  const SamplingOptions all = read(R"({"temperature":0.2,"top_p":0.9,"top_k":20,"min_p":0.05,"repetition_penalty":1.1})");
  EXPECT_EQ(all.temperature, 0.2);
  EXPECT_EQ(all.top_p, 0.9);
  EXPECT_EQ(all.top_k, 20);
  EXPECT_EQ(all.min_p, 0.05);
  EXPECT_EQ(all.repetition_penalty, 1.1);
  EXPECT_EQ(all.penalty_window, -1);
  EXPECT_EQ(read(R"({"repetition_penalty":1000})").penalty_window, base.penalty_window);
  const SamplingOptions wrong = read(R"({"temperature":-1,"top_p":"x","top_k":-5,"min_p":7})");
  EXPECT_EQ(wrong.temperature, 0.7);
  EXPECT_EQ(wrong.top_p, 1.0);
  EXPECT_EQ(wrong.top_k, 0);
  EXPECT_EQ(wrong.min_p, 0.0);
  EXPECT_EQ(read(R"({"do_sample":false})").temperature, 0.0);
  EXPECT_EQ(read(R"({"do_sample":false,"temperature":0.5})").temperature, 0.5);
}

constexpr std::string_view kTokenizer = R"({"version":"1.0","truncation":null,"padding":null,
  "added_tokens":[{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
    {"id":1,"content":"<e>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
  "normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
  "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
    "fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
    "vocab":{"<s>":0,"<e>":1,"<":2,">":3,"e":4,"s":5,"x":6},"merges":[]}})";

TextAssets small_assets(std::string_view source) {
  TextAssets text;
  auto tokenizer = Tokenizer::from_hf_json(kTokenizer);
  EXPECT_TRUE(tokenizer);
  text.tokenizer.emplace(std::move(*tokenizer));
  if (!source.empty()) {
    auto parsed = ChatTemplate::parse(source);
    EXPECT_TRUE(parsed);
    text.chat_template.emplace(std::move(*parsed));
  }
  text.bos_token = "<s>";
  text.bos = 0;
  text.add_bos = true;
  return text;
}

using Ids = std::vector<int32_t>;

TEST(ConversationIds, ControlTokensComeFromTheTemplateAlone) {
  const TextAssets text = small_assets(
      "{{ bos_token }}{% for m in messages %}{{ m.content }}<e>{% endfor %}{% if add_generation_prompt %}x{% endif %}");
  const std::vector<ChatMessage> messages{{"user", "x<e>"}};
  const auto ids = conversation_ids(text, messages, {});
  ASSERT_TRUE(ids) << ids.error().message;
  EXPECT_EQ(*ids, (Ids{0, 6, 2, 4, 3, 1, 6}));  // one BOS, the user's <e> as text
}

TEST(ConversationIds, RefusalsAreErrors) {
  const std::vector<ChatMessage> messages{{"user", "x"}};
  const auto refused = conversation_ids(small_assets("{{ raise_exception('no x here') }}"), messages, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("no x here"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(conversation_ids(small_assets(""), messages, {}));
  EXPECT_FALSE(conversation_ids(TextAssets(), messages, {}));
}

TEST(CompletionIds, BosOnceAndNoControlTokens) {
  TextAssets text = small_assets("");
  EXPECT_EQ(*completion_ids(text, "x<e>"), (Ids{0, 6, 2, 4, 3}));
  EXPECT_EQ(*completion_ids(text, ""), (Ids{0}));
  text.add_bos = false;
  EXPECT_EQ(*completion_ids(text, "x"), (Ids{6}));
  EXPECT_FALSE(completion_ids(text, ""));
}

/// Answers of the real small model in ../shared.
class Answers : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = "../shared/models/tinystories-656k/hf";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
    auto model = Model::load(path);
    ASSERT_TRUE(model) << model.error().message;
    model_ = *model;
    SessionOptions options;
    options.context = 64;
    options.threads = 1;
    options.chunk = 4;
    auto session = Session::create(model_, options);
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::move(*session);
    options_.sampling.temperature = 0;
    options_.max_tokens = 12;
  }

  std::vector<int32_t> ids(std::string_view text) { return *completion_ids(model_->text(), text); }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Session> session_;
  AnswerOptions options_;
};

TEST_F(Answers, ReuseChangesNothing) {
  std::string first, again, fresh;
  Answerer answerer(*session_);
  const auto sink_to = [](std::string& out) { return [&out](std::string_view piece) { out += piece; }; };
  const auto a = ids("Once upon a time"), b = ids("Once upon a day, Lily");
  const auto report = answerer.answer(a, options_, sink_to(first));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->end, AnswerEnd::kMaxTokens);
  EXPECT_EQ(report->answer_tokens, 12);
  EXPECT_EQ(report->reused_tokens, 0);
  EXPECT_FALSE(first.empty());
  const auto reused = answerer.answer(b, options_, sink_to(again));
  ASSERT_TRUE(reused);
  EXPECT_EQ(reused->reused_tokens, static_cast<int>(common_prefix(a, b)));
  EXPECT_GT(reused->reused_tokens, 0);
  answerer.reset();
  const auto alone = answerer.answer(b, options_, sink_to(fresh));
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->reused_tokens, 0);
  EXPECT_EQ(fresh, again);
  // The same prompt once more: only its last token is computed.
  std::string repeated;
  const auto same = answerer.answer(b, options_, sink_to(repeated));
  ASSERT_TRUE(same);
  EXPECT_EQ(same->reused_tokens, static_cast<int>(b.size()) - 1);
  EXPECT_EQ(repeated, fresh);
}

TEST_F(Answers, StopStringsNeverComeOut) {
  std::string whole, cut;
  Answerer answerer(*session_);
  ASSERT_TRUE(answerer.answer(ids("Once upon a time"), options_, [&](std::string_view p) { whole += p; }));
  ASSERT_GT(whole.size(), 12u);
  options_.stops = {whole.substr(7, 5)};
  const auto report = answerer.answer(ids("Once upon a time"), options_, [&](std::string_view p) { cut += p; });
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, AnswerEnd::kStopString);
  EXPECT_EQ(cut, whole.substr(0, whole.find(options_.stops[0])));
}

TEST_F(Answers, CancelledInThePromptAndInTheAnswer) {
  Answerer answerer(*session_);
  std::string out;
  const auto prompt = ids("Once upon a time there was a little girl");
  ASSERT_GT(prompt.size(), 5u);
  const auto none = answerer.answer(prompt, options_, [&](std::string_view p) { out += p; }, [] { return true; });
  ASSERT_TRUE(none);
  EXPECT_EQ(none->end, AnswerEnd::kCancelled);
  EXPECT_EQ(none->answer_tokens, 0);
  EXPECT_EQ(out, "");
  const auto some = answerer.answer(prompt, options_, [&](std::string_view p) { out += p; }, [&] { return !out.empty(); });
  ASSERT_TRUE(some);
  EXPECT_EQ(some->reused_tokens, 4);  // the chunk that was computed before
  EXPECT_EQ(some->end, AnswerEnd::kCancelled);
  EXPECT_GT(some->answer_tokens, 0);
}

TEST_F(Answers, TheContextIsNeverExceeded) {
  Answerer answerer(*session_);
  const std::vector<int32_t> full(64, 5), almost(60, 5);
  const auto refused = answerer.answer(full, options_, [](std::string_view) {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("64"), std::string::npos) << refused.error().message;
  options_.max_tokens = 0;
  options_.sampling.logit_bias = {};
  for (const int32_t id : model_->text().stop_ids) options_.sampling.logit_bias.push_back({id, -100.0F});
  const auto report = answerer.answer(almost, options_, [](std::string_view) {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->end, AnswerEnd::kContextFull);
  EXPECT_EQ(report->answer_tokens, 4);  // prompt and answer are the context, as behind the scheduler
}

}  // namespace
}  // namespace sobre
