#include "meter/rapl.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "meter/rapl_source.h"

namespace sobre {

namespace {

// B.2 and B.4 of the facts: the packages' counters are right within 5 %, two sigma; the rest is for memory's, which are worse,
// and for what a reading misses.
constexpr double kLow = 0.935, kHigh = 1.07;
constexpr double kPsysLow = 0.85, kPsysHigh = 1.2;
constexpr double kUpdateS = 0.02;  // the counters move every millisecond; a reader may be held up between clock and counter
constexpr double kStoppedS = 0.1;
constexpr double kDramMostW = 300, kDramUsualW = 10, kPsysMostW = 5000;
constexpr const char* kPermission =
    "install the rule of packaging/README.md (section energy counters) and run as a member of the group sobre-meter";

enum class Kind : uint8_t { kPackage, kDram, kPsys, kInside, kOther };

Kind kind_of(const std::string& name) {
  if (name.starts_with("package")) return Kind::kPackage;
  if (name == "dram") return Kind::kDram;
  if (name == "psys" || name == "platform") return Kind::kPsys;
  if (name == "core" || name == "uncore") return Kind::kInside;
  return Kind::kOther;
}

std::string shown(const RaplZone& zone) { return zone.id + (zone.name.empty() ? "" : " " + zone.name); }

// "package-0/dram": the same for the zones of intel-rapl and intel-rapl-mmio that show one counter.
std::string key_of(const RaplZone& zone, const std::vector<RaplZone>& zones) {
  const std::string parent = zone.id.substr(0, zone.id.rfind(':'));
  for (const RaplZone& z : zones) {
    if (z.id == parent) return z.name + "/" + zone.name;
  }
  return zone.name;
}

bool is_mmio(const RaplZone& zone) { return zone.id.starts_with("intel-rapl-mmio"); }

// "package-1-die-0" -> "package-1"
std::string socket_of(const std::string& name) { return name.substr(0, name.find("-die-")); }

struct Chooser {
  std::vector<RaplZone> zones;
  const RaplOptions& options;
  RaplFound found;
  std::vector<size_t> packages, drams, psys;  // indices of zones that may be used
  std::string trouble;                        // why packages cannot all be read
  bool denied = false;

  void see(const RaplZone& zone, bool used, std::string reason, std::string advice = "") {
    found.zones.push_back({shown(zone), used, std::move(reason), std::move(advice)});
  }

  // The zone of intel-rapl that shows the same counter and can be read, for a zone of intel-rapl-mmio; null: none.
  const RaplZone* original_of(const RaplZone& zone) const {
    if (!is_mmio(zone)) return nullptr;
    for (const RaplZone& z : zones) {
      if (!is_mmio(z) && z.fault.empty() && key_of(z, zones) == key_of(zone, zones)) return &z;
    }
    return nullptr;
  }
  // A zone of intel-rapl that cannot be read does no harm where intel-rapl-mmio shows its counter.
  bool replaced(const RaplZone& zone) const {
    return !is_mmio(zone) && std::any_of(zones.begin(), zones.end(), [&](const RaplZone& z) {
      return is_mmio(z) && z.fault.empty() && key_of(z, zones) == key_of(zone, zones);
    });
  }

  void sort_zone(size_t i) {
    const RaplZone& zone = zones[i];
    const Kind kind = kind_of(zone.name);
    if (kind == Kind::kInside) {
      const bool amd = options.cpu.vendor == "AuthenticAMD";
      return see(zone, false, amd ? "a part of its package, and AMD's is implausibly low" : "a part of its package");
    }
    if (kind == Kind::kOther && zone.fault.empty()) return see(zone, false, "of a kind that is not known");
    if (const RaplZone* original = original_of(zone)) return see(zone, false, "the same counter as " + shown(*original));
    if (!zone.fault.empty()) {
      see(zone, false, zone.fault, zone.denied ? kPermission : "");
      if ((kind == Kind::kPackage || zone.name.empty()) && !replaced(zone)) {
        trouble += (trouble.empty() ? "" : "; ") + shown(zone) + ": " + zone.fault;
        denied = denied || zone.denied;
      }
      return;
    }
    if (kind == Kind::kDram && !options.with_dram) return see(zone, false, "not asked for");
    (kind == Kind::kPackage ? packages : kind == Kind::kDram ? drams : psys).push_back(i);
  }

