#include <algorithm>

#include "text/jinja_parser.h"
#include "text/jinja_text.h"

namespace sobre::jinja {

ExprPtr Parser::make(ExprKind kind, Position at) const {
  auto e = std::make_unique<Expr>();
  e->kind = kind;
  e->at = at;
  return e;
}

/// Appends a link to a chain, which `e` becomes if it is none.
Link& Parser::add_link(ExprPtr& e, Link::Kind kind, Position at) const {
  if (e->kind != ExprKind::kChain) {
    ExprPtr chain = make(ExprKind::kChain, e->at);
    chain->items.push_back(std::move(e));
    e = std::move(chain);
  }
  Link& link = e->links.emplace_back();
  link.kind = kind;
  link.at = at;
  return link;
}

Result<ExprPtr> Parser::expression(bool conditional) {
  const Nesting nesting(depth_);
  TRY_VOID(deeper());
  TRY(ExprPtr e, disjunction());
  for (int levels = 0; conditional && is_word("if"); ++levels) {
    // Without else, each further `if` is a level of the tree.
    if (depth_ + levels > max_depth_)
      return fail_at(now().at, "conditions are nested deeper than the limit of {} levels", max_depth_);
    ExprPtr condition = make(ExprKind::kCondition, take().at);
    TRY(ExprPtr test, disjunction());
    condition->items.push_back(std::move(test));
    condition->items.push_back(std::move(e));
    if (take_word("else")) {
      TRY(ExprPtr otherwise, expression());
      condition->items.push_back(std::move(otherwise));
    }
    e = std::move(condition);
  }
  return e;
}

Result<ExprPtr> Parser::disjunction() {
  TRY(ExprPtr e, conjunction());
  if (!is_word("or")) return e;
  ExprPtr all = make(ExprKind::kOr, e->at);
  all->items.push_back(std::move(e));
  while (take_word("or")) {
    TRY(ExprPtr more, conjunction());
    all->items.push_back(std::move(more));
  }
  return all;
}

Result<ExprPtr> Parser::conjunction() {
  TRY(ExprPtr e, negation());
  if (!is_word("and")) return e;
  ExprPtr all = make(ExprKind::kAnd, e->at);
  all->items.push_back(std::move(e));
  while (take_word("and")) {
    TRY(ExprPtr more, negation());
    all->items.push_back(std::move(more));
  }
  return all;
}

Result<ExprPtr> Parser::negation() {
  if (!is_word("not")) return comparison();
  const Nesting nesting(depth_);
  TRY_VOID(deeper());
  ExprPtr e = make(ExprKind::kNot, take().at);
  TRY(ExprPtr of, negation());
  e->items.push_back(std::move(of));
  return e;
}

Result<ExprPtr> Parser::comparison() {
  struct Symbol {
    std::string_view text;
    Comparison comparison;
  };
  static constexpr Symbol kSymbols[] = {{"==", Comparison::kEqual},  {"!=", Comparison::kNotEqual},
                                        {"<", Comparison::kLess},    {"<=", Comparison::kLessEqual},
                                        {">", Comparison::kGreater}, {">=", Comparison::kGreaterEqual}};
  TRY(ExprPtr e, sum());
  ExprPtr all;
  while (true) {
    const auto symbol =
        std::find_if(std::begin(kSymbols), std::end(kSymbols), [this](const Symbol& s) { return is_op(s.text); });
    Comparison comparison = Comparison::kIn;
    if (symbol != std::end(kSymbols)) {
      comparison = symbol->comparison;
    } else if (is_word("not") && next().kind == TokenKind::kName && next().text == "in") {
      comparison = Comparison::kNotIn;
      take();
    } else if (!is_word("in")) {
      break;
    }
    const Position at = take().at;
    if (all == nullptr) {
      all = make(ExprKind::kCompare, at);
      all->items.push_back(std::move(e));
    }
    TRY(ExprPtr more, sum());
    all->items.push_back(std::move(more));
    all->comparisons.push_back(comparison);
  }
  return all != nullptr ? std::move(all) : std::move(e);
}

namespace {

std::optional<Arithmetic> arithmetic_of(std::string_view op) {
  if (op == "+") return Arithmetic::kAdd;
  if (op == "-") return Arithmetic::kSubtract;
  if (op == "*") return Arithmetic::kMultiply;
  if (op == "/") return Arithmetic::kDivide;
  if (op == "//") return Arithmetic::kFloorDivide;
  if (op == "%") return Arithmetic::kModulo;
  if (op == "**") return Arithmetic::kPower;
  return std::nullopt;
}

/// Appends an operator and its right side to a flat chain from left to right.
ExprPtr with_operand(ExprPtr left, ExprPtr chain, Arithmetic op, ExprPtr right) {
  if (left != nullptr) chain->items.push_back(std::move(left));
  chain->operators.push_back(op);
  chain->items.push_back(std::move(right));
  return chain;
}

}  // namespace

Result<ExprPtr> Parser::sum() {
  TRY(ExprPtr e, concatenation());
  bool flat = false;
  while (is_op("+") || is_op("-")) {
    const Token& op = take();
    const Arithmetic arithmetic = *arithmetic_of(op.text);
    ExprPtr chain = flat ? std::move(e) : make(ExprKind::kArithmetic, op.at);
    TRY(ExprPtr right, concatenation());
    e = with_operand(flat ? nullptr : std::move(e), std::move(chain), arithmetic, std::move(right));
    flat = true;
  }
  return e;
}

Result<ExprPtr> Parser::concatenation() {
  TRY(ExprPtr e, product());
  if (!is_op("~")) return e;
  ExprPtr all = make(ExprKind::kConcat, e->at);
  all->items.push_back(std::move(e));
  while (take_op("~")) {
    TRY(ExprPtr more, product());
    all->items.push_back(std::move(more));
  }
  return all;
}

Result<ExprPtr> Parser::product() {
  TRY(ExprPtr e, power());
  bool flat = false;
  while (is_op("*") || is_op("/") || is_op("//") || is_op("%")) {
    const Token& op = take();
    const Arithmetic arithmetic = *arithmetic_of(op.text);
    ExprPtr chain = flat ? std::move(e) : make(ExprKind::kArithmetic, op.at);
    TRY(ExprPtr right, power());
    e = with_operand(flat ? nullptr : std::move(e), std::move(chain), arithmetic, std::move(right));
    flat = true;
  }
  return e;
}

/// From left to right, unlike in Python.
Result<ExprPtr> Parser::power() {
  TRY(ExprPtr e, unary(true));
  bool flat = false;
  while (is_op("**")) {
    ExprPtr chain = flat ? std::move(e) : make(ExprKind::kArithmetic, now().at);
    take();
    TRY(ExprPtr right, unary(true));
    e = with_operand(flat ? nullptr : std::move(e), std::move(chain), Arithmetic::kPower, std::move(right));
    flat = true;
  }
  return e;
}

Result<ExprPtr> Parser::unary(bool with_filters) {
  ExprPtr e;
  if (is_op("-") || is_op("+")) {
    const Nesting nesting(depth_);
    TRY_VOID(deeper());
    const bool negative = is_op("-");
    e = make(negative ? ExprKind::kNegative : ExprKind::kPositive, take().at);
    TRY(ExprPtr of, unary(false));
    e->items.push_back(std::move(of));
  } else {
    TRY(e, primary(false, true));
  }
  TRY(e, postfix(std::move(e)));
  return with_filters ? filters(std::move(e)) : Result<ExprPtr>(std::move(e));
}

Result<ExprPtr> Parser::named(bool with_namespace, bool loads) {
  const Token& name = take();
  const std::string& text = name.text;
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    ExprPtr e = make(ExprKind::kBool, name.at);
    e->integer = text == "true" || text == "True" ? 1 : 0;
    return e;
  }
  if (text == "none" || text == "None") return make(ExprKind::kNone, name.at);
  ExprPtr e = make(ExprKind::kName, name.at);
  e->text.bytes = text;
  if (with_namespace && is_op(".")) {
    take();
    if (!is(TokenKind::kName)) return unexpected_token("the name of an attribute");
    e->kind = ExprKind::kNamespaceAttribute;
    e->links.emplace_back().name = take().text;
    return e;
  }
  if (!loads) return e;
  for (MacroBody* macro : macros_) {
    macro->uses_caller = macro->uses_caller || text == "caller";
    macro->uses_kwargs = macro->uses_kwargs || text == "kwargs";
    macro->uses_varargs = macro->uses_varargs || text == "varargs";
  }
  return e;
}

