// The hub's settings, from the variables that Hugging Face's tools read. Pure but for the token's file.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "hub/hub_types.h"

namespace sobre {

/// `variable(name)` gives an environment variable's value (the layers below cli do not read the environment). HF_HOME (else
/// $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface; "~" and $NAME are expanded), HF_HUB_CACHE and its older name,
/// HF_ENDPOINT, HF_TOKEN and its older name, HF_TOKEN_PATH (else HF_HOME/token), HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE,
/// TRANSFORMERS_OFFLINE, HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT. Truth is 1, on, yes, true in any case. Errors name the
/// variable: an endpoint that is no http or https URL or has credentials in it, a time that is no number above 0, a token with
/// characters that no header may have, no home at all.
[[nodiscard]] Result<HubSettings> hub_settings(const std::function<std::optional<std::string>(const char*)>& variable);

}  // namespace sobre
