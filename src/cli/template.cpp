// `sobre template`: rows of messages to the prompts that a model's chat template makes of them.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/names.h"
#include "model/checkpoint.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxTemplateBytes = 1 << 20;

// Members of a row that are about it and no variables of the template.
constexpr std::array<std::string_view, 5> kNotVariables = {"case", "special_tokens", "rendered", "raises", "raises_type"};

struct OpenTemplate {
  std::optional<ChatTemplate> chat_template;
  Json special_tokens{Json::Object()};  // of the model; a row's own come before them
};

Result<OpenTemplate> open_template(const std::string& path) {
  OpenTemplate opened;
  if (path.ends_with(".jinja")) {
    TRY(const std::string source, read_file(path, kMaxTemplateBytes));
    auto parsed = ChatTemplate::parse(source);
    if (!parsed) return fail_in(path, parsed.error());
    opened.chat_template.emplace(std::move(*parsed));
    return opened;
  }
  TRY(const std::string resolved, resolve_model(path));
  TRY(const Checkpoint checkpoint, Checkpoint::open(resolved));
  TRY(TextAssets text, checkpoint.text_assets());
  if (!text.chat_template) return fail("{}: it has no chat template", resolved);
  opened.chat_template = std::move(text.chat_template);
  const std::pair<const char*, const std::string*> tokens[] = {{"bos_token", &text.bos_token},
                                                               {"eos_token", &text.eos_token},
                                                               {"pad_token", &text.pad_token},
                                                               {"unk_token", &text.unk_token}};
  for (const auto& [name, spelling] : tokens) {
    if (!spelling->empty()) opened.special_tokens.set(name, Json(*spelling));
  }
  return opened;
}

// What the template sees: the special tokens, then the row's own variables. Tools and documents are null where none are given.
Result<Json> variables_of(const Json& row, const Json& special_tokens) {
  if (!row.is_object()) return fail("a line must be an object with \"messages\"");
  const Json* messages = row.find("messages");
  if (messages == nullptr || !messages->is_array()) return fail("\"messages\" is missing or no list");
  Json variables = special_tokens;
  for (const char* name : {"tools", "documents"}) variables.set(name, Json());
  if (const Json* own = row.find("special_tokens"); own != nullptr) {
    if (!own->is_object()) return fail("\"special_tokens\" is no object");
    for (const auto& [name, value] : *own->as_object()) variables.set(name, value);
  }
  for (const auto& [name, value] : *row.as_object()) {
    if (std::find(kNotVariables.begin(), kNotVariables.end(), name) == kNotVariables.end()) variables.set(name, value);
  }
  return variables;
}

LocalTime clock_time() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  localtime_r(&now, &local);
  return {local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec};
}

}  // namespace

std::optional<LocalTime> parse_local_time(const std::string& text) {
  LocalTime t;
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() != kShape.size()) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](size_t at, size_t n) { return std::stoi(text.substr(at, n)); };
  t = {number(0, 4), number(5, 2), number(8, 2), number(11, 2), number(14, 2), number(17, 2)};
  const std::chrono::year_month_day date{std::chrono::year(t.year), std::chrono::month(static_cast<unsigned>(t.month)),
                                         std::chrono::day(static_cast<unsigned>(t.day))};
  const bool valid = t.year >= 1 && date.ok() && t.hour < 24 && t.minute < 60 && t.second < 60;
  return valid ? std::optional(t) : std::nullopt;
}

Result<void> template_command(const TemplateOptions& options) {
  TRY(const OpenTemplate opened, open_template(options.path));
  return answer_json_lines([&](const Json& row) -> Result<Json> {
    TRY(const Json variables, variables_of(row, opened.special_tokens));
    TRY(RenderedText rendered, opened.chat_template->render(variables, options.now.value_or(clock_time())));
    return Json(Json::Object{{"rendered", Json(std::move(rendered.text))}});
  });
}

}  // namespace sobre
