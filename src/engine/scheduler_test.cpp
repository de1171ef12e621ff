#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include "engine/chat.h"
#include "engine/tiny_model_testing.h"

namespace sobre {
namespace {

using Kind = Rejection::Kind;

// Collects answers and waits for them.
class Collector {
 public:
  struct Answer {
    std::vector<int32_t> ids;
    std::vector<GenerationToken> tokens;
    std::string text;
    bool ended = false;
    GenerationReport report;
  };

  GenerationSink sink(size_t slot) {
    return {[this, slot](std::vector<GenerationToken>&& tokens) {
              const std::lock_guard lock(mutex_);
              Answer& a = answers_[slot];
              EXPECT_FALSE(a.ended);
              for (GenerationToken& t : tokens) {
                a.ids.push_back(t.id);
                a.text += t.text;
                a.tokens.push_back(std::move(t));
              }
              changed_.notify_all();
            },
            [this, slot](GenerationReport&& report) {
              const std::lock_guard lock(mutex_);
              Answer& a = answers_[slot];
              EXPECT_FALSE(a.ended) << "on_end came twice";
              a.ended = true;
              a.text += report.rest;
              a.report = std::move(report);
              changed_.notify_all();
            }};
  }
  Answer wait(size_t slot) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(120), [&] { return answers_[slot].ended; }));
    return answers_[slot];
  }
  void wait_tokens(size_t slot, size_t n) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(120),
                                  [&] { return answers_[slot].ended || answers_[slot].ids.size() >= n; }));
  }
  bool ended(size_t slot) {
    const std::lock_guard lock(mutex_);
    return answers_[slot].ended;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Answer> answers_;
};

std::vector<int32_t> prompt_of(uint32_t seed, int n) {
  std::mt19937 rng(seed);
  std::vector<int32_t> ids(static_cast<size_t>(n));
  for (int32_t& id : ids) id = static_cast<int32_t>(rng() % 380);
  return ids;
}

GenerationRequest request_of(uint32_t seed, int prompt, int tokens) {
  GenerationRequest r;
  r.prompt = prompt_of(seed, prompt);
  r.sampling.temperature = 0.9;
  r.sampling.top_p = 0.95;
  r.sampling.seed = seed;
  r.max_tokens = tokens;
  r.ignore_eos = true;
  return r;
}

std::unique_ptr<Scheduler> make(SchedulerOptions options = {}, const std::shared_ptr<const Model>& model = tiny_model()) {
  if (options.threads == 0) options.threads = 2;
  if (options.cache_bytes == 0) options.cache_bytes = 64 << 20;
  auto scheduler = Scheduler::create(model, options);
  EXPECT_TRUE(scheduler) << scheduler.error().message;
  return std::move(*scheduler);
}

std::vector<int32_t> alone(const GenerationRequest& request) {
  const auto scheduler = make();
  Collector c;
  EXPECT_TRUE(scheduler->submit(request, {c.sink(0)}));
  return c.wait(0).ids;
}

TEST(Scheduler, GreedyIsWhatASessionSays) {
  GenerationRequest request = request_of(1, 100, 40);
  request.sampling.temperature = 0;
  auto session = Session::create(tiny_model(), {.context = 512, .threads = 1});
  ASSERT_TRUE(session);
  ASSERT_TRUE((*session)->append(request.prompt));
  std::vector<int32_t> expected;
  SamplingOptions greedy;
  greedy.temperature = 0;
  greedy.banned = tiny_model()->text().stop_ids;
  Sampler sampler(greedy, tiny_model()->spec().vocab_size);
  for (int i = 0; i < 40; ++i) {
    expected.push_back(sampler.sample((*session)->logits(), static_cast<uint64_t>(i)));
    ASSERT_TRUE((*session)->append(std::span(&expected.back(), 1)));
  }
  EXPECT_EQ(alone(request), expected);
}

