#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

namespace sobre {
namespace {

constexpr size_t kMaxExcerpt = 80;  // bytes of a key or a reason shown in a message

/// The library's reason without its prefix and without the token it read last (which may be megabytes of anything).
std::string short_reason(std::string_view what) {
  if (const size_t last = what.find("; last read: "); last != std::string_view::npos) what = what.substr(0, last);
  if (const size_t column = what.find(", column "); column != std::string_view::npos) {
    if (const size_t colon = what.find(": ", column); colon != std::string_view::npos) what = what.substr(colon + 2);
  } else if (const size_t bracket = what.find("] "); bracket != std::string_view::npos) {
    what = what.substr(bracket + 2);
  }
  std::string reason;
  for (const char c : what.substr(0, 2 * kMaxExcerpt)) reason += c >= ' ' && c <= '~' ? c : '?';
  return reason;
}

/// A key as it may stand in a one-line message.
std::string short_key(std::string_view key) {
  std::string shown = Json(key.substr(0, kMaxExcerpt)).dump();
  if (key.size() > kMaxExcerpt) shown += "...";
  return shown;
}

/// Walks the text and tells the events how far it has come, for the offsets in messages.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** progress) : at_(at), progress_(progress) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *progress_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** progress_;
};

/// Between the library and a handler: the limits, and the first error.
class LimitedEvents final : public nlohmann::json::json_sax_t {
 public:
  LimitedEvents(const JsonLimits& limits, JsonHandler& handler, std::string_view text)
      : progress(text.data()), limits_(limits), handler_(handler), begin_(text.data()) {}

  bool null() override { return scalar(Json()); }
  bool boolean(bool value) override { return scalar(Json(value)); }
  bool number_integer(int64_t value) override { return scalar(Json(value)); }
  // Integers are int64 where they fit, so that equal numbers have one form.
  bool number_unsigned(uint64_t value) override {
    return scalar(value <= static_cast<uint64_t>(INT64_MAX) ? Json(static_cast<int64_t>(value)) : Json(value));
  }
  bool number_float(double value, const std::string&) override { return scalar(Json(value)); }
  bool string(std::string& value) override { return scalar(Json(std::string_view(value))); }
  bool binary(nlohmann::json::binary_t&) override { return refuse("binary values are no JSON"); }
  bool start_object(size_t) override { return open() && pass(handler_.begin_object()); }
  bool start_array(size_t) override { return open() && pass(handler_.begin_array()); }
  bool key(std::string& name) override { return pass(handler_.key(name)); }
  bool end_object() override { return close(handler_.end_object()); }
  bool end_array() override { return close(handler_.end_array()); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& e) override {
    error = Error{fmt::format("JSON error at byte {}: {}", position, short_reason(e.what()))};
    return false;
  }

  std::optional<Error> error;
  const char* progress;

 private:
  bool refuse(const std::string& reason) {
    error = Error{fmt::format("JSON error at byte {}: {}", progress - begin_, reason)};
    return false;
  }
  bool pass(Result<void> result) {
    if (!result) error = std::move(result).error();
    return !error;
  }
  bool count() {
    if (++values_ <= limits_.max_values) return true;
    return refuse(fmt::format("more than {} values, the limit", limits_.max_values));
  }
  bool scalar(Json value) { return count() && pass(handler_.scalar(std::move(value))); }
  bool open() {
    if (++depth_ > limits_.max_depth) return refuse(fmt::format("nested deeper than {} levels, the limit", limits_.max_depth));
    return count();
  }
  bool close(Result<void> result) {
    --depth_;
    return pass(std::move(result));
  }

  const JsonLimits& limits_;
  JsonHandler& handler_;
  const char* begin_;
  uint64_t values_ = 0;
  int depth_ = 0;
};

/// The first key that occurs twice, if any. Hashes are sorted, not bucketed: keys made to collide cost n log n as well.
const std::string* find_duplicate(const Json::Object& members) {
  constexpr size_t kFew = 8;
  if (members.size() <= kFew) {
    for (size_t i = 1; i < members.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (members[i].first == members[j].first) return &members[i].first;
      }
    }
    return nullptr;
  }
  std::vector<std::pair<size_t, const std::string*>> order;
  order.reserve(members.size());
  for (const Json::Member& m : members) order.emplace_back(std::hash<std::string>()(m.first), &m.first);
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : *a.second < *b.second; });
  const auto twin = std::adjacent_find(
      order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first == b.first && *a.second == *b.second; });
  return twin == order.end() ? nullptr : twin->second;
}

