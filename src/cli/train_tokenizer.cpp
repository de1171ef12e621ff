// `sobre train-tokenizer`: texts to the folder of a byte-level BPE tokenizer with ChatML.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "model/text_assets.h"
#include "text/bpe_trainer.h"
#include "text/corpus_reader.h"
#include "text/hf_json_writer.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

/// Says what is wrong before the work, not after it. Returns the size of all files together.
Result<uint64_t> check_inputs(const std::vector<std::string>& files) {
  uint64_t total = 0;
  for (const std::string& path : files) {
    TRY_VOID(CorpusReader::check_name(path));
    TRY(const MappedFile file, MappedFile::open(path));
    total += file.bytes().size();
  }
  return total;
}

Result<void> prepare_folder(const TrainTokenizerOptions& options) {
  std::error_code error;
  if (fs::exists(options.out, error) && !fs::is_directory(options.out, error))
    return fail("{}: this is a file; name a folder", options.out);
  // Readers prefer this file to the template that tokenizer_config.json will hold.
  if (fs::exists(options.out + "/chat_template.jinja", error))
    return fail("{}/chat_template.jinja: it would hide the new tokenizer's template; remove it first", options.out);
  std::string found = tokenizer_file(options.out, false);
  if (found.empty() && fs::exists(options.out + "/tokenizer_config.json", error))
    found = options.out + "/tokenizer_config.json";
  if (!found.empty() && !options.force)
    return fail("{}: it exists already; choose another folder, or --force to replace the tokenizer", found);
  fs::create_directories(options.out, error);
  if (error) return fail("{}: the folder cannot be made: {}", options.out, error.message());
  return {};
}

/// Counts the pieces of all files; the bytes of text that were read.
Result<uint64_t> count_files(const TrainTokenizerOptions& options, uint64_t total, PieceCounts& counts) {
  CorpusReader::Limits limits;
  if (options.max_bytes > 0) limits.max_bytes = options.max_bytes;
  CorpusReader reader(limits, [&counts](std::string_view text) { return counts.add_text(text); });
  ProgressBar bar("reading", total);
  uint64_t before = 0;
  for (const std::string& path : options.files) {
    uint64_t size = 0;
    TRY_VOID(reader.read(path, [&](uint64_t done) {
      size = done;
      bar.update(before + done);
    }));
    before += size;
    if (reader.full()) break;
  }
  if (counts.size() == 0) {
    return fail("there is no text to train on in {}{}", options.files.front(),
                options.files.size() > 1 ? fmt::format(" and {} more files", options.files.size() - 1) : "");
  }
  return reader.bytes();
}

void report(const TrainTokenizerOptions& options, const PieceCounts& counts, const TrainedBpe& bpe, uint64_t bytes) {
  if (counts.left_out() > 0) {
    say("sobre: warning: {} stretches of more than {} bytes without a boundary were left out: data, not words\n",
        count_text(counts.left_out()), PieceCounts::Limits{}.max_piece_bytes);
  }
  if (bpe.tokens.size() < static_cast<size_t>(options.vocab_size)) {
    const bool all = options.min_frequency == 1;
    say("sobre: warning: {} tokens instead of {}: {}; give more text or a smaller --vocab-size{}\n", bpe.tokens.size(),
        options.vocab_size,
        all ? "nothing is left to merge" : fmt::format("no further pair occurs {} times", options.min_frequency),
        all ? "" : " or --min-frequency");
  }
  fmt::print("{}: {} tokens from {} of text, {} distinct pieces, {:.2f} bytes per token\n", options.out,
             count_text(bpe.tokens.size()), bytes_text(bytes), count_text(counts.size()),
             static_cast<double>(bpe.pieces_bytes) / static_cast<double>(bpe.pieces_tokens));
}

}  // namespace

Result<void> train_tokenizer_command(const TrainTokenizerOptions& options) {
  TRY(const uint64_t total, check_inputs(options.files));
  TRY_VOID(prepare_folder(options));
  TRY(PieceCounts counts, PieceCounts::create());
  TRY(const uint64_t bytes, count_files(options, total, counts));
  std::optional<ProgressBar> bar;
  BpeTrainerOptions how{.vocab_size = options.vocab_size, .min_frequency = options.min_frequency};
  how.split_capitals = options.split_capitals;
  how.progress = [&bar](uint64_t done, uint64_t wanted) {
    if (!bar) bar.emplace("merging", wanted, ProgressBar::Unit::kTokens);
    bar->update(done);
  };
  const TrainedBpe bpe = train_bpe(counts, how);
  bar.reset();
  TRY_VOID(write_text_file(options.out + "/tokenizer_config.json", hf_tokenizer_config()));
  TRY_VOID(write_text_file(options.out + "/special_tokens_map.json", hf_special_tokens_map()));
  TRY_VOID(write_text_file(options.out + "/tokenizer.json", hf_tokenizer_json(bpe)));
  report(options, counts, bpe, bytes);
  return {};
}

}  // namespace sobre
