// Any bytes as a regular expression, alone and as a schema's pattern: refused in one line, or an automaton without dead ends.
#include <string_view>

#include "grammar_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sobre::GrammarLimits limits{.max_states = 5'000, .max_time_ms = 200};
  const sobre::Json schema(sobre::Json::Object{{"type", "string"}, {"pattern", text}});
  for (const sobre::GrammarNode& node : {sobre::grammar_regex(text), sobre::grammar_schema(schema)}) {
    const auto grammar = sobre::Grammar::compile(node, limits);
    if (!grammar) {
      if (grammar.error().message.empty() || grammar.error().message.find('\n') != std::string::npos) std::abort();
      continue;
    }
    sobre::fuzzing::walk(*grammar, size);
  }
  return 0;
}
