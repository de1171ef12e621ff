// Arbitrary bytes as a name that a user or the hub gives: what passes stays below the folder it is joined to and reads back;
// what does not is one clear line of plain text. The first byte chooses the check.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "hub/choose_files.h"
#include "hub/gguf_names.h"
#include "hub/hub_cache.h"
#include "hub/hub_names.h"
#include "hub/manifest.h"
#include "hub/shared_blobs.h"

namespace {

using namespace sobre;

void require(bool condition) {
  if (!condition) std::abort();
}

void require_plain_line(const std::string& message) {
  require(!message.empty() && message.size() < 2000);
  for (const char c : message) require(c >= 0x20 && c != 0x7f);
}

// Whether a path, its "." and ".." resolved, is below a folder and not that folder itself.
void require_below(const std::string& folder, const std::string& path) {
  require(path.find('\0') == std::string::npos);
  const std::string normal = std::filesystem::path(path).lexically_normal().string();
  require(normal == path && normal.starts_with(folder + "/") && normal.size() > folder.size() + 1);
}

std::string decoded(std::string_view text) {
  const auto digit = [](char c) { return c >= 'A' ? c - 'A' + 10 : c - '0'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    require(i + 2 < text.size());
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

void check_name(std::string_view text) {
  const auto name = parse_hub_name(text);
  require(looks_like_hub_name(text) == name.has_value());
  if (!name) return require_plain_line(name.error().message);
  require(parse_hub_name(hub_name_text(*name)) == *name);
  require(text.starts_with(name->repo) && std::count(name->repo.begin(), name->repo.end(), '/') == 1);
  const HubCache cache("/cache");
  const std::string repo = cache.repo_folder(name->repo);
  require_below("/cache", repo);
  require(std::filesystem::path(repo).parent_path() == "/cache");
  require_below(repo + "/refs", repo + "/refs/" + name->revision);
  Manifest manifest;
  manifest.repo = name->repo, manifest.commit = std::string(40, 'a'), manifest.quant = name->quant;
  require_below("/manifests", manifest_path("/manifests", manifest));
}

void check_path(std::string_view text) {
  const auto checked = check_hub_path(text);
  if (!checked) {
    for (const char c : checked.error().message) require(c >= 0x20 && c != 0x7f);
    return;
  }
  require_below("/snapshot", "/snapshot/" + std::string(text));
  (void)quant_of_stem(text);
  HubRepo repo;
  repo.id = "org/name";
  repo.files = {{std::string(text), 1, std::string(64, '0')}, {"zz-Q8_0.gguf", 2, std::string(64, '1')}};
  const auto chosen = choose_files(repo, "Q8_0");
  require(chosen ? !chosen->files.empty() && chosen->model.ends_with(".gguf") : !chosen.error().message.empty());
}

void check_url(std::string_view text, bool keep_slashes) {
  const std::string encoded = encode_url_part(text, keep_slashes);
  require(decoded(encoded) == text);
  for (const char c : encoded) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    require(plain || std::string_view("-._~%").find(c) != std::string_view::npos || (c == '/' && keep_slashes));
  }
}

// A list of paths, one a line, as a repository: what is chosen is among them, once, and the quantisation is what was asked for.
void check_choice(std::string_view text) {
  HubRepo repo;
  repo.id = "org/name";
  const size_t first = std::min(text.find('\n'), text.size());
  const std::string quant(text.substr(0, std::min<size_t>(first, 32)));
  for (size_t begin = first + 1; begin < text.size() && repo.files.size() < 200;) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view path = text.substr(begin, end - begin);
    if (check_hub_path(path)) repo.files.push_back({std::string(path), path.size() * (begin % 7), std::string(64, '0')});
    begin = end + 1;
  }
  const auto chosen = choose_files(repo, quant);
  if (!chosen) return require(!chosen.error().message.empty() && chosen.error().message.find('\n') == std::string::npos);
  require(!chosen->files.empty());
  uint64_t bytes = 0;
  for (size_t i = 0; i < chosen->files.size(); ++i) {
    const HubFile& file = chosen->files[i];
    bytes += file.size;
    require(std::find(repo.files.begin(), repo.files.end(), file) != repo.files.end());
    require(i == 0 || chosen->files[i - 1].size <= file.size);
    require(!file.path.ends_with(".bin") && !file.path.ends_with(".pt") && !file.path.ends_with(".pth"));
    if (!quant.empty()) require(is_gguf_model(file.path));
  }
  require(bytes == chosen->bytes);
  if (!quant.empty()) require(!chosen->model.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_name(text);
      break;
    case 1:
      check_path(text);
      break;
    case 2:
      check_url(text, (data[0] & 0x80U) != 0);
      break;
    case 3:
      check_choice(text);
      break;
    default:
      require(shared_blob_of_link(text).empty() || text == "../../blobs/" + std::string(text.substr(12)));
  }
  return 0;
}
