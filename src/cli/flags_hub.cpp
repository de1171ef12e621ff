// The flags of pull, list, rm, verify, search and alias. (Of all sources only the flags*.cpp include CLI11, which takes 12 s to
// compile.)
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/flags_number.h"
#include "cli/hub.h"

namespace sobre {

namespace {

using Chosen = std::function<Result<void>()>;

void add_pull(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("pull", "Fetch models from the Hugging Face hub (or a mirror) into the cache");
  const auto f = std::make_shared<PullFlags>();
  c->add_option("NAME", f->names, "ORG/NAME[@REVISION][:QUANT], a name of the catalogue, or an alias")->required();
  add_number(*c, "--parallel", f->parallel, 1, 16, "Files at a time (1 to 16; default 4)");
  c->add_flag("--update", f->update, "Ask the hub for the newest commit also of what is here already");
  c->footer(
      "Files go to the cache that Hugging Face's tools share (HF_HOME, HF_HUB_CACHE), each verified by its digest. "
      "HF_ENDPOINT\n"
      "names a mirror, HF_TOKEN or `hf auth login` a token for gated and private repositories, HF_HUB_OFFLINE=1 forbids the\n"
      "network. A pull that was stopped goes on where it was. Prints the path of each model.");
  c->callback([&chosen, f] { chosen = [f] { return pull_command(*f); }; });
}

void add_list(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("list", "The models that are on this machine");
  const auto f = std::make_shared<ListFlags>();
  c->add_flag("--json", f->json, "A line of JSON for each, with its path");
  c->callback([&chosen, f] { chosen = [f] { return list_command(*f); }; });
}

void add_rm(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("rm", "Remove models from this machine; says how much that frees");
  const auto f = std::make_shared<RemoveFlags>();
  c->add_option("NAME", f->names, "As `sobre list` names them; @REVISION or :QUANT removes only that one")->required();
  c->footer("Only what no other model refers to is freed.");
  c->callback([&chosen, f] { chosen = [f] { return remove_command(*f); }; });
}

void add_verify(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("verify", "Hash models anew and compare with what was published");
  const auto f = std::make_shared<VerifyFlags>();
  c->add_option("NAME", f->names, "Models (default: all that are here)");
  c->callback([&chosen, f] { chosen = [f] { return verify_command(*f); }; });
}

void add_search(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("search", "Models of the hub that match words: size, downloads, licence");
  const auto f = std::make_shared<SearchFlags>();
  c->add_option("WORDS", f->words, "What the names have in them")->required();
  add_number(*c, "--limit", f->limit, 1, 1000, "At most N (1 to 1000; default 20)");
  c->add_flag("--gguf", f->gguf, "Only repositories with GGUF files");
  c->add_flag("--json", f->json, "A line of JSON for each");
  c->callback([&chosen, f] { chosen = [f] { return search_command(*f); }; });
}

void add_alias(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("alias", "Give a model a name of your own; without arguments: list them");
  const auto f = std::make_shared<AliasFlags>();
  c->add_option("NAME", f->name, "The name; alone: what it stands for");
  CLI::Option* target = c->add_option("TARGET", f->target, "What it stands for: a hub or catalogue name, or a path");
  c->add_flag("--remove", f->remove, "Forget the name")->excludes(target);
  c->callback([&chosen, c, f] {
    if (f->remove && f->name.empty()) throw CLI::ValidationError(c->get_name() + ": --remove needs the NAME to forget");
    chosen = [f] { return alias_command(*f); };
  });
}

}  // namespace

void add_hub_commands(CLI::App& app, std::function<Result<void>()>& chosen) {
  add_pull(app, chosen);
  add_list(app, chosen);
  add_rm(app, chosen);
  add_verify(app, chosen);
  add_search(app, chosen);
  add_alias(app, chosen);
}

}  // namespace sobre
