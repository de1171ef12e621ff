// Coverage: for each method, over 1,000 machines drawn from the ranges of docs/energy.md, the true energy of ten minutes lies
// in the stated interval for at least 925, and intervals are no wider than promised.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "meter/calibration.h"
#include "meter/cpu_power.h"
#include "meter/nvml.h"
#include "meter/rapl.h"
#include "meter/simulated_testing.h"

namespace sobre {
namespace {

using simulated::Dice;
using simulated::Machine;
using simulated::Part;
using simulated::PartCounter;
using simulated::PowerCurve;
using simulated::Tally;

constexpr int kMachines = 1000;
constexpr int kNeeded = 925;
constexpr double kSeconds = 600;

void report(const char* method, const Tally& tally, double widest) {
  fmt::print("{:<22} {:4} of {} inside, median width {:.3f}, median value/truth {:.3f}\n", method, tally.inside(), tally.size(),
             tally.median_width(), tally.median_ratio());
  std::fflush(stdout);
  EXPECT_EQ(tally.size(), static_cast<size_t>(kMachines));
  EXPECT_GE(tally.inside(), kNeeded) << method;
  EXPECT_LE(tally.median_width(), widest) << method;
}

// A machine with counters of packages, and of memory on most.
struct RaplMachine {
  Machine machine;
  CpuInfo cpu;
  std::vector<RaplZone> zones;
  int sockets = 1;

  explicit RaplMachine(uint64_t seed) : machine(seed, 1) {
    Dice& dice = machine.dice;
    sockets = dice.chance(0.4) ? 2 : dice.chance(0.1) ? 4 : 1;
    const bool amd = dice.chance(0.4);
    cpu.vendor = amd ? "AuthenticAMD" : "GenuineIntel";
    cpu.name = "Simulated";
    cpu.cpus = machine.cpus = 8 * sockets;
    cpu.sockets = sockets;
    const double full_w = dice.scaled(15, 400), idle_w = full_w * dice.between(0.04, 0.45), bend = dice.between(0.55, 1.1);
    const double unit = dice.chance(0.5) ? 61.04 : 15.26;
    const auto range = static_cast<uint64_t>(unit * 4294967295.0);
    const bool dram = dice.chance(0.6);
    for (int s = 0; s < sockets; ++s) {
      const std::string id = fmt::format("intel-rapl:{}", s);
      add_part(id, fmt::format("package-{}", s), {idle_w * dice.between(0.9, 1.1), full_w * dice.between(0.9, 1.1), bend}, 0.03,
               unit, range);
      if (amd && sockets == 1 && dice.chance(0.2)) mirror_last(id + "1");
      add_part(id + ":0", "core", {1, 5, 1}, 0.5, unit, range);
      machine.parts.back().curve = {0, 0, 1};  // what it counts is drawn by the package already
      if (dram)
        add_part(id + ":1", "dram", {dice.between(1, 8), full_w * dice.between(0.05, 0.25) + 8, bend}, 0.08, unit, range);
    }
    if (!amd && dice.chance(0.3)) mirror_of(0, "intel-rapl-mmio:0", "package-0");
  }

  void add_part(const std::string& id, const std::string& name, PowerCurve curve, double gain_error, double unit,
                uint64_t range) {
    Part part;
    part.curve = curve;
    part.gain = 1 + machine.dice.normal(gain_error);
    part.drift = 0.015;
    part.unit_uj = unit;
    part.range = range;
    part.start = machine.dice.unit() * static_cast<double>(range);
    machine.parts.push_back(part);
    mirror_of(machine.parts.size() - 1, id, name);
  }
  void mirror_of(size_t part, const std::string& id, const std::string& name) {
    RaplZone zone;
    zone.id = id;
    zone.name = name;
    zone.range_uj = machine.parts[part].range;
    zone.counter = std::make_unique<PartCounter>(machine, part);
    zones.push_back(std::move(zone));
  }
  void mirror_last(const std::string& id) { mirror_of(machine.parts.size() - 1, id, "package-0-die-1"); }
};

TEST(SimulatedMachines, Rapl) {
  Tally tally;
  int mirrors = 0, wraps = 0;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    auto m = std::make_unique<RaplMachine>(seed);
    std::vector<uint64_t> before;
    for (const Part& p : m->machine.parts) before.push_back(m->machine.shown(p));
    RaplFound found = choose_rapl(std::move(m->zones), {m->cpu, true, simulated::clock_of(m->machine)}, 0);
    ASSERT_TRUE(found.source) << found.refusal.reason;
    for (const SourceSeen& zone : found.zones) mirrors += zone.reason.starts_with("mirrors") ? 1 : 0;
    const double every = m->machine.dice.scaled(0.05, 5);
    const EnergyDelta sum = simulated::run_and_read(m->machine, *found.source, kSeconds, every, 0.005);
    ASSERT_FALSE(sum.faults.any()) << seed << " " << sum.faults.names();
    for (size_t i = 0; i < before.size(); ++i) wraps += m->machine.shown(m->machine.parts[i]) < before[i] ? 1 : 0;
    tally.add(m->machine.true_j(), sum.energy);
  }
  fmt::print("{} mirrored packages, {} counters wrapped\n", mirrors, wraps);
  EXPECT_GT(mirrors, 20);
  EXPECT_GT(wraps, 100);
  report("rapl", tally, 1.15);
}

// The driver's library, with the GPUs of one machine behind it.
struct NvmlMachine {
  static inline NvmlMachine* current = nullptr;
  Machine machine;
  std::vector<bool> has_counter;
  std::vector<double> limits;
  double power_gain = 1;

