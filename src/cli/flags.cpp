// All flags but those of the commands that have a flags_*.cpp of their own: what they are called, what they may hold, what
// their help says. Of all sources only the flags*.cpp include CLI11, which takes 12 s to compile.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/flags_number.h"
#include "cli/ledger.h"
#include "cli/meter.h"
#include "cli/serve.h"
#include "cli/terminal.h"
#include "text/bpe_trainer.h"

namespace sobre {

namespace {

constexpr const char* kVersion = "0.1.0";  // as in CMakeLists.txt
constexpr int kMaxThreads = 1024;
constexpr int kMaxContext = 1 << 24;
constexpr int kMaxTokens = 1 << 20;
constexpr const char* kThreadsHelp = "Worker threads (1 to 1024; default: all CPUs this process may use)";

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// A flag whose value is one of some names, in any case.
template <class T, class Out>
CLI::Option* add_choice(CLI::App& app, const std::string& flag, Out& out, const Choices<T>& choices, const std::string& help,
                        const std::function<void(const char*)>& given = {}) {
  const auto read = [flag, choices, &out, given](const std::string& text) {
    std::string names;
    for (const auto& [name, value] : choices) {
      if (same_word(name, text)) {
        out = value;
        if (given) given(flag.c_str());
        return;
      }
      names.append(names.empty() ? "" : ", ").append(name);
    }
    throw CLI::ValidationError(fmt::format("{}: '{}' is none of {}", flag, text, names));
  };
  return app.add_option_function<std::string>(flag, read, help)->type_name("NAME");
}

Choices<Isa> isa_choices() {
  Choices<Isa> choices;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kNeon})
    choices.emplace_back(isa_name(isa), isa);
  return choices;
}

template <class T>
std::string names_of(const Choices<T>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) names.append(names.empty() ? "" : ", ").append(name);
  return names;
}

// A command of the program; `run` is kept in `chosen` for after the parse.
using Chosen = std::function<Result<void>()>;
CLI::App* add_command(CLI::App& app, Chosen& chosen, const std::string& name, const std::string& help, Chosen run) {
  CLI::App* command = app.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

struct AllOptions {
  ServeFlags serve;
  ShowOptions show;
  PerplexityOptions perplexity;
  QuantizeOptions quantize;
  NewOptions fresh;
  BenchOptions bench;
  LogitsOptions logits;
  GenerateOptions generate;
  TokenizeOptions tokenize;
  TemplateOptions chat_template;
  TrainTokenizerOptions train_tokenizer;
  MeterOptions meter;
  DataOptions data;
};

void add_serve(CLI::App& app, Chosen& chosen, ServeFlags& o) {
  CLI::App* c = add_command(app, chosen, "serve", "Serve models over HTTP: OpenAI's API, and a page to chat with",
                            [&o] { return serve_command(o); });
  c->add_option("MODEL", o.models, "Checkpoint folders, .gguf files or names (default: the bundled models)");
  const auto text = [c](const std::string& flag, std::optional<std::string>& out, const std::string& type,
                        const std::string& help) {
    c->add_option_function<std::string>(flag, [&out](const std::string& value) { out = value; }, help)->type_name(type);
  };
  text("--host", o.host, "HOST", "Address or name to listen on (default localhost; 0.0.0.0: every network)");
  c->add_option_function<std::string>(
       "--port",
       [&o](const std::string& value) {
         int port = -1;
         const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
         if (error != std::errc() || end != value.data() + value.size() || port < 0 || port > 65535)
           throw CLI::ValidationError(fmt::format("--port: '{}' is no whole number from 0 to 65535", value));
         o.port = port;
       },
       "Port to listen on (0 to 65535; default 8080; 0: any free one)")
      ->type_name("N");
  c->add_option("--config", o.config_path, "A configuration file (default: sobre.toml here, where there is one)")
      ->type_name("FILE");
  text("--keys", o.keys_file, "FILE", "Ask every client for an API key; the file holds their hashes");
  text("--tls-cert", o.tls_certificate, "FILE", "Certificate chain (PEM): serve HTTPS; with --tls-key");
  text("--tls-key", o.tls_key, "FILE", "Private key (PEM) of --tls-cert");
  add_engine_flags(*c, o.model, [&o](const char* flag) { (flag[2] == 'w' ? o.weights_given : o.kv_given) = true; });
  c->add_flag("--print-config", o.print_config, "Print a configuration file with every key, its default and what it means");
  c->add_option("--new-key", o.new_key, "Make an API key for this client and print it with its line for --keys")
      ->type_name("ID");
  c->footer(
      "Flags count more than the configuration. SIGTERM and Ctrl-C let running answers end (a second one does not); SIGHUP "
      "reads\n"
      "the keys and the certificate again. The server is ready when GET /health answers 200.");
}

void add_show(CLI::App& app, Chosen& chosen, ShowOptions& o) {
  CLI::App* c = add_command(app, chosen, "show", "What a model is: family, shapes, weight types, memory needed, template",
                            [&o] { return show_command(o); });
  add_model_flags(*c, o.model);
  c->add_flag("--template", o.print_template, "Print the chat template and nothing else");
}

void add_perplexity(CLI::App& app, Chosen& chosen, PerplexityOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "perplexity", "How well a model predicts a text, and how far it is from f32 arithmetic",
                  [&o] { return perplexity_command(o); });
  add_model_flags(*c, o.model);
  c->add_option("--text", o.text_path, "The text: a UTF-8 file")->required()->type_name("FILE");
  add_number(*c, "--chunks", o.chunks, 1, kMaxTokens, "Score the first N chunks only (1 to 1048576; default: all)");
  c->add_flag("--against-f32", o.against_f32,
              "Also compare with --weights f32 --kv f32: mean KL divergence, share of equal top tokens");
  c->footer(
      "The text is cut into chunks of --ctx tokens (for this command at least 4, default 512). Each is read alone, and the\n"
      "tokens of its second half are scored.");
}

