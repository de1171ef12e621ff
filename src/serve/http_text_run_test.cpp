// The runner of the text tests: steps against a server.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "serve/http_text_testing.h"

namespace sobre {

namespace {

void sleep_s(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// NAME VALUE pairs and connections of one case.
class Runner {
 public:
  Runner(const HttpTextFile& file, int port) : file_(file), port_(port) { saved_["port"] = std::to_string(port); }

  Result<void> run(const std::vector<HttpTextStep>& steps) {
    for (const HttpTextStep& step : steps) {
      const auto done = run(step);
      // Steps within a block have named their place already.
      if (!done) return located_ ? done : located(step.line, done.error());
    }
    return {};
  }

 private:
  struct Connection {
    HttpTextClient client;
    std::vector<std::string> methods;  // of requests not answered yet
    bool closes = false;               // after the last answer
    std::optional<HttpTextAnswer> answer;
  };

  std::unexpected<Error> located(int line, const Error& error) {
    located_ = true;
    return std::unexpected<Error>(Error{fmt::format("{}:{}: {}", file_.path, line, error.message)});
  }

  Result<void> run(const HttpTextStep& step) {
    switch (step.kind) {
      case HttpTextStep::Kind::kRequest:
        return request(step);
      case HttpTextStep::Kind::kExpect:
        return expect(step);
      case HttpTextStep::Kind::kBlock:
        return block(step);
      case HttpTextStep::Kind::kCommand:
        return command(step);
    }
    return {};
  }

  Result<void> block(const HttpTextStep& step) {
    TRY(const double n, number(step.rest));
    if (step.word == "repeat") {
      for (int i = 0; i < static_cast<int>(n); ++i) TRY_VOID(run(step.steps));
      return {};
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(n);
    for (;;) {
      const auto done = run(step.steps);
      if (done || std::chrono::steady_clock::now() >= until) return done;
      located_ = false;
      here().client.close();
      sleep_s(0.05);
    }
  }

  Result<void> command(const HttpTextStep& step) {
    TRY(const std::string rest, substituted(step.rest));
    Connection& c = here();
    if (step.word == "connection") return static_cast<void>(current_ = rest), Result<void>{};
    if (step.word == "save") return save(rest);
    if (step.word == "timeout") {
      TRY(timeout_s_, number(rest));
    } else if (step.word == "wait") {
      TRY(const double seconds, number(rest));
      sleep_s(seconds);
    } else if (step.word == "connect") {
      TRY_VOID(connect(c));
    } else if (step.word == "raw") {
      TRY(const std::string bytes, parse_http_bytes(rest));
      TRY_VOID(connect_if_needed(c));
      c.client.send(bytes);  // a server may refuse before it has read all: the answer tells
    } else if (step.word == "trickle") {
      return trickle(c, rest);
    } else if (!c.client.is_connected()) {
      return fail("{}: there is no connection", step.word);
    } else if (step.word == "close") {
      c.client.close();
    } else if (step.word == "half-close") {
      c.client.half_close();
    } else if (step.word == "reset") {
      c.client.reset();
    } else {
      return fail("unknown command \"{}\"", step.word);
    }
    return {};
  }

  /// A new connection where there is none, or where the last answer ended it.
  Result<void> connect_if_needed(Connection& c) {
    if (c.client.is_connected() && !(c.closes && c.methods.empty())) return {};
    return connect(c);
  }

  /// trickle SECONDS STRINGS: a byte at a time, until all are sent, the server closes or it answers.
  Result<void> trickle(Connection& c, std::string_view rest) {
    const size_t space = std::min(rest.find(' '), rest.size());
    TRY(const double seconds, number(rest.substr(0, space)));
    TRY(const std::string bytes, parse_http_bytes(rest.substr(space)));
    TRY_VOID(connect_if_needed(c));
    for (const char byte : bytes) {
      if (!c.client.send({&byte, 1}) || c.client.has_input()) break;
      sleep_s(seconds);
    }
    return {};
  }

  Result<void> connect(Connection& c) {
    c.methods.clear();
    c.closes = false;
    return c.client.connect(port_);
  }

  Result<void> request(const HttpTextStep& step) {
    Connection& c = here();
    TRY_VOID(connect_if_needed(c));
    TRY(std::string first, substituted(step.lines[0].text));
    const std::string method = first.substr(0, first.find(' '));
    if (!first.ends_with(" HTTP/1.0")) first += " HTTP/1.1";
    std::string head = first + "\r\n", body, names;
    size_t i = 1;
    for (; i < step.lines.size() && !step.lines[i].text.empty(); ++i) {
      TRY(const std::string line, substituted(step.lines[i].text));
      const size_t colon = line.find(':');
      if (colon == std::string::npos) return located(step.lines[i].number, {"a header has no colon"});
      names += "|" + line.substr(0, colon) + "|";
      if (!line.ends_with(": (none)")) head += line + "\r\n";
    }
    for (size_t line = i + 1; line < step.lines.size(); ++line) {
      TRY(const std::string text, substituted(step.lines[line].text));
      body += (line > i + 1 ? "\n" : "") + text;
    }
    const auto given = [&](const char* name) { return names.find(std::string("|") + name + "|") != std::string::npos; };
    if (!given("host")) head += fmt::format("host: 127.0.0.1:{}\r\n", port_);
    const bool wants_length = !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
    if (wants_length && !given("content-length") && !given("transfer-encoding")) {
      head += fmt::format("content-length: {}\r\n", body.size());
    }
    c.methods.push_back(method);
    c.client.send(head + "\r\n" + body);
    return {};
  }

  /// Lines of expectations: an answer's status, what holds of it, the next status, eof, ...
  Result<void> expect(const HttpTextStep& step) {
    for (const HttpTextLine& line : step.lines) {
      TRY(const std::string text, substituted(line.text));
      const auto good = expect(text);
      if (!good) return located(line.number, good.error());
    }
    return {};
  }

  Result<void> expect(std::string_view text) {
    Connection& c = here();
    if (text == "eof") return c.client.expect_end(timeout_s_);
    if (text.starts_with("nothing ")) {
      TRY(const double seconds, number(text.substr(8)));
      return c.client.expect_nothing(seconds);
    }
    const bool status = text.size() == 3 && text.find_first_not_of("0123456789") == std::string_view::npos;
    if (status) return answer(c, static_cast<int>(text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
    if (!c.answer) return fail("\"{}\" follows no status", text);
    return check_http_expectation(text, *c.answer);
  }

  Result<void> answer(Connection& c, int status) {
    const bool interim = status < 200;
    const bool head_only = !c.methods.empty() && c.methods.front() == "HEAD";
    c.answer.reset();
    TRY(HttpTextAnswer answer, c.client.read_answer(timeout_s_, head_only, interim));
    if (!interim && !c.methods.empty()) c.methods.erase(c.methods.begin());
    c.closes = answer.closes;
    if (answer.status != status) {
      return fail("expected status {}; found {}: {}", status, answer.status, answer.body.substr(0, 400));
    }
    c.answer = std::move(answer);
    return {};
  }

  /// save NAME SUBJECT, of the last answer on this connection.
  Result<void> save(std::string_view rest) {
    const size_t space = std::min(rest.find(' '), rest.size());
    if (!here().answer || space == rest.size()) return fail("save NAME SUBJECT stands after an answer");
    TRY(const auto found, find_http_subject(rest.substr(space + 1), *here().answer));
    if (!found) return fail("{} is not there to be saved", rest.substr(space + 1));
    const std::string* text = found->as_string();
    saved_[std::string(rest.substr(0, space))] = text != nullptr ? *text : found->dump();
    return {};
  }

  static Result<double> number(std::string_view text) {
    const auto json = Json::parse(text);
    const auto value = json ? json->as_double() : std::nullopt;
    if (!value) return fail("\"{}\" is not a number", text);
    return *value;
  }

  /// Replaces ${NAME} by what was saved, ${TEXT*COUNT} by a repetition, ${json NAME} by what was saved as a JSON string.
  Result<std::string> substituted(std::string_view text) {
    std::string out;
    for (;;) {
      const size_t at = text.find("${");
      out += text.substr(0, at);
      if (at == std::string_view::npos) return out;
      const size_t end = text.find('}', at);
      if (end == std::string_view::npos) return fail("${{ without }}");
      std::string_view name = text.substr(at + 2, end - at - 2);
      text.remove_prefix(end + 1);
      if (const size_t star = name.rfind('*'); star != std::string_view::npos) {
        TRY(const double count, number(name.substr(star + 1)));
        for (int i = 0; i < static_cast<int>(count); ++i) out += name.substr(0, star);
        continue;
      }
      const bool json = name.starts_with("json ");
      if (json) name.remove_prefix(5);
      const auto found = saved_.find(std::string(name));
      if (found == saved_.end()) return fail("nothing was saved as {}", name);
      out += json ? Json(found->second).dump() : found->second;
    }
  }

  Connection& here() {
    auto& connection = connections_[current_];
    if (!connection) connection = std::make_unique<Connection>();
    return *connection;
  }

  const HttpTextFile& file_;
  int port_;
  double timeout_s_ = 10;
  std::map<std::string, std::string> saved_;
  std::map<std::string, std::unique_ptr<Connection>> connections_;
  std::string current_ = "main";
  bool located_ = false;
};

}  // namespace

Result<void> run_http_text_case(const HttpTextFile& file, const HttpTextCase& test, int port) {
  return Runner(file, port).run(test.steps);
}

}  // namespace sobre
