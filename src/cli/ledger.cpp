#include "cli/ledger.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "cli/metering.h"
#include "cli/terminal.h"
#include "meter/impact.h"
#include "meter/text.h"

namespace sobre {

namespace {

constexpr size_t kFlushBytes = size_t{1} << 20;

Result<void> print(std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  text.clear();
  if (!written) return fail("standard output cannot be written");
  return {};
}

// Text of a cell: one line, without what a terminal would act upon.
std::string cell(std::string_view text) {
  if (text.empty()) return "-";
  if (is_plain_text(text)) return std::string(text);
  std::string out;
  for (const char c : repair_utf8(text)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  return out;
}

// A table with its columns aligned: the first `left` ones to the left, the others to the right.
class Table {
 public:
  Table(std::vector<std::string> head, size_t left) : left_(left) { add(std::move(head)); }
  void add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], columns(row[i]));
    rows_.push_back(std::move(row));
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        const std::string space(widths_[i] - columns(row[i]), ' ');
        line += (i > 0 ? "  " : "") + (i < left_ ? row[i] + space : space + row[i]);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

 private:
  // Characters, which is what fixed-width letters of most scripts take.
  static size_t columns(const std::string& text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> widths_;
  size_t left_;
};

std::string count(int64_t n) { return n < 0 ? fmt::format("{}", n) : count_text(static_cast<uint64_t>(n)); }

std::string energy_cell(const LedgerRow& r) {
  if (!r.energy_uj) return "unknown";
  return show_energy({*r.energy_uj, r.energy_low_uj.value_or(*r.energy_uj), r.energy_high_uj.value_or(*r.energy_uj)});
}

std::string carbon_cell(const LedgerRow& r) {
  if (!r.carbon_ng) return "-";
  return show_carbon({*r.carbon_ng, r.carbon_low_ng.value_or(*r.carbon_ng), r.carbon_high_ng.value_or(*r.carbon_ng)});
}

std::string seconds_cell(int64_t us) { return fmt::format("{:.2f} s", static_cast<double>(us) / 1e6); }

std::string head_text(const LedgerVerdict& v) {
  return v.rows == 0 ? "no rows" : fmt::format("{} rows ({} to {})", count(v.rows), v.first, v.last);
}

void append_verdict_json(std::string& out, const LedgerVerdict& v) {
  Json::Array findings;
  for (const LedgerFinding& f : v.findings)
    findings.push_back(Json::Object{{"row", f.row > 0 ? Json(f.row) : Json()},
                                    {"page", f.page > 0 ? Json(f.page) : Json()},
                                    {"text", repair_utf8(f.text)}});
  const Json verdict = Json::Object{{"good", v.good()},
                                    {"rows", v.rows},
                                    {"first", v.first},
                                    {"last", v.last},
                                    {"pruned_rows", v.pruned_rows},
                                    {"head", v.rows > 0 ? Json(hex(v.head)) : Json()},
                                    {"findings", std::move(findings)},
                                    {"more_findings", v.more_findings}};
  out += verdict.dump() + "\n";
}

void append_sum_json(std::string& out, const char* by, const LedgerSum& s) {
  Json::Object object{{by, s.group}};
  each_sum_column(s.sums, [&](const char* name, int64_t value) {
    if (!std::string_view(name).ends_with("cost_nano")) object.emplace_back(name, value);
  });
  Json::Array money;
  for (const auto& [currency, m] : s.money)
    money.push_back(Json::Object{{"currency", currency}, {"amount_nano", m.amount_nano}, {"marginal_nano", m.marginal_nano}});
  object.emplace_back("cost", std::move(money));
  Json::Array methods(s.methods.begin(), s.methods.end());
  object.emplace_back("methods", std::move(methods));
  out += Json(std::move(object)).dump() + "\n";
}

const char* name_of(SumBy by) {
  constexpr std::array<const char*, 4> kNames = {"day", "model", "key", "task"};
  return kNames[static_cast<size_t>(by)];
}

std::string money_cell(const LedgerSum& s, bool marginal) {
  std::string out;
  for (const auto& [currency, m] : s.money) {
    if (!out.empty()) out += " + ";
    out += show_money(marginal ? m.marginal_nano : m.amount_nano, cell(currency));
  }
  return out.empty() ? "-" : out;
}

std::string methods_cell(const LedgerSum& s) {
  std::string out;
  for (const std::string& method : s.methods) out += (out.empty() ? "" : ", ") + cell(method);
  return out;
}

}  // namespace

Result<std::string> ledger_path(const std::string& file) {
  if (!file.empty()) return file;
  std::string path = default_ledger_path();
  if (path.empty()) return fail("there is no home folder to look for the ledger in; name the file with --file");
  return path;
}

Result<void> ledger_verify_command(const LedgerFlags& flags) {
  TRY(const std::string path, ledger_path(flags.file));
  const bool shown_live = can_redraw(STDERR_FILENO);
  TRY(const LedgerVerdict v, verify_ledger(path, [&](int64_t rows) {
        if (shown_live) say("\r{} rows", count(rows));
      }));
  if (shown_live) say("\r\033[K");
  std::string out;
  if (flags.json) {
    append_verdict_json(out, v);
  } else {
    for (const LedgerFinding& f : v.findings) out += cell(f.text) + "\n";
    if (v.more_findings > 0) out += fmt::format("and {} more\n", count(v.more_findings));
    if (v.good()) {
      out += fmt::format("{}: {}, in order\n", path, head_text(v));
      if (v.pruned_rows > 0) out += fmt::format("{} rows were pruned; their sums are kept\n", count(v.pruned_rows));
      if (v.rows > 0)
        out += fmt::format("hash of row {}: {} (noted elsewhere, it fixes all rows up to this one)\n", v.last, hex(v.head));
    }
  }
  TRY_VOID(print(out));
  if (v.good()) return {};
  const auto found = static_cast<int64_t>(v.findings.size()) + v.more_findings;
  return fail("{}: {} {}", path, found, found == 1 ? "fault was found" : "faults were found");
}

Result<void> ledger_show_command(const LedgerFlags& flags) {
  TRY(const std::string path, ledger_path(flags.file));
  TRY(LedgerReader reader, LedgerReader::open(path));
  Table table({"row", "time (UTC)", "request", "kind", "status", "model", "key", "task", "prompt", "answer", "time", "energy",
               "method", "CO2e", "cost"},
              8);
  std::string json;
  int64_t found = 0;
  TRY_VOID(reader.rows(flags.filter, [&](const StoredRow& stored) -> Result<void> {
    ++found;
    const LedgerRow& r = stored.row;
    if (flags.json) {
      append_jsonl(json, stored);
      return json.size() < kFlushBytes ? Result<void>() : print(json);
    }
    table.add({fmt::format("{}", stored.seq), time_text(r.time_us).substr(0, 19), cell(r.request), cell(r.kind), cell(r.status),
               cell(r.model), cell(r.key), cell(r.task), count(r.prompt_tokens), count(r.answer_tokens),
               seconds_cell(r.total_us), energy_cell(r), cell(r.method), carbon_cell(r),
               r.cost_nano ? show_money(*r.cost_nano, cell(r.currency)) : "-"});
    return {};
  }));
  if (flags.filter.request && found == 0) return fail("{}: no row of the request {}", path, shown(*flags.filter.request));
  if (!flags.json) json = table.text();
  return print(json);
}

Result<void> ledger_export_command(const LedgerFlags& flags) {
  TRY(const std::string path, ledger_path(flags.file));
  TRY(LedgerReader reader, LedgerReader::open(path));
  std::optional<AtomicFile> file;
  if (!flags.out.empty()) {
    TRY(AtomicFile made, AtomicFile::create(flags.out));
    file.emplace(std::move(made));
  }
  std::string text;
  const auto write = [&]() -> Result<void> {
    if (!file) return print(text);
    auto written = file->write(text);
    text.clear();
    return written;
  };
  if (flags.csv) append_csv_head(text);
  TRY_VOID(reader.rows(flags.filter, [&](const StoredRow& row) -> Result<void> {
    flags.csv ? append_csv(text, row) : append_jsonl(text, row);
    return text.size() < kFlushBytes ? Result<void>() : write();
  }));
  TRY_VOID(write());
  return file ? file->commit() : Result<void>();
}

Result<void> ledger_sum_command(const LedgerFlags& flags) {
  TRY(const std::string path, ledger_path(flags.file));
  TRY(LedgerReader reader, LedgerReader::open(path));
  TRY(const std::vector<LedgerSum> sums, reader.sum(flags.by, flags.from_day, flags.to_day, flags.filter.kind.value_or("")));
  std::string out;
  if (flags.json) {
    for (const LedgerSum& s : sums) append_sum_json(out, name_of(flags.by), s);
    return print(out);
  }
  Table table({name_of(flags.by), "requests", "prompt", "answer", "energy", "marginal", "CO2e", "embodied", "cost", "marginal",
               "unknown", "method"},
              1);
  for (const LedgerSum& s : sums) {
    const RollupSums& t = s.sums;
    const bool any_carbon = t.unknown_carbon < t.requests;
    // The doubt of the marginal part is in proportion that of the whole.
    const double low = t.energy_uj > 0 ? static_cast<double>(t.energy_low_uj) / static_cast<double>(t.energy_uj) : 1;
    const double high = t.energy_uj > 0 ? static_cast<double>(t.energy_high_uj) / static_cast<double>(t.energy_uj) : 1;
    const auto scaled = [&](double factor) { return static_cast<int64_t>(static_cast<double>(t.marginal_uj) * factor); };
    table.add({cell(s.group), count(t.requests), count(t.prompt_tokens), count(t.answer_tokens),
               show_energy({t.energy_uj, t.energy_low_uj, t.energy_high_uj}),
               show_energy({t.marginal_uj, scaled(low), scaled(high)}),
               any_carbon ? show_carbon({t.carbon_ng, t.carbon_low_ng, t.carbon_high_ng}) : "-",
               t.embodied_ng > 0 ? show_carbon({t.embodied_ng, t.embodied_ng, t.embodied_ng}) : "-", money_cell(s, false),
               money_cell(s, true), t.unknown_energy > 0 ? count(t.unknown_energy) : "-", methods_cell(s)});
  }
  out = sums.empty() ? "no requests in this time\n" : table.text();
  return print(out);
}

Result<void> ledger_prune_command(const LedgerFlags& flags) {
  TRY(const std::string path, ledger_path(flags.file));
  TRY(const int64_t removed, prune_ledger(path, flags.before_day));
  std::string out = fmt::format("{}: {} rows before {} were removed; their sums are kept\n", path, count(removed),
                                day_text(flags.before_day));
  return print(out);
}

}  // namespace sobre
