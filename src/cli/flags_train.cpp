// The flags of `sobre train`. (Of all sources only the flags*.cpp include CLI11, which takes 12 s to compile.)
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/train.h"

namespace sobre {

void add_train_command(CLI::App& app, std::function<Result<void>()>& chosen) {
  CLI::App* c = app.add_subcommand("train", "Train a model by a recipe: from random weights, or from any model here");
  const auto flags = std::make_shared<TrainFlags>();
  CLI::Option* recipe = c->add_option("RECIPE", flags->recipe, "The recipe, a TOML file (docs/training.md has its keys)");
  c->add_flag("--restart", flags->restart, "Begin anew, whatever is in the output folder");
  CLI::Option* replay =
      c->add_option("--replay", flags->replay_folder,
                    "Do a recorded run again: a folder of config.json, model.safetensors and steps.json; a line of JSON a step")
          ->type_name("DIR")
          ->excludes(recipe);
  c->add_option("--replay-out", flags->replay_out, "Write the weights after the recorded run there (safetensors)")
      ->type_name("FILE")
      ->needs(replay);
  add_team_flags(*c, flags->isa, flags->threads);
  c->footer(
      "A run that was stopped (Ctrl-C, a crash) goes on from its last checkpoint when the same command is given again, with "
      "the\n"
      "same bits on the same kind of machine. The log (JSONL) and the curves (SVG) lie in the output folder under training/.");
  c->callback([&chosen, flags] {
    if (flags->recipe.empty() && flags->replay_folder.empty())
      throw CLI::ValidationError("train: a RECIPE is needed, or --replay DIR");
    chosen = [flags] { return train_command(*flags); };
  });
}

}  // namespace sobre
