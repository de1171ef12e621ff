// The keywords of JSON Schema, read into nodes. What is not enforced is refused here, by name.
#include <algorithm>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_set>

#include "text/json_schema_node.h"

namespace sobre {

/// Reads one node's keywords.
class NodeReader {
 public:
  NodeReader(SchemaReader& reader, const Json& json, SchemaNode node) : reader_(reader), json_(json), node_(std::move(node)) {}

  Result<SchemaNode> read() {
    if (const auto value = json_.as_bool()) {
      node_.boolean = true;
      node_.value = *value;
      return std::move(node_);
    }
    const Json::Object* object = json_.as_object();
    if (object == nullptr) return fail("schema at \"{}\": neither an object nor a boolean", node_.pointer);
    for (const auto& [key, value] : *object) {
      key_ = &key;
      TRY_VOID(keyword(key, value));
    }
    return std::move(node_);
  }

 private:
  using Reads = Result<void> (NodeReader::*)(const Json&);

  template <class... Args>
  std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) const {
    return fail("keyword {:.60} at \"{:.200}\": {}", *key_, node_.pointer, fmt::format(format, std::forward<Args>(args)...));
  }
  std::string place() const { return node_.pointer + "/" + *key_; }

  Result<void> keyword(const std::string& key, const Json& value);

  Result<int32_t> child(const Json& value, const std::string& where) { return reader_.node_of(value, where, node_.resource); }
  Result<void> child_to(int32_t& slot, const Json& value) {
    TRY(slot, child(value, place()));
    return {};
  }
  Result<void> children(std::vector<int32_t>& out, const Json& value) {
    const Json::Array* array = value.as_array();
    if (array == nullptr || array->empty()) return wrong("not a list of schemas");
    for (size_t i = 0; i < array->size(); ++i) {
      TRY(const int32_t node, child((*array)[i], fmt::format("{}/{}", place(), i)));
      out.push_back(node);
    }
    return {};
  }
  Result<void> count_to(std::optional<uint64_t>& slot, const Json& value) {
    const auto whole = value.as_double();
    if (!value.is_number() || !whole || *whole < 0 ||
        *whole != static_cast<double>(static_cast<uint64_t>(std::min(*whole, 9e15)))) {
      return wrong("not a whole number from 0 to 9e15");
    }
    slot = static_cast<uint64_t>(*whole);
    return {};
  }
  Result<void> names_to(std::vector<std::string>& out, const Json& value) {
    const Json::Array* array = value.as_array();
    if (array == nullptr) return wrong("not a list of strings");
    std::unordered_set<std::string_view> known(out.begin(), out.end());
    for (const Json& name : *array) {
      if (name.as_string() == nullptr) return wrong("not a list of strings");
      if (known.insert(*name.as_string()).second) out.push_back(*name.as_string());
    }
    return {};
  }

  Result<void> skip(const Json&) { return {}; }
  Result<void> vocabulary(const Json&) { return wrong("vocabularies are not supported"); }
  Result<void> schema_uri(const Json& value) {
    const std::string* uri = value.as_string();
    static constexpr std::string_view kKnown[] = {"json-schema.org/draft/2020-12/schema",
                                                  "json-schema.org/draft/2019-09/schema", "json-schema.org/draft-07/schema",
                                                  "json-schema.org/draft-06/schema", "json-schema.org/schema"};
    if (uri != nullptr) {
      std::string_view text = *uri;
      if (text.ends_with('#')) text.remove_suffix(1);
      if (text.starts_with("http://")) text.remove_prefix(7);
      if (text.starts_with("https://")) text.remove_prefix(8);
      if (std::find(std::begin(kKnown), std::end(kKnown), text) != std::end(kKnown)) return {};
    }
    return wrong("another dialect than draft 2020-12 ({:.100})", value.dump());
  }
  Result<void> ref(const Json& value) {
    if (value.as_string() == nullptr) return wrong("not a string");
    bool anchor = false;
    std::string fragment;
    TRY(const int32_t target, reader_.resolve(node_, *key_, *value.as_string(), anchor, fragment));
    node_.refs.push_back(target);
    return {};
  }
  Result<void> dynamic_ref(const Json& value) {
    if (value.as_string() == nullptr) return wrong("not a string");
    bool anchor = false;
    std::string fragment;
    TRY(node_.dynamic_target, reader_.resolve(node_, *key_, *value.as_string(), anchor, fragment));
    const SchemaNode& target = reader_.node(node_.dynamic_target);
    if (anchor && reader_.resources_[target.resource].dynamic_anchors.contains(fragment) &&
        !reader_.resources_[target.resource].anchors.contains(fragment)) {
      node_.dynamic_name = fragment;
      reader_.has_dynamic_ = true;
    }
    return {};
  }

