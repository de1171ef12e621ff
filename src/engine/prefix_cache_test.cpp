#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

#include "engine/fair_queue.h"
#include "engine/step_pace.h"

namespace sobre {
namespace {

DecoderSpec tiny_spec() {
  DecoderSpec spec;
  LayerSpec l;
  l.n_heads = l.n_kv_heads = 1;
  l.head_dim = 16;
  l.ffn_dim = 32;
  spec.d_model = 16;
  spec.layers.assign(1, l);
  return spec;
}

// A page's stand-in for keys and values: the ids that it was computed from, position by position.
void write_ids(PrefixCache& cache, std::span<const int> pages, std::span<const int32_t> ids, size_t from) {
  for (size_t i = from; i < ids.size(); ++i) {
    auto* cells = reinterpret_cast<int32_t*>(cache.pool().keys(pages[i / kPagePositions], 0, 0));
    cells[i % kPagePositions] = ids[i];
  }
}

bool holds_ids(PrefixCache& cache, std::span<const int> pages, std::span<const int32_t> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (reinterpret_cast<int32_t*>(cache.pool().keys(pages[i / kPagePositions], 0, 0))[i % kPagePositions] != ids[i])
      return false;
  }
  return true;
}

// Random answers come, share, end and are kept, in a cache far too small: what find() gives always holds what it says, nothing
// that an answer holds is ever given to another, and in the end no page is lost.
TEST(PrefixCache, HoldsWhatItSaysUnderPressure) {
  constexpr int kPages = 24;
  auto created = PrefixCache::create(tiny_spec(), KvType::kF32, kPages);
  ASSERT_TRUE(created);
  PrefixCache& cache = *created;
  std::mt19937 rng(5);
  struct Live {
    std::string scope;
    std::vector<int32_t> ids;
    std::vector<int> pages;
  };
  std::vector<Live> live;
  std::map<std::string, std::vector<std::vector<int32_t>>> kept_ever;
  int hits = 0, partial = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (live.size() < 4 && rng() % 2 == 0) {
      Live a;
      a.scope = rng() % 3 == 0 ? "x" : "y";
      // Few distinct beginnings, so that they are shared: an alphabet of two, changing rarely.
      const auto n = static_cast<size_t>(1 + rng() % 250);
      for (size_t i = 0; i < n; ++i) a.ids.push_back(i % 40 == 0 ? static_cast<int32_t>(rng() % 2) : 7);
      PrefixCache::Prefix prefix = cache.find(a.scope, a.ids);
      ASSERT_LE(static_cast<size_t>(prefix.positions), n);
      ASSERT_TRUE(holds_ids(cache, prefix.pages, std::span(a.ids).first(static_cast<size_t>(prefix.positions))));
      if (prefix.positions > 0) {
        ++hits;
        if (prefix.positions % kPagePositions != 0) ++partial;
        // Nobody else's prefix: something this scope kept begins so.
        const auto& all = kept_ever[a.scope];
        ASSERT_TRUE(std::any_of(all.begin(), all.end(), [&](const auto& ids) {
          return ids.size() >= static_cast<size_t>(prefix.positions) &&
                 std::equal(a.ids.begin(), a.ids.begin() + prefix.positions, ids.begin());
        }));
      }
      a.pages = std::move(prefix.pages);
      bool room = true;
      while (room && a.pages.size() * kPagePositions < n) {
        const int page = cache.acquire();
        room = page >= 0;
        if (room) a.pages.push_back(page);
      }
      const size_t computed = std::min(n, a.pages.size() * kPagePositions);
      a.ids.resize(computed);
      if (computed > static_cast<size_t>(prefix.positions))
        write_ids(cache, a.pages, a.ids, static_cast<size_t>(prefix.positions));
      live.push_back(std::move(a));
    } else if (!live.empty()) {
      const size_t at = rng() % live.size();
      Live a = std::move(live[at]);
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
      ASSERT_TRUE(holds_ids(cache, a.pages, a.ids)) << "somebody wrote into a running answer's pages";
      if (rng() % 4 != 0) {
        cache.keep(a.scope, a.ids, a.pages);
        ASSERT_TRUE(holds_ids(cache, a.pages, a.ids));
        kept_ever[a.scope].push_back(a.ids);
      }
      for (const int page : a.pages) cache.release(page);
    }
    ASSERT_LE(cache.kept_pages() + cache.pool().free_pages(), kPages);
  }
  EXPECT_GT(hits, 1000);
  EXPECT_GT(partial, 100);
  for (const Live& a : live) {
    for (const int page : a.pages) cache.release(page);
  }
  EXPECT_EQ(cache.available_pages(), kPages);
  cache.clear();
  EXPECT_EQ(cache.pool().free_pages(), kPages);
}

