#include "serve/request_common.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace sobre {

namespace {

constexpr int kMostTokens = std::numeric_limits<int32_t>::max();
// What OpenAI's "temperature" may be at most, and how near to 0 top_p may come: there the likeliest token is left alone.
constexpr double kMaxTemperature = 2, kLeastTopP = 1e-9;

std::optional<int> as_int(std::optional<int64_t> value) {
  if (!value) return std::nullopt;
  return static_cast<int>(*value);
}

void read_sampling(RequestFields& fields, const ApiLimits& limits, CommonRequest& out) {
  out.temperature = fields.number("temperature", 0, kMaxTemperature);
  out.top_p = fields.number("top_p", 0, 1);
  if (out.top_p && *out.top_p < kLeastTopP) out.top_p = kLeastTopP;
  out.min_p = fields.number("min_p", 0, 1);
  out.presence_penalty = fields.number("presence_penalty", -2, 2);
  out.frequency_penalty = fields.number("frequency_penalty", -2, 2);
  out.repetition_penalty = fields.number("repetition_penalty", 0.01, 100);
  const auto other_name = fields.number("repeat_penalty", 0.01, 100);
  // What each name means where it comes from: all of prompt and answer, or the last tokens.
  if (out.repetition_penalty) {
    out.penalty_window = -1;
  } else if (other_name) {
    out.repetition_penalty = other_name;
    out.penalty_window = SamplingOptions().penalty_window;
  }
  if (const auto window = as_int(fields.integer("repeat_last_n", -1, 1 << 20))) out.penalty_window = window;
  out.top_k = as_int(fields.integer("top_k", -1, 1 << 30));
  if (out.top_k && *out.top_k < 0) out.top_k = 0;
  out.seed = fields.integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  const auto n = fields.integer("n", 1, limits.max_choices);
  out.n = static_cast<int>(n.value_or(1));
}

void read_logit_bias(RequestFields& fields, const ApiLimits& limits, CommonRequest& out) {
  const Json* biases = fields.object("logit_bias");
  if (biases == nullptr) return;
  const Json::Object& members = *biases->as_object();
  if (members.size() > static_cast<size_t>(limits.max_logit_bias)) {
    fields.refuse("logit_bias", fmt::format("{} tokens; at most {} are allowed", members.size(), limits.max_logit_bias));
    return;
  }
  for (const auto& [key, value] : members) {
    int32_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      fields.refuse("logit_bias", fmt::format("the key {} is no token id", short_json(Json(key))));
      return;
    }
    const auto bias = value.as_double();
    if (!bias || !(*bias >= -100 && *bias <= 100)) {
      fields.refuse("logit_bias",
                    fmt::format("the bias of {} is {}; allowed are numbers from -100 to 100", id, short_json(value)));
      return;
    }
    out.logit_bias.emplace_back(id, static_cast<float>(*bias));
  }
}

void add_stop(RequestFields& fields, const ApiLimits& limits, const Json& value, CommonRequest& out) {
  const std::string* stop = value.as_string();
  if (stop == nullptr) {
    fields.refuse("stop", fmt::format("{} is no string", short_json(value)));
  } else if (stop->empty()) {
    fields.refuse("stop", "an empty string would end every answer before it begins");
  } else if (stop->size() > limits.max_stop_bytes) {
    fields.refuse("stop", fmt::format("a string of {} bytes; at most {} are allowed", stop->size(), limits.max_stop_bytes));
  } else {
    out.stops.push_back(*stop);
  }
}

void read_stops(RequestFields& fields, const ApiLimits& limits, CommonRequest& out) {
  const Json* stop = fields.find("stop");
  if (stop == nullptr) return;
  if (const Json::Array* list = stop->as_array()) {
    if (list->size() > static_cast<size_t>(limits.max_stops)) {
      fields.refuse("stop", fmt::format("{} strings; at most {} are allowed", list->size(), limits.max_stops));
      return;
    }
    for (const Json& entry : *list) add_stop(fields, limits, entry, out);
  } else if (stop->is_string()) {
    add_stop(fields, limits, *stop, out);
  } else {
    fields.refuse("stop", "it is neither a string nor a list of strings");
  }
}

void read_max_tokens(RequestFields& fields, int least, CommonRequest& out) {
  for (const char* name : {"max_completion_tokens", "max_tokens", "n_predict"}) {
    const auto value = as_int(fields.integer(name, least, kMostTokens));
    if (!out.max_tokens) out.max_tokens = value;
  }
}

