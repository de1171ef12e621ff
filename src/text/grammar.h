// Grammars: the language an answer must belong to, as data, compiled to an automaton over bytes. Regular expressions, JSON
// Schemas (draft 2020-12) and literal pieces combine freely. A compiled grammar is const and shared; any thread may use it.
// A JSON Schema keyword is enforced or refused by name, never skipped: what compiles holds. Patterns and schemas are untrusted:
// depth, states and time are bounded, compiling is iterative or depth-limited.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sobre {

struct GrammarLimits {
  uint64_t max_source_bytes = 256 << 10;  // of one pattern or schema
  int max_depth = 64;                     // nesting of a pattern or schema
  uint32_t max_states = 200'000;          // of the automaton
  int max_time_ms = 2000;                 // of one compilation
};

/// One node of a grammar. Plain value; made by the functions below.
struct GrammarNode {
  enum class Kind : uint8_t { kText, kToken, kRegex, kSchema, kJsonObject, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kText;
  std::string text;                // kText: the bytes; kRegex: the pattern
  int32_t token = -1;              // kToken: the id of one control token
  Json schema;                     // kSchema
  std::vector<GrammarNode> parts;  // kSequence, kChoice: any number; kRepeat: one
  int min = 0, max = -1;           // kRepeat: times; max -1: no bound
};

[[nodiscard]] GrammarNode grammar_text(std::string_view bytes);
/// A control token by its id (its spelling as plain text does not match).
[[nodiscard]] GrammarNode grammar_token(int32_t id);
/// The whole piece matches the pattern (anchored at both ends). Syntax: ECMA-262 without back-references and look-around, which
/// are refused by name.
[[nodiscard]] GrammarNode grammar_regex(std::string_view pattern);
/// One JSON text that the schema accepts, as common writers lay it out: the separators of json.dumps (", " and ": ") and the
/// compact ones; no other white space outside strings.
[[nodiscard]] GrammarNode grammar_schema(Json schema);
/// Any JSON object.
[[nodiscard]] GrammarNode grammar_json_object();
[[nodiscard]] GrammarNode grammar_sequence(std::vector<GrammarNode> parts);
[[nodiscard]] GrammarNode grammar_choice(std::vector<GrammarNode> parts);
[[nodiscard]] GrammarNode grammar_repeat(GrammarNode part, int min, int max);

/// A compiled grammar.
class Grammar {
 public:
  /// Errors: a keyword that is not enforced (named, with its place as a JSON pointer), bad syntax (with its offset), a limit.
  [[nodiscard]] static Result<std::shared_ptr<const Grammar>> compile(const GrammarNode& root,
                                                                      const GrammarLimits& limits = {});
  ~Grammar();

  /// Whether the language contains this text (control tokens excepted): the plain definition that masks are tested against.
  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] uint64_t memory_bytes() const;

  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  explicit Grammar(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace sobre
