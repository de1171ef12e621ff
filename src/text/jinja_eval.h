// The evaluator: one render of a tree. Lives on one thread for one render. Steps, bytes, output and depth are charged as it
// goes; it stops at the first error. Used by ChatTemplate::render.
#pragma once

#include <deque>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/jinja_ast.h"
#include "text/jinja_loop.h"
#include "text/jinja_macro.h"
#include "text/jinja_text.h"
#include "text/jinja_value.h"

namespace sobre::jinja {

class Evaluator {
 public:
  /// `variables` belong to the heap of `rt`. All must outlive the evaluator.
  Evaluator(const Tree& tree, const TemplateLimits& limits, Runtime& rt, const Dict& variables)
      : tree_(tree), limits_(limits), rt_(rt), variables_(variables) {}
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  /// The output. Errors end with the line and column, except for those that the template raises itself.
  Result<Str> run();

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };

  // Statements (jinja_eval_statement.cpp).
  Result<Flow> execute(const Body& body, Env& env);
  Result<Flow> execute(const Statement& s, Env& env);
  Result<Flow> visit(const Output& node, Env& env);
  Result<Flow> visit(const If& node, Env& env);
  Result<Flow> visit(const For& node, Env& env);
  Result<Flow> visit(const Set& node, Env& env);
  Result<Flow> visit(const SetBlock& node, Env& env);
  Result<Flow> visit(const MacroStatement& node, Env& env);
  Result<Flow> visit(const CallBlock& node, Env& env);
  Result<Flow> visit(const FilterBlock& node, Env& env);
  Result<Flow> visit(const With& node, Env& env);
  Result<Flow> visit(const Block& node, Env& env);
  Result<Flow> visit(const Jump& node, Env& env);
  Result<Flow> visit(const Unsupported& node, Env& env);
  Result<Loop*> begin_loop(const For& node, Env& env, const Value& iterable, int depth);
  void read_from_iterator(Loop& loop, Iterator& source);
  void read_filtered(Loop& loop, const For& node, Env& test_env, const Value& iterable);
  Result<Flow> run_loop(const For& node, Env& env, const Value& iterable, int depth);
  Result<Flow> capture(const Body& body, Env& env, Value& text);
  Result<Value> apply_block_filter(const Expr& filter, Env& env, const Value& text);
  Result<void> assign(const Target& target, Env& env, const Value& v);
  Result<void> check_namespaces(const Target& target, Env& env);
  Result<void> print(const Value& v);
  Result<void> print_text(const Value& v);

  // Expressions (jinja_eval.cpp).
  Result<Value> eval(const Expr& e, Env& env);
  Result<Value> eval_kind(const Expr& e, Env& env);
  Result<Value> eval_name(const Expr& e, Env& env);
  Result<Value> eval_items(const Expr& e, Env& env);
  Result<Value> eval_dict(const Expr& e, Env& env);
  Result<Value> eval_logic(const Expr& e, Env& env);
  Result<Value> eval_arithmetic(const Expr& e, Env& env);
  Result<Value> eval_concat(const Expr& e, Env& env);
  Result<Value> eval_compare(const Expr& e, Env& env);
  Result<Value> eval_condition(const Expr& e, Env& env);
  Result<Value> eval_chain(const Expr& e, Env& env, const Value* caller);
  Result<Value> follow(const Link& link, Env& env, const Value& v, const Value* caller);
  Result<Value> eval_slice(const Link& link, Env& env, const Value& v);
  Result<Args> eval_args(const CallArgs* args, Env& env);

  // Calls (jinja_eval_call.cpp).
  Result<Value> call(const Value& callee, const Args& args);
  Result<Value> call_macro(const Macro& macro, const Args& args);
  Result<void> bind_parameters(const MacroBody& body, Env& env, const Args& args);
  Result<void> bind_rest(const MacroBody& body, Env& env, const Args& args, std::vector<bool>& used);
  Result<Value> call_loop(const Loop& loop, const Args& args);
  Result<Value> call_joiner(Joiner& joiner, const Args& args);
  const Macro* make_macro(const MacroBody& body, Env& env);

  // Frames.
  Env& new_env(const Scope& scope, Env* outer);
  /// Gives the slots their first values; those set from outside keep theirs.
  void enter(const Scope& scope, Env& env);
  static std::optional<Value>& slot(Env& env, Place place);
  std::optional<Value> variable(const std::string& name);

  /// Charges a step; an error once any limit is met.
  Result<void> step();
  /// Adds the place to an error that has none yet.
  Error located(Error error, Position at);

  /// Counts nested calls and evaluations as long as it lives.
  class Nesting {
   public:
    explicit Nesting(int& count) : count_(count) { ++count_; }
    ~Nesting() { --count_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& count_;
  };
  [[nodiscard]] Result<void> check_depth() const;

  const Tree& tree_;
  const TemplateLimits& limits_;
  Runtime& rt_;
  const Dict& variables_;
  std::deque<Env> envs_;
  std::deque<Loop> loops_;
  std::deque<Macro> macros_;
  std::unordered_map<std::string_view, Value> assigned_;  // by the root, for blocks
  Env* root_ = nullptr;
  TextBuilder* out_ = nullptr;
  bool out_is_final_ = true;  // out_ is the output itself, not a text to be captured
  const Value* captured_ = nullptr;
  int levels_ = 0, calls_ = 0;
  bool located_ = false;
};

}  // namespace sobre::jinja