TEST(Scheduler, TheSameAloneAndAmongOthersColdAndWarm) {
  constexpr int kOthers = 15;
  std::vector<GenerationRequest> requests;
  for (uint32_t i = 0; i <= kOthers; ++i)
    requests.push_back(request_of(i + 1, 40 + static_cast<int>(i) * 23, 50 + static_cast<int>(i)));
  // Half of them share beginnings with another, of whole pages and of parts.
  for (size_t i = 1; i < requests.size(); i += 2)
    std::copy_n(requests[i - 1].prompt.begin(), std::min<size_t>(30 * i, requests[i - 1].prompt.size()),
                requests[i].prompt.begin());
  std::vector<std::vector<int32_t>> expected;
  expected.reserve(requests.size());
  for (const auto& r : requests) expected.push_back(alone(r));
  for (const uint64_t cache : {uint64_t{64} << 20, uint64_t{1}}) {
    SchedulerOptions options;
    options.cache_bytes = cache;  // 1: the least, one context: answers preempt each other
    options.context = 1024;
    options.max_active = 16;
    const auto scheduler = make(options);
    for (int round = 0; round < 3; ++round) {
      Collector c;
      for (size_t i = 0; i < requests.size(); ++i) ASSERT_TRUE(scheduler->submit(requests[i], {c.sink(i)}));
      int cached = 0;
      for (size_t i = 0; i < requests.size(); ++i) {
        const auto answer = c.wait(i);
        EXPECT_EQ(answer.ids, expected[i]) << "answer " << i << ", round " << round << ", cache " << cache;
        EXPECT_EQ(answer.report.end, GenerationEnd::kMaxTokens);
        cached += answer.report.cached_tokens;
      }
      if (cache == 1) {
        EXPECT_GT(scheduler->stats().preemptions, 0u);
      }
      if (round > 0 && cache > 1) {
        EXPECT_GT(cached, 2000) << "the cache was warm";
      }
    }
  }
}