  Result<void> type(const Json& value) {
    uint8_t types = 0;
    bool integer = false, number = false;
    const auto add = [&](const Json& name) -> Result<void> {
      const std::string text = name.as_string() != nullptr ? *name.as_string() : name.dump();
      if (text == "null")
        types |= kNullBit;
      else if (text == "boolean")
        types |= kFalseBit | kTrueBit;
      else if (text == "integer")
        types |= kNumberBit, integer = true;
      else if (text == "number" || text == "float")
        types |= kNumberBit, number = true;
      else if (text == "string")
        types |= kStringBit;
      else if (text == "array" || text == "tuple")
        types |= kArrayBit;
      else if (text == "object" || text == "dict")
        types |= kObjectBit;
      else if (text == "any")
        types |= kAllTypes, number = true;
      else
        return wrong("{:.60} is no type", text);
      return {};
    };
    if (const Json::Array* list = value.as_array()) {
      if (list->empty()) return wrong("an empty list");
      for (const Json& name : *list) TRY_VOID(add(name));
    } else {
      TRY_VOID(add(value));
    }
    node_.types = types;
    node_.integer_only = integer && !number;
    return {};
  }

  Result<void> constant(const Json& value) { return values({&value}); }
  Result<void> enumeration(const Json& value) {
    const Json::Array* list = value.as_array();
    if (list == nullptr) return wrong("not a list");
    std::vector<const Json*> members;
    for (const Json& member : *list) members.push_back(&member);
    return values(members);
  }
  Result<ScalarValues> scalars(const std::vector<const Json*>& members) {
    ScalarValues values;
    std::vector<std::pair<std::u32string, int32_t>> words;
    for (const Json* member : members) {
      if (member->is_null()) values.types |= kNullBit;
      if (const auto b = member->as_bool()) values.types |= *b ? kTrueBit : kFalseBit;
      if (member->is_number()) values.types |= kNumberBit, values.numbers.push_back(Decimal::of(*member));
      if (const std::string* text = member->as_string()) values.types |= kStringBit, words.emplace_back(to_codes(*text), 0);
    }
    TRY(Dfa strings, words_dfa(std::move(words), reader_.budget_));
    TRY(values.strings, reader_.add_dfa(std::move(strings)));
    TRY(values.other_strings, reader_.complement(values.strings));
    return values;
  }
  Result<void> values(const std::vector<const Json*>& members) {
    std::vector<const Json*> plain;
    std::vector<int32_t> ways;
    for (const Json* member : members) {
      if (!member->is_array() && !member->is_object()) {
        plain.push_back(member);
        continue;
      }
      TRY(const int32_t way, reader_.constant_node(*member, place(), node_.resource));
      ways.push_back(way);
    }
    if (ways.empty() && !node_.scalars) {
      TRY(node_.scalars, scalars(plain));
      return {};
    }
    if (!plain.empty()) {
      SchemaNode way;
      way.pointer = place();
      way.resource = node_.resource;
      TRY(way.scalars, scalars(plain));
      TRY(const int32_t number, add_node(std::move(way)));
      ways.push_back(number);
    }
    if (ways.empty()) node_.types = 0;
    node_.any_of.push_back(std::move(ways));
    return {};
  }
  Result<int32_t> add_node(SchemaNode node) {
    TRY_VOID(reader_.budget_.spend(1));
    reader_.nodes_.push_back(std::move(node));
    reader_.places_.push_back({nullptr, ""});
    return static_cast<int32_t>(reader_.nodes_.size() - 1);
  }

