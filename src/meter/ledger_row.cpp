#include "meter/ledger_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>

#include "meter/ledger_db.h"
#include "meter/text.h"

namespace sobre {

namespace {

// What a double holds exactly, as the prices (price.cpp) do: 2.5 MWh in microjoules.
constexpr int64_t kMostAmount = int64_t{1} << 53;
constexpr int64_t kLastTime = 253'402'300'799'999'999;  // the end of the year 9999

void append_u64(std::string& out, uint64_t value) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

struct Canonical {
  std::string& out;
  void operator()(const char*, int64_t value) const { append_canonical(out, value); }
  void operator()(const char*, const std::string& value) const { append_canonical(out, value); }
  void operator()(const char*, const std::optional<int64_t>& value) const {
    if (!value) {
      out += 'n';
    } else {
      append_canonical(out, *value);
    }
  }
  void operator()(const char*, const std::optional<uint64_t>& value) const {
    if (!value) {
      out += 'n';
    } else {
      append_canonical(out, static_cast<int64_t>(*value));
    }
  }
  void operator()(const char*, const std::optional<std::string>& value) const {
    if (!value) {
      out += 'n';
    } else {
      append_canonical(out, *value);
    }
  }
};

struct Binder {
  LedgerStatement& statement;
  int i;
  void operator()(const char*, int64_t value) { statement.bind(i++, value); }
  void operator()(const char*, const std::string& value) { statement.bind(i++, std::string_view(value)); }
  void operator()(const char*, const std::optional<int64_t>& value) {
    value ? statement.bind(i, *value) : statement.bind_null(i);
    ++i;
  }
  void operator()(const char*, const std::optional<uint64_t>& value) {
    value ? statement.bind(i, static_cast<int64_t>(*value)) : statement.bind_null(i);
    ++i;
  }
  void operator()(const char*, const std::optional<std::string>& value) {
    value ? statement.bind(i, std::string_view(*value)) : statement.bind_null(i);
    ++i;
  }
};

// Reads columns one after the other; the first that is of another type is kept.
struct Taker {
  using Type = LedgerStatement::Type;
  const LedgerStatement& statement;
  int i;
  const char* wrong = nullptr;

