#include "text/chat_template.h"

#include "text/jinja_ast.h"
#include "text/jinja_eval.h"
#include "text/jinja_json.h"
#include "text/jinja_parser.h"
#include "text/jinja_resolver.h"
#include "text/unicode.h"

namespace sobre {

struct ChatTemplate::Impl {
  std::string source;
  TemplateLimits limits;
  jinja::Tree tree;
};

bool names_special_token(std::string_view variable) {
  return variable.ends_with("_token") || variable == "additional_special_tokens" || variable == "extra_special_tokens";
}

namespace {

/// Roles are no words of a user: the caller has checked them, and templates build control tokens of them
/// ('<|' + message['role'] + '|>').
bool is_role(const jinja::Value& v) {
  const jinja::Str* s = v.str();
  return s != nullptr && (s->bytes == "user" || s->bytes == "assistant" || s->bytes == "system" || s->bytes == "tool" ||
                          s->bytes == "developer");
}

jinja::Value with_trusted_roles(jinja::Runtime& rt, const jinja::Value& messages) {
  if (!messages.is(jinja::Kind::kList)) return messages;
  std::vector<jinja::Value> list = messages.list()->items;
  for (jinja::Value& message : list) {
    if (message.dict() == nullptr) continue;
    jinja::Dict dict = *message.dict();
    for (auto& [key, value] : dict.entries) {
      if (key.str() != nullptr && key.str()->bytes == "role" && is_role(value)) value = rt.heap.text(value.str()->bytes);
    }
    message = rt.heap.dict(std::move(dict));
  }
  return rt.heap.list(std::move(list));
}

Result<jinja::Dict> variables_of(jinja::Runtime& rt, const Json::Object& members) {
  jinja::Dict out;
  for (const auto& [name, json] : members) {
    auto v = jinja::from_json(rt, json, !names_special_token(name));
    if (!v) return fail("the variable '{}': {}", name, v.error().message);
    TRY_VOID(jinja::put(rt, out, rt.heap.text(name), name == "messages" ? with_trusted_roles(rt, *v) : *v));
  }
  return out;
}

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

const std::string& ChatTemplate::source() const { return impl_->source; }

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, const TemplateLimits& limits) {
  if (source.size() > limits.max_source_bytes)
    return fail("the chat template has {} bytes, above the limit of {}", source.size(), limits.max_source_bytes);
  if (!is_valid_utf8(source)) return fail("the chat template is not valid UTF-8");
  auto tree = jinja::parse_template(jinja::normalized_source(source), limits.max_depth);
  if (!tree) return fail_in("chat template", tree.error());
  if (auto resolved = jinja::resolve_names(*tree); !resolved) return fail_in("chat template", resolved.error());
  auto impl = std::make_unique<Impl>();
  impl->source = source;
  impl->limits = limits;
  impl->tree = std::move(*tree);
  return ChatTemplate(std::move(impl));
}

Result<RenderedText> ChatTemplate::render(const Json& variables, const LocalTime& now) const {
  const Json::Object* members = variables.as_object();
  if (members == nullptr) return fail("the variables of a chat template must be an object");
  jinja::Runtime rt(impl_->limits, now);
  TRY(const jinja::Dict values, variables_of(rt, *members));
  jinja::Evaluator evaluator(impl_->tree, impl_->limits, rt, values);
  TRY(jinja::Str out, evaluator.run());
  return RenderedText{std::move(out.bytes), std::move(out.input)};
}

}  // namespace sobre
