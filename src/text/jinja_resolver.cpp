#include "text/jinja_resolver.h"

#include <string_view>
#include <unordered_map>

#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

class Frame {
 public:
  Frame(Scope& scope, const Frame* parent) : scope_(scope), parent_(parent) {}

  /// The name is set by who enters the frame.
  Place declare(const std::string& name) {
    const Place place = own(name, Load::From::kOutside);
    scope_.slots[place.slot].from = Load::From::kOutside;
    return place;
  }

  /// The name is assigned; `certainly`: not inside an if.
  void store(const std::string& name, bool certainly) {
    if (places_.contains(name)) return;
    const auto outer = parent_ != nullptr ? parent_->find(name) : std::nullopt;
    if (!outer) {
      own(name, certainly ? Load::From::kNowhere : Load::From::kVariable);
      return;
    }
    const Place place = own(name, Load::From::kOuter);
    scope_.slots[place.slot].outer = {outer->hops + 1, outer->slot};
  }

  void load(const std::string& name) {
    if (!find(name)) own(name, Load::From::kVariable);
  }

  [[nodiscard]] std::optional<Place> find(const std::string& name) const {
    uint32_t hops = 0;
    for (const Frame* f = this; f != nullptr; f = f->parent_, ++hops)
      if (const auto it = f->places_.find(name); it != f->places_.end()) return Place{hops, it->second};
    return std::nullopt;
  }

 private:
  Place own(const std::string& name, Load::From from) {
    const auto [it, is_new] = places_.try_emplace(name, static_cast<uint32_t>(scope_.slots.size()));
    if (is_new) scope_.slots.push_back({from, {}, name});
    return {0, it->second};
  }

  Scope& scope_;
  const Frame* parent_;
  std::unordered_map<std::string, uint32_t> places_;
};

/// First walk of a frame: which names it reads and assigns, in the order of the text, without the frames inside.
class Collector {
 public:
  explicit Collector(Frame& frame) : frame_(frame) {}

  void body(const Body& statements) {
    for (const auto& s : statements) std::visit([this](const auto& node) { visit(node); }, s->node);
  }

  void expr(const Expr* e) {
    if (e == nullptr) return;
    if (e->kind == ExprKind::kName) frame_.load(e->text.bytes);
    for (const ExprPtr& item : e->items) expr(item.get());
    for (const Link& link : e->links) {
      for (const Expr* part : {link.index.get(), link.start.get(), link.stop.get(), link.step.get()}) expr(part);
      if (link.args != nullptr) arguments(*link.args);
    }
  }

  void declare(const Target& t) {
    if (t.kind == Target::Kind::kName) frame_.declare(t.name);
    for (const Target& item : t.items) declare(item);
  }

  void store(const Target& t) {
    if (t.kind == Target::Kind::kName) frame_.store(t.name, branches_ == 0);
    if (t.kind == Target::Kind::kAttribute) frame_.load(t.name);
    for (const Target& item : t.items) store(item);
  }

 private:
  void arguments(const CallArgs& args) {
    for (const ExprPtr& e : args.positional) expr(e.get());
    for (const auto& [name, e] : args.named) expr(e.get());
    expr(args.more_positional.get());
    expr(args.more_named.get());
  }

  void visit(const Output& node) {
    for (const ExprPtr& part : node.parts) expr(part.get());
  }
  void visit(const If& node) {
    for (size_t i = 0; i < node.branches.size(); ++i) {
      expr(node.branches[i].first.get());
      ++branches_;
      body(node.branches[i].second);
      --branches_;
    }
    ++branches_;
    body(node.otherwise);
    --branches_;
  }
  void visit(const For& node) { expr(node.iterable.get()); }
  void visit(const Set& node) {
    expr(node.value.get());
    store(node.target);
  }
  void visit(const SetBlock& node) { store(node.target); }
  void visit(const MacroStatement& node) { store(node.target); }
  void visit(const CallBlock& node) { expr(node.call.get()); }
  void visit(const FilterBlock& node) { expr(node.filter.get()); }
  void visit(const With& node) {
    for (const ExprPtr& value : node.values) expr(value.get());
  }
  void visit(const Block&) {}
  void visit(const Jump&) {}
  void visit(const Unsupported&) {}

  Frame& frame_;
  int branches_ = 0;
};

/// Second walk: every name gets its place; the frames inside are collected and bound in turn.
class Binder {
 public:
  explicit Binder(Frame& frame) : frame_(frame) {}

  Result<void> body(Body& statements) {
    for (const auto& s : statements) TRY_VOID(std::visit([this](auto& node) { return visit(node); }, s->node));
    return {};
  }

  Result<void> expr(Expr* e) {
    if (e == nullptr) return {};
    if (e->kind == ExprKind::kName) e->place = place(e->text.bytes);
    const bool outer_lenient = lenient_;
    lenient_ = lenient_ || e->kind == ExprKind::kCondition;
    for (const ExprPtr& item : e->items) TRY_VOID(expr(item.get()));
    for (Link& link : e->links) TRY_VOID(bind(link));
    lenient_ = outer_lenient;
    return {};
  }

  void bind(Target& t) {
    if (t.kind != Target::Kind::kTuple) t.place = place(t.name);
    for (Target& item : t.items) bind(item);
  }