// A long prompt is displaced by answers that grow while it is read in small pieces. What it finds of itself when it comes back
// was not cached by anyone before.
TEST(Scheduler, OwnWorkBeforeAPreemptionIsNotCached) {
  std::mutex held;
  SchedulerOptions options;
  options.cache_bytes = 1;  // the least: 16 pages for an answer and one more
  options.context = 1024;
  options.max_step_ms = 1;
  options.on_step = [&](const StepReport&) { const std::lock_guard wait(held); };
  const auto scheduler = make(options);
  Collector c;
  {
    const std::lock_guard lock(held);
    for (uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(scheduler->submit(request_of(i + 1, 60, 200), {c.sink(i)}));
    ASSERT_TRUE(scheduler->submit(request_of(9, 800, 4), {c.sink(3)}));
  }
  for (size_t i = 0; i < 4; ++i) {
    const auto answer = c.wait(i);
    EXPECT_EQ(answer.report.end, GenerationEnd::kMaxTokens);
    EXPECT_EQ(answer.report.cached_tokens, 0) << i;
  }
  EXPECT_GT(scheduler->stats().preemptions, 0u);
}

TEST(Scheduler, SeveralAnswersToOnePrompt) {
  const auto scheduler = make();
  for (const bool reuse : {true, false}) {
    GenerationRequest request = request_of(7, 150, 30);
    request.reuse_prefix = reuse;
    std::vector<std::vector<int32_t>> expected;
    for (uint32_t i = 0; i < 4; ++i) {
      Collector c;
      // Alone, an answer of choice i is drawn with that choice's numbers.
      std::vector<GenerationSink> sinks;
      for (uint32_t j = 0; j <= i; ++j) sinks.push_back(c.sink(j));
      const auto fresh = make();
      ASSERT_TRUE(fresh->submit(request, std::move(sinks)));
      for (uint32_t j = 0; j <= i; ++j) c.wait(j);
      expected.push_back(c.wait(i).ids);
    }
    Collector c;
    std::vector<GenerationSink> sinks;
    for (size_t i = 0; i < 4; ++i) sinks.push_back(c.sink(i));
    const auto ids = scheduler->submit(request, std::move(sinks));
    ASSERT_TRUE(ids);
    EXPECT_EQ(ids->size(), 4u);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(c.wait(i).ids, expected[i]);
    EXPECT_NE(expected[0], expected[1]);
  }
}

TEST(Scheduler, ScopesShareNothing) {
  const auto scheduler = make();
  GenerationRequest request = request_of(3, 200, 5);
  const auto cached = [&](const std::string& scope) {
    request.scope = scope;
    Collector c;
    EXPECT_TRUE(scheduler->submit(request, {c.sink(0)}));
    return c.wait(0).report.cached_tokens;
  };
  EXPECT_EQ(cached("a"), 0);
  EXPECT_EQ(cached("b"), 0);
  EXPECT_EQ(cached("a"), 199);  // all but the last, whose logits are wanted
  EXPECT_EQ(cached("b"), 199);
  EXPECT_EQ(cached(""), 0);
}

TEST(Scheduler, CancelsWaitingAndRunningAnswers) {
  SchedulerOptions options;
  options.max_active = 2;
  const auto scheduler = make(options);
  Collector c;
  std::vector<uint64_t> ids;
  for (size_t i = 0; i < 6; ++i) {
    const auto id = scheduler->submit(request_of(static_cast<uint32_t>(i), 50, 1500), {c.sink(i)});
    ASSERT_TRUE(id);
    ids.push_back(id->front());
  }
  c.wait_tokens(0, 3);
  scheduler->cancel(ids[5]);  // waits
  scheduler->cancel(ids[0]);  // runs
  EXPECT_EQ(c.wait(5).report.end, GenerationEnd::kCancelled);
  EXPECT_EQ(c.wait(0).report.end, GenerationEnd::kCancelled);
  scheduler->cancel(ids[0]);
  scheduler->cancel(123456);
  EXPECT_FALSE(scheduler->drain(0));
  for (size_t i = 1; i < 5; ++i) EXPECT_TRUE(c.ended(i));
  const auto refused = scheduler->submit(request_of(1, 10, 1), {c.sink(9)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::kStopping);
  EXPECT_EQ(scheduler->stats().cache_used_bytes, 0u);
}

TEST(Scheduler, ACancelledFirstChoiceLeavesTheOthers) {
  const auto scheduler = make();
  for (int round = 0; round < 20; ++round) {
    Collector c;
    std::vector<GenerationSink> sinks;
    for (size_t i = 0; i < 3; ++i) sinks.push_back(c.sink(i));
    const auto ids = scheduler->submit(request_of(5, 700, 20), std::move(sinks));
    ASSERT_TRUE(ids);
    scheduler->cancel((*ids)[0]);
    EXPECT_EQ(c.wait(1).report.end, GenerationEnd::kMaxTokens);
    EXPECT_EQ(c.wait(2).report.end, GenerationEnd::kMaxTokens);
    (void)c.wait(0);
  }
}

TEST(Scheduler, RefusesWithBothNumbers) {
  SchedulerOptions options;
  options.context = 128;
  options.max_queued = 2;
  options.max_active = 1;
  const auto scheduler = make(options);
  Collector c;
  const auto kind = [&](GenerationRequest r) {
    const auto result = scheduler->submit(std::move(r), {c.sink(99)});
    EXPECT_FALSE(result);
    return result ? std::pair(Kind::kStopping, std::string()) : std::pair(result.error().kind, result.error().message);
  };
  const auto [too_long, words] = kind(request_of(1, 128, 5));
  EXPECT_EQ(too_long, Kind::kTooLong);
  EXPECT_NE(words.find("128 tokens"), std::string::npos) << words;
  GenerationRequest bad = request_of(1, 20, 5);
  bad.prompt[3] = 383;
  EXPECT_EQ(kind(bad).first, Kind::kInvalid);
  bad = request_of(1, 20, 5);
  bad.sampling.top_p = std::nan("");
  EXPECT_EQ(kind(bad).first, Kind::kInvalid);
  bad = request_of(1, 0, 5);
  EXPECT_EQ(kind(bad).first, Kind::kInvalid);
  int full = 0;
  for (size_t i = 0; i < 12; ++i) {
    const auto result = scheduler->submit(request_of(1, 60, 60), {c.sink(i)});
    if (result) continue;
    ++full;
    EXPECT_EQ(result.error().kind, Kind::kQueueFull);
    EXPECT_GE(result.error().retry_after_s, 1);
  }
  EXPECT_GT(full, 0);
  EXPECT_TRUE(scheduler->drain(120));
}

// What there are places for needs no room in the queue; the first step is held until all have asked.
TEST(Scheduler, AQueueOfNoneTakesWhatHasAPlace) {
  for (const int queued : {0, 1}) {
    std::mutex held;
    SchedulerOptions options;
    options.max_active = 2;
    options.max_queued = queued;
    options.on_step = [&](const StepReport&) { const std::lock_guard wait(held); };
    const auto scheduler = make(options);
    Collector c;
    std::vector<bool> taken;
    {
      const std::lock_guard lock(held);
      for (size_t i = 0; i < 5; ++i) {
        GenerationRequest request = request_of(1, 20, 5);
        request.scope = "one";
        const auto result = scheduler->submit(std::move(request), {c.sink(i)});
        taken.push_back(result.has_value());
        if (!result) {
          EXPECT_EQ(result.error().kind, Kind::kQueueFull);
        }
      }
    }
    EXPECT_EQ(taken, std::vector<bool>({true, true, queued > 0, false, false})) << queued;
    EXPECT_TRUE(scheduler->drain(120));
  }
}

// Ids of the tokenizer that the embedding has no row for can neither be drawn nor banned.
TEST(Scheduler, StopIdsBeyondTheEmbeddingAreLeftOut) {
  const TemporaryFolder folder("short-embedding");
  ASSERT_TRUE(write_tiny_model(folder.path(), SOBRE_SOURCE_DIR, 1, 256, 368));
  const auto model = Model::load(folder.path());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->text().stop_ids, std::vector<int32_t>());
  const auto scheduler = make({}, *model);
  GenerationRequest request = request_of(1, 1, 4);
  request.prompt = {5, 6, 7};
  Collector c;
  ASSERT_TRUE(scheduler->submit(request, {c.sink(0)}));
  EXPECT_EQ(c.wait(0).report.end, GenerationEnd::kMaxTokens);
}

// A token whose embedding is damaged fails those that use it, not who shares their steps.
TEST(Scheduler, AnAnswerThatFailsFailsAlone) {
  constexpr int32_t kBad = 17;
  const TemporaryFolder folder("damaged");
  ASSERT_TRUE(write_tiny_model(folder.path(), SOBRE_SOURCE_DIR));
  const auto model = Model::load(folder.path()), other = Model::load(folder.path());
  ASSERT_TRUE(model && other);
  auto& weights = const_cast<Weights&>((*model)->weights());
  weights.head = std::move(const_cast<Weights&>((*other)->weights()).embedding);  // else every logit of this id were bad
  const uint16_t nan = 0x7E00;
  std::memcpy(weights.embedding.data.data() + weights.embedding.layout.stride * (kBad / 16) + weights.embedding.layout.scales +
                  kBad % 16 * sizeof(nan),
              &nan, sizeof(nan));
  GenerationRequest good = request_of(3, 70, 30), bad = request_of(4, 150, 30);
  for (GenerationRequest* r : {&good, &bad}) r->sampling.banned = {kBad};
  std::replace(good.prompt.begin(), good.prompt.end(), kBad, kBad + 1);
  bad.prompt[90] = kBad;
  const auto expected = alone(good);
  std::mutex held;
  SchedulerOptions options;
  options.on_step = [&](const StepReport&) { const std::lock_guard wait(held); };
  const auto scheduler = make(options, *model);
  Collector c;
  {
    const std::lock_guard lock(held);
    for (const size_t slot : {0UL, 3UL, 5UL}) {
      ASSERT_TRUE(scheduler->submit(good, {c.sink(slot)}));
      if (slot < 5) {
        ASSERT_TRUE(scheduler->submit(bad, {c.sink(slot + 1), c.sink(slot + 6)}));
      }
    }
  }
  for (const size_t slot : {0UL, 3UL, 5UL}) {
    const auto answer = c.wait(slot);
    EXPECT_EQ(answer.report.end, GenerationEnd::kMaxTokens) << answer.report.error;
    EXPECT_EQ(answer.ids, expected);
  }
  for (const size_t slot : {1UL, 4UL, 6UL, 9UL}) {
    const auto answer = c.wait(slot);
    EXPECT_EQ(answer.report.end, GenerationEnd::kFailed);
    EXPECT_NE(answer.report.error.find("not finite"), std::string::npos) << answer.report.error;
  }
  EXPECT_TRUE(scheduler->drain(120));
  EXPECT_EQ(scheduler->stats().cache_used_bytes, 0u);
}

TEST(Scheduler, EndsAtStopStringsAndTheContext) {
  SchedulerOptions options;
  options.context = 128;
  const auto scheduler = make(options);
  Collector c;
  GenerationRequest request = request_of(11, 20, 0);
  ASSERT_TRUE(scheduler->submit(request, {c.sink(0)}));
  const auto whole = c.wait(0);
  EXPECT_EQ(whole.report.end, GenerationEnd::kContextFull);
  EXPECT_EQ(whole.report.answer_tokens, 108);
  ASSERT_GT(whole.text.size(), 12u);
  request.stops = {whole.text.substr(8, 3)};
  ASSERT_TRUE(scheduler->submit(request, {c.sink(1)}));
  const auto cut = c.wait(1);
  EXPECT_EQ(cut.report.end, GenerationEnd::kStopString);
  EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(request.stops[0])));
}

