#include "task/draw.h"

#include <algorithm>

#include "base/random.h"

namespace sobre::office {

namespace {

// FNV-1a, then a mixing step, because its low bits alone are poor. Part of what makes a split: never to change.
uint64_t text_hash(std::string_view text) {
  uint64_t h = 0xCBF29CE484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93u;
  return h ^ h >> 32;
}

const Slot* find_slot(std::span<const Slot> slots, std::string_view name) {
  const auto at = std::find_if(slots.begin(), slots.end(), [&](const Slot& s) { return s.name == name; });
  return at == slots.end() ? nullptr : &*at;
}

const Slot* find_numbered(std::span<const Slot> slots, std::string_view name) {
  const Slot* slot = find_slot(slots, name);
  return slot != nullptr ? slot : find_slot(slots, name.substr(0, name.find('#')));
}

// The templates of a line from `at` to the end of the choice that it is inside of, where `at` stands then.
uint32_t count_choices(std::string_view line, size_t& at) {
  uint32_t sum = 0, product = 1;
  for (; at < line.size() && line[at] != ']'; ++at) {
    if (line[at] == '[') {
      product *= count_choices(line, ++at);
    } else if (line[at] == '|') {
      sum += product;
      product = 1;
    }
  }
  return sum + product;
}

}  // namespace

uint32_t templates_of(std::string_view line) {
  size_t at = 0;
  return count_choices(line, at);
}

std::string fill(std::string_view text, std::span<const Slot> slots) {
  std::string out;
  out.reserve(text.size() * 2);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    const size_t end = text.find('}', i);
    CHECK(end != std::string_view::npos);
    std::string name(text.substr(i + 1, end - i - 1));
    if (const Slot* slot = find_numbered(slots, name); slot != nullptr) {
      out += slot->value;
    } else {
      CHECK(!name.empty() && name[0] >= 'A' && name[0] <= 'Z');
      name[0] = static_cast<char>(name[0] | 0x20);
      slot = find_numbered(slots, name);
      CHECK(slot != nullptr);
      out += capitalized(slot->value);
    }
    i = end;
  }
  return out;
}

std::string exact(std::string_view text) {
  std::string out(1, kExact);
  out.append(text);
  out += kEndMark;
  return out;
}

std::string no_typos(std::string_view text) {
  std::string out(1, kNoTypos);
  out.append(text);
  out += kEndMark;
  return out;
}

Split split_of(std::string_view text) {
  const uint64_t tenth = text_hash(text) % 10;
  return tenth == 0 ? Split::kTest : tenth == 1 ? Split::kValidation : Split::kTrain;
}

std::string capitalized(std::string text) {
  size_t i = 0;
  while (i < text.size() && (text[i] == kExact || text[i] == kNoTypos)) ++i;
  if (i < text.size() && text[i] >= 'a' && text[i] <= 'z') {
    text[i] = static_cast<char>(text[i] & ~0x20);
  } else if (i + 1 < text.size() && text[i] == '\xC3' && static_cast<unsigned char>(text[i + 1]) >= 0xA0) {
    text[i + 1] = static_cast<char>(text[i + 1] & ~0x20);
  }
  return text;
}

Draw::Draw(Split split, uint64_t seed, uint32_t stream, uint64_t index)
    : split_(split),
      key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), stream, 0} {}

uint32_t Draw::below(uint32_t n) {
  CHECK(n > 0);
  if (left_ == 0) {
    words_ = philox4x32(counter_, key_);
    ++counter_[3];
    left_ = 4;
  }
  const uint32_t word = words_[static_cast<size_t>(--left_)];
  return static_cast<uint32_t>(uint64_t{word} * n >> 32);  // the bias, n / 2^32, is of no account here
}

int Draw::between(int low, int high) { return low + static_cast<int>(below(static_cast<uint32_t>(high - low + 1))); }

bool Draw::chance(int percent) { return below(100) < static_cast<uint32_t>(percent); }

void Draw::expand(std::string_view line, std::string& out) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '[') {
      out += line[i];
      continue;
    }
    // The bars of this choice, not of those inside it.
    std::array<size_t, 33> bounds{};
    size_t count = 0, end = i;
    bounds[count++] = i;
    for (int depth = 0; end < line.size(); ++end) {
      const char c = line[end];
      if (c == '[') ++depth;
      if (c == ']' && --depth == 0) break;
      if (c == '|' && depth == 1) {
        CHECK(count + 1 < bounds.size());
        bounds[count++] = end;
      }
    }
    CHECK(end < line.size());
    bounds[count] = end;
    const size_t chosen = index_of(count);
    expand(line.substr(bounds[chosen] + 1, bounds[chosen + 1] - bounds[chosen] - 1), out);
    i = end;
  }
}

std::string Draw::choose(Lines lines) {
  std::string out;
  expand(pick(lines), out);
  return out;
}

std::string Draw::sentence_template(Lines lines) {
  return owned_template([&](std::string& text) { expand(pick(lines), text); });
}

std::string Draw::even_template(Lines lines) {
  std::vector<uint32_t> ends;  // templates of the lines up to each
  ends.reserve(lines.size());
  for (const auto line : lines) ends.push_back((ends.empty() ? 0 : ends.back()) + templates_of(line));
  return owned_template([&](std::string& text) {
    const auto end = std::upper_bound(ends.begin(), ends.end(), below(ends.back()));
    expand(lines[static_cast<size_t>(end - ends.begin())], text);
  });
}

std::string Draw::joined_template(std::span<const Lines> tables) {
  return owned_template([&](std::string& text) {
    for (const Lines lines : tables) {
      if (!text.empty()) text += ' ';
      expand(pick(lines), text);
    }
  });
}

void Draw::append_sentences(std::span<const Lines> tables, std::string& text) {
  for (size_t i = 0; i < tables.size(); ++i) {
    std::string sentence;
    expand(pick(tables[i]), sentence);
    const std::string end = "#" + std::to_string(i) + "}";
    for (size_t at = 0; (at = sentence.find('}', at)) != std::string::npos; at += end.size()) sentence.replace(at, 1, end);
    const size_t slot = sentence.starts_with('{') ? 1 : 0;
    sentence = sentence.substr(0, slot) + capitalized(sentence.substr(slot));
    text.append(text.empty() ? "" : " ").append(sentence);
  }
}

std::string Draw::framed_template(Lines frames, std::string_view slot, Lines lines) {
  const std::string small = "{" + std::string(slot) + "}", capital = "{" + capitalized(std::string(slot)) + "}";
  return owned_template([&](std::string& text) {
    std::string inner;
    expand(pick(lines), inner);
    expand(pick(frames), text);
    if (const size_t at = text.find(small); at != std::string::npos) {
      text.replace(at, small.size(), inner);
    } else {
      const size_t start = text.find(capital);
      CHECK(start != std::string::npos);
      text.replace(start, capital.size(), capitalized(std::move(inner)));
    }
  });
}

std::string Draw::phrase(Lines lines, std::span<const Slot> slots) { return fill(sentence_template(lines), slots); }

}  // namespace sobre::office
