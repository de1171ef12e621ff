// JSON text written by hand where a tree would cost more than the answer: chunks of a stream.
#pragma once

#include <string>
#include <string_view>

namespace sobre {

/// Appends valid UTF-8 as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);

}  // namespace sobre
