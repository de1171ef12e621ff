#include "hub/hub_http.h"

#include <curl/curl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <thread>

#include "hub/hub_url.h"

namespace sobre {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxHeaderBytes = 256 << 10;  // of one answer
constexpr uint64_t kMaxErrorBody = 64 << 10;   // of an answer that is no success
constexpr int kMaxRedirects = 10;
constexpr double kLongestWait = 60;          // s, whatever an answer asks for
constexpr int kPollMs = 100;                 // how soon cancelling and time-outs are seen
constexpr long kReceiveBytes = 256L * 1024;  // curl's buffer, the only one between the socket and the sink

struct EasyDelete {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDelete {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDelete>;

void append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  CHECK(longer != nullptr);
  static_cast<void>(list.release());  // it is part of the longer one
  list.reset(longer);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_success(long status) { return status == 200 || status == 206; }
bool is_redirect(long status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/// What lies in the kernel's buffer when this process is killed must come again. From a server that is near a small window is
/// as fast as a large one; far away the kernel chooses, and there the network is the slow part, so that little lies around.
void narrow_window(CURL* easy) {
  constexpr uint32_t kNearUs = 2000;
  constexpr int kWindow = 256 << 10;
  curl_socket_t fd = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD) return;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_min_rtt == 0 || info.tcpi_min_rtt > kNearUs) return;
  setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &kWindow, sizeof kWindow);
}

/// One request on its way, as curl's callbacks see it.
struct Transfer {
  const HubHttp::Request* request = nullptr;
  CURL* easy = nullptr;
  HubResponse response;
  size_t header_bytes = 0;
  Clock::time_point last_byte = Clock::now();
  bool answered = false;  // the first byte is there
  std::string fault;      // why a callback ended it
  bool enough = false;    // ended by us, and what is there will do

  void seen() {
    if (!answered && request->sink) narrow_window(easy);
    answered = true;
    last_byte = Clock::now();
  }

  size_t take_header(std::string_view line) {
    seen();
    header_bytes += line.size();
    if (header_bytes > kMaxHeaderBytes) {
      fault = fmt::format("the answer's headers are more than {} bytes", kMaxHeaderBytes);
      return 0;
    }
    if (line.starts_with("HTTP/")) {  // of an interim answer (1xx) nothing is kept
      const size_t space = line.find(' ');
      response.headers.clear();
      response.status = space == std::string_view::npos ? 0 : std::atol(std::string(line.substr(space + 1, 3)).c_str());
      return line.size();
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string name(trimmed(line.substr(0, colon)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    response.headers[std::move(name)] = trimmed(line.substr(colon + 1));
    return line.size();
  }

  size_t take_body(std::string_view piece) {
    seen();
    if (!is_success(response.status)) {
      const uint64_t room = kMaxErrorBody - std::min<uint64_t>(kMaxErrorBody, response.body.size());
      response.body += piece.substr(0, room);
      enough = piece.size() > room;
      return enough ? 0 : piece.size();
    }
    if (const std::string coding = response.header("content-encoding"); !coding.empty() && coding != "identity") {
      fault = fmt::format(
          "the answer is compressed (Content-Encoding: {}) although that was not asked for; "
          "a proxy or mirror in between changes what the hub sends: use another",
          shown_text(coding, 40));
      return 0;
    }
    if (request->sink) {
      if (request->sink(response, piece)) {
        seen();  // a slow disk of ours is no stall of theirs
        return piece.size();
      }
      fault = "not taken";
      return 0;
    }
    if (piece.size() > request->max_body - response.body.size()) {
      fault = fmt::format("the answer is larger than {} bytes; is this a hub? (HF_ENDPOINT)", request->max_body);
      return 0;
    }
    response.body += piece;
    return piece.size();
  }
};

size_t header_callback(char* data, size_t size, size_t count, void* transfer) {
  return static_cast<Transfer*>(transfer)->take_header({data, size * count});
}

size_t body_callback(char* data, size_t size, size_t count, void* transfer) {
  return static_cast<Transfer*>(transfer)->take_body({data, size * count});
}

/// What a failed connection means for the user.
std::string explain_curl(CURLcode code, const char* detail, bool answered) {
  const std::string said = shown_text(detail[0] != '\0' ? detail : curl_easy_strerror(code));
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return fmt::format("{}; check the network, HF_ENDPOINT and HTTPS_PROXY", said);
    case CURLE_COULDNT_CONNECT:
      return fmt::format("cannot connect: {}; check the network, HF_ENDPOINT and HTTPS_PROXY", said);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return fmt::format("its certificate is not trusted: {}; add the certificate of the proxy in between to the system's",
                         said);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return fmt::format("the connection was cut {} ({}); try again",
                         answered ? "in the middle of the answer" : "before an answer", said);
    case CURLE_OPERATION_TIMEDOUT:
      return fmt::format("timed out: {}; try again, or allow more with HF_HUB_ETAG_TIMEOUT", said);
    default:
      return fmt::format("{}; try again", said);
  }
}

}  // namespace

std::string HubResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

struct HubHttp::Impl {
  HubSettings settings;
  HubCancelled cancelled;
  std::string token_origin;  // where the token may go; empty: nowhere
  std::unique_ptr<CURLM, MultiDelete> multi;
  std::unique_ptr<CURL, EasyDelete> easy;
  char detail[CURL_ERROR_SIZE] = {};
  std::minstd_rand jitter{std::random_device{}()};

