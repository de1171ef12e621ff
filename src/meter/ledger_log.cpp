// The write-ahead log of SQLite (its file format, section 4): a header of 32 bytes, then frames of 24 bytes and a page each,
// chained by checksums. A reader stops at the first frame that does not fit, and what follows is lost without a word: here that
// is found. Frames of a transaction that never ended (a prune that was killed) are no loss; later ones overwrite their
// beginning, so that what is left of them does not fit either.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string>

#include "base/file.h"
#include "meter/ledger_reader.h"

namespace sobre {

namespace {

constexpr size_t kHeaderBytes = 32, kFrameHeaderBytes = 24;
constexpr uint64_t kMaxLogBytes = uint64_t{4} << 30;

using Bytes = std::span<const std::byte>;

uint32_t big_endian(Bytes bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<uint32_t>(bytes[at + i]);
  return value;
}

uint32_t little_endian(Bytes bytes, size_t at) { return __builtin_bswap32(big_endian(bytes, at)); }

struct Checksum {
  uint32_t first = 0, second = 0;
  bool little = false;  // byte order of the words that are summed
  void add(Bytes bytes) {
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      first += (little ? little_endian(bytes, i) : big_endian(bytes, i)) + second;
      second += (little ? little_endian(bytes, i + 4) : big_endian(bytes, i + 4)) + first;
    }
  }
  [[nodiscard]] bool is_at(Bytes bytes, size_t at) const {
    return first == big_endian(bytes, at) && second == big_endian(bytes, at + 4);
  }
};

}  // namespace

std::vector<LedgerFinding> check_log(const std::string& path) {
  const std::string log = path + "-wal";
  std::error_code error;
  if (const auto size = std::filesystem::file_size(log, error); error || size == 0) return {};
  // Read, not mapped: a writer may cut it off meanwhile.
  const Result<std::string> file = read_file(log, kMaxLogBytes);
  if (!file) return {{0, 0, file.error().message}};
  const Bytes all = std::as_bytes(std::span(*file));
  const auto finding = [&](const std::string& text) {
    return std::vector<LedgerFinding>{{0, 0, fmt::format("{}: {}; rows written after that are lost", log, text)}};
  };
  if (all.size() < kHeaderBytes) return {};  // cut off while it was begun: nothing was in it
  const uint32_t magic = big_endian(all, 0);
  const size_t page = big_endian(all, 8);
  Checksum sum{.little = (magic & 1) == 0};
  sum.add(all.first(24));
  const bool whole = (magic & ~1u) == 0x377F0682 && big_endian(all, 4) == 3'007'000 && page >= 512 && page <= 65536;
  if (!whole || !sum.is_at(all, 24)) return finding("the header of the log is damaged");
  size_t broken = 0;  // the first frame that does not fit; 0: none
  const size_t frames = (all.size() - kHeaderBytes) / (kFrameHeaderBytes + page);
  for (size_t i = 0; i < frames; ++i) {
    const Bytes bytes = all.subspan(kHeaderBytes + i * (kFrameHeaderBytes + page), kFrameHeaderBytes + page);
    const bool salt1 = big_endian(bytes, 8) == big_endian(all, 16), salt2 = big_endian(bytes, 12) == big_endian(all, 20);
    if (!salt1 && !salt2) break;  // left over from an earlier log, which this one overwrites
    if (broken == 0) {
      sum.add(bytes.first(8));
      sum.add(bytes.subspan(kFrameHeaderBytes));
      if (!salt1 || !salt2 || !sum.is_at(bytes, 16)) broken = i + 1;
    }
    // The last frame of a transaction tells the size of the file after it.
    const bool ends_transaction = big_endian(bytes, 4) != 0;
    if (broken != 0 && ends_transaction) return finding(fmt::format("frame {} of the log is damaged", broken));
  }
  return {};
}

}  // namespace sobre
