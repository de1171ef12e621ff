// sobre.toml: everything that `sobre serve` can be told. Flags of the command line are laid over it by the caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serve/api.h"
#include "serve/http.h"
#include "serve/model_pool.h"

namespace sobre {

/// A [[model]] of the file.
struct ServeModel {
  std::string path;  // a file, a folder or a name of the catalogue
  std::string name;  // as requests name it; empty: from the path
  std::vector<std::string> aliases;
};

struct ServeConfig {
  HttpOptions http;
  ModelPoolOptions pool;
  ApiOptions api;
  std::vector<ServeModel> models;
  std::string keys_file;  // empty: no keys are asked for
  double drain_s = 30;    // what running answers get to end when the server is stopped
};

/// Reads the text of a configuration; `where` begins the messages (the file's name). Errors name file, line and key: unknown
/// keys (with the nearest known one), wrong types, values out of range.
[[nodiscard]] Result<ServeConfig> parse_serve_config(std::string_view text, const std::string& where);
[[nodiscard]] Result<ServeConfig> load_serve_config(const std::string& path);

/// A whole file with these values and a comment for every key. It parses back to the same values.
[[nodiscard]] std::string print_serve_config(const ServeConfig& config = {});

}  // namespace sobre
