#include "text/corpus_reader.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "text/unicode.h"

namespace sobre {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kReleaseBytes = size_t{16} << 20;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Whether a character that is no white space ends at `pos` (looking back to `begin`).
bool follows_ink(std::string_view text, size_t begin, size_t pos) {
  constexpr size_t kLongestChar = 4;
  size_t start = pos;
  while (start > begin && pos - start < kLongestChar) {
    --start;
    if (!is_continuation(text[start])) break;
  }
  if (start == pos) return false;
  const Utf8Char c = decode_utf8(text, start);
  return c.status == Utf8Status::kOk && start + c.size == pos && (char_classes(c.code) & kClassSpace) == 0;
}

bool is_cut(std::string_view text, size_t begin, size_t pos) {
  return (text[pos] == ' ' || text[pos] == '\n') && follows_ink(text, begin, pos);
}

/// The last start of a character at or before `pos`.
size_t char_start(std::string_view text, size_t begin, size_t pos) {
  constexpr size_t kLongestChar = 4;
  size_t start = pos;
  while (start > begin && pos - start < kLongestChar && start < text.size() && is_continuation(text[start])) --start;
  return start > begin ? start : pos;
}

/// Frees what was read of a mapping, from time to time.
class Releaser {
 public:
  explicit Releaser(const MappedFile& file) : file_(file) {}
  void read_up_to(size_t pos) {
    if (pos - released_ < kReleaseBytes) return;
    file_.release(file_.bytes().subspan(released_, pos - released_));
    released_ = pos;
  }

 private:
  const MappedFile& file_;
  size_t released_ = 0;
};

Result<void> check_utf8(std::string_view part, uint64_t line, uint64_t offset) {
  if (is_valid_utf8(part)) return {};
  size_t pos = 0;
  for (Utf8Char c; pos < part.size(); pos += c.size) {
    c = decode_utf8(part, pos);
    if (c.status != Utf8Status::kOk) break;
  }
  line += static_cast<uint64_t>(std::count(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(pos), '\n'));
  return fail("{}: byte {} of the file is not UTF-8; convert the file first (iconv -t UTF-8)", line, offset + pos);
}

size_t start_of(std::string_view text) { return text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0; }

}  // namespace

Result<void> CorpusReader::check_name(const std::string& path) {
  if (path.ends_with(".txt") || path.ends_with(".jsonl")) return {};
  return fail("{}: the name of a training text ends in .txt (plain text) or .jsonl (lines of {{\"text\"}} or {{\"messages\"}})",
              path);
}

Result<void> CorpusReader::read(const std::string& path, const Progress& progress) {
  TRY_VOID(check_name(path));
  return path.ends_with(".txt") ? read_text(path, progress) : read_lines(path, progress);
}

Result<void> CorpusReader::read_text(const std::string& path, const Progress& progress) {
  TRY(const MappedFile file, MappedFile::open(path));
  const std::string_view text = file.text();
  Releaser releaser(file);
  uint64_t line = 1;
  for (size_t pos = start_of(text); pos < text.size() && !full();) {
    const size_t end = part_end(text, pos);
    const std::string_view part = text.substr(pos, end - pos);
    if (const auto valid = check_utf8(part, line, pos); !valid) return fail("{}:{}", path, valid.error().message);
    if (const auto given = give(part); !given) return fail_in(path, given.error());
    line += static_cast<uint64_t>(std::count(part.begin(), part.end(), '\n'));
    pos = end;
    releaser.read_up_to(pos);
    if (progress) progress(pos);
  }
  return {};
}

/// Where the part that begins at `begin` ends: the last good place before its usual length, else the first one after it.
size_t CorpusReader::part_end(std::string_view text, size_t begin) const {
  if (text.size() - begin <= limits_.part_bytes) return text.size();
  const size_t usual = begin + limits_.part_bytes;
  for (size_t pos = usual; pos > begin; --pos) {
    if (is_cut(text, begin, pos)) return pos;
  }
  const size_t last = std::min(text.size(), begin + limits_.max_part_bytes);
  for (size_t pos = usual + 1; pos < last; ++pos) {
    if (is_cut(text, begin, pos)) return pos;
  }
  return char_start(text, begin, last);
}

Result<void> CorpusReader::read_lines(const std::string& path, const Progress& progress) {
  TRY(const MappedFile file, MappedFile::open(path));
  const std::string_view text = file.text();
  Releaser releaser(file);
  uint64_t number = 1;
  for (size_t pos = start_of(text); pos < text.size() && !full(); ++number) {
    const size_t end = std::min(text.find('\n', pos), text.size());
    const std::string_view line = text.substr(pos, end - pos);
    if (line.size() > limits_.max_line_bytes)
      return fail("{}:{}: a line of {} bytes, the limit is {}", path, number, line.size(), limits_.max_line_bytes);
    if (const auto read = read_line(line); !read) return fail("{}:{}: {}", path, number, read.error().message);
    pos = end + 1;
    releaser.read_up_to(std::min(pos, text.size()));
    if (progress) progress(std::min(pos, text.size()));
  }
  return {};
}

Result<void> CorpusReader::read_line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  TRY(const Json row, Json::parse(line, {.max_bytes = limits_.max_line_bytes, .max_depth = 64, .max_values = 1'000'000}));
  if (!row.is_object()) return fail("no JSON object; a line is {{\"text\": \"...\"}} or {{\"messages\": [...]}}");
  if (const Json* text = row.find("text"); text != nullptr) {
    if (text->as_string() == nullptr) return fail("\"text\" is no string");
    return give(*text->as_string());
  }
  const Json* messages = row.find("messages");
  if (messages == nullptr) return fail("neither \"text\" nor \"messages\"; a line has one of them");
  if (messages->as_array() == nullptr) return fail("\"messages\" is no list");
  size_t number = 0;
  for (const Json& message : *messages->as_array()) {
    ++number;
    const Json* content = message.find("content");
    if (content == nullptr || content->as_string() == nullptr)
      return fail("message {}: its \"content\" is missing or no string", number);
    // Chat templates write the role before every message, so that it deserves a token as much as any word.
    const Json* role = message.find("role");
    if (role != nullptr && role->as_string() != nullptr) TRY_VOID(give(*role->as_string()));
    TRY_VOID(give(*content->as_string()));
  }
  return {};
}

Result<void> CorpusReader::give(std::string_view text) {
  if (full()) return {};
  if (const uint64_t room = limits_.max_bytes - bytes_; text.size() > room) {
    size_t end = static_cast<size_t>(room);
    while (end > 0 && is_continuation(text[end])) --end;
    text = text.substr(0, end);
    stopped_ = true;
  }
  if (text.empty()) return {};
  bytes_ += text.size();
  return sink_(text);
}

}  // namespace sobre
