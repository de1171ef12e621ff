#include "engine/memory.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

namespace sobre {

namespace {

// Files under /proc and /sys have no size: read until the end, at most 64 KiB.
std::string read_kernel_file(const std::string& path) {
  std::FILE* f = std::fopen(path.c_str(), "re");
  if (f == nullptr) return {};
  std::string text(64 * 1024, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), f));
  std::fclose(f);
  return text;
}

std::optional<uint64_t> number_at(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() + start) return std::nullopt;  // "max"
  return value;
}

std::optional<uint64_t> number_in(const std::string& path) { return number_at(read_kernel_file(path)); }

std::optional<uint64_t> number_after(const std::string& path, std::string_view key) {
  const std::string text = read_kernel_file(path);
  const size_t at = text.find(key);
  return at == std::string::npos ? std::nullopt : number_at(std::string_view(text).substr(at + key.size()));
}

// What a hierarchy of control groups calls its files.
struct GroupFiles {
  const char *limit, *used;
  std::string_view inactive;  // in memory.stat
};
constexpr GroupFiles kVersion1 = {"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file "};
constexpr GroupFiles kVersion2 = {"/memory.max", "/memory.current", "inactive_file "};

// What the group may still take: its limit, less what it holds beyond file pages that the kernel can drop.
std::optional<uint64_t> room(const std::string& folder, const GroupFiles& files) {
  const auto limit = number_in(folder + files.limit);
  const auto used = number_in(folder + files.used);
  if (!limit || !used) return std::nullopt;
  const uint64_t droppable = number_after(folder + "/memory.stat", files.inactive).value_or(0);
  const uint64_t held = *used - std::min(*used, droppable);
  return *limit - std::min(*limit, held);
}

void lower(std::optional<uint64_t>& least, std::optional<uint64_t> bytes) {
  if (bytes) least = least ? std::min(*least, *bytes) : *bytes;
}

// The process's own group and every one above it may set a limit; the least counts. In a container the root is the container's
// own group, and the path leads nowhere.
std::optional<uint64_t> least_room(const std::string& root, std::string group, const GroupFiles& files) {
  std::optional<uint64_t> least;
  while (true) {
    lower(least, room(root + group, files));
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

bool has_memory(std::string_view controllers) {
  for (size_t at = 0; at <= controllers.size();) {
    const size_t end = std::min(controllers.find(',', at), controllers.size());
    if (controllers.substr(at, end - at) == "memory") return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

std::optional<uint64_t> group_memory(std::string_view groups, const std::string& root) {
  std::optional<uint64_t> least = room(root, kVersion2);
  lower(least, room(root + "/memory", kVersion1));
  while (!groups.empty()) {  // lines of number:controllers:group; version 2 has no controllers
    const std::string_view line = groups.substr(0, groups.find('\n'));
    groups.remove_prefix(std::min(groups.size(), line.size() + 1));
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string group(line.substr(second + 1));
    if (controllers.empty()) lower(least, least_room(root, group, kVersion2));
    if (has_memory(controllers)) lower(least, least_room(root + "/" + std::string(controllers), group, kVersion1));
  }
  return least;
}

std::optional<uint64_t> available_memory() {
  std::optional<uint64_t> least = group_memory(read_kernel_file("/proc/self/cgroup"), "/sys/fs/cgroup");
  if (const auto kib = number_after("/proc/meminfo", "MemAvailable:")) lower(least, *kib * 1024);
  return least;
}

}  // namespace sobre
