// Any JSON as a schema: refused in one line, or an automaton without dead ends whose texts are JSON.
#include <string_view>

#include "grammar_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto schema = sobre::Json::parse(text, {.max_bytes = 16 << 10, .max_depth = 50});
  if (!schema) return 0;
  const auto grammar = sobre::Grammar::compile(sobre::grammar_schema(*schema), {.max_states = 20'000, .max_time_ms = 300});
  if (!grammar) {
    if (grammar.error().message.empty() || grammar.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  sobre::fuzzing::walk(*grammar, size);
  return 0;
}
