#include "hub/hub_http.h"

#include <gtest/gtest.h>

#include <chrono>

#include "hub/hub_url.h"
#include "hub/stand_in_hub_testing.h"

namespace sobre {
namespace {

using stand_in::Fault;
using ::testing::Test;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class HubHttpTest : public Test {
 protected:
  HubHttpTest() {
    hub_.add("org/small", "config.json", "{\"a\": 1}", false);
    hub_.add("org/small", "model.gguf", std::string(100'000, 'g'), true);
    settings_ = hub_.settings("");
    settings_.token = "hf_good";
  }

  [[nodiscard]] std::string file_url(const std::string& path, const std::string& repo = "org/small") const {
    return hub_.url() + "/" + repo + "/resolve/main/" + path;
  }
  Result<HubResponse> get(const std::string& url) {
    HubHttp http(settings_, {});
    return http.send({.url = url});
  }
  /// The error of a request that must fail.
  std::string error_of(const std::string& url) {
    const auto response = get(url);
    EXPECT_FALSE(response) << "status " << response->status;
    return response ? std::string() : response.error().message;
  }

  stand_in::Hub hub_;
  HubSettings settings_;
};

TEST_F(HubHttpTest, TokenGoesToTheHubAlone) {
  const auto response = get(file_url("model.gguf"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, std::string(100'000, 'g'));
  EXPECT_TRUE(response->url.starts_with(hub_.cdn().url()));
  ASSERT_EQ(hub_.hub().seen().size(), 1u);
  EXPECT_EQ(hub_.hub().seen()[0].header("authorization"), "Bearer hf_good");
  EXPECT_EQ(hub_.hub().seen()[0].header("accept-encoding"), "identity");
  ASSERT_EQ(hub_.cdn().seen().size(), 1u);
  EXPECT_EQ(hub_.cdn().seen()[0].header("authorization"), "");
}

TEST_F(HubHttpTest, AnUnknownHostIsTriedAgainAndThenExplained) {
  settings_.retry_wait_s = 0.01;
  HubHttp http(settings_, {});
  const auto response = http.send_patiently({.url = "http://no-such-host.invalid/x"}, 3);
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("check the network, HF_ENDPOINT and HTTPS_PROXY"), std::string::npos)
      << response.error().message;
}

TEST_F(HubHttpTest, RelativeRedirectKeepsTheToken) {
  hub_.repo("org/old").renamed_to = "org/small";
  const auto response = get(file_url("config.json", "org/old"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "{\"a\": 1}");
  ASSERT_EQ(hub_.hub().seen().size(), 2u);
  EXPECT_EQ(hub_.hub().seen()[1].header("authorization"), "Bearer hf_good");
}

TEST_F(HubHttpTest, NoOtherRedirectGetsTheToken) {
  stand_in::HttpServer elsewhere("elsewhere", [](const stand_in::Request&) { return stand_in::Answer{}; });
  const std::string port = elsewhere.url().substr(elsewhere.url().rfind(':'));
  // The hub's own name with another port, and another name, are both somebody else; a scheme-relative one too.
  for (const std::string& location : {elsewhere.url() + "/x", "http://localhost" + port + "/x", "//127.0.0.1" + port + "/x"}) {
    hub_.hub().add_fault({.times = 1, .status = 302, .headers = "Location: " + location + "\r\n"});
    const auto response = get(file_url("config.json"));
    ASSERT_TRUE(response) << response.error().message;
  }
  ASSERT_EQ(elsewhere.seen().size(), 3u);
  for (const stand_in::Request& request : elsewhere.seen()) EXPECT_EQ(request.header("authorization"), "") << request.target;
}

TEST_F(HubHttpTest, EndlessRedirectsAreAnError) {
  hub_.hub().add_fault({.status = 302, .headers = "Location: /again?secret=1\r\n"});
  const std::string error = error_of(file_url("config.json"));
  EXPECT_NE(error.find("more than 10 redirects"), std::string::npos) << error;
  EXPECT_EQ(hub_.hub().seen().size(), 11u);
}

TEST_F(HubHttpTest, RedirectToAFileIsRefused) {
  hub_.hub().add_fault({.times = 1, .status = 302, .headers = "Location: file:///etc/passwd\r\n"});
  EXPECT_NE(error_of(file_url("config.json")).find("only http and https"), std::string::npos);
  hub_.hub().add_fault({.times = 1, .status = 302, .headers = "Location: http://user:word@127.0.0.1/\r\n"});
  EXPECT_NE(error_of(file_url("config.json")).find("user name"), std::string::npos);
}

TEST_F(HubHttpTest, RangeAndSink) {
  HubHttp http(settings_, {});
  std::string got;
  long status = 0;
  HubHttp::Request request{.url = file_url("config.json"), .from = 4};
  request.sink = [&](const HubResponse& head, std::string_view piece) {
    status = head.status;
    EXPECT_EQ(head.header("content-range"), "bytes 4-7/8");
    got += piece;
    return true;
  };
  const auto response = http.send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(status, 206);
  EXPECT_EQ(got, ": 1}");
  EXPECT_EQ(response->body, "");
  request.sink = [](const HubResponse&, std::string_view) { return false; };
  const auto refused = http.send(request);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("not taken"), std::string::npos);
  EXPECT_TRUE(http.send({.url = file_url("config.json")}));  // the connection that was left is not used again
}

TEST_F(HubHttpTest, CompressionNobodyAskedForIsAnError) {
  hub_.hub().add_fault({.headers = "Content-Encoding: gzip\r\n"});
  const std::string error = error_of(file_url("config.json"));
  EXPECT_NE(error.find("compressed (Content-Encoding: gzip)"), std::string::npos) << error;
  EXPECT_NE(error.find("use another"), std::string::npos) << error;
}

TEST_F(HubHttpTest, LimitsOfWhatIsRead) {
  hub_.hub().add_fault({.target = "endless-body", .status = 200, .endless_body = true});
  hub_.hub().add_fault({.target = "endless-headers", .endless_headers = true});
  hub_.hub().add_fault({.target = "endless-error", .status = 500, .endless_body = true});
  EXPECT_NE(error_of(hub_.url() + "/endless-body").find("larger than 16777216 bytes"), std::string::npos);
  EXPECT_NE(error_of(hub_.url() + "/endless-headers").find("headers are more than 262144 bytes"), std::string::npos);
  const auto response = get(hub_.url() + "/endless-error");  // what an error says has an end, wherever the server ends
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 500);
  EXPECT_LE(response->body.size(), size_t{64 << 10});
}

TEST_F(HubHttpTest, TimeOutsAndCuts) {
  settings_.metadata_timeout_s = settings_.stall_timeout_s = 0.3;
  hub_.hub().add_fault({.target = "silent", .silent = true});
  hub_.hub().add_fault({.target = "stall", .status = 200, .body = "some bytes", .stall_after = 4});
  hub_.hub().add_fault({.target = "cut", .status = 200, .body = "some bytes", .cut_after = 4});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(error_of(hub_.url() + "/silent").find("no answer within 0.3 s"), std::string::npos);
  EXPECT_NE(error_of(hub_.url() + "/stall").find("nothing came for 0.3 s"), std::string::npos);
  EXPECT_LT(seconds_since(begin), 5);
  EXPECT_NE(error_of(hub_.url() + "/cut").find("cut in the middle of the answer"), std::string::npos);
  hub_.stop();
  const std::string error = error_of(hub_.url() + "/gone");
  EXPECT_NE(error.find("cannot connect"), std::string::npos) << error;
  EXPECT_NE(error.find("HF_ENDPOINT"), std::string::npos) << error;
}

TEST_F(HubHttpTest, CancellingEndsWhatRuns) {
  hub_.hub().add_fault({.target = "silent", .silent = true});
  hub_.hub().add_fault({.target = "busy", .status = 429, .headers = "Retry-After: 50\r\n"});
  settings_.metadata_timeout_s = 60;
  for (const char* target : {"/silent", "/busy"}) {
    const auto begin = std::chrono::steady_clock::now();
    HubHttp http(settings_, [&] { return seconds_since(begin) > 0.2; });
    const auto response = http.send_patiently({.url = hub_.url() + target});
    ASSERT_FALSE(response) << target;
    EXPECT_EQ(response.error().message, "cancelled");
    EXPECT_LT(seconds_since(begin), 5);
  }
}

TEST_F(HubHttpTest, PatienceOutlastsABurst) {
  HubHttp http(settings_, {});
  hub_.hub().add_fault({.times = 4, .status = 500});
  const auto response = http.send_patiently({.url = file_url("config.json")});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(hub_.hub().seen().size(), 5u);
  hub_.hub().add_fault({.status = 503});
  const auto never = http.send_patiently({.url = file_url("config.json")});
  ASSERT_TRUE(never);
  EXPECT_EQ(never->status, 503);
  EXPECT_EQ(hub_.hub().seen().size(), 10u);  // five times, no more
}

TEST_F(HubHttpTest, WaitsAsLongAsTheAnswerSays) {
  hub_.hub().add_fault({.times = 1, .status = 429, .headers = "Retry-After: 1\r\n"});
  HubHttp http(settings_, {});
  const auto begin = std::chrono::steady_clock::now();
  const auto response = http.send_patiently({.url = file_url("config.json")});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_GE(seconds_since(begin), 1);  // without the header it would be 0.005 s
}

HubResponse answer(long status, std::map<std::string, std::string> headers) {
  HubResponse response;
  response.url = "https://hub.example/api/models/org/name?signature=secret";
  response.status = status;
  response.headers = std::move(headers);
  return response;
}

TEST(RetryAfter, SecondsDatesAndRateLimits) {
  EXPECT_EQ(retry_after_s(answer(429, {{"retry-after", "17"}})), 17);
  EXPECT_EQ(retry_after_s(answer(429, {{"retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"}})), 0);  // long past
  EXPECT_EQ(retry_after_s(answer(429, {{"retry-after", "Wed, 21 Oct 99999999 07:28:00 GMT"}})), 1e9);
  EXPECT_EQ(retry_after_s(answer(429, {{"ratelimit", "\"api\";r=0;t=55"}})), 55);
  EXPECT_EQ(retry_after_s(answer(429, {{"ratelimit", "\"api\"; r=0; t=55"}})), 55);
  EXPECT_EQ(retry_after_s(answer(429, {{"ratelimit", "\"api\";r=10;t=55"}})), -1);  // not the reason
  EXPECT_EQ(retry_after_s(answer(429, {{"ratelimit", "\"api\";r=0"}})), -1);
  EXPECT_EQ(retry_after_s(answer(429, {{"retry-after", "soon"}})), -1);
  EXPECT_EQ(retry_after_s(answer(429, {})), -1);
}

struct Explained {
  long status;
  std::map<std::string, std::string> headers;
  std::vector<std::string> words;  // that the message must have
};

TEST(ExplainHubError, SaysWhatToDo) {
  HubSettings settings;
  settings.endpoint = "https://hub.example";
  const std::vector<Explained> cases = {
      {401, {{"x-error-code", "RepoNotFound"}}, {"org/name does not exist on https://hub.example", "private", "HF_TOKEN"}},
      {404, {{"x-error-code", "RepoNotFound"}}, {"does not exist", "check the name"}},
      {401, {}, {"does not exist", "HF_TOKEN"}},
      {401,
       {{"x-error-message", "Invalid credentials in Authorization header"}},
       {"does not accept the token", "settings/tokens"}},
      {401, {{"x-error-code", "GatedRepo"}}, {"gated", "accept its licence at https://hub.example/org/name", "set HF_TOKEN"}},
      {403, {{"x-error-code", "GatedRepo"}}, {"gated", "accept its licence"}},
      {403, {{"x-error-message", "Access to this resource is disabled."}}, {"disabled", "choose another"}},
      {403, {{"x-error-message", "no\x1b[2Jright"}}, {"forbids", "permission", "no?[2Jright"}},
      {404, {{"x-error-code", "RevisionNotFound"}}, {"org/name has no this thing", "branches"}},
      {404, {{"x-error-code", "EntryNotFound"}}, {"org/name has no this thing", "pull again"}},
      {404, {}, {"404", "HF_ENDPOINT"}},
      {429, {{"retry-after", "31"}}, {"429", "in 31 s", "HF_TOKEN"}},
      {500, {{"x-request-id", "Root=1-2"}}, {"500", "a fault on its side", "request Root=1-2", "try again later"}},
      {418, {}, {"418", "HF_ENDPOINT"}},
  };
  for (const Explained& c : cases) {
    const std::string text = explain_hub_error(answer(c.status, c.headers), settings, "org/name", "this thing");
    for (const std::string& word : c.words) EXPECT_NE(text.find(word), std::string::npos) << c.status << ": " << text;
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
    EXPECT_EQ(text.find_first_of("\n\x1b"), std::string::npos) << text;
  }
}

TEST(ExplainHubError, NeverShowsTheToken) {
  HubSettings settings;
  settings.token = "hf_abcdef";
  for (const long status : {400L, 401L, 403L, 404L, 416L, 429L, 500L}) {
    const std::string text = explain_hub_error(answer(status, {}), settings, "org/name", "it");
    EXPECT_EQ(text.find("hf_abcdef"), std::string::npos) << text;
  }
}

TEST(HubUrl, Origins) {
  EXPECT_EQ(url_origin("HTTPS://HuggingFace.co/a/b?c").value_or(""), "https://huggingface.co:443");
  EXPECT_EQ(url_origin("https://huggingface.co:443").value_or(""), "https://huggingface.co:443");
  EXPECT_EQ(url_origin("http://huggingface.co").value_or(""), "http://huggingface.co:80");
  EXPECT_NE(url_origin("https://huggingface.co.evil.example/").value_or(""), url_origin("https://huggingface.co/"));
  for (const char* bad : {"", "file:///etc/passwd", "ftp://a/b", "huggingface", "https://u@huggingface.co/", "https://u:p@a/",
                          "https://a/ b", "https://a/\nb", "/relative"}) {
    EXPECT_FALSE(url_origin(bad)) << bad;
  }
}

TEST(HubUrl, Redirects) {
  EXPECT_EQ(redirect_target("https://a/b/c?d=1", "/e?f").value_or(""), "https://a/e?f");
  EXPECT_EQ(redirect_target("https://a/b/c", "d").value_or(""), "https://a/b/d");
  EXPECT_EQ(redirect_target("http://a/b", "https://c/d").value_or(""), "https://c/d");
  EXPECT_EQ(redirect_target("https://a/b", "//c/d").value_or(""), "https://c/d");
  const auto plain = redirect_target("https://a/b", "http://a/b?secret");
  ASSERT_FALSE(plain);
  EXPECT_NE(plain.error().message.find("not encrypted"), std::string::npos);
  EXPECT_EQ(plain.error().message.find("secret"), std::string::npos);
  for (const char* bad : {"file:///x", "javascript:1", "http://", "https://u:p@c/", "", "ldap://c"})
    EXPECT_FALSE(redirect_target("https://a/b", bad)) << bad;
}

TEST(HubUrl, NextLink) {
  EXPECT_EQ(next_link("<https://a/b?c=1,2>; rel=\"next\""), "https://a/b?c=1,2");
  EXPECT_EQ(next_link("<x>; rel=\"first\", <y>; rel=\"next\""), "y");
  EXPECT_EQ(next_link("<x>; rel=\"xet-auth\""), "");
  EXPECT_EQ(next_link("<x"), "");
  EXPECT_EQ(next_link(""), "");
}

TEST(HubUrl, ShownText) {
  EXPECT_EQ(shown_text("plain \xc3\xa9"), "plain \xc3\xa9");
  EXPECT_EQ(shown_text("a\x1b[31m\n\x7f"), "a?[31m??");
  EXPECT_EQ(shown_text("\xc2\x9b"
                       "1m\xe2\x80\xae"
                       "x\xff"),
            "?1m?x?");
  EXPECT_EQ(shown_text("\xc3\xa9\xc3\xa9", 3), "\xc3\xa9...");
  EXPECT_EQ(shown_url("https://a/b?token=1#x"), "https://a/b");
}

}  // namespace
}  // namespace sobre
