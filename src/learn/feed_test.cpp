#include "learn/feed.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "learn/learn_testing.h"

namespace sobre {
namespace {

constexpr int kBatch = 24;
constexpr uint64_t kRows[] = {41, 17};
constexpr int32_t kBase[] = {1000, 5000};

std::vector<FeedSource> sources(double held_back = 0, double weight = 3) {
  std::vector<FeedSource> out(2);
  for (size_t i = 0; i < 2; ++i) {
    out[i].documents = std::make_unique<NumberedDocuments>(kRows[i], kBase[i]);
    out[i].held_back = held_back;
  }
  out[0].weight = weight;
  return out;
}

Feed made(uint64_t epochs, double held_back = 0, const std::optional<FeedState>& state = {}, uint64_t seed = 5) {
  FeedOptions options;
  options.seed = seed;
  options.epochs = epochs;
  auto feed = Feed::create(sources(held_back), {}, options, state);
  EXPECT_TRUE(feed) << message_of(feed);
  return std::move(*feed);
}

/// The next batch, checked for what holds of every batch.
TrainBatch taken(Feed& feed) {
  auto batch = feed.next(kBatch);
  EXPECT_TRUE(batch) << message_of(batch);
  EXPECT_LE(batch->ids.size(), static_cast<size_t>(kBatch));
  EXPECT_EQ(batch->ids.size(), batch->targets.size());
  EXPECT_EQ(batch->starts.front(), 0);
  EXPECT_EQ(batch->starts.back(), static_cast<int32_t>(batch->ids.size()));
  for (size_t d = 0; d + 1 < batch->starts.size(); ++d) {
    const auto begin = static_cast<size_t>(batch->starts[d]), end = static_cast<size_t>(batch->starts[d + 1]);
    EXPECT_LT(begin, end);
    for (size_t i = begin; i + 1 < end; ++i) EXPECT_EQ(batch->targets[i], batch->ids[i + 1]);
    EXPECT_EQ(batch->targets[end - 1], -1);
  }
  return std::move(*batch);
}

/// The documents of a batch as their ids.
std::vector<std::vector<int32_t>> documents_of(const TrainBatch& batch) {
  std::vector<std::vector<int32_t>> out;
  for (size_t d = 0; d + 1 < batch.starts.size(); ++d)
    out.emplace_back(batch.ids.begin() + batch.starts[d], batch.ids.begin() + batch.starts[d + 1]);
  return out;
}

bool same(const TrainBatch& a, const TrainBatch& b) { return a.ids == b.ids && a.targets == b.targets && a.starts == b.starts; }

TEST(Feed, AppendsTargetsOfWhatIsLearned) {
  TrainBatch batch;
  append_document(batch, {{5, 6, 7, 8}, {0, 0, 1, 1}});
  append_document(batch, {{9}, {0}});
  EXPECT_EQ(batch.ids, (std::vector<int32_t>{5, 6, 7, 8, 9}));
  EXPECT_EQ(batch.targets, (std::vector<int32_t>{-1, 7, 8, -1, -1}));
  EXPECT_EQ(batch.starts, (std::vector<int32_t>{0, 4, 5}));
}

TEST(Feed, AnEpochHasEveryDocumentOnceAndWhole) {
  for (const uint64_t epochs : {1u, 3u}) {
    Feed feed = made(epochs);
    std::map<std::vector<int32_t>, uint64_t> seen;
    std::vector<std::vector<int32_t>> order;
    uint64_t batches = 0;
    for (TrainBatch b = taken(feed); b.starts.size() > 1; b = taken(feed), ++batches) {
      for (auto& d : documents_of(b)) {
        ++seen[d];
        order.push_back(std::move(d));
      }
    }
    size_t documents = 0;
    for (size_t s = 0; s < 2; ++s) {
      const NumberedDocuments source(kRows[s], kBase[s]);
      for (uint64_t row = 0; row < kRows[s]; ++row) {
        const auto all = source.documents(row);
        for (const Example& e : *all) {
          EXPECT_EQ(seen[e.ids], epochs) << row;
          ++documents;
        }
      }
    }
    EXPECT_EQ(seen.size(), documents);
    EXPECT_EQ(feed.state().skipped, epochs * (8 + 3));
    EXPECT_EQ(*made(epochs).count_batches(kBatch), batches);
    if (epochs == 3) {  // another order each time
      const std::vector<std::vector<int32_t>> first(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(documents));
      const std::vector<std::vector<int32_t>> second(order.begin() + static_cast<std::ptrdiff_t>(documents),
                                                     order.begin() + static_cast<std::ptrdiff_t>(2 * documents));
      EXPECT_NE(first, second);
    }
    EXPECT_EQ(taken(feed).starts.size(), 1u);  // the end stays the end
  }
}

TEST(Feed, ABatchIsFull) {
  Feed feed = made(0);
  std::vector<TrainBatch> batches;
  for (int i = 0; i < 100; ++i) batches.push_back(taken(feed));
  // The first document of the next batch was the one that did not fit.
  for (size_t i = 0; i + 1 < batches.size(); ++i)
    EXPECT_GT(batches[i].ids.size() + documents_of(batches[i + 1]).front().size(), static_cast<size_t>(kBatch));
}

TEST(Feed, ResumesAtAnyBatchThroughJson) {
  for (const uint64_t epochs : {0u, 2u}) {
    for (const double held_back : {0.0, 0.2}) {
      Feed whole = made(epochs, held_back);
      std::vector<FeedState> states;
      std::vector<TrainBatch> batches;
      for (int i = 0; i < 60; ++i) {
        states.push_back(whole.state());
        batches.push_back(taken(whole));
      }
      for (size_t at = 0; at < batches.size(); ++at) {
        const auto state = FeedState::from_json(Json::parse(states[at].to_json().dump()).value());
        ASSERT_TRUE(state) << message_of(state);
        EXPECT_EQ(*state, states[at]);
        Feed resumed = made(epochs, held_back, *state);
        for (size_t i = at; i < std::min(at + 12, batches.size()); ++i)
          ASSERT_TRUE(same(taken(resumed), batches[i])) << at << " " << i;
      }
    }
  }
}

TEST(Feed, OtherSeedsGiveOtherOrders) {
  for (const uint64_t epochs : {0u, 1u}) {
    Feed a = made(epochs, 0, {}, 5), b = made(epochs, 0, {}, 6), c = made(epochs, 0, {}, 5);
    const TrainBatch first = taken(a);
    EXPECT_FALSE(same(first, taken(b)));
    EXPECT_TRUE(same(first, taken(c)));
  }
}

TEST(Feed, SourcesComeByTheirWeightsAndEachInWholeRounds) {
  Feed feed = made(0);
  while (feed.state().draws < 8000) ASSERT_TRUE(feed.next(kBatch));
  const double part = static_cast<double>(feed.state().drawn[0]) / static_cast<double>(feed.state().draws);
  EXPECT_NEAR(part, 0.75, 0.02);
  EXPECT_EQ(feed.state().drawn[0] + feed.state().drawn[1], feed.state().draws);
  // Within a source every row comes once before any comes twice.
  Feed again = made(0);
  std::map<int32_t, int> counts;
  while (again.state().drawn[1] < kRows[1]) {
    for (const auto& d : documents_of(taken(again))) {
      if (d[0] >= kBase[1] && (d.size() < 2 || d[1] == 0)) ++counts[d[0]];  // first pieces
    }
  }
  size_t usable = 0;
  for (uint64_t row = 0; row < kRows[1]; ++row) usable += NumberedDocuments::pieces(row) > 0 ? 1 : 0;
  EXPECT_GE(counts.size(), usable - 1);  // the last may have begun a batch that is not taken yet
  for (const auto& [row, n] : counts) EXPECT_LE(n, 2);
}

TEST(Feed, ASourceComesInAnotherOrderInEachRound) {
  std::vector<FeedSource> train(1);
  train[0].documents = std::make_unique<NumberedDocuments>(40, 0);
  auto feed = Feed::create(std::move(train), {}, {});
  ASSERT_TRUE(feed) << message_of(feed);
  std::vector<std::vector<int32_t>> rounds(2);
  while (feed->state().draws < 2 * 40) {
    const uint64_t before = feed->state().draws;
    const auto batch = feed->next(kBatch);
    ASSERT_TRUE(batch);
    // Batches across the border of two rounds belong to neither.
    if (feed->state().draws / 40 != before / 40) continue;
    for (const auto& d : documents_of(*batch)) rounds[before / 40].push_back(d[0]);
  }
  size_t equal = 0, least = std::min(rounds[0].size(), rounds[1].size());
  for (size_t i = 0; i < least; ++i) equal += rounds[0][i] == rounds[1][i] ? 1 : 0;
  EXPECT_GT(least, 20u);
  EXPECT_LT(equal, least / 2);
}

TEST(Feed, HeldBackRowsAreNeverTrainedOn) {
  for (const uint64_t epochs : {0u, 3u}) {
    Feed feed = made(epochs, 0.2);
    EXPECT_EQ(feed.validation_rows(), 8u + 3u);
    EXPECT_EQ(feed.epoch_rows(), 33u + 14u);
    std::set<int32_t> trained, held;
    for (int i = 0; i < 400; ++i) {
      for (const auto& d : documents_of(taken(feed))) trained.insert(d[0]);
    }
    const auto batches = feed.validation(kBatch, 1'000'000);
    ASSERT_TRUE(batches) << message_of(batches);
    for (const TrainBatch& b : *batches) {
      for (const auto& d : documents_of(b)) held.insert(d[0]);
    }
    EXPECT_GT(held.size(), 4u);
    for (const int32_t row : held) EXPECT_FALSE(trained.contains(row)) << row;
    size_t usable = 0;
    for (size_t s = 0; s < 2; ++s) {
      for (uint64_t row = 0; row < kRows[s]; ++row) usable += NumberedDocuments::pieces(row) > 0 ? 1 : 0;
    }
    EXPECT_EQ(held.size() + trained.size(), usable);
  }
}

TEST(Feed, ValidationIsTheSameAndTakesTheFirst) {
  FeedOptions options;
  std::vector<FeedSource> validation(1);
  validation[0].documents = std::make_unique<NumberedDocuments>(20, 9000);
  auto feed = Feed::create(sources(0.2), std::move(validation), options);
  ASSERT_TRUE(feed) << message_of(feed);
  const auto all = feed->validation(kBatch, 1000), few = feed->validation(kBatch, 5);
  for (uint64_t n = 1; n < 20; ++n) {
    const auto first = feed->validation(kBatch, n);
    ASSERT_TRUE(first) << message_of(first);
    uint64_t documents = 0;
    for (const TrainBatch& b : *first) documents += b.starts.size() - 1;
    EXPECT_EQ(documents, n);
  }
  ASSERT_TRUE(feed->next(kBatch));
  const auto again = feed->validation(kBatch, 1000);
  ASSERT_TRUE(all && few && again);
  ASSERT_EQ(all->size(), again->size());
  for (size_t i = 0; i < all->size(); ++i) EXPECT_TRUE(same((*all)[i], (*again)[i]));
  std::vector<std::vector<int32_t>> all_documents, few_documents;
  for (const TrainBatch& b : *all) {
    for (auto& d : documents_of(b)) all_documents.push_back(d);
  }
  for (const TrainBatch& b : *few) {
    for (auto& d : documents_of(b)) few_documents.push_back(d);
  }
  ASSERT_EQ(few_documents.size(), 5u);
  EXPECT_TRUE(std::equal(few_documents.begin(), few_documents.end(), all_documents.begin()));
}

TEST(Feed, RefusesAnotherRunsState) {
  Feed feed = made(0);
  ASSERT_TRUE(feed.next(kBatch));
  const auto error = [](FeedState state) { return message_of(Feed::create(sources(), {}, {5, 0}, state)); };
  FeedState state = feed.state();
  EXPECT_EQ(error(state), "");
  state.seed = 6;
  EXPECT_NE(error(state).find("data.seed = 6; this is 5"), std::string::npos);
  state = feed.state();
  state.rows[1] = 18;
  EXPECT_NE(error(state).find("data source 2 had 18 rows when the checkpoint was made and has 17 now"), std::string::npos);
  state.rows.pop_back();
  EXPECT_NE(error(state).find("1 data sources; there are 2"), std::string::npos);
  for (const char* json :
       {"{}", "[]", "{\"seed\": 1, \"draws\": -1, \"piece\": 0, \"skipped\": 0, \"rows\": [], \"drawn\": []}",
        "{\"seed\": 1, \"draws\": 1, \"piece\": 0, \"skipped\": 0, \"rows\": [1.5], \"drawn\": []}"})
    EXPECT_FALSE(FeedState::from_json(Json::parse(json).value())) << json;
}

class Failing final : public DocumentSource {
 public:
  mutable int good = 7;
  [[nodiscard]] uint64_t size() const override { return 1000; }
  [[nodiscard]] Result<std::vector<Example>> documents(uint64_t) const override {
    if (good-- == 0) return fail("x.jsonl:8: broken");
    std::vector<Example> out;
    out.push_back({{1, 2, 3}, {0, 1, 1}});
    return out;
  }
};

TEST(Feed, AnErrorLeavesItWhereItStood) {
  std::vector<FeedSource> train(1);
  train[0].documents = std::make_unique<Failing>();
  auto feed = Feed::create(std::move(train), {}, {});
  ASSERT_TRUE(feed->next(6));
  const FeedState before = feed->state();
  EXPECT_EQ(message_of(feed->next(1000)), "x.jsonl:8: broken");
  EXPECT_EQ(feed->state(), before);
  EXPECT_NE(message_of(feed->next(2)).find("a document of 3 tokens is larger than a batch of 2"), std::string::npos);
}

class TooLong final : public DocumentSource {
 public:
  [[nodiscard]] uint64_t size() const override { return 10; }
  [[nodiscard]] Result<std::vector<Example>> documents(uint64_t) const override { return std::vector<Example>(); }
};

// With such weights the second source would come always, and the first hardly ever again.
TEST(Feed, ASourceWaitsForItsTurn) {
  constexpr uint64_t kAfter = 13;
  const auto late = [] {
    std::vector<FeedSource> out = sources(0, 1);
    out[1].weight = 1e9;
    out[1].after = kAfter;
    return out;
  };
  FeedOptions options;
  options.seed = 5;
  auto feed = Feed::create(late(), {}, options);
  ASSERT_TRUE(feed) << message_of(feed);
  std::vector<TrainBatch> batches;
  std::vector<FeedState> states;
  while (feed->state().draws < 3 * kAfter) {
    states.push_back(feed->state());
    batches.push_back(taken(*feed));
    const FeedState& s = feed->state();
    EXPECT_EQ(s.drawn[0], std::min(s.draws, kAfter));
    EXPECT_EQ(s.drawn[1], s.draws - std::min(s.draws, kAfter));
  }
  for (size_t i = 0; i < batches.size(); ++i) {
    auto again = Feed::create(late(), {}, options, states[i]);
    ASSERT_TRUE(again);
    EXPECT_TRUE(same(taken(*again), batches[i])) << i;
  }
  std::vector<FeedSource> never = sources();
  never[0].after = never[1].after = 1;
  EXPECT_NE(message_of(Feed::create(std::move(never), {}, {})).find("one must have after = 0"), std::string::npos);
}

TEST(Feed, EndsWhenNoRowIsShortEnough) {
  std::vector<FeedSource> train(1);
  train[0].documents = std::make_unique<TooLong>();
  EXPECT_NE(message_of(Feed::create(std::move(train), {}, {})->next(8)).find("none was short enough"), std::string::npos);
  std::vector<FeedSource> bad(1);
  bad[0].documents = std::make_unique<TooLong>();
  bad[0].weight = 0;
  EXPECT_NE(message_of(Feed::create(std::move(bad), {}, {})).find("weight is 0"), std::string::npos);
  EXPECT_NE(message_of(Feed::create({}, {}, {})).find("no data"), std::string::npos);
}

}  // namespace
}  // namespace sobre
