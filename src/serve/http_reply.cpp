#include "serve/http_reply.h"

namespace sobre {

namespace {

class ConnectionReply final : public HttpReply {
 public:
  ConnectionReply(std::shared_ptr<HttpGate> gate, std::weak_ptr<HttpConnection> connection, uint64_t serial,
                  std::shared_ptr<HttpReplyState> state)
      : gate_(std::move(gate)), connection_(std::move(connection)), serial_(serial), state_(std::move(state)) {}
  ConnectionReply(const ConnectionReply&) = delete;
  ConnectionReply& operator=(const ConnectionReply&) = delete;

  ~ConnectionReply() override {
    if (state_->done.exchange(true)) return;
    post([serial = serial_](HttpConnection& c) { c.drop(serial); });
  }

  void send(int status, std::string_view content_type, std::string body, HttpHeaders headers) override {
    if (state_->done.exchange(true)) return;
    post([serial = serial_, status, type = std::string(content_type), body = std::move(body),
          headers = std::move(headers)](HttpConnection& c) mutable { c.send(serial, status, type, std::move(body), headers); });
  }

  void begin(int status, std::string_view content_type, HttpHeaders headers) override {
    if (state_->done) return;
    post([serial = serial_, status, type = std::string(content_type), headers = std::move(headers)](HttpConnection& c) {
      c.begin(serial, status, type, headers);
    });
  }

  void write(std::string chunk) override {
    if (state_->done || chunk.empty()) return;
    const uint64_t size = chunk.size();
    state_->posted += size;
    auto shared = std::make_shared<std::string>(std::move(chunk));
    const bool posted = gate_->post([serial = serial_, connection = connection_, state = state_, shared] {
      if (const auto c = connection.lock()) c->write(serial, *shared);
      state->posted -= shared->size();
    });
    if (!posted) state_->posted -= size;
  }

  void end() override {
    if (state_->done.exchange(true)) return;
    post([serial = serial_](HttpConnection& c) { c.end(serial); });
  }

  void on_abort(std::function<void()> callback) override {
    if (state_->done) return;
    // Shared, since the closure below may be destroyed unused when the server has ended.
    auto shared = std::make_shared<std::function<void()>>(std::move(callback));
    const bool posted = gate_->post([serial = serial_, connection = connection_, state = state_, shared] {
      if (const auto c = connection.lock()) return c->on_abort(serial, std::move(*shared));
      if (!state->done) (*shared)();  // the connection is closed and gone
    });
    if (!posted) (*shared)();
  }

  [[nodiscard]] uint64_t backlog_bytes() const override { return state_->posted + state_->unsent; }

 private:
  template <class Work>
  void post(Work work) {
    // std::function wants copyable closures.
    auto shared = std::make_shared<Work>(std::move(work));
    gate_->post([connection = connection_, shared] {
      if (const auto c = connection.lock()) (*shared)(*c);
    });
  }

  std::shared_ptr<HttpGate> gate_;
  std::weak_ptr<HttpConnection> connection_;
  uint64_t serial_;
  std::shared_ptr<HttpReplyState> state_;
};

}  // namespace

std::shared_ptr<HttpReply> make_http_reply(std::shared_ptr<HttpGate> gate, std::weak_ptr<HttpConnection> connection,
                                           uint64_t serial, std::shared_ptr<HttpReplyState> state) {
  return std::make_shared<ConnectionReply>(std::move(gate), std::move(connection), serial, std::move(state));
}

}  // namespace sobre
