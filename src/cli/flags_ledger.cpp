// The flags of `sobre ledger`. (Of all sources only the flags*.cpp include CLI11, which takes 12 s to compile.)
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "cli/commands.h"
#include "cli/ledger.h"
#include "meter/text.h"

namespace sobre {

namespace {

using Chosen = std::function<Result<void>()>;
using Flags = std::shared_ptr<LedgerFlags>;

CLI::App* add_part(CLI::App& ledger, Chosen& chosen, const Flags& flags, const char* name, const char* help,
                   Result<void> (*run)(const LedgerFlags&)) {
  CLI::App* part = ledger.add_subcommand(name, help);
  part->add_option("--file", flags->file, "The ledger (default: ledger.db of the state folder)")->type_name("FILE");
  part->callback([&chosen, flags, run] { chosen = [flags, run] { return run(*flags); }; });
  return part;
}

void add_day(CLI::App& part, const std::string& flag, const std::string& help, const std::function<void(int64_t)>& take) {
  part.add_option_function<std::string>(
          flag,
          [flag, take](const std::string& text) {
            const std::optional<int64_t> day = parse_day(text);
            if (!day) throw CLI::ValidationError(fmt::format("{}: '{}' is no date like 2026-03-09", flag, text));
            take(*day);
          },
          help)
      ->type_name("DATE");
}

void add_days(CLI::App& part, const Flags& flags) {
  add_day(part, "--from", "The first day (UTC)", [flags](int64_t day) {
    flags->from_day = day;
    flags->filter.from_us = day * kMicrosPerDay;
  });
  add_day(part, "--to", "The last day (UTC, included)", [flags](int64_t day) {
    flags->to_day = day;
    flags->filter.before_us = (day + 1) * kMicrosPerDay;
  });
}

void add_text(CLI::App& part, const std::string& flag, std::optional<std::string>& out, const char* type, const char* help) {
  part.add_option_function<std::string>(flag, [&out](const std::string& text) { out = text; }, help)->type_name(type);
}

void add_filters(CLI::App& part, const Flags& flags) {
  LedgerFilter& f = flags->filter;
  add_days(part, flags);
  add_text(part, "--model", f.model, "NAME", "Rows of this model only");
  add_text(part, "--key", f.key, "ID", "Rows of this API key only");
  add_text(part, "--task", f.task, "NAME", "Rows of this task only");
  add_text(part, "--kind", f.kind, "NAME", "Rows of this kind only: answer, load, evaluate, train, lost");
  add_text(part, "--status", f.status, "NAME", "Rows of this status only: done, cancelled, failed");
}

void add_last(CLI::App& part, const Flags& flags, const char* help) {
  part.add_option_function<std::string>(
          "--last",
          [flags](const std::string& text) {
            constexpr int64_t kMost = 1'000'000;  // they are held in memory
            int64_t n = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
            if (error != std::errc() || end != text.data() + text.size() || n < 1 || n > kMost)
              throw CLI::ValidationError(fmt::format("--last: '{}' is no whole number from 1 to {}", text, kMost));
            flags->filter.last = n;
          },
          help)
      ->type_name("N");
}

void add_show(CLI::App& ledger, Chosen& chosen, const Flags& flags) {
  constexpr int64_t kShownRows = 20;
  CLI::App* part = add_part(ledger, chosen, flags, "show", "Show the last rows, or one", ledger_show_command);
  flags->filter.last = kShownRows;
  add_last(*part, flags, "How many (1 to 1000000; default 20)");
  add_text(*part, "--id", flags->filter.request, "ID", "The row of this request");
  add_filters(*part, flags);
  part->add_flag("--json", flags->json, "JSON, a line a row, with every column");
}

void add_export(CLI::App& ledger, Chosen& chosen, const Flags& flags) {
  CLI::App* part = add_part(ledger, chosen, flags, "export", "Write rows as CSV or JSON lines", ledger_export_command);
  part->add_option_function<std::string>(
          "--format",
          [flags](const std::string& text) {
            if (text != "csv" && text != "jsonl")
              throw CLI::ValidationError(fmt::format("--format: '{}' is none of csv, jsonl", text));
            flags->csv = text == "csv";
          },
          "csv (RFC 4180) or jsonl")
      ->required()
      ->type_name("NAME");
  part->add_option("--out", flags->out, "The file to write (default: standard output)")->type_name("FILE");
  add_filters(*part, flags);
}

void add_sum(CLI::App& ledger, Chosen& chosen, const Flags& flags) {
  CLI::App* part = add_part(ledger, chosen, flags, "sum", "Sum up by day, model, key or task", ledger_sum_command);
  part->add_option_function<std::string>(
          "--by",
          [flags](const std::string& text) {
            if (text == "day") return void(flags->by = SumBy::kDay);
            if (text == "model") return void(flags->by = SumBy::kModel);
            if (text == "key") return void(flags->by = SumBy::kKey);
            if (text == "task") return void(flags->by = SumBy::kTask);
            throw CLI::ValidationError(fmt::format("--by: '{}' is none of day, model, key, task", text));
          },
          "day, model, key or task (default day)")
      ->type_name("NAME");
  add_days(*part, flags);
  add_text(*part, "--kind", flags->filter.kind, "NAME", "Rows of this kind only: answer, load, evaluate, train, lost");
  part->add_flag("--json", flags->json,
                 "JSON, a line a group, in whole microjoules, nanograms and billionths of the currency's unit");
  part->footer("Sums include rows that were pruned. A group's interval is the sum of its rows' intervals.");
}

}  // namespace

void add_ledger_command(CLI::App& app, std::function<Result<void>()>& chosen) {
  CLI::App* ledger = app.add_subcommand("ledger", "The record of every request: verify, show, export, sum, prune");
  ledger->require_subcommand(1);
  ledger->footer("Works while a server writes. sobre ledger verify --help (and so on) tells more of each.");
  const auto flags = [] { return std::make_shared<LedgerFlags>(); };
  const Flags verify = flags(), prune = flags();
  CLI::App* part = add_part(*ledger, chosen, verify, "verify", "Check every row, sum and page", ledger_verify_command);
  part->add_flag("--json", verify->json, "One line of JSON");
  part->footer("Exit status 1 and a line for each fault where something was changed or damaged.");
  add_show(*ledger, chosen, flags());
  add_export(*ledger, chosen, flags());
  add_sum(*ledger, chosen, flags());
  part = add_part(*ledger, chosen, prune, "prune", "Remove old rows; their sums and the chain stay", ledger_prune_command);
  add_day(*part, "--before", "Remove the rows before the first of this day (UTC)",
          [prune](int64_t day) { prune->before_day = day; });
  part->get_option("--before")->required();
  for (CLI::App* c : ledger->get_subcommands([](CLI::App*) { return true; })) {
    if (c->get_footer() == ledger->get_footer() || c->get_footer() == app.get_footer()) c->footer("");
  }
}

}  // namespace sobre
