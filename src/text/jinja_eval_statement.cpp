#include "text/jinja_eval.h"
#include "text/jinja_ops.h"

namespace sobre::jinja {

Result<Evaluator::Flow> Evaluator::execute(const Body& body, Env& env) {
  const Nesting nesting(levels_);
  TRY_VOID(check_depth());
  for (const auto& s : body) {
    TRY(const Flow flow, execute(*s, env));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const Statement& s, Env& env) {
  TRY_VOID(step());
  Result<Flow> flow = std::visit([&](const auto& node) { return visit(node, env); }, s.node);
  if (!flow) return std::unexpected(located(std::move(flow).error(), s.at));
  return flow;
}

Result<void> Evaluator::print(const Value& v) {
  TRY(const Str* s, to_str(rt_, v));
  if (out_is_final_ && out_->size() + s->bytes.size() > limits_.max_output_bytes)
    return fail("the template was stopped: its output is longer than the limit of {} bytes", limits_.max_output_bytes);
  rt_.budget.spend_steps(s->bytes.size() / 256);
  out_->add(*s);
  return {};
}

/// What blocks print must be a string already.
Result<void> Evaluator::print_text(const Value& v) {
  if (v.str() == nullptr) return fail("the result of this block is no string, but '{}'", type_name(v));
  return print(v);
}

Result<Evaluator::Flow> Evaluator::visit(const Output& node, Env& env) {
  for (const ExprPtr& part : node.parts) {
    TRY(const Value v, eval(*part, env));
    const Result<void> printed = print(v);
    if (!printed) return std::unexpected(located(printed.error(), part->at));
  }
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::visit(const If& node, Env& env) {
  for (const auto& [test, then] : node.branches) {
    TRY(const Value v, eval(*test, env));
    if (truthy(v)) return execute(then, env);
  }
  return execute(node.otherwise, env);
}

/// Items of a generator are taken from it one by one.
void Evaluator::read_from_iterator(Loop& loop, Iterator& source) {
  loop.read_more = [this, &loop, &source]() -> Result<bool> {
    if (source.next < source.items.size()) {
      rt_.budget.spend_bytes(sizeof(Value));
      loop.own.push_back(source.items[source.next++]);
      return true;
    }
    if (source.error) return std::unexpected(*source.error);
    return false;
  };
}

/// The test of `for x in items if test` is asked when the loop comes to an item, not before.
void Evaluator::read_filtered(Loop& loop, const For& node, Env& test_env, const Value& iterable) {
  // What there is to read is a loop of its own, without a test.
  Loop& source = loops_.emplace_back();
  if (iterable.iterator() != nullptr)
    read_from_iterator(source, *iterable.iterator());
  else
    source.items = &iterable.list()->items;
  loop.read_more = [this, &loop, &source, &node, &test_env]() -> Result<bool> {
    while (true) {
      TRY_VOID(step());
      TRY(const bool more, has_item(source, source.index));
      if (!more) return false;
      const Value item = (*source.items)[source.index++];
      TRY_VOID(assign(node.test_target, test_env, item));
      TRY(const Value keep, eval(*node.test, test_env));
      if (!truthy(keep)) continue;
      rt_.budget.spend_bytes(sizeof(Value));
      loop.own.push_back(item);
      return true;
    }
  };
}

Result<Loop*> Evaluator::begin_loop(const For& node, Env& env, const Value& iterable, int depth) {
  rt_.budget.spend_bytes(sizeof(Loop));
  Value source = iterable;
  if (iterable.list() == nullptr && iterable.iterator() == nullptr) {
    TRY(std::vector<Value> items, iterate(rt_, iterable));
    source = rt_.heap.list(std::move(items));
  }
  Loop& loop = loops_.emplace_back();
  loop.depth = depth;
  loop.node = &node;
  loop.env = &env;
  if (node.test != nullptr) {
    Env& test_env = new_env(node.test_scope, &env);
    enter(node.test_scope, test_env);
    read_filtered(loop, node, test_env, source);
  } else if (source.iterator() != nullptr) {
    read_from_iterator(loop, *source.iterator());
  } else {
    loop.items = &source.list()->items;
  }
  return &loop;
}

Result<Evaluator::Flow> Evaluator::run_loop(const For& node, Env& env, const Value& iterable, int depth) {
  TRY(Loop* const loop, begin_loop(node, env, iterable, depth));
  Env& inside = new_env(node.body_scope, &env);
  bool completed = false;  // any body: as in Jinja, one that was left by break or continue does not count
  for (size_t i = 0;; ++i) {
    TRY_VOID(step());
    TRY(const bool more, has_item(*loop, i));
    if (!more) break;
    loop->index = i;
    slot(inside, node.loop) = Value(loop);
    TRY_VOID(assign(node.target, inside, (*loop->items)[i]));
    enter(node.body_scope, inside);
    TRY(const Flow flow, execute(node.body, inside));
    if (flow == Flow::kBreak) break;
    completed = completed || flow == Flow::kNext;
  }
  if (completed || node.otherwise.empty()) return Flow::kNext;
  Env& after = new_env(node.else_scope, &env);
  enter(node.else_scope, after);
  return execute(node.otherwise, after);
}

Result<Evaluator::Flow> Evaluator::visit(const For& node, Env& env) {
  TRY(const Value iterable, eval(*node.iterable, env));
  return run_loop(node, env, iterable, 0);
}

Result<void> Evaluator::check_namespaces(const Target& target, Env& env) {
  for (const Target& item : target.items) TRY_VOID(check_namespaces(item, env));
  if (target.kind != Target::Kind::kAttribute) return {};
  const std::optional<Value>& v = slot(env, target.place);
  if (!v || v->name_space() == nullptr) return fail("cannot assign attribute on non-namespace object");
  return {};
}

Result<void> Evaluator::assign(const Target& target, Env& env, const Value& v) {
  switch (target.kind) {
    case Target::Kind::kName:
      slot(env, target.place) = v;
      if (tree_.has_blocks && &env == root_) assigned_[target.name] = v;
      return {};
    case Target::Kind::kAttribute: {
      const std::optional<Value>& at = slot(env, target.place);
      if (!at || at->name_space() == nullptr) return fail("cannot assign attribute on non-namespace object");
      return put(rt_, at->name_space()->attributes, rt_.heap.text(target.attribute), v);
    }
    case Target::Kind::kTuple:
      break;
  }
  if (!is_iterable(v)) return fail("cannot unpack non-iterable {} object", type_name(v));
  TRY(const std::vector<Value> parts, iterate(rt_, v));
  if (parts.size() > target.items.size()) return fail("too many values to unpack (expected {})", target.items.size());
  if (parts.size() < target.items.size())
    return fail("not enough values to unpack (expected {}, got {})", target.items.size(), parts.size());
  for (size_t i = 0; i < parts.size(); ++i) TRY_VOID(assign(target.items[i], env, parts[i]));
  return {};
}

Result<Evaluator::Flow> Evaluator::visit(const Set& node, Env& env) {
  TRY_VOID(check_namespaces(node.target, env));
  TRY(const Value v, eval(*node.value, env));
  TRY_VOID(assign(node.target, env, v));
  return Flow::kNext;
}

/// Runs a body and keeps what it prints.
Result<Evaluator::Flow> Evaluator::capture(const Body& body, Env& env, Value& text) {
  TextBuilder builder(rt_.budget);
  TextBuilder* const outer = std::exchange(out_, &builder);
  const bool outer_is_final = std::exchange(out_is_final_, false);
  const Result<Flow> flow = execute(body, env);
  out_ = outer;
  out_is_final_ = outer_is_final;
  text = builder.finish(rt_);
  return flow;
}

Result<Value> Evaluator::apply_block_filter(const Expr& filter, Env& env, const Value& text) {
  const Value* const outer = std::exchange(captured_, &text);
  Result<Value> v = eval(filter, env);
  captured_ = outer;
  return v;
}

Result<Evaluator::Flow> Evaluator::visit(const SetBlock& node, Env& env) {
  Env& inside = new_env(node.scope, &env);
  enter(node.scope, inside);
  Value text;
  TRY(const Flow flow, capture(node.body, inside, text));
  if (flow != Flow::kNext) return flow;
  if (node.filter != nullptr) {
    TRY(text, apply_block_filter(*node.filter, inside, text));
  }
  TRY_VOID(assign(node.target, env, text));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::visit(const MacroStatement& node, Env& env) {
  TRY_VOID(assign(node.target, env, make_macro(node.macro, env)));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::visit(const CallBlock& node, Env& env) {
  const Value caller = make_macro(node.body, env);
  Result<Value> text = node.call == nullptr ? call(caller, {}) : eval_chain(*node.call, env, &caller);
  if (!text) return std::unexpected(text.error());
  TRY_VOID(print_text(*text));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::visit(const FilterBlock& node, Env& env) {
  Env& inside = new_env(node.scope, &env);
  enter(node.scope, inside);
  Value text;
  TRY(const Flow flow, capture(node.body, inside, text));
  if (flow != Flow::kNext) return flow;
  TRY(const Value v, apply_block_filter(*node.filter, inside, text));
  TRY_VOID(print_text(v));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::visit(const With& node, Env& env) {
  Env& inside = new_env(node.scope, &env);
  enter(node.scope, inside);
  for (size_t i = 0; i < node.targets.size(); ++i) {
    TRY(const Value v, eval(*node.values[i], env));
    TRY_VOID(assign(node.targets[i], inside, v));
  }
  if (node.autoescape != nullptr) {
    TRY(const Value wanted, eval(*node.autoescape, inside));
    if (truthy(wanted)) return fail("autoescape is not supported: chat templates are not HTML");
  }
  return execute(node.body, inside);
}

Result<Evaluator::Flow> Evaluator::visit(const Block& node, Env& env) {
  Env& inside = new_env(node.scope, node.scoped ? &env : nullptr);
  enter(node.scope, inside);
  return execute(node.body, inside);
}

Result<Evaluator::Flow> Evaluator::visit(const Jump& node, Env&) { return node.is_break ? Flow::kBreak : Flow::kContinue; }

Result<Evaluator::Flow> Evaluator::visit(const Unsupported& node, Env&) {
  return fail("'{}' is not possible: a chat template is one file and cannot reach others", node.name);
}

}  // namespace sobre::jinja
