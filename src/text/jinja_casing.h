// Classes and case of characters as Python's str methods see them, for the template language. Pure functions over constant
// tables, any thread.
#pragma once

#include <string>

namespace sobre::jinja {

/// str.isspace(), which knows the separators 0x1C to 0x1F as well.
[[nodiscard]] bool is_space(char32_t c);
/// str.isprintable(): what repr() shows as it is.
[[nodiscard]] bool is_printable(char32_t c);
[[nodiscard]] bool is_upper(char32_t c);
[[nodiscard]] bool is_lower(char32_t c);
[[nodiscard]] bool is_title(char32_t c);
/// Has a case at all.
[[nodiscard]] bool is_cased(char32_t c);
/// Passed over when the context of a final sigma is looked at (an approximation of Case_Ignorable by category).
[[nodiscard]] bool is_case_ignorable(char32_t c);
[[nodiscard]] bool is_alpha(char32_t c);
[[nodiscard]] bool is_decimal(char32_t c);
[[nodiscard]] bool is_digit(char32_t c);
[[nodiscard]] bool is_numeric(char32_t c);
[[nodiscard]] bool is_alnum(char32_t c);

/// Full mappings of one character, up to three characters long.
[[nodiscard]] std::u32string upper_of(char32_t c);
[[nodiscard]] std::u32string lower_of(char32_t c);
[[nodiscard]] std::u32string title_of(char32_t c);
[[nodiscard]] std::u32string folded(char32_t c);

}  // namespace sobre::jinja
