#include "text/jinja_parser.h"

#include <algorithm>

#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

std::string shown(const Token& t) {
  switch (t.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return fmt::format("'{}'", clipped(t.text, 60));
  }
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += " or ";
    out += fmt::format("'{}'", word);
  }
  return out;
}

}  // namespace

bool Parser::is_word_of(const Words& words) const {
  return is(TokenKind::kName) && std::find(words.begin(), words.end(), now().text) != words.end();
}

bool Parser::take_op(std::string_view op) {
  if (!is_op(op)) return false;
  take();
  return true;
}

bool Parser::take_word(std::string_view word) {
  if (!is_word(word)) return false;
  take();
  return true;
}

std::unexpected<Error> Parser::unexpected_token(std::string_view wanted) const {
  return fail_at(now().at, "{} is expected, not {}", wanted, shown(now()));
}

Result<void> Parser::want_op(std::string_view op) {
  if (!take_op(op)) return unexpected_token(fmt::format("'{}'", op));
  return {};
}

Result<void> Parser::want_word(std::string_view word) {
  if (!take_word(word)) return unexpected_token(fmt::format("'{}'", word));
  return {};
}

Result<void> Parser::want(TokenKind kind, std::string_view what) {
  if (!is(kind)) return unexpected_token(what);
  take();
  return {};
}

Result<void> Parser::deeper() {
  if (depth_ > max_depth_)
    return fail_at(now().at, "blocks and expressions are nested deeper than the limit of {} levels", max_depth_);
  return {};
}

std::unexpected<Error> Parser::unknown_tag(const Token& tag) const {
  const std::string name(clipped(tag.text, 60));
  if (open_tags_.empty()) return fail_at(tag.at, "unknown tag '{}'", name);
  const auto& [open, at] = open_tags_.back();
  return fail_at(tag.at, "unknown tag '{}' inside '{}', which begins at line {}", name, open, at.line);
}

Result<Body> Parser::body_until(const Words& ends) {
  Body out;
  const auto output = [&out](Position at) -> Output& {
    if (out.empty() || !std::holds_alternative<Output>(out.back()->node)) {
      out.push_back(std::make_unique<Statement>());
      out.back()->at = at;
    }
    return std::get<Output>(out.back()->node);
  };
  while (!is(TokenKind::kEnd)) {
    const Position at = now().at;
    if (is(TokenKind::kData)) {
      ExprPtr text = make(ExprKind::kText, at);
      text->text.bytes = std::move(tokens_[at_].text);
      take();
      output(at).parts.push_back(std::move(text));
    } else if (is(TokenKind::kVariableBegin)) {
      take();
      TRY(ExprPtr e, tuple({}));
      TRY_VOID(want(TokenKind::kVariableEnd, "'}}'"));
      output(at).parts.push_back(std::move(e));
    } else {
      TRY_VOID(want(TokenKind::kBlockBegin, "a tag"));
      if (is_word_of(ends)) return out;
      TRY_VOID(statement(out));
      TRY_VOID(want(TokenKind::kBlockEnd, "'%}'"));
    }
  }
  if (!ends.empty()) {
    const auto& [open, at] = open_tags_.back();
    return fail_at(now().at, "the template ends inside '{}', which begins at line {}: {} is missing", open, at.line,
                   joined(ends));
  }
  return out;
}

/// The rest of an opening tag, and the statements up to one of the closing tags.
Result<Body> Parser::block(const Words& ends, bool take_end) {
  take_op(":");
  TRY_VOID(want(TokenKind::kBlockEnd, "'%}'"));
  TRY(Body body, body_until(ends));
  if (take_end) take();
  return body;
}

Result<void> Parser::statement(Body& out) {
  struct Tag {
    std::string_view name;
    Result<void> (Parser::*parse)(Statement&);
  };
  static constexpr Tag kTags[] = {
      {"if", &Parser::parse_if},
      {"for", &Parser::parse_for},
      {"set", &Parser::parse_set},
      {"macro", &Parser::parse_macro},
      {"call", &Parser::parse_call},
      {"generation", &Parser::parse_generation},
      {"filter", &Parser::parse_filter_block},
      {"with", &Parser::parse_with},
      {"autoescape", &Parser::parse_autoescape},
      {"block", &Parser::parse_named_block},
      {"print", &Parser::parse_print},
      {"break", &Parser::parse_jump},
      {"continue", &Parser::parse_jump},
      {"include", &Parser::parse_unsupported},
      {"import", &Parser::parse_unsupported},
      {"from", &Parser::parse_unsupported},
      {"extends", &Parser::parse_unsupported},
  };
  if (!is(TokenKind::kName)) return unexpected_token("the name of a tag");
  const auto tag = std::find_if(std::begin(kTags), std::end(kTags), [this](const Tag& t) { return t.name == now().text; });
  if (tag == std::end(kTags)) return unknown_tag(now());
  const Nesting nesting(depth_);
  TRY_VOID(deeper());
  auto s = std::make_unique<Statement>();
  s->at = now().at;
  open_tags_.emplace_back(tag->name, s->at);
  TRY_VOID((this->*tag->parse)(*s));
  open_tags_.pop_back();
  out.push_back(std::move(s));
  return {};
}

