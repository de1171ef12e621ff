// Columns of a ledger's row and of its roll-up, named once: everything that binds, reads, hashes, sums or exports them goes
// through these lists. Internal to ledger*.cpp and to what prints rows. Plain values; any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "digest/sha256.h"
#include "meter/ledger.h"

namespace sobre {

using LedgerHash = Sha256Digest;

/// Calls visit(name, field) for every column in the order of the table and of the hash. Types: int64_t, optional<int64_t>,
/// optional<uint64_t>, string, optional<string>.
template <class Row, class Visit>
void each_column(Row& r, Visit&& visit) {
  visit("time_us", r.time_us);
  visit("request", r.request);
  visit("kind", r.kind);
  visit("status", r.status);
  visit("key", r.key);
  visit("model", r.model);
  visit("model_digest", r.model_digest);
  visit("task", r.task);
  visit("route", r.route);
  visit("seed", r.seed);
  visit("sampling", r.sampling);
  visit("prompt_tokens", r.prompt_tokens);
  visit("cached_tokens", r.cached_tokens);
  visit("answer_tokens", r.answer_tokens);
  visit("queue_us", r.queue_us);
  visit("prefill_us", r.prefill_us);
  visit("decode_us", r.decode_us);
  visit("total_us", r.total_us);
  visit("energy_uj", r.energy_uj);
  visit("energy_low_uj", r.energy_low_uj);
  visit("energy_high_uj", r.energy_high_uj);
  visit("marginal_uj", r.marginal_uj);
  visit("method", r.method);
  visit("faults", r.faults);
  visit("carbon_ng", r.carbon_ng);
  visit("carbon_low_ng", r.carbon_low_ng);
  visit("carbon_high_ng", r.carbon_high_ng);
  visit("embodied_ng", r.embodied_ng);
  visit("cost_nano", r.cost_nano);
  visit("marginal_cost_nano", r.marginal_cost_nano);
  visit("currency", r.currency);
  visit("grid_zone", r.grid_zone);
  visit("grid_mg_per_kwh", r.grid_mg_per_kwh);
  visit("peak_memory_bytes", r.peak_memory_bytes);
  visit("concurrency_thousandths", r.concurrency_thousandths);
  visit("prompt", r.prompt);
  visit("answer", r.answer);
}

/// A row as it stands in the file.
struct StoredRow {
  int64_t seq = 0;  // 1, 2, 3, ... without gaps
  LedgerRow row;
  LedgerHash prev{}, hash{};
};

/// SHA-256 over the canonical form: "sobre-ledger-row-1", then seq, the columns and prev, each as a letter ('n' null, 'i'
/// integer, 't' text, 'b' bytes) and, for integers, eight bytes, for the others their length in eight bytes and themselves; all
/// numbers little-endian, two's complement.
[[nodiscard]] LedgerHash row_hash(int64_t seq, const LedgerRow& row, const LedgerHash& prev);

/// Parts of canonical forms.
void append_canonical(std::string& out, int64_t value);
void append_canonical(std::string& out, std::string_view text, char letter = 't');

/// Makes a row fit to be stored: valid UTF-8 of bounded length, amounts within +-2^50 (so that sums of thousands fit), a time
/// from 1970 to 9999.
void tidy_row(LedgerRow& row);
/// What a waiting row takes in memory, roughly.
[[nodiscard]] size_t row_bytes(const LedgerRow& row);

/// What the roll-up sums by.
struct RollupKey {
  int64_t day = 0;  // UTC, since 1970-01-01
  std::string model, key, task, kind, method, currency;
  friend auto operator<=>(const RollupKey&, const RollupKey&) = default;
};
template <class Key, class Visit>
void each_key_column(Key& k, Visit&& visit) {
  visit("day", k.day);
  visit("model", k.model);
  visit("key", k.key);
  visit("task", k.task);
  visit("kind", k.kind);
  visit("method", k.method);
  visit("currency", k.currency);
}

/// The sums and counts of one key.
struct RollupSums {
  int64_t requests = 0, done = 0, cancelled = 0, failed = 0;
  int64_t prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
  int64_t total_us = 0;
  int64_t energy_uj = 0, energy_low_uj = 0, energy_high_uj = 0, marginal_uj = 0;
  int64_t carbon_ng = 0, carbon_low_ng = 0, carbon_high_ng = 0, embodied_ng = 0;
  int64_t cost_nano = 0, marginal_cost_nano = 0;
  int64_t unknown_energy = 0, unknown_carbon = 0, unknown_cost = 0;  // requests that are not in these sums
  friend bool operator==(const RollupSums&, const RollupSums&) = default;
};
template <class Sums, class Visit>
void each_sum_column(Sums& s, Visit&& visit) {
  visit("requests", s.requests);
  visit("done", s.done);
  visit("cancelled", s.cancelled);
  visit("failed", s.failed);
  visit("prompt_tokens", s.prompt_tokens);
  visit("cached_tokens", s.cached_tokens);
  visit("answer_tokens", s.answer_tokens);
  visit("total_us", s.total_us);
  visit("energy_uj", s.energy_uj);
  visit("energy_low_uj", s.energy_low_uj);
  visit("energy_high_uj", s.energy_high_uj);
  visit("marginal_uj", s.marginal_uj);
  visit("carbon_ng", s.carbon_ng);
  visit("carbon_low_ng", s.carbon_low_ng);
  visit("carbon_high_ng", s.carbon_high_ng);
  visit("embodied_ng", s.embodied_ng);
  visit("cost_nano", s.cost_nano);
  visit("marginal_cost_nano", s.marginal_cost_nano);
  visit("unknown_energy", s.unknown_energy);
  visit("unknown_carbon", s.unknown_carbon);
  visit("unknown_cost", s.unknown_cost);
}

/// a + b, or the largest (smallest) number there is.
[[nodiscard]] inline int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return b > 0 ? INT64_MAX : INT64_MIN;
  return sum;
}
[[nodiscard]] RollupKey rollup_key(const LedgerRow& row);
/// Adds one row; sums that do not fit stay at the largest number there is.
void add_row(RollupSums& sums, const LedgerRow& row);
void add_sums(RollupSums& sums, const RollupSums& more);

/// Names of the columns with ", " between: of rows (without seq, prev, hash), of the roll-up's key and sums.
[[nodiscard]] std::string row_columns();
[[nodiscard]] std::string key_columns();
[[nodiscard]] std::string sum_columns();
[[nodiscard]] int row_column_count();

class LedgerStatement;
/// Binds the columns from parameter `first` on; returns the parameter after them.
int bind_row(LedgerStatement& statement, const LedgerRow& row, int first);
int bind_key(LedgerStatement& statement, const RollupKey& key, int first);
int bind_sums(LedgerStatement& statement, const RollupSums& sums, int first);
/// Reads a row of "SELECT seq, <row_columns()>, prev, hash". Error: a value of another type than its column (a damaged file).
[[nodiscard]] Result<StoredRow> read_row(const LedgerStatement& statement);
/// Reads columns of the roll-up from `first` on.
[[nodiscard]] Result<RollupKey> read_key(const LedgerStatement& statement, int first);
[[nodiscard]] Result<RollupSums> read_sums(const LedgerStatement& statement, int first);

}  // namespace sobre
