// The command line: one file per command, joined in flags.cpp. Everything here runs on the main thread; standard output carries
// answers and data, standard error everything else. A command's options are plain values; what the flags may hold is checked
// before a command sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/load.h"
#include "model/export_gguf.h"
#include "task/task.h"
#include "text/chat_template.h"

namespace CLI {
class App;
}

namespace sobre {

/// Parses the arguments, runs one command, returns the exit status (0 done, 1 failed with one line on stderr, 2 wrong usage).
[[nodiscard]] int run_command_line(int argc, char** argv);

/// Adds `run` to the program; the command stores its exit status in `status`, which must outlive the parse.
void add_run_command(CLI::App& app, int& status);
/// CLI11 takes a word in brackets for a list wherever there may be several words, as in a prompt: [1, 2] would become 1 2, and
/// [] nothing. This before the bracket hides it.
inline constexpr char kBracketMark = '\x1F';
/// The arguments of `run` as its flags expect them: words that begin with a bracket have the mark before it, which the command
/// takes away. `storage` holds them and must outlive the parse; a null pointer follows.
[[nodiscard]] std::vector<char*> marked_brackets(int argc, char** argv, std::vector<std::string>& storage);

/// Adds MODEL and the flags of every command that runs a model: --weights, --kv, --isa, --threads, --ctx. `flags` must outlive
/// the parse.
void add_model_flags(CLI::App& command, ModelFlags& flags, bool required = true);
/// The same without MODEL. `given` (may be empty) is called with the flag when --weights or --kv is there.
void add_engine_flags(CLI::App& command, ModelFlags& flags, const std::function<void(const char*)>& given);

/// The part of them that every computation has: --isa, --threads.
void add_team_flags(CLI::App& command, std::optional<Isa>& isa, int& threads);

/// Adds `train` to the program; the command is left in `chosen` for after the parse.
void add_train_command(CLI::App& app, std::function<Result<void>()>& chosen);

/// Adds `pull`, `list`, `rm`, `verify`, `search` and `alias`.
void add_hub_commands(CLI::App& app, std::function<Result<void>()>& chosen);

/// Adds `demo` and `eval` in the same way.
void add_demo_command(CLI::App& app, std::function<Result<void>()>& chosen);
void add_eval_command(CLI::App& app, std::function<Result<void>()>& chosen);

/// `sobre show`: what a checkpoint is and needs, without loading its weights.
struct ShowOptions {
  ModelFlags model;
  bool print_template = false;  // the chat template and nothing else
};
[[nodiscard]] Result<void> show_command(const ShowOptions& options);

/// `sobre perplexity`: mean negative log-likelihood over chunks of model.context tokens (0: 512), second halves only.
struct PerplexityOptions {
  ModelFlags model;
  std::string text_path;
  int chunks = 0;            // 0: all whole chunks of the text
  bool against_f32 = false;  // also compare every distribution with f32 arithmetic on the same file
};
[[nodiscard]] Result<void> perplexity_command(const PerplexityOptions& options);

/// `sobre quantize`: a checkpoint of any layout as a GGUF file.
struct QuantizeOptions {
  std::string in, out;
  QuantRecipe recipe = QuantRecipe::kQ8_0;
  int threads = 0;
  bool force = false;  // replace `out`
};
[[nodiscard]] Result<void> quantize_command(const QuantizeOptions& options);

/// `sobre new`: a checkpoint of random weights in a config's shape (bf16, one safetensors file).
struct NewOptions {
  std::string config_path, out_folder;
  std::string tokenizer_folder;  // empty: none
  uint64_t seed = 0;
  int threads = 0;
};
[[nodiscard]] Result<void> new_command(const NewOptions& options);

/// `sobre bench`: speed against what this machine can do.
struct BenchOptions {
  ModelFlags model;
  int prompt = 512, decode = 128, repeat = 5;
  bool json = false;
};
[[nodiscard]] Result<void> bench_command(const BenchOptions& options);

/// `sobre logits`: the logits after every id, float32 [n_ids, vocab], little-endian.
struct LogitsOptions {
  ModelFlags model;
  std::string ids_path, out_path;
};
[[nodiscard]] Result<void> logits_command(const LogitsOptions& options);

/// `sobre generate`: greedy ids after the given ones, on one line.
struct GenerateOptions {
  ModelFlags model;
  std::string ids_path;
  int max = 128;
  bool stop = false;  // end after the model's own end-of-text ids (by default they are ids as all others)
};
[[nodiscard]] Result<void> generate_command(const GenerateOptions& options);

/// `sobre data`: items of the office tasks as JSON lines on standard output; levels and languages take turns.
struct DataOptions {
  std::string task;  // a name of office_tasks(), or "all": these take turns
  Split split = Split::kTrain;
  uint64_t seed = 1, count = 10;
  int level = 0;         // 0: all
  std::string language;  // empty: all
  bool list = false;     // the tasks' names and nothing else
};
[[nodiscard]] Result<void> data_command(const DataOptions& options);

/// `sobre tokenize`: standard input to ids (or back).
struct TokenizeOptions {
  std::string path;
  bool jsonl = false, special = false;
};
[[nodiscard]] Result<void> tokenize_command(const TokenizeOptions& options);

/// `sobre template`: rows of messages to prompts.
struct TemplateOptions {
  std::string path;
  bool jsonl = false;
  std::optional<LocalTime> now;  // what strftime_now sees; nothing: the clock
};
[[nodiscard]] Result<void> template_command(const TemplateOptions& options);

/// `sobre train-tokenizer`: texts to a byte-level BPE tokenizer's folder.
struct TrainTokenizerOptions {
  std::vector<std::string> files;  // .txt, .jsonl
  std::string out;
  int32_t vocab_size = 0;
  uint64_t min_frequency = 2;
  uint64_t max_bytes = 0;       // of text that is read; 0: all
  bool split_capitals = false;  // no token joins a space and a capital letter
  bool force = false;           // replace the folder's tokenizer
};
[[nodiscard]] Result<void> train_tokenizer_command(const TrainTokenizerOptions& options);

/// "2026-03-09T14:05:06", a date of the calendar (the zone is not part of it).
[[nodiscard]] std::optional<LocalTime> parse_local_time(const std::string& text);

}  // namespace sobre
