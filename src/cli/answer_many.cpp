#include "cli/answer_many.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace sobre {

namespace {

constexpr size_t kAtOnce = 128;  // requests that the scheduler holds: enough for its batch, within its queue

// What sinks write, on the engine's thread, and the caller waits for.
struct Shared {
  std::mutex mutex;
  std::condition_variable ended;
  size_t running = 0;
  uint64_t done = 0;
};

GenerationSink sink_of(Shared& shared, ManyAnswer& answer) {
  GenerationSink sink;
  sink.on_tokens = [&answer](std::vector<GenerationToken>&& tokens) {
    for (const GenerationToken& token : tokens) answer.text += token.text;
  };
  sink.on_end = [&shared, &answer](GenerationReport&& report) {
    answer.text += report.rest;
    answer.tokens = report.answer_tokens;
    answer.error = std::move(report.error);
    const std::lock_guard lock(shared.mutex);
    --shared.running;
    ++shared.done;
    shared.ended.notify_one();
  };
  return sink;
}

}  // namespace

Result<std::vector<ManyAnswer>> answer_many(Scheduler& scheduler, std::span<const std::vector<int32_t>> prompts, int max_tokens,
                                            const std::function<void(uint64_t)>& progress) {
  std::vector<ManyAnswer> answers(prompts.size());
  Shared shared;
  std::string refused;
  // Waits until fewer than `limit` run, telling how many are done now and then.
  const auto wait_below = [&](size_t limit) {
    for (bool enough = false; !enough;) {
      std::unique_lock lock(shared.mutex);
      enough = shared.ended.wait_for(lock, std::chrono::milliseconds(200), [&] { return shared.running < limit; });
      const uint64_t done = shared.done;
      lock.unlock();
      if (progress) progress(done);
    }
  };
  for (size_t i = 0; i < prompts.size() && refused.empty(); ++i) {
    wait_below(kAtOnce);
    GenerationRequest request;
    request.prompt = prompts[i];
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    {
      const std::lock_guard lock(shared.mutex);
      ++shared.running;
    }
    const auto taken = scheduler.submit(std::move(request), {sink_of(shared, answers[i])});
    if (taken) continue;
    refused = fmt::format("prompt {}: {}", i + 1, taken.error().message);
    const std::lock_guard lock(shared.mutex);
    --shared.running;
  }
  wait_below(1);
  if (!refused.empty()) return fail("{}", refused);
  return answers;
}

}  // namespace sobre
