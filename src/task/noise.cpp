#include "task/noise.h"

#include <algorithm>

namespace sobre::office {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// A character's bytes are all kept or all changed: the kinds of marks a byte lies between.
enum class Mark : uint8_t { kNone, kNoTypos, kExact };

struct Marked {
  std::string text;
  std::vector<Mark> marks;  // one per byte
};

Marked read_marks(std::string_view marked) {
  Marked out;
  out.text.reserve(marked.size());
  out.marks.reserve(marked.size());
  Mark mark = Mark::kNone;
  for (const char c : marked) {
    if (c == kExact || c == kNoTypos) {
      CHECK(mark == Mark::kNone);
      mark = c == kExact ? Mark::kExact : Mark::kNoTypos;
    } else if (c == kEndMark) {
      mark = Mark::kNone;
    } else {
      out.text += c;
      out.marks.push_back(mark);
    }
  }
  CHECK(mark == Mark::kNone);
  return out;
}

// One slip inside a word of at least five letters: two letters swapped, one left out, one doubled. First and last letter stay.
void add_typo(Marked& m, Draw& draw) {
  struct Word {
    size_t begin, end;
  };
  std::vector<Word> words;
  for (size_t i = 0; i < m.text.size();) {
    size_t j = i;
    while (j < m.text.size() && is_letter(m.text[j]) && m.marks[j] == Mark::kNone) ++j;
    const bool cut = (i > 0 && is_high(m.text[i - 1])) || (j < m.text.size() && is_high(m.text[j]));
    // "there" with two letters swapped is a number.
    if (j - i >= 5 && !cut && std::string_view(m.text).substr(i, j - i) != "there") words.push_back({i, j});
    i = std::max(j, i + 1);
  }
  if (words.empty()) return;
  const Word w = words[draw.index_of(words.size())];
  const size_t at = w.begin + 1 + draw.below(static_cast<uint32_t>(w.end - w.begin - 3));
  const auto offset = static_cast<std::ptrdiff_t>(at);
  switch (draw.below(3)) {
    case 0:
      std::swap(m.text[at], m.text[at + 1]);
      break;
    case 1:
      m.text.erase(at, 1);
      m.marks.erase(m.marks.begin() + offset);
      break;
    default:
      m.text.insert(at, 1, m.text[at]);
      m.marks.insert(m.marks.begin() + offset, Mark::kNone);
  }
}

// Latin-1 letters are two bytes, 0xC3 and 0x80 to 0xBF; the second tells the plain letter.
char plain_letter(char second) {
  static constexpr std::string_view kTable("AAAAAA\0CEEEEIIII\0NOOOOO\0OUUUUY\0\0aaaaaa\0ceeeeiiii\0nooooo\0ouuuuy\0y", 64);
  return kTable[static_cast<size_t>(second & 0x3F)];
}

void drop_accents(Marked& m) {
  Marked out;
  for (size_t i = 0; i < m.text.size(); ++i) {
    const bool pair = m.text[i] == '\xC3' && i + 1 < m.text.size() && m.marks[i] != Mark::kExact;
    const char plain = pair ? plain_letter(m.text[i + 1]) : '\0';
    out.text += plain != '\0' ? plain : m.text[i];
    out.marks.push_back(m.marks[i]);
    if (plain != '\0') ++i;
  }
  m = std::move(out);
}

void change_case(Marked& m, bool upper) {
  for (size_t i = 0; i < m.text.size(); ++i) {
    if (m.marks[i] == Mark::kExact) continue;
    char& c = m.text[i];
    const bool latin = i > 0 && m.text[i - 1] == '\xC3' && (c & 0x1F) != 0x17 && (c & 0x1F) != 0x1F;
    if (is_letter(c) || latin) c = static_cast<char>(upper ? c & ~0x20 : c | 0x20);
  }
}

}  // namespace

std::string lower_case(std::string_view text) {
  Marked m{std::string(text), std::vector<Mark>(text.size(), Mark::kNone)};
  change_case(m, false);
  return m.text;
}

std::string typed(std::string_view marked, Draw& draw, int level, Language language) {
  static constexpr std::array<int, 3> kTypos = {12, 30, 50}, kLower = {6, 10, 14}, kBare = {8, 12, 15}, kPlain = {10, 15, 20};
  const auto at = static_cast<size_t>(level - 1);
  // What is seldom takes long to learn: there is more of it while training.
  const bool training = draw.split() == Split::kTrain;
  Marked m = read_marks(marked);
  if (draw.chance(kTypos[at] + (training ? 15 : 0))) {
    for (int n = draw.between(1, level); n > 0; --n) add_typo(m, draw);
  }
  if (language == Language::kFrench && draw.chance(kPlain[at])) drop_accents(m);
  if (draw.chance(kLower[at])) {
    change_case(m, false);
  } else if (draw.chance(training ? 6 : 2)) {
    change_case(m, true);
  }
  if (draw.chance(kBare[at])) {
    while (!m.text.empty() && (m.text.back() == '.' || m.text.back() == '!' || m.text.back() == '?' || m.text.back() == ' ')) {
      if (m.marks.back() == Mark::kExact) break;
      m.text.pop_back();
      m.marks.pop_back();
    }
  }
  return m.text;
}

}  // namespace sobre::office