Result<void> Parser::parse_if(Statement& s) {
  If node;
  take();
  while (true) {
    TRY(ExprPtr test, tuple({.conditional = false}));
    TRY(Body body, block({"elif", "else", "endif"}, false));
    node.branches.emplace_back(std::move(test), std::move(body));
    if (take_word("elif")) continue;
    if (take().text == "else") {
      TRY(node.otherwise, block({"endif"}, true));
    }
    break;
  }
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_for(Statement& s) {
  For node;
  take();
  ++for_depth_;  // counts for the target, too: it may not be called loop
  TRY(node.target, target({"in"}, false));
  node.test_target = node.target;
  TRY_VOID(want_word("in"));
  TRY(node.iterable, tuple({.conditional = false, .ends = {"recursive"}}));
  if (take_word("if")) {
    TRY(node.test, expression());
  }
  node.recursive = take_word("recursive");
  const int outer_loops = loop_depth_;
  ++loop_depth_;
  TRY(node.body, block({"endfor", "else"}, false));
  // What follows the loop is outside of it; a recursive one is called like a macro, which no jump can leave.
  loop_depth_ = node.recursive ? 0 : outer_loops;
  if (take().text == "else") {
    TRY(node.otherwise, block({"endfor"}, true));
  }
  loop_depth_ = outer_loops;
  --for_depth_;
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_set(Statement& s) {
  take();
  TRY(Target to, target({}, true));
  if (take_op("=")) {
    Set node;
    node.target = std::move(to);
    TRY(node.value, tuple({}));
    s.node = std::move(node);
    return {};
  }
  SetBlock node;
  node.target = std::move(to);
  TRY(node.filter, block_filter(false));
  TRY(node.body, block({"endset"}, true));
  s.node = std::move(node);
  return {};
}

Result<void> Parser::signature(MacroBody& macro) {
  TRY_VOID(want_op("("));
  while (!is_op(")")) {
    if (!macro.parameters.empty()) TRY_VOID(want_op(","));
    if (!is(TokenKind::kName)) return unexpected_token("the name of a parameter");
    const Token& name = take();
    if (std::find(macro.parameters.begin(), macro.parameters.end(), name.text) != macro.parameters.end())
      return fail_at(name.at, "there are two parameters '{}'", clipped(name.text, 60));
    macro.parameters.push_back(name.text);
    if (macro.parameters.size() > kMaxArguments) return fail_at(name.at, "there are more than {} parameters", kMaxArguments);
    if (take_op("=")) {
      TRY(ExprPtr value, expression());
      macro.defaults.push_back(std::move(value));
    } else if (!macro.defaults.empty()) {
      return fail_at(name.at, "the parameter '{}' needs a default, since one before it has one", clipped(name.text, 60));
    }
  }
  return want_op(")");
}

Result<void> Parser::macro_body(MacroBody& macro, std::string_view end) {
  const int outer_loops = std::exchange(loop_depth_, 0);
  macros_.push_back(&macro);
  TRY(macro.body, block({end}, true));
  macros_.pop_back();
  loop_depth_ = outer_loops;
  const auto declares = [&macro](std::string_view name) {
    return std::find(macro.parameters.begin(), macro.parameters.end(), name) != macro.parameters.end();
  };
  if (declares("caller")) {
    const auto place = std::find(macro.parameters.begin(), macro.parameters.end(), "caller") - macro.parameters.begin();
    const auto without_default = static_cast<std::ptrdiff_t>(macro.parameters.size() - macro.defaults.size());
    if (macro.uses_caller && place < without_default)
      return fail_at(open_tags_.back().second, "the parameter 'caller' must be left out or have a default");
    macro.uses_caller = false;
  }
  macro.uses_kwargs = macro.uses_kwargs && !declares("kwargs");
  macro.uses_varargs = macro.uses_varargs && !declares("varargs");
  return {};
}

Result<void> Parser::parse_macro(Statement& s) {
  auto& node = s.node.emplace<MacroStatement>();
  take();
  TRY(node.target, name_target());
  node.macro.name = node.target.name;
  TRY_VOID(signature(node.macro));
  return macro_body(node.macro, "endmacro");
}

Result<void> Parser::parse_call(Statement& s) {
  auto& node = s.node.emplace<CallBlock>();
  take();
  if (is_op("(")) TRY_VOID(signature(node.body));
  TRY(node.call, expression());
  if (node.call->kind != ExprKind::kChain || node.call->links.back().kind != Link::Kind::kCall)
    return fail_at(node.call->at, "a call is expected after 'call'");
  return macro_body(node.body, "endcall");
}

Result<void> Parser::parse_generation(Statement& s) {
  auto& node = s.node.emplace<CallBlock>();
  take();
  return macro_body(node.body, "endgeneration");
}

Result<void> Parser::parse_filter_block(Statement& s) {
  FilterBlock node;
  take();
  TRY(node.filter, block_filter(true));
  TRY(node.body, block({"endfilter"}, true));
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_with(Statement& s) {
  With node;
  take();
  while (!is(TokenKind::kBlockEnd)) {
    if (!node.targets.empty()) TRY_VOID(want_op(","));
    TRY(Target to, target({}, false));
    node.targets.push_back(std::move(to));
    TRY_VOID(want_op("="));
    TRY(ExprPtr value, expression());
    node.values.push_back(std::move(value));
  }
  TRY(node.body, block({"endwith"}, true));
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_autoescape(Statement& s) {
  With node;
  take();
  TRY(node.autoescape, expression());
  TRY(node.body, block({"endautoescape"}, true));
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_named_block(Statement& s) {
  Block node;
  take();
  if (!is(TokenKind::kName)) return unexpected_token("the name of the block");
  node.name = take().text;
  node.scoped = take_word("scoped");
  take_word("required");
  const int outer_loops = std::exchange(loop_depth_, 0);
  TRY(node.body, block({"endblock"}, true));
  loop_depth_ = outer_loops;
  take_word(node.name);
  has_blocks_ = true;
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_print(Statement& s) {
  Output node;
  take();
  while (!is(TokenKind::kBlockEnd)) {
    if (!node.parts.empty()) TRY_VOID(want_op(","));
    TRY(ExprPtr e, expression());
    node.parts.push_back(std::move(e));
  }
  s.node = std::move(node);
  return {};
}

Result<void> Parser::parse_jump(Statement& s) {
  const Token& tag = take();
  if (loop_depth_ == 0) return fail_at(tag.at, "'{}' stands outside of a loop", tag.text);
  s.node = Jump{tag.text == "break"};
  return {};
}

Result<void> Parser::parse_unsupported(Statement& s) {
  s.node = Unsupported{take().text};
  while (!is(TokenKind::kBlockEnd) && !is(TokenKind::kEnd)) take();
  return {};
}

Result<Target> Parser::name_target() {
  if (!is(TokenKind::kName)) return unexpected_token("a name");
  Target t;
  t.at = now().at;
  t.name = take().text;
  if (t.name == "loop" && for_depth_ > 0) return fail_at(t.at, "'loop' cannot be assigned inside a for loop");
  return t;
}

Result<Target> Parser::target(const Words& ends, bool with_namespace) {
  TRY(const ExprPtr e, tuple({.simple = true, .with_namespace = with_namespace, .ends = ends}));
  return as_target(*e);
}

Result<Target> Parser::as_target(const Expr& e) {
  Target t;
  t.at = e.at;
  switch (e.kind) {
    case ExprKind::kName:
      t.name = e.text.bytes;
      if (t.name == "loop" && for_depth_ > 0) return fail_at(t.at, "'loop' cannot be assigned inside a for loop");
      return t;
    case ExprKind::kNamespaceAttribute:
      t.kind = Target::Kind::kAttribute;
      t.name = e.text.bytes;
      t.attribute = e.links[0].name;
      return t;
    case ExprKind::kTuple:
      t.kind = Target::Kind::kTuple;
      for (const ExprPtr& item : e.items) {
        TRY(Target part, as_target(*item));
        t.items.push_back(std::move(part));
      }
      return t;
    default:
      return fail_at(e.at, "this cannot be assigned to: a name is expected");
  }
}

Result<Tree> Parser::run() {
  Tree tree;
  TRY(tree.body, body_until({}));
  tree.has_blocks = has_blocks_;
  return tree;
}

Result<Tree> parse_template(std::string_view source, int max_depth) {
  TRY(std::vector<Token> tokens, lex(source));
  return Parser(std::move(tokens), max_depth).run();
}

}  // namespace sobre::jinja