  Result<void> bound(const Json& value, bool upper, bool exclusive) {
    if (!value.is_number()) return wrong("not a number");
    if (upper) {
      node_.numbers.add_max(Decimal::of(value), exclusive);
    } else {
      node_.numbers.add_min(Decimal::of(value), exclusive);
    }
    return {};
  }
  Result<void> minimum(const Json& v) { return bound(v, false, false); }
  Result<void> maximum(const Json& v) { return bound(v, true, false); }
  Result<void> exclusive_minimum(const Json& v) { return bound(v, false, true); }
  Result<void> exclusive_maximum(const Json& v) { return bound(v, true, true); }
  Result<void> multiple_of(const Json& value) {
    const Decimal step = Decimal::of(value);
    if (!value.is_number() || step.is_zero() || step.negative) return wrong("not a number above 0");
    if (step.digits.size() > 18) return wrong("{} has more than 18 digits", step.text());
    node_.numbers.multiples.push_back(step);
    return {};
  }

  Result<void> min_length(const Json& v) { return count_to(node_.min_length, v); }
  Result<void> max_length(const Json& v) { return count_to(node_.max_length, v); }
  Result<void> min_items(const Json& v) { return count_to(node_.min_items, v); }
  Result<void> max_items(const Json& v) { return count_to(node_.max_items, v); }
  Result<void> min_properties(const Json& v) { return count_to(node_.min_properties, v); }
  Result<void> max_properties(const Json& v) { return count_to(node_.max_properties, v); }
  Result<void> max_contains(const Json& v) { return count_to(node_.max_contains, v); }
  Result<void> min_contains(const Json& v) {
    std::optional<uint64_t> count;
    TRY_VOID(count_to(count, v));
    node_.min_contains = *count;
    return {};
  }
  Result<void> pattern(const Json& value) {
    if (value.as_string() == nullptr) return wrong("not a string");
    TRY(node_.pattern, reader_.pattern(*value.as_string(), *key_, node_.pointer));
    TRY(node_.other_pattern, reader_.complement(node_.pattern));
    return {};
  }
  Result<void> unique_items(const Json& value) {
    if (!value.as_bool()) return wrong("not a boolean");
    node_.unique_items = *value.as_bool();
    return {};
  }

  Result<void> all_of(const Json& v) { return children(node_.all_of, v); }
  Result<void> any_of(const Json& v) { return children(node_.any_of.emplace_back(), v); }
  Result<void> one_of(const Json& v) { return children(node_.one_of.emplace_back(), v); }
  Result<void> not_(const Json& v) { return child_to(node_.nots.emplace_back(), v); }
  Result<void> if_(const Json& v) { return child_to(node_.if_, v); }
  Result<void> then_(const Json& v) { return child_to(node_.then_, v); }
  Result<void> else_(const Json& v) { return child_to(node_.else_, v); }
  Result<void> prefix_items(const Json& v) { return children(node_.prefix_items, v); }
  Result<void> items(const Json& v) {
    if (v.is_array()) return wrong("the list form of older drafts; use prefixItems");
    return child_to(node_.items, v);
  }
  Result<void> contains(const Json& v) { return child_to(node_.contains, v); }
  Result<void> unevaluated_items(const Json& v) { return child_to(node_.unevaluated_items, v); }
  Result<void> unevaluated_properties(const Json& v) { return child_to(node_.unevaluated_properties, v); }
  Result<void> additional(const Json& v) { return child_to(node_.additional, v); }
  Result<void> property_names(const Json& v) { return child_to(node_.property_names, v); }
  Result<void> required(const Json& v) { return names_to(node_.required, v); }

