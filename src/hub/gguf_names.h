// What the names of files say in repositories of quantised models: which are models, which quantisation, which part of how
// many. There is no rule, only habits: "SmolLM2-360M-Instruct-Q4_K_M.gguf", "model.i1-IQ3_XS.gguf", "smollm2-360m-q8_0.gguf",
// "UD-Q4_K_XL/x-UD-Q4_K_XL-00001-of-00002.gguf", "Q8_0/model.gguf". Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sobre {

/// A part of a split file: BASE-NUMBER-of-COUNT.END, both of five digits and 1 <= NUMBER <= COUNT.
struct SplitName {
  std::string base;
  uint64_t number = 1, count = 1;
};
[[nodiscard]] std::optional<SplitName> split_name(std::string_view path, std::string_view end);

/// Whether a path is that of a model: ends with ".gguf", in any folder, and is neither a projector (mmproj) nor an importance
/// matrix (imatrix).
[[nodiscard]] bool is_gguf_model(std::string_view path);

/// The quantisation at the end of a path without ".gguf" and without the number of its part, else that of its folder, as it is
/// written there but in upper case ("UD-Q4_K_XL", "F16"); empty when there is none.
[[nodiscard]] std::string quant_of_stem(std::string_view stem);

/// How well a name agrees with what a user asks for, without regard to case; the greater the better.
enum class QuantMatch {
  kNone,
  kEnd,      // the name ends with it, after '-', '.' or '/': ":360M-Instruct-Q8_0"
  kUnsloth,  // ":Q4_K_XL" of UD-Q4_K_XL
  kQuant     // it is the quantisation
};
[[nodiscard]] QuantMatch match_quant(std::string_view stem, std::string_view wanted);

}  // namespace sobre
