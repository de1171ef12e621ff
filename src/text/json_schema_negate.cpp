// What it means that a schema does not hold: one of its keywords is broken.
#include <algorithm>

#include "text/json_schema_expand.h"

namespace sobre {

static Result<void> impossible(Branch& b) {
  b.types = 0;
  return {};
}

void SchemaCompiler::negate_scalars(std::vector<Alternative>& ways, const SchemaNode& node) {
  const auto add = [&](auto change) {
    ways.emplace_back([change](Branch& b) {
      change(b);
      return Result<void>();
    });
  };
  if (node.types != kAllTypes) add([types = node.types](Branch& b) { b.types &= static_cast<uint8_t>(~types); });
  if (node.integer_only) {
    add([](Branch& b) {
      b.types &= kNumberBit;
      b.numbers.not_multiples.push_back({false, "1", 0});
    });
  }
  if (node.scalars) {
    add([values = *node.scalars](Branch& b) {
      b.types &= static_cast<uint8_t>(~(values.types & (kNullBit | kFalseBit | kTrueBit)));
      b.numbers.excluded.insert(b.numbers.excluded.end(), values.numbers.begin(), values.numbers.end());
      b.strings.dfas.push_back(values.other_strings);
    });
  }
  if (node.numbers.min) {
    add([bound = *node.numbers.min, exclusive = !node.numbers.min_exclusive](Branch& b) {
      b.types &= kNumberBit;
      b.numbers.add_max(bound, exclusive);
    });
  }
  if (node.numbers.max) {
    add([bound = *node.numbers.max, exclusive = !node.numbers.max_exclusive](Branch& b) {
      b.types &= kNumberBit;
      b.numbers.add_min(bound, exclusive);
    });
  }
  for (const Decimal& m : node.numbers.multiples) {
    add([m](Branch& b) {
      b.types &= kNumberBit;
      b.numbers.not_multiples.push_back(m);
    });
  }
  if (node.min_length && *node.min_length > 0) {
    add([bound = *node.min_length - 1](Branch& b) {
      b.types &= kStringBit;
      b.limit(b.strings.max, bound);
    });
  }
  if (node.max_length) {
    add([bound = *node.max_length + 1](Branch& b) {
      b.types &= kStringBit;
      b.strings.min = std::max(b.strings.min, bound);
    });
  }
  if (node.pattern >= 0) {
    add([dfa = node.other_pattern](Branch& b) {
      b.types &= kStringBit;
      b.strings.dfas.push_back(dfa);
    });
  }
}

void SchemaCompiler::negate_arrays(std::vector<Alternative>& ways, const SchemaNode& node, uint32_t scope) {
  const auto add = [&](auto change) {
    ways.emplace_back([change](Branch& b) {
      b.types &= kArrayBit;
      change(b);
      return Result<void>();
    });
  };
  for (size_t i = 0; i < node.prefix_items.size(); ++i) {
    const Literal l = literal(node.prefix_items[i], scope, true);
    if (l == kFalseLiteral) continue;
    add([i, l](Branch& b) {
      b.arrays.min = std::max<uint64_t>(b.arrays.min, i + 1);
      b.arrays.at.emplace_back(i, l);
    });
  }
  if (node.items >= 0) {
    const Literal l = literal(node.items, scope, true);
    const uint64_t offset = node.prefix_items.size();
    if (l == kTrueLiteral) {
      add([offset](Branch& b) { b.arrays.min = std::max(b.arrays.min, offset + 1); });
    } else if (l != kFalseLiteral) {
      add([offset, l](Branch& b) { b.arrays.counts.push_back({offset, l, 1, -1}); });
    }
  }
  if (node.contains >= 0) {
    const Literal l = literal(node.contains, scope);
    if (node.min_contains > 0) {
      add([l, max = node.min_contains - 1](Branch& b) { b.arrays.counts.push_back({0, l, 0, static_cast<int64_t>(max)}); });
    }
    if (node.max_contains) add([l, min = *node.max_contains + 1](Branch& b) { b.arrays.counts.push_back({0, l, min, -1}); });
  }
  if (node.min_items && *node.min_items > 0) add([bound = *node.min_items - 1](Branch& b) { b.limit(b.arrays.max, bound); });
  if (node.max_items) {
    add([bound = *node.max_items + 1](Branch& b) { b.arrays.min = std::max(b.arrays.min, bound); });
  }
}

void SchemaCompiler::negate_objects(std::vector<Alternative>& ways, const SchemaNode& node, uint32_t scope) {
  const auto add = [&](auto change) {
    ways.emplace_back([change](Branch& b) {
      b.types &= kObjectBit;
      change(b);
      return Result<void>();
    });
  };
  OtherNames others;
  for (const auto& [name, child] : node.properties) {
    others.names.push_back(name);
    const Literal l = literal(child, scope, true);
    if (l == kFalseLiteral) continue;
    add([name, l](Branch& b) {
      b.objects.required.push_back(name);
      b.objects.names.emplace_back(name, l);
    });
  }
  for (const auto& [dfa, child] : node.pattern_properties) {
    others.patterns.push_back(dfa);
    const Literal l = literal(child, scope, true);
    if (l != kFalseLiteral) add([dfa, l](Branch& b) { b.objects.exists.push_back({false, {}, dfa, l}); });
  }
  if (node.additional >= 0) {
    const Literal l = literal(node.additional, scope, true);
    if (l != kFalseLiteral) add([others, l](Branch& b) { b.objects.exists.push_back({true, others, -1, l}); });
  }
  if (node.property_names >= 0) {
    const Literal l = literal(node.property_names, scope, true);
    ways.emplace_back([this, l](Branch& b) -> Result<void> {
      TRY(const uint32_t language, formula_of({l}));
      TRY(const int32_t names, string_language(language));
      b.types &= kObjectBit;
      b.objects.exists.push_back({false, {}, names, kTrueLiteral});
      return {};
    });
  }
  for (const std::string& name : node.required) {
    add([name](Branch& b) { b.objects.names.emplace_back(name, kFalseLiteral); });
  }
  if (node.min_properties && *node.min_properties > 0) {
    add([bound = *node.min_properties - 1](Branch& b) { b.limit(b.objects.max, bound); });
  }
  if (node.max_properties) {
    add([bound = *node.max_properties + 1](Branch& b) { b.objects.min = std::max(b.objects.min, bound); });
  }
  for (const auto& [name, needed] : node.dependent_required) {
    for (const std::string& need : needed) {
      add([name, need](Branch& b) {
        b.objects.required.push_back(name);
        b.objects.names.emplace_back(need, kFalseLiteral);
      });
    }
  }
  for (const auto& [name, child] : node.dependent_schemas) {
    add([name, l = literal(child, scope, true)](Branch& b) {
      b.objects.required.push_back(name);
      b.tasks.push_back({l, 0, 1});
    });
  }
}

void SchemaCompiler::negate_in_place(std::vector<Alternative>& ways, const SchemaNode& node, uint32_t scope, int depth) {
  const auto add = [&](std::vector<Literal> all) {
    ways.emplace_back([all = std::move(all), depth](Branch& b) {
      for (const Literal l : all) b.tasks.push_back({l, 0, depth});
      return Result<void>();
    });
  };
  for (const int32_t child : node.refs) add({literal(child, scope, true)});
  for (const int32_t child : node.all_of) add({literal(child, scope, true)});
  if (node.dynamic_target >= 0) add({literal(dynamic_node(node, scope), scope, true)});
  for (const int32_t child : node.nots) add({literal(child, scope)});
  for (const auto& list : node.any_of) {
    std::vector<Literal> none;
    for (const int32_t child : list) none.push_back(literal(child, scope, true));
    add(std::move(none));
  }
  for (const auto& list : node.one_of) {
    std::vector<Literal> none;
    for (size_t i = 0; i < list.size(); ++i) {
      none.push_back(literal(list[i], scope, true));
      for (size_t j = 0; j < i; ++j) add({literal(list[i], scope), literal(list[j], scope)});
    }
    add(std::move(none));
  }
  if (node.if_ >= 0) {
    const Literal test = literal(node.if_, scope);
    if (node.then_ >= 0) add({test, literal(node.then_, scope, true)});
    if (node.else_ >= 0) add({test ^ 1U, literal(node.else_, scope, true)});
  }
}

Result<void> SchemaCompiler::add_negative(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope) {
  if (node.unique_items) return fail("keyword uniqueItems at \"{:.200}\": not enforced under not, oneOf or if", node.pointer);
  const auto trivial = [this](int32_t child) {
    return child < 0 || (reader_.node(child).boolean && reader_.node(child).value);
  };
  if (!trivial(node.unevaluated_items) || !trivial(node.unevaluated_properties)) {
    return fail("keyword {} at \"{:.200}\": not enforced under not, oneOf or if",
                trivial(node.unevaluated_items) ? "unevaluatedProperties" : "unevaluatedItems", node.pointer);
  }
  std::vector<Alternative> ways;
  negate_scalars(ways, node);
  negate_arrays(ways, node, scope);
  negate_objects(ways, node, scope);
  negate_in_place(ways, node, scope, task.depth + 1);
  if (ways.empty()) return impossible(branch);
  if (ways.size() == 1) return ways[0](branch);
  branch.choices.emplace_back([ways]() -> Result<std::vector<Alternative>> { return ways; });
  return {};
}

}  // namespace sobre