  using Visit = std::function<Result<void>(const std::string& name, const Json& value, const std::string& where)>;
  Result<void> members(const Json& value, const Visit& visit) {
    if (!value.is_object()) return wrong("not an object");
    for (const auto& [name, inner] : *value.as_object()) TRY_VOID(visit(name, inner, place() + "/" + name));
    return {};
  }
  Result<void> properties(const Json& value) {
    return members(value, [this](const std::string& name, const Json& inner, const std::string& where) -> Result<void> {
      TRY(const int32_t node, child(inner, where));
      node_.properties.emplace_back(name, node);
      return {};
    });
  }
  Result<void> pattern_properties(const Json& value) {
    return members(value, [this](const std::string& name, const Json& inner, const std::string& where) -> Result<void> {
      TRY(const int32_t dfa, reader_.pattern(name, *key_, node_.pointer));
      TRY(const int32_t node, child(inner, where));
      node_.pattern_properties.emplace_back(dfa, node);
      return {};
    });
  }
  Result<void> dependent_required(const Json& value) {
    return members(value, [this](const std::string& name, const Json& inner, const std::string&) -> Result<void> {
      auto& entry = node_.dependent_required.emplace_back(name, std::vector<std::string>());
      return names_to(entry.second, inner);
    });
  }
  Result<void> dependent_schemas(const Json& value) {
    return members(value, [this](const std::string& name, const Json& inner, const std::string& where) -> Result<void> {
      TRY(const int32_t node, child(inner, where));
      node_.dependent_schemas.emplace_back(name, node);
      return {};
    });
  }

  SchemaReader& reader_;
  const Json& json_;
  SchemaNode node_;
  const std::string* key_ = nullptr;
};

Result<void> NodeReader::keyword(const std::string& key, const Json& value) {
  static const std::map<std::string_view, Reads> kKeywords = {
      {"$schema", &NodeReader::schema_uri},
      {"$vocabulary", &NodeReader::vocabulary},
      {"$ref", &NodeReader::ref},
      {"$dynamicRef", &NodeReader::dynamic_ref},
      {"type", &NodeReader::type},
      {"const", &NodeReader::constant},
      {"enum", &NodeReader::enumeration},
      {"minimum", &NodeReader::minimum},
      {"maximum", &NodeReader::maximum},
      {"exclusiveMinimum", &NodeReader::exclusive_minimum},
      {"exclusiveMaximum", &NodeReader::exclusive_maximum},
      {"multipleOf", &NodeReader::multiple_of},
      {"minLength", &NodeReader::min_length},
      {"maxLength", &NodeReader::max_length},
      {"pattern", &NodeReader::pattern},
      {"minItems", &NodeReader::min_items},
      {"maxItems", &NodeReader::max_items},
      {"uniqueItems", &NodeReader::unique_items},
      {"prefixItems", &NodeReader::prefix_items},
      {"items", &NodeReader::items},
      {"contains", &NodeReader::contains},
      {"minContains", &NodeReader::min_contains},
      {"maxContains", &NodeReader::max_contains},
      {"unevaluatedItems", &NodeReader::unevaluated_items},
      {"properties", &NodeReader::properties},
      {"patternProperties", &NodeReader::pattern_properties},
      {"additionalProperties", &NodeReader::additional},
      {"propertyNames", &NodeReader::property_names},
      {"required", &NodeReader::required},
      {"minProperties", &NodeReader::min_properties},
      {"maxProperties", &NodeReader::max_properties},
      {"dependentRequired", &NodeReader::dependent_required},
      {"dependentSchemas", &NodeReader::dependent_schemas},
      {"unevaluatedProperties", &NodeReader::unevaluated_properties},
      {"allOf", &NodeReader::all_of},
      {"anyOf", &NodeReader::any_of},
      {"oneOf", &NodeReader::one_of},
      {"not", &NodeReader::not_},
      {"if", &NodeReader::if_},
      {"then", &NodeReader::then_},
      {"else", &NodeReader::else_},
  };
  // Identifiers are read by scan(); the others say nothing about what is valid.
  static constexpr std::string_view kAnnotations[] = {"$id",           "$anchor",   "$dynamicAnchor",  "$defs",
                                                      "definitions",   "$comment",  "title",           "description",
                                                      "default",       "examples",  "example",         "deprecated",
                                                      "readOnly",      "writeOnly", "contentEncoding", "contentMediaType",
                                                      "contentSchema", "format",    "discriminator",   "xml",
                                                      "externalDocs"};
  const auto found = kKeywords.find(key);
  if (found != kKeywords.end()) return (this->*found->second)(value);
  if (std::find(std::begin(kAnnotations), std::end(kAnnotations), key) != std::end(kAnnotations) || key.starts_with("x-")) {
    return {};
  }
  return wrong("not known, so it cannot be enforced");
}

