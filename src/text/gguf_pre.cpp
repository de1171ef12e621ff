#include "text/gguf_pre.h"

#include "text/split_scanners.h"

namespace sobre {
namespace {

constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr GgufPre kDefault{{R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Pattern, R"(\p{N}+)", "[0-9][0-9][0-9]"}, false, false, false};
constexpr GgufPre kGpt2{{kGpt2Pattern}, false, false, false};
constexpr GgufPre kDigitsGpt2{{kDigit, kGpt2Pattern}, false, false, false};
constexpr GgufPre kLlama3{{kLlama3Pattern}, true, true, false};
constexpr GgufPre kLlama3Merging{{kLlama3Pattern}, false, false, false};
constexpr GgufPre kQwen2{{kQwen2Pattern}, false, false, true};
constexpr GgufPre kQwen2Plain{{kQwen2Pattern}, false, false, false};
constexpr GgufPre kQwen35Pre{{kQwen35}, false, false, true};
constexpr GgufPre kTekken{{kTekkenPattern}, true, true, false};
constexpr GgufPre kGpt4oPre{{kGpt4o}, false, false, false};
constexpr GgufPre kFalcon{{R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Pattern, "[0-9][0-9][0-9]"}, false, false, false};

struct Row {
  std::string_view name;
  const GgufPre* pre;
};

constexpr Row kRows[] = {
    {"default", &kDefault},
    {"gpt-2", &kGpt2},
    {"phi-2", &kGpt2},
    {"mpt", &kGpt2},
    {"olmo", &kGpt2},
    {"jina-es", &kGpt2},
    {"jina-de", &kGpt2},
    {"jina-v2-es", &kGpt2},
    {"jina-v2-de", &kGpt2},
    {"modern-bert", &kGpt2},
    {"granite-docling", &kGpt2},
    {"smollm", &kDigitsGpt2},
    {"starcoder", &kDigitsGpt2},
    {"refact", &kDigitsGpt2},
    {"command-r", &kDigitsGpt2},
    {"codeshell", &kDigitsGpt2},
    {"exaone", &kDigitsGpt2},
    {"minerva-7b", &kDigitsGpt2},
    {"llama-bpe", &kLlama3},
    {"llama3", &kLlama3},
    {"llama-v3", &kLlama3},
    {"falcon3", &kLlama3},
    {"pixtral", &kLlama3},
    {"lfm2", &kLlama3},
    {"smaug-bpe", &kLlama3Merging},
    {"dbrx", &kLlama3Merging},
    {"glm4", &kLlama3Merging},
    {"chatglm-bpe", &kLlama3Merging},
    {"qwen2", &kQwen2},
    {"deepseek-r1-qwen", &kQwen2},
    {"stablelm2", &kQwen2Plain},
    {"qwen35", &kQwen35Pre},
    {"tekken", &kTekken},
    {"gpt-4o", &kGpt4oPre},
    {"llama4", &kGpt4oPre},
    {"falcon", &kFalcon},
};

}  // namespace

const GgufPre* find_gguf_pre(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.pre;
  }
  return nullptr;
}

std::string gguf_pre_names() {
  std::string names;
  for (const Row& row : kRows) names.append(names.empty() ? "" : ", ").append(row.name);
  return names;
}

}  // namespace sobre
