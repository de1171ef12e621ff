// The flags of `sobre run`. (Of all sources only the flags*.cpp include CLI11, which takes 12 s to compile.)
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/chat_settings.h"
#include "cli/commands.h"
#include "cli/run.h"

namespace sobre {

namespace {

std::string unmarked(const std::string& word) { return !word.empty() && word[0] == kBracketMark ? word.substr(1) : word; }

/// Checks one value as it is parsed, so that a wrong one is an error of usage.
void take_setting(RunFlags& flags, const std::string& name, const std::string& given) {
  const std::string value = unmarked(given);
  AnswerOptions tried;
  for (const auto& [known, text] : flags.settings) (void)set_option(tried, known, text);
  const Result<void> result =
      value.empty() ? Result<void>(fail("{}: the value is empty", name)) : set_option(tried, name, value);
  if (!result) throw CLI::ValidationError("--" + result.error().message);
  flags.settings.emplace_back(name, value);
}

void add_settings(CLI::App& command, RunFlags& flags) {
  for (const SettingHelp& s : setting_list()) {
    const std::string name = s.name;
    CLI::Option* option =
        s.repeatable ? command.add_option_function<std::vector<std::string>>(
                           "--" + name,
                           [&flags, name](const std::vector<std::string>& values) {
                             for (const std::string& value : values) take_setting(flags, name, value);
                           },
                           std::string(s.text) + " (may be repeated)")
                     : command.add_option_function<std::string>(
                           "--" + name, [&flags, name](const std::string& value) { take_setting(flags, name, value); }, s.text);
    option->type_name(s.value)->group("Sampling");
    // One value each: the word that follows is the model.
    if (s.repeatable)
      option->type_size(1)->expected(1)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
}

}  // namespace

std::vector<char*> marked_brackets(int argc, char** argv, std::vector<std::string>& storage) {
  storage.assign(argv, argv + argc);
  std::vector<char*> words;
  words.reserve(storage.size() + 1);
  for (std::string& word : storage) {
    if (word.starts_with('[')) word.insert(word.begin(), kBracketMark);
    words.push_back(word.data());
  }
  words.push_back(nullptr);
  return words;
}

void add_run_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("run", "Talk with a model in the terminal, or have one prompt answered");
  // Owned by the callback, which lives as long as the command.
  const auto flags = std::make_shared<RunFlags>();
  const auto words = std::make_shared<std::vector<std::string>>();
  add_model_flags(*command, flags->model, false);
  command->add_option("PROMPT", *words, "Answer this once; without it and without piped text: a conversation");
  command
      ->add_option_function<std::string>(
          "--system", [flags](const std::string& text) { flags->system = unmarked(text); },
          "What the model is told before the conversation")
      ->type_name("TEXT");
  command->add_flag("--stats", flags->stats, "Print tokens, speed and memory also where stderr is no terminal");
  add_settings(*command, *flags);
  command->footer(
      "Piped text is answered once; with a PROMPT, it follows the prompt. The answer goes to standard output, all else to\n"
      "standard error. Sampling starts from what the model recommends, else temperature 0.7 and top-p 0.95; with the same "
      "seed\n"
      "the same prompt has the same answer on every machine.");
  command->callback([&status, flags, words] {
    if (!words->empty()) {
      std::string prompt;
      for (const std::string& word : *words) prompt += (prompt.empty() ? "" : " ") + unmarked(word);
      flags->prompt = prompt;
    }
    flags->model.model = unmarked(flags->model.model);
    status = run_command(*flags);
  });
}

}  // namespace sobre
