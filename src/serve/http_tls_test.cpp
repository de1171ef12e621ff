// TLS, with OpenSSL's own client on the other side.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>

#include "serve/http_echo_testing.h"
#include "serve/http_text_testing.h"

namespace sobre {

namespace {

/// A key and a certificate of its own making, in files of a folder that is removed at the end.
struct Certificate {
  std::string folder = testing::TempDir() + "sobre-tls-XXXXXX";
  std::string certificate, key;

  Certificate() {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    certificate = folder + "/cert.pem";
    key = folder + "/key.pem";
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, pair);
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_sign(x, pair, EVP_sha256());
    FILE* out = fopen(certificate.c_str(), "w");
    PEM_write_X509(out, x);
    fclose(out);
    out = fopen(key.c_str(), "w");
    PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    fclose(out);
    X509_free(x);
    EVP_PKEY_free(pair);
  }
  ~Certificate() {
    unlink(certificate.c_str());
    unlink(key.c_str());
    rmdir(folder.c_str());
  }
};

/// A TLS client that trusts anybody.
class TlsClient {
 public:
  TlsClient(int port, int min_version, int max_version) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);  // or OpenSSL itself refuses old versions
    SSL_CTX_set_min_proto_version(context_, min_version);
    SSL_CTX_set_max_proto_version(context_, max_version);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    good_ = SSL_connect(ssl_) == 1;
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    close_socket();
    ERR_clear_error();
  }

  [[nodiscard]] bool is_good() const { return good_; }
  /// Whether the server showed the certificate of this file.
  [[nodiscard]] bool saw(const std::string& file) const {
    FILE* in = fopen(file.c_str(), "r");
    X509* wanted = PEM_read_X509(in, nullptr, nullptr, nullptr);
    fclose(in);
    X509* shown = SSL_get1_peer_certificate(ssl_);
    const bool same = wanted != nullptr && shown != nullptr && X509_cmp(wanted, shown) == 0;
    X509_free(wanted);
    X509_free(shown);
    return same;
  }
  [[nodiscard]] std::string version() const { return SSL_get_version(ssl_); }
  bool send(const std::string& text) { return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0; }
  /// All until the server's goodbye; `clean`: whether it was one of TLS.
  std::string read_all(bool& clean) {
    std::string out;
    char buffer[4096];
    for (int n; (n = SSL_read(ssl_, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
    clean = (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
    return out;
  }
  /// As much as one read gives.
  std::string read_some() {
    char buffer[4096];
    const int n = SSL_read(ssl_, buffer, sizeof buffer);
    return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : "";
  }
  void close_socket() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  int fd_ = -1;
  bool good_ = false;
};

std::shared_ptr<EchoServer> start(const Certificate& c, HttpOptions options = {}) {
  options.tls_certificate = c.certificate;
  options.tls_key = c.key;
  auto server = EchoServer::start(options);
  EXPECT_TRUE(server) << server.error().message;
  return *server;
}

std::string start_error(const std::string& certificate, const std::string& key) {
  HttpOptions options;
  options.tls_certificate = certificate;
  options.tls_key = key;
  const auto server = EchoServer::start(options);
  return server ? "" : server.error().message;
}

std::string raw_exchange(int port, std::string_view bytes) {
  HttpTextClient client;
  EXPECT_TRUE(client.connect(port));
  client.send(bytes);
  const auto answer = client.read_answer(5, false, false);
  return answer ? fmt::format("{} {}", answer->status, answer->body) : answer.error().message;
}

}  // namespace

TEST(HttpTls, ServesVersions12And13AndNothingOlder) {
  const Certificate c;
  const auto server = start(c);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server->http().port(), version, version);
    ASSERT_TRUE(client.is_good());
    ASSERT_TRUE(client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_NE(client.read_some().find("HTTP/1.1 200 OK\r\n"), std::string::npos);
    ASSERT_TRUE(client.send("GET /stream?n=200&size=5000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    bool clean = false;
    const std::string answer = client.read_all(clean);
    EXPECT_TRUE(clean);
    EXPECT_GT(answer.size(), 1'000'000u);
    EXPECT_TRUE(answer.ends_with("0\r\n\r\n"));
  }
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    EXPECT_FALSE(TlsClient(server->http().port(), version, version).is_good());
  }
}

TEST(HttpTls, OriginsHaveTheSchemeHttps) {
  const Certificate c;
  const auto server = start(c);
  for (const auto& [scheme, status] : {std::pair{"https", "200"}, std::pair{"http", "403"}}) {
    TlsClient client(server->http().port(), TLS1_2_VERSION, TLS1_3_VERSION);
    ASSERT_TRUE(client.send(fmt::format("GET /a HTTP/1.1\r\nHost: localhost\r\nOrigin: {}://localhost\r\n\r\n", scheme)));
    EXPECT_NE(client.read_some().find(fmt::format("HTTP/1.1 {}", status)), std::string::npos);
  }
}

TEST(HttpTls, ALargeRequestThatIsRefusedIsAnsweredAndEndedCleanly) {
  const Certificate c;
  HttpOptions options;
  options.max_body_bytes = 1024;
  const auto server = start(c, options);
  TlsClient client(server->http().port(), TLS1_2_VERSION, TLS1_3_VERSION);
  ASSERT_TRUE(client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x')));
  bool clean = false;
  EXPECT_NE(client.read_all(clean).find("HTTP/1.1 413"), std::string::npos);
  EXPECT_TRUE(clean);
}

TEST(HttpTls, AClientThatLeavesIsNoticed) {
  const Certificate c;
  const auto server = start(c);
  {
    TlsClient client(server->http().port(), TLS1_2_VERSION, TLS1_3_VERSION);
    ASSERT_TRUE(client.send("GET /patient?ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(server->http().stats().answering, 1u);
  }
  for (int i = 0; i < 100 && server->http().stats().open > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(server->http().stats().aborted, 1u);
  EXPECT_EQ(server->http().stats().open, 0u);
}

TEST(HttpTls, PlainHttpToATlsPortIsToldSo) {
  const Certificate c;
  const auto server = start(c);
  const std::string answer = raw_exchange(server->http().port(), "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(answer.find("400 "), std::string::npos) << answer;
  EXPECT_NE(answer.find("this port speaks HTTPS"), std::string::npos) << answer;
  // Garbage ends the connection; the server goes on.
  raw_exchange(server->http().port(), std::string("\x16\x03\x01\xff\xff\x00\x01\x02", 8) + std::string(100, 'x'));
  raw_exchange(server->http().port(), "\x01\x02\x03\x04\x05\x06\x07");
  TlsClient client(server->http().port(), TLS1_2_VERSION, TLS1_3_VERSION);
  EXPECT_TRUE(client.is_good());
}

TEST(HttpTls, AHandshakeThatNeverEndsIsEnded) {
  const Certificate c;
  HttpOptions options;
  options.header_timeout_s = 1;
  const auto server = start(c, options);
  HttpTextClient client;
  ASSERT_TRUE(client.connect(server->http().port()));
  client.send(std::string_view("\x16\x03\x01", 3));
  const auto ended = client.expect_end(5);
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(server->http().stats().timeouts, 1u);
}

TEST(HttpTls, TlsToAPlainPortFails) {
  auto server = EchoServer::start({});
  ASSERT_TRUE(server);
  EXPECT_FALSE(TlsClient((*server)->http().port(), TLS1_2_VERSION, TLS1_3_VERSION).is_good());
}

TEST(HttpTls, ANewCertificateIsForConnectionsFromThenOn) {
  const Certificate used, renewed;
  const auto server = start(used);
  const auto connect = [&] { return std::make_unique<TlsClient>(server->http().port(), TLS1_2_VERSION, TLS1_3_VERSION); };
  const auto before = connect();
  EXPECT_TRUE(before->saw(used.certificate));
  const auto replace = [](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  };
  // Half of the pair is there: the old one stays in use.
  replace(renewed.certificate, used.certificate);
  const auto half = server->http().reload_tls();
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find("does not belong"), std::string::npos) << half.error().message;
  EXPECT_FALSE(connect()->saw(renewed.certificate));
  replace(renewed.key, used.key);
  ASSERT_TRUE(server->http().reload_tls());
  // The change is made on the I/O thread, in the order of what it is given.
  const auto after = connect();
  ASSERT_TRUE(after->is_good());
  EXPECT_TRUE(after->saw(renewed.certificate));
  for (const auto& client : {before.get(), after.get()}) {
    ASSERT_TRUE(client->send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_NE(client->read_some().find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  }
  auto plain = EchoServer::start({});
  ASSERT_TRUE(plain);
  EXPECT_TRUE((*plain)->http().reload_tls());
}

TEST(HttpTls, BadFilesAreNamed) {
  const Certificate a, b;
  EXPECT_EQ(start_error(a.certificate, b.key),
            fmt::format("{}: this private key does not belong to the certificate {}", b.key, a.certificate));
  const std::string missing = a.folder + "/none.pem";
  EXPECT_NE(start_error(missing, a.key).find(missing + ": no certificate chain"), std::string::npos)
      << start_error(missing, a.key);
  EXPECT_NE(start_error(a.certificate, missing).find(missing + ": no private key"), std::string::npos);
  EXPECT_NE(start_error(a.key, a.key).find(a.key + ": no certificate chain"), std::string::npos);
  EXPECT_NE(start_error(a.certificate, a.certificate).find(a.certificate + ": no private key"), std::string::npos);
}

}  // namespace sobre
