// How much CO2e a kilowatt hour of electricity causes where the machine stands: yearly means by country (location-based: no
// market instruments, no offsets), and what a file of the user says instead. Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

/// The intensity of one grid.
struct GridEntry {
  std::string zone;        // ISO 3166-1 alpha-2 ("FR"), "WORLD", or a name of the user's file
  int64_t mg_per_kwh = 0;  // milligrams of CO2e per kWh, 0 to kMaxGridMgPerKwh
  int year = 0;            // that the figure is of
  std::string source;      // who published it
  friend bool operator==(const GridEntry&, const GridEntry&) = default;
};

inline constexpr int64_t kMaxGridMgPerKwh = 5'000'000;  // 5 kg per kWh: no plant emits that much

/// Intensities by zone: those shipped (ISO countries and "WORLD"), overridden and extended by the entries of a file.
class GridTable {
 public:
  /// The shipped entries alone.
  GridTable() = default;

  /// The shipped entries and those of a text: a JSON array of {"zone", "g_per_kwh", "year", "source"}, or CSV (RFC 4180) whose
  /// first line names these four columns in any order. `name` begins every error, which names the line (or entry) and the
  /// value.
  [[nodiscard]] static Result<GridTable> parse(std::string_view text, const std::string& name);
  /// The same from a file of at most 4 MiB.
  [[nodiscard]] static Result<GridTable> load(const std::string& path);

  /// The entry of a zone, in any case; of shipped ones also by alpha-3 code ("FRA"). Error: not there; says what would be.
  [[nodiscard]] Result<GridEntry> find(std::string_view zone) const;

  /// Entries of the file.
  [[nodiscard]] const std::vector<GridEntry>& own() const { return own_; }

 private:
  std::vector<GridEntry> own_;
};

/// All shipped entries, "WORLD" last.
[[nodiscard]] std::vector<GridEntry> shipped_grids();

}  // namespace sobre
