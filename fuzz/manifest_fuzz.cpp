// Arbitrary bytes as a manifest: a value whose names are safe and that reads back, or one clear line of error. The second half
// of an input with a zero byte is a licence's name.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "hub/hub_names.h"
#include "hub/manifest.h"

namespace {

using namespace sobre;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t zero = text.find('\0');
  if (zero != text.npos) {
    const std::string reason = forbids_commercial_use(text.substr(0, zero), text.substr(zero + 1));
    require(reason.empty() || reason.starts_with("it is ") || reason.starts_with("the "));
    return 0;
  }
  const auto manifest = manifest_from_json(text);
  if (!manifest) {
    const std::string& message = manifest.error().message;
    require(!message.empty() && message.find('\n') == std::string::npos);
    return 0;
  }
  require(is_commit(manifest->commit) && parse_hub_name(manifest->repo).has_value());
  bool model = manifest->model.empty();
  for (const HubFile& file : manifest->files) {
    require(check_hub_path(file.path).has_value() && is_hub_digest(file.digest));
    model = model || file.path == manifest->model;
  }
  require(model);
  require(manifest_from_json(manifest_to_json(*manifest)) == *manifest);
  return 0;
}
