// The two ends of bench/pull_speed and bench/pull_kills.
//   hub_bench serve RATE FOLDER      a stand-in hub with the repository org/bench of the folder's files, at RATE bytes per second
//                                    and connection (0: as fast as it goes). Prints its URL; answers each line on stdin with
//                                    the bytes of bodies and the requests so far; ends with stdin.
//   hub_bench pull ENDPOINT CACHE PARALLEL      pulls org/bench as `sobre pull` does. Prints the path and the bytes fetched.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "hub/hub_names.h"
#include "hub/pull.h"
#include "hub/stand_in_hub_testing.h"

namespace {

using namespace sobre;

int fail_with(const std::string& message) {
  fmt::print(stderr, "hub_bench: {}\n", message);
  return 1;
}

int serve(uint64_t rate, const std::string& folder) {
  std::vector<MappedFile> files;
  stand_in::Hub hub;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    auto file = MappedFile::open(entry.path().string());
    if (!file) return fail_with(file.error().message);
    files.push_back(std::move(*file));
    const std::string name = entry.path().filename().string();
    hub.add("org/bench", name, files.back().text(), name.ends_with(".gguf") || name.ends_with(".safetensors"), false);
  }
  hub.cdn().limit_rate(rate);
  fmt::print("{}\n", hub.url());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{} {}\n", hub.hub().body_bytes() + hub.cdn().body_bytes(), hub.hub().seen().size() + hub.cdn().seen().size());
    std::fflush(stdout);
  }
  return 0;
}

int pull(const std::string& endpoint, const std::string& cache, int parallel) {
  HubSettings settings;
  settings.endpoint = endpoint;
  settings.cache = cache;
  PullOptions options;
  options.parallel = parallel;
  const auto pulled = pull_model(settings, *parse_hub_name("org/bench"), options);
  if (!pulled) return fail_with(pulled.error().message);
  fmt::print("{} {}\n", pulled->path, pulled->fetched_bytes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv, argv + argc);
  if (args.size() == 4 && args[1] == "serve") return serve(std::stoull(args[2]), args[3]);
  if (args.size() == 5 && args[1] == "pull") return pull(args[2], args[3], std::stoi(args[4]));
  return fail_with("usage: hub_bench serve RATE FOLDER | hub_bench pull ENDPOINT CACHE PARALLEL");
}
