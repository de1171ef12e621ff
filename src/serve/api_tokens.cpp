// POST /tokenize and /detokenize.
#include <fmt/format.h>

#include <functional>

#include "engine/chat.h"
#include "serve/api_core.h"
#include "serve/chat_request.h"
#include "serve/completion_request.h"
#include "serve/request_answer.h"
#include "serve/request_prompt.h"
#include "text/unicode.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxText = 8 << 20;
constexpr const char *kTokenizeRoute = "/tokenize", *kDetokenizeRoute = "/detokenize";

using TokenWork = std::function<ApiResult<Json>(const TextAssets& text)>;
using TokenParse = std::function<ApiResult<TokenWork>(const Json& body, const ApiLimits& limits)>;

/// Reads the body on a thread of the API, waits for the model, does the work and answers.
void answer_with_model(const std::shared_ptr<ApiCore>& core, const char* route, HttpRequest&& request,
                       const std::shared_ptr<HttpReply>& reply, TokenParse parse) {
  const auto fail = [core, route, reply](const ApiError& error) { core->answer_error(*reply, route, error); };
  auto task = [core, route, body = std::move(request.body), held = std::move(request.body_held), reply,
               parse = std::move(parse), fail] {
    const ApiResult<Json> json = parse_body(body, core->options.limits, route == kDetokenizeRoute);
    if (!json) return fail(json.error());
    RequestFields fields(*json);
    const std::string* name = fields.text("model", 1024);
    if (!fields.ok()) return fail(fields.error());
    ApiResult<TokenWork> work = parse(*json, core->options.limits);
    if (!work) return fail(work.error());
    const ApiResult<const ServedModel*> served = core->find_model(name == nullptr ? "" : *name);
    if (!served) return fail(served.error());
    const bool taken =
        core->pool.acquire(*served, [core, route, reply, fail, held, served = *served, work = std::move(*work)](auto loaded) {
          if (!loaded) return fail(model_failed(served->name, loaded.error().message));
          core->readers.post([core, route, reply, fail, held, loaded = std::move(*loaded), work] {
            const ApiResult<Json> answer = work(loaded->model->text());
            if (!answer) return fail(answer.error());
            core->answer_json(*reply, route, *answer);
          });
        });
    if (!taken) fail(too_many_for_model((*served)->name));
  };
  if (!core->readers.try_post(std::move(task), static_cast<size_t>(core->options.limits.max_waiting))) fail(too_many_waiting());
}

Json tokens_json(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool with_pieces) {
  Json::Array list;
  list.reserve(ids.size());
  for (const int32_t id : ids) {
    if (!with_pieces) {
      list.emplace_back(id);
      continue;
    }
    const std::string_view bytes = shown_bytes(tokenizer, id);
    Json piece(bytes);
    if (!is_valid_utf8(bytes)) {
      Json::Array values;
      for (const char c : bytes) values.emplace_back(static_cast<int>(static_cast<unsigned char>(c)));
      piece = Json(std::move(values));
    }
    list.push_back(Json::Object{{"id", id}, {"piece", std::move(piece)}});
  }
  Json out{Json::Object()};
  out.set("tokens", std::move(list));
  out.set("count", Json(static_cast<int64_t>(ids.size())));
  return out;
}

ApiError no_tokenizer() { return bad_request("the model carries no tokenizer", "model", "no_tokenizer"); }

ApiResult<Json> tokenize_text(const TextAssets& text, const std::string& content, bool add_special, bool with_pieces) {
  if (!text.tokenizer) return std::unexpected(no_tokenizer());
  EncodeOptions options;
  options.parse_special = false;  // control tokens in a client's text stay text
  std::vector<int32_t> ids = text.tokenizer->encode(content, options);
  if (add_special && text.add_bos && text.bos) ids.insert(ids.begin(), *text.bos);
  return tokens_json(*text.tokenizer, ids, with_pieces);
}

ApiResult<Json> tokenize_chat(const TextAssets& text, const ChatRequest& request, bool with_pieces) {
  if (!text.tokenizer) return std::unexpected(no_tokenizer());
  const auto chat = render_chat(request, text, local_now());
  if (!chat) return std::unexpected(chat.error());
  return tokens_json(*text.tokenizer, text.tokenizer->encode_rendered(chat->rendered.text, chat->rendered.from_input),
                     with_pieces);
}

ApiResult<TokenWork> parse_tokenize(const Json& body, const ApiLimits& limits) {
  RequestFields fields(body);
  const bool with_pieces = fields.flag("with_pieces"), add_special = fields.flag("add_special");
  const std::string* content = fields.text("content", kMaxText);
  const bool chat = fields.find("messages") != nullptr;
  if ((content != nullptr) == chat) fields.refuse("content", "one of content (a string) and messages is expected");
  if (!fields.ok()) return std::unexpected(fields.error());
  if (chat) {
    ApiResult<ChatRequest> request = parse_chat_request(body, limits);
    if (!request) return std::unexpected(request.error());
    // Shared: the work is copied on its way.
    return [chat = std::make_shared<const ChatRequest>(std::move(*request)), with_pieces](const TextAssets& text) {
      return tokenize_chat(text, *chat, with_pieces);
    };
  }
  CHECK(content != nullptr);  // else the fields were refused
  return [content = *content, add_special, with_pieces](const TextAssets& text) {
    return tokenize_text(text, content, add_special, with_pieces);
  };
}

ApiResult<Json> detokenize(const TextAssets& text, const std::vector<int32_t>& ids) {
  if (!text.tokenizer) return std::unexpected(no_tokenizer());
  for (const int32_t id : ids) {
    if (id < text.tokenizer->vocab_size()) continue;
    return std::unexpected(bad_request(
        fmt::format("tokens: the id {} is outside the vocabulary of {} entries", id, text.tokenizer->vocab_size()), "tokens"));
  }
  return Json(Json::Object{{"content", text.tokenizer->decode(ids)}});
}

ApiResult<TokenWork> parse_detokenize(const Json& body, const ApiLimits&) {
  RequestFields fields(body);
  const Json::Array* list = fields.list("tokens", 1 << 20);
  if (fields.ok() && list == nullptr) fields.refuse("tokens", "it is missing; a list of token ids is expected");
  std::vector<int32_t> ids;
  if (fields.ok() && list != nullptr && !list->empty()) ids = read_ids(fields, *list, "tokens");
  if (!fields.ok()) return std::unexpected(fields.error());
  return [ids = std::move(ids)](const TextAssets& text) { return detokenize(text, ids); };
}

}  // namespace

void answer_tokenize(const std::shared_ptr<ApiCore>& core, HttpRequest&& request, const std::shared_ptr<HttpReply>& reply) {
  answer_with_model(core, kTokenizeRoute, std::move(request), reply, parse_tokenize);
}

void answer_detokenize(const std::shared_ptr<ApiCore>& core, HttpRequest&& request, const std::shared_ptr<HttpReply>& reply) {
  answer_with_model(core, kDetokenizeRoute, std::move(request), reply, parse_detokenize);
}

}  // namespace sobre
