// The bars of a pull on a terminal: a line for each file at work and one for the whole, redrawn in place. Any thread may call
// update(), one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hub/hub_types.h"

namespace sobre {

/// Measures a rate over the last seconds, so that a resumed file's first bytes do not count as speed.
class RecentRate {
 public:
  /// `now` in seconds of any steady clock.
  void add(double now, uint64_t done);
  /// Bytes per second over at most the last 5 s; 0 before anything is known.
  [[nodiscard]] double per_second() const;

 private:
  std::vector<std::pair<double, uint64_t>> samples_;
};

/// One line of a bar: name, bar, share, amounts, rate, time left, cut to `width` columns.
[[nodiscard]] std::string bar_line(const std::string& name, uint64_t done, uint64_t total, double rate, int width);

class PullBars {
 public:
  PullBars();
  ~PullBars();
  PullBars(const PullBars&) = delete;
  PullBars& operator=(const PullBars&) = delete;

  /// What is to come; bytes that are there already are told by the first update of a file.
  void start(uint64_t total_bytes);
  void update(const HubFile& file, uint64_t done);
  /// Wipes the bars, so that a line of text can be printed.
  void wipe();

 private:
  struct File {
    HubFile file;
    uint64_t done = 0;
    RecentRate rate;
  };
  void draw(double now);

  bool enabled_;
  uint64_t total_ = 0;
  std::map<std::string, File> files_;  // at work, by path
  std::map<std::string, uint64_t> bytes_;
  RecentRate rate_;
  int lines_ = 0;  // drawn now
  double last_drawn_ = -1;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace sobre
