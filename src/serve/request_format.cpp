#include "serve/request_format.h"

#include <fmt/format.h>

#include <vector>

namespace sobre {

namespace {

constexpr size_t kMaxChoices = 1024;
constexpr uint64_t kMaxPatternBytes = 64 << 10;

AnswerFormat schema_format(const Json& schema, std::string param) {
  return {grammar_schema(schema), "schema " + schema.dump(), std::move(param), "invalid_schema"};
}

AnswerFormat regex_format(const std::string& pattern, std::string param) {
  return {grammar_regex(pattern), "regex " + pattern, std::move(param), "invalid_regex"};
}

AnswerFormat object_format(std::string param) { return {grammar_json_object(), "object", std::move(param), "invalid_schema"}; }

bool is_schema(const Json& value) { return value.is_object() || value.is_bool(); }

class FormatReader {
 public:
  explicit FormatReader(RequestFields& fields) : fields_(fields) {}

  std::optional<AnswerFormat> read() {
    response_format();
    structured_outputs();
    for (const char* name : {"regex", "guided_regex"}) {
      if (const std::string* pattern = fields_.text(name, kMaxPatternBytes)) add(regex_format(*pattern, name));
    }
    for (const char* name : {"json_schema", "guided_json"}) {
      if (const Json* schema = fields_.find(name)) add_schema(*schema, name);
    }
    if (const Json* list = fields_.find("guided_choice")) choices(*list, "guided_choice");
    return std::move(format_);
  }

 private:
  void add(AnswerFormat format) {
    if (format_) {
      fields_.refuse(format.param, fmt::format("the answer's form is given by {} already; give one of them", format_->param));
    } else {
      format_ = std::move(format);
    }
  }

  /// A schema, or the text of one.
  void add_schema(const Json& schema, const std::string& param) {
    if (is_schema(schema)) {
      add(schema_format(schema, param));
      return;
    }
    if (const std::string* text = schema.as_string()) {
      const Result<Json> parsed = Json::parse(*text, {.max_bytes = 1 << 20, .max_depth = 64, .max_values = 100'000});
      if (parsed && is_schema(*parsed)) {
        add(schema_format(*parsed, param));
        return;
      }
    }
    fields_.refuse(param, "it is no JSON Schema (an object, true or false)");
  }

  void choices(const Json& list, const std::string& param) {
    const Json::Array* entries = list.as_array();
    if (entries == nullptr || entries->empty() || entries->size() > kMaxChoices) {
      fields_.refuse(param, fmt::format("it is no list of 1 to {} strings", kMaxChoices));
      return;
    }
    std::vector<GrammarNode> parts;
    for (const Json& entry : *entries) {
      const std::string* text = entry.as_string();
      if (text == nullptr || text->empty() || text->size() > kMaxPatternBytes) {
        fields_.refuse(param, fmt::format("its entries are strings of 1 to {} bytes", kMaxPatternBytes));
        return;
      }
      parts.push_back(grammar_text(*text));
    }
    add({grammar_choice(std::move(parts)), "choice " + list.dump(), param, "invalid_choice"});
  }

  void response_format() {
    const Json* value = fields_.object("response_format");
    if (value == nullptr) return;
    RequestFields inner(*value, "response_format.");
    const std::string* type = inner.text("type");
    if (!inner.ok()) {
      fields_.refuse(inner.error());
    } else if (type == nullptr) {
      fields_.refuse("response_format.type", "it is missing; known are text, json_object, json_schema and regex");
    } else if (*type == "json_schema") {
      json_schema(*value);
    } else if (*type == "json_object") {
      if (const Json* schema = inner.find("schema")) {
        add_schema(*schema, "response_format.schema");
      } else {
        add(object_format("response_format"));
      }
    } else if (*type == "regex") {
      pattern(inner);
    } else if (*type != "text") {
      fields_.refuse("response_format.type",
                     fmt::format("{} is not supported; known are text, json_object, json_schema and regex",
                                 short_json(*value->find("type"))));
    }
  }

  void pattern(RequestFields& inner) {
    const std::string* text = inner.text("pattern", kMaxPatternBytes);
    if (text == nullptr) text = inner.text("regex", kMaxPatternBytes);
    if (!inner.ok()) {
      fields_.refuse(inner.error());
    } else if (text == nullptr) {
      fields_.refuse("response_format.pattern", "it is missing");
    } else {
      add(regex_format(*text, "response_format.pattern"));
    }
  }

  void json_schema(const Json& value) {
    const Json* described = value.find("json_schema");
    if (described == nullptr || !described->is_object()) {
      fields_.refuse("response_format.json_schema", "it is no object with \"name\" and \"schema\"");
      return;
    }
    RequestFields inner(*described, "response_format.json_schema.");
    (void)inner.text("name", 256);
    (void)inner.text("description");
    (void)inner.flag("strict");
    const Json* schema = inner.find("schema");
    if (!inner.ok()) {
      fields_.refuse(inner.error());
    } else if (schema == nullptr) {
      add(schema_format(Json(Json::Object()), "response_format.json_schema.schema"));
    } else {
      add_schema(*schema, "response_format.json_schema.schema");
    }
  }

  void structured_outputs() {
    const Json* value = fields_.object("structured_outputs");
    if (value == nullptr) return;
    RequestFields inner(*value, "structured_outputs.");
    inner.refuse_unsupported({{"grammar", nullptr, "give a regex or a JSON Schema"}, {"structural_tag", nullptr, nullptr}});
    if (const std::string* text = inner.text("regex", kMaxPatternBytes)) add(regex_format(*text, "structured_outputs.regex"));
    if (const Json* schema = inner.find("json")) add_schema(*schema, "structured_outputs.json");
    if (const Json* list = inner.find("choice")) choices(*list, "structured_outputs.choice");
    if (inner.flag("json_object")) add(object_format("structured_outputs.json_object"));
    if (!inner.ok()) fields_.refuse(inner.error());
  }

  RequestFields& fields_;
  std::optional<AnswerFormat> format_;
};

}  // namespace

std::optional<AnswerFormat> read_answer_format(RequestFields& fields) {
  fields.refuse_unsupported({{"grammar", nullptr, "give response_format, regex or structured_outputs"},
                             {"guided_grammar", nullptr, "give response_format, regex or structured_outputs"}});
  std::optional<AnswerFormat> format = FormatReader(fields).read();
  if (!fields.ok()) return std::nullopt;
  return format;
}

}  // namespace sobre