void add_quantize(CLI::App& app, Chosen& chosen, QuantizeOptions& o) {
  CLI::App* c = add_command(app, chosen, "quantize", "Write a model as a GGUF file with smaller (or plainer) weights",
                            [&o] { return quantize_command(o); });
  c->add_option("IN", o.in, "A checkpoint folder, a .gguf file, or a name of the catalogue")->required();
  c->add_option("OUT", o.out, "The .gguf file to write")->required();
  Choices<QuantRecipe> recipes;
  for (const std::string& name : quant_recipe_names()) recipes.emplace_back(name, *quant_recipe_from_name(name));
  add_choice(*c, "--type", o.recipe, recipes, "Type of the weights: " + names_of(recipes))->required();
  add_number(*c, "--threads", o.threads, 1, kMaxThreads, kThreadsHelp);
  c->add_flag("--force", o.force, "Replace OUT when it exists");
  c->footer(
      "Norms and biases stay F32; the head (or the embedding that is one) gets Q6_K, in Q8_0 files Q8_0. Rows that a type's\n"
      "blocks do not divide fall back: Q2_K and Q3_K to Q4_0, Q4_K to Q5_0, Q5_K to Q5_1, Q6_K to Q8_0, others to F16.\n"
      "Q4_K_M and Q5_K_M give half of the value and down projections Q6_K.");
}

void add_new(CLI::App& app, Chosen& chosen, NewOptions& o) {
  CLI::App* c = add_command(app, chosen, "new", "Make a checkpoint of random weights in a config's shape (bf16 safetensors)",
                            [&o] { return new_command(o); });
  c->add_option("--config", o.config_path, "A Hugging Face config.json")->required()->type_name("FILE");
  c->add_option("--out", o.out_folder, "The folder to make")->required()->type_name("DIR");
  add_number(*c, "--seed", o.seed, uint64_t{0}, ~uint64_t{0}, "Seed of the weights (0 to 18446744073709551615; default 0)");
  c->add_option("--tokenizer", o.tokenizer_folder, "A folder whose tokenizer and template are copied (default: none)")
      ->type_name("DIR");
  add_number(*c, "--threads", o.threads, 1, kMaxThreads, kThreadsHelp);
}

void add_bench(CLI::App& app, Chosen& chosen, BenchOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "bench", "Speed of a model beside what this machine can do", [&o] { return bench_command(o); });
  add_model_flags(*c, o.model);
  add_number(*c, "-p", o.prompt, 0, kMaxTokens, "Tokens of the prompt (0 to 1048576, 0: none; default 512)");
  add_number(*c, "-n", o.decode, 0, kMaxTokens, "Tokens to decode (0 to 1048576, 0: none; default 128)");
  add_number(*c, "--repeat", o.repeat, 1, 1000, "Runs after one to warm up (1 to 1000; default 5)");
  c->add_flag("--json", o.json, "One line of JSON instead of the table");
  c->footer("The context is as long as needed unless --ctx says otherwise.");
}