Result<void> SchemaReader::read_node(int32_t index) {
  const Place place = places_[static_cast<size_t>(index)];
  if (place.json == nullptr) return {};  // made, not read
  TRY(SchemaNode node, NodeReader(*this, *place.json, nodes_[static_cast<size_t>(index)]).read());
  nodes_[static_cast<size_t>(index)] = std::move(node);
  return {};
}

Result<int32_t> SchemaReader::add_dfa(Dfa dfa) {
  dfas_.push_back(std::move(dfa));
  return static_cast<int32_t>(dfas_.size() - 1);
}

Result<int32_t> SchemaReader::complement(int32_t dfa) {
  const auto found = complements_.find(dfa);
  if (found != complements_.end()) return found->second;
  const Dfa* part = &dfas_[static_cast<size_t>(dfa)];
  TRY(Dfa other, product_dfa({&part, 1}, [](std::span<const int32_t> labels) { return labels[0] < 0 ? 0 : -1; }, budget_));
  TRY(const int32_t number, add_dfa(std::move(other)));
  complements_[dfa] = number;
  complements_[number] = dfa;
  return number;
}

Result<int32_t> SchemaReader::pattern(const std::string& source, const std::string& keyword, const std::string& pointer) {
  const auto found = patterns_.find(source);
  if (found != patterns_.end()) return found->second;
  const auto make = [&]() -> Result<Dfa> {
    TRY(const RegexTree tree, parse_regex(source, max_depth_));
    return regex_dfa(tree, true, budget_);
  };
  auto dfa = make();
  if (!dfa) return fail("keyword {} at \"{:.200}\": {}", keyword, pointer, dfa.error().message);
  TRY(const int32_t number, add_dfa(*std::move(dfa)));
  patterns_[source] = number;
  return number;
}

Result<int32_t> SchemaReader::add_constant(const Json& value) {
  constants_.push_back(Json(Json::Object{{"const", value}}));
  TRY(const int32_t node, node_of(constants_.back(), "", 0));
  TRY_VOID(read_node(node));
  return node;
}

/// A container that must be written out: each of its values is a constant.
Result<int32_t> SchemaReader::constant_node(const Json& value, const std::string& pointer, uint32_t resource) {
  // Depth is that of the schema's own text, which the JSON parser has bounded.
  SchemaNode node;
  node.pointer = pointer;
  node.resource = resource;
  const auto inner = [&](const Json& member) -> Result<int32_t> {
    if (member.is_array() || member.is_object()) return constant_node(member, pointer, resource);
    constants_.push_back(Json(Json::Object{{"const", member}}));
    return node_of(constants_.back(), pointer, resource);
  };
  if (const Json::Array* array = value.as_array()) {
    node.types = kArrayBit;
    node.min_items = node.max_items = array->size();
    for (const Json& member : *array) {
      TRY(const int32_t item, inner(member));
      node.prefix_items.push_back(item);
    }
  } else {
    node.types = kObjectBit;
    constants_.push_back(Json(false));
    TRY(node.additional, node_of(constants_.back(), pointer, resource));
    for (const auto& [name, member] : *value.as_object()) {
      TRY(const int32_t property, inner(member));
      node.properties.emplace_back(name, property);
      node.required.push_back(name);
    }
  }
  TRY_VOID(budget_.spend(1));
  nodes_.push_back(std::move(node));
  places_.push_back({nullptr, ""});
  return static_cast<int32_t>(nodes_.size() - 1);
}

}  // namespace sobre