void read_streaming(RequestFields& fields, CommonRequest& out) {
  out.stream = fields.flag("stream");
  const Json* options = fields.object("stream_options");
  if (options == nullptr) return;
  if (!out.stream) {
    fields.refuse("stream_options", "it goes with \"stream\": true only");
    return;
  }
  RequestFields inner(*options, "stream_options.");
  out.include_usage = inner.flag("include_usage");
  if (!inner.ok()) fields.refuse(inner.error());
}

/// What other servers take and this one does not: silently dropped, it would change the answer.
void refuse_foreign(RequestFields& fields) {
  fields.refuse_unsupported({{"lora", "[]", nullptr},
                             {"mirostat", "0", nullptr},
                             {"mirostat_mode", "0", nullptr},
                             {"typical_p", "1", nullptr},
                             {"tfs_z", "1", nullptr},
                             {"top_a", "0", nullptr},
                             {"top_n_sigma", "-1", nullptr},
                             {"xtc_probability", "0", nullptr},
                             {"dry_multiplier", "0", nullptr},
                             {"dynatemp_range", "0", nullptr},
                             {"samplers", nullptr, nullptr},
                             {"min_tokens", "0", nullptr},
                             {"min_keep", "0", nullptr},
                             {"use_beam_search", "false", nullptr},
                             {"stop_token_ids", "[]", "give stop strings"},
                             {"bad_words", "[]", "give logit_bias"},
                             {"allowed_token_ids", "[]", nullptr},
                             {"logits_processors", "[]", nullptr},
                             {"prompt_logprobs", nullptr, nullptr},
                             {"truncate_prompt_tokens", nullptr, "prompts are never cut"},
                             {"documents", "[]", "put them into the messages"},
                             {"images", "[]", "the models read text"}});
}

}  // namespace

ApiResult<Json> parse_body(std::string_view body, const ApiLimits& limits, bool with_ids) {
  if (body.empty()) return std::unexpected(bad_request("the body is empty; a JSON object is expected"));
  const uint64_t values = with_ids ? limits.max_id_values : limits.max_json_values;
  Result<Json> parsed = Json::parse(body, {.max_bytes = body.size(), .max_depth = limits.max_json_depth, .max_values = values});
  if (!parsed) return std::unexpected(bad_request(parsed.error().message, "", "invalid_json"));
  const Json::Object* object = parsed->as_object();
  if (object == nullptr) {
    return std::unexpected(bad_request("the body is " + short_json(*parsed) + "; a JSON object is expected"));
  }
  if (object->size() > static_cast<size_t>(limits.max_members)) {
    return std::unexpected(
        bad_request(fmt::format("the body's object has {} members; at most {} are read", object->size(), limits.max_members)));
  }
  return std::move(*parsed);
}

void read_common(RequestFields& fields, const ApiLimits& limits, int least_max_tokens, CommonRequest& out) {
  if (const std::string* model = fields.text("model", 1024)) out.model = *model;
  read_streaming(fields, out);
  read_max_tokens(fields, least_max_tokens, out);
  read_sampling(fields, limits, out);
  read_logit_bias(fields, limits, out);
  read_stops(fields, limits, out);
  out.ignore_eos = fields.flag("ignore_eos");
  out.reuse_prefix = fields.flag("cache_prompt", true);
  out.format = read_answer_format(fields);
  refuse_foreign(fields);
}

SamplingOptions sampling_of(const CommonRequest& request, const SamplingOptions& recommended, uint64_t seed) {
  SamplingOptions o = recommended;
  if (request.temperature) o.temperature = *request.temperature;
  if (request.top_p) o.top_p = *request.top_p;
  if (request.min_p) o.min_p = *request.min_p;
  if (request.top_k) o.top_k = *request.top_k;
  if (request.repetition_penalty) o.repetition_penalty = *request.repetition_penalty;
  if (request.penalty_window) o.penalty_window = *request.penalty_window;
  if (request.presence_penalty) o.presence_penalty = *request.presence_penalty;
  if (request.frequency_penalty) o.frequency_penalty = *request.frequency_penalty;
  o.logit_bias = request.logit_bias;
  o.seed = request.seed ? static_cast<uint64_t>(*request.seed) : seed;
  return o;
}

}  // namespace sobre
