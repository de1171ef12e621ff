// Identifiers, anchors and references of JSON Schema.
#include <algorithm>

#include "text/json_schema_node.h"

namespace sobre {
namespace {

struct UriParts {
  std::string scheme, authority, path;  // scheme with its colon, authority with its slashes
};

UriParts split_uri(std::string_view uri) {
  UriParts parts;
  if (const size_t hash = uri.find('#'); hash != std::string_view::npos) uri = uri.substr(0, hash);
  const size_t colon = uri.find_first_of(":/?");
  if (colon != std::string_view::npos && colon > 0 && uri[colon] == ':') {
    parts.scheme = std::string(uri.substr(0, colon + 1));
    uri.remove_prefix(colon + 1);
  }
  if (uri.starts_with("//")) {
    const size_t end = std::min(uri.find('/', 2), uri.size());
    parts.authority = std::string(uri.substr(0, end));
    uri.remove_prefix(end);
  }
  parts.path = std::string(uri);
  return parts;
}

std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool absolute = path.starts_with('/');
  bool slash_at_end = false;
  for (size_t pos = absolute ? 1 : 0; pos <= path.size();) {
    const size_t end = std::min(path.find('/', pos), path.size());
    const std::string_view segment = path.substr(pos, end - pos);
    slash_at_end = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != "." && !segment.empty()) {
      kept.push_back(segment);
    }
    pos = end + 1;
  }
  std::string out = absolute ? "/" : "";
  for (size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) out += '/';
    out += kept[i];
  }
  if (slash_at_end && !kept.empty()) out += '/';
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

const Json* pointer_step(const Json& json, std::string_view token) {
  std::string name;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      name += token[++i] == '0' ? '~' : '/';
    } else {
      name += token[i];
    }
  }
  const Json::Array* array = json.as_array();
  if (array == nullptr) return json.find(name);
  if (name.empty() || name.size() > 6 || name.find_first_not_of("0123456789") != std::string::npos) return nullptr;
  const auto index = static_cast<size_t>(std::stoul(name));
  return index < array->size() ? &(*array)[index] : nullptr;
}

}  // namespace

std::string resolve_uri(const std::string& base, std::string_view reference) {
  UriParts b = split_uri(base), r = split_uri(reference);
  if (!r.scheme.empty()) return r.scheme + r.authority + (r.authority.empty() ? r.path : without_dots(r.path));
  if (!r.authority.empty()) return b.scheme + r.authority + without_dots(r.path);
  if (r.path.empty()) return b.scheme + b.authority + b.path;
  if (r.path.starts_with('/')) return b.scheme + b.authority + without_dots(r.path);
  const size_t slash = b.path.rfind('/');
  const std::string folder = slash != std::string::npos ? b.path.substr(0, slash + 1) : b.authority.empty() ? "" : "/";
  return b.scheme + b.authority + without_dots(folder + r.path);
}

Result<void> SchemaReader::scan_identifiers(const Json& json, const std::string& pointer, uint32_t& resource) {
  if (const Json* id = json.find("$id")) {
    const std::string* text = id->as_string();
    if (text == nullptr) return fail("keyword $id at \"{}\": not a string", pointer);
    if (!text->empty() && !text->starts_with('#')) {
      const std::string uri = resolve_uri(resources_[resource].uri, *text);
      if (pointer.empty()) {
        resources_[0].uri = uri;
      } else {
        resource = static_cast<uint32_t>(resources_.size());
        resources_.push_back({uri, {&json, pointer}, {}, {}});
      }
      if (!by_uri_.try_emplace(uri, resource).second && !pointer.empty()) {
        return fail("keyword $id at \"{}\": {:.100} is given twice", pointer, uri);
      }
    }
  }
  for (const bool dynamic : {false, true}) {
    const Json* anchor = json.find(dynamic ? "$dynamicAnchor" : "$anchor");
    if (anchor == nullptr) continue;
    const std::string* name = anchor->as_string();
    if (name == nullptr) return fail("keyword {} at \"{}\": not a string", dynamic ? "$dynamicAnchor" : "$anchor", pointer);
    Resource& r = resources_[resource];
    (dynamic ? r.dynamic_anchors : r.anchors).try_emplace(*name, Place{&json, pointer});
  }
  return {};
}

