// The flags of `sobre eval` and `sobre demo`. (Of all sources only the flags*.cpp include CLI11, which takes 12 s to compile.)
#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/eval.h"
#include "cli/flags_number.h"

namespace sobre {

void add_demo_command(CLI::App& app, std::function<Result<void>()>& chosen) {
  CLI::App* c = app.add_subcommand("demo", "The bundled models on office questions: answers, right or wrong, speed, time");
  const auto f = std::make_shared<DemoFlags>();
  add_number(*c, "--count", f->count, 1, 100, "Questions of each task (1 to 100; default 3)");
  add_number(*c, "--seed", f->seed, uint64_t{0}, UINT64_MAX, "Seed of the questions (default 1)");
  c->add_flag("--json", f->json, "A line of JSON for each answer instead of the tables");
  c->footer(
      "Questions come from the test split: none of them, and none of their names, is in training data. Answers are greedy.");
  c->callback([&chosen, f] { chosen = [f] { return demo_command(*f); }; });
}

void add_eval_command(CLI::App& app, std::function<Result<void>()>& chosen) {
  CLI::App* c = app.add_subcommand("eval", "How often a model's answers are right: office tasks, or what a recipe held back");
  const auto f = std::make_shared<EvalFlags>();
  add_model_flags(*c, f->model);
  const auto list = [c](const char* name, auto& out, const char* help) {
    // One word with commas: the word that follows is the model.
    return c->add_option(name, out, help)
        ->delimiter(',')
        ->type_size(1)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  // What an office item is; of no use with --recipe.
  const std::vector<CLI::Option*> office = {
      list("--task", f->tasks, "Office tasks, with commas (sobre data --list names them; default: all)"),
      list("--level", f->levels, "Levels of difficulty, 1 to 3 (default: all)")->check(CLI::Range(1, 3)),
      list("--language", f->languages, "Languages: en, fr (default: all)"),
      add_number(*c, "--count", f->count, 1, 100'000, "Items of each task, level and language (1 to 100000; default 100)"),
      add_number(*c, "--seed", f->seed, uint64_t{0}, UINT64_MAX, "Seed of the items (default 1)"),
      c->add_flag("--validation", f->validation, "Items of the validation split in place of the test split")};
  CLI::Option* recipe =
      c->add_option("--recipe", f->recipe, "Ask what this recipe held back from training, in place of the tasks")
          ->type_name("FILE");
  for (CLI::Option* option : office) recipe->excludes(option);
  add_number(*c, "--shots", f->shots, 0, 100,
             "So many of the recipe's training rows as examples before each question (0 to 100)")
      ->needs(recipe);
  c->add_option("--system", f->system_file, "A file whose text is the system message of every question")->type_name("FILE");
  add_number(*c, "--max-tokens", f->max_tokens, 1, 4096, "Longest answer (1 to 4096; default 320)");
  c->add_option("--answers", f->answers_file, "Write every question and answer there, a line of JSON each")->type_name("FILE");
  c->add_option("--zone", f->zone, "The grid (FR, DE, ..., WORLD): says the grams of CO2e per right answer")->type_name("ZONE");
  c->add_flag("--json", f->json, "One line of JSON instead of the table");
  c->footer("Answers are greedy. Intervals are Wilson's, at 95 %.");
  c->callback([&chosen, f] { chosen = [f] { return eval_command(*f); }; });
}

}  // namespace sobre