  bool is(const char* name, Type type) {
    if (statement.type(i) == type) return true;
    if (wrong == nullptr) wrong = name;
    return false;
  }
  void operator()(const char* name, int64_t& value) {
    if (is(name, Type::kInteger)) value = statement.integer(i);
    ++i;
  }
  void operator()(const char* name, std::string& value) {
    if (is(name, Type::kText)) value = statement.text(i);
    ++i;
  }
  template <class T>
  void operator()(const char* name, std::optional<T>& value) {
    if (statement.type(i) == Type::kNull) {
      value.reset();
      ++i;
      return;
    }
    if constexpr (std::same_as<T, std::string>) {
      (*this)(name, value.emplace());
    } else {
      int64_t number = 0;
      (*this)(name, number);
      value = static_cast<T>(number);
    }
  }
  void operator()(const char* name, LedgerHash& value) {
    const auto bytes = statement.blob(i);
    if (statement.type(i) == Type::kBlob && bytes.size() == value.size()) {
      std::copy(bytes.begin(), bytes.end(), value.begin());
    } else if (wrong == nullptr) {
      wrong = name;
    }
    ++i;
  }
};

struct Namer {
  std::string out;
  int count = 0;
  template <class T>
  void operator()(const char* name, const T&) {
    if (count++ > 0) out += ", ";
    out += name;
  }
};

struct Tidier {
  void operator()(const char*, int64_t& value) const { value = std::clamp(value, -kMostAmount, kMostAmount); }
  void operator()(const char* name, std::optional<int64_t>& value) const {
    if (value) (*this)(name, *value);
  }
  void operator()(const char*, std::optional<uint64_t>&) const {}
  void operator()(const char*, std::string& value) const {
    const std::string valid = repair_utf8(cut_utf8(value, kMaxLedgerText));
    value = cut_utf8(valid, kMaxLedgerText);
  }
  void operator()(const char* name, std::optional<std::string>& value) const {
    if (value) (*this)(name, *value);
  }
};

struct Weigher {
  size_t bytes = sizeof(LedgerRow);
  void operator()(const char*, const std::string& value) { bytes += value.capacity(); }
  void operator()(const char*, const std::optional<std::string>& value) {
    if (value) bytes += value->capacity();
  }
  template <class T>
  void operator()(const char*, const T&) {}
};

}  // namespace

void append_canonical(std::string& out, int64_t value) {
  out += 'i';
  append_u64(out, static_cast<uint64_t>(value));
}

void append_canonical(std::string& out, std::string_view text, char letter) {
  out += letter;
  append_u64(out, text.size());
  out += text;
}

LedgerHash row_hash(int64_t seq, const LedgerRow& row, const LedgerHash& prev) {
  std::string form = "sobre-ledger-row-1";
  append_canonical(form, seq);
  each_column(row, Canonical{form});
  append_canonical(form, std::string_view(reinterpret_cast<const char*>(prev.data()), prev.size()), 'b');
  return sha256(form);
}

void tidy_row(LedgerRow& row) {
  const int64_t time = std::clamp(row.time_us, int64_t{0}, kLastTime);
  each_column(row, Tidier{});
  row.time_us = time;
}

size_t row_bytes(const LedgerRow& row) {
  Weigher weigher;
  each_column(row, weigher);
  return weigher.bytes;
}

RollupKey rollup_key(const LedgerRow& row) {
  return {day_of(row.time_us), row.model, row.key, row.task, row.kind, row.method, row.currency};
}

void add_row(RollupSums& sums, const LedgerRow& row) {
  RollupSums one;
  one.requests = 1;
  one.done = row.status == "done" ? 1 : 0;
  one.cancelled = row.status == "cancelled" ? 1 : 0;
  one.failed = row.status == "failed" ? 1 : 0;
  one.prompt_tokens = row.prompt_tokens;
  one.cached_tokens = row.cached_tokens;
  one.answer_tokens = row.answer_tokens;
  one.total_us = row.total_us;
  one.energy_uj = row.energy_uj.value_or(0);
  one.energy_low_uj = row.energy_low_uj.value_or(0);
  one.energy_high_uj = row.energy_high_uj.value_or(0);
  one.marginal_uj = row.marginal_uj.value_or(0);
  one.carbon_ng = row.carbon_ng.value_or(0);
  one.carbon_low_ng = row.carbon_low_ng.value_or(0);
  one.carbon_high_ng = row.carbon_high_ng.value_or(0);
  one.embodied_ng = row.embodied_ng.value_or(0);
  one.cost_nano = row.cost_nano.value_or(0);
  one.marginal_cost_nano = row.marginal_cost_nano.value_or(0);
  one.unknown_energy = row.energy_uj ? 0 : 1;
  one.unknown_carbon = row.carbon_ng ? 0 : 1;
  one.unknown_cost = row.cost_nano ? 0 : 1;
  add_sums(sums, one);
}

void add_sums(RollupSums& sums, const RollupSums& more) {
  std::array<int64_t, 32> values{};
  size_t count = 0, i = 0;
  each_sum_column(more, [&](const char*, int64_t value) { values[count++] = value; });
  each_sum_column(sums, [&](const char*, int64_t& value) { value = saturating_add(value, values[i++]); });
}

std::string row_columns() {
  Namer namer;
  const LedgerRow row;
  each_column(row, namer);
  return namer.out;
}

std::string key_columns() {
  Namer namer;
  const RollupKey key;
  each_key_column(key, namer);
  return namer.out;
}

std::string sum_columns() {
  Namer namer;
  const RollupSums sums;
  each_sum_column(sums, namer);
  return namer.out;
}

int row_column_count() {
  Namer namer;
  const LedgerRow row;
  each_column(row, namer);
  return namer.count;
}

int bind_row(LedgerStatement& statement, const LedgerRow& row, int first) {
  Binder binder{statement, first};
  each_column(row, binder);
  return binder.i;
}

int bind_key(LedgerStatement& statement, const RollupKey& key, int first) {
  Binder binder{statement, first};
  each_key_column(key, binder);
  return binder.i;
}

int bind_sums(LedgerStatement& statement, const RollupSums& sums, int first) {
  Binder binder{statement, first};
  each_sum_column(sums, binder);
  return binder.i;
}

Result<StoredRow> read_row(const LedgerStatement& statement) {
  StoredRow stored;
  Taker taker{statement, 0};
  taker("seq", stored.seq);
  each_column(stored.row, taker);
  taker("prev", stored.prev);
  taker("hash", stored.hash);
  if (taker.wrong != nullptr) return fail("row {}: the value of {} has the wrong type", stored.seq, taker.wrong);
  return stored;
}

Result<RollupKey> read_key(const LedgerStatement& statement, int first) {
  RollupKey key;
  Taker taker{statement, first};
  each_key_column(key, taker);
  if (taker.wrong != nullptr) return fail("roll-up: a value of {} has the wrong type", taker.wrong);
  return key;
}

Result<RollupSums> read_sums(const LedgerStatement& statement, int first) {
  RollupSums sums;
  Taker taker{statement, first};
  each_sum_column(sums, taker);
  if (taker.wrong != nullptr) return fail("roll-up: a value of {} has the wrong type", taker.wrong);
  return sums;
}

void LedgerRow::set_impact(const Impact& impact) {
  if (impact.energy) {
    energy_uj = impact.energy->value_uj;
    energy_low_uj = impact.energy->low_uj;
    energy_high_uj = impact.energy->high_uj;
  }
  marginal_uj = impact.marginal_uj;
  method = impact.method;
  faults = impact.faults.names();
  if (impact.operational) {
    carbon_ng = impact.operational->value_ng;
    carbon_low_ng = impact.operational->low_ng;
    carbon_high_ng = impact.operational->high_ng;
  }
  embodied_ng = impact.embodied_ng;
  if (impact.cost) {
    cost_nano = impact.cost->amount_nano;
    marginal_cost_nano = impact.cost->marginal_nano;
    currency = impact.cost->currency;
  }
  if (impact.grid) {
    grid_zone = impact.grid->zone;
    grid_mg_per_kwh = impact.grid->mg_per_kwh;
  }
  queue_us = impact.times.queue_us;
  prefill_us = impact.times.prefill_us;
  decode_us = impact.times.decode_us;
  total_us = impact.times.total_us;
  peak_memory_bytes = impact.peak_memory_bytes;
  concurrency_thousandths = impact.concurrency_thousandths;
}

}  // namespace sobre
