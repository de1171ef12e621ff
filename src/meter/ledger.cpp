#include "meter/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "meter/ledger_row.h"
#include "meter/ledger_writer.h"

namespace sobre {

namespace {

using Clock = std::chrono::steady_clock;

int64_t unix_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

int64_t sum_of(int64_t a, int64_t b) { return a + std::min(b, INT64_MAX - std::max<int64_t>(a, 0)); }

void add_optional(std::optional<int64_t>& sum, const std::optional<int64_t>& more) {
  if (more) sum = sum_of(sum.value_or(0), *more);
}

// Rows that found no room, as one row: what they used is not forgotten, who asked is. Money only of the first currency.
class LostRows {
 public:
  void add(const LedgerRow& row) {
    if (count_++ == 0) {
      sums_ = LedgerRow{};
      sums_.kind = "lost";
      sums_.status = "failed";
      sums_.method = row.method;
      sums_.currency = row.currency;
    }
    sums_.time_us = std::max(sums_.time_us, row.time_us);
    if (sums_.method != row.method) sums_.method = "mixed";
    sums_.prompt_tokens = sum_of(sums_.prompt_tokens, row.prompt_tokens);
    sums_.cached_tokens = sum_of(sums_.cached_tokens, row.cached_tokens);
    sums_.answer_tokens = sum_of(sums_.answer_tokens, row.answer_tokens);
    sums_.total_us = sum_of(sums_.total_us, row.total_us);
    add_optional(sums_.energy_uj, row.energy_uj);
    add_optional(sums_.energy_low_uj, row.energy_low_uj);
    add_optional(sums_.energy_high_uj, row.energy_high_uj);
    add_optional(sums_.marginal_uj, row.marginal_uj);
    add_optional(sums_.carbon_ng, row.carbon_ng);
    add_optional(sums_.carbon_low_ng, row.carbon_low_ng);
    add_optional(sums_.carbon_high_ng, row.carbon_high_ng);
    add_optional(sums_.embodied_ng, row.embodied_ng);
    if (sums_.currency != row.currency) return;
    add_optional(sums_.cost_nano, row.cost_nano);
    add_optional(sums_.marginal_cost_nano, row.marginal_cost_nano);
  }
  [[nodiscard]] bool any() const { return count_ > 0; }
  // The row to write in their place; forgets them.
  [[nodiscard]] LedgerRow take() {
    sums_.request = fmt::format("{} lost rows", count_);
    count_ = 0;
    tidy_row(sums_);
    return std::move(sums_);
  }

