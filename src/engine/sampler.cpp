#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "kernels/kernels.h"

namespace sobre {

namespace {

// What a token that may not be drawn weighs: below every logit, and finite, so that differences stay numbers.
constexpr float kNever = -1e30F;
// Sums over the vocabulary go by blocks of this many weights.
constexpr size_t kSumBlock = 64;
// Candidates lighter than this beside the best are looked at only when the others do not reach top_p.
constexpr float kLightest = 1e-4F;

// Below this temperature a draw is the greedy choice: whatever is not the best to 1e-4 weighs e^-100 at most, and the inverse
// of much less is no float.
constexpr double kLeastTemperature = 1e-6;

// Bound of the ring; far more than any window that changes an answer for the better.
constexpr int kMaxPenaltyWindow = 1 << 20;

// The sum of a block of weights in a fixed order of its own, which compilers turn into vector additions.
double block_sum(const float* w, size_t n) {
  std::array<double, 8> lanes{};
  for (size_t i = 0; i < n; ++i) lanes[i % lanes.size()] += static_cast<double>(w[i]);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

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
  for (const int32_t id : o.banned) {
    if (id < 0 || id >= vocab_size)
      return fail("the banned token id {} is outside the vocabulary of {} entries", id, vocab_size);
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

// work_ = logits with bias and penalties; kNever for what may not be drawn.
void Sampler::adjust(std::span<const float> logits, std::span<const uint64_t> mask) {
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
  for (const int32_t id : options_.banned) work_[static_cast<size_t>(id)] = kNever;
  for (size_t word = 0; word < mask.size(); ++word) {
    if (mask[word] == ~uint64_t{0}) continue;
    const size_t begin = word * 64, end = std::min(vocab_, begin + 64);
    for (size_t i = begin; i < end; ++i) {
      if ((mask[word] >> (i - begin) & 1) == 0) work_[i] = kNever;
    }
  }
}

double Sampler::weight_of_all() const {
  double total = 0;
  for (size_t i = 0; i < vocab_; i += kSumBlock) total += block_sum(&work_[i], std::min(kSumBlock, vocab_ - i));
  return total;
}

// A draw from the whole vocabulary by weight, in the order of ids.
int32_t Sampler::draw_from_all(double unit) const {
  double left = unit * weight_of_all();
  size_t last = 0;
  for (size_t begin = 0; begin < vocab_; begin += kSumBlock) {
    const size_t end = std::min(vocab_, begin + kSumBlock);
    const double sum = block_sum(&work_[begin], end - begin);
    if (left >= sum) {
      left -= sum;
      if (sum > 0) last = end;
      continue;
    }
    for (size_t i = begin; i < end; ++i) {
      left -= static_cast<double>(work_[i]);
      if (left < 0 && work_[i] > 0) return static_cast<int32_t>(i);
    }
    last = end;
    left = 0;
  }
  // Rounding can leave a trace beyond the last: the last candidate of any weight takes it.
  while (last > 1 && work_[last - 1] == 0) --last;
  return static_cast<int32_t>(last - 1);
}

// Leaves the candidates of order_[0, n) that top-k, top-p and min-p allow in its beginning, best first where sorted; returns
// how many. `mass`: the weight that top_p is a part of where top-k is off.
size_t Sampler::keep_best(size_t n, double mass) {
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) <= n && static_cast<size_t>(options_.top_k) < vocab_) {
    const auto k = static_cast<size_t>(options_.top_k);
    const auto better = [&](int32_t a, int32_t b) {
      const float x = work_[static_cast<size_t>(a)], y = work_[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    };
    std::nth_element(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(k),
                     order_.begin() + static_cast<std::ptrdiff_t>(n), better);
    // nth_element leaves an order of its own; sums must not depend on it.
    std::sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(k), better);
    n = k;
    mass = 0;
    for (size_t i = 0; i < n; ++i) mass += static_cast<double>(work_[static_cast<size_t>(order_[i])]);
  }
  if (options_.top_p < 1.0) n = sort_until(n, options_.top_p * mass);
  if (options_.min_p > 0.0) {
    const auto enough = [&](int32_t id) { return static_cast<double>(work_[static_cast<size_t>(id)]) >= options_.min_p; };
    // std::stable_partition may allocate; this keeps the order as well.
    n = static_cast<size_t>(
        std::copy_if(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(n), order_.begin(), enough) - order_.begin());
  }
  return n;
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

// work_ holds adjusted logits; the temperature is kLeastTemperature at least.
int32_t Sampler::draw(uint64_t position) {
  const float top = work_[static_cast<size_t>(argmax(std::span(work_).first(vocab_)))];
  const auto inverse = static_cast<float>(1.0 / options_.temperature);
  for (size_t i = 0; i < vocab_; ++i) work_[i] = (work_[i] - top) * inverse;
  std::fill(work_.begin() + static_cast<std::ptrdiff_t>(vocab_), work_.end(), -100.0F);
  best_kernels().exp(work_.data(), work_.data(), static_cast<int64_t>(work_.size()));
  // From here work_ holds weights: the best candidate weighs exactly 1.
  const double unit = random_unit(options_.seed, options_.choice, position);
  const bool all = options_.top_k == 0 || static_cast<size_t>(options_.top_k) >= vocab_;
  if (all && options_.top_p >= 1.0 && options_.min_p <= 0.0) return draw_from_all(unit);
  const double mass = weight_of_all();
  // Nearly always the tokens that matter are few: then only they are sorted. The result is the same either way.
  size_t n = 0;
  double heavy = 0;
  for (size_t i = 0; i < vocab_; ++i) {
    if (work_[i] < kLightest) continue;
    order_[n++] = static_cast<int32_t>(i);
    heavy += static_cast<double>(work_[i]);
  }
  const bool enough = !all                   ? n >= static_cast<size_t>(options_.top_k)
                      : options_.top_p < 1.0 ? heavy >= options_.top_p * mass
                                             : options_.min_p >= static_cast<double>(kLightest);
  if (!enough) {
    std::iota(order_.begin(), order_.end(), 0);
    n = vocab_;
  }
  n = keep_best(n, mass);
  const auto weight = [&](size_t i) { return static_cast<double>(work_[static_cast<size_t>(order_[i])]); };
  double left = 0;
  for (size_t i = 0; i < n; ++i) left += weight(i);
  left *= unit;
  for (size_t i = 0; i + 1 < n; ++i) {
    left -= weight(i);
    if (left < 0) return order_[i];
  }
  while (n > 1 && weight(n - 1) == 0) --n;  // as in draw_from_all
  return order_[n - 1];
}

int32_t Sampler::sample(std::span<const float> logits, uint64_t position, std::span<const uint64_t> mask) {
  adjust(logits, mask);
  const int32_t id = options_.temperature < kLeastTemperature ? argmax(std::span(work_).first(vocab_)) : draw(position);
  take(id);
  return id;
}

void Sampler::take(int32_t id) {
  ++answer_counts_[static_cast<size_t>(id)];
  observe(id);
}

int32_t argmax(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<int32_t>(best);
}

}  // namespace sobre
