#include "text/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "text/byte_level.h"
#include "text/unicode.h"

namespace sobre {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

/// A part of a piece, and whether the pattern matched it.
struct Part {
  Span span;
  bool match;
};

void find_literal(std::string_view text, std::string_view literal, std::vector<Span>& matches) {
  if (literal.empty()) return;
  for (size_t pos = text.find(literal); pos != std::string_view::npos; pos = text.find(literal, pos + literal.size())) {
    matches.push_back({pos, pos + literal.size()});
  }
}

void find_chars(std::string_view text, SplitStep::CharTest test, std::vector<Span>& matches) {
  for (size_t pos = 0; pos < text.size();) {
    uint32_t size = 0;
    if (test(decode_valid_utf8(text.data() + pos, size))) matches.push_back({pos, pos + size});
    pos += size;
  }
}

void find_matches(const SplitStep::Pattern& pattern, std::string_view text, std::vector<Span>& matches, uint64_t& budget) {
  std::visit(Overloaded{[&](const Scanner& scan) {
                          for (size_t pos = 0; pos < text.size();) {
                            const size_t end = scan(text, pos);
                            matches.push_back({pos, end});
                            pos = end;
                          }
                        },
                        [&](const SplitRegex& regex) { regex.find_all(text, matches, budget); },
                        [&](const std::string& literal) { find_literal(text, literal, matches); },
                        [&](const SplitStep::CharTest& test) { find_chars(text, test, matches); }},
             pattern);
}

/// Matches and the gaps between them, in order; gaps are never empty, matches may be.
void list_parts(Span piece, const std::vector<Span>& matches, bool invert, std::vector<Part>& parts) {
  size_t pos = 0;
  const auto put = [&](size_t begin, size_t end, bool match) {
    parts.push_back({{piece.begin + begin, piece.begin + end}, match != invert});
  };
  for (const Span m : matches) {
    if (m.begin > pos) put(pos, m.begin, false);
    put(m.begin, m.end, true);
    pos = m.end;
  }
  if (piece.begin + pos < piece.end) put(pos, piece.end - piece.begin, false);
}

/// Joins a match to the part before it, unless that is a match too.
void merge_with_previous(const std::vector<Part>& parts, std::vector<Span>& out) {
  const size_t first = out.size();
  bool after_match = false;
  for (const Part& part : parts) {
    if (part.match && !after_match && out.size() > first) {
      out.back().end = part.span.end;
    } else {
      out.push_back(part.span);
    }
    after_match = part.match;
  }
}

/// Joins a match to the part after it, unless that is a match too.
void merge_with_next(const std::vector<Part>& parts, std::vector<Span>& out) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool joins = parts[i].match && i + 1 < parts.size() && !parts[i + 1].match;
    out.push_back(parts[i].span);
    if (joins) out.back().end = parts[++i].span.end;
  }
}

void merge_alike(const std::vector<Part>& parts, std::vector<Span>& out) {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && parts[i].match == parts[i - 1].match) {
      out.back().end = parts[i].span.end;
    } else {
      out.push_back(parts[i].span);
    }
  }
}

void collect(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<Span>& out) {
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Part& part : parts) {
        if (!part.match) out.push_back(part.span);
      }
      return;
    case SplitBehavior::kIsolated:
      for (const Part& part : parts) out.push_back(part.span);
      return;
    case SplitBehavior::kMergedWithPrevious:
      return merge_with_previous(parts, out);
    case SplitBehavior::kMergedWithNext:
      return merge_with_next(parts, out);
    case SplitBehavior::kContiguous:
      return merge_alike(parts, out);
  }
}

std::string_view piece_text(const PieceList& list, Span piece) {
  return std::string_view(list.text).substr(piece.begin, piece.end - piece.begin);
}

void drop_empty(std::vector<Span>& pieces) {
  std::erase_if(pieces, [](Span s) { return s.begin == s.end; });
}

