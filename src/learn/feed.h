// The feed of the trainer: documents of several sources, shuffled by seed, packed into batches, resumed exactly. It holds one
// row and no order. Same sources and options: same batches, however often it was interrupted. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "learn/documents.h"
#include "learn/example.h"
#include "learn/shuffle.h"

namespace sobre {

/// Where a feed stands: what is written into a checkpoint.
struct FeedState {
  uint64_t seed = 0;            // the feed's; another one on resume is an error
  std::vector<uint64_t> rows;   // of each training source; other numbers on resume are an error
  uint64_t draws = 0;           // rows taken from all sources
  std::vector<uint64_t> drawn;  // of them, from each source
  uint64_t piece = 0;           // documents taken of the row that is next
  uint64_t skipped = 0;         // rows that gave no document because they are too long
  friend bool operator==(const FeedState&, const FeedState&) = default;

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Result<FeedState> from_json(const Json& json);
};

struct FeedSource {
  std::unique_ptr<DocumentSource> documents;
  double weight = 1;     // how often rows of this source come, against the others' weights (not read with epochs)
  double held_back = 0;  // the part of its rows that is for validation, in [0, 1)
  uint64_t after = 0;    // of all sources together so many rows come before its first: a curriculum (not read with epochs)
};

struct FeedOptions {
  uint64_t seed = 1;
  /// 0: without end; each source begins again, in another order, when its rows are used up, and sources alternate by their
  /// weights. Else all rows of all sources together are one list, which comes this often, each time in another order.
  uint64_t epochs = 0;
};

class Feed {
 public:
  /// `state`: where another feed of the same sources and options stood. Errors: no training source, a source without rows to
  /// train on, a weight that is not positive, no source that comes first, a state of other sources or of another seed.
  [[nodiscard]] static Result<Feed> create(std::vector<FeedSource> train, std::vector<FeedSource> validation,
                                           const FeedOptions& options, const std::optional<FeedState>& state = {});

  /// The next documents, whole, until the following one would make more than `max_tokens` tokens (the same number in every
  /// call, at least as large as the largest document). After the last epoch a batch without documents. Errors: those of rows, a
  /// document larger than a batch, no row that is short enough. After an error the feed stands where it stood before the call.
  [[nodiscard]] Result<TrainBatch> next(int max_tokens);
  /// Where the next batch begins.
  [[nodiscard]] const FeedState& state() const { return state_; }

  /// How many batches come from the very beginning to the end of the last epoch: one pass over all rows, which finds the rows
  /// that cannot be read as well (12 bytes a row). Only with epochs.
  [[nodiscard]] Result<uint64_t> count_batches(int max_tokens) const;
  /// Rows of one epoch: those of all training sources.
  [[nodiscard]] uint64_t epoch_rows() const { return total_rows_; }

  /// The first `examples` validation documents, the same in every run: held-back rows and validation sources in turn, each in
  /// an order by seed. Errors as those of next().
  [[nodiscard]] Result<std::vector<TrainBatch>> validation(int max_tokens, uint64_t examples) const;
  /// Validation rows there are.
  [[nodiscard]] uint64_t validation_rows() const;

 private:
  struct Source {
    std::shared_ptr<const DocumentSource> documents;
    double weight = 1;
    uint64_t after = 0;
    RowSplit split;
  };
  /// A row of a training source, by the source's own number of rows.
  struct Place {
    size_t source = 0;
    uint64_t row = 0;
  };

  Feed() = default;
  [[nodiscard]] static Result<std::vector<Source>> make_sources(std::vector<FeedSource> given, uint64_t seed);
  [[nodiscard]] Result<void> resume(const FeedState& state);
  [[nodiscard]] bool at_end() const { return options_.epochs > 0 && state_.draws >= options_.epochs * total_rows_; }
  /// The source and row (number among its trained rows) of the draw that is next.
  [[nodiscard]] Place place_of_draw() const;
  [[nodiscard]] Place place_in_epoch(uint64_t index) const;
  [[nodiscard]] Result<void> fill_row();
  void leave_row();

  FeedOptions options_;
  std::vector<Source> train_, validation_;
  uint64_t total_rows_ = 0;
  FeedState state_;
  // The documents of the row that is next, read when the first of them is asked for, and its source.
  std::optional<std::vector<Example>> row_;
  size_t row_source_ = 0;
};

/// Appends a document to a batch.
void append_document(TrainBatch& batch, const Example& example);

}  // namespace sobre
