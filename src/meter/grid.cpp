#include "meter/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/file.h"
#include "base/json.h"
#include "meter/text.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{4} << 20;
constexpr size_t kMaxEntries = 100'000;
constexpr size_t kMaxZoneBytes = 64, kMaxSourceBytes = 300;
constexpr double kMaxGramsPerKwh = static_cast<double>(kMaxGridMgPerKwh) / 1000;
constexpr int kFirstYear = 1990, kLastYear = 2100;
constexpr std::string_view kColumns = "zone, g_per_kwh, year, source";

struct Shipped {
  const char* alpha2;
  const char* alpha3;
  int32_t mg_per_kwh;
  int16_t year;
};
constexpr Shipped kShipped[] = {
#include "meter/grid_data.inc"
};
constexpr const char* kSource = "Our World in Data / Ember, CC BY 4.0";

GridEntry entry_of(const Shipped& s) { return {s.alpha2, s.mg_per_kwh, s.year, kSource}; }

GridEntry world() { return {"WORLD", 475'000, 2019, "IEA, Global Energy & CO2 Status Report 2019"}; }

// One line of CSV split into its fields; `text` is cut after it.
struct CsvRecord {
  std::vector<std::string> fields;
  int lines = 0;  // of the file that it takes: quoted fields may have breaks
};

Result<CsvRecord> take_record(std::string_view& text, const std::string& where) {
  CsvRecord record;
  std::string field;
  bool quoted = false, was_quoted = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++record.lines;
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[++i];
      } else {
        quoted = false;
      }
      continue;
    }
    if (c == '\n') break;
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (c == ',') {
      record.fields.push_back(std::move(field));
      field.clear();
      was_quoted = false;
    } else if (c == '"' && field.empty() && !was_quoted) {
      quoted = was_quoted = true;
    } else if (c == '"' || was_quoted) {
      return fail("{}: a quote stands inside the field {}; double it and put the field in quotes", where, shown(field + c));
    } else {
      field += c;
    }
  }
  if (quoted) return fail("{}: the quoted field {} does not end", where, shown(field));
  if (i == text.size()) ++record.lines;
  record.fields.push_back(std::move(field));
  text.remove_prefix(std::min(i + 1, text.size()));
  return record;
}

// The checks that both forms share. `g` and `year` are numbers already.
Result<GridEntry> make_entry(const std::string& zone, double g, double year, const std::string& source,
                             const std::string& where) {
  if (zone.empty() || zone.size() > kMaxZoneBytes || !is_plain_text(zone))
    return fail("{}: zone {} must be text of 1 to {} bytes on one line", where, shown(zone), kMaxZoneBytes);
  if (!(g >= 0 && g <= kMaxGramsPerKwh))
    return fail("{}: g_per_kwh {} must be a number from 0 to {}", where, g, kMaxGramsPerKwh);
  if (!(year >= kFirstYear && year <= kLastYear) || year != std::floor(year))
    return fail("{}: year {} must be a whole number from {} to {}", where, year, kFirstYear, kLastYear);
  if (source.empty() || source.size() > kMaxSourceBytes || !is_plain_text(source))
    return fail("{}: source {} must be text of 1 to {} bytes on one line", where, shown(source), kMaxSourceBytes);
  return GridEntry{zone, std::llround(g * 1000), static_cast<int>(year), source};
}

Result<GridEntry> read_entry(const Json& item, const std::string& where) {
  TRY_VOID(check_members(item, kColumns, where));
  TRY(const std::string zone, read_text_member(item, "zone", kMaxZoneBytes, where));
  TRY(const double g, read_number_member(item, "g_per_kwh", 0, kMaxGramsPerKwh, where));
  TRY(const double year, read_number_member(item, "year", kFirstYear, kLastYear, where));
  TRY(const std::string source, read_text_member(item, "source", kMaxSourceBytes, where));
  return make_entry(zone, g, year, source, where);
}

