// The files of the web page as they are in the program. The table is generated when the program is built, and empty where it
// was built without npm. Constant; any thread.
#pragma once

#include <span>
#include <string_view>

namespace sobre {

struct WebAsset {
  std::string_view path;          // as requests name it: "/index.html", "/assets/index-1a2b3c.js"
  std::string_view content_type;  // "text/html; charset=utf-8"
  std::string_view bytes;
};

/// All files; "/" is answered with "/index.html".
[[nodiscard]] std::span<const WebAsset> web_assets();

}  // namespace sobre