void add_checks(CLI::App& app, Chosen& chosen, LogitsOptions& l, GenerateOptions& g) {
  CLI::App* c = add_command(app, chosen, "logits", "Write the logits after every id: float32 [n_ids, vocab], little-endian",
                            [&l] { return logits_command(l); });
  add_model_flags(*c, l.model);
  c->add_option("--ids", l.ids_path, "Token ids separated by white space")->required()->type_name("FILE");
  c->add_option("--out", l.out_path, "The file to write")->required()->type_name("FILE");
  c = add_command(app, chosen, "generate", "Print the greedy ids that follow given ids, on one line",
                  [&g] { return generate_command(g); });
  add_model_flags(*c, g.model);
  c->add_option("--ids", g.ids_path, "Token ids separated by white space")->required()->type_name("FILE");
  add_number(*c, "--max", g.max, 1, kMaxTokens, "How many ids (1 to 1048576; default 128)");
  c->add_flag("--stop", g.stop, "End after an id that ends the model's answers (default: such ids are ids as all others)");
}

void add_texts(CLI::App& app, Chosen& chosen, TokenizeOptions& t, TemplateOptions& m) {
  CLI::App* c = add_command(app, chosen, "tokenize", "Turn the text on standard input into token ids, or ids into text",
                            [&t] { return tokenize_command(t); });
  c->add_option("PATH", t.path, "A model, or a tokenizer.json, tekken.json or .model file")->required();
  c->add_flag("--jsonl", t.jsonl,
              "Each line is {\"text\": ...}, answered by {\"ids\": [...]}, or {\"ids\": [...]}, answered by {\"text\": ...}");
  c->add_flag("--special", t.special, "Add what the tokenizer puts around a text (BOS, [CLS] ... [SEP])");
  c->footer("Without --jsonl all of standard input is one text; its ids are printed on one line.");
  c = add_command(app, chosen, "template", "Turn rows of messages on standard input into the prompts a model sees",
                  [&m] { return template_command(m); });
  c->add_option("PATH", m.path, "A model, or a .jinja file")->required();
  c->add_flag("--jsonl", m.jsonl,
              "Each line is {\"messages\": [...], ...}, answered by {\"rendered\": ...} or {\"error\": ...}")
      ->required();
  const auto read_now = [&m](const std::string& text) {
    m.now = parse_local_time(text);
    if (!m.now) throw CLI::ValidationError(fmt::format("--now: '{}' is no time like 2026-03-09T14:05:06", text));
  };
  c->add_option_function<std::string>("--now", read_now, "The time that strftime_now sees (default: the clock's)")
      ->type_name("YYYY-MM-DDThh:mm:ss");
  c->footer(
      "A row's further members (tools, add_generation_prompt, enable_thinking, ...) are variables of the template; those of "
      "its\n"
      "special_tokens (bos_token, ...) too, before the model's own.");
}

void add_train_tokenizer(CLI::App& app, Chosen& chosen, TrainTokenizerOptions& o) {
  CLI::App* c = add_command(app, chosen, "train-tokenizer", "Learn a vocabulary (byte-level BPE, ChatML) from texts",
                            [&o] { return train_tokenizer_command(o); });
  c->add_option("FILE", o.files, "Texts: .txt, or .jsonl with a \"text\" or \"messages\" in each line")->required();
  add_number(*c, "--vocab-size", o.vocab_size, kSmallestBpeVocabulary + 1, kLargestBpeVocabulary,
             fmt::format("Tokens, the 3 of ChatML and 256 bytes among them ({} to {})", kSmallestBpeVocabulary + 1,
                         kLargestBpeVocabulary))
      ->required();
  c->add_option("-o,--out", o.out, "The folder to make")->required()->type_name("DIR");
  add_number(*c, "--min-frequency", o.min_frequency, uint64_t{1}, uint64_t{1} << 40,
             "Merge no pair that occurs less often (1 to 1099511627776; default 2)");
  add_number(*c, "--max-bytes", o.max_bytes, uint64_t{1}, uint64_t{1} << 50,
             "Read the first N bytes of text only (1 to 1125899906842624; default: all)");
  c->add_flag("--split-capitals", o.split_capitals,
              "Let no token join a space and a capital letter: a name is the same tokens after a space as after a quote");
  c->add_flag("--force", o.force, "Replace the tokenizer that the folder has");
  c->footer(
      "Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json, as Hugging Face libraries read them: in the\n"
      "form of SmolLM2's tokenizer, every digit a token of its own, with a chat template that adds no system prompt.");
}

