// Text tests of HTTP: their format (tests/http/README.md), a small client that shares no code with the server, and the runner.
// Test code of the layer serve; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "serve/serve_testing.h"

namespace sobre {

/// A line of a test file without its first word, and where it is.
struct HttpTextLine {
  std::string text;
  int number = 0;
};

/// A step of a case.
struct HttpTextStep {
  enum class Kind : uint8_t { kRequest, kExpect, kCommand, kBlock };
  Kind kind = Kind::kCommand;
  int line = 0;
  std::string word;                 // kCommand, kBlock: its first word
  std::string rest;                 // kCommand, kBlock: what follows on the line
  std::vector<HttpTextLine> lines;  // kRequest, kExpect: the lines without > or <
  std::vector<HttpTextStep> steps;  // kBlock
};

struct HttpTextCase {
  std::string name;
  int line = 0;
  std::vector<HttpTextStep> steps;
};

struct HttpTextFile {
  std::string path;  // as messages name it
  std::string server;
  TestServerOptions options;
  std::vector<HttpTextCase> cases;
};

/// Errors are "path:line: what".
[[nodiscard]] Result<HttpTextFile> parse_http_text(std::string_view text, const std::string& path);

/// "..." with \r \n \t \0 \\ \" \xHH, each optionally followed by * COUNT; several are joined.
[[nodiscard]] Result<std::string> parse_http_bytes(std::string_view text);

struct HttpTextAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  int chunks = 0;  // of a chunked body
  bool closes = false;
};

/// A connection to 127.0.0.1, over plain sockets.
class HttpTextClient {
 public:
  HttpTextClient() = default;
  HttpTextClient(const HttpTextClient&) = delete;
  HttpTextClient& operator=(const HttpTextClient&) = delete;
  ~HttpTextClient();

  [[nodiscard]] Result<void> connect(int port);
  [[nodiscard]] bool is_connected() const { return fd_ >= 0; }
  /// False when the server has closed the connection.
  bool send(std::string_view bytes);
  /// Whether something has come that was not read yet, or the end.
  [[nodiscard]] bool has_input() const;
  /// Reads one answer; `head_only` after a HEAD request, `interim` to see 1xx answers, which are passed over otherwise.
  [[nodiscard]] Result<HttpTextAnswer> read_answer(double timeout_s, bool head_only, bool interim);
  /// Whether the server closes the connection, with nothing more sent before, within the time.
  [[nodiscard]] Result<void> expect_end(double timeout_s);
  /// Whether nothing comes, not even an end, for this time.
  [[nodiscard]] Result<void> expect_nothing(double seconds);
  void half_close();
  void reset();  // closes with RST
  void close();

 private:
  [[nodiscard]] Result<bool> fill(double deadline);
  [[nodiscard]] Result<std::string> take_line(double deadline);
  [[nodiscard]] Result<std::string> take_bytes(uint64_t size, double deadline);
  [[nodiscard]] Result<void> read_body(HttpTextAnswer& answer, double deadline);

  int fd_ = -1;
  std::string in_;
  bool ended_ = false;
};

/// Checks one expectation ("/error/type == \"x\"", "retry-after: 1", ...) against an answer. Errors say what was found.
[[nodiscard]] Result<void> check_http_expectation(std::string_view line, const HttpTextAnswer& answer);
/// What stands at the left of an expectation: a header, the body, a part of it, events; nothing when it is absent.
[[nodiscard]] Result<std::optional<Json>> find_http_subject(std::string_view subject, const HttpTextAnswer& answer);

/// Runs one case. The error is "path:line: what".
[[nodiscard]] Result<void> run_http_text_case(const HttpTextFile& file, const HttpTextCase& test, int port);

}  // namespace sobre
