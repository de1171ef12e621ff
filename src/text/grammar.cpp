#include "text/grammar.h"

#include <algorithm>
#include <map>

#include "text/grammar_machine.h"

namespace sobre {

GrammarNode grammar_text(std::string_view bytes) {
  GrammarNode node;
  node.kind = GrammarNode::Kind::kText;
  node.text = std::string(bytes);
  return node;
}

GrammarNode grammar_token(int32_t id) {
  GrammarNode node;
  node.kind = GrammarNode::Kind::kToken;
  node.token = id;
  return node;
}

GrammarNode grammar_regex(std::string_view pattern) {
  GrammarNode node = grammar_text(pattern);
  node.kind = GrammarNode::Kind::kRegex;
  return node;
}

GrammarNode grammar_schema(Json schema) {
  GrammarNode node;
  node.kind = GrammarNode::Kind::kSchema;
  node.schema = std::move(schema);
  return node;
}

GrammarNode grammar_json_object() {
  GrammarNode node;
  node.kind = GrammarNode::Kind::kJsonObject;
  return node;
}

static GrammarNode of_parts(GrammarNode::Kind kind, std::vector<GrammarNode> parts) {
  GrammarNode node;
  node.kind = kind;
  node.parts = std::move(parts);
  return node;
}

GrammarNode grammar_sequence(std::vector<GrammarNode> parts) {
  return of_parts(GrammarNode::Kind::kSequence, std::move(parts));
}

GrammarNode grammar_choice(std::vector<GrammarNode> parts) { return of_parts(GrammarNode::Kind::kChoice, std::move(parts)); }

GrammarNode grammar_repeat(GrammarNode part, int min, int max) {
  GrammarNode node;
  node.kind = GrammarNode::Kind::kRepeat;
  node.parts.push_back(std::move(part));
  node.min = min;
  node.max = max;
  return node;
}

namespace {

/// Builds the outer grammar backwards: each node is given the op that follows it.
class GrammarBuilder {
 public:
  GrammarBuilder(const GrammarLimits& limits, Grammar::Impl& impl)
      : limits_(limits), impl_(impl), budget_(limits.max_states, limits.max_time_ms) {}

  Result<void> build(const GrammarNode& root) {
    TRY(const uint32_t accept, add({}));
    TRY(impl_.start, make(root, accept, 0));
    return settle_costs();
  }

 private:
  using Kind = GrammarNode::Kind;
  using OpKind = GrammarOp::Kind;

  Result<uint32_t> add(GrammarOp op) {
    TRY_VOID(budget_.spend(1));
    impl_.ops.push_back(std::move(op));
    return static_cast<uint32_t>(impl_.ops.size() - 1);
  }
  Result<uint32_t> add(OpKind kind, uint32_t ref, uint32_t next) {
    GrammarOp op;
    op.kind = kind;
    op.ref = ref;
    op.next = {next};
    return add(std::move(op));
  }

  Result<uint32_t> make(const GrammarNode& node, uint32_t next, int depth) {
    if (depth > limits_.max_depth) return fail("grammar: nested deeper than {}, the limit", limits_.max_depth);
    switch (node.kind) {
      case Kind::kText: {
        for (size_t i = node.text.size(); i-- > 0;) {
          GrammarOp op;
          op.kind = OpKind::kByte;
          op.byte = static_cast<uint8_t>(node.text[i]);
          op.next = {next};
          TRY(next, add(std::move(op)));
        }
        return next;
      }
      case Kind::kToken: {
        if (node.token < 0) return fail("grammar: {} is no token id", node.token);
        GrammarOp op;
        op.kind = OpKind::kToken;
        op.token = node.token;
        op.next = {next};
        return add(std::move(op));
      }
      case Kind::kRegex: {
        TRY(const uint32_t dfa, regex(node));
        return add(OpKind::kRegex, dfa, next);
      }
      case Kind::kSchema:
      case Kind::kJsonObject: {
        TRY(const uint32_t formula, schema(node));
        return add(OpKind::kSchema, formula, next);
      }
      case Kind::kSequence: {
        for (size_t i = node.parts.size(); i-- > 0;) {
          TRY(next, make(node.parts[i], next, depth + 1));
        }
        return next;
      }
      case Kind::kChoice: {
        if (node.parts.empty()) return fail("grammar: a choice of nothing");
        GrammarOp op;
        op.kind = OpKind::kSplit;
        for (const GrammarNode& part : node.parts) {
          TRY(const uint32_t way, make(part, next, depth + 1));
          op.next.push_back(way);
        }
        return add(std::move(op));
      }
      case Kind::kRepeat:
        return repeat(node, next, depth);
    }
    return fail("grammar: unknown node");
  }

