#include "text/regex_set.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <string>

namespace sobre {

void CodeSet::normalise() {
  std::sort(ranges_.begin(), ranges_.end(), [](const CodeRange& a, const CodeRange& b) { return a.first < b.first; });
  std::vector<CodeRange> joined;
  for (const CodeRange& range : ranges_) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  ranges_ = std::move(joined);
}

CodeSet CodeSet::complement() const {
  CodeSet other;
  char32_t next = 0;
  for (const CodeRange& range : ranges_) {
    if (range.first > next) other.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCode) other.ranges_.push_back({next, kLastCode});
  return other;
}

const CodeSet& digit_codes() {
  static const CodeSet set{{'0', '9'}};
  return set;
}

const CodeSet& word_codes() {
  static const CodeSet set{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return set;
}

const CodeSet& space_codes() {
  static const CodeSet set{{9, 13},          {32, 32},         {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                           {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return set;
}

const CodeSet& line_end_codes() {
  static const CodeSet set{{10, 10}, {13, 13}, {0x2028, 0x2029}};
  return set;
}

namespace {

struct CategoryName {
  std::string_view brief, full;
  std::string_view members;  // short names of two letters, joined
};

// The order of the first 30 is that of utf8proc's categories (Cn = 0).
constexpr CategoryName kCategories[] = {
    {"Cn", "Unassigned", ""},
    {"Lu", "Uppercase_Letter", ""},
    {"Ll", "Lowercase_Letter", ""},
    {"Lt", "Titlecase_Letter", ""},
    {"Lm", "Modifier_Letter", ""},
    {"Lo", "Other_Letter", ""},
    {"Mn", "Nonspacing_Mark", ""},
    {"Mc", "Spacing_Mark", ""},
    {"Me", "Enclosing_Mark", ""},
    {"Nd", "Decimal_Number", ""},
    {"Nl", "Letter_Number", ""},
    {"No", "Other_Number", ""},
    {"Pc", "Connector_Punctuation", ""},
    {"Pd", "Dash_Punctuation", ""},
    {"Ps", "Open_Punctuation", ""},
    {"Pe", "Close_Punctuation", ""},
    {"Pi", "Initial_Punctuation", ""},
    {"Pf", "Final_Punctuation", ""},
    {"Po", "Other_Punctuation", ""},
    {"Sm", "Math_Symbol", ""},
    {"Sc", "Currency_Symbol", ""},
    {"Sk", "Modifier_Symbol", ""},
    {"So", "Other_Symbol", ""},
    {"Zs", "Space_Separator", ""},
    {"Zl", "Line_Separator", ""},
    {"Zp", "Paragraph_Separator", ""},
    {"Cc", "Control", ""},
    {"Cf", "Format", ""},
    {"Cs", "Surrogate", ""},
    {"Co", "Private_Use", ""},
    {"L", "Letter", "LuLlLtLmLo"},
    {"LC", "Cased_Letter", "LuLlLt"},
    {"M", "Mark", "MnMcMe"},
    {"N", "Number", "NdNlNo"},
    {"P", "Punctuation", "PcPdPsPePiPfPo"},
    {"S", "Symbol", "SmScSkSo"},
    {"Z", "Separator", "ZsZlZp"},
    {"C", "Other", "CnCcCfCsCo"},
    {"Nd", "digit", ""},
    {"P", "punct", "PcPdPsPePiPfPo"},
    {"M", "Combining_Mark", "MnMcMe"},
    {"Cc", "cntrl", ""},
};
constexpr size_t kBasic = 30;

/// Ranges per category, read once from utf8proc's table.
const std::array<CodeSet, kBasic>& category_sets() {
  static const std::array<CodeSet, kBasic> sets = [] {
    std::array<CodeSet, kBasic> made;
    char32_t first = 0;
    auto category = static_cast<size_t>(utf8proc_category(0));
    for (char32_t code = 1; code <= kLastCode + 1; ++code) {
      const size_t next =
          code <= kLastCode ? static_cast<size_t>(utf8proc_category(static_cast<utf8proc_int32_t>(code))) : kBasic;
      if (next == category) continue;
      if (category < kBasic) made[category].add(first, code - 1);
      first = code;
      category = next;
    }
    return made;
  }();
  return sets;
}

}  // namespace

std::optional<CodeSet> property_codes(std::string_view name) {
  for (const std::string_view prefix : {"General_Category=", "gc="}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  if (name == "Any") return CodeSet{{0, kLastCode}};
  if (name == "ASCII") return CodeSet{{0, 0x7F}};
  if (name == "Assigned") return category_sets()[0].complement();
  for (const CategoryName& entry : kCategories) {
    if (name != entry.brief && name != entry.full) continue;
    const std::string members(entry.members.empty() ? entry.brief : entry.members);
    CodeSet set;
    for (size_t i = 0; i + 1 < members.size(); i += 2) {
      for (size_t c = 0; c < kBasic; ++c) {
        if (kCategories[c].brief == std::string_view(members).substr(i, 2)) set.add(category_sets()[c]);
      }
    }
    set.normalise();
    return set;
  }
  return std::nullopt;
}

}  // namespace sobre
