#include "cli/pull_bars.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/terminal.h"

namespace sobre {

namespace {

constexpr double kRateSeconds = 5, kRedrawSeconds = 0.1, kSilentSeconds = 0.3;
constexpr int kMostFileLines = 8, kNarrowestBar = 8, kWidestBar = 32, kNameColumns = 28;

}  // namespace

void RecentRate::add(double now, uint64_t done) {
  samples_.emplace_back(now, done);
  while (samples_.size() > 2 && samples_.front().first < now - kRateSeconds) samples_.erase(samples_.begin());
}

double RecentRate::per_second() const {
  if (samples_.size() < 2) return 0;
  const double seconds = samples_.back().first - samples_.front().first;
  const uint64_t first = samples_.front().second, last = samples_.back().second;
  return seconds <= 0 || last <= first ? 0 : static_cast<double>(last - first) / seconds;
}

std::string bar_line(const std::string& name, uint64_t done, uint64_t total, double rate, int width) {
  const double part = total == 0 ? 1 : static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  std::string tail = fmt::format(" {:3.0f} %  {} of {}", 100 * part, bytes_text(done), bytes_text(total));
  if (rate > 0) {
    tail += fmt::format("  {}/s", bytes_text(static_cast<uint64_t>(rate)));
    if (done < total) tail += fmt::format("  {} left", duration_text(static_cast<double>(total - done) / rate));
  }
  std::string shown = name;
  if (shown.size() > kNameColumns) shown = "..." + shown.substr(shown.size() - kNameColumns + 3);
  const int room = width - kNameColumns - static_cast<int>(tail.size()) - 3;
  std::string bar;
  if (room >= kNarrowestBar) {
    const int columns = std::min(room, kWidestBar), filled = static_cast<int>(part * columns);
    bar = fmt::format(" [{:#<{}}{: <{}}]", "", filled, "", columns - filled);
  }
  std::string line = fmt::format("{:<{}}", shown, kNameColumns) + bar + tail;
  line.resize(std::min(line.size(), static_cast<size_t>(std::max(width, 1))));
  return line;
}

PullBars::PullBars() : enabled_(can_redraw(STDERR_FILENO)), start_(std::chrono::steady_clock::now()) {}

PullBars::~PullBars() { wipe(); }

void PullBars::start(uint64_t total_bytes) { total_ = total_bytes; }

void PullBars::update(const HubFile& file, uint64_t done) {
  if (!enabled_) return;
  const double now = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  bytes_[file.path] = done;
  if (done >= file.size) {
    files_.erase(file.path);
  } else {
    File& f = files_[file.path];
    f.file = file;
    f.done = done;
    f.rate.add(now, done);
  }
  if (now < kSilentSeconds || now - last_drawn_ < kRedrawSeconds) return;
  uint64_t all = 0;
  for (const auto& [path, bytes] : bytes_) all += bytes;
  rate_.add(now, all);
  draw(now);
}

void PullBars::draw(double now) {
  wipe();
  const int width = terminal_width(STDERR_FILENO) - 1;
  std::string text;
  int lines = 0;
  for (const auto& [path, f] : files_) {
    if (lines == kMostFileLines) break;
    text += bar_line(path, f.done, f.file.size, f.rate.per_second(), width) + "\n";
    ++lines;
  }
  uint64_t all = 0;
  for (const auto& [path, bytes] : bytes_) all += bytes;
  text += bar_line("all", all, total_, rate_.per_second(), width);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  lines_ = lines + 1;
  last_drawn_ = now;
}

void PullBars::wipe() {
  if (lines_ == 0) return;
  std::fputs("\r\x1b[K", stderr);
  for (int i = 1; i < lines_; ++i) std::fputs("\x1b[A\x1b[K", stderr);
  std::fflush(stderr);
  lines_ = 0;
}

}  // namespace sobre
