// The format of the text tests: lines to steps.
#include <algorithm>
#include <charconv>

#include "serve/http_text_testing.h"

namespace sobre {

namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

std::pair<std::string, std::string> split_word(std::string_view s) {
  s = trimmed(s);
  const size_t end = std::min(s.find(' '), s.size());
  return {std::string(s.substr(0, end)), std::string(trimmed(s.substr(end)))};
}

constexpr std::string_view kCommands[] = {"raw",     "trickle",    "wait",    "close", "half-close", "reset",
                                          "connect", "connection", "timeout", "save",  "pass",       "fail"};
constexpr std::string_view kBlocks[] = {"repeat", "eventually"};

class Parser {
 public:
  explicit Parser(const std::string& path) { file_.path = path; }

  Result<void> line(std::string_view raw) {
    ++number_;
    const std::string_view text = trimmed(raw);
    if (text.empty() || text[0] == '#') {
      open_ = nullptr;
      return {};
    }
    if (text.starts_with("== ")) return begin_case(trimmed(text.substr(3)));
    const auto [word, rest] = split_word(text);
    if (file_.cases.empty()) return header(word, rest);
    if (text[0] == '>' || text[0] == '<') {
      // Spaces matter in bodies: one after the mark is ours, the rest the body's.
      std::string_view after = raw.substr(raw.find(text[0]) + 1);
      if (after.starts_with(' ')) after.remove_prefix(1);
      if (after.ends_with('\r')) after.remove_suffix(1);
      return group(text[0] == '>' ? HttpTextStep::Kind::kRequest : HttpTextStep::Kind::kExpect, after);
    }
    open_ = nullptr;
    if (word == "end") {
      if (blocks_.empty()) return fail("{}: end without a block", where());
      blocks_.pop_back();
      return {};
    }
    const bool block = std::find(std::begin(kBlocks), std::end(kBlocks), word) != std::end(kBlocks);
    if (!block && std::find(std::begin(kCommands), std::end(kCommands), word) == std::end(kCommands)) {
      return fail("{}: unknown command \"{}\"", where(), word);
    }
    HttpTextStep& step = add(block ? HttpTextStep::Kind::kBlock : HttpTextStep::Kind::kCommand);
    step.word = word;
    step.rest = rest;
    if (block) blocks_.push_back(path_to(step));
    return {};
  }

  Result<HttpTextFile> finish() {
    if (!blocks_.empty()) return fail("{}: a block has no end", where());
    if (file_.server.empty()) return fail("{}: no line \"server NAME\"", where());
    if (file_.cases.empty()) return fail("{}: no case (== NAME)", where());
    for (const HttpTextCase& test : file_.cases) {
      if (test.steps.empty()) return fail("{}:{}: case \"{}\" does nothing", file_.path, test.line, test.name);
    }
    return std::move(file_);
  }

 private:
  [[nodiscard]] std::string where() const { return fmt::format("{}:{}", file_.path, number_); }

  Result<void> begin_case(std::string_view name) {
    if (!blocks_.empty()) return fail("{}: the block before has no end", where());
    open_ = nullptr;
    for (const HttpTextCase& other : file_.cases) {
      if (other.name == name) return fail("{}: a second case \"{}\"", where(), name);
    }
    file_.cases.push_back({std::string(name), number_, {}});
    return {};
  }

  Result<void> header(const std::string& word, const std::string& rest) {
    if (word == "server" && !rest.empty()) {
      file_.server = rest;
    } else if (word == "option" && !rest.empty()) {
      file_.options.push_back(split_word(rest));
    } else {
      return fail("{}: expected server NAME, option NAME VALUE or == NAME", where());
    }
    return {};
  }

  Result<void> group(HttpTextStep::Kind kind, std::string_view text) {
    if (open_ == nullptr || open_->kind != kind) open_ = &add(kind);
    open_->lines.push_back({std::string(text), number_});
    return {};
  }

  std::vector<HttpTextStep>& here() {
    std::vector<HttpTextStep>* steps = &file_.cases.back().steps;
    for (const size_t i : blocks_) steps = &(*steps)[i].steps;
    return *steps;
  }
  HttpTextStep& add(HttpTextStep::Kind kind) {
    HttpTextStep step;
    step.kind = kind;
    step.line = number_;
    here().push_back(std::move(step));
    return here().back();
  }
  size_t path_to(const HttpTextStep& step) { return static_cast<size_t>(&step - here().data()); }

  HttpTextFile file_;
  int number_ = 0;
  HttpTextStep* open_ = nullptr;  // the group that the next > or < line continues
  std::vector<size_t> blocks_;    // the way to the innermost open block
};

Result<char> parse_escape(std::string_view text, size_t& at) {
  if (++at >= text.size()) return fail("a string ends in \\");
  switch (text[at]) {
    case 'r':
      return '\r';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '0':
      return '\0';
    case '\\':
      return '\\';
    case '"':
      return '"';
    case 'x': {
      unsigned value = 0;
      const std::string_view digits = text.substr(at + 1, 2);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (error != std::errc() || end != digits.data() + 2) return fail("\\x needs two hexadecimal digits");
      at += 2;
      return static_cast<char>(value);
    }
    default:
      return fail("unknown escape \\{}", text[at]);
  }
}

}  // namespace

Result<HttpTextFile> parse_http_text(std::string_view text, const std::string& path) {
  Parser parser(path);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    TRY_VOID(parser.line(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.finish();
}

Result<std::string> parse_http_bytes(std::string_view text) {
  std::string all;
  text = trimmed(text);
  if (text.empty()) return fail("expected a string in quotes");
  while (!text.empty()) {
    if (text[0] != '"') return fail("expected a string in quotes at {}", text);
    std::string one;
    size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] != '\\') {
        one += text[i];
        continue;
      }
      TRY(const char c, parse_escape(text, i));
      one += c;
    }
    if (i >= text.size()) return fail("a string has no closing quote");
    text = trimmed(text.substr(i + 1));
    size_t count = 1;
    if (text.starts_with('*')) {
      text = trimmed(text.substr(1));
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
      if (error != std::errc() || count * one.size() > (1u << 28)) return fail("expected a moderate count after *");
      text = trimmed(text.substr(static_cast<size_t>(end - text.data())));
    }
    for (size_t n = 0; n < count; ++n) all += one;
  }
  return all;
}

}  // namespace sobre