TEST(PrefixCache, LeastRecentlyUsedGoesFirst) {
  auto cache = PrefixCache::create(tiny_spec(), KvType::kF32, 3);
  ASSERT_TRUE(cache);
  std::vector<std::vector<int32_t>> prompts;
  for (int32_t i = 0; i < 3; ++i) {
    prompts.emplace_back(64, i);
    std::vector<int> pages{cache->acquire()};
    cache->keep("", prompts.back(), pages);
    cache->release(pages[0]);
  }
  const auto touched = cache->find("", prompts[0]);
  ASSERT_EQ(touched.positions, 64);
  cache->release(touched.pages[0]);
  const int page = cache->acquire();
  ASSERT_GE(page, 0);
  EXPECT_EQ(cache->find("", prompts[1]).positions, 0);
  EXPECT_EQ(cache->find("", prompts[0]).positions, 64);
  EXPECT_EQ(cache->find("", prompts[2]).positions, 64);
  EXPECT_EQ(cache->acquire(), -1) << "all three are held now";
}

TEST(FairQueue, TheScopeWithLeastRunningGoesFirst) {
  FairQueue<int> queue;
  for (int i = 0; i < 4; ++i) queue.push("a", i);
  queue.push("b", 10);
  queue.push("b", 11);
  std::vector<int> order;
  while (queue.front() != nullptr) order.push_back(queue.pop(1));
  EXPECT_EQ(order, (std::vector<int>{0, 10, 1, 11, 2, 3}));
  for (int i = 0; i < 4; ++i) queue.finished("a", 1);
  for (int i = 0; i < 2; ++i) queue.finished("b", 1);
  queue.push("a", 5);
  queue.push("b", 6);
  std::vector<int> removed;
  queue.remove_if([](int item) { return item == 5; }, [&](int item) { removed.push_back(item); });
  EXPECT_EQ(removed, std::vector<int>{5});
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(*queue.front(), 6);
}

// Each asks again as soon as its answer is there: nobody is passed over, whatever the names are.
TEST(FairQueue, ScopesThatComeAgainGoBehindThoseThatWait) {
  FairQueue<std::string> queue;
  for (const char* scope : {"a", "b", "c", "c"}) queue.push(scope, scope);
  std::string order;
  for (int i = 0; i < 9; ++i) {
    const std::string served = queue.pop(1);
    order += served;
    queue.finished(served, 1);
    queue.push(served, served);
  }
  EXPECT_EQ(order, "abcabcabc");
  // A scope with a backlog beside ones that are new each time.
  int of_backlog = 0;
  for (int i = 0; i < 9; ++i) {
    const std::string fresh = "0" + std::to_string(i);
    queue.push(fresh, fresh);
    const std::string served = queue.pop(1);
    queue.finished(served, 1);
    of_backlog += served == "c" ? 1 : 0;
  }
  EXPECT_GE(of_backlog, 2);
}

TEST(StepPace, LearnsHowMuchFitsBesideRunningAnswers) {
  DecoderSpec spec = tiny_spec();
  StepPace pace(spec, 512, 0.1);
  EXPECT_EQ(pace.prompt_tokens(0, 1, 0), 512);
  EXPECT_LE(pace.prompt_tokens(4, 1, 0), 64);
  for (int i = 0; i < 20; ++i) {
    pace.observe(8, 0, 0.020);                   // eight answers: 20 ms
    pace.observe(0, 100 * pace.work(0), 0.050);  // a prompt token: 0.5 ms
    pace.observe(8, 40 * pace.work(0), 0.020 + 40 * 0.0005);
  }
  EXPECT_NEAR(pace.prompt_tokens(8, 1, 0), 40, 4) << "as long again as the answers alone";
  EXPECT_NEAR(pace.prompt_tokens(0, 1, 0), 200, 20) << "max_step_ms";
  EXPECT_LT(pace.prompt_tokens(8, 1, 100'000), 20) << "attention over a long prompt costs more";
  EXPECT_GT(pace.prompt_tokens(2, 16, 0), 60) << "many wait for a prompt, few for a token";
  EXPECT_GE(pace.prompt_tokens(8, 1, 1 << 30), StepPace::kLeastPrompt);
}

}  // namespace
}  // namespace sobre
