#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sobre {

namespace {

constexpr double kSilentSeconds = 0.3;  // shorter work shows no bar
constexpr double kRedrawSeconds = 0.1;
constexpr int kNarrowestBar = 10, kWidestBar = 30;

bool environment_says(const char* name, std::string_view value) {
  const char* found = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return found != nullptr && (value.empty() ? *found != '\0' : found == value);
}

std::string styled(std::string_view text, int fd, std::string_view code) {
  if (!colours_on(fd)) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

bool is_terminal(int fd) { return isatty(fd) == 1; }

bool can_redraw(int fd) { return is_terminal(fd) && !environment_says("TERM", "dumb"); }

bool colours_on(int fd) { return can_redraw(fd) && !environment_says("NO_COLOR", ""); }

std::string dim(std::string_view text, int fd) { return styled(text, fd, "2"); }
std::string bold(std::string_view text, int fd) { return styled(text, fd, "1"); }

int terminal_width(int fd) {
  constexpr int kUsual = 80;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return size.ws_col;
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 999.5 would be printed as 1000 of the smaller unit.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : (value < 99.95 ? 1 : 0);
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string count_text(uint64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string duration_text(double seconds) {
  constexpr double kTooLong = 360'000;
  const auto whole = static_cast<int64_t>(std::ceil(std::clamp(seconds, 0.0, kTooLong)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

ProgressBar::ProgressBar(std::string what, uint64_t total, Unit unit)
    : what_(std::move(what)),
      total_(total),
      unit_(unit),
      enabled_(can_redraw(STDERR_FILENO) && total > 0),
      start_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::update(uint64_t done) {
  if (!enabled_) return;
  const double seconds = seconds_since(start_);
  if (seconds < kSilentSeconds || (shown_ && seconds - last_drawn_ < kRedrawSeconds)) return;
  draw(std::min(done, total_), seconds);
}

void ProgressBar::finish() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

void ProgressBar::draw(uint64_t done, double seconds) {
  const double part = static_cast<double>(done) / static_cast<double>(total_);
  const double rate = static_cast<double>(done) / seconds;
  const auto amount = [this](uint64_t n) { return unit_ == Unit::kBytes ? bytes_text(n) : count_text(n); };
  std::string tail = fmt::format(" {:3.0f} %  {} of {}{}  {}/s", 100 * part, amount(done), amount(total_),
                                 unit_ == Unit::kBytes    ? ""
                                 : unit_ == Unit::kTokens ? " tokens"
                                                          : " answers",
                                 amount(static_cast<uint64_t>(rate)));
  if (done > 0) tail += fmt::format("  {} left", duration_text(static_cast<double>(total_ - done) / rate));
  const int room = terminal_width(STDERR_FILENO) - 1 - static_cast<int>(what_.size() + tail.size()) - 3;
  std::string bar;
  if (room >= kNarrowestBar) {
    const int width = std::min(room, kWidestBar);
    const int filled = static_cast<int>(part * width);
    bar = fmt::format(" [{:#<{}}{: <{}}]", "", filled, "", width - filled);
  }
  std::string line = what_ + bar + tail;
  line.resize(std::min(line.size(), static_cast<size_t>(std::max(1, terminal_width(STDERR_FILENO) - 1))));
  say("\r{}\x1b[K", line);
  std::fflush(stderr);
  shown_ = true;
  last_drawn_ = seconds;
}

}  // namespace sobre
