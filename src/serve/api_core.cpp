#include "serve/api_core.h"

#include <fmt/format.h>

#include <random>

namespace sobre {

ApiCore::ApiCore(ModelPool& models, const KeyStore* key_store, ApiOptions api_options)
    : pool(models),
      keys(key_store),
      options(std::move(api_options)),
      metrics(models.models()),
      grammars(options.limits.grammar),
      readers(options.threads),
      finishers(1) {}

ApiResult<const ServedModel*> ApiCore::find_model(std::string_view name) const {
  if (name.empty() && !pool.models().empty()) return &pool.models().front();
  if (const ServedModel* found = pool.find(name)) return found;
  std::string names;
  for (const ServedModel& m : pool.models()) names += fmt::format("{}{}", names.empty() ? "" : ", ", m.name);
  ApiError error = bad_request(fmt::format("the model {} does not exist here; known are {}", Json(name).dump(), names), "model",
                               "model_not_found");
  error.status = 404;
  return std::unexpected(std::move(error));
}

uint64_t ApiCore::new_seed() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

std::string ApiCore::new_id(std::string_view prefix) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr int kLength = 24, kPerWord = 10;
  std::string id(prefix);
  uint64_t word = 0;
  for (int i = 0; i < kLength; ++i) {
    if (i % kPerWord == 0) word = new_seed();
    id += kLetters[word % kLetters.size()];
    word /= kLetters.size();
  }
  return id;
}

void ApiCore::answer(HttpReply& reply, std::string_view route, int status, std::string_view content_type, std::string body,
                     HttpHeaders headers) {
  metrics.request(route, "", status);
  reply.send(status, content_type, std::move(body), std::move(headers));
}

void ApiCore::answer_json(HttpReply& reply, std::string_view route, const Json& body) {
  answer(reply, route, 200, "application/json", body.dump());
}

void ApiCore::answer_error(HttpReply& reply, std::string_view route, const ApiError& error, std::string_view model) {
  metrics.request(route, model, error.status);
  send_error(reply, error);
}

ApiError too_many_waiting() {
  ApiError error;
  error.status = 429;
  error.message = "too many requests wait to be read; try again later";
  error.code = "queue_full";
  error.retry_after_s = 1;
  return error;
}

ApiError too_many_for_model(const std::string& name) {
  ApiError error;
  error.status = 429;
  error.message = fmt::format("too many requests wait for the model {} to be loaded; try again later", name);
  error.code = "queue_full";
  error.retry_after_s = 5;
  return error;
}

ApiError model_failed(const std::string& name, const std::string& reason) {
  ApiError error;
  error.status = 503;
  error.message = fmt::format("the model {} cannot be loaded: {}", name, reason);
  error.param = "model";
  error.code = "model_not_loaded";
  error.retry_after_s = 10;
  return error;
}

}  // namespace sobre
