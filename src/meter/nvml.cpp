#include "meter/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "meter/counter_track.h"

namespace sobre {

namespace {

// nvmlReturn_t
constexpr int kSuccess = 0, kNotSupported = 3, kNoPermission = 4, kNotFound = 6, kDriverNotLoaded = 9, kGpuIsLost = 15;

constexpr double kLow = 0.935, kHigh = 1.07;  // NVML documents 5 % for its sensors; the rest is for the window's ends
// Power is measured in a quarter of the time on recent parts (arXiv 2312.02741): a load of changing power is read worse.
constexpr double kPowerLow = 0.85, kPowerHigh = 1.17;
constexpr double kMostOverLimit = 1.5;  // the limit holds on average; short peaks go beyond it
constexpr double kUnknownLimitW = 1500;
constexpr double kUsualShare = 0.4;
constexpr double kUpdateS = 0.25;  // counters move every 20 to 100 ms
constexpr double kStoppedS = 0.5;
constexpr double kSparseS = 2;  // readings of power further apart say little of what was between
constexpr unsigned kMaxGpus = 256;

std::string error_text(int code) {
  switch (code) {
    case kNotSupported:
      return "not supported by this GPU";
    case kNoPermission:
      return "permission denied";
    case kNotFound:
      return "not found";
    case kDriverNotLoaded:
      return "the driver is not loaded";
    case kGpuIsLost:
      return "the GPU has fallen off the bus";
    default:
      return fmt::format("error {}", code);
  }
}

CounterReading::Status status_of(int code) {
  if (code == kSuccess) return CounterReading::Status::kRead;
  return code == kGpuIsLost || code == kNotFound ? CounterReading::Status::kGone : CounterReading::Status::kUnreadable;
}

int64_t to_uj(double joules) { return static_cast<int64_t>(std::llround(std::clamp(joules * 1e6, 0.0, 4e18))); }

struct Gpu {
  NvmlApi::Device device = nullptr;
  std::string name;
  double limit_w = kUnknownLimitW;
  bool counter = false;  // has a total of energy; else power is integrated
  bool mig = false;
  CounterReading first;
  double first_w = 0;
};

// Energy by the trapezoid rule over readings of power.
class PowerTrack {
 public:
  PowerTrack(double max_w, double now_s, double watts) : max_w_(max_w), last_s_(now_s), watts_(watts), mean_(watts) {}

  EnergyDelta update(double now_s, int code, double watts) {
    const double span = std::max(0.0, now_s - last_s_);
    last_s_ = std::max(last_s_, now_s);
    EnergyDelta delta;
    const bool good = code == kSuccess && watts <= max_w_;
    if (code != kSuccess)
      delta.faults.add(status_of(code) == CounterReading::Status::kGone ? MeterFault::kMissingDomain : MeterFault::kUnreadable);
    else if (!good)
      delta.faults.add(MeterFault::kJump);
    const bool sure = good && had_;
    const double value = (sure ? 0.5 * (watts + watts_) : mean_) * span;
    delta.energy.value_uj = to_uj(value);
    delta.energy.low_uj = to_uj(sure && span <= kSparseS ? value * kPowerLow : 0);
    delta.energy.high_uj = to_uj(sure && span <= kSparseS ? value * kPowerHigh : max_w_ * span);
    if (good && !had_) delta.faults.add(lost_as_);
    if (sure && span > 0) mean_ += (0.5 * (watts + watts_) - mean_) * std::min(1.0, span / 60);
    lost_as_ = delta.faults;
    had_ = good;
    watts_ = good ? watts : watts_;
    return delta;
  }

 private:
  double max_w_, last_s_, watts_, mean_;
  bool had_ = true;
  MeterFaults lost_as_;
};

class NvmlSource final : public EnergySource {
 public:
  NvmlSource(const NvmlApi& api, const std::vector<Gpu>& gpus, EnergyMethod method, double now_s)
      : api_(api), method_(std::move(method)) {
    for (const Gpu& gpu : gpus) {
      const double max_w = kMostOverLimit * gpu.limit_w;
      CounterTraits traits;
      traits.unit_uj = 1000;
      traits.max_w = max_w;
      traits.usual_w = kUsualShare * gpu.limit_w;
      traits.update_s = kUpdateS;
      traits.stopped_s = kStoppedS;
      traits.low_factor = kLow;
      traits.high_factor = kHigh;
      gpus_.push_back({gpu.device, gpu.counter, CounterTrack(traits, now_s, gpu.first), PowerTrack(max_w, now_s, gpu.first_w)});
    }
  }
  NvmlSource(const NvmlSource&) = delete;
  NvmlSource& operator=(const NvmlSource&) = delete;
  ~NvmlSource() override { (void)api_.shutdown(); }

  EnergyDelta read(double now_s) override {
    EnergyDelta sum;
    for (One& gpu : gpus_) {
      EnergyDelta delta;
      if (gpu.counter) {
        unsigned long long millijoules = 0;
        const int code = api_.total_energy(gpu.device, &millijoules);
        delta = gpu.energy.update(now_s, {status_of(code), millijoules}, 0);
      } else {
        unsigned milliwatts = 0;
        const int code = api_.power(gpu.device, &milliwatts);
        delta = gpu.power.update(now_s, code, 1e-3 * milliwatts);
      }
      sum.energy += delta.energy;
      sum.faults.add(delta.faults);
    }
    return sum;
  }
  const EnergyMethod& method() const override { return method_; }