TEST(Scheduler, LogProbabilitiesAreTheModels) {
  const auto scheduler = make();
  GenerationRequest request = request_of(2, 30, 8);
  request.top_logprobs = 5;
  Collector c;
  ASSERT_TRUE(scheduler->submit(request, {c.sink(0)}));
  const auto answer = c.wait(0);
  auto session = Session::create(tiny_model(), {.context = 512, .threads = 1});
  ASSERT_TRUE((*session)->append(request.prompt));
  for (const GenerationToken& t : answer.tokens) {
    const auto logits = (*session)->logits();
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x));
    const auto defined = [&](int32_t id) { return static_cast<double>(logits[static_cast<size_t>(id)]) - std::log(sum); };
    EXPECT_NEAR(static_cast<double>(t.logprob), defined(t.id), 1e-4);
    ASSERT_EQ(t.top.size(), 5u);
    EXPECT_EQ(t.top[0].id, argmax(logits));
    for (size_t i = 0; i < t.top.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(t.top[i].logprob), defined(t.top[i].id), 1e-4);
      if (i > 0) {
        EXPECT_LE(t.top[i].logprob, t.top[i - 1].logprob);
      }
    }
    ASSERT_TRUE((*session)->append(std::span(&t.id, 1)));
  }
}

TEST(Scheduler, ServesScopesInTurn) {
  SchedulerOptions options;
  options.max_active = 1;
  const auto scheduler = make(options);
  Collector c;
  GenerationRequest busy = request_of(1, 30, 60);
  busy.scope = "busy";
  for (size_t i = 0; i < 8; ++i) ASSERT_TRUE(scheduler->submit(busy, {c.sink(i)}));
  GenerationRequest other = busy;
  other.scope = "other";
  ASSERT_TRUE(scheduler->submit(other, {c.sink(100)}));
  (void)c.wait(100);
  EXPECT_FALSE(c.ended(7)) << "the other scope waited for all of the busy one's";
  EXPECT_FALSE(c.ended(3));
  EXPECT_TRUE(scheduler->drain(120));
}