 private:
  uint64_t count_ = 0;
  LedgerRow sums_;
};

}  // namespace

class Ledger::Impl {
 public:
  // `writer`: or why there is none yet.
  Impl(LedgerOptions options, Result<LedgerWriter> writer) : options_(std::move(options)) {
    if (writer) {
      writer_ = std::move(*writer);
    } else {
      raise_alarm(writer.error().message);
    }
    thread_ = std::thread([this] { loop(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    thread_.join();
  }

  void append(LedgerRow row) {
    tidy_row(row);
    const size_t bytes = row_bytes(row);
    {
      const std::lock_guard lock(mutex_);
      const size_t rows = queue_.size() + batch_rows_;
      if (rows >= options_.max_waiting_rows || bytes_ + bytes > options_.max_waiting_bytes) {
        lost_rows_.add(row);
        ++status_.lost;
        return;
      }
      // In the order of their coming: those lost before this one first.
      push_lost();
      push(std::move(row));
    }
    work_.notify_one();
  }

  [[nodiscard]] bool accepting() const { return accepting_.load(std::memory_order_relaxed); }

  [[nodiscard]] LedgerStatus status() const {
    const std::lock_guard lock(mutex_);
    LedgerStatus status = status_;
    status.waiting = queue_.size() + batch_rows_;
    return status;
  }

  [[nodiscard]] bool flush(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    push_lost();
    const uint64_t goal = appended_;
    ++flushing_;
    work_.notify_one();
    const bool done = settled_changed_.wait_for(lock, timeout, [&] { return settled_ >= goal; });
    --flushing_;
    return done;
  }

 private:
  // What waits, with the mutex held.
  void push(LedgerRow row) {
    bytes_ += row_bytes(row);
    queue_.push_back(std::move(row));
    ++appended_;
  }
  void push_lost() {
    if (lost_rows_.any()) push(lost_rows_.take());
  }

  // Waits for rows and for their time; moves some of them into batch_. False: all is written and the end has come.
  bool take_batch() {
    std::unique_lock lock(mutex_);
    const auto something = [&] { return stop_ || !queue_.empty() || lost_rows_.any(); };
    work_.wait(lock, something);
    // A row that comes after a pause is written at once; a stream of them is gathered.
    work_.wait_until(lock, last_write_ + options_.commit_every,
                     [&] { return stop_ || flushing_ > 0 || queue_.size() >= options_.max_batch_rows; });
    if (queue_.empty()) push_lost();
    if (queue_.empty()) return false;
    const auto end = queue_.begin() + static_cast<ptrdiff_t>(std::min(queue_.size(), options_.max_batch_rows));
    batch_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    batch_rows_ = batch_.size();
    return true;
  }

  void loop() {
    if (!writer_) open_late();
    while (take_batch()) {
      while (!batch_.empty() && !write_batch()) {
        if (!wait_for_retry()) break;
      }
      last_write_ = Clock::now();
    }
  }

  // Tries until the file can be opened. Not only when rows come: where the ledger is required none do before.
  void open_late() {
    do {
      std::unique_lock lock(mutex_);
      if (work_.wait_for(lock, options_.retry_every, [&] { return stop_; })) return;
    } while (!open_writer());
    const std::lock_guard lock(mutex_);
    clear_alarm();
  }

  bool open_writer() {
    Result<LedgerWriter> opened = LedgerWriter::open(options_.path);
    if (!opened) {
      raise_alarm(opened.error().message);
      return false;
    }
    writer_ = std::move(*opened);
    return true;
  }

  // False: the end has come while rows cannot be written; they are lost.
  bool wait_for_retry() {
    std::unique_lock lock(mutex_);
    if (!work_.wait_for(lock, options_.retry_every, [&] { return stop_; })) return true;
    if (!tried_after_stop_) {
      tried_after_stop_ = true;
      return true;
    }
    status_.lost += batch_.size() + queue_.size();
    settled_ += batch_.size() + queue_.size();
    batch_.clear();
    queue_.clear();
    batch_rows_ = bytes_ = 0;
    lost_rows_ = LostRows{};
    settled_changed_.notify_all();
    return false;
  }

  // One try. True: the batch is in the file (or dropped, row by row, as far as it cannot be stored).
  bool write_batch() {
    if (writer_ && writer_->has_moved()) writer_.reset();
    if (!writer_ && !open_writer()) return false;
    LedgerWriter::Outcome outcome = writer_->write(batch_);
    while (outcome.trouble == DbTrouble::kRow) {
      drop_row(outcome.bad_row, outcome.text);
      outcome = writer_->write(batch_);
    }
    if (outcome.written) {
      busy_ = false;
      settle();
      // What a failed write left in the log behind its end is cleared away, so that verify finds nothing strange there.
      if (log_unclean_) log_unclean_ = !writer_->empty_log();
      return true;
    }
    log_unclean_ = true;
    // Somebody who keeps the file for longer than SQLite waits, such as a copy being made, is no trouble until the second time.
    if (outcome.trouble == DbTrouble::kBusy && !std::exchange(busy_, true)) return false;
    raise_alarm(outcome.text);
    // After any trouble but a lock of somebody the file is opened anew: it may have been repaired or replaced.
    if (outcome.trouble != DbTrouble::kBusy) writer_.reset();
    return false;
  }

  void settle() {
    const std::lock_guard lock(mutex_);
    for (const LedgerRow& row : batch_) {
      bytes_ -= std::min(bytes_, row_bytes(row));
      ++settled_;
      if (row.kind != "lost") ++status_.written;
    }
    batch_.clear();
    batch_rows_ = 0;
    clear_alarm();
    settled_changed_.notify_all();
  }

  void drop_row(size_t i, const std::string& text) {
    const std::lock_guard lock(mutex_);
    bytes_ -= std::min(bytes_, row_bytes(batch_[i]));
    if (batch_[i].kind != "lost") {
      lost_rows_.add(batch_[i]);
      ++status_.lost;
    }
    batch_.erase(batch_.begin() + static_cast<ptrdiff_t>(i));
    batch_rows_ = batch_.size();
    ++settled_;
    status_.text = "one row could not be stored: " + text;
    settled_changed_.notify_all();
  }

  // With the mutex held.
  void clear_alarm() {
    status_.alarm = false;
    status_.text.clear();
    status_.since_us = 0;
    accepting_.store(true, std::memory_order_relaxed);
  }

  void raise_alarm(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (!status_.alarm) status_.since_us = unix_us();
    status_.alarm = true;
    status_.text = "the ledger cannot be written: " + text;
    if (options_.required) accepting_.store(false, std::memory_order_relaxed);
  }

  const LedgerOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable work_, settled_changed_;
  std::deque<LedgerRow> queue_;
  size_t bytes_ = 0;       // of the queue and the batch
  size_t batch_rows_ = 0;  // rows of the batch, for other threads
  LostRows lost_rows_;
  uint64_t appended_ = 0, settled_ = 0;  // settled: written or lost
  int flushing_ = 0;
  bool stop_ = false;
  LedgerStatus status_;
  std::atomic<bool> accepting_{true};
  // Of the writing thread alone:
  std::optional<LedgerWriter> writer_;
  std::vector<LedgerRow> batch_;
  Clock::time_point last_write_{};
  bool log_unclean_ = false, tried_after_stop_ = false;
  bool busy_ = false;  // the last try found the file locked by somebody else
  std::thread thread_;
};

Result<std::unique_ptr<Ledger>> Ledger::open(const LedgerOptions& options) {
  Result<LedgerWriter> writer = LedgerWriter::open(options.path);
  if (!writer && (!options.open_later || options.path.empty() || LedgerDb::is_another_file(options.path)))
    return std::unexpected(writer.error());
  return std::unique_ptr<Ledger>(new Ledger(std::make_unique<Impl>(options, std::move(writer))));
}

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Ledger::~Ledger() = default;

void Ledger::append(LedgerRow row) { impl_->append(std::move(row)); }

bool Ledger::accepting() const { return impl_->accepting(); }

LedgerStatus Ledger::status() const { return impl_->status(); }

bool Ledger::flush(std::chrono::milliseconds timeout) { return impl_->flush(timeout); }

}  // namespace sobre
