#include "serve/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/file.h"
#include "base/spelling.h"
#include "base/toml.h"
#include "serve/config_fields.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxTextBytes = 4096, kMaxItems = 1024;

/// A value with its place, for reading and for messages.
struct Item {
  const toml::node& node;
  const std::string& file;
  std::string name;  // section.key

  [[nodiscard]] std::string place() const { return fmt::format("{}:{}: {}", file, node.source().begin.line, name); }
  [[nodiscard]] std::unexpected<Error> wrong_type(std::string_view wanted) const {
    return fail("{} is {}; it must be {}", place(), toml_kind(node), wanted);
  }

  [[nodiscard]] Result<std::string> text() const {
    const auto value = node.value_exact<std::string>();
    if (!value) return wrong_type("a text in quotes");
    const bool line = std::none_of(value->begin(), value->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (value->size() > kMaxTextBytes || !line) return fail("{} is not one line of at most {} bytes", place(), kMaxTextBytes);
    return *value;
  }
  [[nodiscard]] Result<std::vector<std::string>> texts() const {
    const toml::array* array = node.as_array();
    if (array == nullptr) return wrong_type("a list of texts");
    if (array->size() > kMaxItems) return fail("{} has {} items; at most {} are allowed", place(), array->size(), kMaxItems);
    std::vector<std::string> out;
    for (size_t i = 0; i < array->size(); ++i) {
      TRY(std::string item, (Item{*array->get(i), file, fmt::format("{}, item {}", name, i + 1)}.text()));
      out.push_back(std::move(item));
    }
    return out;
  }
};

/// Writes a value into its field; one call operator per kind of field.
struct Reader {
  const Item& item;
  const ConfigField& field;

  Result<void> operator()(int* out) const {
    const auto value = item.node.value_exact<int64_t>();
    if (!value) return item.wrong_type(fmt::format("a whole number from {} to {}", field.low, field.high));
    TRY_VOID(range(static_cast<double>(*value), fmt::to_string(*value)));
    *out = static_cast<int>(*value);
    return {};
  }
  Result<void> operator()(double* out) const {
    const auto whole = item.node.value_exact<int64_t>();
    const auto value = whole ? std::optional(static_cast<double>(*whole)) : item.node.value_exact<double>();
    if (!value) return item.wrong_type(fmt::format("a number from {} to {}", field.low, field.high));
    TRY_VOID(range(*value, fmt::to_string(*value)));
    *out = *value;
    return {};
  }
  Result<void> operator()(std::optional<double>* out) const {
    double value = 0;
    TRY_VOID((*this)(&value));
    *out = value;
    return {};
  }
  Result<void> operator()(bool* out) const {
    const auto value = item.node.value_exact<bool>();
    if (!value) return item.wrong_type("true or false");
    *out = *value;
    return {};
  }
  Result<void> operator()(std::string* out) const {
    TRY(*out, item.text());
    return {};
  }
  Result<void> operator()(const ByteField& out) const {
    const std::string form = "a number of bytes or a text such as \"8 MiB\" (B, KiB, MiB, GiB)";
    std::optional<uint64_t> bytes;
    if (const auto text = item.node.value_exact<std::string>()) {
      bytes = parse_bytes(*text);
      if (!bytes) return fail("{} is \"{}\"; it must be {}", item.place(), printable(*text), form);
    } else if (const auto number = item.node.value_exact<int64_t>()) {
      if (*number < 0) TRY_VOID(range(static_cast<double>(*number), fmt::to_string(*number)));
      bytes = static_cast<uint64_t>(*number);
    } else {
      return item.wrong_type(form);
    }
    TRY_VOID(range(static_cast<double>(*bytes), print_bytes(*bytes)));
    *out.bytes = *bytes;
    return {};
  }
  Result<void> operator()(const ListField& out) const {
    TRY(std::vector<std::string> items, item.texts());
    for (const std::string& one : items) {
      if (!out.allowed(one)) return fail("{}: \"{}\" is not {}", item.place(), printable(one), out.form);
    }
    *out.items = std::move(items);
    return {};
  }
  Result<void> operator()(KvType* out) const { return choice(out, kv_from_name, kv_names()); }
  Result<void> operator()(WeightMode* out) const { return choice(out, weight_from_name, weight_names()); }
  Result<void> operator()(std::optional<Isa>* out) const {
    TRY(const std::string name, item.text());
    if (name == "auto") return *out = std::nullopt, Result<void>{};
    return choice(out, isa_from_name, isa_names());
  }

