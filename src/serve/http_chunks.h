// Chunked bodies (RFC 9112, 7.1), decoded byte by byte: the result never depends on how the bytes were cut. Strict: what is not
// exactly a chunk is refused. Extensions and trailers are checked for form and dropped. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serve/http_rules.h"

namespace sobre {

class HttpChunks {
 public:
  explicit HttpChunks(uint64_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  /// Appends what the bytes hold to the body and returns how many were used: all, unless the body has ended. Not to be called
  /// after a fault.
  [[nodiscard]] HttpResult<size_t> feed(std::string_view bytes, std::string& body);
  [[nodiscard]] bool is_done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t {
    kSize,       // hexadecimal digits
    kExtension,  // after ;
    kSizeEnd,    // LF
    kData,
    kDataCr,
    kDataLf,
    kTrailer,       // the first byte of a trailer, or the CR of the last line
    kTrailerName,   // up to :
    kTrailerValue,  // up to CR
    kTrailerEnd,    // LF
    kLastLf,
    kDone
  };

  [[nodiscard]] HttpResult<void> take(char c, uint64_t body_bytes);
  [[nodiscard]] HttpResult<void> take_size(char c, uint64_t body_bytes);
  [[nodiscard]] HttpResult<void> take_trailer(char c);
  [[nodiscard]] HttpResult<void> count_extra();

  uint64_t max_body_bytes_;
  State state_ = State::kSize;
  uint64_t size_ = 0;         // of the chunk; while in kData: what is missing of it
  int digits_ = 0;            // of the size
  uint64_t extra_bytes_ = 0;  // of all extensions and trailers
};

}  // namespace sobre
