// Names from users and from the hub. Everything the hub says is untrusted: what passes here becomes paths below the cache and
// parts of URLs, and nothing else does. Pure; any thread. Rules: huggingface_hub's, with limits of our own.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/hub_types.h"

namespace sobre {

/// REPO[@REVISION][:QUANT]. REPO is "org/name": letters, digits, '.', '_', '-', neither part beginning or ending with '.' or
/// '-', no "--" and no "..", at most 96 characters each (those are the hub's rules). REVISION: what git allows for a ref, at
/// most 200 bytes. QUANT: letters, digits, '_', '-', '.', at most 32. Errors say which part, which character, what is allowed.
[[nodiscard]] Result<HubName> parse_hub_name(std::string_view text);

/// Whether a text has the form of a repository ("org/name", with or without revision and quantisation), so that a name that is
/// neither a file nor in the catalogue is worth asking the hub for.
[[nodiscard]] bool looks_like_hub_name(std::string_view text);

/// The name that parse_hub_name() reads: "org/name", "org/name@v1:Q4_K_M". The revision "main" is left out.
[[nodiscard]] std::string hub_name_text(const HubName& name);

/// A path of a file within a repository: UTF-8, at most 1024 bytes, folders by '/', no part empty, "." or "..", no backslash,
/// no control character, no drive letter.
[[nodiscard]] Result<void> check_hub_path(std::string_view path);

/// 40 or 64 lower-case hexadecimal digits.
[[nodiscard]] bool is_commit(std::string_view text);
[[nodiscard]] bool is_hub_digest(std::string_view text);

/// Percent-encoding (RFC 3986). For a revision '/' is encoded too, for a path it stays.
[[nodiscard]] std::string encode_url_part(std::string_view text, bool keep_slashes);

}  // namespace sobre