 private:
  template <class T, class Find>
  Result<void> choice(T* out, Find find, const std::string& names) const {
    TRY(const std::string name, item.text());
    const auto value = find(name);
    if (!value) return fail("{} is \"{}\"; it must be one of: {}", item.place(), printable(name), names);
    *out = *value;
    return {};
  }
  [[nodiscard]] Result<void> range(double value, const std::string& printed) const {
    if (value >= field.low && value <= field.high) return {};  // NaN is in no range
    const bool bytes = std::holds_alternative<ByteField>(field.value);
    const auto print = [&](double x) { return bytes ? print_bytes(static_cast<uint64_t>(x)) : fmt::to_string(x); };
    return fail("{} is {}; it must be from {} to {}", item.place(), printed, print(field.low), print(field.high));
  }
};

/// Reading one file.
class FileReader {
 public:
  FileReader(const toml::table& root, const std::string& file) : root_(root), file_(file), fields_(config_fields(config_)) {}

  Result<ServeConfig> read() {
    for (const auto& [key, node] : root_) {
      if (key.str() == "model") {
        TRY_VOID(read_models(node));
      } else {
        TRY_VOID(read_section(key.str(), node));
      }
    }
    TRY_VOID(check_together());
    return std::move(config_);
  }

 private:
  Result<void> read_section(std::string_view section, const toml::node& node) {
    const Item item{node, file_, printable(section)};
    std::vector<std::string_view> sections = {"model"}, keys;
    for (const ConfigField& f : fields_) {
      if (sections.back() != f.section) sections.push_back(f.section);
      if (f.section == section) keys.push_back(f.key);
      if (f.key == section) return fail("{}: this key belongs into the section [{}]", item.place(), f.section);
    }
    if (keys.empty()) return fail("{}: unknown section{}", item.place(), nearest_name(section, sections));
    const toml::table* table = node.as_table();
    if (table == nullptr) return item.wrong_type(fmt::format("a section ([{}])", section));
    for (const auto& [key, value] : *table) TRY_VOID(read_key(section, key, value, keys));
    return {};
  }

  Result<void> read_key(std::string_view section, const toml::key& key, const toml::node& value,
                        const std::vector<std::string_view>& known) {
    const Item item{value, file_, fmt::format("{}.{}", section, printable(key.str()))};
    for (const ConfigField& f : fields_) {
      if (f.section != section || f.key != key.str()) continue;
      lines_[item.name] = value.source().begin.line;
      return std::visit(Reader{item, f}, f.value);
    }
    for (const ConfigField& f : fields_) {
      if (f.key == key.str()) return fail("{}: unknown key; it belongs into the section [{}]", item.place(), f.section);
    }
    return fail("{}: unknown key{}", item.place(), nearest_name(key.str(), known));
  }

  Result<void> read_models(const toml::node& node) {
    const toml::array* models = node.as_array();
    const Item item{node, file_, "model"};
    if (models == nullptr) return item.wrong_type("a list of sections ([[model]])");
    if (models->size() > kMaxItems)
      return fail("{} has {} entries; at most {} are allowed", item.place(), models->size(), kMaxItems);
    std::map<std::string, int> names;
    for (size_t i = 0; i < models->size(); ++i) TRY_VOID(read_model(*models->get(i), i + 1, names));
    return {};
  }

  Result<void> read_model(const toml::node& node, size_t number, std::map<std::string, int>& names) {
    const std::string name = fmt::format("model {}", number);
    const toml::table* table = node.as_table();
    if (table == nullptr) return Item{node, file_, name}.wrong_type("a section ([[model]])");
    ServeModel model;
    for (const auto& [key, value] : *table) {
      const Item item{value, file_, fmt::format("{}, {}", name, printable(key.str()))};
      if (key.str() == "path") {
        TRY(model.path, item.text());
      } else if (key.str() == "name") {
        TRY(model.name, item.text());
        if (model.name.empty()) return fail("{} is empty; leave it out to take it from the path", item.place());
      } else if (key.str() == "aliases") {
        TRY(model.aliases, item.texts());
      } else {
        return fail("{}: unknown key{}", item.place(), nearest_name(key.str(), {"path", "name", "aliases"}));
      }
    }
    const Item here{node, file_, name};
    if (model.path.empty())
      return fail("{}: the key \"path\" is missing: a file, a folder or a name of the catalogue", here.place());
    std::vector<std::string> all = model.aliases;
    if (!model.name.empty()) all.push_back(model.name);
    for (const std::string& one : all) {
      if (one.empty()) return fail("{}: an alias is empty", here.place());
      const auto [at, fresh] = names.emplace(one, static_cast<int>(number));
      if (!fresh) return fail("{}: the name \"{}\" belongs to model {} already", here.place(), printable(one), at->second);
    }
    config_.models.push_back(std::move(model));
    return {};
  }

