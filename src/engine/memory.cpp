#include "engine/memory.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

namespace sobre {

namespace {

// Files under /proc and /sys have no size: read until the end, at most 64 KiB.
std::string read_kernel_file(const char* path) {
  std::FILE* f = std::fopen(path, "re");
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

std::optional<uint64_t> number_in(const char* path) { return number_at(read_kernel_file(path)); }

std::optional<uint64_t> number_after(const char* path, std::string_view key) {
  const std::string text = read_kernel_file(path);
  const size_t at = text.find(key);
  return at == std::string::npos ? std::nullopt : number_at(std::string_view(text).substr(at + key.size()));
}

// What the group may still take: its limit, less what it holds beyond file pages that the kernel can drop.
std::optional<uint64_t> room(const char* limit_file, const char* used_file, const char* stat_file, std::string_view inactive) {
  const auto limit = number_in(limit_file);
  const auto used = number_in(used_file);
  if (!limit || !used) return std::nullopt;
  const uint64_t droppable = number_after(stat_file, inactive).value_or(0);
  const uint64_t held = *used - std::min(*used, droppable);
  return *limit - std::min(*limit, held);
}

}  // namespace

std::optional<uint64_t> available_memory() {
  std::optional<uint64_t> least;
  const auto lower = [&](std::optional<uint64_t> bytes) {
    if (bytes) least = least ? std::min(*least, *bytes) : *bytes;
  };
  if (const auto kib = number_after("/proc/meminfo", "MemAvailable:")) lower(*kib * 1024);
  lower(room("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file "));
  lower(room("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
             "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file "));
  return least;
}

}  // namespace sobre