Result<ExprPtr> Parser::primary(bool with_namespace, bool loads) {
  const Position at = now().at;
  switch (now().kind) {
    case TokenKind::kName:
      return named(with_namespace, loads);
    case TokenKind::kString: {
      ExprPtr e = make(ExprKind::kText, at);
      while (is(TokenKind::kString)) e->text.bytes += take().text;  // neighbours are one string
      return e;
    }
    case TokenKind::kInteger: {
      ExprPtr e = make(ExprKind::kInt, at);
      e->integer = take().integer;
      return e;
    }
    case TokenKind::kFloat: {
      ExprPtr e = make(ExprKind::kFloat, at);
      e->number = take().number;
      return e;
    }
    default:
      break;
  }
  if (take_op("(")) {
    TRY(ExprPtr e, tuple({.parenthesised = true}));
    TRY_VOID(want_op(")"));
    return e;
  }
  if (is_op("[")) return list();
  if (is_op("{")) return dict();
  return unexpected_token("an expression");
}

Result<ExprPtr> Parser::tuple(const TupleRules& rules) {
  const auto ends = [&] {
    return is(TokenKind::kVariableEnd) || is(TokenKind::kBlockEnd) || is_op(")") || is_word_of(rules.ends);
  };
  const Position at = now().at;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) TRY_VOID(want_op(","));
    if (ends()) break;
    TRY(ExprPtr item, rules.simple ? primary(rules.with_namespace, false) : expression(rules.conditional));
    items.push_back(std::move(item));
    if (!is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !rules.parenthesised) return unexpected_token("an expression");
  ExprPtr e = make(ExprKind::kTuple, at);
  e->items = std::move(items);
  return e;
}