  explicit NvmlMachine(uint64_t seed) : machine(seed, 2) {
    Dice& dice = machine.dice;
    const int gpus = dice.chance(0.5) ? 1 : dice.whole(2, 8);
    const double limit = dice.scaled(70, 700);
    const bool counters = dice.chance(0.8);
    power_gain = 1 + dice.normal(0.04);
    machine.phase_s = 10;
    machine.shown_uj = 1000;
    for (int i = 0; i < gpus; ++i) {
      Part part;
      const double idle = limit * dice.between(0.05, 0.2);
      part.curve = {idle, limit * dice.between(0.6, 1.05), dice.between(0.5, 1)};
      part.gain = 1 + dice.normal(0.03);
      part.drift = 0.01;
      part.update_s = dice.between(0.02, 0.1);
      part.unit_uj = 1000;
      part.start = dice.between(0, 1e12);
      machine.parts.push_back(part);
      has_counter.push_back(counters);
      limits.push_back(limit);
    }
  }

  static size_t index_of(NvmlApi::Device device) { return reinterpret_cast<size_t>(device) - 1; }
  static NvmlApi api() {
    NvmlApi api;
    api.init = [] { return 0; };
    api.shutdown = [] { return 0; };
    api.device_count = [](unsigned* n) { return *n = static_cast<unsigned>(current->limits.size()), 0; };
    api.device = [](unsigned i, NvmlApi::Device* d) { return *d = reinterpret_cast<void*>(size_t{i} + 1), 0; };
    api.name = [](NvmlApi::Device, char* name, unsigned) { return name[0] = 'G', name[1] = 0, 0; };
    api.total_energy = [](NvmlApi::Device d, unsigned long long* mj) {
      const size_t i = index_of(d);
      if (!current->has_counter[i]) return 3;
      return *mj = current->machine.shown(current->machine.parts[i]), 0;
    };
    // Each reading is of a moment, with an error of its own.
    api.power = [](NvmlApi::Device d, unsigned* mw) {
      const double watts = current->machine.parts[index_of(d)].watts;
      return *mw = static_cast<unsigned>(1000 * watts * current->power_gain * (1 + current->machine.dice.normal(0.05))), 0;
    };
    api.power_limit = [](NvmlApi::Device d, unsigned* mw) {
      return *mw = static_cast<unsigned>(1000 * current->limits[index_of(d)]), 0;
    };
    return api;
  }
};

TEST(SimulatedMachines, Nvml) {
  Tally tally;
  int integrated = 0;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    NvmlMachine m(seed);
    NvmlMachine::current = &m;
    NvmlFound found = open_nvml(NvmlMachine::api(), 0);
    ASSERT_TRUE(found.source) << found.refusal.reason;
    integrated += found.gpus.front().reason.find("integrated") != std::string::npos ? 1 : 0;
    const double every = m.machine.dice.scaled(0.1, 1.2);
    const EnergyDelta sum = simulated::run_and_read(m.machine, *found.source, kSeconds, every, 0.005);
    ASSERT_FALSE(sum.faults.any()) << seed << " " << sum.faults.names();
    tally.add(m.machine.true_j(), sum.energy);
  }
  EXPECT_GT(integrated, 100);
  report("nvml", tally, 1.15);
}

// A whole machine behind a power supply, calibrated with a wall meter of some error and then used.
struct WallMachine {
  Machine machine;
  PowerCurve curve;  // of the packages, under the calibration's load
  double others_w, rated_w, efficiency, low_load_loss;
  double work = 1;  // real work draws so many times the active power of the calibration's load
  double counter_gain, counter_drift;
  bool counter;