 private:
  struct One {
    NvmlApi::Device device;
    bool counter;
    CounterTrack energy;
    PowerTrack power;
  };
  NvmlApi api_;
  EnergyMethod method_;
  std::vector<One> gpus_;
};

Result<Gpu> look_at(const NvmlApi& api, unsigned index) {
  Gpu gpu;
  if (const int code = api.device(index, &gpu.device); code != kSuccess) return fail("GPU {}: {}", index, error_text(code));
  std::array<char, 96> name{};
  gpu.name = api.name(gpu.device, name.data(), name.size()) == kSuccess ? std::string(name.data()) : "GPU";
  unsigned milliwatts = 0;
  if (api.power_limit(gpu.device, &milliwatts) == kSuccess && milliwatts > 0) gpu.limit_w = 1e-3 * milliwatts;
  unsigned mig = 0, pending = 0;
  gpu.mig = api.mig_mode != nullptr && api.mig_mode(gpu.device, &mig, &pending) == kSuccess && mig != 0;
  unsigned long long millijoules = 0;
  const int no_energy = api.total_energy(gpu.device, &millijoules);
  gpu.counter = no_energy == kSuccess;
  gpu.first = {status_of(no_energy), millijoules};
  const int no_power = api.power(gpu.device, &milliwatts);
  if (no_power == kSuccess) gpu.first_w = 1e-3 * milliwatts;
  if (!gpu.counter && no_power != kSuccess)
    return fail("GPU {} ({}): no counter of energy ({}) and no reading of power ({})", index, gpu.name, error_text(no_energy),
                error_text(no_power));
  return gpu;
}

SourceSeen refused(std::string reason, std::string advice) { return {"nvml", false, std::move(reason), std::move(advice)}; }

template <class Function>
bool load(void* library, const char* name, Function& function) {
  void* symbol = ::dlsym(library, name);
  function = reinterpret_cast<Function>(symbol);
  return symbol != nullptr;
}

}  // namespace

NvmlFound open_nvml(const NvmlApi& api, double now_s) {
  NvmlFound found;
  if (const int code = api.init(); code != kSuccess) {
    found.refusal = refused("NVML does not start: " + error_text(code), "see whether nvidia-smi works; load the driver");
    return found;
  }
  unsigned count = 0;
  std::string trouble;
  if (const int code = api.device_count(&count); code != kSuccess)
    trouble = "counting GPUs: " + error_text(code);
  else if (count == 0 || count > kMaxGpus)
    trouble = fmt::format("the driver lists {} GPUs", count);
  std::vector<Gpu> gpus;
  for (unsigned i = 0; i < count && trouble.empty(); ++i) {
    Result<Gpu> gpu = look_at(api, i);
    if (!gpu)
      trouble = gpu.error().message;
    else
      gpus.push_back(std::move(*gpu));
  }
  if (!trouble.empty()) {
    found.refusal = refused(trouble, "see whether nvidia-smi shows the power of every GPU");
    (void)api.shutdown();
    return found;
  }
  bool integrated = false, mig = false;
  for (size_t i = 0; i < gpus.size(); ++i) {
    integrated = integrated || !gpus[i].counter;
    mig = mig || gpus[i].mig;
    found.gpus.push_back({fmt::format("GPU {} {}", i, gpus[i].name), true,
                          gpus[i].counter ? "counter of energy" : "no counter of energy: power is integrated", ""});
  }
  const std::string boundary = fmt::format("{} whole GPU{}{}", gpus.size(), gpus.size() == 1 ? "" : "s",
                                           mig ? ", all their MIG instances together" : "");
  EnergyMethod method{"nvml", boundary, integrated ? kPowerLow : kLow, integrated ? kPowerHigh : kHigh, false};
  found.source = std::make_unique<NvmlSource>(api, gpus, std::move(method), now_s);
  return found;
}

NvmlFound open_nvml_library(const std::string& path, double now_s) {
  NvmlFound found;
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    found.refusal = refused(path + " cannot be loaded", "install NVIDIA's driver where there is such a GPU");
    return found;
  }
  NvmlApi api;
  const bool whole =
      load(library, "nvmlInit_v2", api.init) && load(library, "nvmlShutdown", api.shutdown) &&
      load(library, "nvmlDeviceGetCount_v2", api.device_count) && load(library, "nvmlDeviceGetHandleByIndex_v2", api.device) &&
      load(library, "nvmlDeviceGetName", api.name) && load(library, "nvmlDeviceGetTotalEnergyConsumption", api.total_energy) &&
      load(library, "nvmlDeviceGetPowerUsage", api.power) && load(library, "nvmlDeviceGetEnforcedPowerLimit", api.power_limit);
  if (!whole) {
    ::dlclose(library);
    found.refusal = refused(path + " lacks functions of NVML", "update NVIDIA's driver (410 or newer)");
    return found;
  }
  (void)load(library, "nvmlDeviceGetMigMode", api.mig_mode);
  return open_nvml(api, now_s);
}

}  // namespace sobre
