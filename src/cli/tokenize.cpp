// `sobre tokenize`: texts to token ids and back, for checks and scripts.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/names.h"
#include "model/checkpoint.h"

namespace sobre {

namespace {

constexpr size_t kMaxTextBytes = size_t{256} << 20;

Json ids_to_json(const std::vector<int32_t>& ids) {
  Json::Array list;
  list.reserve(ids.size());
  for (const int32_t id : ids) list.emplace_back(int64_t{id});
  return Json(std::move(list));
}

Result<Json> decode_row(const Tokenizer& tokenizer, const Json& list) {
  if (list.as_array() == nullptr) return fail("\"ids\" is no list of token ids");
  std::vector<int32_t> ids;
  ids.reserve(list.as_array()->size());
  for (const Json& entry : *list.as_array()) {
    const std::optional<int64_t> id = entry.as_int();
    if (!id || *id < 0 || *id >= tokenizer.vocab_size()) {
      return fail("\"ids\" entry {}: {} is no id from 0 to {}", ids.size() + 1, entry.dump().substr(0, 20),
                  tokenizer.vocab_size() - 1);
    }
    ids.push_back(static_cast<int32_t>(*id));
  }
  return Json(Json::Object{{"text", Json(tokenizer.decode(ids))}});
}

Result<Json> answer_row(const Tokenizer& tokenizer, const EncodeOptions& how, const Json& row) {
  if (const Json* text = row.find("text"); text != nullptr) {
    if (text->as_string() == nullptr) return fail("\"text\" is no string");
    return Json(Json::Object{{"ids", ids_to_json(tokenizer.encode(*text->as_string(), how))}});
  }
  if (const Json* ids = row.find("ids"); ids != nullptr) return decode_row(tokenizer, *ids);
  return fail("a line must be {{\"text\": \"...\"}} or {{\"ids\": [...]}}");
}

}  // namespace

Result<void> tokenize_command(const TokenizeOptions& options) {
  std::error_code error;
  std::string path = options.path;
  if (!std::filesystem::exists(path, error)) {
    TRY(path, resolve_model(options.path));
  }
  TRY(const Tokenizer tokenizer, open_tokenizer(path));
  const EncodeOptions how{.add_special = options.special, .parse_special = true};
  if (options.jsonl) return answer_json_lines([&](const Json& row) { return answer_row(tokenizer, how, row); });
  TRY(const std::string text, read_standard_input(kMaxTextBytes));
  std::string line;
  for (const int32_t id : tokenizer.encode(text, how)) line += (line.empty() ? "" : " ") + std::to_string(id);
  fmt::print("{}\n", line);
  return {};
}

}  // namespace sobre