TEST(Scheduler, AGrammarHolds) {
  const auto scheduler = make();
  const auto grammar = Grammar::compile(grammar_regex("[0-9]{3}-(yes|no) and that is the whole answer"));
  ASSERT_TRUE(grammar) << grammar.error().message;
  GenerationRequest request = request_of(4, 40, 200);
  request.ignore_eos = false;
  request.grammar = *grammar;
  Collector c;
  ASSERT_TRUE(scheduler->submit(request, {c.sink(0)}));
  const auto answer = c.wait(0);
  EXPECT_TRUE((*grammar)->matches(answer.text)) << answer.text;
  EXPECT_EQ(answer.report.end, GenerationEnd::kStop);
  EXPECT_GT(answer.report.forced_tokens, 5);
  // With log probabilities every token is looked at, and the answer is the same.
  request.top_logprobs = 0;
  ASSERT_TRUE(scheduler->submit(request, {c.sink(1)}));
  EXPECT_EQ(c.wait(1).text, answer.text);
}

TEST(Scheduler, StopStringsMayLeaveAGrammarAlone) {
  const auto scheduler = make();
  const auto grammar = Grammar::compile(grammar_regex("[0-9]{3}-(yes|no) and that is the whole answer"));
  ASSERT_TRUE(grammar) << grammar.error().message;
  GenerationRequest request = request_of(4, 40, 200);
  request.ignore_eos = false;
  request.grammar = *grammar;
  request.stops = {"-", "answer it"};
  Collector c;
  ASSERT_TRUE(scheduler->submit(request, {c.sink(0)}));
  EXPECT_EQ(c.wait(0).report.end, GenerationEnd::kStopString);
  request.stops_in_grammar = false;
  ASSERT_TRUE(scheduler->submit(request, {c.sink(1)}));
  const auto whole = c.wait(1);
  EXPECT_EQ(whole.report.end, GenerationEnd::kStop);
  EXPECT_TRUE((*grammar)->matches(whole.text)) << whole.text;
  // Before the grammar begins they end an answer as ever.
  request.grammar_start.triggers = {"a trigger that does not come"};
  request.stops = {"e"};
  request.sampling.logit_bias = {{68, 100.0F}};
  ASSERT_TRUE(scheduler->submit(request, {c.sink(2)}));
  EXPECT_EQ(c.wait(2).report.end, GenerationEnd::kStopString);
}

