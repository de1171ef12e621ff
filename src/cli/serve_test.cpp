// What `sobre serve` refuses before it serves.
#include <gtest/gtest.h>

#include "cli/command_testing.h"

namespace sobre {
namespace {

TEST(Serve, AnAliasHidesNoOtherModel) {
  const TemporaryFolder folder;
  const std::string first = "[[model]]\npath = \"a.gguf\"\n", alias = "aliases = [\"small\"]\n";
  const std::string second = "[[model]]\npath = \"models/small\"\n";
  for (const std::string& text : {first + alias + second, second + first + alias, first + "[[model]]\npath = \"b/a\"\n"}) {
    write_text(folder / "sobre.toml", text);
    expect_failure({"serve", "--config", folder / "sobre.toml"}, 1, "two models are called '");
  }
  // A model may have its own name as an alias: here it is its file alone that is not there.
  write_text(folder / "sobre.toml", "[[model]]\npath = \"x/small.gguf\"\n" + alias);
  expect_failure({"serve", "--config", folder / "sobre.toml"}, 1, "x/small.gguf");
}

}  // namespace
}  // namespace sobre
