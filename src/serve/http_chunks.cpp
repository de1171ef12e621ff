#include "serve/http_chunks.h"

#include <algorithm>

namespace sobre {

namespace {

constexpr uint64_t kMaxExtraBytes = 16 << 10;  // extensions and trailers of one body
constexpr int kMaxDigits = 16;

std::unexpected<HttpFault> fault(int status, std::string message) {
  return std::unexpected<HttpFault>(HttpFault{status, std::move(message)});
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

}  // namespace

HttpResult<size_t> HttpChunks::feed(std::string_view bytes, std::string& body) {
  size_t at = 0;
  while (at < bytes.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes.size() - at, size_));
      body.append(bytes.substr(at, n));
      at += n;
      size_ -= n;
      if (size_ == 0) state_ = State::kDataCr;
      continue;
    }
    if (const auto good = take(bytes[at++], body.size()); !good) return std::unexpected(good.error());
  }
  return at;
}

HttpResult<void> HttpChunks::take(char c, uint64_t body_bytes) {
  switch (state_) {
    case State::kSize:
      return take_size(c, body_bytes);
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeEnd;
        return {};
      }
      return is_control(c) ? fault(400, "bad chunk extension in the body") : count_extra();
    case State::kSizeEnd:
      if (c != '\n') return fault(400, "a chunk's size does not end in CR LF");
      state_ = size_ == 0 ? State::kTrailer : State::kData;
      return {};
    case State::kDataCr:
    case State::kDataLf:
      if (c != (state_ == State::kDataCr ? '\r' : '\n')) return fault(400, "a chunk is longer than its size");
      if (state_ == State::kDataLf) size_ = 0, digits_ = 0;
      state_ = state_ == State::kDataCr ? State::kDataLf : State::kSize;
      return {};
    default:
      return take_trailer(c);
  }
}

HttpResult<void> HttpChunks::take_size(char c, uint64_t body_bytes) {
  const int value = hex_value(c);
  if (value >= 0) {
    if (++digits_ > kMaxDigits) return fault(400, "bad chunk size in the body: too many digits");
    size_ = size_ * 16 + static_cast<uint64_t>(value);
    // Checked at each digit, so that it never overflows.
    if (size_ > max_body_bytes_ - body_bytes)
      return fault(413, fmt::format("the body is larger than {} bytes", max_body_bytes_));
    return {};
  }
  if (digits_ == 0 || (c != '\r' && c != ';')) return fault(400, "bad chunk size in the body");
  state_ = c == ';' ? State::kExtension : State::kSizeEnd;
  return {};
}

HttpResult<void> HttpChunks::take_trailer(char c) {
  switch (state_) {
    case State::kTrailer:
    case State::kTrailerName:
      if (c == '\r' && state_ == State::kTrailer) {
        state_ = State::kLastLf;
      } else if (c == ':' && state_ == State::kTrailerName) {
        state_ = State::kTrailerValue;
      } else if (is_http_token({&c, 1})) {
        state_ = State::kTrailerName;
      } else {
        return fault(400, "bad trailer in the body: the name is not a token followed by a colon");
      }
      break;
    case State::kTrailerValue:
      if (c == '\r') {
        state_ = State::kTrailerEnd;
      } else if (is_control(c)) {
        return fault(400, "bad trailer in the body: the value holds a control character");
      }
      break;
    default:  // kTrailerEnd, kLastLf
      if (c != '\n') return fault(400, "a trailer of the body does not end in CR LF");
      state_ = state_ == State::kLastLf ? State::kDone : State::kTrailer;
  }
  return count_extra();
}

HttpResult<void> HttpChunks::count_extra() {
  if (++extra_bytes_ <= kMaxExtraBytes) return {};
  return fault(400, fmt::format("the extensions and trailers of the body's chunks are longer than {} bytes", kMaxExtraBytes));
}

}  // namespace sobre