  Impl(HubSettings s, HubCancelled c) : settings(std::move(s)), cancelled(std::move(c)) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    CHECK(ready == CURLE_OK);
    if (auto origin = url_origin(settings.endpoint)) token_origin = std::move(*origin);
    multi.reset(curl_multi_init());
    CHECK(multi != nullptr);
  }

  [[nodiscard]] bool is_cancelled() const { return cancelled && cancelled(); }
  [[nodiscard]] HeaderList headers_for(const Request& request, const std::string& url) const;
  void prepare(const std::string& url, const HeaderList& headers, Transfer& transfer);
  [[nodiscard]] Result<CURLcode> perform(Transfer& transfer) const;
  [[nodiscard]] Result<HubResponse> send_once(const Request& request, const std::string& url);
};

HeaderList HubHttp::Impl::headers_for(const Request& request, const std::string& url) const {
  HeaderList list;
  append(list, "Accept-Encoding: identity");
  append(list, "User-Agent: sobre");
  if (request.from > 0) append(list, fmt::format("Range: bytes={}-", request.from));
  const auto origin = url_origin(url);
  if (!settings.token.empty() && origin && *origin == token_origin) append(list, "Authorization: Bearer " + settings.token);
  return list;
}

void HubHttp::Impl::prepare(const std::string& url, const HeaderList& headers, Transfer& transfer) {
  // A new one each time: one whose transfer failed keeps its buffer and then refuses to be given another size. Connections are
  // the multi handle's and stay.
  easy.reset(curl_easy_init());
  CURL* const e = easy.get();
  CHECK(e != nullptr);
  transfer.easy = e;
  detail[0] = '\0';
  const auto set = [e](CURLoption option, auto value) { CHECK(curl_easy_setopt(e, option, value) == CURLE_OK); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // by hand, for the token's sake
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_BUFFERSIZE, kReceiveBytes);
  set(CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, std::lround(settings.metadata_timeout_s * 1000)));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(detail));
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_HEADERFUNCTION, &header_callback);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, &body_callback);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
}

