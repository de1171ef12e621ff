#include "text/normalizer.h"

#include <algorithm>

#include "text/byte_level.h"

namespace sobre {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

/// Calls use(code, bytes) for every character.
template <class Use>
void for_each_char(std::string_view text, Use&& use) {
  for (size_t pos = 0; pos < text.size();) {
    uint32_t size = 0;
    const char32_t code = decode_valid_utf8(text.data() + pos, size);
    use(code, text.substr(pos, size));
    pos += size;
  }
}

bool has_class(char32_t code, unsigned mask) { return (char_classes(code) & mask) != 0; }

std::string rewrite(NormalForm form, std::string text) { return normalize_unicode(text, form); }

std::string rewrite(const LowercaseStep&, std::string text) {
  std::string out;
  out.reserve(text.size());
  for_each_char(text, [&out](char32_t code, std::string_view) { append_lower(out, code); });
  return out;
}

/// `text` without the characters of a class.
std::string without(unsigned mask, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_char(text, [&out, mask](char32_t code, std::string_view bytes) {
    if (!has_class(code, mask)) out.append(bytes);
  });
  return out;
}

std::string rewrite(const StripAccentsStep&, std::string text) { return without(kClassMark, text); }

bool nmt_drops(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

bool nmt_is_space(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 ||
         c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

std::string rewrite(const NmtStep&, std::string text) {
  std::string out;
  for_each_char(text, [&out](char32_t code, std::string_view bytes) {
    if (nmt_is_space(code)) {
      out.push_back(' ');
    } else if (!nmt_drops(code)) {
      out.append(bytes);
    }
  });
  return out;
}

std::string rewrite(const NormalizeBytesStep&, std::string text) {
  std::string out;
  append_byte_chars(out, text);
  return out;
}

std::string rewrite(const StripStep& step, std::string text) {
  size_t begin = 0, end = text.size();
  uint32_t size = 0;
  while (step.left && begin < end && has_class(decode_valid_utf8(text.data() + begin, size), kClassSpace)) begin += size;
  while (step.right && end > begin) {
    const size_t last = previous_utf8(text, end);
    if (!has_class(decode_valid_utf8(text.data() + last, size), kClassSpace)) break;
    end = last;
  }
  return text.substr(begin, end - begin);
}

std::string rewrite(const ReplaceStep& step, std::string text) {
  std::vector<Span> matches;
  if (const auto* regex = std::get_if<SplitRegex>(&step.pattern)) {
    regex->find_all(text, matches);
  } else {
    const auto& literal = std::get<std::string>(step.pattern);
    for (size_t at = literal.empty() ? std::string::npos : text.find(literal); at != std::string::npos;
         at = text.find(literal, at + literal.size())) {
      matches.push_back({at, at + literal.size()});
    }
  }
  if (matches.empty()) return text;
  std::string out;
  out.reserve(text.size());
  size_t pos = 0;
  for (const Span m : matches) {
    out.append(text, pos, m.begin - pos);
    out.append(step.content);
    pos = m.end;
  }
  return out.append(text, pos);
}

std::string rewrite(const PrependStep& step, std::string text) { return text.empty() ? text : step.content + text; }

bool is_chinese(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF},
                                                       {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF},
                                                       {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kRanges), std::end(kRanges), [c](const auto& r) { return c >= r.first && c <= r.second; });
}

std::string clean_for_bert(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_char(text, [&out](char32_t code, std::string_view bytes) {
    if (code == '\t' || code == '\n' || code == '\r') return out.push_back(' ');
    if (code == 0 || code == 0xFFFD || has_class(code, kClassOther)) return;
    if (has_class(code, kClassSpace)) return out.push_back(' ');
    out.append(bytes);
  });
  return out;
}

std::string rewrite(const BertStep& step, std::string text) {
  if (step.clean_text) text = clean_for_bert(text);
  if (step.handle_chinese_chars) {
    std::string out;
    out.reserve(text.size());
    for_each_char(text, [&out](char32_t code, std::string_view bytes) {
      const bool alone = is_chinese(code);
      if (alone) out.push_back(' ');
      out.append(bytes);
      if (alone) out.push_back(' ');
    });
    text = std::move(out);
  }
  if (step.strip_accents) text = without(kClassNonspacing, normalize_unicode(text, NormalForm::kNfd));
  if (step.lowercase) text = rewrite(LowercaseStep{}, std::move(text));
  return text;
}

constexpr size_t kMaxMappedCluster = 6;  // longer grapheme clusters are looked up by characters only

/// End of the grapheme cluster that starts at `pos`.
size_t cluster_end(std::string_view text, size_t pos) {
  uint32_t size = 0;
  int32_t state = 0;
  char32_t before = decode_valid_utf8(text.data() + pos, size);
  for (pos += size; pos < text.size(); pos += size) {
    const char32_t code = decode_valid_utf8(text.data() + pos, size);
    if (is_grapheme_break(before, code, state)) break;
    before = code;
  }
  return pos;
}

std::string rewrite(const CharsmapStep& step, std::string text) {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = cluster_end(text, pos);
    const std::string_view cluster = std::string_view(text).substr(pos, end - pos);
    pos = end;
    if (cluster.size() < kMaxMappedCluster) {
      if (const auto match = step.map.match(cluster, false)) {
        out.append(match->replacement);
        continue;
      }
    }
    for_each_char(cluster, [&](char32_t, std::string_view bytes) {
      const auto match = step.map.match(bytes, false);
      out.append(match ? match->replacement : bytes);
    });
  }
  return repair_utf8(out);  // a charsmap may hold anything
}

