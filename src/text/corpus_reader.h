// CorpusReader: the texts of training files, one after the other. A .txt file is one text, handed on in parts; each line of a
// .jsonl file is {"text": "..."} or {"messages": [{"role": ..., "content": "..."}, ...]}, of which every role and every content
// is a text (other members are not looked at). One owner, one thread; memory is bounded by the longest line or part.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

class CorpusReader {
 public:
  struct Limits {
    uint64_t max_bytes = ~uint64_t{0};         // of text in all; what lies beyond is not read
    size_t max_line_bytes = size_t{64} << 20;  // of a .jsonl file; a longer one is an error
    size_t part_bytes = size_t{1} << 20;       // of a .txt file: parts are about as long
    size_t max_part_bytes = size_t{16} << 20;  // and never longer, even without a place to cut
  };
  /// Takes valid UTF-8, not empty; the view lives during the call only. An error ends the reading and is passed on.
  using Sink = std::function<Result<void>(std::string_view text)>;
  /// How far into the file at work, in bytes; may be empty.
  using Progress = std::function<void(uint64_t done)>;

  CorpusReader(const Limits& limits, Sink sink) : limits_(limits), sink_(std::move(sink)) {}

  /// Whether read() knows what to do with a file of this name (.txt, .jsonl). Otherwise an error that says so.
  [[nodiscard]] static Result<void> check_name(const std::string& path);

  /// Reads a file to its end or to the limit. Parts of a .txt file are cut before a space or a line feed that follows another
  /// kind of character: there GPT-2's pattern, which PieceCounts uses, cuts as well, so that the parts' pieces are those of the
  /// whole text (unless a stretch has no such place for max_part_bytes). Errors: of the file; "file:line: what" of a line that
  /// is neither form, of bytes that are not UTF-8, and of what the sink refuses.
  [[nodiscard]] Result<void> read(const std::string& path, const Progress& progress);

  /// Bytes of text that went to the sink.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Whether the limit is reached: reading on gives nothing.
  [[nodiscard]] bool full() const { return bytes_ >= limits_.max_bytes || stopped_; }

 private:
  [[nodiscard]] Result<void> read_text(const std::string& path, const Progress& progress);
  [[nodiscard]] Result<void> read_lines(const std::string& path, const Progress& progress);
  [[nodiscard]] Result<void> read_line(std::string_view line);
  [[nodiscard]] Result<void> give(std::string_view text);
  [[nodiscard]] size_t part_end(std::string_view text, size_t begin) const;

  Limits limits_;
  Sink sink_;
  uint64_t bytes_ = 0;
  bool stopped_ = false;  // the limit lies inside a character
};

}  // namespace sobre
