// What a client or an administrator may write: requests in any pieces, sobre.toml, files of keys. The first byte chooses.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "serve/config.h"
#include "serve/http_parser.h"
#include "serve/http_rules.h"
#include "serve/keys.h"
#include "text/unicode.h"

namespace {

using sobre::HttpParser;

void require(bool good) {
  if (!good) std::abort();
}

sobre::HttpOptions options() {
  sobre::HttpOptions o;
  o.max_header_bytes = 2000;
  o.max_body_bytes = 1500;
  o.allowed_hosts = {"llm.example.org", "other:8443"};
  o.allowed_origins = {"https://chat.example.org", "null"};
  return o;
}

void check_fault(const sobre::HttpFault& fault) {
  require(fault.status >= 400 && fault.status < 600 && !fault.message.empty() && fault.message.size() < 600);
  require(sobre::is_valid_utf8(fault.message));
  for (const char c : fault.message) require(static_cast<unsigned char>(c) >= 0x20);
}

/// What a server makes of a connection's bytes, as text.
std::string outcome(std::string_view bytes, uint64_t seed, size_t longest) {
  const sobre::HttpOptions o = options();
  std::string out;
  HttpParser parser(o.max_header_bytes, o.max_body_bytes);
  std::string pending;
  for (size_t at = 0; at < bytes.size();) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const size_t n = std::min<size_t>(bytes.size() - at, 1 + (seed >> 33) % longest);
    pending.append(bytes.substr(at, n));
    at += n;
    while (!pending.empty()) {
      const size_t used = parser.feed(pending);
      require(used <= pending.size());
      pending.erase(0, used);
      if (parser.state() == HttpParser::State::kHeadRead) {
        sobre::HttpAdmission admission;
        const auto good = sobre::admit_http_head(parser.head(), o, {"10.0.0.7", false}, admission);
        if (!good) {
          check_fault(good.error());
          return out + std::to_string(good.error().status) + " " + good.error().message;
        }
        require(sobre::is_valid_utf8(admission.target.path) && admission.framing.content_length <= o.max_body_bytes);
        for (const std::string* part :
             {&parser.head().method, &admission.target.path, &admission.target.query, &admission.cors_origin})
          out.append(*part).append(" ");
        for (const auto& [name, value] : parser.head().headers) {
          require(sobre::is_http_token(name) && value.find_first_of("\r\n") == std::string::npos);
          out.append("\n").append(name).append(": ").append(value);
        }
        parser.expect_body(admission.framing);
        if (parser.state() == HttpParser::State::kBody) continue;
      }
      if (parser.state() == HttpParser::State::kFault) {
        check_fault(parser.fault());
        return out + std::to_string(parser.fault().status) + " " + parser.fault().message;
      }
      if (parser.state() == HttpParser::State::kDone) {
        require(parser.body().size() <= o.max_body_bytes);
        out += "\n\n" + parser.body() + "\n--\n";
        parser = HttpParser(o.max_header_bytes, o.max_body_bytes);
      } else {
        require(pending.empty());
      }
    }
  }
  return out;
}

void fuzz_requests(std::string_view bytes) {
  const std::string whole = outcome(bytes, 0, SIZE_MAX);
  require(outcome(bytes, 1, 1) == whole);
  require(outcome(bytes, bytes.size(), 7) == whole);
  require(outcome(bytes, bytes.size() + 1, 300) == whole);
}

void check_error(const sobre::Error& error) {
  require(!error.message.empty() && error.message.size() < 8000 && error.message.find('\n') == std::string::npos);
}

void fuzz_config(std::string_view text) {
  const auto config = sobre::parse_serve_config(text, "f");
  if (!config) return check_error(config.error());
  const std::string printed = sobre::print_serve_config(*config);
  const auto again = sobre::parse_serve_config(printed, "f");
  require(again && sobre::print_serve_config(*again) == printed);
}

void fuzz_keys(std::string_view text) {
  const auto keys = sobre::parse_api_keys(text, "f");
  if (!keys) check_error(keys.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'c':
      fuzz_config(text);
      break;
    case 'k':
      fuzz_keys(text);
      break;
    default:
      fuzz_requests(text);
      break;
  }
  return 0;
}
