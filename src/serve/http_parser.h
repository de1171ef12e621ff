// One HTTP/1.x request from bytes that come in any pieces. The bounds, the bytes allowed in a head and the end of the head are
// found here byte by byte, so that the result never depends on how the bytes were cut; the lines of a whole head are read by
// Boost.Beast. (Its reading of chunks aborts debug builds when the bytes of "0 CR LF CR LF" come one by one: an assertion of
// 1.81 counts wrong.) One parser per request; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http_rules.h"

namespace sobre {

class HttpParser {
 public:
  /// kHead: the head is not complete. kHeadRead: it is; look at head(), then call expect_body(). kBody: the body is not
  /// complete. kDone, kFault: nothing more is taken.
  enum class State : uint8_t { kHead, kHeadRead, kBody, kDone, kFault };

  HttpParser(uint64_t max_header_bytes, uint64_t max_body_bytes);
  HttpParser(HttpParser&& other) noexcept;
  HttpParser& operator=(HttpParser&& other) noexcept;
  ~HttpParser();

  /// Takes bytes and returns how many it used. All are, unless the head or the request ended before.
  [[nodiscard]] size_t feed(std::string_view bytes);
  /// After kHeadRead: goes on to the body (or to kDone when there is none).
  void expect_body(const HttpFraming& framing);

  [[nodiscard]] State state() const;
  /// Whether any byte of a request has come (empty lines before it are none).
  [[nodiscard]] bool has_begun() const;
  [[nodiscard]] HttpHead& head();
  /// The body so far.
  [[nodiscard]] std::string& body();
  /// kFault: why.
  [[nodiscard]] const HttpFault& fault() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
