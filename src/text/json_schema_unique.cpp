// uniqueItems: where items are strings alone, as an object of these names; where they are few scalars, value by value.
#include <algorithm>

#include "text/json_schema_expand.h"
#include "text/unicode.h"

namespace sobre {

static bool strings_alone(const Formula& f) {
  return f.literals == 0 && f.numbers.empty() && f.number_words.empty() && f.arrays.empty() && f.objects.empty() &&
         !f.strings.empty();
}

/// All words of an automaton that has few.
static void append_words(const Dfa& dfa, std::vector<std::u32string>& out) {
  if (dfa.empty()) return;
  std::vector<std::pair<int32_t, std::u32string>> work{{dfa.start(), U""}};
  while (!work.empty()) {
    const auto [state, word] = work.back();
    work.pop_back();
    if (dfa.accepts(state)) out.push_back(word);
    char32_t first = 0;
    for (const Dfa::Edge& edge : dfa.edges(state)) {
      for (char32_t code = first; edge.to >= 0 && code <= edge.last; ++code) work.emplace_back(edge.to, word + code);
      first = edge.last + 1;
    }
  }
}

static std::string to_utf8(const std::u32string& word) {
  std::string text;
  for (const char32_t code : word) append_utf8(text, code);
  return text;
}

/// The values of a formula, where they are few scalars.
Result<std::vector<Json>> SchemaCompiler::values_of(uint32_t formula, const std::string& place) {
  TRY_VOID(expand(formula));
  const Formula& f = program_.formulas[formula];
  std::vector<Json> values;
  bool few = states_[formula - first_formula_] == State::kOpen && f.numbers.empty() && f.arrays.empty() && f.objects.empty();
  if (f.literals & kNullBit) values.emplace_back();
  if (f.literals & kFalseBit) values.emplace_back(false);
  if (f.literals & kTrueBit) values.emplace_back(true);
  std::vector<std::u32string> words;
  std::vector<Decimal> numbers;
  for (size_t i = 0; few && i < f.number_words.size(); ++i) {
    words.clear();
    append_words(program_.dfas[static_cast<size_t>(f.number_words[i])], words);
    for (const std::u32string& word : words) {
      const Decimal number = Decimal::parse(to_utf8(word));
      if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) continue;
      numbers.push_back(number);
      TRY(Json json, Json::parse(number.text()));
      few = few && Decimal::of(json) == number;
      values.push_back(std::move(json));
    }
  }
  words.clear();
  for (const uint32_t s : f.strings) {
    const StringShape& shape = program_.strings[s];
    const bool finite =
        shape.dfa >= 0 ? program_.dfas[static_cast<size_t>(shape.dfa)].words(0) <= kMaxUniqueValues : shape.max == 0;
    few = few && finite;
    if (!few) break;
    if (shape.dfa < 0) {
      words.emplace_back();
    } else {
      append_words(program_.dfas[static_cast<size_t>(shape.dfa)], words);
    }
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::u32string& word : words) values.emplace_back(to_utf8(word));
  if (!few || values.size() > kMaxUniqueValues) {
    return fail("keyword uniqueItems at \"{:.200}\": only enforced where items are strings, or at most {} scalars", place,
                kMaxUniqueValues);
  }
  return values;
}

/// All items are of one formula that has only strings: an object with no values does the same.
Result<bool> SchemaCompiler::make_unique_strings(ArrayShape& shape) {
  if (shape.places.size() != 1 || shape.places[0].size() != 1) return false;
  const uint32_t formula = shape.places[0][0].formula;
  TRY_VOID(expand(formula));
  if (states_[formula - first_formula_] != State::kOpen || !strings_alone(program_.formulas[formula])) return false;
  TRY(const int32_t language, string_language(formula));
  ObjectShape object;
  TRY(object.table, table_of({}, {language}));
  TRY(const uint32_t anything, formula_of({}));
  const KeyTable& table = *program_.tables[object.table];
  for (const KeyTable::Label& label : table.labels) {
    object.classes.emplace_back();
    if (label.patterns != 0) object.classes.back().push_back({anything, 0});
  }
  object.required.assign(table.words, 0);
  object.min = shape.min;
  object.max = shape.max;
  shape.names = static_cast<int32_t>(program_.objects.size());
  program_.objects.push_back(std::move(object));
  return true;
}

Result<void> SchemaCompiler::make_unique(ArrayShape& shape, const std::string& place) {
  if (!shape.rules.empty()) {
    return fail("keyword uniqueItems at \"{:.200}\": not enforced together with contains, or items under not", place);
  }
  TRY(const bool strings, make_unique_strings(shape));
  if (strings) return {};
  std::vector<std::pair<Json, Literal>> known;
  for (auto& choices : shape.places) {
    std::vector<ChildChoice> single;
    for (const ChildChoice& choice : choices) {
      TRY(const std::vector<Json> values, values_of(choice.formula, place));
      for (const Json& value : values) {
        auto found = std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == value; });
        if (found == known.end()) {
          TRY(const int32_t node, reader_.add_constant(value));
          found = known.emplace(known.end(), value, literal(node, 0));
        }
        TRY(const uint32_t formula, formula_of({found->second}));
        single.push_back({formula, static_cast<uint32_t>(found - known.begin())});
      }
    }
    choices = std::move(single);
  }
  if (known.size() > kMaxUniqueValues) {
    return fail("keyword uniqueItems at \"{:.200}\": more than {} different items", place, kMaxUniqueValues);
  }
  shape.unique = true;
  note_unique_values(shape);
  return {};
}

}  // namespace sobre