Result<void> SchemaReader::scan(const Json& json, const std::string& pointer, uint32_t resource, int depth) {
  if (depth > max_depth_) return fail("schema at \"{:.200}\": nested deeper than {}, the limit", pointer, max_depth_);
  TRY_VOID(budget_.spend(1));
  const Json::Object* object = json.as_object();
  if (object == nullptr) return {};
  TRY_VOID(scan_identifiers(json, pointer, resource));
  resource_of_[&json] = resource;
  static constexpr std::string_view kOne[] = {
      "items", "additionalProperties", "propertyNames",         "contains",     "not", "if", "then",
      "else",  "unevaluatedItems",     "unevaluatedProperties", "contentSchema"};
  static constexpr std::string_view kList[] = {"allOf", "anyOf", "oneOf", "prefixItems"};
  static constexpr std::string_view kMap[] = {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"};
  const auto is = [](const auto& names, std::string_view key) {
    return std::find(std::begin(names), std::end(names), key) != std::end(names);
  };
  for (const auto& [key, value] : *object) {
    const std::string place = pointer + "/" + key;
    if (is(kOne, key)) {
      TRY_VOID(scan(value, place, resource, depth + 1));
    } else if (is(kList, key) && value.is_array()) {
      for (size_t i = 0; i < value.as_array()->size(); ++i) {
        TRY_VOID(scan((*value.as_array())[i], fmt::format("{}/{}", place, i), resource, depth + 1));
      }
    } else if (is(kMap, key) && value.is_object()) {
      for (const auto& [name, inner] : *value.as_object()) TRY_VOID(scan(inner, place + "/" + name, resource, depth + 1));
    }
  }
  return {};
}

Result<int32_t> SchemaReader::read() {
  resources_.push_back({"", {&root_, ""}, {}, {}});
  by_uri_[""] = 0;
  TRY_VOID(scan(root_, "", 0, 0));
  TRY(const int32_t root, node_of(root_, "", 0));
  for (; next_ < nodes_.size(); ++next_) TRY_VOID(read_node(static_cast<int32_t>(next_)));
  // Dynamic anchors may be asked for later from any place.
  if (has_dynamic_) {
    for (size_t r = 0; r < resources_.size(); ++r) {
      for (const auto& [name, place] : std::map(resources_[r].dynamic_anchors)) {
        TRY_VOID(node_of(*place.json, place.pointer, static_cast<uint32_t>(r)));
      }
    }
    for (; next_ < nodes_.size(); ++next_) TRY_VOID(read_node(static_cast<int32_t>(next_)));
  }
  return root;
}

int32_t SchemaReader::dynamic_anchor(uint32_t resource, const std::string& name) const {
  const auto& anchors = resources_[resource].dynamic_anchors;
  const auto found = anchors.find(name);
  return found == anchors.end() ? -1 : numbers_.at(found->second.json);
}

Result<int32_t> SchemaReader::node_of(const Json& json, const std::string& pointer, uint32_t resource) {
  const auto [entry, fresh] = numbers_.try_emplace(&json, static_cast<int32_t>(nodes_.size()));
  if (!fresh) return entry->second;
  TRY_VOID(budget_.spend(1));
  const auto scanned = resource_of_.find(&json);
  SchemaNode node;
  node.pointer = pointer;
  node.resource = scanned == resource_of_.end() ? resource : scanned->second;
  nodes_.push_back(std::move(node));
  places_.push_back({&json, pointer});
  return entry->second;
}

Result<int32_t> SchemaReader::resolve(const SchemaNode& from, const std::string& keyword, const std::string& reference,
                                      bool& anchor, std::string& fragment) {
  const std::string where = from.pointer;
  const size_t hash = reference.find('#');
  fragment = hash == std::string::npos ? "" : percent_decoded(std::string_view(reference).substr(hash + 1));
  uint32_t resource = from.resource;
  if (hash != 0) {
    const auto found = by_uri_.find(resolve_uri(resources_[resource].uri, reference));
    if (found == by_uri_.end()) {
      return fail("keyword {} at \"{}\": {:.200} is not part of the schema, and nothing is fetched", keyword, where, reference);
    }
    resource = found->second;
  }
  const Resource& target = resources_[resource];
  anchor = !fragment.empty() && fragment[0] != '/';
  if (anchor) {
    for (const auto* anchors : {&target.anchors, &target.dynamic_anchors}) {
      const auto found = anchors->find(fragment);
      if (found != anchors->end()) {
        const Place place = found->second;
        return node_of(*place.json, place.pointer, resource);
      }
    }
    return fail("keyword {} at \"{}\": there is no anchor {:.200}", keyword, where, reference);
  }
  const Json* json = target.root.json;
  std::string pointer = target.root.pointer;
  for (size_t pos = 0; pos < fragment.size();) {
    const size_t end = std::min(fragment.find('/', pos + 1), fragment.size());
    const std::string token = fragment.substr(pos + 1, end - pos - 1);
    json = pointer_step(*json, token);
    if (json == nullptr) return fail("keyword {} at \"{}\": {:.200} does not exist", keyword, where, reference);
    if (const auto inner = resource_of_.find(json); inner != resource_of_.end()) resource = inner->second;
    pointer += "/" + token;
    pos = end;
  }
  return node_of(*json, pointer, resource);
}

}  // namespace sobre
