// HttpReply for HttpConnection: carries calls from any thread to the I/O thread. Internal to http_*.cpp.
#pragma once

#include <memory>

#include "serve/http_connection.h"

namespace sobre {

/// The reply to the request `serial` of a connection. It outlives both the connection and the server without harm.
[[nodiscard]] std::shared_ptr<HttpReply> make_http_reply(std::shared_ptr<HttpGate> gate,
                                                         std::weak_ptr<HttpConnection> connection, uint64_t serial,
                                                         std::shared_ptr<HttpReplyState> state);

}  // namespace sobre