void apply(const SplitStep& step, PieceList& list) {
  std::vector<Span> out, matches;
  std::vector<Part> parts;
  const Scanner* scanner = std::get_if<Scanner>(&step.pattern);
  uint64_t budget = SplitRegex::budget_of(list.text.size());
  for (const Span piece : list.pieces) {
    const std::string_view text = piece_text(list, piece);
    if (scanner != nullptr && step.behavior == SplitBehavior::kIsolated) {  // the common case, without detours
      for (size_t pos = 0; pos < text.size();) {
        const size_t end = (*scanner)(text, pos);
        out.push_back({piece.begin + pos, piece.begin + end});
        pos = end;
      }
      continue;
    }
    matches.clear();
    parts.clear();
    find_matches(step.pattern, text, matches, budget);
    list_parts(piece, matches, step.invert, parts);
    collect(parts, step.behavior, out);
  }
  drop_empty(out);
  list.pieces = std::move(out);
}

/// Rewrites every piece by `write(out, piece, is the start of the input)`.
template <class Write>
void rewrite(PieceList& list, Write&& write) {
  std::string text;
  text.reserve(list.text.size() + list.text.size() / 4);
  list.at_start = list.at_start && !list.pieces.empty() && list.pieces.front().begin == 0;
  for (size_t i = 0; i < list.pieces.size(); ++i) {
    const size_t begin = text.size();
    write(text, piece_text(list, list.pieces[i]), list.at_start && i == 0);
    list.pieces[i] = {begin, text.size()};
  }
  list.text = std::move(text);
}

void apply(const PrefixSpaceStep&, PieceList& list) {
  rewrite(list, [](std::string& out, std::string_view piece, bool) {
    if (!piece.starts_with(' ')) out.push_back(' ');
    out.append(piece);
  });
}

void apply(const ByteCharsStep&, PieceList& list) {
  rewrite(list, [](std::string& out, std::string_view piece, bool) { append_byte_chars(out, piece); });
}

void apply(const FixedLengthStep& step, PieceList& list) {
  std::vector<Span> out;
  for (const Span piece : list.pieces) {
    size_t begin = piece.begin, chars = 0;
    for (size_t pos = piece.begin; pos < piece.end;) {
      pos += utf8_size(list.text[pos]);
      if (++chars < step.length && pos < piece.end) continue;
      out.push_back({begin, pos});
      begin = pos;
      chars = 0;
    }
  }
  list.pieces = std::move(out);
}

void apply(const MetaspaceStep& step, PieceList& list) {
  rewrite(list, [&step](std::string& out, std::string_view piece, bool first) {
    const bool prefix =
        step.prepend == MetaspaceStep::Prepend::kAlways || (step.prepend == MetaspaceStep::Prepend::kFirst && first);
    if (prefix && !piece.starts_with(' ') && !piece.starts_with(step.replacement)) out.append(step.replacement);
    for (const char c : piece) {
      if (c == ' ') {
        out.append(step.replacement);
      } else {
        out.push_back(c);
      }
    }
  });
  if (step.split) apply(SplitStep{step.replacement, SplitBehavior::kMergedWithNext, false}, list);
}

}  // namespace

bool is_numeric_char(char32_t c) { return (char_classes(c) & kClassNumber) != 0; }
bool is_space_char(char32_t c) { return (char_classes(c) & kClassSpace) != 0; }
bool is_punctuation_char(char32_t c) { return (char_classes(c) & (kClassPunctuation | kClassAsciiSymbol)) != 0; }

Result<SplitStep> SplitStep::regex(std::string_view pattern, SplitBehavior behavior, bool invert) {
  if (const Scanner scanner = find_scanner(pattern); scanner != nullptr) return SplitStep{scanner, behavior, invert};
  TRY(SplitRegex compiled, SplitRegex::compile(pattern));
  return SplitStep{std::move(compiled), behavior, invert};
}

Result<void> PreTokenizer::add(Step step) {
  if (steps_.size() >= kMaxSteps) return fail("more than {} pre-tokenizer steps", kMaxSteps);
  steps_.push_back(std::move(step));
  // Each of these may add bytes to every piece: a long enough chain would make gigabytes of a short text.
  const auto growing = std::count_if(steps_.begin(), steps_.end(), [](const Step& s) {
    return !std::holds_alternative<SplitStep>(s) && !std::holds_alternative<FixedLengthStep>(s);
  });
  if (growing > 3) return fail("more than three pre-tokenizer steps that add to the text (ByteLevel, Metaspace)");
  return {};
}

void PreTokenizer::run(PieceList& list) const {
  drop_empty(list.pieces);
  for (const Step& step : steps_) {
    std::visit([&list](const auto& s) { apply(s, list); }, step);
  }
}

}  // namespace sobre
