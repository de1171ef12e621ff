#include "cli/load.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <utility>

#include "base/file.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "engine/memory.h"
#include "model/checkpoint.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxIdsBytes = 256ull << 20;

// Before minutes of packing: whether it all will fit, and whether the context is one the model has.
Result<uint64_t> check_needs(const Checkpoint& checkpoint, const ModelFlags& flags, const SessionOptions& session) {
  const DecoderSpec& spec = checkpoint.plan().spec;
  if (flags.context > spec.max_context) {
    return fail("--ctx {} is more than the {} positions that {} was made for", flags.context, spec.max_context,
                checkpoint.path());
  }
  TRY(const uint64_t weights, packed_bytes(checkpoint, flags.weights));
  const uint64_t cache = session_bytes(spec, session);
  const std::optional<uint64_t> have = available_memory();
  if (have && weights + cache > *have) {
    return fail(
        "{} needs {} of memory ({} for the weights, {} for the cache and work space), {} are available; choose a smaller "
        "--weights, --ctx or --kv q8",
        checkpoint.path(), bytes_text(weights + cache), bytes_text(weights), bytes_text(cache), bytes_text(*have));
  }
  return weights;
}

Result<std::shared_ptr<const Model>> load_checked(const ModelFlags& flags, const SessionOptions& session) {
  TRY(const std::string path, resolve_model(flags.model));
  TRY(const Checkpoint checkpoint, Checkpoint::open(path));
  TRY(const uint64_t weights, check_needs(checkpoint, flags, session));
  ProgressBar bar("loading", weights);
  LoadOptions load{.weights = flags.weights, .isa = flags.isa, .threads = flags.threads, .progress = {}};
  load.progress = [&](double part) { bar.update(static_cast<uint64_t>(part * static_cast<double>(weights))); };
  TRY(std::shared_ptr<const Model> model, Model::load(checkpoint, load));
  bar.finish();
  for (const std::string& warning : model->warnings()) say("sobre: warning: {}\n", warning);
  return model;
}

SessionOptions session_of(const ModelFlags& flags, int chunk) {
  return {.kv = flags.kv, .context = flags.context, .threads = flags.threads, .chunk = chunk};
}

}  // namespace

Result<Loaded> load_model(const ModelFlags& flags, int chunk) {
  const SessionOptions session = session_of(flags, chunk);
  Loaded loaded;
  TRY(loaded.model, load_checked(flags, session));
  TRY(loaded.session, Session::create(loaded.model, session));
  return loaded;
}

Result<std::shared_ptr<const Model>> load_model_alone(const ModelFlags& flags) {
  return load_checked(flags, session_of(flags, 0));
}

Result<std::vector<int32_t>> read_ids_file(const std::string& path, int vocab_size) {
  TRY(const std::string text, read_file(path, kMaxIdsBytes));
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  std::vector<int32_t> ids;
  for (size_t at = text.find_first_not_of(kSpace); at != std::string::npos; at = text.find_first_not_of(kSpace, at)) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    int64_t id = -1;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, id);
    if (error != std::errc() || stop != text.data() + end) {
      return fail("{}: '{}' (entry {}) is no token id; a list of whole numbers separated by white space is expected", path,
                  text.substr(at, std::min<size_t>(end - at, 20)), ids.size() + 1);
    }
    if (id < 0 || id >= vocab_size) {
      return fail("{}: the id {} (entry {}) is outside the vocabulary of {} entries", path, id, ids.size() + 1, vocab_size);
    }
    ids.push_back(static_cast<int32_t>(id));
    at = end;
  }
  if (ids.empty()) return fail("{}: no token ids in it", path);
  return ids;
}

}  // namespace sobre
