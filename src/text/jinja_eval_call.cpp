#include <algorithm>

#include "text/jinja_args.h"
#include "text/jinja_eval.h"
#include "text/jinja_methods.h"
#include "text/jinja_ops.h"

namespace sobre::jinja {

const Macro* Evaluator::make_macro(const MacroBody& body, Env& env) {
  rt_.budget.spend_bytes(sizeof(Macro));
  return &macros_.emplace_back(&body, &env);
}

Result<Value> Evaluator::call(const Value& callee, const Args& args) {
  const Nesting nesting(calls_);
  TRY_VOID(check_depth());
  switch (callee.kind()) {
    case Kind::kFunction:
      charge_reading(rt_, Value(), args);
      return callee.function()->call(rt_, args);
    case Kind::kMethod:
      charge_reading(rt_, callee.method()->self, args);
      return callee.method()->entry->call(rt_, callee.method()->self, args);
    case Kind::kMacro:
      return call_macro(*callee.macro(), args);
    case Kind::kLoop:
      return call_loop(*callee.loop(), args);
    case Kind::kJoiner:
      return call_joiner(*callee.joiner(), args);
    case Kind::kUndefined:
      return use_of_undefined(*callee.undefined());
    default:
      return fail("'{}' object is not callable", type_name(callee));
  }
}

Result<Value> Evaluator::call_macro(const Macro& macro, const Args& args) {
  const MacroBody& body = *macro.body;
  Env& env = new_env(body.scope, macro.env);
  enter(body.scope, env);
  TRY_VOID(bind_parameters(body, env, args));
  const size_t required = body.parameters.size() - body.defaults.size();
  for (size_t i = 0; i < body.parameters.size(); ++i) {
    std::optional<Value>& parameter = slot(env, body.places[i]);
    if (parameter) continue;
    if (i < required) {
      parameter = rt_.heap.undefined(fmt::format("parameter '{}' was not provided", body.parameters[i]));
    } else {
      TRY(parameter, eval(*body.defaults[i - required], env));
    }
  }
  Value text;
  TRY_VOID(capture(body.body, env, text));
  return text;
}

/// Arguments by place, then by name; what is left over goes to bind_rest().
Result<void> Evaluator::bind_parameters(const MacroBody& body, Env& env, const Args& args) {
  const size_t by_place = std::min(args.positional.size(), body.parameters.size());
  for (size_t i = 0; i < by_place; ++i) slot(env, body.places[i]) = args.positional[i];
  std::vector<bool> used(args.named.size());
  for (size_t i = by_place; i < body.parameters.size(); ++i) {
    for (size_t k = 0; k < args.named.size(); ++k) {
      if (args.named[k].first != body.parameters[i]) continue;
      slot(env, body.places[i]) = args.named[k].second;
      used[k] = true;
    }
  }
  return bind_rest(body, env, args, used);
}

Result<void> Evaluator::bind_rest(const MacroBody& body, Env& env, const Args& args, std::vector<bool>& used) {
  if (body.uses_caller) {
    slot(env, body.caller) = rt_.heap.undefined("No caller defined");
    for (size_t k = 0; k < args.named.size(); ++k) {
      if (used[k] || args.named[k].first != "caller") continue;
      used[k] = true;
      if (!args.named[k].second.is_none()) slot(env, body.caller) = args.named[k].second;
    }
  }
  const std::string name = body.name.empty() ? "None" : fmt::format("'{}'", body.name);
  if (body.uses_kwargs) {
    Dict rest;
    for (size_t k = 0; k < args.named.size(); ++k)
      if (!used[k]) TRY_VOID(put(rt_, rest, rt_.heap.text(std::string(args.named[k].first)), args.named[k].second));
    slot(env, body.kwargs) = rt_.heap.dict(std::move(rest));
  } else if (const auto extra = std::find(used.begin(), used.end(), false); extra != used.end()) {
    const std::string_view given = args.named[static_cast<size_t>(extra - used.begin())].first;
    return fail("macro {} takes no keyword argument '{}'", name, clipped(given, 60));
  }
  const size_t taken = std::min(args.positional.size(), body.parameters.size());
  if (body.uses_varargs) {
    std::vector<Value> rest(args.positional.begin() + static_cast<std::ptrdiff_t>(taken), args.positional.end());
    slot(env, body.varargs) = rt_.heap.tuple(std::move(rest));
  } else if (args.positional.size() > taken) {
    return fail("macro {} takes not more than {} argument(s)", name, body.parameters.size());
  }
  return {};
}

/// loop(items): the body of a recursive loop for other items, as text.
Result<Value> Evaluator::call_loop(const Loop& loop, const Args& args) {
  if (!loop.node->recursive) return fail("The loop must have the 'recursive' marker to be called recursively.");
  TRY(const Bound a, bind("loop", "iterable", 1, args));
  TextBuilder text(rt_.budget);
  TextBuilder* const outer = std::exchange(out_, &text);
  const bool outer_is_final = std::exchange(out_is_final_, false);
  const auto flow = run_loop(*loop.node, *loop.env, a[0], loop.depth + 1);
  out_ = outer;
  out_is_final_ = outer_is_final;
  if (!flow) return std::unexpected(flow.error());
  return text.finish(rt_);
}

/// Nothing the first time, then the separator.
Result<Value> Evaluator::call_joiner(Joiner& joiner, const Args& args) {
  TRY_VOID(no_arguments("joiner", args));
  if (joiner.used) return joiner.separator;
  joiner.used = true;
  return rt_.heap.text(std::string());
}

}  // namespace sobre::jinja
