#include "text/jinja_eval.h"

#include <algorithm>

#include "text/jinja_access.h"
#include "text/jinja_args.h"
#include "text/jinja_filters.h"
#include "text/jinja_ops.h"
#include "text/jinja_parser.h"

namespace sobre::jinja {

namespace {

/// Evaluations in one another, for each level that the parser allows: a level of the text is several of the tree.
constexpr int kLevelsPerDepth = 16;

}  // namespace

Result<Str> Evaluator::run() {
  TextBuilder out(rt_.budget);
  out_ = &out;
  root_ = &new_env(tree_.scope, nullptr);
  enter(tree_.scope, *root_);
  TRY_VOID(execute(tree_.body, *root_));
  TRY_VOID(step());
  return out.take();
}

Result<void> Evaluator::step() {
  rt_.budget.spend_steps(1);
  if (!rt_.budget.broken()) return {};
  return fail("the template was stopped: {} (limits: {} steps, {} bytes of values)", rt_.budget.reason(), limits_.max_steps,
              limits_.max_value_bytes);
}

Result<void> Evaluator::check_depth() const {
  if (levels_ > limits_.max_depth * kLevelsPerDepth || calls_ > limits_.max_depth)
    return fail("the template was stopped: calls and expressions are nested deeper than the limit of {}", limits_.max_depth);
  return {};
}

Error Evaluator::located(Error error, Position at) {
  if (located_ || rt_.raised) return error;
  located_ = true;
  error.message += fmt::format(" (line {}, column {} of the template)", at.line, at.column);
  return error;
}

Env& Evaluator::new_env(const Scope& scope, Env* outer) {
  rt_.budget.spend_bytes(sizeof(Env) + scope.slots.size() * sizeof(std::optional<Value>));
  return envs_.emplace_back(outer, std::vector<std::optional<Value>>(scope.slots.size()));
}

void Evaluator::enter(const Scope& scope, Env& env) {
  for (size_t i = 0; i < scope.slots.size(); ++i) {
    const Load& load = scope.slots[i];
    switch (load.from) {
      case Load::From::kNowhere:
        env.slots[i].reset();
        break;
      case Load::From::kOutside:
        break;
      case Load::From::kVariable:
        env.slots[i] = variable(load.name);
        break;
      case Load::From::kOuter:
        env.slots[i] = slot(env, load.outer);
        break;
    }
  }
}

std::optional<Value>& Evaluator::slot(Env& env, Place place) {
  Env* at = &env;
  for (uint32_t i = 0; i < place.hops; ++i) at = at->outer;
  return at->slots[place.slot];
}

std::optional<Value> Evaluator::variable(const std::string& name) {
  if (const auto it = assigned_.find(name); it != assigned_.end()) return it->second;
  if (const Value* v = find(rt_, variables_, std::string_view(name))) return *v;
  for (const Function& f : global_functions())
    if (f.name == name) return &f;
  return std::nullopt;
}

Result<Value> Evaluator::eval(const Expr& e, Env& env) {
  const Nesting nesting(levels_);
  TRY_VOID(step());
  TRY_VOID(check_depth());
  Result<Value> v = eval_kind(e, env);
  if (!v) return std::unexpected(located(std::move(v).error(), e.at));
  return v;
}

Result<Value> Evaluator::eval_kind(const Expr& e, Env& env) {
  switch (e.kind) {
    case ExprKind::kNone:
      return Value();
    case ExprKind::kBool:
      return Value::boolean(e.integer != 0);
    case ExprKind::kInt:
      return Value::integer(e.integer);
    case ExprKind::kFloat:
      return Value::number(e.number);
    case ExprKind::kText:
      return Value(&e.text);
    case ExprKind::kName:
      return eval_name(e, env);
    case ExprKind::kTuple:
    case ExprKind::kList:
      return eval_items(e, env);
    case ExprKind::kDict:
      return eval_dict(e, env);
    case ExprKind::kChain:
      return eval_chain(e, env, nullptr);
    case ExprKind::kNegative:
    case ExprKind::kPositive:
    case ExprKind::kNot:
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return eval_logic(e, env);
    case ExprKind::kArithmetic:
      return eval_arithmetic(e, env);
    case ExprKind::kConcat:
      return eval_concat(e, env);
    case ExprKind::kCompare:
      return eval_compare(e, env);
    case ExprKind::kCondition:
      return eval_condition(e, env);
    case ExprKind::kCaptured:
      return *captured_;
    case ExprKind::kNamespaceAttribute:
      break;  // only ever a target
  }
  return Value();
}

Result<Value> Evaluator::eval_name(const Expr& e, Env& env) {
  const std::optional<Value>& v = slot(env, e.place);
  return v ? *v : undefined_name(rt_, e.text.bytes);
}

Result<Value> Evaluator::eval_items(const Expr& e, Env& env) {
  std::vector<Value> items;
  items.reserve(e.items.size());
  for (const ExprPtr& item : e.items) {
    TRY(const Value v, eval(*item, env));
    items.push_back(v);
  }
  return e.kind == ExprKind::kTuple ? rt_.heap.tuple(std::move(items)) : rt_.heap.list(std::move(items));
}

Result<Value> Evaluator::eval_dict(const Expr& e, Env& env) {
  Dict dict;
  for (size_t i = 0; i < e.items.size(); i += 2) {
    TRY(const Value key, eval(*e.items[i], env));
    TRY(const Value v, eval(*e.items[i + 1], env));
    TRY_VOID(put(rt_, dict, key, v));
  }
  return rt_.heap.dict(std::move(dict));
}

Result<Value> Evaluator::eval_logic(const Expr& e, Env& env) {
  TRY(Value v, eval(*e.items[0], env));
  switch (e.kind) {
    case ExprKind::kNot:
      return Value::boolean(!truthy(v));
    case ExprKind::kNegative:
      return negate(v);
    case ExprKind::kPositive:
      if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
      if (!v.is_number()) return fail("bad operand type for unary +: '{}'", type_name(v));
      return v.is_int() ? Value::integer(*v.integer()) : v;
    default:
      break;
  }
  for (size_t i = 1; i < e.items.size() && truthy(v) == (e.kind == ExprKind::kAnd); ++i) {
    TRY(v, eval(*e.items[i], env));
  }
  return v;
}

Result<Value> Evaluator::eval_arithmetic(const Expr& e, Env& env) {
  TRY(Value v, eval(*e.items[0], env));
  for (size_t i = 0; i < e.operators.size(); ++i) {
    TRY(const Value right, eval(*e.items[i + 1], env));
    TRY(v, operate(rt_, e.operators[i], v, right));
  }
  return v;
}

Result<Value> Evaluator::eval_concat(const Expr& e, Env& env) {
  TextBuilder out(rt_.budget);
  for (const ExprPtr& item : e.items) {
    TRY(const Value v, eval(*item, env));
    TRY(const Str* s, to_str(rt_, v));
    out.add(*s);
  }
  return out.finish(rt_);
}

Result<Value> Evaluator::eval_compare(const Expr& e, Env& env) {
  TRY(Value left, eval(*e.items[0], env));
  for (size_t i = 0; i < e.comparisons.size(); ++i) {
    TRY(const Value right, eval(*e.items[i + 1], env));
    TRY(const bool holds, compare(rt_, e.comparisons[i], left, right));
    if (!holds) return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Result<Value> Evaluator::eval_condition(const Expr& e, Env& env) {
  TRY(const Value test, eval(*e.items[0], env));
  if (truthy(test)) return eval(*e.items[1], env);
  if (e.items.size() > 2) return eval(*e.items[2], env);
  return rt_.heap.undefined("the inline if-expression evaluated to false and no else section was defined.");
}

Result<Value> Evaluator::eval_chain(const Expr& e, Env& env, const Value* caller) {
  TRY(Value v, eval(*e.items[0], env));
  for (const Link& link : e.links) {
    const bool is_last = &link == &e.links.back();
    TRY_VOID(step());
    Result<Value> next = follow(link, env, v, is_last ? caller : nullptr);
    if (!next) return std::unexpected(located(std::move(next).error(), link.at));
    v = *next;
  }
  return v;
}

Result<Value> Evaluator::follow(const Link& link, Env& env, const Value& v, const Value* caller) {
  switch (link.kind) {
    case Link::Kind::kAttribute:
      return get_attribute(rt_, v, link.name);
    case Link::Kind::kItem: {
      TRY(const Value index, eval(*link.index, env));
      return get_item(rt_, v, index);
    }
    case Link::Kind::kSlice:
      return eval_slice(link, env, v);
    case Link::Kind::kCall: {
      TRY(Args args, eval_args(link.args.get(), env));
      if (caller != nullptr) args.named.emplace_back("caller", *caller);
      return call(v, args);
    }
    case Link::Kind::kFilter: {
      TRY(const Args args, eval_args(link.args.get(), env));
      if (link.filter == nullptr) return fail("there is no filter named '{}'", clipped(link.name, 60));
      charge_reading(rt_, v, args);
      return link.filter->call(rt_, v, args);
    }
    case Link::Kind::kTest: {
      TRY(const Args args, eval_args(link.args.get(), env));
      if (link.test == nullptr) return fail("there is no test named '{}'", clipped(link.name, 60));
      charge_reading(rt_, v, args);
      TRY(const bool holds, link.test->call(rt_, v, args));
      return Value::boolean(holds != link.negated);
    }
  }
  return Value();
}

Result<Value> Evaluator::eval_slice(const Link& link, Env& env, const Value& v) {
  Value bounds[3];
  const Expr* parts[] = {link.start.get(), link.stop.get(), link.step.get()};
  for (size_t i = 0; i < 3; ++i) {
    if (parts[i] == nullptr) continue;
    TRY(bounds[i], eval(*parts[i], env));
  }
  return get_slice(rt_, v, bounds[0], bounds[1], bounds[2]);
}

Result<Args> Evaluator::eval_args(const CallArgs* args, Env& env) {
  Args out;
  if (args == nullptr) return out;
  for (const ExprPtr& e : args->positional) {
    TRY(const Value v, eval(*e, env));
    out.positional.push_back(v);
  }
  for (const auto& [name, e] : args->named) {
    TRY(const Value v, eval(*e, env));
    out.named.emplace_back(name, v);
  }
  if (args->more_positional != nullptr) {
    TRY(const Value more, eval(*args->more_positional, env));
    TRY(const std::vector<Value> items, iterate(rt_, more));
    if (items.size() > kMaxArguments)
      return fail("a call with {} more arguments is above the limit of {}", items.size(), kMaxArguments);
    out.positional.insert(out.positional.end(), items.begin(), items.end());
  }
  if (args->more_named == nullptr) return out;
  TRY(const Value more, eval(*args->more_named, env));
  if (more.dict() == nullptr) return fail("argument after ** must be a mapping, not {}", type_name(more));
  const auto& entries = more.dict()->entries;
  if (entries.size() > kMaxArguments)
    return fail("a call with {} more arguments is above the limit of {}", entries.size(), kMaxArguments);
  for (const auto& [key, v] : entries) {
    if (key.str() == nullptr) return fail("keywords must be strings");
    const std::string_view name = key.str()->bytes;
    for (const auto& [given, ignored] : out.named)
      if (given == name) return fail("got multiple values for keyword argument {}", repr_of(clipped(name, 60)));
    out.named.emplace_back(name, v);
  }
  return out;
}

}  // namespace sobre::jinja
