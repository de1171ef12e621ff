// A whole server for tests: the transport, the API and tiny models of random weights, on a free port. Test code of the layer
// serve.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/tiny_model_testing.h"
#include "serve/api.h"
#include "serve/http.h"
#include "serve/keys.h"
#include "serve/model_pool.h"
#include "serve/serve_testing.h"

namespace sobre {

struct ApiServerOptions {
  HttpOptions http;
  ApiOptions api;
  ModelPoolOptions pool;
  std::vector<std::string> keys;  // texts of keys; their ids are key1, key2, ...
  double tick_s = 0.05;
  bool preload = false;  // begin to load the first model at once
};

/// Runs on a thread of its own until destroyed. Models: "tiny" (alias "tiny-alias"), a ChatML model of a context of 1024;
/// "base", the same without a template; "thinker", whose template opens a think block; "strict", whose template refuses texts
/// with the word "refuse"; "braceless", whose vocabulary cannot write a {; "lost", whose folder does not exist.
class ApiServer {
 public:
  [[nodiscard]] static Result<std::shared_ptr<ApiServer>> start(ApiServerOptions options);
  ~ApiServer();

  [[nodiscard]] int port() const { return http_->port(); }
  [[nodiscard]] Api& api() { return *api_; }
  [[nodiscard]] ModelPool& pool() { return *pool_; }
  /// As SIGTERM does: no more connections, running answers end within the time.
  void drain(double seconds);

 private:
  void tick();

  ApiServerOptions options_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<KeyStore> keys_;
  std::unique_ptr<ModelPool> pool_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> http_;
  std::thread thread_;
  std::atomic<bool> stopped_{false};
};

}  // namespace sobre
