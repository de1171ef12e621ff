// The API without sockets: what happens when clients are slow, leave early or come in numbers, and when the server stops.
#include <gtest/gtest.h>
#include <malloc.h>

#include "serve/api_client_testing.h"
#include "serve/api_testing.h"
#include "serve/api_workers.h"
#include "serve/metrics.h"
#include "serve/request_grammars.h"
#include "serve/request_testing.h"
#include "text/grammar_machine.h"

namespace sobre {
namespace {

constexpr const char* kLong = R"("max_tokens": 480, "ignore_eos": true)";
constexpr const char* kLongStream = R"("max_tokens": 480, "ignore_eos": true, "stream": true)";

TEST(Api, AClientThatLeavesEndsItsAnswer) {
  const auto server = start();
  const auto stream = ask(server->api(), kLongStream);
  ASSERT_TRUE(stream->wait_for_text(600));
  stream->leave();
  const size_t sent = stream->text().size();
  EXPECT_TRUE(becomes_idle(*server));
  EXPECT_LT(stream->text().size(), sent + 2000);
  EXPECT_FALSE(stream->ended());
  EXPECT_LT(stats_of(*server).answer_tokens, 400U);
  // Not streamed, and before the answer has begun.
  const auto whole = ask(server->api(), std::string(kLong) + R"(, "n": 4)");
  whole->leave();
  EXPECT_TRUE(becomes_idle(*server));
  EXPECT_EQ(whole->status(), 0);
}

TEST(Api, AClientMayLeaveWhileTheModelIsLoaded) {
  const auto server = start();
  const auto client = ask(server->api(), kLong);
  client->leave();
  EXPECT_TRUE(becomes_idle(*server));
  EXPECT_EQ(client->status(), 0);
  EXPECT_EQ(stats_of(*server).answer_tokens, 0U);
}

TEST(Api, AReaderThatIsTooSlowIsCutOff) {
  ApiServerOptions options;
  options.api.limits.max_backlog_bytes = 1000;
  const auto server = start(std::move(options));
  const auto slow = ask(server->api(), kLongStream);
  ASSERT_TRUE(slow->wait_for_text(600));
  slow->backlog = 1001;
  EXPECT_TRUE(becomes_idle(*server));
  EXPECT_FALSE(slow->ended());  // dropped between begin and end: its connection is cut
  EXPECT_EQ(slow.use_count(), 1);
  EXPECT_LT(stats_of(*server).answer_tokens, 400U);
}

TEST(Api, PromptsThatAreRepeatedAloneAreNoBacklog) {
  ApiServerOptions options;
  options.api.limits.max_backlog_bytes = 1000;
  const auto server = start(std::move(options));
  const std::string prompt = "\"" + std::string(400, 'x') + "\"";
  std::string prompts = prompt;
  for (int i = 1; i < 20; ++i) prompts += ", " + prompt;
  auto client = std::make_shared<Client>();
  client->backlog = 1001;
  HttpRequest request;
  request.method = "POST";
  request.path = "/v1/completions";
  request.body = R"({"max_tokens": 0, "echo": true, "stream": true, "prompt": [)" + prompts + "]}";
  server->api().handle(std::move(request), client);
  ASSERT_TRUE(client->wait());
  EXPECT_EQ(events_of(client->text()).back(), Json("[DONE]"));
  EXPECT_GT(client->text().size(), 8000U);
}

/// Bytes that the allocator has given out; 0 where sanitizers have one of their own.
uint64_t allocated_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(Api, WhatAnAnswerWasMadeOfIsNotKeptWhileItRuns) {
  const auto server = start();
  ASSERT_TRUE(ask(server->api(), R"("max_tokens": 1)")->wait());
  std::string zeros = "0";
  for (int i = 1; i < 150'000; ++i) zeros += ",0";
  // Read as parts of a call, which the template passes over.
  const std::string call = R"({"x": [)" + zeros + R"(], "function": {"name": "f", "arguments": "{}"}})";
  const uint64_t before = allocated_bytes();
  const auto client = std::make_shared<Client>();
  auto body_held = std::make_shared<int>(0);
  const std::weak_ptr<int> held = body_held;
  HttpRequest request;
  request.method = "POST";
  request.path = "/v1/chat/completions";
  request.body = R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [)" + call +
                 R"(]}], )" + kLongStream + "}";
  request.body_held = std::move(body_held);
  server->api().handle(std::move(request), client);
  ASSERT_TRUE(client->wait_for_text(600));
  EXPECT_TRUE(held.expired());
  EXPECT_LT(allocated_bytes(), before + (2 << 20));  // the list alone would be 6 MB
  client->leave();
  EXPECT_TRUE(becomes_idle(*server));
}

TEST(Api, HealthNamesAModelThatIsNotThereOnlyToThoseWithAKey) {
  ApiServerOptions options;
#if defined(__x86_64__)
  options.pool.isa = Isa::kNeon;  // no model can be loaded
#else
  options.pool.isa = Isa::kAvx2;
#endif
  options.preload = options.api.wait_for_first = true;
  options.keys = {"secret"};
  const auto server = start(std::move(options));
  const auto health = [&](const std::string& key) {
    auto client = std::make_shared<Client>();
    HttpRequest request;
    request.method = "GET";
    request.path = "/health";
    request.headers = {{"authorization", "Bearer " + key}};
    server->api().handle(std::move(request), client);
    EXPECT_EQ(client->status(), 503);
    return client->text();
  };
  for (int i = 0; i < 1000 && health("wrong").find("model_not_loaded") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(at(json_of(health("wrong")), "error/message"), Json("the first model cannot be loaded"));
  EXPECT_NE(health("secret").find("the model tiny cannot be loaded: "), std::string::npos) << health("secret");
}

TEST(Api, StoppingEndsStreamsWithAnErrorAndRefusesWhatComes) {
  const auto server = start();
  const auto stream = ask(server->api(), kLongStream);
  const auto whole = ask(server->api(), kLong);
  ASSERT_TRUE(stream->wait_for_text(600));
  server->pool().drain(0);
  ASSERT_TRUE(stream->wait());
  ASSERT_TRUE(whole->wait());
  EXPECT_EQ(stream->status(), 200);
  const std::vector<Json> events = events_of(stream->text());
  EXPECT_EQ(at(events.back(), "error/code"), Json("stopping"));
  EXPECT_EQ(whole->status(), 503);
  const auto late = ask(server->api(), kLong);
  ASSERT_TRUE(late->wait());
  EXPECT_EQ(late->status(), 503);
  EXPECT_EQ(at(json_of(late->text()), "error/code"), Json("stopping"));
}

TEST(Api, DrainingLetsAnswersEnd) {
  const auto server = start();
  const auto stream = ask(server->api(), R"("max_tokens": 60, "ignore_eos": true, "stream": true)");
  ASSERT_TRUE(stream->wait_for_text(300));
  EXPECT_TRUE(server->pool().drain(60));
  ASSERT_TRUE(stream->wait());
  EXPECT_EQ(events_of(stream->text()).back(), Json("[DONE]"));
}

TEST(Api, RequestsThatWaitToBeReadAreBounded) {
  ApiServerOptions options;
  options.api.limits.max_waiting = 0;
  const auto server = start(std::move(options));
  const auto client = ask(server->api(), kLong);
  ASSERT_TRUE(client->wait());
  EXPECT_EQ(client->status(), 429);
  const auto tokens = ask(server->api(), R"("content": "x")", "/tokenize");
  ASSERT_TRUE(tokens->wait());
  EXPECT_EQ(tokens->status(), 429);
}

TEST(Api, AFullQueueRefusesAndTheRestIsAnswered) {
  ApiServerOptions options;
  options.pool.scheduler.max_active = 1;
  options.pool.scheduler.max_queued = 2;
  const auto server = start(std::move(options));
  std::vector<std::shared_ptr<Client>> clients;
  clients.reserve(30);
  for (int i = 0; i < 30; ++i) clients.push_back(ask(server->api(), kLong));
  int refused = 0, answered = 0;
  for (const auto& client : clients) {
    ASSERT_TRUE(client->wait(300));
    if (client->status() == 200) {
      ++answered;
      continue;
    }
    ++refused;
    EXPECT_EQ(client->status(), 429);
    EXPECT_EQ(at(json_of(client->text()), "error/code"), Json("queue_full"));
    EXPECT_GE(client->retry_after(), 1);
  }
  // The two that the queue holds; how many more depends on when the engine takes one out.
  EXPECT_GE(answered, 2);
  EXPECT_GE(refused, 1);
}

TEST(Api, ManyClientsAtOnceGetTheAnswersTheyWouldGetAlone) {
  const auto server = start();
  const auto members = [](int i) {
    return R"("max_tokens": 20, "ignore_eos": true, "temperature": 1.5, "n": 2, "seed": )" + std::to_string(i % 5);
  };
  std::vector<std::string> alone;
  for (int i = 0; i < 5; ++i) {
    const auto client = ask(server->api(), members(i));
    ASSERT_TRUE(client->wait());
    ASSERT_EQ(client->status(), 200) << client->text();
    alone.push_back(at(json_of(client->text()), "choices").dump());
  }
  EXPECT_NE(alone[0], alone[1]);
  std::vector<std::shared_ptr<Client>> clients, streams;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(ask(server->api(), members(i)));
    streams.push_back(ask(server->api(), members(i) + R"(, "stream": true)"));
    if (i % 4 == 3) streams.back()->leave();
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    ASSERT_TRUE(clients[i]->wait());
    EXPECT_EQ(at(json_of(clients[i]->text()), "choices").dump(), alone[i % 5]) << i;
    if (i % 4 == 3) continue;
    ASSERT_TRUE(streams[i]->wait());
    std::string joined;
    for (const Json& event : events_of(streams[i]->text())) {
      const Json content = at(event, "choices/0/delta/content");
      if (at(event, "choices/0/index") == Json(1) && content.is_string()) joined += *content.as_string();
    }
    EXPECT_EQ(Json(joined), at(json_of(alone[i % 5]), "1/message/content")) << i;
  }
  EXPECT_TRUE(becomes_idle(*server));
}

TEST(Api, AnAnswerOfManyTokensWithEveryProbabilityIsWhole) {
  const auto server = start();
  const auto client = ask(server->api(), std::string(kLong) + R"(, "n": 4, "logprobs": true, "top_logprobs": 20)");
  ASSERT_TRUE(client->wait(120));
  const Json body = json_of(client->text());
  EXPECT_EQ(at(body, "choices/3/logprobs/content").as_array()->size(), 480U);
  EXPECT_EQ(at(body, "choices/3/logprobs/content/479/top_logprobs").as_array()->size(), 20U);
}

TEST(ApiWorkers, RunEverythingAndStop) {
  std::atomic<int> ran{0};
  ApiWorkers workers(3);
  for (int i = 0; i < 1000; ++i) workers.post([&] { ++ran; });
  workers.stop();
  EXPECT_EQ(ran, 1000);
  workers.post([&] { ++ran; });
  EXPECT_FALSE(workers.try_post([&] { ++ran; }, 10));
  workers.stop();
  EXPECT_EQ(ran, 1000);
}

TEST(ApiWorkers, AFullQueueRefuses) {
  std::mutex gate;
  std::atomic<int> ran{0};
  ApiWorkers workers(1);
  {
    const std::lock_guard lock(gate);
    workers.post([&] { const std::lock_guard inner(gate); });
    int taken = 0;
    for (int i = 0; i < 10; ++i) taken += workers.try_post([&] { ++ran; }, 4) ? 1 : 0;
    // The first task may have left the queue or not.
    EXPECT_GE(taken, 3);
    EXPECT_LE(taken, 4);
  }
  workers.stop();
  EXPECT_GE(ran, 3);
}

TEST(RequestGrammars, AreKeptUntilOthersAreUsedMore) {
  RequestGrammars grammars(GrammarLimits(), 2);
  const auto get = [&](const std::string& pattern) {
    const auto grammar = grammars.get(pattern, grammar_regex(pattern));
    EXPECT_TRUE(grammar) << pattern;
    return grammar.value_or(nullptr);
  };
  const auto a = get("a+");
  EXPECT_TRUE(a->matches("aa"));
  EXPECT_EQ(get("a+"), a);
  (void)get("b+");
  EXPECT_EQ(get("a+"), a);
  (void)get("c+");  // b+ was used longest ago
  EXPECT_EQ(grammars.entries(), 2U);
  EXPECT_EQ(grammars.find("b+"), nullptr);
  EXPECT_EQ(grammars.find("a+"), a);
  EXPECT_FALSE(grammars.get("(", grammar_regex("(")));
  EXPECT_EQ(grammars.entries(), 2U);
}

// What counts is what a grammar takes now, with the masks that were made since it was compiled.
TEST(RequestGrammars, MakeRoomForMasks) {
  RequestGrammars grammars(GrammarLimits(), 10, 1 << 20);
  std::vector<std::shared_ptr<const Grammar>> kept;
  for (const char* pattern : {"a+", "b+", "c+"}) {
    kept.push_back(grammars.get(pattern, grammar_regex(pattern)).value());
    kept.back()->impl().cache.put("mask", std::make_shared<int>(1), 500'000);
  }
  EXPECT_EQ(grammars.find("c+"), kept[2]);
  EXPECT_EQ(grammars.entries(), 2U);
  EXPECT_EQ(grammars.find("a+"), nullptr);
  kept[1]->impl().cache.put("another", std::make_shared<int>(1), 900'000);
  EXPECT_EQ(grammars.find("b+"), kept[1]) << "it is given out, and not kept";
  EXPECT_EQ(grammars.entries(), 0U);
}

TEST(Metrics, CountWhatTheyAreTold) {
  ServedModel served;
  served.name = "m";
  Metrics metrics({served});
  EXPECT_EQ(metrics.model("n"), nullptr);
  ModelMetrics* m = metrics.model("m");
  ASSERT_NE(m, nullptr);
  GenerationReport report;
  report.end = GenerationEnd::kStopString;
  report.prompt_tokens = 100;
  report.cached_tokens = 64;
  report.answer_tokens = 7;
  report.first_token_s = 0.03;
  metrics.answer(*m, report, true);
  metrics.answer(*m, report, false);  // a second answer to the same prompt
  metrics.inter_token(*m, 0.012);
  metrics.request("/x", "m", 200);
  metrics.request("/x", "m", 200);
  ModelStatus status;
  status.served = &served;
  status.state = ModelState::kLoaded;
  status.stats.cache_bytes = 1000;
  status.stats.cache_used_bytes = 250;
  const std::string text = metrics.text({status});
  for (const char* line :
       {"sobre_prompt_tokens_total{model=\"m\"} 100", "sobre_cached_tokens_total{model=\"m\"} 64",
        "sobre_generated_tokens_total{model=\"m\"} 14", "sobre_answers_total{model=\"m\",reason=\"stop_string\"} 2",
        "sobre_time_to_first_token_seconds_bucket{model=\"m\",le=\"0.05\"} 2",
        "sobre_time_to_first_token_seconds_bucket{model=\"m\",le=\"0.025\"} 0",
        "sobre_inter_token_seconds_count{model=\"m\"} 1", "sobre_kv_cache_usage_ratio{model=\"m\"} 0.25", "status=\"200\"",
        "sobre_model_loaded{model=\"m\"} 1"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace sobre
