// `sobre perplexity`: how well a model predicts a text, and how far its arithmetic is from f32 on the same file. The text is
// cut into chunks of equal length; each is read alone (its first token replaced by BOS where the model begins texts with one),
// and the tokens of its second half are scored, as llama.cpp's llama-perplexity does, so that figures compare.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "engine/sampler.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxTextBytes = 1ull << 30;
constexpr int kUsualChunk = 512, kSmallestChunk = 4;
constexpr size_t kSliceTokens = 64;  // distributions of the first pass held at a time, for the second to meet

// log(sum(exp(logits)))
double log_total(std::span<const float> logits) {
  const auto top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return top + std::log(sum);
}

// Sums for a mean and its standard error.
struct Mean {
  double sum = 0, squares = 0, largest = 0;
  uint64_t n = 0;
  void add(double x) {
    largest = n == 0 ? x : std::max(largest, x);
    sum += x;
    squares += x * x;
    ++n;
  }
  [[nodiscard]] double mean() const { return sum / static_cast<double>(n); }
  [[nodiscard]] double error() const {
    if (n < 2) return 0;
    const double count = static_cast<double>(n);
    return std::sqrt(std::max(0.0, squares / count - mean() * mean()) / (count - 1));
  }
};

// KL(p || q) of two distributions given as logits, natural logarithm, and whether their likeliest tokens are the same.
class Divergence {
 public:
  void add(std::span<const float> p, std::span<const float> q) {
    const double p_total = log_total(p), q_total = log_total(q);
    double kl = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      const double log_p = static_cast<double>(p[i]) - p_total;
      kl += std::exp(log_p) * (log_p - (static_cast<double>(q[i]) - q_total));
    }
    kl_.add(std::max(0.0, kl));  // rounding alone takes it below zero
    same_top_ += argmax(p) == argmax(q) ? 1 : 0;
  }
  [[nodiscard]] const Mean& kl() const { return kl_; }
  [[nodiscard]] double same_top() const { return static_cast<double>(same_top_) / static_cast<double>(kl_.n); }

 private:
  Mean kl_;
  uint64_t same_top_ = 0;
};

struct Scores {
  Mean nll, base_nll;
  Divergence divergence;
};

// The second half of one chunk, slice by slice: the logits after position i score token i + 1.
Result<void> score_chunk(std::span<const int32_t> ids, Session& session, Session* base, Scores& scores) {
  const size_t half = ids.size() / 2;
  const auto vocab = static_cast<size_t>(session.model().spec().vocab_size);
  std::vector<float> base_logits;
  for (Session* s : {&session, base}) {
    if (s == nullptr) continue;
    s->truncate(0);
    TRY_VOID(s->append(ids.first(half)));
  }
  const auto nll = [&](std::span<const float> logits, size_t position) {
    return log_total(logits) - static_cast<double>(logits[static_cast<size_t>(ids[position + 1])]);
  };
  for (size_t at = half; at + 1 < ids.size(); at += kSliceTokens) {
    const std::span<const int32_t> slice = ids.subspan(at, std::min(kSliceTokens, ids.size() - 1 - at));
    base_logits.clear();
    if (base != nullptr) {
      TRY_VOID(base->append_all_logits(slice, [&](int i, std::span<const float> logits) {
        base_logits.insert(base_logits.end(), logits.begin(), logits.end());
        scores.base_nll.add(nll(logits, at + static_cast<size_t>(i)));
      }));
    }
    TRY_VOID(session.append_all_logits(slice, [&](int i, std::span<const float> logits) {
      scores.nll.add(nll(logits, at + static_cast<size_t>(i)));
      if (base != nullptr) scores.divergence.add(std::span(base_logits).subspan(static_cast<size_t>(i) * vocab, vocab), logits);
    }));
  }
  return {};
}