/// Builds the tree. A container grows only while it is the innermost open one, so pointers to the open ones stay valid.
class TreeBuilder final : public JsonHandler {
 public:
  Result<void> begin_object() override { return begin(Json(Json::Object())); }
  Result<void> begin_array() override { return begin(Json(Json::Array())); }
  Result<void> key(std::string_view name) override {
    open_.back()->as_object()->emplace_back(std::string(name), Json());
    return {};
  }
  Result<void> end_object() override {
    if (const std::string* twice = find_duplicate(*open_.back()->as_object())) {
      return fail("JSON error: the key {} occurs twice in one object", short_key(*twice));
    }
    return end_array();
  }
  Result<void> end_array() override {
    open_.pop_back();
    return {};
  }
  Result<void> scalar(Json value) override {
    place(std::move(value));
    return {};
  }
  Json take() { return std::move(root_); }

 private:
  Json* place(Json value) {
    Json* where = &root_;
    if (!open_.empty()) {
      if (Json::Array* array = open_.back()->as_array()) {
        where = &array->emplace_back();
      } else {
        where = &open_.back()->as_object()->back().second;
      }
    }
    *where = std::move(value);
    return where;
  }
  Result<void> begin(Json container) {
    open_.push_back(place(std::move(container)));
    return {};
  }

  Json root_;
  std::vector<Json*> open_;
};

/// Python's repr(): the shortest digits that read back as the same double, with an exponent outside 1e-4 .. 1e16.
void write_double(double d, std::string& out) {
  if (std::isnan(d)) {
    out += "NaN";
    return;
  }
  if (std::isinf(d)) {
    out += d < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char text[48];
  const auto scientific = std::to_chars(text, text + sizeof(text), d, std::chars_format::scientific);
  const std::string_view shortest(text, static_cast<size_t>(scientific.ptr - text));
  const size_t e = shortest.find('e');
  int exponent = 0;
  const char* digits = shortest.data() + e + 1;
  std::from_chars(digits + (*digits == '+' ? 1 : 0), shortest.data() + shortest.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    out += shortest;  // to_chars writes exponents as Python does: a sign and at least two digits
    return;
  }
  const auto fixed = std::to_chars(text, text + sizeof(text), d, std::chars_format::fixed);
  const std::string_view plain(text, static_cast<size_t>(fixed.ptr - text));
  out += plain;
  if (plain.find('.') == std::string_view::npos) out += ".0";
}

/// Indices of the members, ordered by key (bytes of UTF-8, which is the order of code points).
std::vector<size_t> key_order(const Json::Object& members) {
  std::vector<size_t> order(members.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int compared = members[a].first.compare(members[b].first);
    return compared != 0 ? compared < 0 : a < b;
  });
  return order;
}

class Printer {
 public:
  Printer(const JsonStyle& style, std::string& out) : style_(style), out_(out) {}

  void write(const Json& value) {
    if (const Json::Array* array = value.as_array()) {
      write_list('[', ']', array->size(), [&](size_t i) { write((*array)[i]); });
    } else if (const Json::Object* object = value.as_object()) {
      const std::vector<size_t> order = style_.sort_keys ? key_order(*object) : std::vector<size_t>();
      write_list('{', '}', object->size(), [&](size_t i) {
        const Json::Member& member = (*object)[order.empty() ? i : order[i]];
        append_json_string(out_, member.first);
        out_ += style_.key_separator;
        write(member.second);
      });
    } else {
      write_scalar(value);
    }
  }

 private:
  void write_scalar(const Json& value) {
    if (const std::string* s = value.as_string()) {
      append_json_string(out_, *s);
    } else if (value.is_double()) {
      write_double(*value.as_double(), out_);
    } else if (const auto b = value.as_bool()) {
      out_ += *b ? "true" : "false";
    } else if (const auto i = value.as_int()) {
      out_ += std::to_string(*i);
    } else if (const auto u = value.as_uint()) {
      out_ += std::to_string(*u);
    } else {
      out_ += "null";
    }
  }

  template <class Item>
  void write_list(char open, char close, size_t n, Item&& item) {
    out_ += open;
    ++depth_;
    for (size_t i = 0; i < n; ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      item(i);
    }
    --depth_;
    if (n > 0) new_line();
    out_ += close;
  }

  void new_line() {
    if (style_.indent < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(style_.indent) * depth_, ' ');
  }

  const JsonStyle& style_;
  std::string& out_;
  size_t depth_ = 0;
};