  Result<uint32_t> split(std::vector<uint32_t> next) {
    GrammarOp op;
    op.kind = OpKind::kSplit;
    op.next = std::move(next);
    return add(std::move(op));
  }
  Result<uint32_t> repeat(const GrammarNode& node, uint32_t next, int depth) {
    if (node.parts.size() != 1 || node.min < 0 || (node.max >= 0 && node.max < node.min)) {
      return fail("grammar: a repetition of {} to {} times of {} parts", node.min, node.max, node.parts.size());
    }
    const GrammarNode& part = node.parts[0];
    if (node.max < 0) {
      TRY(const uint32_t loop, split({next}));
      TRY(const uint32_t body, make(part, loop, depth + 1));
      impl_.ops[loop].next.push_back(body);
      next = loop;
    } else {
      const uint32_t out = next;
      for (int i = node.min; i < node.max; ++i) {
        TRY(const uint32_t body, make(part, next, depth + 1));
        if (body == next) break;
        TRY(next, split({body, out}));
      }
    }
    for (int i = 0; i < node.min; ++i) {
      TRY(const uint32_t body, make(part, next, depth + 1));
      if (body == next) break;
      next = body;
    }
    return next;
  }

  Result<uint32_t> regex(const GrammarNode& node) {
    const auto found = regexes_.find(node.text);
    if (found != regexes_.end()) return found->second;
    if (node.text.size() > limits_.max_source_bytes) {
      return fail("regular expression: {} bytes; {} is the limit", node.text.size(), limits_.max_source_bytes);
    }
    TRY(const RegexTree tree, parse_regex(node.text, limits_.max_depth));
    TRY(Dfa dfa, regex_dfa(tree, false, budget_));
    if (dfa.empty()) return fail("regular expression: no text matches it");
    impl_.schemas.dfas.push_back(std::move(dfa));
    return regexes_[node.text] = static_cast<uint32_t>(impl_.schemas.dfas.size() - 1);
  }

  Result<uint32_t> schema(const GrammarNode& node) {
    const Json object(Json::Object{{"type", "object"}});
    const Json& source = node.kind == Kind::kJsonObject ? object : node.schema;
    for (const auto& [known, formula] : schemas_) {
      if (*known == source) return formula;
    }
    if (node.kind == Kind::kSchema) {
      source_bytes_ += node.schema.dump().size();
      if (source_bytes_ > limits_.max_source_bytes) {
        return fail("schema: {} bytes; {} is the limit", source_bytes_, limits_.max_source_bytes);
      }
    }
    TRY(const uint32_t formula, compile_schema(source, limits_.max_depth, budget_, impl_.schemas));
    if (node.kind == Kind::kSchema) schemas_.emplace_back(&node.schema, formula);
    return formula;
  }

  Result<void> settle_costs() {
    std::vector<GrammarOp>& ops = impl_.ops;
    for (bool changed = true; changed;) {
      changed = false;
      for (GrammarOp& op : ops) {
        TRY_VOID(budget_.tick());
        uint64_t cost = op.kind == OpKind::kAccept ? 0 : kNoCost;
        for (const uint32_t next : op.next) cost = std::min(cost, ops[next].cost);
        if (op.kind == OpKind::kByte || op.kind == OpKind::kToken) cost = add_cost(cost, 1);
        if (op.kind == OpKind::kSchema) cost = add_cost(cost, impl_.schemas.formulas[op.ref].cost);
        if (op.kind == OpKind::kRegex) cost = add_cost(cost, impl_.schemas.dfas[op.ref].cost(0));
        // One more than what follows, so that costs fall along every way.
        cost = add_cost(cost, op.kind == OpKind::kAccept ? 0 : 1);
        if (cost < op.cost) op.cost = cost, changed = true;
      }
    }
    if (ops[impl_.start].cost == kNoCost) return fail("grammar: no text belongs to it");
    return {};
  }

  const GrammarLimits& limits_;
  Grammar::Impl& impl_;
  CompileBudget budget_;
  uint64_t source_bytes_ = 0;
  std::map<std::string, uint32_t> regexes_;
  std::vector<std::pair<const Json*, uint32_t>> schemas_;
};

}  // namespace

Grammar::Grammar(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Grammar::~Grammar() = default;

// Messages quote keywords, names and patterns as they came: one line all the same.
static Error in_one_line(const Error& error) {
  Error out;
  for (const char c : error.message) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)
      out.message += c;
    else
      out.message += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

Result<std::shared_ptr<const Grammar>> Grammar::compile(const GrammarNode& root, const GrammarLimits& limits) {
  auto impl = std::make_unique<Impl>();
  if (const auto built = GrammarBuilder(limits, *impl).build(root); !built) return std::unexpected(in_one_line(built.error()));
  return std::shared_ptr<const Grammar>(new Grammar(std::move(impl)));
}

bool Grammar::matches(std::string_view text) const {
  StateStore store;
  Machine machine(*impl_, store);
  Threads now, next;
  machine.begin(now);
  for (const char c : text) {
    next.clear();
    for (const Thread& thread : now) machine.step(thread, static_cast<uint8_t>(c), next);
    std::swap(now, next);
    if (now.empty()) return false;
  }
  return std::any_of(now.begin(), now.end(), [](const Thread& t) { return t.mode == Thread::Mode::kAccept; });
}

uint64_t Grammar::memory_bytes() const {
  return impl_->schemas.memory_bytes() + impl_->ops.size() * (sizeof(GrammarOp) + 8) + impl_->cache.bytes();
}

}  // namespace sobre
