#include "learn/feed.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/checked.h"
#include "base/random.h"

namespace sobre {

namespace {

// The stream of random numbers that chooses among sources, apart from the permutations'.
constexpr uint32_t kMixStream = 0x4D495853;
constexpr size_t kMaxSources = 1024;
constexpr uint64_t kMaxEpochs = 1'000'000;

Result<void> check_fits(size_t tokens, int max_tokens) {
  if (tokens <= static_cast<size_t>(max_tokens)) return {};
  return fail("a document of {} tokens is larger than a batch of {}; lower data.max_tokens or raise the batch", tokens,
              max_tokens);
}

TrainBatch empty_batch() { return {{}, {}, {0}}; }

Result<std::vector<uint64_t>> counts_from(const Json& json, std::string_view key) {
  const Json* list = json.find(key);
  const Json::Array* items = list == nullptr ? nullptr : list->as_array();
  if (items == nullptr || items->size() > kMaxSources) return fail("the feed's state has no list \"{}\"", key);
  std::vector<uint64_t> out;
  for (const Json& item : *items) {
    if (!item.as_uint()) return fail("the feed's state: \"{}\" holds something else than counts", key);
    out.push_back(*item.as_uint());
  }
  return out;
}

Json counts_json(const std::vector<uint64_t>& counts) {
  Json::Array out;
  for (const uint64_t n : counts) out.emplace_back(n);
  return out;
}

}  // namespace

Json FeedState::to_json() const {
  Json json{Json::Object()};
  json.set("seed", seed);
  json.set("rows", counts_json(rows));
  json.set("draws", draws);
  json.set("drawn", counts_json(drawn));
  json.set("piece", piece);
  json.set("skipped", skipped);
  return json;
}

Result<FeedState> FeedState::from_json(const Json& json) {
  FeedState state;
  const std::pair<const char*, uint64_t*> counts[] = {
      {"seed", &state.seed}, {"draws", &state.draws}, {"piece", &state.piece}, {"skipped", &state.skipped}};
  for (const auto& [key, out] : counts) {
    const Json* value = json.find(key);
    if (value == nullptr || !value->as_uint()) return fail("the feed's state has no count \"{}\"", key);
    *out = *value->as_uint();
  }
  TRY(state.rows, counts_from(json, "rows"));
  TRY(state.drawn, counts_from(json, "drawn"));
  return state;
}

void append_document(TrainBatch& batch, const Example& example) {
  const size_t n = example.ids.size();
  CHECK(n == example.learned.size());
  if (batch.starts.empty()) batch.starts.push_back(0);
  batch.ids.insert(batch.ids.end(), example.ids.begin(), example.ids.end());
  for (size_t i = 0; i < n; ++i) batch.targets.push_back(i + 1 < n && example.learned[i + 1] != 0 ? example.ids[i + 1] : -1);
  batch.starts.push_back(static_cast<int32_t>(batch.ids.size()));
}

Result<std::vector<Feed::Source>> Feed::make_sources(std::vector<FeedSource> given, uint64_t seed) {
  if (given.size() > kMaxSources) return fail("{} sources of data; at most {} are allowed", given.size(), kMaxSources);
  std::vector<Source> out;
  for (FeedSource& s : given) {
    const size_t number = out.size() + 1;
    if (!(s.weight > 0) || !std::isfinite(s.weight))
      return fail("data source {}: its weight is {}; it must be above 0", number, s.weight);
    if (!(s.held_back >= 0 && s.held_back < 1))
      return fail("data source {}: the part held back is {}; it must be from 0 to below 1", number, s.held_back);
    const uint64_t rows = s.documents->size();
    if (rows == 0) return fail("data source {} has no rows", number);
    if (s.held_back > 0 && rows < 2) return fail("data source {} has one row: none can be held back", number);
    out.push_back(
        {std::shared_ptr<const DocumentSource>(std::move(s.documents)), s.weight, s.after, RowSplit(rows, s.held_back, seed)});
  }
  return out;
}

Result<Feed> Feed::create(std::vector<FeedSource> train, std::vector<FeedSource> validation, const FeedOptions& options,
                          const std::optional<FeedState>& state) {
  if (train.empty()) return fail("there is no data to train on");
  if (std::none_of(train.begin(), train.end(), [](const FeedSource& s) { return s.after == 0; }))
    return fail("every data source comes after others: one must have after = 0");
  if (options.epochs > kMaxEpochs) return fail("{} epochs; at most {} are allowed", options.epochs, kMaxEpochs);
  Feed feed;
  feed.options_ = options;
  TRY(feed.train_, make_sources(std::move(train), options.seed));
  TRY(feed.validation_, make_sources(std::move(validation), options.seed));
  feed.state_.seed = options.seed;
  feed.state_.drawn.assign(feed.train_.size(), 0);
  for (const Source& s : feed.train_) {
    feed.state_.rows.push_back(s.documents->size());
    const auto sum = checked_add(feed.total_rows_, s.split.trained());
    if (!sum || *sum > UINT64_MAX / (kMaxEpochs * 4)) return fail("the data sources together have too many rows to be counted");
    feed.total_rows_ = *sum;
  }
  if (state) TRY_VOID(feed.resume(*state));
  return feed;
}

Result<void> Feed::resume(const FeedState& state) {
  if (state.seed != state_.seed)
    return fail("the checkpoint was made with data.seed = {}; this is {}: the order would be another one", state.seed,
                state_.seed);
  if (state.rows.size() != state_.rows.size() || state.drawn.size() != state_.rows.size())
    return fail("the checkpoint was made with {} data sources; there are {}", state.rows.size(), state_.rows.size());
  for (size_t i = 0; i < state.rows.size(); ++i) {
    if (state.rows[i] != state_.rows[i])
      return fail(
          "data source {} had {} rows when the checkpoint was made and has {} now; bring the former data back, or begin anew",
          i + 1, state.rows[i], state_.rows[i]);
  }
  state_ = state;
  return {};
}

Feed::Place Feed::place_in_epoch(uint64_t index) const {
  size_t source = 0;
  while (index >= train_[source].split.trained()) index -= train_[source++].split.trained();
  return {source, train_[source].split.trained_row(index)};
}

Feed::Place Feed::place_of_draw() const {
  if (options_.epochs > 0) {
    const Permutation order(total_rows_, options_.seed, static_cast<uint32_t>(ShuffleUse::kAllSources),
                            state_.draws / total_rows_);
    return place_in_epoch(order(state_.draws % total_rows_));
  }
  double sum = 0;
  for (const Source& s : train_) sum += s.after <= state_.draws ? s.weight : 0;
  double left = random_unit(options_.seed, kMixStream, state_.draws) * sum;
  size_t source = train_.size();
  for (size_t i = 0; i < train_.size() && left >= 0; ++i) {
    if (train_[i].after > state_.draws) continue;
    source = i;  // the last one where rounding leaves a rest
    left -= train_[i].weight;
  }
  const RowSplit& split = train_[source].split;
  const uint64_t n = split.trained(), count = state_.drawn[source];
  const Permutation order(n, options_.seed, static_cast<uint32_t>(ShuffleUse::kSource) + static_cast<uint32_t>(source),
                          count / n);
  return {source, split.trained_row(order(count % n))};
}

void Feed::leave_row() {
  ++state_.draws;
  ++state_.drawn[row_source_];
  state_.piece = 0;
  row_.reset();
}

/// Makes row_ a row with a document left, unless the feed is at its end.
Result<void> Feed::fill_row() {
  // By chance a row may come several times before another comes once; so many in vain are no chance.
  const uint64_t patience = 4 * total_rows_ + 1000;
  for (uint64_t in_vain = 0; !at_end();) {
    if (!row_) {
      const Place place = place_of_draw();
      TRY(row_, train_[place.source].documents->documents(place.row));
      row_source_ = place.source;
      if (state_.piece > 0 && state_.piece >= row_->size())
        return fail(
            "the data changed since the checkpoint was made (the next row has {} documents, {} of them were taken); bring the "
            "former data "
            "back, or begin anew",
            row_->size(), state_.piece);
    }
    if (state_.piece < row_->size()) return {};
    if (row_->empty()) {
      ++state_.skipped;
      if (++in_vain > patience && options_.epochs == 0)
        return fail("of {} rows none was short enough (data.max_tokens)", in_vain);
    }
    leave_row();
  }
  return {};
}

Result<TrainBatch> Feed::next(int max_tokens) {
  const FeedState before = state_;
  TrainBatch batch = empty_batch();
  const auto undo = [&](const Error& e) {
    state_ = before;
    row_.reset();
    return std::unexpected(e);
  };
  for (;;) {
    if (const auto filled = fill_row(); !filled) return undo(filled.error());
    if (at_end()) return batch;
    const Example& example = (*row_)[state_.piece];
    if (const auto fits = check_fits(example.ids.size(), max_tokens); !fits) return undo(fits.error());
    if (batch.ids.size() + example.ids.size() > static_cast<size_t>(max_tokens)) return batch;
    append_document(batch, example);
    if (++state_.piece == row_->size()) leave_row();
  }
}

Result<uint64_t> Feed::count_batches(int max_tokens) const {
  CHECK(options_.epochs > 0);
  std::vector<uint32_t> lengths;  // of all documents, row after row
  std::vector<uint64_t> ends;     // [rows]: behind the last document of each
  ends.reserve(total_rows_);
  for (uint64_t row = 0; row < total_rows_; ++row) {
    const Place place = place_in_epoch(row);
    TRY(const std::vector<Example> documents, train_[place.source].documents->documents(place.row));
    for (const Example& d : documents) {
      TRY_VOID(check_fits(d.ids.size(), max_tokens));
      lengths.push_back(static_cast<uint32_t>(d.ids.size()));
    }
    ends.push_back(lengths.size());
  }
  uint64_t batches = 0, used = static_cast<uint64_t>(max_tokens) + 1;
  for (uint64_t epoch = 0; epoch < options_.epochs; ++epoch) {
    const Permutation order(total_rows_, options_.seed, static_cast<uint32_t>(ShuffleUse::kAllSources), epoch);
    for (uint64_t i = 0; i < total_rows_; ++i) {
      const uint64_t row = order(i);
      for (uint64_t d = row == 0 ? 0 : ends[row - 1]; d < ends[row]; ++d) {
        if (used + lengths[d] > static_cast<uint64_t>(max_tokens)) {
          ++batches;
          used = 0;
        }
        used += lengths[d];
      }
    }
  }
  return batches;
}

uint64_t Feed::validation_rows() const {
  uint64_t rows = 0;
  for (const Source& s : train_) rows += s.split.held();
  for (const Source& s : validation_) rows += s.documents->size();
  return rows;
}

Result<std::vector<TrainBatch>> Feed::validation(int max_tokens, uint64_t examples) const {
  std::vector<TrainBatch> batches;
  uint64_t taken = 0;
  const auto add = [&](const Source& source, uint64_t row) -> Result<void> {
    TRY(const std::vector<Example> documents, source.documents->documents(row));
    for (const Example& d : documents) {
      if (taken++ >= examples) break;
      TRY_VOID(check_fits(d.ids.size(), max_tokens));
      if (batches.empty() || batches.back().ids.size() + d.ids.size() > static_cast<size_t>(max_tokens))
        batches.push_back(empty_batch());
      append_document(batches.back(), d);
    }
    return {};
  };
  bool more = true;
  for (uint64_t k = 0; more && taken < examples; ++k) {
    more = false;
    for (const Source& s : train_) {
      if (k >= s.split.held() || taken >= examples) continue;
      TRY_VOID(add(s, s.split.held_row(k)));
      more = true;
    }
    for (const Source& s : validation_) {
      const uint64_t n = s.documents->size();
      if (k >= n || taken >= examples) continue;
      TRY_VOID(add(s, Permutation(n, options_.seed, static_cast<uint32_t>(ShuffleUse::kValidation), 0)(k)));
      more = true;
    }
  }
  return batches;
}

}  // namespace sobre