  /// What no key tells alone.
  Result<void> check_together() {
    const HttpOptions& h = config_.http;
    if (h.tls_certificate.empty() != h.tls_key.empty()) {
      const bool certificate = !h.tls_certificate.empty();
      return fail("{}: tls.{} is given and tls.{} is not; TLS needs both", place(certificate ? "tls.certificate" : "tls.key"),
                  certificate ? "certificate" : "key", certificate ? "key" : "certificate");
    }
    if (h.max_total_body_bytes < h.max_body_bytes) {
      const char* key =
          lines_.contains("server.max_total_body_bytes") ? "server.max_total_body_bytes" : "server.max_body_bytes";
      return fail("{}: server.max_total_body_bytes is {}, less than server.max_body_bytes, which is {}", place(key),
                  print_bytes(h.max_total_body_bytes), print_bytes(h.max_body_bytes));
    }
    if (h.host.empty()) return fail("{}: server.host is empty; give an address or a name", place("server.host"));
    if (const auto good = check_http_options(h); !good) return fail_in(file_, good.error());
    // One limit for both: the API ends the answer, and where it cannot, the transport cuts the connection.
    config_.api.limits.max_backlog_bytes = h.max_backlog_bytes;
    return {};
  }

  [[nodiscard]] std::string place(const std::string& name) const {
    const auto at = lines_.find(name);
    return at == lines_.end() ? file_ : fmt::format("{}:{}", file_, at->second);
  }

  const toml::table& root_;
  const std::string& file_;
  ServeConfig config_;
  std::vector<ConfigField> fields_;  // into config_
  std::map<std::string, toml::source_index> lines_;
};

/// A text as TOML writes it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", " : "") + quoted(item);
  return out + "]";
}

struct Printer {
  std::string operator()(const int* v) const { return fmt::to_string(*v); }
  std::string operator()(const double* v) const { return fmt::to_string(*v); }
  std::string operator()(const std::optional<double>* v) const { return *v ? fmt::to_string(**v) : ""; }
  std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
  std::string operator()(const std::string* v) const { return quoted(*v); }
  std::string operator()(const ByteField& v) const { return quoted(print_bytes(*v.bytes)); }
  std::string operator()(const ListField& v) const { return list(*v.items); }
  std::string operator()(const KvType* v) const { return quoted(kv_type_name(*v)); }
  std::string operator()(const WeightMode* v) const { return quoted(weight_mode_name(*v)); }
  std::string operator()(const std::optional<Isa>* v) const { return quoted(*v ? isa_name(**v) : "auto"); }
};

}  // namespace

Result<ServeConfig> parse_serve_config(std::string_view text, const std::string& where) {
  if (text.size() > kMaxFileBytes) return fail("{}: {} bytes; at most {} are allowed", where, text.size(), kMaxFileBytes);
  TRY(const toml::table root, parse_toml(text, where));
  return FileReader(root, where).read();
}

Result<ServeConfig> load_serve_config(const std::string& path) {
  TRY(const std::string text, read_file(path, kMaxFileBytes));
  return parse_serve_config(text, path);
}

std::string print_serve_config(const ServeConfig& config) {
  ServeConfig copy = config;
  std::string out = "# Configuration of `sobre serve`. Paths are relative to the folder that the server is started in.\n";
  std::string_view section;
  for (const ConfigField& f : config_fields(copy)) {
    if (f.section != section) out += fmt::format("\n[{}]\n", section = f.section);
    const std::string value = std::visit(Printer{}, f.value);
    // What is not declared has no value to be printed.
    out += fmt::format("# {}\n{}{} ={}{}\n", f.comment, value.empty() ? "# " : "", f.key, value.empty() ? "" : " ", value);
  }
  out +=
      "\n# The models to serve, one section each; the first is the default one. path: a file, a folder or a name of the\n"
      "# catalogue; name: as requests name it (without it: from the path); aliases: further names.\n";
  if (config.models.empty()) out += "#[[model]]\n#path = \"smollm2-135m\"\n#name = \"small\"\n#aliases = [\"gpt-4o-mini\"]\n";
  for (const ServeModel& model : config.models) {
    out += fmt::format("[[model]]\npath = {}\n", quoted(model.path));
    if (!model.name.empty()) out += fmt::format("name = {}\n", quoted(model.name));
    if (!model.aliases.empty()) out += fmt::format("aliases = {}\n", list(model.aliases));
  }
  return out;
}

}  // namespace sobre
