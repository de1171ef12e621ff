// `sobre quantize`: a checkpoint of any layout as a GGUF file of smaller (or plainer) types.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "cli/commands.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "model/export_gguf.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

Result<void> check_output(const QuantizeOptions& options, const std::string& in) {
  std::error_code error;
  if (!options.out.ends_with(".gguf")) return fail("{}: the output is a GGUF file; its name must end in .gguf", options.out);
  if (fs::is_directory(options.out, error)) return fail("{}: this is a folder; name a file", options.out);
  if (!fs::exists(options.out, error)) return {};
  if (fs::equivalent(in, options.out, error)) return fail("{}: input and output are the same file", options.out);
  if (!options.force) return fail("{}: it exists already; choose another name, or --force to replace it", options.out);
  return {};
}

}  // namespace

Result<void> quantize_command(const QuantizeOptions& options) {
  TRY(const std::string in, resolve_model(options.in));
  TRY_VOID(check_output(options, in));
  TRY(const Checkpoint checkpoint, Checkpoint::open(in));
  uint64_t before = 0;
  for (const TensorView& t : checkpoint.tensors()) before += t.data.size();
  std::optional<ProgressBar> bar;
  ExportOptions how{.recipe = options.recipe, .threads = options.threads, .progress = {}};
  how.progress = [&](uint64_t done, uint64_t total) {
    if (!bar) bar.emplace("writing", total);
    bar->update(done);
  };
  TRY(const ExportReport report, export_gguf(checkpoint, options.out, how));
  bar.reset();
  for (const std::string& warning : report.warnings) say("sobre: warning: {}\n", warning);
  if (!report.fallbacks.empty()) {
    say("sobre: {} tensors have rows that {} cannot hold; the first: {}\n", report.fallbacks.size(),
        quant_recipe_name(options.recipe), report.fallbacks.front());
  }
  fmt::print("{}: {}, {} of weights (before: {})\n", options.out, quant_recipe_name(options.recipe), bytes_text(report.bytes),
             bytes_text(before));
  return {};
}

}  // namespace sobre
