#include "serve/request_prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "engine/chat.h"

namespace sobre {

namespace {

// How models that think mark it; what the template has decides.
constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>", kMistralThink = "[THINK]", kMistralThinkEnd = "[/THINK]";

ApiError no_tokenizer(const std::string& name) {
  return bad_request(fmt::format("the model {} carries no tokenizer: it cannot read text", name), "model", "no_tokenizer");
}

Json template_variables(const ChatRequest& request, const TextAssets& text, ToolFormat format, const std::string& source) {
  Json variables = template_messages(format, source, request.messages, request.tools);
  for (const char* name : {"tools", "documents"}) {
    if (variables.find(name) == nullptr) variables.set(name, Json());
  }
  variables.set("add_generation_prompt", Json(true));
  const std::pair<const char*, const std::string*> tokens[] = {{"bos_token", &text.bos_token},
                                                               {"eos_token", &text.eos_token},
                                                               {"pad_token", &text.pad_token},
                                                               {"unk_token", &text.unk_token}};
  for (const auto& [name, spelling] : tokens) {
    if (!spelling->empty()) variables.set(name, Json(*spelling));
  }
  for (const auto& [name, value] : request.template_variables) variables.set(name, value);
  return variables;
}

bool ends_with_open_block(std::string_view text, std::string_view opened) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text.ends_with(opened);
}

/// A think block that the template opened is closed again where the answer has a form: else the form would govern the thoughts,
/// or begin only where the model chooses to end them.
void close_think_block(RenderedText& rendered) {
  if (ends_with_open_block(rendered.text, kThink)) {
    rendered.text += "\n</think>\n\n";
  } else if (ends_with_open_block(rendered.text, kMistralThink)) {
    rendered.text += kMistralThinkEnd;
  }
}

bool is_control(const Tokenizer& tokenizer, std::string_view spelling) {
  const auto id = tokenizer.find_token(spelling);
  return id && tokenizer.is_special(*id);
}

AnswerReader::Options reader_options(const ChatRequest& request, const RenderedChat& chat, const std::string& source) {
  AnswerReader::Options options;
  options.format = chat.format;
  options.tools = request.tool_choice != ToolChoice::kNone;
  options.reasoning = source.find(kThink) != std::string::npos || source.find(kThinkEnd) != std::string::npos ||
                      source.find(kMistralThink) != std::string::npos;
  options.starts_in_reasoning =
      ends_with_open_block(chat.rendered.text, kThink) || ends_with_open_block(chat.rendered.text, kMistralThink);
  for (const ToolDefinition& t : request.callable) options.names.push_back(t.name);
  return options;
}

/// Each part with its length before it: no text that a client chooses can pass for several parts.
std::string tools_key(const ChatRequest& request, const std::string& model, const std::string& form) {
  std::string key = fmt::format("tools {} {}", static_cast<int>(request.tool_choice), request.parallel_calls);
  const auto add = [&key](std::string_view part) { key += fmt::format(" {}:{}", part.size(), part); };
  add(model);
  add(form);
  for (const ToolDefinition& t : request.callable) {
    add(t.name);
    add(t.parameters.dump());
  }
  return key;
}

ApiResult<void> compile_format(AnswerFormat& format, RequestGrammars& grammars) {
  Result<std::shared_ptr<const Grammar>> grammar = grammars.get(format.key, format.grammar);
  if (!grammar) {
    return std::unexpected(
        bad_request(fmt::format("{}: {}", format.param, grammar.error().message), format.param, format.code));
  }
  format.compiled = std::move(*grammar);
  return {};
}

PromptGrammar format_grammar(const AnswerFormat& format) {
  CHECK(format.compiled);  // by compile_form
  return {format.compiled, {}};
}

/// Tools, a form, both (a call or the form) or neither.
ApiResult<PromptGrammar> compile_chat(const ChatRequest& request, const PromptModel& model, ToolFormat format,
                                      RequestGrammars& grammars) {
  if (request.tool_choice == ToolChoice::kNone) {
    return request.format ? format_grammar(*request.format) : PromptGrammar();
  }
  const bool either = request.format && request.tool_choice == ToolChoice::kAuto;
  const ToolChoice choice = either ? ToolChoice::kRequired : request.tool_choice;
  Result<ToolGrammar> tools = tool_grammar(format, model.text.chat_template->source(), *model.text.tokenizer, request.callable,
                                           choice, request.parallel_calls);
  if (!tools) return std::unexpected(bad_request(tools.error().message, "tools", "invalid_tools"));
  PromptGrammar out;
  out.start = std::move(tools->start);
  if (either) {
    std::vector<GrammarNode> parts;
    parts.push_back(std::move(tools->grammar));
    parts.push_back(request.format->grammar);
    tools->grammar = grammar_choice(std::move(parts));
  }
  Result<std::shared_ptr<const Grammar>> grammar =
      grammars.get(tools_key(request, model.name, either ? request.format->key : ""), tools->grammar);
  if (!grammar) return std::unexpected(bad_request("tools: " + grammar.error().message, "tools", "invalid_tools"));
  out.grammar = std::move(*grammar);
  return out;
}

ApiResult<SamplingOptions> checked_sampling(const CommonRequest& request, const PromptModel& model, uint64_t seed) {
  SamplingOptions sampling = sampling_of(request, starting_sampling(model.sampling, model.text.generation_defaults), seed);
  const Result<void> checked = check_sampling(sampling, model.vocab_size);
  if (!checked) return std::unexpected(bad_request(checked.error().message, "logit_bias"));
  return sampling;
}

ApiResult<void> check_ids(const std::vector<int32_t>& ids, int vocab_size) {
  for (const int32_t id : ids) {
    if (id >= 0 && id < vocab_size) continue;
    return std::unexpected(
        bad_request(fmt::format("prompt: the token id {} is outside the vocabulary of {} entries", id, vocab_size), "prompt"));
  }
  return {};
}

/// The ids change from turn to turn, so that the ids of calls do too where the seed is the same.
uint64_t mix_ids(uint64_t seed, const std::vector<int32_t>& ids) {
  uint64_t hash = seed ^ 0xcbf29ce484222325ULL;
  for (const int32_t id : ids) hash = (hash ^ static_cast<uint32_t>(id)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

ApiError context_exceeded(uint64_t prompt_tokens, int context) {
  return bad_request(
      fmt::format("the prompt has {} tokens, and the context of this model is {} tokens, one of them at least for "
                  "the answer; shorten the prompt",
                  prompt_tokens, context),
      "messages", "context_length_exceeded");
}

// A form beside tools is compiled for its faults: what governs the answer is one grammar of both. Where a call is required,
// the form has no say.
ApiResult<void> compile_form(ChatRequest& request, RequestGrammars& grammars) {
  if (!request.format || request.tool_choice == ToolChoice::kRequired) return {};
  if (auto compiled = compile_format(*request.format, grammars); !compiled) return compiled;
  if (request.tool_choice == ToolChoice::kNone) request.format->grammar = {};  // it may be large, and the request may wait
  return {};
}

ApiResult<void> compile_form(CompletionRequest& request, RequestGrammars& grammars) {
  if (!request.format) return {};
  if (auto compiled = compile_format(*request.format, grammars); !compiled) return compiled;
  request.format->grammar = {};
  return {};
}

ApiResult<RenderedChat> render_chat(const ChatRequest& request, const TextAssets& text, const LocalTime& now) {
  if (!text.chat_template) {
    return std::unexpected(bad_request("the model has no chat template: it continues plain text; ask /v1/completions", "model",
                                       "no_chat_template"));
  }
  const std::string& source = text.chat_template->source();
  RenderedChat chat;
  chat.format = detect_tool_format(source);
  Result<RenderedText> rendered = text.chat_template->render(template_variables(request, text, chat.format, source), now);
  if (!rendered) {
    return std::unexpected(bad_request("the model's chat template refuses this conversation: " + rendered.error().message,
                                       "messages", "template_error"));
  }
  chat.rendered = std::move(*rendered);
  return chat;
}

ApiResult<ChatPrompt> prepare_chat(const ChatRequest& request, const PromptModel& model, RequestGrammars& grammars,
                                   const LocalTime& now, uint64_t seed) {
  if (!model.text.tokenizer) return std::unexpected(no_tokenizer(model.name));
  auto chat = render_chat(request, model.text, now);
  if (!chat) return std::unexpected(chat.error());
  const Tokenizer& tokenizer = *model.text.tokenizer;
  const std::string& source = model.text.chat_template->source();
  ChatPrompt out;
  auto sampling = checked_sampling(request, model, seed);
  if (!sampling) return std::unexpected(sampling.error());
  out.sampling = std::move(*sampling);
  auto grammar = compile_chat(request, model, chat->format, grammars);
  if (!grammar) return std::unexpected(grammar.error());
  out.grammar = std::move(*grammar);
  if (out.grammar.grammar && out.grammar.start.at_once()) close_think_block(chat->rendered);
  out.ids = tokenizer.encode_rendered(chat->rendered.text, chat->rendered.from_input);
  if (out.ids.empty()) {
    return std::unexpected(
        bad_request("the model's chat template renders this conversation as nothing", "messages", "template_error"));
  }
  if (out.ids.size() >= static_cast<size_t>(model.context)) {
    return std::unexpected(context_exceeded(out.ids.size(), model.context));
  }
  out.reader = reader_options(request, *chat, source);
  out.reader.calls_only = request.tool_choice == ToolChoice::kRequired;
  out.reader.obeyed = out.reader.calls_only || (out.reader.tools && out.grammar.grammar && !out.grammar.start.at_once());
  out.reader.seed = mix_ids(out.sampling.seed, out.ids);
  out.split = out.reader.tools || out.reader.reasoning;
  const bool think_tokens = out.reader.reasoning && (is_control(tokenizer, kThink) || is_control(tokenizer, kThinkEnd) ||
                                                     is_control(tokenizer, kMistralThink));
  out.special_text = out.reader.tools || think_tokens;
  return out;
}

ApiResult<CompletionPrompt> prepare_completion(const CompletionRequest& request, const PromptModel& model, uint64_t seed) {
  CompletionPrompt out;
  if (!model.text.tokenizer) return std::unexpected(no_tokenizer(model.name));
  auto sampling = checked_sampling(request, model, seed);
  if (!sampling) return std::unexpected(sampling.error());
  out.sampling = std::move(*sampling);
  for (const auto& prompt : request.prompts) {
    std::vector<int32_t> ids;
    std::string echo;
    if (const std::string* text = std::get_if<std::string>(&prompt)) {
      Result<std::vector<int32_t>> encoded = completion_ids(model.text, *text);
      if (!encoded) return std::unexpected(bad_request(encoded.error().message, "prompt"));
      ids = std::move(*encoded);
      if (request.echo) echo = *text;
    } else {
      ids = std::get<std::vector<int32_t>>(prompt);
      if (auto checked = check_ids(ids, model.vocab_size); !checked) return std::unexpected(checked.error());
      if (request.echo) echo = model.text.tokenizer->decode(ids);
    }
    if (ids.size() >= static_cast<size_t>(model.context)) {
      ApiError error = context_exceeded(ids.size(), model.context);
      error.param = "prompt";
      return std::unexpected(std::move(error));
    }
    out.ids.push_back(std::move(ids));
    out.echo.push_back(std::move(echo));
  }
  if (request.format) out.grammar = format_grammar(*request.format);
  return out;
}

}  // namespace sobre