/// The next unit of a text and what it becomes; `text` is not empty.
Charsmap::Match next_unit(const SentencePieceStep& step, std::string_view text) {
  if (step.user_defined) {
    size_t longest = 0;
    uint32_t node = Trie::kRoot;
    for (size_t i = 0; i < text.size(); ++i) {
      node = step.user_defined->step(node, text[i]);
      if (node == Trie::kNone) break;
      if (step.user_defined->value(node) >= 0) longest = i + 1;
    }
    if (longest > 0) return {longest, text.substr(0, longest)};
  }
  if (step.map) {
    if (const auto match = step.map->match(text, true)) return *match;
  }
  const size_t size = utf8_size(text[0]);
  return {size, text.substr(0, size)};
}

std::string rewrite(const SentencePieceStep& step, std::string text) {
  const std::string_view space = step.escape_whitespaces ? kSpaceMark : std::string_view(" ");
  std::string_view rest = text;
  if (step.remove_extra_whitespaces) {
    while (!rest.empty()) {
      const Charsmap::Match unit = next_unit(step, rest);
      if (unit.replacement != " ") break;
      rest.remove_prefix(unit.size);
    }
  }
  std::string out;
  if (rest.empty()) return out;
  out.reserve(rest.size() + rest.size() / 2);
  if (step.add_dummy_prefix && !step.whitespace_as_suffix) out.append(space);
  bool after_space = step.remove_extra_whitespaces;
  while (!rest.empty()) {
    const Charsmap::Match unit = next_unit(step, rest);
    std::string_view piece = unit.replacement;
    while (after_space && piece.starts_with(' ')) piece.remove_prefix(1);
    for (const char c : piece) {
      if (c == ' ') {
        out.append(space);
      } else {
        out.push_back(c);
      }
    }
    if (!piece.empty()) after_space = piece.ends_with(' ');
    if (!step.remove_extra_whitespaces) after_space = false;
    rest.remove_prefix(unit.size);
  }
  while (step.remove_extra_whitespaces && out.ends_with(space)) out.resize(out.size() - space.size());
  if (step.add_dummy_prefix && step.whitespace_as_suffix) out.append(space);
  return repair_utf8(out);
}

/// How many times as long a step can make a text (but for a constant).
size_t growth(const Normalizer::Step& step) {
  if (std::holds_alternative<NormalForm>(step)) return 11;  // U+FDFA: 3 bytes to 33
  if (std::holds_alternative<BertStep>(step)) return 9;
  if (std::holds_alternative<LowercaseStep>(step) || std::holds_alternative<NormalizeBytesStep>(step)) return 2;
  if (const auto* map = std::get_if<CharsmapStep>(&step)) return 1 + 3 * map->map.longest_replacement();
  if (const auto* spm = std::get_if<SentencePieceStep>(&step)) return 3 + (spm->map ? 3 * spm->map->longest_replacement() : 0);
  if (const auto* replace = std::get_if<ReplaceStep>(&step)) {
    const auto* literal = std::get_if<std::string>(&replace->pattern);
    return 1 + replace->content.size() / (literal != nullptr && !literal->empty() ? literal->size() : 1);
  }
  return 1;
}

constexpr size_t kMaxPrepend = 4096;  // bytes

}  // namespace

Result<void> Normalizer::add(Step step) {
  if (steps_.size() >= kMaxSteps) return fail("more than {} normalizers", kMaxSteps);
  growth_ *= std::min(growth(step), kMaxGrowth + 1);
  if (growth_ > kMaxGrowth) return fail("normalizers that could make a text more than {} times as long", kMaxGrowth);
  if (const auto* prepend = std::get_if<PrependStep>(&step); prepend != nullptr && prepend->content.size() > kMaxPrepend) {
    return fail("a Prepend normalizer of {} bytes; at most {} are supported", prepend->content.size(), kMaxPrepend);
  }
  steps_.push_back(std::move(step));
  return {};
}

std::string Normalizer::run(std::string text) const {
  for (const Step& step : steps_) {
    text = std::visit([&text](const auto& s) { return rewrite(s, std::move(text)); }, step);
  }
  return text;
}

}  // namespace sobre