void add_meter(CLI::App& app, Chosen& chosen, MeterOptions& o) {
  CLI::App* c = add_command(app, chosen, "meter", "Where energy can be read on this machine, watts live, calibration",
                            [&o] { return meter_command(o); });
  c->add_flag("--once", o.once, "Print the sources and why others are not used, and leave");
  add_number(*c, "--seconds", o.seconds, 1, 1 << 30, "Watch for N seconds (default: until Ctrl-C)");
  c->add_flag("--json", o.json, "One JSON object for the sources, then one a second");
  c->add_option("--method", o.method,
                "auto, wall-calibrated, rapl-package+dram, rapl-package, nvml, estimate-tdp, estimate-cores (default auto: the "
                "best that works)")
      ->type_name("NAME");
  CLI::Option* calibrate =
      c->add_flag("--calibrate", o.calibrate, "Measure this machine without load and at 25, 50, 75, 100 %");
  const auto read_walls = [&o](const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      const std::optional<double> watts = parse_watts(value);
      if (!watts) throw CLI::ValidationError(fmt::format("--wall: '{}' is no number of watts above 0", value));
      o.wall_w.push_back(*watts);
    }
  };
  c->add_option_function<std::vector<std::string>>(
       "--wall", read_walls, "Readings of a wall meter at 0, 25, 50, 75, 100 % load (default: asked for in a terminal)")
      ->type_name("WATTS")
      ->needs(calibrate);
  const auto read_seconds = [&o](const std::string& text) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > 3600)
      throw CLI::ValidationError(fmt::format("--seconds-per-level: '{}' is no whole number from 1 to 3600", text));
    o.seconds_per_level = seconds;
  };
  c->add_option_function<std::string>("--seconds-per-level", read_seconds, "Length of each load (1 to 3600; default 20)")
      ->type_name("N")
      ->needs(calibrate);
  c->add_option("--file", o.file, "Where the calibration is kept (default: calibration.json in sobre's state folder)")
      ->type_name("FILE");
  c->footer(
      "Figures are of the whole machine, not of this program alone. A calibration with a wall meter takes two minutes, on a\n"
      "machine that does nothing else; one without still learns what the counters show idle.");
}

void add_data(CLI::App& app, Chosen& chosen, DataOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "data", "Write made-up questions of the office tasks, with their answers, as JSON lines",
                  [&o] { return data_command(o); });
  c->add_option("TASK", o.task, "A task's name (--list), or all");
  const Choices<Split> splits = {{"train", Split::kTrain}, {"validation", Split::kValidation}, {"test", Split::kTest}};
  add_choice(*c, "--split", o.split, splits,
             "Which wordings and names: train, validation, test (default train); test has no answers in its messages");
  add_number(*c, "--seed", o.seed, uint64_t{0}, UINT64_MAX, "Another seed, other items (default 1)");
  add_number(*c, "--count", o.count, uint64_t{0}, UINT64_MAX, "How many items (default 10)");
  add_number(*c, "--level", o.level, 1, 3, "Only this difficulty (1 to 3; default: all, in turn)");
  const Choices<std::string> languages = {{"en", "en"}, {"fr", "fr"}};
  add_choice(*c, "--language", o.language, languages, "Only this language: en, fr (default: both, in turn)");
  c->add_flag("--list", o.list, "Name the tasks, and what counts as right");
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::erase(text, kBracketMark);
  return text;
}

int report(const Result<void>& result) {
  if (result) return 0;
  std::fflush(stdout);
  say("sobre: {}\n", one_line(result.error().message));
  return 1;
}

int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  say("sobre: {} (sobre{} --help lists what there is)\n", one_line(error.what()), command);
  return 2;
}

// A first word that is no command: CLI11 would say only that a command is required.
bool is_unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || app.get_option_no_throw(argv[1]) != nullptr) return false;
  if (argv[1][0] == '-') {
    say("sobre: {} is no flag of the program itself (sobre --help lists what there is)\n", argv[1]);
    return true;
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (std::any_of(commands.begin(), commands.end(), [&](const CLI::App* c) { return c->get_name() == argv[1]; })) return false;
  std::string names;
  for (const CLI::App* c : commands) names.append(names.empty() ? "" : ", ").append(c->get_name());
  say("sobre: '{}' is no command; the commands are {}\n", argv[1], names);
  return true;
}

