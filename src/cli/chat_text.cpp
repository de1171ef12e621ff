#include "cli/chat_text.h"

#include <algorithm>

namespace sobre {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kFence = "\"\"\"";
constexpr std::string_view kSpace = " \t\r\n\f\v";

}  // namespace

std::string terminal_safe(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F || c1) {
      out += kReplacement;
      if (c1) ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool MessageLines::add(std::string_view line) {
  if (block_) {
    const std::string_view end = line.substr(0, line.find_last_not_of(kSpace) + 1);
    if (end.ends_with(kFence)) {
      text_ += end.substr(0, end.size() - kFence.size());
      open_ = false;
      return true;
    }
    text_ += line;
    text_ += '\n';
    return false;
  }
  if (!open_ && line.starts_with(kFence)) {
    open_ = block_ = true;
    line.remove_prefix(kFence.size());
    if (trimmed(line).empty()) return false;
    return add(line);
  }
  open_ = line.ends_with('\\');
  if (open_) line.remove_suffix(1);
  text_ += line;
  if (open_) text_ += '\n';
  return !open_;
}

std::string MessageLines::take() {
  std::string text = std::move(text_);
  // The line feed before a closing fence on a line of its own.
  if (block_ && text.ends_with('\n')) text.pop_back();
  text_.clear();
  open_ = block_ = false;
  return text;
}

bool parse_command(std::string_view message, ChatCommand& command) {
  if (message.size() < 2 || message[0] != '/') return false;
  const size_t end = std::min(message.find_first_of(kSpace), message.size());
  const std::string_view name = message.substr(1, end - 1);
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (name.empty() || (!letters && name != "?")) return false;  // "/usr/bin" is a text
  command.name = name;
  command.rest = trimmed(message.substr(end));
  return true;
}

}  // namespace sobre
