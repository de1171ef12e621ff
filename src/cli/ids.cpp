// `sobre logits` and `sobre generate`: the model on given token ids, for checks and scripts.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <span>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "engine/sampler.h"

namespace sobre {

Result<void> logits_command(const LogitsOptions& options) {
  TRY(const Loaded loaded, load_model(options.model));
  const int vocab = loaded.model->spec().vocab_size;
  TRY(const std::vector<int32_t> ids, read_ids_file(options.ids_path, vocab));
  TRY(AtomicFile out, AtomicFile::create(options.out_path));
  Result<void> written;  // a failed write stays; later rows are not tried
  ProgressBar bar("logits", uint64_t{ids.size()} * static_cast<uint64_t>(vocab) * sizeof(float));
  TRY_VOID(loaded.session->append_all_logits(ids, [&](int i, std::span<const float> row) {
    if (written) written = out.write(std::as_bytes(row));
    bar.update((static_cast<uint64_t>(i) + 1) * row.size_bytes());
  }));
  TRY_VOID(written);
  return out.commit();
}

Result<void> generate_command(const GenerateOptions& options) {
  TRY(const Loaded loaded, load_model(options.model));
  const int vocab = loaded.model->spec().vocab_size;
  Session& session = *loaded.session;
  TRY(const std::vector<int32_t> ids, read_ids_file(options.ids_path, vocab));
  TRY_VOID(session.append(ids));
  const std::vector<int32_t>& stops = loaded.model->text().stop_ids;
  for (int i = 0; i < options.max; ++i) {
    const int32_t id = argmax(session.logits());
    fmt::print("{}{}", i == 0 ? "" : " ", id);
    const bool is_end = options.stop && std::find(stops.begin(), stops.end(), id) != stops.end();
    if (is_end || i + 1 == options.max) break;
    if (is_terminal(1)) std::fflush(stdout);
    if (auto stepped = session.append(std::span(&id, 1)); !stepped) {
      fmt::print("\n");
      return stepped;
    }
  }
  fmt::print("\n");
  return {};
}

}  // namespace sobre
