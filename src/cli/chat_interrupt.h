// Ctrl-C as a question that long work asks, instead of the end of the program. Main thread; the handler touches one flag.
#pragma once

#include <csignal>

namespace sobre {

/// While it lives, SIGINT sets a flag and makes blocking calls return (EINTR). Scopes may be nested; the flag is cleared by the
/// outermost one when it begins.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  struct sigaction before_{};
};

/// Whether SIGINT came since the flag was cleared.
[[nodiscard]] bool interrupted();
void clear_interrupt();

}  // namespace sobre
