#include "text/jinja_json.h"

#include <algorithm>
#include <cmath>

#include "text/jinja_ops.h"
#include "text/jinja_text.h"
#include "text/unicode.h"

namespace sobre::jinja {

namespace {

Value input_text(Runtime& rt, const std::string& s, bool from_input) {
  Str str{s, {}, false};
  if (from_input && !s.empty()) str.input.push_back({0, s.size()});
  return static_cast<const Str*>(rt.heap.make(std::move(str)));
}

Result<Value> from_json_at(Runtime& rt, const Json& json, bool from_input, int depth);

Result<Value> list_from(Runtime& rt, const Json::Array& array, bool from_input, int depth) {
  List list;
  list.items.reserve(array.size());
  for (const Json& item : array) {
    TRY(const Value v, from_json_at(rt, item, from_input, depth + 1));
    list.items.push_back(v);
  }
  return static_cast<const List*>(rt.heap.make(std::move(list)));
}

Result<Value> dict_from(Runtime& rt, const Json::Object& object, bool from_input, int depth) {
  Dict dict;
  dict.entries.reserve(object.size());
  for (const auto& [key, member] : object) {
    TRY(const Value v, from_json_at(rt, member, from_input, depth + 1));
    TRY_VOID(put(rt, dict, input_text(rt, key, from_input), v));
  }
  return rt.heap.dict(std::move(dict));
}

Result<Value> from_json_at(Runtime& rt, const Json& json, bool from_input, int depth) {
  if (depth > kMaxValueDepth) return too_deep();
  if (const std::string* s = json.as_string()) return input_text(rt, *s, from_input);
  if (const Json::Array* a = json.as_array()) return list_from(rt, *a, from_input, depth);
  if (const Json::Object* o = json.as_object()) return dict_from(rt, *o, from_input, depth);
  if (json.is_bool()) return Value::boolean(*json.as_bool());
  if (const auto i = json.is_integer() ? json.as_int() : std::nullopt) return Value::integer(*i);
  if (json.is_number()) return Value::number(json.as_double().value_or(0));
  return Value();
}

}  // namespace

Result<Value> from_json(Runtime& rt, const Json& json, bool from_input) { return from_json_at(rt, json, from_input, 0); }

namespace {

class JsonWriter {
 public:
  JsonWriter(Runtime& rt, const JsonFormat& format) : rt_(rt), format_(format) {}
  Result<void> write(const Value& v, int depth);
  Str take() {
    Str s{std::move(out_), {}, false};
    if (input_ && !s.bytes.empty()) s.input.push_back({0, s.bytes.size()});
    return s;
  }

 private:
  Result<void> write_list(const std::vector<Value>& items, int depth);
  Result<void> write_dict(const Dict& dict, int depth);
  Result<void> write_key(const Value& key);
  void write_text(const Str& s);
  void write_code(char32_t code, std::string_view bytes);
  void new_line(int depth);
  void put(std::string_view text) {
    if (out_.size() + text.size() > rt_.budget.bytes_left()) return rt_.budget.spend_bytes(UINT64_MAX);
    out_ += text;
  }
  Runtime& rt_;
  const JsonFormat& format_;
  std::string out_;
  bool input_ = false;
};

std::string json_float(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
  return float_text(d);
}

void JsonWriter::new_line(int depth) {
  if (!format_.indent) return;
  put("\n");
  for (int i = 0; i < depth && !rt_.budget.broken(); ++i) put(*format_.indent);
}

void JsonWriter::write_code(char32_t code, std::string_view bytes) {
  switch (code) {
    case '"':
      return put("\\\"");
    case '\\':
      return put("\\\\");
    case '\n':
      return put("\\n");
    case '\r':
      return put("\\r");
    case '\t':
      return put("\\t");
    case '\b':
      return put("\\b");
    case '\f':
      return put("\\f");
    default:
      break;
  }
  if (code >= 0x20 && (!format_.ascii || code < 0x7F)) return put(bytes);
  if (code == 0x7F) return put(bytes);
  if (code < 0x10000) return put(fmt::format("\\u{:04x}", static_cast<uint32_t>(code)));
  const uint32_t rest = static_cast<uint32_t>(code) - 0x10000;
  put(fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF)));
}

void JsonWriter::write_text(const Str& s) {
  rt_.budget.spend_steps(s.bytes.size() / 256);
  input_ = input_ || has_input(s);
  put("\"");
  for (size_t i = 0; i < s.bytes.size() && !rt_.budget.broken();) {
    const Utf8Char c = decode_utf8(s.bytes, i);
    write_code(c.code, std::string_view(s.bytes).substr(i, c.size));
    i += c.size;
  }
  put("\"");
}

Result<void> JsonWriter::write_list(const std::vector<Value>& items, int depth) {
  if (items.empty()) return put("[]"), Result<void>();
  put("[");
  for (size_t i = 0; i < items.size() && !rt_.budget.broken(); ++i) {
    if (i > 0) put(format_.item_separator);
    new_line(depth + 1);
    TRY_VOID(write(items[i], depth + 1));
  }
  new_line(depth);
  put("]");
  return {};
}

Result<void> JsonWriter::write_key(const Value& key) {
  if (key.str() != nullptr) return write_text(*key.str()), Result<void>();
  if (!key.is_none() && !key.is_number()) return fail("keys must be str, int, float, bool or None, not {}", type_name(key));
  put("\"");
  TRY_VOID(write(key, 0));
  put("\"");
  return {};
}

Result<void> JsonWriter::write_dict(const Dict& dict, int depth) {
  if (dict.entries.empty()) return put("{}"), Result<void>();
  std::vector<Value> keys, values;
  for (const auto& [key, value] : dict.entries) {
    keys.push_back(key);
    values.push_back(value);
  }
  if (format_.sort_keys) {
    TRY(values, sorted(rt_, std::move(values), keys, false));
    TRY(keys, sorted(rt_, keys, keys, false));
  }
  put("{");
  for (size_t i = 0; i < keys.size() && !rt_.budget.broken(); ++i) {
    if (i > 0) put(format_.item_separator);
    new_line(depth + 1);
    TRY_VOID(write_key(keys[i]));
    put(format_.key_separator);
    TRY_VOID(write(values[i], depth + 1));
  }
  new_line(depth);
  put("}");
  return {};
}

Result<void> JsonWriter::write(const Value& v, int depth) {
  if (depth > kMaxValueDepth) return too_deep();
  rt_.budget.spend_steps(1);
  switch (v.kind()) {
    case Kind::kNone:
      return put("null"), Result<void>();
    case Kind::kBool:
      return put(truthy(v) ? "true" : "false"), Result<void>();
    case Kind::kInt:
      return put(fmt::format("{}", *v.integer())), Result<void>();
    case Kind::kFloat:
      return put(json_float(v.as_double())), Result<void>();
    case Kind::kStr:
      return write_text(*v.str()), Result<void>();
    case Kind::kList:
    case Kind::kTuple:
      return write_list(v.list()->items, depth);
    case Kind::kDict:
      return write_dict(*v.dict(), depth);
    default:
      return fail("Object of type {} is not JSON serializable", type_name(v));
  }
}

}  // namespace

Result<Value> to_json(Runtime& rt, const Value& v, const JsonFormat& format) {
  JsonWriter writer(rt, format);
  TRY_VOID(writer.write(v, 0));
  return rt.heap.text(writer.take());
}

}  // namespace sobre::jinja
