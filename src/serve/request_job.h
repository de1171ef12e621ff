// One request for answers on its way: read, waiting for its model, prepared, with the scheduler, answered. Its parts run on the
// threads of the API, of the pool and of the engine, one after the other; a mutex guards what they share with a client that
// leaves and with the ticks.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serve/accounting.h"
#include "serve/api_core.h"
#include "serve/request_answer.h"

namespace sobre {

class RequestJob : public std::enable_shared_from_this<RequestJob> {
 public:
  enum class Kind : uint8_t { kChat, kCompletion };

  RequestJob(std::shared_ptr<ApiCore> core, Kind kind, std::string scope, HttpRequest&& request,
             std::shared_ptr<HttpReply> reply);
  ~RequestJob();
  RequestJob(const RequestJob&) = delete;
  RequestJob& operator=(const RequestJob&) = delete;

  /// Hands the request to the API's threads.
  void start();
  /// Sends a comment where a stream has been silent for long.
  void tick(ApiCore::Clock::time_point now);

 private:
  using Clock = ApiCore::Clock;

  // In the order of a request's life.
  void read();
  void have_model(Result<std::shared_ptr<LoadedModel>> loaded);
  void prepare(std::shared_ptr<LoadedModel> loaded);
  [[nodiscard]] ApiResult<void> prepare_chat_request(const PromptModel& model);
  [[nodiscard]] ApiResult<void> prepare_completion_request(const PromptModel& model);
  void drop_input();
  void submit();
  [[nodiscard]] bool submit_prompt(Scheduler& scheduler, size_t prompt);
  void take(size_t answer, std::vector<GenerationToken>&& tokens);
  void end(size_t answer, GenerationReport&& report);
  void settle(int answers);
  void complete();

  void fail(const ApiError& error);
  void client_left();
  void cancel_all();
  // With the mutex held: what the request costs.
  [[nodiscard]] bool keeps_text() const;
  void note_answer(size_t answer, const GenerationReport& report);
  void close_account();
  void record();
  [[nodiscard]] bool done();
  // With the mutex held.
  void write_locked(std::string&& text);
  void fail_locked(const ApiError& error);
  void send_failure_locked(const ApiError& error);
  void count_locked(int status);

  [[nodiscard]] const CommonRequest& common() const;
  [[nodiscard]] bool draws_nothing() const { return common().max_tokens == 0; }
  [[nodiscard]] std::string_view route() const;
  [[nodiscard]] AnswerHead head() const;
  [[nodiscard]] AnswerForm form(size_t prompts) const;
  void fill_request(const SamplingOptions& sampling, const PromptGrammar& grammar);

  const std::shared_ptr<ApiCore> core_;
  const Kind kind_;
  const std::string scope_;
  const Clock::time_point started_ = Clock::now();
  const std::string id_;  // chatcmpl-..., cmpl-...
  std::string body_;
  std::shared_ptr<void> body_held_;  // until what was made of the body is dropped
  std::variant<ChatRequest, CompletionRequest> request_;
  const ServedModel* served_ = nullptr;        // set under the mutex; a client that leaves is counted with it
  ModelMetrics* metrics_ = nullptr;            // so is this
  GenerationRequest generation_;               // but for the prompt
  std::vector<std::vector<int32_t>> prompts_;  // those not yet submitted

  std::mutex mutex_;  // of what follows
  std::shared_ptr<HttpReply> reply_;
  std::shared_ptr<LoadedModel> loaded_;
  std::unique_ptr<RequestAnswer> answer_;
  std::vector<uint64_t> ids_;              // of the answers at the scheduler
  std::vector<Clock::time_point> latest_;  // per answer: its latest token
  bool stream_ = false, begun_ = false;
  std::string echoes_;  // a stream of prompts alone: it is made at once, so it is sent as a whole
  bool done_ = false;   // answered, or the client has left: nothing more is sent but failure_
  // What it cost, where answers are accounted for.
  uint64_t account_ = 0;  // 0: not begun, or closed
  size_t ended_ = 0;      // answers that have ended
  std::string impact_;    // as JSON, once the account is closed
  std::optional<LedgerRow> row_;
  std::optional<ApiError> failure_;                   // to be sent when its answers have ended
  std::vector<std::string> kept_;                     // texts of the answers, where they are kept
  double queue_s_ = 0, prompt_s_ = 0, decode_s_ = 0;  // the longest of its answers
  int left_ = 0;                                      // answers that have not ended, and one while they are being submitted
  Clock::time_point last_write_;
};

}  // namespace sobre
