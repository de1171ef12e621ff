// Tables of property names: which class a name is in, and what can still come from the middle of one.
#include <algorithm>
#include <map>

#include "text/json_schema_expand.h"

namespace sobre {

static void find_reach(KeyTable& table) {
  const size_t n = table.dfa.size(), words = table.words;
  table.reach.assign(n * words, 0);
  for (size_t s = 0; s < n; ++s) {
    const int32_t label = table.dfa.label(static_cast<int32_t>(s));
    if (label >= 0) table.reach[s * words + static_cast<size_t>(label) / 64] |= uint64_t{1} << (label % 64);
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t s = n; s-- > 0;) {
      for (const Dfa::Edge& edge : table.dfa.edges(static_cast<int32_t>(s))) {
        if (edge.to < 0) continue;
        for (size_t w = 0; w < words; ++w) {
          uint64_t& mine = table.reach[s * words + w];
          const uint64_t more = mine | table.reach[static_cast<size_t>(edge.to) * words + w];
          if (more != mine) mine = more, changed = true;
        }
      }
    }
  }
}

/// How many names of a group start so; and from which states no text leads away from the group.
static void count_group(KeyTable& table, size_t group) {
  const Dfa& dfa = table.dfa;
  const size_t n = dfa.size(), groups = table.groups.size(), words = table.words;
  const uint32_t label = table.groups[group];
  const auto reaches = [&](int32_t s) {
    return s >= 0 && (table.reach[static_cast<size_t>(s) * words + label / 64] >> (label % 64) & 1) != 0;
  };
  std::vector<std::vector<int32_t>> sources(n);
  std::vector<uint32_t> missing(n, 0);
  std::vector<int32_t> work;
  for (int32_t s = 0; s < static_cast<int32_t>(n); ++s) {
    for (const Dfa::Edge& edge : dfa.edges(s)) {
      if (edge.to >= 0) sources[static_cast<size_t>(edge.to)].push_back(s);
      missing[static_cast<size_t>(s)] += reaches(edge.to);
    }
    table.counts[static_cast<size_t>(s) * groups + group] = reaches(s) ? Dfa::kMany : 0;
    if (reaches(s) && missing[static_cast<size_t>(s)] == 0) work.push_back(s);
  }
  while (!work.empty()) {
    const int32_t s = work.back();
    work.pop_back();
    uint64_t total = dfa.label(s) == static_cast<int32_t>(label) ? 1 : 0;
    char32_t first = 0;
    for (const Dfa::Edge& edge : dfa.edges(s)) {
      if (edge.to >= 0) {
        total += uint64_t{edge.last - first + 1} * table.counts[static_cast<size_t>(edge.to) * groups + group];
        total = std::min<uint64_t>(total, Dfa::kMany);
      }
      first = edge.last + 1;
    }
    table.counts[static_cast<size_t>(s) * groups + group] = static_cast<uint32_t>(total);
    for (const int32_t source : sources[static_cast<size_t>(s)]) {
      if (reaches(source) && --missing[static_cast<size_t>(source)] == 0) work.push_back(source);
    }
  }
  std::vector<int32_t> bad;
  for (int32_t s = 0; s < static_cast<int32_t>(n); ++s) {
    uint8_t& always = table.always[static_cast<size_t>(s) * groups + group];
    always = dfa.open(s) && table.counts[static_cast<size_t>(s) * groups + group] == Dfa::kMany;
    if (!always) bad.push_back(s);
  }
  while (!bad.empty()) {
    const int32_t s = bad.back();
    bad.pop_back();
    for (const int32_t source : sources[static_cast<size_t>(s)]) {
      uint8_t& always = table.always[static_cast<size_t>(source) * groups + group];
      if (always) always = 0, bad.push_back(source);
    }
  }
}

Result<uint32_t> SchemaCompiler::table_of(const std::vector<std::string>& names, const std::vector<int32_t>& patterns) {
  std::string key;
  for (const int32_t dfa : patterns) key += std::to_string(dfa) + ",";
  for (const std::string& name : names) key += ";" + std::to_string(name.size()) + ":" + name;
  const auto found = table_numbers_.find(key);
  if (found != table_numbers_.end()) return found->second;
  auto table = std::make_unique<KeyTable>();
  table->names = names;
  std::vector<std::pair<std::u32string, int32_t>> words;
  for (size_t i = 0; i < names.size(); ++i) words.emplace_back(to_codes(names[i]), static_cast<int32_t>(i));
  TRY(const Dfa singles, words_dfa(std::move(words), budget_));
  std::vector<const Dfa*> parts{&singles};
  for (const int32_t dfa : patterns) parts.push_back(&program_.dfas[static_cast<size_t>(dfa)]);
  std::map<std::pair<int32_t, uint64_t>, int32_t> numbers;
  const auto label = [&](std::span<const int32_t> labels) {
    KeyTable::Label l{labels[0], 0};
    for (size_t i = 1; i < labels.size(); ++i) l.patterns |= labels[i] >= 0 ? uint64_t{1} << (i - 1) : 0;
    const auto [entry, fresh] = numbers.try_emplace({l.name, l.patterns}, static_cast<int32_t>(table->labels.size()));
    if (fresh) table->labels.push_back(l);
    return entry->second;
  };
  auto dfa = product_dfa(parts, label, budget_);
  if (!dfa) return fail("keyword properties or patternProperties: {}", dfa.error().message);
  table->dfa = *std::move(dfa);
  table->words = (table->labels.size() + 63) / 64;
  for (uint32_t l = 0; l < table->labels.size(); ++l) {
    if (table->labels[l].name < 0) table->groups.push_back(l);
  }
  TRY_VOID(budget_.spend(table->dfa.size() * (table->words + table->groups.size()) / 16));
  find_reach(*table);
  table->counts.assign(table->dfa.size() * table->groups.size(), 0);
  table->always.assign(table->dfa.size() * table->groups.size(), 0);
  for (size_t g = 0; g < table->groups.size(); ++g) {
    TRY_VOID(budget_.tick());
    count_group(*table, g);
  }
  const auto number = static_cast<uint32_t>(program_.tables.size());
  program_.tables.push_back(std::move(table));
  table_numbers_[key] = number;
  return number;
}

}  // namespace sobre
