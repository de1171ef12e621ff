// The log of a run: JSONL, one row a step and one a validation, appended as they happen. Owned by the trainer; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace sobre {

struct TrainLogRow {
  uint64_t step = 0;     // steps done: the first row of a step has 1; a validation before the first step has 0
  uint64_t tokens = 0;   // tokens of all steps so far
  double elapsed_s = 0;  // time of training so far, over all runs
  bool validation = false;
  double loss = 0;  // mean over the counted predictions, in nats; not finite: written as null
  // Of steps alone.
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  double tokens_per_s = 0;
};

/// A row as a line of JSON, its line break included. Keys: step, tokens, loss (or validation_loss), grad_norm, lr,
/// tokens_per_s, elapsed_s.
[[nodiscard]] std::string train_log_line(const TrainLogRow& row);
/// Error: another form (the message names the key).
[[nodiscard]] Result<TrainLogRow> parse_train_log_line(std::string_view line);
/// All rows of a log. A last line that is not complete (the process was killed while writing) is left out; another one that
/// does not parse is an error with its line.
[[nodiscard]] Result<std::vector<TrainLogRow>> read_train_log(const std::string& path);

class TrainLog {
 public:
  /// A new log in place of whatever is there.
  [[nodiscard]] static Result<TrainLog> create(const std::string& path);
  /// Goes on with a log after `step`: rows of later steps, which a checkpoint of `step` does not know, are cut off. A log that
  /// is not there begins anew. Errors: as those of read_train_log.
  [[nodiscard]] static Result<TrainLog> resume(const std::string& path, uint64_t step);
  TrainLog(TrainLog&& other) noexcept;
  TrainLog& operator=(TrainLog&& other) noexcept;
  ~TrainLog();

  /// Writes a row at once. After an error (a full disk) the file holds the rows before it, whole.
  [[nodiscard]] Result<void> append(const TrainLogRow& row);
  /// Rows so far, those of earlier runs included.
  [[nodiscard]] const std::vector<TrainLogRow>& rows() const { return rows_; }

 private:
  TrainLog() = default;
  int fd_ = -1;
  uint64_t bytes_ = 0;
  std::string path_;
  std::vector<TrainLogRow> rows_;
};

}  // namespace sobre