Result<ExprPtr> Parser::list() {
  ExprPtr e = make(ExprKind::kList, take().at);
  while (!is_op("]")) {
    if (!e->items.empty()) TRY_VOID(want_op(","));
    if (is_op("]")) break;
    TRY(ExprPtr item, expression());
    e->items.push_back(std::move(item));
  }
  TRY_VOID(want_op("]"));
  return e;
}

Result<ExprPtr> Parser::dict() {
  ExprPtr e = make(ExprKind::kDict, take().at);
  while (!is_op("}")) {
    if (!e->items.empty()) TRY_VOID(want_op(","));
    if (is_op("}")) break;
    TRY(ExprPtr key, expression());
    TRY_VOID(want_op(":"));
    TRY(ExprPtr value, expression());
    e->items.push_back(std::move(key));
    e->items.push_back(std::move(value));
  }
  TRY_VOID(want_op("}"));
  return e;
}

Result<ExprPtr> Parser::postfix(ExprPtr e) {
  while (true) {
    if (is_op(".")) {
      TRY(e, attribute(std::move(e)));
    } else if (is_op("[")) {
      TRY(e, subscript(std::move(e)));
    } else if (is_op("(")) {
      TRY(e, call(std::move(e)));
    } else {
      return e;
    }
  }
}

Result<ExprPtr> Parser::filters(ExprPtr e) {
  while (true) {
    if (is_op("|")) {
      take();
      TRY(e, filter(std::move(e)));
    } else if (is_word("is")) {
      TRY(e, test(std::move(e)));
    } else if (is_op("(")) {
      TRY(e, call(std::move(e)));
    } else {
      return e;
    }
  }
}

Result<ExprPtr> Parser::attribute(ExprPtr e) {
  take();
  const Token& name = now();
  if (name.kind == TokenKind::kInteger) {
    ExprPtr index = make(ExprKind::kInt, name.at);
    index->integer = name.integer;
    add_link(e, Link::Kind::kItem, name.at).index = std::move(index);
  } else if (name.kind == TokenKind::kName) {
    add_link(e, Link::Kind::kAttribute, name.at).name = name.text;
  } else {
    return unexpected_token("a name or a number");
  }
  take();
  return e;
}

Result<ExprPtr> Parser::subscript(ExprPtr e) {
  const Position at = take().at;
  std::vector<ExprPtr> indexes;
  bool several = false;
  Link slicing;
  while (!is_op("]")) {
    if (!indexes.empty()) {
      TRY_VOID(want_op(","));
      several = true;
      if (is_op("]")) return unexpected_token("an index");
    }
    ExprPtr index;
    if (!is_op(":")) {
      TRY(index, expression());
    }
    if (is_op(":")) {
      TRY_VOID(slice(slicing, std::move(index)));
      if (several || !is_op("]")) return fail_at(at, "a slice cannot stand among several indexes");
      take();
      Link& link = add_link(e, Link::Kind::kSlice, at);
      link.start = std::move(slicing.start);
      link.stop = std::move(slicing.stop);
      link.step = std::move(slicing.step);
      return e;
    }
    indexes.push_back(std::move(index));
  }
  TRY_VOID(want_op("]"));
  ExprPtr index;
  if (indexes.size() == 1) {
    index = std::move(indexes[0]);
  } else {
    index = make(ExprKind::kTuple, at);
    index->items = std::move(indexes);
  }
  add_link(e, Link::Kind::kItem, at).index = std::move(index);
  return e;
}