TEST(Scheduler, AFormThatTheVocabularyCannotWrite) {
  const auto scheduler = make();
  const GrammarNode nowhere = grammar_token(1'000'000);
  const auto none = Grammar::compile(nowhere);
  const auto later = Grammar::compile(grammar_sequence({grammar_regex("[ab]{2}"), grammar_text("cd"), nowhere}));
  ASSERT_TRUE(none && later);
  GenerationRequest request = request_of(4, 40, 200);
  request.ignore_eos = false;
  request.grammar = *none;
  Collector c;
  const auto refused = scheduler->submit(request, {c.sink(0)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Rejection::Kind::kUnwritable);
  for (const int top : {-1, 0}) {
    request.grammar = *later;
    request.top_logprobs = top;
    ASSERT_TRUE(scheduler->submit(request, {c.sink(static_cast<size_t>(2 + top))}));
    const auto answer = c.wait(static_cast<size_t>(2 + top));
    EXPECT_EQ(answer.report.end, GenerationEnd::kDeadEnd);
    EXPECT_NE(answer.report.error, "");
    EXPECT_EQ(answer.text.size(), 4U) << answer.text;
  }
}

// What is asked of a step in reports: every prompt token's operations once, the weights once a step for all that decode.
TEST(Scheduler, StepReportsHoldAllWork) {
  std::mutex mutex;
  std::map<uint64_t, StepShare> sums;
  std::map<uint64_t, int> decode_steps;
  double weights = 0, last_end = 0;
  int steps_that_decode = 0;
  SchedulerOptions options;
  options.max_step_ms = 60'000;  // slow machines too put a whole prompt into a step, so that the two answers below run together
  options.on_step = [&](const StepReport& report) {
    const std::lock_guard lock(mutex);
    EXPECT_GE(report.begin_s, last_end);
    EXPECT_GE(report.end_s, report.begin_s);
    last_end = report.end_s;
    double in_step = 0;
    for (const StepShare& share : report.shares) {
      StepShare& sum = sums[share.tag];
      sum.prompt_operations += share.prompt_operations;
      sum.weight_bytes += share.weight_bytes;
      sum.kv_bytes += share.kv_bytes;
      in_step += share.weight_bytes;
      decode_steps[share.tag] += share.weight_bytes > 0 ? 1 : 0;
    }
    weights += in_step;
    steps_that_decode += in_step > 0 ? 1 : 0;
  };
  const auto scheduler = make(options);
  Collector c;
  const auto submit = [&](size_t slot, uint64_t tag, int prompt, int tokens) {
    GenerationRequest r = request_of(static_cast<uint32_t>(tag), prompt, tokens);
    r.tag = tag;
    ASSERT_TRUE(scheduler->submit(std::move(r), {c.sink(slot)}));
  };
  submit(0, 7, 300, 21);
  c.wait(0);
  {
    const std::lock_guard both(mutex);  // the step that takes the first one up is not over before the second is there
    submit(1, 8, 300, 41);
    submit(2, 9, 150, 11);
  }
  c.wait(1);
  c.wait(2);
  const std::lock_guard lock(mutex);
  // The first token of an answer comes with its prompt.
  EXPECT_EQ(decode_steps[7], 20);
  EXPECT_EQ(decode_steps[8], 40);
  EXPECT_EQ(decode_steps[9], 10);
  const auto once = static_cast<double>(tiny_model()->weights().bytes_per_token());
  EXPECT_DOUBLE_EQ(sums[7].weight_bytes, 20 * once);
  EXPECT_NEAR(weights, steps_that_decode * once, 1e-6 * weights);
  EXPECT_LT(sums[8].weight_bytes, 40 * once) << "shared while the other one was beside it";
  // However the prompt was cut: the same work, but for the middle of each piece.
  EXPECT_NEAR(sums[7].prompt_operations / sums[8].prompt_operations, 1, 0.01);
  EXPECT_GT(sums[8].prompt_operations, 2 * sums[9].prompt_operations);
  const double position = sums[7].kv_bytes / (20 * 310.5);
  EXPECT_NEAR(sums[8].kv_bytes / (40 * 320.5), position, 1e-6 * position) << "every token reads all positions up to its own";
}

TEST(Scheduler, EndsRightlyWhenDestroyed) {
  Collector c;
  {
    const auto scheduler = make();
    for (size_t i = 0; i < 5; ++i) ASSERT_TRUE(scheduler->submit(request_of(1, 300, 1000), {c.sink(i)}));
  }
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(c.ended(i));
}

}  // namespace
}  // namespace sobre
