#include "serve/http_stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>

namespace sobre {

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

class PlainStream final : public HttpStream {
 public:
  explicit PlainStream(tcp::socket socket) : socket_(std::move(socket)) {}
  void handshake(HttpIoDone done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done({}, 0); });
  }
  void read_some(char* data, size_t size, HttpIoDone done) override {
    socket_.async_read_some(asio::buffer(data, size), std::move(done));
  }
  void write_some(const char* data, size_t size, HttpIoDone done) override {
    socket_.async_write_some(asio::buffer(data, size), std::move(done));
  }
  void finish(HttpIoDone done) override { handshake(std::move(done)); }
  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
};

class TlsStream final : public HttpStream {
 public:
  TlsStream(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}
  void handshake(HttpIoDone done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [done = std::move(done)](const boost::system::error_code& error) { done(error, 0); });
  }
  void read_some(char* data, size_t size, HttpIoDone done) override {
    stream_.async_read_some(
        asio::buffer(data, size), [done = std::move(done)](const boost::system::error_code& error, size_t n) {
          // An end without close_notify is an end: lengths and last chunks tell whether a message is whole.
          const bool tls =
              error && (error.category() == asio::error::get_ssl_category() || error == asio::ssl::error::stream_truncated);
          done(tls ? boost::system::error_code(asio::error::eof) : error, n);
        });
  }
  void write_some(const char* data, size_t size, HttpIoDone done) override {
    stream_.async_write_some(asio::buffer(data, size), std::move(done));
  }
  void finish(HttpIoDone done) override {
    stream_.async_shutdown([done = std::move(done)](const boost::system::error_code& error) { done(error, 0); });
  }
  tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

/// OpenSSL's reason, without the file names and numbers around it.
std::string reason_of(const boost::system::error_code& error) {
  const char* reason = ERR_reason_error_string(static_cast<unsigned long>(error.value()));
  return reason != nullptr ? reason : error.message();
}

}  // namespace

std::unique_ptr<HttpStream> make_http_stream(tcp::socket socket, asio::ssl::context* context) {
  if (context == nullptr) return std::make_unique<PlainStream>(std::move(socket));
  return std::make_unique<TlsStream>(std::move(socket), *context);
}

Result<std::shared_ptr<asio::ssl::context>> make_tls_context(const std::string& certificate, const std::string& key) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1) return fail("OpenSSL refuses a minimum of TLS 1.2");
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  // Without this a protected key would make OpenSSL ask for its password on the terminal.
  boost::system::error_code error;
  error = context->set_password_callback([](size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
  if (error) return fail("TLS: {}", reason_of(error));
  error = context->use_certificate_chain_file(certificate, error);
  if (error) return fail("{}: no certificate chain in PEM form can be read from it: {}", certificate, reason_of(error));
  error = context->use_private_key_file(key, asio::ssl::context::pem, error);
  if (error) {
    const bool mismatch = ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH;
    if (mismatch) return fail("{}: this private key does not belong to the certificate {}", key, certificate);
    return fail("{}: no private key in PEM form, without a password, can be read from it: {}", key, reason_of(error));
  }
  if (SSL_CTX_check_private_key(native) != 1) {
    return fail("{}: this private key does not belong to the certificate {}", key, certificate);
  }
  return context;
}

bool is_plain_http_error(const boost::system::error_code& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

}  // namespace sobre