  explicit WallMachine(uint64_t seed) : machine(seed, 3) {
    Dice& dice = machine.dice;
    machine.cpus = dice.whole(2, 64);
    const double full = dice.scaled(15, 400);
    curve = {full * dice.between(0.04, 0.4), full, dice.between(0.6, 1.05)};
    others_w = full * dice.between(0.1, 0.8);
    rated_w = (full + others_w) * dice.between(1.2, 4);
    efficiency = dice.between(0.85, 0.95);
    low_load_loss = dice.between(0.005, 0.02);
    work = 1 + dice.normal(0.06);
    counter_gain = 1 + dice.normal(0.04);
    counter_drift = 0.015;
    counter = dice.chance(0.5);
  }
  [[nodiscard]] double wall_w(double package_w) const { return (package_w + others_w) / efficiency + low_load_loss * rated_w; }

  Calibration calibrate() {
    Dice& dice = machine.dice;
    Calibration c;
    c.counter = counter ? "rapl-package" : "";
    const double meter_gain = 1 + dice.normal(0.02), meter_offset = dice.normal(0.4), digit = dice.chance(0.5) ? 0.1 : 1;
    for (const double load : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      const double package_w = curve.watts(load);
      CalibrationLevel level;
      level.load = load;
      level.seconds = 20;
      level.processor_s = 20 * machine.cpus * load * (1 + dice.normal(0.01)) + 20 * 0.003;
      if (counter) level.counter_w = package_w * counter_gain * (1 + dice.normal(counter_drift));
      const double read = (wall_w(package_w) * (1 + dice.normal(0.01))) * meter_gain + meter_offset;
      level.wall_w = std::max(digit, std::round(read / digit) * digit);
      c.levels.push_back(level);
    }
    return c;
  }

  // What it does afterwards, as a simulated machine of one part; power is that at the wall, the counter's that of packages.
  double run(const WallFit& fit, Energy& energy) {
    Dice& dice = machine.dice;
    double true_j = 0, package_uj = 0, busy_s = 0, now = 0;
    class Counter final : public EnergySource {
     public:
      explicit Counter(const double& uj) : uj_(uj), method_{"rapl-package", "packages", 0.95, 1.05, false} {}
      EnergyDelta read(double) override {
        EnergyDelta delta;
        delta.energy.value_uj = static_cast<int64_t>(uj_ - last_);
        last_ = uj_;
        return delta;
      }
      const EnergyMethod& method() const override { return method_; }

     private:
      const double& uj_;
      double last_ = 0;
      EnergyMethod method_;
    };
    ProcessorClock clock;
    clock.seconds = [&busy_s] { return busy_s; };
    const auto source =
        counter ? wall_source(fit, std::make_unique<Counter>(package_uj), 0) : wall_source(fit, clock, machine.cpus, 0);
    const double idle_chance = dice.between(0, 0.8);
    while (now < kSeconds) {
      const double share = dice.chance(idle_chance) ? 0 : dice.between(0, 1);
      const double span = dice.between(0.1, 3);
      const double package_w = curve.idle_w + (curve.watts(share) - curve.idle_w) * work;
      true_j += wall_w(package_w) * span;
      package_uj += 1e6 * package_w * span * counter_gain * (1 + dice.normal(counter_drift));
      busy_s += share * machine.cpus * span;
      now += span;
      energy += source->read(now).energy;
    }
    return true_j;
  }
};

TEST(SimulatedMachines, WallCalibrated) {
  Tally tally;
  int by_counter = 0;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    WallMachine m(seed);
    const Result<WallFit> fit = fit_wall(m.calibrate());
    ASSERT_TRUE(fit) << seed << " " << fit.error().message;
    by_counter += fit->by_counter ? 1 : 0;
    Energy energy;
    const double true_j = m.run(*fit, energy);
    tally.add(true_j, energy);
  }
  EXPECT_GT(by_counter, 400);
  EXPECT_LT(by_counter, 600);
  report("wall-calibrated", tally, 1.25);
}

// What is not known of a machine whose rated power is: how its power goes with load, and how much of its time was stolen.
struct ModelMachine {
  Machine machine;
  double stolen = 0;     // share of running time
  bool charged = false;  // the kernel charges stolen time to the process
  double mean_load;

