// The bytes of one connection, with TLS or without, behind one interface, so that Asio's TLS templates are compiled once.
// Internal to http_*.cpp; used on the I/O thread alone. Callbacks come from the I/O thread, never from within the call.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace sobre {

using HttpIoDone = std::function<void(const boost::system::error_code& error, size_t bytes)>;

class HttpStream {
 public:
  virtual ~HttpStream() = default;
  /// The TLS handshake; at once without TLS.
  virtual void handshake(HttpIoDone done) = 0;
  /// At most one read and one write at a time; the memory must stay until the callback.
  virtual void read_some(char* data, size_t size, HttpIoDone done) = 0;
  virtual void write_some(const char* data, size_t size, HttpIoDone done) = 0;
  /// Says goodbye (TLS: close_notify, whose answer it may wait for). The socket stays open.
  virtual void finish(HttpIoDone done) = 0;
  virtual boost::asio::ip::tcp::socket& socket() = 0;
};

/// A stream over a connected socket; `context` null: without TLS.
[[nodiscard]] std::unique_ptr<HttpStream> make_http_stream(boost::asio::ip::tcp::socket socket,
                                                           boost::asio::ssl::context* context);

/// The TLS settings of a server: TLS 1.2 or later. Errors name the file and what is wrong with it.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& certificate,
                                                                                  const std::string& key);

/// Whether a failed handshake failed because the client speaks plain HTTP.
[[nodiscard]] bool is_plain_http_error(const boost::system::error_code& error);

}  // namespace sobre
