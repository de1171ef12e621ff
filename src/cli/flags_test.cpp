// Wrong usage and wrong input of every command: one clear line and the right exit status. And what --help and --version say.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/command_testing.h"

namespace sobre {
namespace {

using Args = std::vector<std::string>;

TEST(Usage, WrongFlagsAndValuesAreStatusTwo) {
  const struct {
    Args args;
    const char* words;
  } cases[] = {
      {{}, "a command is needed"},
      {{"shwo"}, "'shwo' is no command; the commands are"},
      {{"--nonsense"}, "--nonsense"},
      {{"show"}, "MODEL is required"},
      {{"show", "m", "extra"}, "extra"},
      {{"show", "m", "--kv", "f17"}, "--kv: 'f17' is none of f16, q8, f32"},
      {{"show", "m", "--weights", "q5"}, "--weights: 'q5' is none of auto, f32, bf16, q8, q4"},
      {{"show", "m", "--isa", "mmx"}, "--isa: 'mmx' is none of scalar, avx2"},
      {{"show", "m", "--threads", "0"}, "--threads: '0' is no whole number from 1 to 1024"},
      {{"show", "m", "--threads", "two"}, "'two' is no whole number"},
      {{"show", "m", "--threads", "99999999999999999999"}, "is no whole number from 1 to 1024"},
      {{"show", "m", "--ctx", "-1"}, "--ctx: '-1' is no whole number from 1 to"},
      {{"show", "m", "--ctx", "1.5"}, "'1.5'"},
      {{"show", "m", "--ctx"}, "--ctx"},
      {{"perplexity", "m"}, "--text is required"},
      {{"perplexity", "m", "--text", "t", "--chunks", "0"}, "--chunks: '0' is no whole number from 1"},
      {{"quantize", "in"}, "OUT is required"},
      {{"quantize", "in", "out.gguf"}, "--type is required"},
      {{"quantize", "in", "out.gguf", "--type", "Q9_9"}, "--type: 'Q9_9' is none of F32, F16, BF16, Q4_0"},
      {{"new", "--out", "o"}, "--config is required"},
      {{"new", "--config", "c"}, "--out is required"},
      {{"new", "--config", "c", "--out", "o", "--seed", "-1"},
       "--seed: '-1' is no whole number from 0 to 18446744073709551615"},
      {{"bench", "m", "-p", "x"}, "-p: 'x' is no whole number from 0"},
      {{"bench", "m", "-n", "1048577"}, "-n: '1048577'"},
      {{"bench", "m", "--repeat", "0"}, "--repeat: '0' is no whole number from 1 to 1000"},
      {{"logits", "m", "--out", "o"}, "--ids is required"},
      {{"logits", "m", "--ids", "i"}, "--out is required"},
      {{"generate", "m"}, "--ids is required"},
      {{"generate", "m", "--ids", "i", "--max", "0"}, "--max: '0' is no whole number from 1"},
      {{"tokenize"}, "PATH is required"},
      {{"template", "p"}, "--jsonl is required"},
      {{"meter", "--seconds", "0"}, "--seconds: '0' is no whole number from 1"},
      {{"meter", "--calibrate", "--wall", "50", "-60"}, "-60"},
      {{"meter", "--calibrate", "--wall", "50", "much"}, "--wall: 'much' is no number of watts above 0"},
      {{"meter", "--calibrate", "--seconds-per-level", "0"}, "--seconds-per-level: '0' is no whole number from 1 to 3600"},
      {{"meter", "--wall", "50"}, "--wall requires --calibrate"},
      {{"template", "p", "--jsonl", "--now", "2026-02-30T00:00:00"}, "--now: '2026-02-30T00:00:00' is no time like"},
      {{"serve", "--keys", ""}, "--keys: the value is empty"},
      {{"serve", "--config", ""}, "--config: the value is empty"},
      {{"serve", "--new-key", ""}, "--new-key: the value is empty"},
      {{"ledger", "prune", "--file", "", "--before", "2026-01-01"}, "--file: the value is empty"},
      {{"show", ""}, "MODEL: the value is empty"},
      {{"eval", "m", "--recipe", ""}, "--recipe: the value is empty"},
      {{"eval", "m", "--seed", "99999999999999999999"}, "--seed: '99999999999999999999' is no whole number from 0"},
      {{"eval", "m", "--level", "4"}, "4"},
      {{"pull", "m", "--parallel", "0x2"}, "--parallel: '0x2' is no whole number from 1 to 16"},
      {{"template", "p", "--jsonl", "--now", "today"}, "--now: 'today' is no time like 2026-03-09T14:05:06"},
  };
  for (const auto& c : cases) expect_failure(c.args, 2, c.words);
  // Rows of requests without a key have an empty one.
  EXPECT_NE(run_sobre({"ledger", "show", "--key", ""}).status, 2);
}

TEST(Usage, MissingAndWrongFilesAreStatusOne) {
  const TemporaryFolder folder;
  write_text(folder / "notes.txt", "no model at all");
  write_text(folder / "broken.json", "{\"model_type\": ");
  write_text(folder / "list.json", "[1]");
  write_text(folder / "alien.json", "{\"model_type\": \"alien\", \"hidden_size\": 8}");
  write_text(folder / "broken.jinja", "{% if %}");
  const std::string missing = folder / "missing";
  const struct {
    Args args;
    std::string words;
  } cases[] = {
      {{"show", folder / "notes.txt"}, "notes.txt"},
      {{"show", folder.path()}, "no checkpoint here"},
      {{"quantize", folder.path(), folder / "o.gguf", "--type", "Q8_0"}, "no checkpoint here"},
      {{"quantize", folder / "notes.txt", folder / "o.bin", "--type", "Q8_0"}, "must end in .gguf"},
      {{"new", "--config", missing, "--out", folder / "n"}, "missing"},
      {{"new", "--config", folder / "broken.json", "--out", folder / "n"}, "broken.json"},
      {{"new", "--config", folder / "list.json", "--out", folder / "n"}, "no JSON object"},
      {{"new", "--config", folder / "alien.json", "--out", folder / "n"}, "\"alien\" is not supported"},
      {{"tokenize", folder / "notes.txt", "--jsonl"}, "notes.txt"},
      {{"template", folder / "broken.jinja", "--jsonl"}, "broken.jinja"},
      {{"template", folder / "none.jinja", "--jsonl"}, "none.jinja"},
      {{"bench", folder.path()}, "no checkpoint here"},
      {{"perplexity", folder.path(), "--text", folder / "notes.txt"}, "no checkpoint here"},
      {{"meter", "--method", "magic"}, "'magic' is no method of measuring energy; known are auto, wall-calibrated"},
      {{"meter", "--calibrate", "--wall", "50", "60", "--file", folder / "c"}, "--wall has 2 readings; 5 are needed"},
      {{"logits", folder.path(), "--ids", missing, "--out", folder / "l"}, "no checkpoint here"},
  };
  for (const auto& c : cases) expect_failure(c.args, 1, c.words);
  EXPECT_FALSE(std::filesystem::exists(folder / "n/model.safetensors"));
}

TEST(Usage, UnknownModelNamesAreRefusedWithoutALookup) {
  expect_failure({"show", "no-such-model-anywhere"}, 1, "no-such-model-anywhere");
  expect_failure({"show", "./no/such/folder"}, 1, "no/such/folder");
}

TEST(Usage, VersionIsThatOfTheBuildFile) {
  const Outcome o = run_sobre({"--version"});
  EXPECT_EQ(o.status, 0);
  ASSERT_TRUE(o.out.starts_with("sobre ")) << o.out;
  const std::string version = o.out.substr(6, o.out.find('\n') - 6);
  EXPECT_NE(read_text(SOBRE_SOURCE_DIR "/CMakeLists.txt").find("project(sobre VERSION " + version), std::string::npos)
      << version;
}

TEST(Usage, HelpNamesEveryCommandAndFlag) {
  const Outcome top = run_sobre({"--help"});
  EXPECT_EQ(top.status, 0);
  const std::vector<std::pair<std::string, Args>> commands = {
      {"show", {"MODEL", "--weights", "--kv", "--isa", "--threads", "--ctx", "--template"}},
      {"perplexity", {"MODEL", "--text", "--chunks", "--against-f32", "--ctx"}},
      {"quantize", {"IN", "OUT", "--type", "Q4_K_M", "--threads", "--force"}},
      {"train-tokenizer",
       {"FILE", "--vocab-size", "260 to 1000000", "--out", "--min-frequency", "--max-bytes", "--split-capitals", "--force"}},
      {"train", {"RECIPE", "--replay", "--replay-out", "--restart", "--isa", "--threads"}},
      {"eval",
       {"MODEL", "--task", "--level", "--language", "--count", "--seed", "--recipe", "--shots", "--system", "--answers",
        "--zone"}},
      {"data", {"TASK", "--split", "--seed", "--count", "--level", "--language", "--list"}},
      {"new", {"--config", "--out", "--seed", "--tokenizer"}},
      {"bench", {"MODEL", "-p", "-n", "--repeat", "--json"}},
      {"logits", {"MODEL", "--ids", "--out"}},
      {"generate", {"MODEL", "--ids", "--max", "--stop"}},
      {"tokenize", {"PATH", "--jsonl", "--special"}},
      {"template", {"PATH", "--jsonl", "--now"}},
      {"run", {"MODEL", "--system"}},
      {"demo", {"--count", "--seed", "--json"}},
      {"pull", {"NAME", "--parallel", "--update", "HF_HOME", "HF_TOKEN"}},
      {"list", {"--json"}},
      {"rm", {"NAME"}},
      {"verify", {"NAME"}},
      {"search", {"WORDS", "--limit", "--gguf", "--json"}},
      {"alias", {"NAME", "TARGET", "--remove"}},
      {"meter", {"--once", "--seconds", "--json", "--method", "--calibrate", "--wall", "--seconds-per-level", "--file"}},
  };
  for (const auto& [command, words] : commands) {
    EXPECT_NE(top.out.find("\n  " + command + " "), std::string::npos) << command << "\n" << top.out;
    const Outcome o = run_sobre({command, "--help"});
    EXPECT_EQ(o.status, 0) << command;
    EXPECT_EQ(o.err, "") << command;
    for (const std::string& word : words) EXPECT_NE(o.out.find(word), std::string::npos) << command << " " << word;
  }
}

TEST(Usage, TimesOfTheCalendarOnly) {
  ASSERT_TRUE(parse_local_time("2024-02-29T23:59:59"));
  EXPECT_EQ(parse_local_time("2026-03-09T14:05:06")->minute, 5);
  for (const char* text : {"2023-02-29T00:00:00", "2026-13-01T00:00:00", "2026-01-01T24:00:00", "2026-01-01 00:00:00",
                           "2026-01-01T00:00", "2026-01-01T00:00:00Z", "0000-01-01T00:00:00", ""}) {
    EXPECT_FALSE(parse_local_time(text)) << text;
  }
}

}  // namespace
}  // namespace sobre