  [[nodiscard]] Place place(const std::string& name) const { return *frame_.find(name); }

 private:
  Result<void> bind(Link& link) {
    if (link.kind == Link::Kind::kFilter && link.filter == nullptr && !lenient_)
      return fail_at(link.at, "there is no filter named '{}'", clipped(link.name, 60));
    if (link.kind == Link::Kind::kTest && link.test == nullptr && !lenient_)
      return fail_at(link.at, "there is no test named '{}'", clipped(link.name, 60));
    for (Expr* part : {link.index.get(), link.start.get(), link.stop.get(), link.step.get()}) TRY_VOID(expr(part));
    if (link.args == nullptr) return {};
    for (const ExprPtr& e : link.args->positional) TRY_VOID(expr(e.get()));
    for (const auto& [name, e] : link.args->named) TRY_VOID(expr(e.get()));
    TRY_VOID(expr(link.args->more_positional.get()));
    return expr(link.args->more_named.get());
  }

  Result<void> visit(Output& node) {
    for (const ExprPtr& part : node.parts) TRY_VOID(expr(part.get()));
    return {};
  }

  Result<void> visit(If& node) {
    const bool outer_lenient = std::exchange(lenient_, true);
    for (auto& [test, then] : node.branches) {
      TRY_VOID(expr(test.get()));
      TRY_VOID(body(then));
    }
    TRY_VOID(body(node.otherwise));
    lenient_ = outer_lenient;
    return {};
  }

  Result<void> visit(For& node) {
    TRY_VOID(expr(node.iterable.get()));
    if (node.test != nullptr) {
      Frame test(node.test_scope, &frame_);
      Collector collector(test);
      collector.declare(node.test_target);
      collector.expr(node.test.get());
      Binder binder(test);
      binder.bind(node.test_target);
      TRY_VOID(binder.expr(node.test.get()));
    }
    Frame inside(node.body_scope, &frame_);
    Collector collector(inside);
    node.loop = inside.declare("loop");
    collector.declare(node.target);
    collector.body(node.body);
    Binder binder(inside);
    binder.bind(node.target);
    TRY_VOID(binder.body(node.body));
    return in_frame(node.else_scope, node.otherwise);
  }

  /// A body with a frame of its own and nothing else.
  Result<void> in_frame(Scope& scope, Body& statements) {
    Frame inside(scope, &frame_);
    Collector(inside).body(statements);
    return Binder(inside).body(statements);
  }

  Result<void> visit(Set& node) {
    TRY_VOID(expr(node.value.get()));
    bind(node.target);
    return {};
  }

  Result<void> captured(Scope& scope, Body& statements, Expr* filter) {
    Frame inside(scope, &frame_);
    Collector collector(inside);
    collector.body(statements);
    collector.expr(filter);
    Binder binder(inside);
    TRY_VOID(binder.body(statements));
    return binder.expr(filter);
  }

  Result<void> visit(SetBlock& node) {
    bind(node.target);
    return captured(node.scope, node.body, node.filter.get());
  }

  Result<void> visit(FilterBlock& node) { return captured(node.scope, node.body, node.filter.get()); }

  Result<void> visit(MacroStatement& node) {
    bind(node.target);
    return macro(node.macro);
  }

  Result<void> visit(CallBlock& node) {
    TRY_VOID(expr(node.call.get()));
    return macro(node.body);
  }

  Result<void> macro(MacroBody& m) {
    Frame inside(m.scope, &frame_);
    Collector collector(inside);
    for (const std::string& name : m.parameters) m.places.push_back(inside.declare(name));
    if (m.uses_caller) m.caller = inside.declare("caller");
    if (m.uses_kwargs) m.kwargs = inside.declare("kwargs");
    if (m.uses_varargs) m.varargs = inside.declare("varargs");
    for (const ExprPtr& value : m.defaults) collector.expr(value.get());
    collector.body(m.body);
    Binder binder(inside);
    for (const ExprPtr& value : m.defaults) TRY_VOID(binder.expr(value.get()));
    return binder.body(m.body);
  }

  Result<void> visit(With& node) {
    for (const ExprPtr& value : node.values) TRY_VOID(expr(value.get()));
    Frame inside(node.scope, &frame_);
    Collector collector(inside);
    for (const Target& t : node.targets) collector.declare(t);
    collector.expr(node.autoescape.get());
    collector.body(node.body);
    Binder binder(inside);
    for (Target& t : node.targets) binder.bind(t);
    TRY_VOID(binder.expr(node.autoescape.get()));
    return binder.body(node.body);
  }

  Result<void> visit(Block& node) {
    // Blocks see the variables, and what the root has assigned; those that are called scoped see what surrounds them.
    Frame inside(node.scope, node.scoped ? &frame_ : nullptr);
    Collector(inside).body(node.body);
    return Binder(inside).body(node.body);
  }

  Result<void> visit(Jump&) { return {}; }
  Result<void> visit(Unsupported&) { return {}; }

  Frame& frame_;
  bool lenient_ = false;  // unknown filters and tests are errors only when they are reached
};

}  // namespace

Result<void> resolve_names(Tree& tree) {
  Frame root(tree.scope, nullptr);
  Collector(root).body(tree.body);
  return Binder(root).body(tree.body);
}

}  // namespace sobre::jinja