  ModelMachine(uint64_t seed, uint32_t stream, int cpus, bool virtual_machine) : machine(seed, stream) {
    Dice& dice = machine.dice;
    machine.cpus = cpus;
    machine.idle_chance = dice.between(0, 0.9);
    machine.busiest = dice.between(0.2, 1);
    if (virtual_machine) {
      stolen = dice.chance(0.5) ? dice.between(0, 0.3) : 0;
      charged = dice.chance(0.5);
    }
  }
  ProcessorClock clock() {
    ProcessorClock clock;
    // Of each running second, 1 - stolen were worked.
    clock.seconds = [this] { return charged ? machine.busy_s / (1 - stolen) : machine.busy_s; };
    clock.machine = [this]() -> std::optional<MachineSeconds> {
      return MachineSeconds{machine.busy_s, machine.busy_s * stolen / (1 - stolen)};
    };
    return clock;
  }
  void draw(double full_w, double idle_share) {
    Part part;
    part.curve = {full_w * idle_share, full_w, machine.dice.between(0.6, 1)};
    machine.parts = {part};
    machine.busiest *= 1 - stolen;  // what was stolen cannot be worked
  }
};

// The share of its full power that a package draws idle.
double idle_share(Dice& dice, double rated_w, bool server) {
  if (rated_w <= 30) return dice.between(0.03, 0.15);
  return server ? dice.between(0.15, 0.45) : dice.between(0.06, 0.3);
}

bool is_server(std::string_view words) {
  return words.find("Xeon") != words.npos || words.find("EPYC") != words.npos || words.find("ARM") != words.npos;
}

TEST(SimulatedMachines, TableOfProcessors) {
  Tally tally;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    Dice dice(seed, 4);
    const auto ratings = cpu_ratings();
    const CpuRating& rating = ratings[static_cast<size_t>(dice.whole(0, static_cast<int>(ratings.size()) - 1))];
    CpuInfo cpu;
    cpu.name = "Maker " + std::string(rating.words) + " CPU";
    const CpuRating* row = find_cpu_rating(cpu.name);
    ASSERT_EQ(row, &rating) << cpu.name;
    cpu.vendor = "GenuineIntel";
    cpu.virtual_machine = is_server(rating.words) && (rating.family || dice.chance(0.5));
    cpu.sockets = is_server(rating.words) && dice.chance(0.4) ? 2 : 1;
    cpu.cpus = cpu.virtual_machine ? std::min(rating.threads, 1 << dice.whole(1, 6)) : rating.threads * cpu.sockets;
    const std::optional<CpuPowerModel> model = table_power_model(cpu);
    ASSERT_TRUE(model) << cpu.name;
    ModelMachine m(seed, 5, cpu.cpus, cpu.virtual_machine);
    // Boosting desktop parts go to twice their rated power and more, others stay below it; a family's parts differ.
    const double ratio = std::exp(dice.normal(0.3) + (rating.family ? dice.normal(0.2) : 0));
    const double part_of_host =
        cpu.virtual_machine ? static_cast<double>(cpu.cpus) / rating.threads * std::exp(dice.normal(0.1)) : cpu.sockets;
    m.draw(rating.tdp_w * ratio * part_of_host, idle_share(dice, rating.tdp_w, is_server(rating.words)));
    const auto source = cpu_model_source(*model, m.clock(), 0);
    const EnergyDelta sum = simulated::run_and_read(m.machine, *source, kSeconds, dice.scaled(0.05, 5));
    tally.add(m.machine.true_j(), sum.energy);
  }
  report("estimate-tdp", tally, 4);
}

TEST(SimulatedMachines, ConstantPerCore) {
  Tally tally;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    Dice dice(seed, 6);
    CpuInfo cpu;
    cpu.name = "of no known name";
    cpu.vendor = "GenuineIntel";
    cpu.virtual_machine = dice.chance(0.5);
    cpu.cpus = 1 << dice.whole(1, 7);
    const bool threads = dice.chance(0.8);  // two hardware threads a core
    const int cores = threads ? cpu.cpus / 2 : cpu.cpus;
    cpu.cores = cpu.virtual_machine ? cpu.cpus : cores;
    const CpuPowerModel model = core_power_model(cpu);
    ModelMachine m(seed, 7, cpu.cpus, cpu.virtual_machine);
    // 1.9 to 13 W in 95 of 100: from the cores of 192-core servers and of thin laptops to those of boosting desktops.
    const double core_w = 5 * std::exp(dice.normal(0.5));
    m.draw(core_w * cores, idle_share(dice, dice.scaled(10, 400), dice.chance(0.5)));
    const auto source = cpu_model_source(model, m.clock(), 0);
    const EnergyDelta sum = simulated::run_and_read(m.machine, *source, kSeconds, dice.scaled(0.05, 5));
    tally.add(m.machine.true_j(), sum.energy);
  }
  report("estimate-cores", tally, 9);
}

}  // namespace
}  // namespace sobre