  CounterTraits traits_of(const RaplZone& zone) const {
    CounterTraits t;
    t.range = zone.range_uj;
    t.update_s = kUpdateS;
    t.stopped_s = kStoppedS;
    t.low_factor = kLow;
    t.high_factor = kHigh;
    if (kind_of(zone.name) != Kind::kPackage) {
      t.max_w = kind_of(zone.name) == Kind::kDram ? kDramMostW : kPsysMostW;
      t.usual_w = kDramUsualW;
      return t;
    }
    t.max_w = largest_socket_power_w(options.cpu);
    if (zone.limit_w && find_cpu_rating(options.cpu.name) == nullptr)
      t.max_w = std::min(t.max_w, std::max(3 * *zone.limit_w, *zone.limit_w + 100));
    const CpuPowerModel model = table_power_model(options.cpu).value_or(core_power_model(options.cpu));
    t.usual_w = std::min(0.5 * t.max_w, 0.5 * (model.idle_w + model.full_w) / options.cpu.sockets);
    return t;
  }

  bool may_mirror(const RaplZone& zone) const {
    if (options.cpu.vendor == "AuthenticAMD") return true;
    return std::any_of(packages.begin(), packages.end(),
                       [&](size_t i) { return &zones[i] != &zone && socket_of(zones[i].name) == socket_of(zone.name); });
  }

  RaplMember member(size_t i) {
    RaplMember m;
    m.traits = traits_of(zones[i]);
    m.may_mirror = kind_of(zones[i].name) == Kind::kPackage && may_mirror(zones[i]);
    m.first = zones[i].counter->read();
    m.counter = std::move(zones[i].counter);
    return m;
  }

  void refuse() {
    found.refusal.name = options.with_dram ? "rapl-package+dram" : "rapl-package";
    if (!trouble.empty()) {
      found.refusal.reason = trouble;
      found.refusal.advice = denied ? kPermission : "see what the kernel's log says of intel_rapl";
      return;
    }
    found.refusal.reason = "no package has a counter";
    if (options.cpu.virtual_machine) {
      found.refusal.reason = "a virtual machine whose host passes no counters on";
      found.refusal.advice = "run on the host itself, or measure with a wall meter: sobre meter --calibrate --wall";
    } else if (options.cpu.vendor.empty()) {
      found.refusal.reason = "this processor has no RAPL";
      found.refusal.advice = "measure with a wall meter: sobre meter --calibrate --wall";
    } else {
      found.refusal.advice =
          "load the kernel module (modprobe intel_rapl_msr); in a container mount /sys/class/powercap and "
          "/sys/devices/virtual/powercap read-only";
    }
  }

  void open(double now_s) {
    const size_t dram_count = drams.size();
    EnergyMethod method;
    method.name = dram_count > 0 ? "rapl-package+dram" : "rapl-package";
    method.boundary = dram_count == 0                 ? "processor packages"
                      : dram_count >= packages.size() ? "processor packages and memory"
                                                      : "processor packages and a part of the memory";
    method.low_factor = kLow;
    method.high_factor = kHigh;
    std::vector<size_t> used = packages;
    used.insert(used.end(), drams.begin(), drams.end());
    std::vector<RaplMember> members;
    members.reserve(used.size());
    for (const size_t i : used) members.push_back(member(i));
    auto source = std::make_unique<RaplSource>(std::move(members), std::move(method), options.clock, now_s);
    for (size_t k = 0; k < used.size(); ++k) {
      const int twin = source->mirror_of(k);
      if (twin < 0)
        see(zones[used[k]], true, "added");
      else
        see(zones[used[k]], false, "mirrors " + shown(zones[used[static_cast<size_t>(twin)]]) + ": one counter, counted once");
    }
    found.source = std::move(source);
  }
};

}  // namespace

RaplFound choose_rapl(std::vector<RaplZone> zones, const RaplOptions& options, double now_s) {
  Chooser chooser{std::move(zones), options, {}, {}, {}, {}, {}, false};
  for (size_t i = 0; i < chooser.zones.size(); ++i) chooser.sort_zone(i);
  if (!chooser.psys.empty()) {
    const size_t i = chooser.psys.front();
    EnergyMethod method{"rapl-psys", "whole platform, as its own sensor has it", kPsysLow, kPsysHigh, false};
    std::vector<RaplMember> members;
    members.push_back(chooser.member(i));
    members.back().traits.low_factor = kPsysLow;
    members.back().traits.high_factor = kPsysHigh;
    chooser.found.psys = std::make_unique<RaplSource>(std::move(members), std::move(method), ProcessorClock{}, now_s);
    chooser.see(chooser.zones[i], false, "contains the packages; shown apart");
  }
  if (chooser.packages.empty() || !chooser.trouble.empty()) {
    for (const size_t i : chooser.packages) chooser.see(chooser.zones[i], false, "another package cannot be read");
    for (const size_t i : chooser.drams) chooser.see(chooser.zones[i], false, "its package cannot be read");
    chooser.refuse();
  } else {
    chooser.open(now_s);
  }
  return std::move(chooser.found);
}

}  // namespace sobre
