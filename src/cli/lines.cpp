#include "cli/lines.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sobre {

namespace {

// Reads through a buffer of its own: whether more input is at hand decides when to flush.
class LineReader {
 public:
  enum class Status { kLine, kTooLong, kEnd };

  // The next line without its end. A last line without newline counts.
  Result<Status> next(std::string& line) {
    line.clear();
    bool too_long = false, any = false;
    for (;;) {
      if (at_ == size_) {
        TRY(const bool more, fill());
        if (!more) return !any ? Status::kEnd : (too_long ? Status::kTooLong : Status::kLine);
      }
      any = true;
      const char* begin = buffer_.data() + at_;
      const auto* end = static_cast<const char*>(std::memchr(begin, '\n', size_ - at_));
      const size_t n = end == nullptr ? size_ - at_ : static_cast<size_t>(end - begin);
      too_long = too_long || line.size() + n > kMaxLineBytes;
      if (!too_long) line.append(begin, n);
      at_ += n + (end == nullptr ? 0 : 1);
      if (end != nullptr) return too_long ? Status::kTooLong : Status::kLine;
    }
  }

  // Whether reading on would wait for the other side.
  [[nodiscard]] bool would_wait() const {
    if (at_ < size_) return false;
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    return poll(&ready, 1, 0) == 0;
  }

 private:
  Result<bool> fill() {
    ssize_t n = 0;
    do {
      n = read(STDIN_FILENO, buffer_.data(), buffer_.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) return fail("standard input: {}", std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    at_ = 0;
    size_ = static_cast<size_t>(n);
    return n > 0;
  }

  std::array<char, 1 << 16> buffer_;
  size_t at_ = 0, size_ = 0;
};

Json error_answer(const std::string& message) { return Json(Json::Object{{"error", Json(message)}}); }

Json answer_line(const std::string& line, const std::function<Result<Json>(const Json&)>& answer) {
  const auto parsed = Json::parse(line);
  if (!parsed) return error_answer(parsed.error().message);
  auto answered = answer(*parsed);
  return answered ? std::move(*answered) : error_answer(answered.error().message);
}

}  // namespace

Result<void> answer_json_lines(const std::function<Result<Json>(const Json&)>& answer) {
  LineReader reader;
  std::string line;
  for (;;) {
    TRY(const LineReader::Status status, reader.next(line));
    if (status == LineReader::Status::kEnd) break;
    if (status == LineReader::Status::kLine && line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Json out = status == LineReader::Status::kTooLong
                         ? error_answer(fmt::format("a line of more than {} bytes, the limit", kMaxLineBytes))
                         : answer_line(line, answer);
    const std::string text = out.dump() + "\n";
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) break;
    if (reader.would_wait() && std::fflush(stdout) != 0) break;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail("standard output cannot be written");
  return {};
}

Result<std::string> read_standard_input(size_t max_bytes) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t n = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("standard input: {}", std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > max_bytes)
      return fail("standard input: more than {} bytes, the limit", max_bytes);
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

}  // namespace sobre
