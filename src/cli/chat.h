// The conversation in the terminal: lines in, streamed answers out, /commands. Main thread.
#pragma once

#include "base/result.h"
#include "cli/load.h"
#include "cli/run.h"
#include "engine/chat.h"

namespace sobre {

/// Talks until Ctrl-D or /exit. Standard input is a terminal. What goes wrong with one message is one line, and the
/// conversation goes on.
[[nodiscard]] Result<void> chat(Loaded& loaded, AnswerOptions options, const RunFlags& flags);

}  // namespace sobre
