#include "hub/shared_blobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/file.h"

namespace sobre {

namespace {

constexpr std::string_view kLinkFolder = "../../blobs/";
constexpr uint64_t kMaxListBytes = 16 << 20;

bool is_shared_name(std::string_view name) {
  return name.size() == 64 &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string link_text(std::string_view name) { return fmt::format("{}{}/{}", kLinkFolder, name.substr(0, 2), name); }

// A line of a list: TYPE--REPO/blobs/DIGEST, and nothing that leads elsewhere.
bool is_reference(std::string_view line) {
  const size_t first = line.find('/'), last = line.rfind('/');
  if (first == line.npos || line.substr(0, first).find("--") == line.npos || line.front() == '.') return false;
  return last > first && line.substr(first, last - first) == "/blobs" && last + 1 < line.size() && line[last + 1] != '.';
}

bool leads_to(const std::string& link, std::string_view name) {
  std::array<char, 128> text{};
  const ssize_t size = ::readlink(link.c_str(), text.data(), text.size());
  return size > 0 && std::string_view(text.data(), static_cast<size_t>(size)) == link_text(name);
}

bool is_referenced(const std::string& cache, std::string_view list, std::string_view name) {
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find('\n', begin), list.size());
    const std::string_view line = list.substr(begin, end - begin);
    if (is_reference(line) && leads_to(fmt::format("{}/{}", cache, line), name)) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

std::string shared_blob_of_link(std::string_view text) {
  const std::string_view name = text.substr(text.find_last_of('/') + 1);
  return is_shared_name(name) && text == link_text(name) ? std::string(name) : std::string();
}

std::string shared_blob_path(const std::string& cache, const std::string& name) {
  return fmt::format("{}/blobs/{}/{}", cache, name.substr(0, 2), name);
}

uint64_t sweep_shared_blob(const std::string& cache, const std::string& name) {
  if (!is_shared_name(name)) return 0;
  if (read_file(cache + "/blobs/.huggingface-shared-blobs", 16).value_or("") != "1\n") return 0;
  const std::string path = shared_blob_path(cache, name), list_path = path + ".refs";
  const int lock = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (lock < 0) return 0;
  uint64_t freed = 0;
  struct stat info{};
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0 && ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    const auto list = read_file(list_path, kMaxListBytes);
    if (list && !is_referenced(cache, *list, name) && ::unlink(path.c_str()) == 0) {
      ::unlink(list_path.c_str());
      freed = static_cast<uint64_t>(info.st_size);
    }
  }
  ::close(lock);
  return freed;
}

}  // namespace sobre
