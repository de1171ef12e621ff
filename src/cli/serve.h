// `sobre serve`: what its flags say, laid over sobre.toml. Main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/load.h"
#include "serve/config.h"

namespace sobre {

struct ServeFlags {
  std::vector<std::string> models;  // names or paths; none: the configuration's, else the bundled ones
  std::string config_path;          // empty: sobre.toml of the working directory where there is one
  std::optional<std::string> host, keys_file, tls_certificate, tls_key;
  std::optional<int> port;
  ModelFlags model;  // weights, cache, instruction set, threads, context; model itself unused
  bool weights_given = false, kv_given = false;
  bool print_config = false;
  std::string new_key;  // the id to make a key for
};

/// Runs the server until SIGTERM or SIGINT (which let running answers end; a second one does not). SIGHUP reads the keys and
/// the certificate again.
[[nodiscard]] Result<void> serve_command(const ServeFlags& flags);

}  // namespace sobre
