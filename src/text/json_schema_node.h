// JSON Schema (draft 2020-12) as read: one node per subschema with typed keywords, references resolved. Reading refuses what is
// not enforced, by keyword and JSON pointer. Part of compiling a grammar; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/grammar_number.h"
#include "text/json_schema.h"
#include "text/regex_dfa.h"

namespace sobre {

/// The scalars of an enum or const.
struct ScalarValues {
  uint8_t types = 0;  // kNullBit, kFalseBit, kTrueBit as members; kNumberBit, kStringBit where there are some
  std::vector<Decimal> numbers;
  int32_t strings = -1, other_strings = -1;  // automata of the strings and of all others
};

struct SchemaNode {
  std::string pointer;  // of its place, for messages
  uint32_t resource = 0;
  bool boolean = false, value = true;  // true and false as schemas

  uint8_t types = kAllTypes;
  bool integer_only = false;  // numbers only as integers
  std::optional<ScalarValues> scalars;
  NumberRules numbers;  // min, max, multiples: at most one each
  std::optional<uint64_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
  int32_t pattern = -1, other_pattern = -1;  // automata: with and without a match
  bool unique_items = false;

  std::vector<int32_t> prefix_items;
  int32_t items = -1, contains = -1, unevaluated_items = -1;
  uint64_t min_contains = 1;
  std::optional<uint64_t> max_contains;

  std::vector<std::pair<std::string, int32_t>> properties;
  std::vector<std::pair<int32_t, int32_t>> pattern_properties;  // automaton, node
  int32_t additional = -1, property_names = -1, unevaluated_properties = -1;
  std::vector<std::string> required;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<std::pair<std::string, int32_t>> dependent_schemas;

  std::vector<int32_t> refs, all_of;
  std::vector<std::vector<int32_t>> any_of, one_of;
  std::vector<int32_t> nots;
  int32_t if_ = -1, then_ = -1, else_ = -1;
  int32_t dynamic_target = -1;  // what $dynamicRef names in its own resource
  std::string dynamic_name;     // empty: $dynamicRef behaves as $ref
};

/// Reads schemas on demand.
class SchemaReader {
 public:
  SchemaReader(const Json& root, int max_depth, std::vector<Dfa>& dfas, CompileBudget& budget)
      : root_(root), max_depth_(max_depth), dfas_(dfas), budget_(budget) {}

  /// Finds identifiers and anchors, and reads the root and all it refers to.
  [[nodiscard]] Result<int32_t> read();

  [[nodiscard]] const SchemaNode& node(int32_t i) const { return nodes_[static_cast<size_t>(i)]; }
  [[nodiscard]] size_t size() const { return nodes_.size(); }
  [[nodiscard]] const Json& root() const { return root_; }
  [[nodiscard]] bool has_dynamic() const { return has_dynamic_; }
  /// The node of a dynamic anchor in a resource, or -1.
  [[nodiscard]] int32_t dynamic_anchor(uint32_t resource, const std::string& name) const;
  /// The complement of an automaton (no strings that the other has).
  [[nodiscard]] Result<int32_t> complement(int32_t dfa);
  [[nodiscard]] Result<int32_t> add_dfa(Dfa dfa);
  /// A node that is one scalar value.
  [[nodiscard]] Result<int32_t> add_constant(const Json& value);

 private:
  friend class NodeReader;
  struct Place {
    const Json* json = nullptr;
    std::string pointer;
  };
  struct Resource {
    std::string uri;
    Place root;
    std::map<std::string, Place> anchors, dynamic_anchors;
  };
  Result<void> scan(const Json& json, const std::string& pointer, uint32_t resource, int depth);
  Result<void> scan_identifiers(const Json& json, const std::string& pointer, uint32_t& resource);
  Result<int32_t> node_of(const Json& json, const std::string& pointer, uint32_t resource);
  Result<void> read_node(int32_t index);
  Result<int32_t> resolve(const SchemaNode& from, const std::string& keyword, const std::string& reference, bool& anchor,
                          std::string& fragment);
  Result<int32_t> pattern(const std::string& source, const std::string& keyword, const std::string& pointer);
  Result<int32_t> constant_node(const Json& value, const std::string& pointer, uint32_t resource);

  const Json& root_;
  int max_depth_;
  std::vector<Dfa>& dfas_;
  CompileBudget& budget_;
  std::deque<Json> constants_;  // schemas made of constants; nodes point to them
  std::vector<SchemaNode> nodes_;
  std::vector<Place> places_;                              // of the nodes
  std::unordered_map<const Json*, int32_t> numbers_;       // nodes of schemas
  std::unordered_map<const Json*, uint32_t> resource_of_;  // of the subschemas that scan() met
  std::vector<Resource> resources_;
  std::map<std::string, uint32_t> by_uri_;
  std::map<std::string, int32_t> patterns_;
  std::map<int32_t, int32_t> complements_;
  bool has_dynamic_ = false;
  size_t next_ = 0;  // nodes below are read
};

/// An absolute URI from a base and a reference (RFC 3986, without the query's finer points); the fragment is left out.
[[nodiscard]] std::string resolve_uri(const std::string& base, std::string_view reference);

}  // namespace sobre
