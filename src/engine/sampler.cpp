#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "kernels/kernels.h"

namespace sobre {

namespace {

// Bound of the ring; far more than any window that changes an answer for the better.
constexpr int kMaxPenaltyWindow = 1 << 20;

Result<void> check_range(const char* name, double value, double min, double max) {
  if (value >= min && value <= max) return {};
  return fail("{} is {}; allowed are {} to {}", name, value, min, max);
}

}  // namespace

Result<void> check_sampling(const SamplingOptions& o, int vocab_size) {
  TRY_VOID(check_range("temperature", o.temperature, 0, 100));
  TRY_VOID(check_range("top_k", o.top_k, 0, 1 << 30));
  if (!(o.top_p > 0 && o.top_p <= 1)) return fail("top_p is {}; allowed is more than 0, at most 1", o.top_p);
  TRY_VOID(check_range("min_p", o.min_p, 0, 1));
  TRY_VOID(check_range("repetition_penalty", o.repetition_penalty, 0.01, 100));
  TRY_VOID(check_range("presence_penalty", o.presence_penalty, -2, 2));
  TRY_VOID(check_range("frequency_penalty", o.frequency_penalty, -2, 2));
  TRY_VOID(check_range("penalty_window", o.penalty_window, -1, kMaxPenaltyWindow));
  for (const auto& [id, bias] : o.logit_bias) {
    if (id < 0 || id >= vocab_size)
      return fail("logit_bias names the token id {}, outside the vocabulary of {} entries", id, vocab_size);
    TRY_VOID(check_range("a logit_bias", static_cast<double>(bias), -100, 100));
  }
  return {};
}

Sampler::Sampler(SamplingOptions options, int vocab_size)
    : options_(std::move(options)), vocab_(static_cast<size_t>(vocab_size)) {
  work_.resize((vocab_ + 15) / 16 * 16);
  order_.resize(vocab_);
  answer_counts_.resize(vocab_);
  window_counts_.resize(vocab_);
  recent_.assign(static_cast<size_t>(std::max(0, options_.penalty_window)), -1);
}

void Sampler::observe(int32_t id) {
  if (options_.penalty_window == 0) return;
  ++window_counts_[static_cast<size_t>(id)];
  if (recent_.empty()) return;  // no bound
  int32_t& oldest = recent_[recent_at_];
  if (oldest >= 0) --window_counts_[static_cast<size_t>(oldest)];
  oldest = id;
  recent_at_ = (recent_at_ + 1) % recent_.size();
}

void Sampler::observe_prompt(std::span<const int32_t> ids) {
  for (const int32_t id : ids) observe(id);
}

// work_ = logits with bias and penalties.
void Sampler::adjust(std::span<const float> logits) {
  std::copy_n(logits.begin(), vocab_, work_.begin());
  for (const auto& [id, bias] : options_.logit_bias) work_[static_cast<size_t>(id)] += bias;
  if (options_.repetition_penalty != 1.0) {
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    for (size_t i = 0; i < vocab_; ++i) {
      if (window_counts_[i] > 0) work_[i] = work_[i] > 0 ? work_[i] / penalty : work_[i] * penalty;
    }
  }
  if (options_.presence_penalty != 0.0 || options_.frequency_penalty != 0.0) {
    for (size_t i = 0; i < vocab_; ++i) {
      if (answer_counts_[i] == 0) continue;
      work_[i] -= static_cast<float>(options_.presence_penalty + options_.frequency_penalty * answer_counts_[i]);
    }
  }
}

// Brings the best candidates of order_[0, n) to the front, sorted, until their weights reach `target`; returns how many those
// are. Sorting doubles its reach each time, so that a peaked distribution costs one pass.
size_t Sampler::sort_until(size_t n, double target) {
  const auto better = [&](int32_t a, int32_t b) {
    const float x = work_[static_cast<size_t>(a)], y = work_[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  double sum = 0;
  size_t done = 0;
  for (size_t reach = 64; done < n; reach *= 4) {
    const size_t end = std::min(n, reach);
    const auto at = [&](size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
    if (end < n) std::nth_element(at(done), at(end), at(n), better);
    std::sort(at(done), at(end), better);
    for (; done < end; ++done) {
      sum += static_cast<double>(work_[static_cast<size_t>(order_[done])]);
      if (sum >= target) return done + 1;
    }
  }
  return n;
}

// work_ holds adjusted logits; temperature is not 0.
int32_t Sampler::draw(uint64_t position) {
  const float top = work_[static_cast<size_t>(argmax(std::span(work_).first(vocab_)))];
  const auto inverse = static_cast<float>(1.0 / options_.temperature);
  for (size_t i = 0; i < vocab_; ++i) work_[i] = (work_[i] - top) * inverse;
  std::fill(work_.begin() + static_cast<std::ptrdiff_t>(vocab_), work_.end(), -100.0F);
  best_kernels().exp(work_.data(), work_.data(), static_cast<int64_t>(work_.size()));
  // From here work_ holds weights: the best candidate weighs exactly 1.
  std::iota(order_.begin(), order_.end(), 0);
  size_t n = vocab_;
  const auto weight = [&](size_t i) { return static_cast<double>(work_[static_cast<size_t>(order_[i])]); };
  const auto sum_of = [&](size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += weight(i);
    return sum;
  };
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < n) {
    const auto k = static_cast<size_t>(options_.top_k);
    const auto better = [&](int32_t a, int32_t b) {
      const float x = work_[static_cast<size_t>(a)], y = work_[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    };
    std::nth_element(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(k), order_.end(), better);
    // nth_element leaves an order of its own; sums must not depend on it.
    std::sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(k), better);
    n = k;
  }
  if (options_.top_p < 1.0) n = sort_until(n, options_.top_p * sum_of(n));
  if (options_.min_p > 0.0) {
    const auto enough = [&](int32_t id) { return static_cast<double>(work_[static_cast<size_t>(id)]) >= options_.min_p; };
    // std::stable_partition may allocate; this keeps the order as well.
    n = static_cast<size_t>(
        std::copy_if(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(n), order_.begin(), enough) - order_.begin());
  }
  double left = random_unit(options_.seed, options_.choice, position) * sum_of(n);
  for (size_t i = 0; i + 1 < n; ++i) {
    left -= weight(i);
    if (left < 0) return order_[i];
  }
  // Rounding can leave a trace beyond the last: the last candidate of any weight takes it.
  while (n > 1 && weight(n - 1) == 0) --n;
  return order_[n - 1];
}

int32_t Sampler::sample(std::span<const float> logits, uint64_t position) {
  adjust(logits);
  const int32_t id = options_.temperature == 0.0 ? argmax(std::span(work_).first(vocab_)) : draw(position);
  ++answer_counts_[static_cast<size_t>(id)];
  observe(id);
  return id;
}

int32_t argmax(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<int32_t>(best);
}

}  // namespace sobre
