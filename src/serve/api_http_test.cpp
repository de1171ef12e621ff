// The server of the API's tests, and the text tests' "api".
#include <openssl/sha.h>

#include <charconv>

#include "serve/api_testing.h"

namespace sobre {

namespace {

constexpr int kContext = 1024;

constexpr const char* kThinkTemplate =
    "{% for m in messages %}{{ '<|im_start|>' ~ m['role'] ~ '\\n' ~ m['content'] ~ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
    "{# the answer follows </think> #}";

constexpr const char* kStrictTemplate =
    "{% for m in messages %}{% if 'refuse' in m['content'] %}{{ raise_exception('this text is not wanted') }}{% endif %}"
    "{{ '<|im_start|>' ~ m['role'] ~ '\\n' ~ m['content'] ~ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

Result<void> write_text(const std::string& path, const std::string& text) {
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY_VOID(file.write(text));
  return file.commit();
}

/// A tiny model below `folder` with another template (null: none).
Result<ServedModel> make_model(const std::string& folder, const std::string& name, const char* chat_template) {
  ServedModel served;
  served.name = name;
  served.path = folder + "/" + name;
  served.created = 1'700'000'000;
  served.sampling = Json(Json::Object());
  std::filesystem::create_directory(served.path);
  TRY_VOID(write_tiny_model(served.path, SOBRE_SOURCE_DIR, 1, kContext));
  Json config{Json::Object{{"eos_token", "<|im_end|>"}}};
  if (chat_template != nullptr) config.set("chat_template", Json(chat_template));
  TRY_VOID(write_text(served.path + "/tokenizer_config.json", config.dump()));
  return served;
}

/// A model whose vocabulary has no brace: its token stands for something else.
Result<ServedModel> make_braceless_model(const std::string& folder) {
  TRY(ServedModel served, make_model(folder, "braceless", kTinyTemplate));
  TRY(std::string tokenizer, read_file(served.path + "/tokenizer.json", 16 << 20));
  const size_t at = tokenizer.find("\"{\":90");
  if (at == std::string::npos) return fail("the tokenizer of the tests has another brace");
  tokenizer.replace(at, 3, "\"!!!!\"");
  TRY_VOID(write_text(served.path + "/tokenizer.json", tokenizer));
  return served;
}

Result<std::vector<ServedModel>> make_models(const std::string& folder) {
  std::vector<ServedModel> models;
  const std::pair<const char*, const char*> kinds[] = {
      {"tiny", kTinyTemplate}, {"base", nullptr}, {"thinker", kThinkTemplate}, {"strict", kStrictTemplate}};
  for (const auto& [name, chat_template] : kinds) {
    TRY(ServedModel served, make_model(folder, name, chat_template));
    if (models.empty()) served.aliases = {"tiny-alias"};
    models.push_back(std::move(served));
  }
  ServedModel lost;
  lost.name = "lost";
  lost.path = folder + "/lost";
  lost.sampling = Json(Json::Object());
  models.push_back(std::move(lost));
  TRY(ServedModel braceless, make_braceless_model(folder));
  models.push_back(std::move(braceless));
  return models;
}

std::string key_line(size_t number, const std::string& key) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  std::string line = fmt::format("key{} sha256:", number);
  for (const unsigned char byte : digest) line += fmt::format("{:02x}", byte);
  return line + "\n";
}

template <class T>
bool set_number(const std::string& value, T& field) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), field);
  return error == std::errc() && end == value.data() + value.size();
}

Result<void> set_option(ApiServerOptions& options, const std::string& name, const std::string& value) {
  bool good = true;
  if (name == "key") {
    options.keys.push_back(value);
  } else if (name == "preload") {
    options.preload = options.api.wait_for_first = value == "yes";
  } else if (name == "ping_s") {
    good = set_number(value, options.api.ping_s);
  } else if (name == "tick_s") {
    good = set_number(value, options.tick_s);
  } else if (name == "max_active") {
    good = set_number(value, options.pool.scheduler.max_active);
  } else if (name == "max_queued") {
    good = set_number(value, options.pool.scheduler.max_queued);
  } else if (name == "max_waiting") {
    good = set_number(value, options.api.limits.max_waiting);
  } else if (name == "max_loaded") {
    good = set_number(value, options.pool.max_loaded);
  } else if (name == "max_model_waiting") {
    good = set_number(value, options.pool.max_waiting);
  } else if (name == "swap_patience_s") {
    good = set_number(value, options.pool.swap_patience_s);
  } else if (name == "idle_unload_s") {
    good = set_number(value, options.pool.idle_unload_s);
  } else {
    return fail("unknown option {}", name);
  }
  if (!good) return fail("option {}: \"{}\" is not a number", name, value);
  return {};
}

Result<TestServer> api_factory(const TestServerOptions& wanted) {
  ApiServerOptions options;
  for (const auto& [name, value] : wanted) TRY_VOID(set_option(options, name, value));
  TRY(auto server, ApiServer::start(std::move(options)));
  return TestServer{server->port(), server};
}

const bool kRegistered = register_test_server("api", api_factory);

}  // namespace

Result<std::shared_ptr<ApiServer>> ApiServer::start(ApiServerOptions options) {
  if (!kRegistered) return fail("the api server is registered twice");
  auto server = std::make_shared<ApiServer>();
  ApiServer* raw = server.get();
  raw->options_ = std::move(options);
  raw->folder_ = std::make_unique<TemporaryFolder>("api");
  ApiServerOptions& o = raw->options_;
  TRY(std::vector<ServedModel> models, make_models(raw->folder_->path()));
  if (!o.keys.empty()) {
    std::string lines;
    for (size_t i = 0; i < o.keys.size(); ++i) lines += key_line(i + 1, o.keys[i]);
    TRY_VOID(write_text(raw->folder_->path() + "/keys", lines));
    TRY(raw->keys_, KeyStore::load(raw->folder_->path() + "/keys"));
  }
  o.http.host = "127.0.0.1";
  o.http.port = 0;
  o.pool.scheduler.threads = 1;
  o.pool.scheduler.context = kContext;
  o.pool.scheduler.cache_bytes = 16 << 20;
  o.api.version = "test";
  o.api.max_active = o.pool.scheduler.max_active;
  raw->pool_ = std::make_unique<ModelPool>(std::move(models), o.pool);
  raw->api_ = std::make_unique<Api>(*raw->pool_, raw->keys_.get(), o.api);
  TRY(raw->http_, HttpServer::create(
                      o.http, [raw](HttpRequest&& request, const auto& reply) { raw->api_->handle(std::move(request), reply); },
                      Api::error_body, [raw](const HttpRequest& head) { return raw->api_->check_head(head); }));
  if (o.preload) (void)raw->pool_->acquire(&raw->pool_->models().front(), [](auto) {});
  raw->tick();
  raw->thread_ = std::thread([raw] { raw->http_->run(); });
  return server;
}

void ApiServer::tick() {
  http_->after(options_.tick_s, [this] {
    api_->tick();
    pool_->tick();
    tick();
  });
}

void ApiServer::drain(double seconds) {
  if (stopped_.exchange(true)) return;
  pool_->drain(seconds);
  http_->stop(1);
  thread_.join();
}

ApiServer::~ApiServer() {
  if (thread_.joinable()) drain(0);
  api_.reset();
}

}  // namespace sobre
