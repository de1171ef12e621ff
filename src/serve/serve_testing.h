// What the text tests of HTTP (tests/http/**/*.http, run by http_text_test.cpp) need from those who build servers. A file says
// `server NAME`, and the runner asks the factory of that name for a running server. Factories are registered before main() by
// the *_test.cpp files that own them:
//   const bool kRegistered = register_test_server("api", [](const TestServerOptions& options) { ... });
// Test code of the layer serve; main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sobre {

/// The `option NAME VALUE` lines of a test file, in their order.
using TestServerOptions = std::vector<std::pair<std::string, std::string>>;

/// A server that runs on 127.0.0.1 until this object is destroyed.
struct TestServer {
  int port = 0;
  std::shared_ptr<void> keep;  // whatever keeps it running: thread, server, models
};

/// Starts a server. Errors: options that it does not know, with their values. A factory that is slow to start may keep its
/// server and give the same one again for equal options.
using TestServerFactory = std::function<Result<TestServer>(const TestServerOptions& options)>;

/// Always true, so that it can initialise a constant. The name must be new.
bool register_test_server(const std::string& name, TestServerFactory factory);

/// The factory of this name; null when there is none.
[[nodiscard]] const TestServerFactory* find_test_server(std::string_view name);

}  // namespace sobre
