// Small text matters of this layer's readers and writers: UTF-8, dates, names in messages. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/utf8.h"

namespace sobre {

/// Whether the text is valid UTF-8 without a control character.
[[nodiscard]] bool is_plain_text(std::string_view text);
/// The first `bytes` bytes of valid UTF-8 at most, ending between characters.
[[nodiscard]] std::string_view cut_utf8(std::string_view text, size_t bytes);
/// A value as it may stand in a one-line message: in quotes, at most 60 bytes, without control characters.
[[nodiscard]] std::string shown(std::string_view value);
/// The same for a JSON value.
[[nodiscard]] std::string shown_json(const Json& value);
/// Whether two texts differ in the case of ASCII letters only.
[[nodiscard]] bool same_letters(std::string_view a, std::string_view b);

/// A number written as JSON and CSV do, nothing before or after it; nothing for infinities and what is no number.
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text);

/// Days since 1970-01-01 of "YYYY-MM-DD" (a day of the calendar, years 1970 to 9999); nothing for other texts.
[[nodiscard]] std::optional<int64_t> parse_day(std::string_view text);
/// The reverse; days outside those years are written as a number of days.
[[nodiscard]] std::string day_text(int64_t days);
/// "2026-03-09T14:05:06.123456Z" of a Unix time in microseconds.
[[nodiscard]] std::string time_text(int64_t time_us);

inline constexpr int64_t kMicrosPerDay = 86'400'000'000;
/// The day (UTC) of a Unix time in microseconds.
[[nodiscard]] inline int64_t day_of(int64_t time_us) { return time_us / kMicrosPerDay - (time_us % kMicrosPerDay < 0 ? 1 : 0); }

/// Whether the text is the form of an ISO 4217 code: three capital letters.
[[nodiscard]] bool is_currency(std::string_view text);

/// A member of an entry in a file: text of 1 to `max_bytes` bytes without control characters. `where` begins the error.
[[nodiscard]] Result<std::string> read_text_member(const Json& entry, const char* key, size_t max_bytes,
                                                   const std::string& where);
/// The same for a number from `min` to `max`.
[[nodiscard]] Result<double> read_number_member(const Json& entry, const char* key, double min, double max,
                                                const std::string& where);
/// Error: a member of the object that is none of `known` (names separated by ", ").
[[nodiscard]] Result<void> check_members(const Json& entry, std::string_view known, const std::string& where);
/// The line (from 1) on which the element `index` (from 0) of the array begins whose elements lie `depth` brackets deep (1: of
/// an outermost array). The text must be valid JSON.
[[nodiscard]] int line_of_element(std::string_view json, int depth, size_t index);

}  // namespace sobre
