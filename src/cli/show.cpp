// `sobre show`: what a checkpoint is, from its headers alone.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "engine/memory.h"
#include "engine/session.h"
#include "model/checkpoint.h"
#include "model/model.h"

namespace sobre {

namespace {

void row(std::string_view what, const std::string& value) { fmt::print("{:<16}{}\n", what, value); }

std::string kind_text(CheckpointKind kind) {
  switch (kind) {
    case CheckpointKind::kHfFolder:
      return "Hugging Face folder (safetensors)";
    case CheckpointKind::kMistralFolder:
      return "Mistral folder (params.json, consolidated.safetensors)";
    case CheckpointKind::kGguf:
      return "GGUF";
  }
  return "";
}

// "9 (3 key/value heads) of 64", or the range where layers differ.
template <class Field>
std::string layer_text(const DecoderSpec& spec, Field field) {
  int low = field(spec.layers.front()), high = low;
  for (const LayerSpec& l : spec.layers) {
    low = std::min(low, field(l));
    high = std::max(high, field(l));
  }
  return low == high ? count_text(static_cast<uint64_t>(low)) : fmt::format("{} to {}", low, high);
}

void show_shape(const DecoderSpec& spec) {
  row("layers", std::to_string(spec.n_layers()));
  row("width", std::to_string(spec.d_model));
  row("heads", fmt::format("{} of {}, {} for keys and values", layer_text(spec, [](const LayerSpec& l) { return l.n_heads; }),
                           layer_text(spec, [](const LayerSpec& l) { return l.head_dim; }),
                           layer_text(spec, [](const LayerSpec& l) { return l.n_kv_heads; })));
  row("feed-forward", layer_text(spec, [](const LayerSpec& l) { return l.ffn_dim; }));
  row("vocabulary", fmt::format("{}{}", count_text(static_cast<uint64_t>(spec.vocab_size)),
                                spec.tied_head ? ", embedding and head are one matrix" : ", embedding and head apart"));
  row("context", count_text(static_cast<uint64_t>(spec.max_context)) + " positions");
}

// Mechanisms that not every model has.
void show_mechanisms(const DecoderSpec& spec) {
  std::map<int, int> windows;
  int without_rope = 0;
  bool qk_norm = false;
  for (const LayerSpec& l : spec.layers) {
    ++windows[l.window];
    without_rope += l.rope < 0 ? 1 : 0;
    qk_norm = qk_norm || l.qk_norm;
  }
  std::string attention;
  for (const auto& [window, n] : windows) {
    attention += attention.empty() ? "" : ", ";
    attention += window == 0 ? fmt::format("{} full layers", n) : fmt::format("{} layers with a window of {}", n, window);
  }
  row("attention", attention + (qk_norm ? ", norms on queries and keys" : ""));
  if (without_rope > 0) row("rotary", fmt::format("none on {} layers", without_rope));
  if (spec.query_scale_beta > 0) {
    row("query scale", fmt::format("1 + {} ln(1 + floor(position / {}))", spec.query_scale_beta, spec.query_scale_context));
  }
}

void show_types(const Checkpoint& checkpoint) {
  struct Part {
    uint64_t elements = 0, bytes = 0;
    int tensors = 0;
  };
  std::map<std::string, Part> types;
  uint64_t parameters = 0;
  for (const PlannedTensor& planned : planned_tensors(checkpoint.plan())) {
    const TensorView* t = checkpoint.find_tensor(planned.name);
    if (t == nullptr) continue;
    Part& part = types[std::string(dtype_info(t->dtype).name)];
    part.elements += static_cast<uint64_t>(t->elements());
    part.bytes += t->data.size();
    ++part.tensors;
    parameters += static_cast<uint64_t>(t->elements());
  }
  row("parameters", count_text(parameters));
  std::vector<std::pair<std::string, Part>> order(types.begin(), types.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  for (size_t i = 0; i < order.size(); ++i) {
    const auto& [name, part] = order[i];
    row(i == 0 ? "weights" : "",
        fmt::format("{:<6} {:>9} in {} tensor{}", name, bytes_text(part.bytes), part.tensors, part.tensors == 1 ? "" : "s"));
  }
}

Result<void> show_memory(const Checkpoint& checkpoint, const ModelFlags& flags) {
  const DecoderSpec& spec = checkpoint.plan().spec;
  TRY(const uint64_t weights, packed_bytes(checkpoint, flags.weights));
  const SessionOptions options{.kv = flags.kv, .context = flags.context, .threads = flags.threads};
  const uint64_t session = session_bytes(spec, options);
  const int positions = flags.context > 0 ? flags.context : std::min(spec.max_context, 8192);
  const uint64_t per_position = kv_page_bytes(spec, flags.kv) / kPagePositions;
  row("memory", fmt::format("{} = {} weights ({}) + {} for {} positions (cache {}, {} each)", bytes_text(weights + session),
                            bytes_text(weights), weight_mode_name(flags.weights), bytes_text(session),
                            count_text(static_cast<uint64_t>(positions)), kv_type_name(flags.kv), bytes_text(per_position)));
  if (const auto have = available_memory()) row("available", bytes_text(*have));
  return {};
}

// A token as it may stand on a line of the terminal.
std::string shown_token(std::string_view text) { return Json(text).dump(); }

void show_text(const TextAssets& text) {
  if (text.tokenizer) {
    row("tokenizer",
        fmt::format("{}, {} ids{}", text.tokenizer->kind(), count_text(static_cast<uint64_t>(text.tokenizer->vocab_size())),
                    text.add_bos ? fmt::format(", texts begin with {}", shown_token(text.bos_token)) : ""));
    std::string stops;
    for (const int32_t id : text.stop_ids)
      stops += fmt::format("{}{} ({})", stops.empty() ? "" : ", ", shown_token(text.tokenizer->token_text(id)), id);
    row("ends with", stops.empty() ? "no token: answers end at their limit" : stops);
  } else {
    row("tokenizer", "none");
  }
  row("chat template", text.chat_template ? fmt::format("{} bytes (--template prints it)", text.chat_template->source().size())
                                          : std::string("none"));
  if (text.generation_defaults.is_object() && !text.generation_defaults.as_object()->empty()) {
    std::string defaults;
    for (const char* name : {"temperature", "top_k", "top_p", "min_p", "repetition_penalty"}) {
      const Json* value = text.generation_defaults.find(name);
      if (value != nullptr && value->is_number())
        defaults += fmt::format("{}{} {}", defaults.empty() ? "" : ", ", name, value->dump());
    }
    if (!defaults.empty()) row("sampling", defaults);
  }
}

}  // namespace

Result<void> show_command(const ShowOptions& options) {
  TRY(const std::string path, resolve_model(options.model.model));
  TRY(const Checkpoint checkpoint, Checkpoint::open(path));
  TRY(const TextAssets text, checkpoint.text_assets());
  if (options.print_template) {
    if (!text.chat_template) return fail("{}: it has no chat template", path);
    fmt::print("{}\n", text.chat_template->source());
    return {};
  }
  const DecoderSpec& spec = checkpoint.plan().spec;
  if (options.model.context > spec.max_context)
    return fail("--ctx {} is more than the {} positions that {} was made for", options.model.context, spec.max_context, path);
  row("model", path);
  row("format", kind_text(checkpoint.kind()));
  row("family", spec.family);
  show_types(checkpoint);
  show_shape(spec);
  show_mechanisms(spec);
  TRY_VOID(show_memory(checkpoint, options.model));
  show_text(text);
  for (const std::string& name : checkpoint.unused_tensors()) row("not used", name);
  return {};
}

}  // namespace sobre
