// `sobre ledger`: the record of every request, checked, shown, exported, summed and pruned. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "meter/ledger_reader.h"

namespace CLI {
class App;
}

namespace sobre {

struct LedgerFlags {
  std::string file;     // empty: ledger.db of the state folder
  LedgerFilter filter;  // of show and export
  SumBy by = SumBy::kDay;
  std::optional<int64_t> from_day, to_day;  // UTC, since 1970-01-01, both included
  bool csv = false;                         // of export; else JSON lines
  bool json = false;                        // of show, sum, verify
  std::string out;                          // of export; empty: standard output
  int64_t before_day = 0;                   // of prune
};

/// The file of the flags, or the default: $XDG_STATE_HOME/sobre/ledger.db, else ~/.local/state/sobre/ledger.db. Error: no home.
[[nodiscard]] Result<std::string> ledger_path(const std::string& file);

[[nodiscard]] Result<void> ledger_verify_command(const LedgerFlags& flags);
[[nodiscard]] Result<void> ledger_show_command(const LedgerFlags& flags);
[[nodiscard]] Result<void> ledger_export_command(const LedgerFlags& flags);
[[nodiscard]] Result<void> ledger_sum_command(const LedgerFlags& flags);
[[nodiscard]] Result<void> ledger_prune_command(const LedgerFlags& flags);

/// Adds `ledger` and its parts to the program; what is to run is stored in `chosen`, which must outlive the parse.
void add_ledger_command(CLI::App& app, std::function<Result<void>()>& chosen);

}  // namespace sobre