// Token ids of the text, whole chunks only.
Result<std::vector<int32_t>> read_chunks(const PerplexityOptions& options, const Model& model, size_t chunk) {
  TRY(const std::string text, read_file(options.text_path, kMaxTextBytes));
  if (!model.text().tokenizer) return fail("{}: it has no tokenizer, so a text cannot be scored", model.path());
  const bool bos = model.text().add_bos && model.text().bos;
  std::vector<int32_t> ids = model.text().tokenizer->encode(text, {.add_special = false, .parse_special = false});
  if (bos) ids.insert(ids.begin(), *model.text().bos);
  const size_t have = ids.size() / chunk;
  const auto wanted = static_cast<size_t>(options.chunks);
  if (have == 0 || wanted > have) {
    return fail("{}: {} tokens make {} chunks of {}; {} {} needed: a longer text, fewer --chunks or a smaller --ctx",
                options.text_path, ids.size(), have, chunk, std::max<size_t>(1, wanted), wanted > 1 ? "are" : "is");
  }
  for (const int32_t id : ids) {
    if (id >= model.spec().vocab_size)
      return fail("{}: the tokenizer gives the id {}, the model has {} entries", model.path(), id, model.spec().vocab_size);
  }
  ids.resize(chunk * (wanted > 0 ? wanted : have));
  for (size_t i = 0; bos && i < ids.size(); i += chunk) ids[i] = *model.text().bos;
  return ids;
}

void print_scores(const Scores& s, const PerplexityOptions& options, size_t chunks, size_t chunk) {
  fmt::print("scored      {} tokens: the second halves of {} chunks of {}\n", count_text(s.nll.n), chunks, chunk);
  fmt::print("arithmetic  weights {}, cache {}\n", weight_mode_name(options.model.weights), kv_type_name(options.model.kv));
  fmt::print("NLL         {:.6f} +- {:.6f}\n", s.nll.mean(), s.nll.error());
  fmt::print("perplexity  {:.4f} +- {:.4f}\n", std::exp(s.nll.mean()), std::exp(s.nll.mean()) * s.nll.error());
  if (!options.against_f32) return;
  const Mean& kl = s.divergence.kl();
  fmt::print("f32 NLL         {:.6f} +- {:.6f}\n", s.base_nll.mean(), s.base_nll.error());
  fmt::print("f32 perplexity  {:.4f}\n", std::exp(s.base_nll.mean()));
  fmt::print("KL divergence   {:.6f} +- {:.6f} (mean of KL(f32 || this)), largest {:.6f}\n", kl.mean(), kl.error(), kl.largest);
  fmt::print("same top token  {:.3f} %\n", 100 * s.divergence.same_top());
}

}  // namespace

Result<void> perplexity_command(const PerplexityOptions& options) {
  ModelFlags flags = options.model;
  flags.context = flags.context > 0 ? flags.context : kUsualChunk;
  const auto chunk = static_cast<size_t>(flags.context);
  if (flags.context < kSmallestChunk) return fail("--ctx {}: a chunk has at least {} tokens", flags.context, kSmallestChunk);
  TRY(const Loaded loaded, load_model(flags));
  Loaded base;
  if (options.against_f32) {
    flags.weights = WeightMode::kF32;
    flags.kv = KvType::kF32;
    TRY(base, load_model(flags));
  }
  TRY(const std::vector<int32_t> ids, read_chunks(options, *loaded.model, chunk));
  const size_t chunks = ids.size() / chunk;
  Scores scores;
  const bool shown = can_redraw(2);
  for (size_t c = 0; c < chunks; ++c) {
    TRY_VOID(score_chunk(std::span(ids).subspan(c * chunk, chunk), *loaded.session, base.session.get(), scores));
    if (shown) say("\rchunk {} of {}: perplexity {:.4f}\x1b[K", c + 1, chunks, std::exp(scores.nll.mean()));
  }
  if (shown) say("\r\x1b[K");
  print_scores(scores, options, chunks, chunk);
  return {};
}

}  // namespace sobre