// An empty value is a variable of the shell that is not set: taken as given, `--keys "$KEYS"` would serve without keys. A
// prompt and a system message may be empty, and so are key, task and model of some rows of the ledger.
void refuse_empty_values(CLI::App& command) {
  const CLI::Validator not_empty([](std::string& value) { return std::string(value.empty() ? "the value is empty" : ""); }, "");
  for (CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name(option->get_positional());
    const bool of_run = command.get_name() == "run" && (name == "PROMPT" || name == "--system");
    const bool of_rows = command.get_parent() != nullptr && command.get_parent()->get_name() == "ledger" &&
                         (name == "--key" || name == "--task" || name == "--model");
    const bool may_be_empty = of_run || of_rows;
    if (!may_be_empty && option->get_items_expected_max() > 0) option->check(not_empty);
  }
  for (CLI::App* c : command.get_subcommands([](CLI::App*) { return true; })) refuse_empty_values(*c);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Sobre runs small generative models on this machine's CPUs.", "sobre");
  app.set_version_flag("--version", fmt::format("sobre {}", kVersion), "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.get_formatter()->label("Subcommands", "Commands");
  app.footer("sobre COMMAND --help tells more of each. MODEL is a folder, a .gguf file, or a name such as smollm2.");
  Chosen chosen;
  int status = 0;
  AllOptions options;
  add_demo_command(app, chosen);
  add_run_command(app, status);
  add_serve(app, chosen, options.serve);
  add_hub_commands(app, chosen);
  add_show(app, chosen, options.show);
  add_bench(app, chosen, options.bench);
  add_perplexity(app, chosen, options.perplexity);
  add_quantize(app, chosen, options.quantize);
  add_new(app, chosen, options.fresh);
  add_checks(app, chosen, options.logits, options.generate);
  add_texts(app, chosen, options.tokenize, options.chat_template);
  add_train_tokenizer(app, chosen, options.train_tokenizer);
  add_meter(app, chosen, options.meter);
  add_ledger_command(app, chosen);
  add_train_command(app, chosen);
  add_eval_command(app, chosen);
  add_data(app, chosen, options.data);
  for (CLI::App* c : app.get_subcommands([](CLI::App*) { return true; })) {
    if (c->get_footer() == app.get_footer()) c->footer("");
    refuse_empty_values(*c);
  }
  if (argc < 2) {
    say("sobre: a command is needed (sobre --help lists them)\n");
    return 2;
  }
  if (is_unknown_command(app, argc, argv)) return 2;
  std::vector<std::string> marked;
  std::vector<char*> words(argv, argv + argc);
  if (std::string_view(argv[1]) == "run") words = marked_brackets(argc, argv, marked);
  try {
    app.parse(argc, words.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help and version
    return report_usage(app, error);
  }
  return chosen ? report(chosen()) : status;
}

}  // namespace

void add_model_flags(CLI::App& command, ModelFlags& flags, bool required) {
  const std::string help = "A checkpoint folder, a .gguf file, or a name such as smollm2";
  CLI::Option* option =
      command.add_option("MODEL", flags.model, required ? help : help + " (default: the largest bundled model)");
  option->required(required);
  add_engine_flags(command, flags, {});
}

void add_team_flags(CLI::App& command, std::optional<Isa>& isa, int& threads) {
  add_choice(command, "--isa", isa, isa_choices(),
             "Instruction set: " + names_of(isa_choices()) + " (default: the best this CPU has)");
  add_number(command, "--threads", threads, 1, kMaxThreads, kThreadsHelp);
}

void add_engine_flags(CLI::App& command, ModelFlags& flags, const std::function<void(const char*)>& given) {
  const Choices<WeightMode> weights = {{"auto", WeightMode::kAuto},
                                       {"f32", WeightMode::kF32},
                                       {"bf16", WeightMode::kBF16},
                                       {"q8", WeightMode::kQ8},
                                       {"q4", WeightMode::kQ4}};
  const Choices<KvType> caches = {{"f16", KvType::kF16}, {"q8", KvType::kQ8}, {"f32", KvType::kF32}};
  add_choice(command, "--weights", flags.weights, weights,
             "How weights are held: auto, f32 (f32 arithmetic throughout), bf16, q8, q4 (default auto: a GGUF's as they are, "
             "others q8)",
             given);
  add_choice(command, "--kv", flags.kv, caches, "Type of the cache of keys and values: f16, q8, f32 (default f16)", given);
  add_team_flags(command, flags.isa, flags.threads);
  add_number(command, "--ctx", flags.context, 1, kMaxContext,
             "Positions of the context (1 to what the model was made for; default: that, at most 8192)");
}

int run_command_line(int argc, char** argv) {
  try {
    const int status = parse_and_run(argc, argv);
    // What a full disk did not take must not look like success.
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    say("sobre: the output cannot be written: {}\n", std::strerror(errno));
  } catch (const std::bad_alloc&) {
    say("sobre: there is not enough memory for this\n");
  } catch (const std::exception& error) {
    say("sobre: {}\n", one_line(error.what()));
  }
  return 1;
}

}  // namespace sobre
