// How an answer is to be sampled, by the names that flags and /set share. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/chat.h"

namespace sobre {

/// The option names in the order that help lists them, with what they mean.
struct SettingHelp {
  const char* name;
  const char* value;
  const char* text;
  bool repeatable;
};
[[nodiscard]] std::span<const SettingHelp> setting_list();

/// Sets one option from its text. '_' and '-' are the same in names; a value in double quotes is read as a JSON string. The
/// repeatable ones (stop, logit-bias) add to their list, and are emptied by an empty value. Errors name the option, the value
/// and what is allowed; then nothing has changed.
[[nodiscard]] Result<void> set_option(AnswerOptions& options, std::string_view name, std::string_view value);

/// "temperature 0.2, top-p 0.9, seed 0": all that differ from off, temperature and seed always.
[[nodiscard]] std::string settings_text(const AnswerOptions& options);

}  // namespace sobre
