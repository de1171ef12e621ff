#include "cli/chat_interrupt.h"

namespace sobre {

namespace {

volatile std::sig_atomic_t g_interrupted = 0;
int g_scopes = 0;

void on_interrupt(int) { g_interrupted = 1; }

}  // namespace

InterruptScope::InterruptScope() {
  if (g_scopes++ == 0) g_interrupted = 0;
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: a blocking read ends
  ::sigaction(SIGINT, &action, &before_);
}

InterruptScope::~InterruptScope() {
  --g_scopes;
  ::sigaction(SIGINT, &before_, nullptr);
}

bool interrupted() { return g_interrupted != 0; }
void clear_interrupt() { g_interrupted = 0; }

}  // namespace sobre
