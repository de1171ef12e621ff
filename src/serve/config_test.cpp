#include "serve/config.h"

#include <gtest/gtest.h>

#include <sstream>

#include "serve/config_fields.h"

namespace sobre {

namespace {

std::string error_of(const std::string& text) {
  const auto config = parse_serve_config(text, "sobre.toml");
  return config ? "" : config.error().message;
}

ServeConfig parsed(const std::string& text) {
  const auto config = parse_serve_config(text, "sobre.toml");
  EXPECT_TRUE(config) << config.error().message << "\n" << text;
  return config.value_or(ServeConfig());
}

}  // namespace

TEST(Config, EmptyTextGivesTheDefaults) {
  EXPECT_EQ(print_serve_config(parsed("")), print_serve_config());
  EXPECT_EQ(print_serve_config(parsed("# nothing\n[server]\n")), print_serve_config());
}

TEST(Config, ABacklogIsLimitedForTheTransportAndForAnswers) {
  const ServeConfig config = parsed("[server]\nmax_backlog_bytes = \"3 MiB\"\n");
  EXPECT_EQ(config.http.max_backlog_bytes, 3U << 20);
  EXPECT_EQ(config.api.limits.max_backlog_bytes, 3U << 20);
  EXPECT_EQ(ServeConfig().api.limits.max_backlog_bytes, ServeConfig().http.max_backlog_bytes);
}

TEST(Config, WhatIsPrintedParsesBackToTheSame) {
  const std::string text = print_serve_config();
  EXPECT_EQ(print_serve_config(parsed(text)), text);
  // The example of a model that the defaults hold as a comment is valid too.
  std::string with_example = text;
  for (size_t at;
       (at = with_example.find("\n#[[")) != std::string::npos || (at = with_example.find("\n#p")) != std::string::npos ||
       (at = with_example.find("\n#n")) != std::string::npos || (at = with_example.find("\n#a")) != std::string::npos;) {
    with_example.erase(at + 1, 1);
  }
  EXPECT_EQ(parsed(with_example).models.size(), 1u);
}

TEST(Config, EveryKeyHasACommentAndIsRead) {
  // Each key is given another value than its default; the print of what was read shows all of them.
  ServeConfig defaults;
  std::string text;
  std::string_view section;
  size_t n = 0;
  for (const ConfigField& f : config_fields(defaults)) {
    EXPECT_GT(f.comment.size(), 10u) << f.key;
    EXPECT_LT(f.comment.size(), 130u) << f.key;
    if (f.section != section) text += fmt::format("[{}]\n", section = f.section);
    std::string value;
    if (const auto* i = std::get_if<int*>(&f.value)) value = std::to_string(**i + 1);
    if (const auto* d = std::get_if<double*>(&f.value)) value = std::to_string(static_cast<int>(**d) + 1);
    if (const auto* b = std::get_if<bool*>(&f.value)) value = **b ? "false" : "true";
    if (std::holds_alternative<std::string*>(f.value)) value = "\"some \\\"\\\\ text\"";
    if (const auto* bytes = std::get_if<ByteField>(&f.value)) value = std::to_string(*bytes->bytes + 1);
    if (std::holds_alternative<ListField>(f.value)) value = "[\"*\"]";
    if (std::holds_alternative<KvType*>(f.value)) value = "\"q8\"";
    if (std::holds_alternative<WeightMode*>(f.value)) value = "\"q4\"";
    if (std::holds_alternative<std::optional<Isa>*>(f.value)) value = "\"scalar\"";
    if (std::holds_alternative<std::optional<double>*>(f.value)) value = "2.5";
    ASSERT_NE(value, "") << f.key;
    text += fmt::format("{} = {}\n", f.key, value);
    ++n;
  }
  EXPECT_GE(n, 40u);
  const ServeConfig config = parsed(text);
  const std::string printed = print_serve_config(config), printed_defaults = print_serve_config();
  EXPECT_EQ(print_serve_config(parsed(printed)), printed);
  std::istringstream now(printed), before(printed_defaults);
  size_t differing = 0;
  for (std::string a, b; std::getline(now, a) && std::getline(before, b);) differing += a != b && a[0] != '#' ? 1 : 0;
  EXPECT_EQ(differing, n);
}

TEST(Config, ReadsValues) {
  const ServeConfig c = parsed(R"([server]
host = "0.0.0.0"
port = 9000
allowed_hosts = ["llm.example.org", "10.0.0.7:80"]
max_body_bytes = "2 MiB"
drain_s = 2.5
metrics = false
[tls]
certificate = "c.pem"
key = "k.pem"
[engine]
kv = "q8"
weights = "q4"
isa = "avx-vnni"
cache_bytes = 1000
[limits]
max_schema_bytes = "64KiB"
default_max_tokens = 512
[[model]]
path = "smollm2"
aliases = ["a", "b"]
[[model]]
path = "m.gguf"
name = "c"
)");
  EXPECT_EQ(c.http.host, "0.0.0.0");
  EXPECT_EQ(c.http.port, 9000);
  EXPECT_EQ(c.http.allowed_hosts, (std::vector<std::string>{"llm.example.org", "10.0.0.7:80"}));
  EXPECT_EQ(c.http.max_body_bytes, 2u << 20);
  EXPECT_EQ(c.http.tls_certificate, "c.pem");
  EXPECT_EQ(c.http.tls_key, "k.pem");
  EXPECT_EQ(c.drain_s, 2.5);
  EXPECT_FALSE(c.api.metrics);
  EXPECT_EQ(c.pool.scheduler.kv, KvType::kQ8);
  EXPECT_EQ(c.pool.weights, WeightMode::kQ4);
  EXPECT_EQ(c.pool.isa, Isa::kAvxVnni);
  EXPECT_EQ(c.pool.scheduler.cache_bytes, 1000u);
  EXPECT_EQ(c.api.limits.grammar.max_source_bytes, 64u << 10);
  EXPECT_EQ(c.api.default_max_tokens, 512);
  ASSERT_EQ(c.models.size(), 2u);
  EXPECT_EQ(c.models[0].path, "smollm2");
  EXPECT_EQ(c.models[0].aliases, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(c.models[1].name, "c");
}

TEST(Config, ErrorsNameFileLineAndKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"[server]\nprot = 1", "sobre.toml:2: server.prot: unknown key; did you mean \"port\"?"},
      {"[server]\nmax_conections = 1", "sobre.toml:2: server.max_conections: unknown key; did you mean \"max_connections\"?"},
      {"[server]\nqqqqqqqqqqqq = 1", "sobre.toml:2: server.qqqqqqqqqqqq: unknown key"},
      {"[server]\nthreads = 1", "sobre.toml:2: server.threads: unknown key; it belongs into the section [engine]"},
      {"\n\n[servr]\n", "sobre.toml:3: servr: unknown section; did you mean \"server\"?"},
      {"port = 1", "sobre.toml:1: port: this key belongs into the section [server]"},
      {"server = 1", "sobre.toml:1: server is a whole number; it must be a section ([server])"},
      {"[server]\nport = \"80\"", "sobre.toml:2: server.port is a text; it must be a whole number from 0 to 65535"},
      {"[server]\nport = 80.0",
       "sobre.toml:2: server.port is a number with a fraction; it must be a whole number from 0 to 65535"},
      {"[server]\nport = 65536", "sobre.toml:2: server.port is 65536; it must be from 0 to 65535"},
      {"[server]\nport = -1", "sobre.toml:2: server.port is -1; it must be from 0 to 65535"},
      {"[server]\nport = 9223372036854775807", "sobre.toml:2: server.port is 9223372036854775807; it must be from 0 to 65535"},
      {"[server]\ndrain_s = nan", "sobre.toml:2: server.drain_s is nan; it must be from 0 to 86400"},
      {"[server]\nmetrics = 1", "sobre.toml:2: server.metrics is a whole number; it must be true or false"},
      {"[server]\nhost = \"\"", "sobre.toml:2: server.host is empty; give an address or a name"},
      {"[server]\nmax_body_bytes = \"8 MB\"",
       "sobre.toml:2: server.max_body_bytes is \"8 MB\"; it must be a number of bytes or a text such as \"8 MiB\" (B, KiB, "
       "MiB, GiB)"},
      {"[server]\nmax_body_bytes = 1", "sobre.toml:2: server.max_body_bytes is 1 B; it must be from 1 KiB to 4 GiB"},
      {"[server]\nmax_body_bytes = -1", "sobre.toml:2: server.max_body_bytes is -1; it must be from 1 KiB to 4 GiB"},
      {"[server]\nmax_body_bytes = \"1 GiB\"",
       "sobre.toml:2: server.max_total_body_bytes is 256 MiB, less than server.max_body_bytes, which is 1 GiB"},
      {"[server]\nallowed_hosts = \"a\"", "sobre.toml:2: server.allowed_hosts is a text; it must be a list of texts"},
      {"[server]\nallowed_hosts = [1]",
       "sobre.toml:2: server.allowed_hosts, item 1 is a whole number; it must be a text in quotes"},
      {"[server]\nallowed_hosts = [\"http://a\"]",
       "sobre.toml:2: server.allowed_hosts: \"http://a\" is not a host name, with or without a port, or \"*\""},
      {"[server]\nallowed_origins = [\"a.example.org\"]",
       "sobre.toml:2: server.allowed_origins: \"a.example.org\" is not an origin such as \"https://chat.example.org\", or "
       "\"*\""},
      {"[tls]\nkey = \"k\"", "sobre.toml:2: tls.key is given and tls.certificate is not; TLS needs both"},
      {"[engine]\nkv = \"f8\"", "sobre.toml:2: engine.kv is \"f8\"; it must be one of: f32, f16, q8"},
      {"[engine]\nweights = \"q5\"", "sobre.toml:2: engine.weights is \"q5\"; it must be one of: auto, f32, bf16, q8, q4"},
      {"[engine]\nisa = \"sse\"",
       "sobre.toml:2: engine.isa is \"sse\"; it must be one of: auto, scalar, avx2, avx-vnni, avx512, neon"},
      {"[engine]\nmax_active = 0", "sobre.toml:2: engine.max_active is 0; it must be from 1 to 256"},
      {"model = 1", "sobre.toml:1: model is a whole number; it must be a list of sections ([[model]])"},
      {"[[model]]\nname = \"x\"",
       "sobre.toml:1: model 1: the key \"path\" is missing: a file, a folder or a name of the catalogue"},
      {"[[model]]\npath = \"x\"\nalias = [\"y\"]", "sobre.toml:3: model 1, alias: unknown key; did you mean \"aliases\"?"},
      {"[[model]]\npath = \"x\"\nname = \"n\"\n[[model]]\npath = \"y\"\naliases = [\"n\"]",
       "sobre.toml:4: model 2: the name \"n\" belongs to model 1 already"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(text), error) << text;
  // Faults of the syntax have the words of the TOML library; the line is what matters.
  EXPECT_TRUE(error_of("[server]\nport = \n").starts_with("sobre.toml:2: ")) << error_of("[server]\nport = \n");
  EXPECT_TRUE(error_of("[server]\nport = 1\nport = 2\n").starts_with("sobre.toml:3: "));
  EXPECT_TRUE(error_of("\xff").starts_with("sobre.toml:1: "));
  EXPECT_NE(error_of(std::string(2 << 20, '#')), "");
  EXPECT_NE(error_of("a = " + std::string(10000, '[')), "");
  EXPECT_FALSE(load_serve_config("/nonexistent/sobre.toml"));
}

TEST(Config, BytesAreWrittenWithUnits) {
  for (const uint64_t bytes :
       {uint64_t{0}, uint64_t{1}, uint64_t{1023}, uint64_t{1024}, uint64_t{3} << 20, (uint64_t{5} << 30) + 1}) {
    EXPECT_EQ(parse_bytes(print_bytes(bytes)), bytes);
  }
  EXPECT_EQ(print_bytes(8 << 20), "8 MiB");
  for (const char* bad : {"", "8", "MiB", "-1 B", "8 mib", "8  MiB", "8 MiB ", "17179869184 GiB", "99999999999999999999 B"}) {
    EXPECT_EQ(parse_bytes(bad), std::nullopt) << bad;
  }
}

}  // namespace sobre
