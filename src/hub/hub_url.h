// URLs of the hub's answers: whose they are, where a redirect leads, what of them a message may show. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

/// "scheme://host:port" in lower case, with the port written out: equal for two URLs exactly when a token for one may go to the
/// other. Errors: no absolute http or https URL, credentials in it.
[[nodiscard]] Result<std::string> url_origin(std::string_view url);

/// The absolute URL that a Location header means, seen from `from`. Errors: what url_origin() refuses, and https that becomes
/// http.
[[nodiscard]] Result<std::string> redirect_target(std::string_view from, std::string_view location);

/// The URL of `rel="next"` in a Link header; empty when there is none.
[[nodiscard]] std::string next_link(std::string_view link_header);

/// "scheme://host:port/path" for messages: the query of a signed link is a secret, and control characters are not for
/// terminals.
[[nodiscard]] std::string shown_url(std::string_view url);

/// A text of the hub's for a message: one line; control characters, marks that turn text around and bytes that are no UTF-8 as
/// '?'; cut after `most` bytes.
[[nodiscard]] std::string shown_text(std::string_view text, size_t most = 200);

}  // namespace sobre