/// Whether a double has exactly the value of an integer (a conversion to double alone would round large integers).
template <class Integer>
bool same_number(double d, Integer i) {
  constexpr double kLow = std::is_signed_v<Integer> ? -0x1p63 : 0.0;
  constexpr double kHigh = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;
  return d >= kLow && d < kHigh && d == std::trunc(d) && static_cast<Integer>(d) == i;
}

bool equal_numbers(const Json& a, const Json& b) {
  if (a.is_double() && b.is_double()) return *a.as_double() == *b.as_double();
  if (b.is_double()) return equal_numbers(b, a);
  if (a.is_double()) {
    if (const auto i = b.as_int()) return same_number(*a.as_double(), *i);
    return same_number(*a.as_double(), *b.as_uint());
  }
  const auto x = a.as_int(), y = b.as_int();
  if (x || y) return x == y;
  return a.as_uint() == b.as_uint();
}

bool equal_objects(const Json::Object& a, const Json::Object& b) {
  if (a.size() != b.size()) return false;
  const std::vector<size_t> order_a = key_order(a), order_b = key_order(b);
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[order_a[i]] != b[order_b[i]]) return false;
  }
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  size_t plain = 0;  // start of the run not yet copied
  for (size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out += s.substr(plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += fmt::format("\\u{:04x}", c);
    }
  }
  out += s.substr(plain);
  out += '"';
}

Result<void> walk_json(std::string_view text, const JsonLimits& limits, JsonHandler& handler) {
  if (text.size() > limits.max_bytes) return fail("JSON text of {} bytes, the limit is {}", text.size(), limits.max_bytes);
  // The library's lexer takes a NUL for the end of the text and would ignore what follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
    return fail("JSON error at byte {}: NUL byte", nul + 1);
  LimitedEvents events(limits, handler, text);
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end comes with it
  const CountingIterator first(text.data(), &events.progress), last(text.data() + text.size(), &events.progress);
  const bool complete = nlohmann::json::sax_parse(first, last, &events);
  if (events.error) return std::unexpected<Error>(std::move(*events.error));
  if (!complete) return fail("JSON error: the text could not be read");
  return {};
}

Result<Json> Json::parse(std::string_view text, const JsonLimits& limits) {
  TreeBuilder builder;
  TRY_VOID(walk_json(text, limits, builder));
  return builder.take();
}

std::string Json::dump(const JsonStyle& style) const {
  std::string out;
  Printer(style, out).write(*this);
  return out;
}

std::optional<bool> Json::as_bool() const {
  if (const bool* b = std::get_if<bool>(&value_)) return *b;
  return std::nullopt;
}

std::optional<int64_t> Json::as_int() const {
  if (const int64_t* i = std::get_if<int64_t>(&value_)) return *i;
  if (const uint64_t* u = std::get_if<uint64_t>(&value_); u != nullptr && *u <= static_cast<uint64_t>(INT64_MAX)) {
    return static_cast<int64_t>(*u);
  }
  return std::nullopt;
}

std::optional<uint64_t> Json::as_uint() const {
  if (const uint64_t* u = std::get_if<uint64_t>(&value_)) return *u;
  if (const int64_t* i = std::get_if<int64_t>(&value_); i != nullptr && *i >= 0) return static_cast<uint64_t>(*i);
  return std::nullopt;
}

std::optional<double> Json::as_double() const {
  if (const double* d = std::get_if<double>(&value_)) return *d;
  if (const int64_t* i = std::get_if<int64_t>(&value_)) return static_cast<double>(*i);
  if (const uint64_t* u = std::get_if<uint64_t>(&value_)) return static_cast<double>(*u);
  return std::nullopt;
}

const Json* Json::find(std::string_view key) const {
  if (const Object* object = as_object()) {
    for (const Member& member : *object) {
      if (member.first == key) return &member.second;
    }
  }
  return nullptr;
}

void Json::set(std::string key, Json value) {
  Object* object = as_object();
  CHECK(object != nullptr);
  for (Member& member : *object) {
    if (member.first == key) {
      member.second = std::move(value);
      return;
    }
  }
  object->emplace_back(std::move(key), std::move(value));
}

bool operator==(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return equal_numbers(a, b);
  if (a.as_object() != nullptr && b.as_object() != nullptr) return equal_objects(*a.as_object(), *b.as_object());
  return a.value_.index() == b.value_.index() && a.value_ == b.value_;
}

}  // namespace sobre
