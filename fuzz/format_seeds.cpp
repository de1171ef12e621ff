// Writes the seeds of the fuzzers of file formats: format_seeds FOLDER makes FOLDER/<fuzzer>/. The seeds are committed under
// fuzz/seeds; run this again when src/format/hostile_testing.h changes. It needs nothing but that header:
//   c++ -std=c++23 -Isrc fuzz/format_seeds.cpp -o format_seeds && ./format_seeds fuzz/seeds
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "format/hostile_testing.h"

namespace {

namespace hostile = sobre::hostile;

class SeedFolder {
 public:
  explicit SeedFolder(const std::filesystem::path& folder) : folder_(folder) { std::filesystem::create_directories(folder_); }

  /// One file for each distinct text, named after what it is.
  void add(const std::string& name, const std::string& bytes) {
    if (!seen_.insert(bytes).second) return;
    std::string file;
    for (const char c : name) file += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    std::ofstream(folder_ / file, std::ios::binary) << bytes;
  }
  void add(const std::string& name, const hostile::MarkedFile& file) {
    add(name, file.bytes);
    for (const hostile::Damaged& d : hostile::truncations(file)) add(name + " " + d.name, d.bytes);
    for (const hostile::Damaged& d : hostile::wrong_lengths(file, false)) add(name + " " + d.name, d.bytes);
  }

 private:
  std::filesystem::path folder_;
  std::set<std::string> seen_;
};

void add_json(SeedFolder& seeds) {
  const std::string whole =
      R"({"a": [1, -2, 3.5e-7, 18446744073709551615, 1E400], "b": {"c": null, "d": true}, "e": "\u00e9\ud83d\ude00\n\\", "": [[], {}]})";
  for (const char* text :
       {"0", "-0", "-0.0", "1e308", "\"\\u0000\"", "[]", "{}", "null", " [1 ,2]\n", "{\"a\":1,\"a\":2}", "\xff"})
    seeds.add(text, text);
  std::string good = whole;
  good.replace(good.find("1E400"), 5, "1E300");
  for (size_t n = 0; n <= good.size(); ++n) {
    const bool boundary = n == good.size() || std::string_view("{}[],:\"\\").find(good[n]) != std::string_view::npos;
    if (boundary) seeds.add("cut_" + std::to_string(n), good.substr(0, n));
  }
  seeds.add("overflow", whole);
  for (const char open : {'[', '{'}) seeds.add(open == '[' ? "deep_arrays" : "deep_objects", std::string(100, open));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: format_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path root = argv[1];
  SeedFolder gguf(root / "gguf_fuzz"), safetensors(root / "safetensors_fuzz"), json(root / "json_fuzz");
  gguf.add("whole", hostile::small_gguf().bytes);
  gguf.add("version 2", hostile::small_gguf(2).bytes);
  gguf.add("scalars", hostile::small_gguf(3, hostile::kScalars));
  gguf.add("arrays", hostile::small_gguf(3, hostile::kArrays));
  gguf.add("tensors", hostile::small_gguf(3, hostile::kTensors));
  safetensors.add("whole", hostile::small_safetensors());
  add_json(json);
}