/// Drives the transfer to its end. Our own loop, because curl's own time-outs are whole seconds and cancelling must not wait.
Result<CURLcode> HubHttp::Impl::perform(Transfer& transfer) const {
  transfer.last_byte = Clock::now();
  for (int running = 1;;) {
    if (const CURLMcode code = curl_multi_perform(multi.get(), &running); code != CURLM_OK)
      return fail("{}", curl_multi_strerror(code));
    if (running == 0) break;
    if (is_cancelled()) return fail("cancelled");
    const std::chrono::duration<double> quiet = Clock::now() - transfer.last_byte;
    if (!transfer.answered && quiet.count() > settings.metadata_timeout_s) {
      return fail("timed out: no answer within {} s; try again, or allow more with HF_HUB_ETAG_TIMEOUT",
                  settings.metadata_timeout_s);
    }
    if (transfer.answered && quiet.count() > settings.stall_timeout_s) {
      return fail("stalled: nothing came for {} s; try again, or allow more with HF_HUB_DOWNLOAD_TIMEOUT",
                  settings.stall_timeout_s);
    }
    if (const CURLMcode code = curl_multi_poll(multi.get(), nullptr, 0, kPollMs, nullptr); code != CURLM_OK)
      return fail("{}", curl_multi_strerror(code));
  }
  int left = 0;
  const CURLMsg* const message = curl_multi_info_read(multi.get(), &left);
  CHECK(message != nullptr && message->msg == CURLMSG_DONE);
  return message->data.result;
}

/// One request without following.
Result<HubResponse> HubHttp::Impl::send_once(const Request& request, const std::string& url) {
  Transfer transfer;
  transfer.request = &request;
  transfer.response.url = url;
  const HeaderList headers = headers_for(request, url);
  prepare(url, headers, transfer);
  CHECK(curl_multi_add_handle(multi.get(), easy.get()) == CURLM_OK);
  const Result<CURLcode> code = perform(transfer);
  curl_multi_remove_handle(multi.get(), easy.get());  // of a transfer that was ended early this closes the connection
  const auto failed = [&](const std::string& why) -> Result<HubResponse> { return fail("{}: {}", shown_url(url), why); };
  if (!code) return code.error().message == "cancelled" ? fail("cancelled") : failed(code.error().message);
  if (!transfer.fault.empty()) return failed(transfer.fault);
  if (*code != CURLE_OK && !transfer.enough) return failed(explain_curl(*code, detail, transfer.answered));
  return std::move(transfer.response);
}

HubHttp::HubHttp(HubSettings settings, HubCancelled cancelled)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(cancelled))) {}
HubHttp::~HubHttp() = default;

const HubSettings& HubHttp::settings() const { return impl_->settings; }
bool HubHttp::cancelled() const { return impl_->is_cancelled(); }

Result<HubResponse> HubHttp::send(const Request& request) {
  std::string url = request.url;
  if (auto origin = url_origin(url); !origin) return std::unexpected(origin.error());
  for (int redirects = 0;; ++redirects) {
    if (cancelled()) return fail("cancelled");
    TRY(HubResponse response, impl_->send_once(request, url));
    const std::string location = response.header("location");
    if (!is_redirect(response.status) || location.empty()) return response;
    if (redirects == kMaxRedirects) return fail("{}: more than {} redirects", shown_url(request.url), kMaxRedirects);
    TRY(url, redirect_target(url, location));
  }
}

Result<HubResponse> HubHttp::send_patiently(const Request& request, int tries) {
  CHECK(!request.sink && tries >= 1);
  for (int next = 2;; ++next) {
    Result<HubResponse> response = send(request);
    if (response && !is_passing(response->status)) return response;
    if (next > tries || cancelled()) return response;
    if (!wait_for_try(next, response ? &*response : nullptr)) return fail("cancelled");
  }
}

bool HubHttp::wait_for_try(int next, const HubResponse* failed) {
  CHECK(next >= 2);
  const double doubled =
      std::min(kLongestWait, impl_->settings.retry_wait_s * static_cast<double>(1 << std::min(next - 2, 16)));
  const double jittered = doubled * std::uniform_real_distribution<double>(0.75, 1.25)(impl_->jitter);
  const double asked = failed == nullptr ? -1 : retry_after_s(*failed);
  const double wait = asked < 0 ? jittered : std::min(asked, kLongestWait);
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait));
  while (!cancelled()) {
    const auto left = until - Clock::now();
    if (left <= Clock::duration::zero()) return true;
    std::this_thread::sleep_for(std::min<Clock::duration>(left, std::chrono::milliseconds(50)));
  }
  return false;
}

}  // namespace sobre
