#include "cli/chat_line.h"

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <deque>
#include <filesystem>
#include <string_view>

#include "cli/chat_interrupt.h"
#include "cli/terminal.h"

namespace sobre {

namespace {

constexpr int kHistoryLines = 1000;
constexpr int kEscapeMs = 50;                        // within this, what follows an escape belongs to it
constexpr wchar_t kLineEnd = 0x23CE, kTab = 0x21E5;  // how pasted line ends and tabs are shown while editing
constexpr std::string_view kLineEndUtf8 = "\xE2\x8F\x8E", kTabUtf8 = "\xE2\x87\xA5";
constexpr std::string_view kPasteBegin = "\x1b[200~", kPasteEnd = "\x1b[201~";

/// libedit reads characters of the locale; in the C locale of a bare container that would be bytes.
void use_utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

void replace_all_in(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

struct LineEditor::Impl {
  EditLine* editor = nullptr;
  ::History* history = nullptr;
  HistEvent event{};
  std::string history_file, prompt;
  std::deque<unsigned char> ahead;  // bytes read that were not wanted yet
  bool pasting = false, pasted = false, ended = false, stopped = false;

  /// The next byte, waiting at most `wait_ms` (-1: as long as it takes). -1: none, with ended or stopped set.
  int next_byte(int wait_ms) {
    if (!ahead.empty()) {
      const int byte = ahead.front();
      ahead.pop_front();
      return byte;
    }
    while (true) {
      if (interrupted()) {
        stopped = true;
        return -1;
      }
      pollfd input{STDIN_FILENO, POLLIN, 0};
      const int ready = ::poll(&input, 1, wait_ms);
      if (ready == 0) return -1;
      if (ready < 0 && errno == EINTR) continue;
      unsigned char byte = 0;
      const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
      if (n == 1) return byte;
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      ended = true;
      return -1;
    }
  }

  /// Whether the bytes after an escape spell the rest of `sequence`; else they are kept for the next reads.
  bool follows(std::string_view sequence) {
    std::deque<unsigned char> seen;
    for (const char expected : sequence.substr(1)) {
      const int byte = next_byte(kEscapeMs);
      if (byte >= 0) seen.push_back(static_cast<unsigned char>(byte));
      if (byte != static_cast<unsigned char>(expected)) {
        ahead.insert(ahead.begin(), seen.begin(), seen.end());
        return false;
      }
    }
    return true;
  }

  /// One character of UTF-8 that begins with `first`.
  wchar_t finish_character(int first) {
    std::mbstate_t state{};
    for (int byte = first; byte >= 0; byte = next_byte(kEscapeMs)) {
      const char c = static_cast<char>(byte);
      wchar_t out = 0;
      const size_t n = std::mbrtowc(&out, &c, 1, &state);
      if (n == static_cast<size_t>(-1)) return 0xFFFD;
      if (n != static_cast<size_t>(-2)) return out;
    }
    return 0xFFFD;
  }

  /// What a pasted control character is shown as; 0: dropped.
  static wchar_t pasted_character(wchar_t c) {
    if (c == L'\r' || c == L'\n') return kLineEnd;
    if (c == L'\t') return kTab;
    return c < 0x20 || c == 0x7F ? 0 : c;
  }

  int read_character(wchar_t* out) {
    while (true) {
      const int byte = next_byte(-1);
      if (byte < 0) return stopped ? -1 : 0;
      if (byte == 0x1B && follows(pasting ? kPasteEnd : kPasteBegin)) {
        pasting = !pasting;
        pasted = true;
        continue;
      }
      if (byte < 0x80) {
        *out = static_cast<wchar_t>(byte);
      } else {
        *out = finish_character(byte);
      }
      if (pasting) *out = pasted_character(*out);
      if (*out != 0) return 1;
    }
  }

  static int read_character_of(EditLine* editor, wchar_t* out) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self)->read_character(out);
  }

  static char* prompt_of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self)->prompt.data();
  }
};

LineEditor::LineEditor(std::string history_file) : impl_(std::make_unique<Impl>()) {
  use_utf8_locale();
  Impl& self = *impl_;
  self.history_file = std::move(history_file);
  self.history = history_init();
  history(self.history, &self.event, H_SETSIZE, kHistoryLines);
  history(self.history, &self.event, H_SETUNIQUE, 1);
  if (!self.history_file.empty()) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(self.history_file).parent_path(), ignored);
    history(self.history, &self.event, H_LOAD, self.history_file.c_str());
  }
  // The line is drawn on the terminal even where the answers go elsewhere.
  FILE* screen = is_terminal(STDOUT_FILENO) ? stdout : stderr;
  self.editor = el_init("sobre", stdin, screen, stderr);
  if (self.editor == nullptr) return;
  el_set(self.editor, EL_CLIENTDATA, static_cast<void*>(&self));
  el_set(self.editor, EL_PROMPT, &Impl::prompt_of);
  el_set(self.editor, EL_EDITOR, "emacs");
  el_set(self.editor, EL_SIGNAL, 0);
  el_set(self.editor, EL_HIST, history, self.history);
  el_set(self.editor, EL_GETCFN, &Impl::read_character_of);
  const char* const bindings[][2] = {{"^R", "em-inc-search-prev"}, {"\\e[3~", "ed-delete-next-char"},
                                     {"\\e[H", "ed-move-to-beg"},  {"\\e[F", "ed-move-to-end"},
                                     {"\\e[1~", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"},
                                     {"\\e[1;5C", "em-next-word"}, {"\\e[1;5D", "ed-prev-word"}};
  for (const auto& [key, action] : bindings) el_set(self.editor, EL_BIND, key, action, nullptr);
  el_source(self.editor, nullptr);
}

LineEditor::~LineEditor() {
  if (impl_->editor != nullptr) el_end(impl_->editor);
  if (impl_->history != nullptr) history_end(impl_->history);
}

LineEditor::Event LineEditor::read(const std::string& prompt, std::string& line) {
  Impl& self = *impl_;
  line.clear();
  if (self.editor == nullptr) return Event::kEnd;
  self.prompt = prompt;
  self.pasting = self.pasted = self.stopped = false;
  clear_interrupt();
  const bool can_paste = can_redraw(STDERR_FILENO);
  if (can_paste) (void)!::write(STDERR_FILENO, "\x1b[?2004h", 8);
  int count = 0;
  const char* text = el_gets(self.editor, &count);
  if (can_paste) (void)!::write(STDERR_FILENO, "\x1b[?2004l", 8);
  if (self.stopped) {
    self.ahead.clear();
    el_reset(self.editor);
    return Event::kInterrupted;
  }
  if (text == nullptr || count <= 0) return Event::kEnd;
  line.assign(text, static_cast<size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  if (self.pasted) {
    replace_all_in(line, kLineEndUtf8, "\n");
    replace_all_in(line, kTabUtf8, "\t");
  }
  return Event::kLine;
}

void LineEditor::remember(const std::string& line) {
  Impl& self = *impl_;
  if (line.empty() || self.history == nullptr) return;
  history(self.history, &self.event, H_ENTER, line.c_str());
  if (!self.history_file.empty()) history(self.history, &self.event, H_SAVE, self.history_file.c_str());
}

}  // namespace sobre
