// sobre.toml: everything that `sobre serve` can be told. Flags of the command line are laid over it by the caller.
#pragma once

#include <optional>
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

/// How energy is found, and what it costs where the machine stands.
struct ServeMeter {
  bool enabled = true;
  std::string method = "auto";   // or one by name, see EnergyMethod::name
  std::string calibration_file;  // empty: where `sobre meter --calibrate` writes
  std::string zone;              // of the grid; empty: undeclared
  std::string grid_file;         // intensities of the user's own
  std::string currency;          // of the following
  std::optional<double> tariff_per_kwh, hardware_price, hardware_lifetime_years, embodied_kg, embodied_lifetime_years, pue;
};

struct ServeLedger {
  bool enabled = true;
  std::string file;  // empty: ledger.db in the state folder
  bool required = false, keep_text = false;
};

struct ServeConfig {
  HttpOptions http;
  ModelPoolOptions pool;
  ApiOptions api;
  ServeMeter meter;
  ServeLedger ledger;
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