/// From the first colon on.
Result<void> Parser::slice(Link& link, ExprPtr first) {
  const auto absent = [this] { return is_op(":") || is_op("]") || is_op(","); };
  link.start = std::move(first);
  take();
  if (!absent()) {
    TRY(link.stop, expression());
  }
  if (take_op(":") && !absent()) {
    TRY(link.step, expression());
  }
  return {};
}

Result<ExprPtr> Parser::call(ExprPtr e) {
  const Position at = now().at;
  TRY(std::unique_ptr<CallArgs> args, arguments());
  add_link(e, Link::Kind::kCall, at).args = std::move(args);
  return e;
}

Result<std::unique_ptr<CallArgs>> Parser::arguments() {
  auto args = std::make_unique<CallArgs>();
  TRY_VOID(want_op("("));
  for (bool first = true; !is_op(")"); first = false) {
    if (!first) {
      TRY_VOID(want_op(","));
      if (is_op(")")) break;
    }
    TRY_VOID(argument(*args));
    if (args->positional.size() + args->named.size() > kMaxArguments)
      return fail_at(now().at, "a call has more than {} arguments", kMaxArguments);
  }
  TRY_VOID(want_op(")"));
  return args;
}

Result<void> Parser::argument(CallArgs& args) {
  const Position at = now().at;
  const auto misplaced = [&] { return fail_at(at, "arguments must stand in the order: by place, by name, *, **"); };
  if (take_op("*")) {
    if (args.more_positional != nullptr || args.more_named != nullptr) return misplaced();
    TRY(args.more_positional, expression());
    return {};
  }
  if (take_op("**")) {
    if (args.more_named != nullptr) return misplaced();
    TRY(args.more_named, expression());
    return {};
  }
  if (is(TokenKind::kName) && next().kind == TokenKind::kOperator && next().text == "=") {
    if (args.more_named != nullptr) return misplaced();
    const std::string name = take().text;
    take();
    for (const auto& [given, value] : args.named)
      if (given == name) return fail_at(at, "the argument '{}' is given twice", clipped(name, 60));
    TRY(ExprPtr value, expression());
    args.named.emplace_back(name, std::move(value));
    return {};
  }
  if (args.more_positional != nullptr || args.more_named != nullptr || !args.named.empty()) return misplaced();
  TRY(ExprPtr value, expression());
  args.positional.push_back(std::move(value));
  return {};
}

Result<std::string> Parser::dotted_name() {
  if (!is(TokenKind::kName)) return unexpected_token("the name of a filter or test");
  std::string name = take().text;
  while (take_op(".")) {
    if (!is(TokenKind::kName)) return unexpected_token("a name");
    (name += '.') += take().text;
  }
  return name;
}

Result<ExprPtr> Parser::filter(ExprPtr e) {
  const Position at = now().at;
  TRY(std::string name, dotted_name());
  std::unique_ptr<CallArgs> args;
  if (is_op("(")) {
    TRY(args, arguments());
  }
  Link& link = add_link(e, Link::Kind::kFilter, at);
  link.filter = find_filter(name);
  link.name = std::move(name);
  link.args = std::move(args);
  return e;
}

Result<ExprPtr> Parser::test(ExprPtr e) {
  take();
  const bool negated = take_word("not");
  const Position at = now().at;
  TRY(std::string name, dotted_name());
  std::unique_ptr<CallArgs> args;
  const bool literal = is(TokenKind::kString) || is(TokenKind::kInteger) || is(TokenKind::kFloat) || is_op("[") || is_op("{");
  if (is_op("(")) {
    TRY(args, arguments());
  } else if (literal || (is(TokenKind::kName) && !is_word_of({"else", "or", "and"}))) {
    // An argument without brackets: one operand with its subscripts and calls, nothing more.
    if (is_word("is")) return fail_at(now().at, "tests cannot be chained with 'is'");
    args = std::make_unique<CallArgs>();
    TRY(ExprPtr argument, primary(false, true));
    TRY(argument, postfix(std::move(argument)));
    args->positional.push_back(std::move(argument));
  }
  Link& link = add_link(e, Link::Kind::kTest, at);
  link.test = find_test(name);
  link.name = std::move(name);
  link.args = std::move(args);
  link.negated = negated;
  return e;
}

Result<ExprPtr> Parser::block_filter(bool first_is_given) {
  ExprPtr e;
  while (first_is_given || is_op("|")) {
    if (!first_is_given) take();
    first_is_given = false;
    if (e == nullptr) e = make(ExprKind::kCaptured, now().at);
    TRY(e, filter(std::move(e)));
  }
  return e;
}

}  // namespace sobre::jinja
