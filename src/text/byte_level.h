// The byte-level alphabet of GPT-2: each byte as one printable character. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace sobre {

/// Appends the printable characters of `bytes`.
void append_byte_chars(std::string& out, std::string_view bytes);

/// Appends the bytes that `chars` stands for; false (and nothing appended) when a character is not of the alphabet.
[[nodiscard]] bool append_bytes_of_chars(std::string& out, std::string_view chars);

}  // namespace sobre
