// RAPL over real files in the shape of /sys/class/powercap: which zones count, what is refused and why, and what a failing
// counter does to a window.
#include "meter/rapl.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "meter/files_testing.h"

namespace sobre {
namespace {

constexpr int64_t kJoule = 1'000'000;

CpuInfo intel() {
  CpuInfo cpu;
  cpu.name = "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz";
  cpu.vendor = "GenuineIntel";
  cpu.cpus = 40;
  return cpu;
}

CpuInfo amd() {
  CpuInfo cpu;
  cpu.name = "AMD EPYC 7551 32-Core Processor";
  cpu.vendor = "AuthenticAMD";
  cpu.cpus = 64;
  return cpu;
}

RaplFound open_tree(const FakeFiles& files, const CpuInfo& cpu, bool dram = true) {
  Result<std::vector<RaplZone>> zones = read_powercap(files / "powercap");
  EXPECT_TRUE(zones);
  return choose_rapl(std::move(*zones), {cpu, dram, {}}, 0);
}

const SourceSeen* seen(const RaplFound& found, const std::string& id) {
  for (const SourceSeen& zone : found.zones) {
    if (zone.name.starts_with(id + " ") || zone.name == id) return &zone;
  }
  ADD_FAILURE() << id << " is not reported";
  static const SourceSeen none;
  return &none;
}

TEST(Rapl, PackagesAndMemoryAreAddedAndNothingTwice) {
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0", "1000000");
  files.zone("powercap/intel-rapl:0:0", "core", "5");
  files.zone("powercap/intel-rapl:0:1", "uncore", "5");
  files.zone("powercap/intel-rapl:0:2", "dram", "7000000", "65712999613");
  files.zone("powercap/intel-rapl:1", "package-1", "1000000");
  files.zone("powercap/intel-rapl:1/intel-rapl:1:0", "dram", "9000000", "65712999613");
  files.zone("powercap/intel-rapl:2", "psys", "4000000");
  files.zone("powercap/intel-rapl-mmio:0", "package-0", "1000000");
  files.write("powercap/intel-rapl/enabled", "1\n");
  files.write("powercap/dtpm/enabled", "1\n");
  RaplFound found = open_tree(files, intel());
  ASSERT_TRUE(found.source) << found.refusal.reason;
  EXPECT_EQ(found.source->method().name, "rapl-package+dram");
  EXPECT_EQ(found.source->method().boundary, "processor packages and memory");
  EXPECT_LE(found.source->method().high_factor / found.source->method().low_factor, 1.15);
  EXPECT_TRUE(seen(found, "intel-rapl:0")->used);
  EXPECT_TRUE(seen(found, "intel-rapl:1:0")->used);
  EXPECT_FALSE(seen(found, "intel-rapl:0:0")->used);
  EXPECT_NE(seen(found, "intel-rapl-mmio:0")->reason.find("same counter as intel-rapl:0"), std::string::npos);
  EXPECT_NE(seen(found, "intel-rapl:2")->reason.find("shown apart"), std::string::npos);
  EXPECT_EQ(found.zones.size(), 8U);

  files.zone("powercap/intel-rapl:0", "package-0", "41000000");
  files.zone("powercap/intel-rapl:0:0", "core", "30000005");
  files.zone("powercap/intel-rapl:0:2", "dram", "12000000", "65712999613");
  files.zone("powercap/intel-rapl:1", "package-1", "61000000");
  files.zone("powercap/intel-rapl:1/intel-rapl:1:0", "dram", "16000000", "65712999613");
  files.zone("powercap/intel-rapl-mmio:0", "package-0", "41000000");
  files.zone("powercap/intel-rapl:2", "psys", "204000000");
  const EnergyDelta delta = found.source->read(1);
  EXPECT_EQ(delta.energy.value_uj, (40 + 5 + 60 + 7) * kJoule);
  EXPECT_FALSE(delta.faults.any());
  EXPECT_FALSE(delta.idle_uj);
  ASSERT_TRUE(found.psys);
  EXPECT_EQ(found.psys->read(1).energy.value_uj, 200 * kJoule);
  EXPECT_EQ(found.source->read(1.01).energy.value_uj, 0) << "nothing moved yet";

  found = open_tree(files, intel(), false);
  ASSERT_TRUE(found.source);
  EXPECT_EQ(found.source->method().name, "rapl-package");
}

TEST(Rapl, WrapsAtTheRangeOfTheCounter) {
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0", "262143000000");
  RaplFound found = open_tree(files, intel());
  ASSERT_TRUE(found.source);
  files.zone("powercap/intel-rapl:0", "package-0", "99671150");
  const EnergyDelta delta = found.source->read(1);
  EXPECT_EQ(delta.energy.value_uj, 100 * kJoule);
  EXPECT_FALSE(delta.faults.any());
}

TEST(Rapl, ALimitThatStandsForNoneIsNotBelieved) {
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0", "1000000");
  files.write("powercap/intel-rapl:0/constraint_0_power_limit_uw", "4095875000\n");
  CpuInfo cpu = intel();
  cpu.name = "a part of next year";
  for (const char* second : {"2000000000\n", "1900000000\n", "150000000\n"}) {
    files.write("powercap/intel-rapl:0/energy_uj", "1000000\n");
    files.write("powercap/intel-rapl:0/constraint_1_power_limit_uw", second);
    RaplFound found = open_tree(files, cpu);
    ASSERT_TRUE(found.source);
    const bool believed = std::string_view(second).starts_with("15");
    files.write("powercap/intel-rapl:0/energy_uj", believed ? "501000000\n" : "1301000000\n");
    EXPECT_EQ(found.source->read(1).faults.names(), "counter_jump") << second;
  }
}

TEST(Rapl, TwoDiesWithOneCounterAreCountedOnce) {
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0-die-0", "5000000000");
  files.zone("powercap/intel-rapl:1", "package-0-die-1", "5000000061");
  files.zone("powercap/intel-rapl:0:0", "core", "1");
  RaplFound found = open_tree(files, amd());
  ASSERT_TRUE(found.source);
  EXPECT_NE(seen(found, "intel-rapl:1")->reason.find("mirrors intel-rapl:0"), std::string::npos);
  EXPECT_FALSE(seen(found, "intel-rapl:1")->used);
  EXPECT_NE(seen(found, "intel-rapl:0:0")->reason.find("implausibly"), std::string::npos);
  files.zone("powercap/intel-rapl:0", "package-0-die-0", "5100000000");
  files.zone("powercap/intel-rapl:1", "package-0-die-1", "5100000061");
  EXPECT_EQ(found.source->read(1).energy.value_uj, 100 * kJoule);
  // They were two after all: what the second had counted is not lost.
  for (int i = 2; i <= 4; ++i) {
    files.zone("powercap/intel-rapl:0", "package-0-die-0", std::to_string(5'000'000'000 + i * 100'000'000LL));
    files.zone("powercap/intel-rapl:1", "package-0-die-1",
               std::to_string(5'000'000'061 + 100'000'000 + (i - 1) * 60'000'000LL));
    const int64_t uj = found.source->read(i).energy.value_uj;
    EXPECT_EQ(uj, (i == 2 ? 100 : i == 3 ? 100 + 100 + 120 : 160) * kJoule) << i;
  }
}

TEST(Rapl, MirrorsWithDifferentBeginningsAreFoundByTheirMovement) {
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0", "0");
  files.zone("powercap/intel-rapl:1", "package-1", "0");
  const auto write = [&](int64_t joules) {
    files.write("powercap/intel-rapl:0/energy_uj", std::to_string(1'000'000'000 + joules * kJoule));
    files.write("powercap/intel-rapl:1/energy_uj", std::to_string(77'000'000'000 + joules * kJoule));
  };
  write(0);
  RaplFound found = open_tree(files, amd());
  ASSERT_TRUE(found.source);
  int64_t joules = 0;
  EnergyDelta delta;
  for (int i = 1; i <= 16; ++i) {
    write(joules += 1000);
    delta = found.source->read(5 * i);
  }
  EXPECT_EQ(delta.energy.value_uj, 1000 * kJoule);
  // Sockets of Intel's that move alike are two: no such mirror is known there.
  write(0);
  found = open_tree(files, intel());
  joules = 0;
  for (int i = 1; i <= 16; ++i) {
    write(joules += 1000);
    delta = found.source->read(5 * i);
  }
  EXPECT_EQ(delta.energy.value_uj, 2000 * kJoule);
}

TEST(Rapl, RefusalsSayWhyAndWhatToDo) {
  const FakeFiles files;
  CpuInfo cpu = intel();
  const Result<std::vector<RaplZone>> missing = read_powercap(files / "powercap");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("powercap: No such file"), std::string::npos);
  RaplFound none = choose_rapl({}, {cpu, true, {}}, 0);
  EXPECT_FALSE(none.source);
  EXPECT_NE(none.refusal.advice.find("modprobe intel_rapl_msr"), std::string::npos);
  cpu.virtual_machine = true;
  EXPECT_NE(choose_rapl({}, {cpu, true, {}}, 0).refusal.reason.find("virtual machine"), std::string::npos);
  cpu.vendor.clear();
  cpu.virtual_machine = false;
  EXPECT_NE(choose_rapl({}, {cpu, true, {}}, 0).refusal.reason.find("no RAPL"), std::string::npos);

  // One package of two: half a sum is none.
  files.zone("powercap/intel-rapl:0", "package-0", "1000000");
  files.zone("powercap/intel-rapl:1", "package-1", "none of your business");
  const RaplFound half = open_tree(files, intel());
  EXPECT_FALSE(half.source);
  EXPECT_NE(half.refusal.reason.find("intel-rapl:1 package-1: energy_uj holds no whole number"), std::string::npos)
      << half.refusal.reason;
  files.zone("powercap/intel-rapl:1", "package-1", "1000000", "0");
  EXPECT_NE(open_tree(files, intel()).refusal.reason.find("max_energy_range_uj is '0'"), std::string::npos);
  files.zone("powercap/intel-rapl:1", "package-1", "1000001", "1000000");
  EXPECT_NE(open_tree(files, intel()).refusal.reason.find("above max_energy_range_uj"), std::string::npos);
}

TEST(Rapl, PermissionDeniedNamesTheRule) {
  if (is_root()) GTEST_SKIP() << "root may read everything; simulated in TheRuleIsNamedWhereAZoneIsDenied";
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0", "1000000");
  std::filesystem::permissions(files / "powercap/intel-rapl:0/energy_uj", std::filesystem::perms::none);
  const RaplFound found = open_tree(files, intel());
  EXPECT_FALSE(found.source);
  EXPECT_NE(found.refusal.reason.find("Permission denied"), std::string::npos);
  EXPECT_NE(found.refusal.advice.find("sobre-meter"), std::string::npos);
}

TEST(Rapl, TheRuleIsNamedWhereAZoneIsDenied) {
  std::vector<RaplZone> zones(1);
  zones[0].id = "intel-rapl:0";
  zones[0].name = "package-0";
  zones[0].fault = "energy_uj: Permission denied";
  zones[0].denied = true;
  const RaplFound found = choose_rapl(std::move(zones), {intel(), true, {}}, 0);
  EXPECT_FALSE(found.source);
  EXPECT_NE(found.refusal.advice.find("sobre-meter"), std::string::npos);
  EXPECT_NE(found.zones.at(0).advice.find("sobre-meter"), std::string::npos);
}

TEST(Rapl, AZoneThatGoesAndOneThatTurnsToNonsense) {
  const FakeFiles files;
  files.zone("powercap/intel-rapl:0", "package-0", "1000000");
  RaplFound found = open_tree(files, intel());
  ASSERT_TRUE(found.source);
  files.zone("powercap/intel-rapl:0", "package-0", "101000000");
  EXPECT_FALSE(found.source->read(1).faults.any());
  files.zone("powercap/intel-rapl:0", "package-0", "-5");
  EnergyDelta delta = found.source->read(2);
  EXPECT_EQ(delta.faults.names(), "unreadable");
  EXPECT_NEAR(static_cast<double>(delta.energy.value_uj), 100e6, 1e6) << "what it drew before";
  EXPECT_GT(delta.energy.high_uj, 2 * delta.energy.value_uj);
  EXPECT_LT(delta.energy.low_uj, delta.energy.value_uj / 2);
  std::filesystem::remove_all(files / "powercap/intel-rapl:0");
  files.zone("powercap/intel-rapl:0", "package-0", "");
  (void)found.source->read(3);  // the descriptor that is kept still sees the file that was removed
  EXPECT_TRUE(found.source->read(4).faults.any());
}

}  // namespace
}  // namespace sobre
