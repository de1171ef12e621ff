#include "hub/gguf_names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sobre {

namespace {

constexpr std::string_view kUnslothPrefix = "UD-";  // "dynamic" quantisations of that author's

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Of text in upper case: Q4_K_M, Q8_0, Q4, Q4_0_4_4, IQ4_XS, TQ1_0, I2_S, F16, BF16, FP16, MXFP4, MXFP4_MOE, NVFP4.
bool is_quant(std::string_view text) {
  constexpr std::array<std::string_view, 3> kIntegers = {"IQ", "TQ", "Q"};
  constexpr std::array<std::string_view, 11> kWhole = {"F16",  "F32",   "F64",       "BF16",  "FP16", "FP32",
                                                       "BF32", "MXFP4", "MXFP4_MOE", "NVFP4", "I2_S"};
  if (std::find(kWhole.begin(), kWhole.end(), text) != kWhole.end()) return true;
  for (const std::string_view prefix : kIntegers) {
    if (!text.starts_with(prefix)) continue;
    std::string_view rest = text.substr(prefix.size());
    if (rest.empty() || !is_digit(rest.front())) continue;
    rest.remove_prefix(1);
    // One digit of bits, then "_" and letters or digits: no "Q4K", no version such as "q25".
    if (rest.empty()) return true;
    if (rest.front() != '_' || rest.back() == '_') return false;
    return std::all_of(rest.begin(), rest.end(), [](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; });
  }
  return false;
}

// The quantisation at the end of a name in upper case, or empty. It is a word between '-' and '.'; where '_' separates words
// too ("llama_q8_0") the longest end that is one.
std::string_view quant_at_end(std::string_view name) {
  const size_t cut = name.find_last_of("-./");
  const size_t begin = cut == name.npos ? 0 : cut + 1;
  for (size_t at = begin; at < name.size();) {
    if (is_quant(name.substr(at))) {
      const bool dynamic = at == begin && name.substr(0, begin).ends_with(kUnslothPrefix) &&
                           (begin == kUnslothPrefix.size() || std::string_view("-./_").find(name[begin - 4]) != name.npos);
      return name.substr(dynamic ? begin - kUnslothPrefix.size() : at);
    }
    const size_t next = name.find('_', at);
    if (next == name.npos) break;
    at = next + 1;
  }
  return {};
}

std::optional<uint64_t> five_digits(std::string_view text) {
  if (text.size() != 5 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<SplitName> split_name(std::string_view path, std::string_view end) {
  constexpr std::string_view kOf = "-of-";
  constexpr size_t kTail = 15;  // "-00001-of-00003"
  if (!path.ends_with(end)) return std::nullopt;
  path.remove_suffix(end.size());
  if (path.size() <= kTail) return std::nullopt;
  const std::string_view tail = path.substr(path.size() - kTail);
  const auto number = five_digits(tail.substr(1, 5)), count = five_digits(tail.substr(10));
  if (tail.front() != '-' || tail.substr(6, 4) != kOf || !number || !count || *number < 1 || *number > *count)
    return std::nullopt;
  return SplitName{std::string(path.substr(0, path.size() - kTail)), *number, *count};
}

bool is_gguf_model(std::string_view path) {
  if (!path.ends_with(".gguf")) return false;
  const std::string name = upper(path.substr(path.find_last_of('/') + 1));
  return name.find("MMPROJ") == name.npos && name.find("IMATRIX") == name.npos;
}

std::string quant_of_stem(std::string_view stem) {
  const std::string name = upper(stem);
  const std::string_view view = name;
  const size_t slash = view.find_last_of('/');
  const std::string_view of_file = quant_at_end(view.substr(slash == view.npos ? 0 : slash + 1));
  if (!of_file.empty() || slash == view.npos) return std::string(of_file);
  const std::string_view folder = view.substr(0, slash);
  return std::string(quant_at_end(folder.substr(folder.find_last_of('/') + 1)));
}

QuantMatch match_quant(std::string_view stem, std::string_view wanted) {
  const std::string quant = quant_of_stem(stem), name = upper(stem), end = upper(wanted);
  if (end.empty()) return QuantMatch::kNone;
  if (quant == end) return QuantMatch::kQuant;
  if (quant.starts_with(kUnslothPrefix) && quant.substr(kUnslothPrefix.size()) == end) return QuantMatch::kUnsloth;
  if (!name.ends_with(end)) return QuantMatch::kNone;
  const bool bounded =
      name.size() == end.size() || std::string_view("-./").find(name[name.size() - end.size() - 1]) != name.npos;
  return bounded ? QuantMatch::kEnd : QuantMatch::kNone;
}

}  // namespace sobre
