// The random choices of one item: which sentence of a table, which name, which number, all from one split.
//
// Tables hold lines in a small notation: [a|b|c] is a choice (they nest), {name} a slot. A line with its choices made is a
// template; its text decides by hash to which split it belongs, so that a template of the test split is never part of a
// training item, though its words are. A slot whose name begins with a capital takes the value of the small name with a
// capital. A Draw lives as long as one item is made; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "task/task.h"

namespace sobre::office {

enum class Language : uint8_t { kEnglish, kFrench };

using Lines = std::span<const std::string_view>;

/// A value for {name}.
struct Slot {
  std::string_view name;
  std::string value;
};

/// Bytes around parts of a prompt that noise must not change (noise.h takes them away): the first keeps a part as it is, the
/// second keeps it free of typing errors only. They do not nest.
inline constexpr char kExact = '\x01', kEndMark = '\x02', kNoTypos = '\x03';
[[nodiscard]] std::string exact(std::string_view text);
[[nodiscard]] std::string no_typos(std::string_view text);

/// How many templates a line makes.
[[nodiscard]] uint32_t templates_of(std::string_view line);

/// The split of a template, entity or pair of operands.
[[nodiscard]] Split split_of(std::string_view text);

/// A template with its slots filled; every slot must have a value (CHECK). {name#i} takes the value of "name#i", or else of
/// "name".
[[nodiscard]] std::string fill(std::string_view text, std::span<const Slot> slots);

/// The text with its first letter (after a mark) as a capital; letters of Latin-1.
[[nodiscard]] std::string capitalized(std::string text);

class Draw {
 public:
  Draw(Split split, uint64_t seed, uint32_t stream, uint64_t index);

  [[nodiscard]] Split split() const { return split_; }
  [[nodiscard]] uint32_t below(uint32_t n);  // 0 to n - 1; n > 0
  [[nodiscard]] int between(int low, int high);
  [[nodiscard]] bool chance(int percent);
  [[nodiscard]] size_t index_of(size_t size) { return below(static_cast<uint32_t>(size)); }
  /// One of a closed class (months, numbers in words): shared by all splits.
  [[nodiscard]] std::string_view pick(Lines lines) { return lines[index_of(lines.size())]; }
  /// A line with its choices made at random, whatever its split: for closed classes.
  [[nodiscard]] std::string choose(Lines lines);

  [[nodiscard]] bool owns(std::string_view part) const { return split_of(part) == split_; }
  /// Notes a part that this split owns.
  void note(std::string part) { parts_.push_back(std::move(part)); }
  /// A template of this split, noted: what `make(text)` appends to an empty text, made again until it is one.
  template <class Make>
  [[nodiscard]] std::string owned_template(const Make& make) {
    std::string text;
    for (int tries = 0;; ++tries) {
      text.clear();
      make(text);
      if (owns(text)) break;
      CHECK(tries < kMaxTries);
    }
    note(text);
    return text;
  }
  /// A template of this split out of `lines`, noted.
  [[nodiscard]] std::string sentence_template(Lines lines);
  /// The same, where a line is the likelier the more templates it makes: a line of two templates, one of them held out, would
  /// else be a large part of the split that owns it.
  [[nodiscard]] std::string even_template(Lines lines);
  /// One template that is made of a line of each table, in their order, spaces between.
  [[nodiscard]] std::string joined_template(std::span<const Lines> tables);
  /// A line of each table appended to `text` as sentences of one template: spaces between, capitals at their beginnings, and
  /// the slots of sentence i named {name#i}. For use in owned_template().
  void append_sentences(std::span<const Lines> tables, std::string& text);
  /// One template: a line of `frames` with a line of `lines` in place of {slot} ({Slot}: with a capital). Where few ways to
  /// say a thing exist, these are held out with what stands around them.
  [[nodiscard]] std::string framed_template(Lines frames, std::string_view slot, Lines lines);
  /// A single template with its slots filled. Every slot must have a value (CHECK).
  [[nodiscard]] std::string phrase(Lines lines, std::span<const Slot> slots);
  [[nodiscard]] std::string phrase(Lines lines, std::initializer_list<Slot> slots = {}) {
    return phrase(lines, std::span<const Slot>(slots.begin(), slots.size()));
  }
  /// An entity of this split, made by `make(*this)`, noted.
  template <class Make>
  [[nodiscard]] auto entity(const Make& make) {
    for (int tries = 0;; ++tries) {
      auto made = make(*this);
      if (owns(key_of(made))) {
        note(std::string(key_of(made)));
        return made;
      }
      CHECK(tries < kMaxTries);
    }
  }

  [[nodiscard]] std::vector<std::string> take_parts() { return std::move(parts_); }

 private:
  static constexpr int kMaxTries = 100'000;  // of tables that have something for every split: tests see to that
  static std::string_view key_of(const std::string& text) { return text; }
  template <class T>
  static std::string_view key_of(const T& thing) {
    return thing.key;
  }
  void expand(std::string_view line, std::string& out);

  Split split_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_, words_{};
  int left_ = 0;  // words of words_ not used yet
  std::vector<std::string> parts_;
};

}  // namespace sobre::office
