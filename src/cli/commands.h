// The command line: one file per command, joined here. Runs on the main thread; prints and exits belong to this layer.
#pragma once

namespace sobre {

/// Parses the arguments, runs one command, returns the exit status (0 done, 1 failed with one line on stderr, 2 wrong usage).
[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace sobre