Result<std::vector<GridEntry>> parse_json(std::string_view text, const std::string& name) {
  const Result<Json> root = Json::parse(text, {.max_bytes = kMaxFileBytes, .max_depth = 8, .max_values = 6 * kMaxEntries});
  if (!root) return fail_in(name, root.error());
  const Json::Array* list = root->as_array();
  if (list == nullptr) return fail("{}: a JSON array of objects with {} is expected", name, kColumns);
  std::vector<GridEntry> entries;
  for (const Json& item : *list) {
    Result<GridEntry> entry = read_entry(item, name);
    // The line is looked for only where it is needed: that walks the whole text.
    if (!entry) {
      const std::string where = fmt::format("{}:{}", name, line_of_element(text, 1, entries.size()));
      return std::unexpected(read_entry(item, where).error());
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

// Where each of the four columns stands in the head of a CSV file.
Result<std::array<size_t, 4>> read_head(const std::vector<std::string>& fields, const std::string& where) {
  constexpr std::array<const char*, 4> kNames = {"zone", "g_per_kwh", "year", "source"};
  std::array<size_t, 4> at{};
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto found = std::find(fields.begin(), fields.end(), kNames[i]);
    if (found == fields.end() || fields.size() != kNames.size())
      return fail("{}: the first line must name the columns {}; here it begins with {}", where, kColumns,
                  shown(fields.front()));
    at[i] = static_cast<size_t>(found - fields.begin());
  }
  return at;
}

Result<std::vector<GridEntry>> parse_csv(std::string_view text, const std::string& name) {
  std::vector<GridEntry> entries;
  std::optional<std::array<size_t, 4>> columns;
  for (int line = 1; !text.empty();) {
    const std::string where = fmt::format("{}:{}", name, line);
    TRY(const CsvRecord record, take_record(text, where));
    line += record.lines;
    if (record.fields.size() == 1 && record.fields.front().empty()) continue;
    if (!columns) {
      TRY(columns, read_head(record.fields, where));
      continue;
    }
    if (record.fields.size() != columns->size())
      return fail("{}: {} fields, {} are expected ({})", where, record.fields.size(), columns->size(), kColumns);
    if (entries.size() == kMaxEntries) return fail("{}: more than {} entries", where, kMaxEntries);
    const auto field = [&](size_t i) -> const std::string& { return record.fields[(*columns)[i]]; };
    const std::optional<double> g = parse_decimal(field(1)), year = parse_decimal(field(2));
    if (!g) return fail("{}: g_per_kwh {} is no number", where, shown(field(1)));
    if (!year) return fail("{}: year {} is no number", where, shown(field(2)));
    TRY(GridEntry entry, make_entry(field(0), *g, *year, field(3), where));
    entries.push_back(std::move(entry));
  }
  if (!columns) return fail("{}: the file is empty; a JSON array or CSV with the columns {} is expected", name, kColumns);
  return entries;
}

Result<void> check_twins(const std::vector<GridEntry>& entries, const std::string& name) {
  std::vector<std::string> zones;
  for (const GridEntry& e : entries) {
    std::string zone = e.zone;
    for (char& c : zone) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    zones.push_back(std::move(zone));
  }
  std::sort(zones.begin(), zones.end());
  const auto twin = std::adjacent_find(zones.begin(), zones.end());
  if (twin != zones.end()) return fail("{}: the zone {} has two entries; leave the right one", name, shown(*twin));
  return {};
}

}  // namespace

Result<GridTable> GridTable::parse(std::string_view text, const std::string& name) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.size() > kMaxFileBytes) return fail("{}: {} bytes, the limit is {}", name, text.size(), kMaxFileBytes);
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && (text[first] == '[' || text[first] == '{');
  GridTable table;
  TRY(table.own_, json ? parse_json(text, name) : parse_csv(text, name));
  TRY_VOID(check_twins(table.own_, name));
  return table;
}

Result<GridTable> GridTable::load(const std::string& path) {
  TRY(const std::string text, read_file(path, kMaxFileBytes));
  return parse(text, path);
}

Result<GridEntry> GridTable::find(std::string_view zone) const {
  const auto own = [&](std::string_view name) {
    return std::find_if(own_.begin(), own_.end(), [&](const GridEntry& e) { return same_letters(e.zone, name); });
  };
  if (const auto e = own(zone); e != own_.end()) return *e;
  for (const Shipped& s : kShipped) {
    if (!same_letters(s.alpha2, zone) && !same_letters(s.alpha3, zone)) continue;
    // The user's file goes first by whichever of the two codes it names the country.
    for (const char* code : {s.alpha2, s.alpha3}) {
      if (const auto e = own(code); e != own_.end()) return *e;
    }
    return entry_of(s);
  }
  if (same_letters(zone, "WORLD")) return world();
  return fail("grid zone {} is not in the table of {} countries (ISO 3166 codes such as FR or FRA, or WORLD){}", shown(zone),
              std::size(kShipped), own_.empty() ? "; a file of your own can name it" : fmt::format(" nor in your file"));
}

std::vector<GridEntry> shipped_grids() {
  std::vector<GridEntry> all;
  for (const Shipped& s : kShipped) all.push_back(entry_of(s));
  all.push_back(world());
  return all;
}

}  // namespace sobre
