// Processor time and the models of processors: what is read of /proc, which row of the table a name gets, and that stolen time
// is not paid for.
#include "meter/cpu_power.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "meter/cpu_times.h"
#include "meter/files_testing.h"

namespace sobre {
namespace {

TEST(CpuTimes, ReadsTheFormOfProcStat) {
  const char* text =
      "cpu  4765199 68085 351322 1859383 4307 100 2495 20847 500 0\n"
      "cpu0 2348543 34427 172356 967995 1070 0 825 10414 0 0\n"
      "cpu1 2416655 33657 178966 891388 3237 0 1670 10433 0 0\n"
      "intr 20035952 0 0\ncpu2 is no processor\n";
  const Result<CpuTimes> times = parse_cpu_times(text, 100);
  ASSERT_TRUE(times);
  EXPECT_DOUBLE_EQ(times->busy_s, (4765199 + 68085 + 351322 + 100 + 2495) / 100.0);
  EXPECT_DOUBLE_EQ(times->steal_s, 208.47);
  EXPECT_EQ(times->cpus, 2);
  const Result<CpuTimes> old = parse_cpu_times("cpu 1 2 3 4\ncpu0 1 2 3 4\n", 100);
  ASSERT_TRUE(old);
  EXPECT_DOUBLE_EQ(old->busy_s, 0.06);
  EXPECT_EQ(old->steal_s, 0);
}

TEST(CpuTimes, OtherFormsAreErrorsThatSaySo) {
  for (const char* text : {"", "cpu", "cpu \n", "cpu  1 2 3\ncpu0 1\n", "cpu  1 2 x 4\ncpu0 1\n", "cpu  1 2 3 4x\ncpu0 1\n",
                           "cpu  1 2 3 99999999999999999999\ncpu0 1\n", "procs 3\n", "cpu  1 2 3 -4\ncpu0 1\n"}) {
    const Result<CpuTimes> times = parse_cpu_times(text, 100);
    ASSERT_FALSE(times) << text;
    EXPECT_NE(times.error().message.find("proc_stat(5)"), std::string::npos) << text;
  }
  EXPECT_FALSE(parse_cpu_times("cpu  1 2 3 4\nintr 1\n", 100));
  const FakeFiles files;
  EXPECT_NE(read_cpu_times(files / "proc").error().message.find("proc/stat: No such file"), std::string::npos);
  files.write("proc/stat", "nothing\n");
  EXPECT_NE(read_cpu_times(files / "proc").error().message.find("proc/stat: its first line"), std::string::npos);
}

TEST(CpuTimes, TheClockOfThisProcessRuns) {
  const double before = own_cpu_seconds();
  volatile double x = 1;
  while (own_cpu_seconds() - before < 0.01) x = std::sqrt(x + 1);
  const Result<CpuTimes> times = read_cpu_times();
  ASSERT_TRUE(times) << times.error().message;
  EXPECT_GE(times->own_s, before + 0.01);
  EXPECT_GE(times->cpus, 1);
  EXPECT_GT(times->busy_s, 0);
}

TEST(CpuTimes, AClockOfTheWholeMachine) {
  const FakeFiles files;
  files.proc("x", 2);
  const ProcessorClock clock = processor_clock(files / "proc", true);
  EXPECT_DOUBLE_EQ(clock.seconds(), 1.52);
  EXPECT_FALSE(clock.machine) << "stolen time is not in it and must not be taken off again";
  files.write("proc/stat", "cpu  300 0 50 1000 5 0 2 0 0 0\ncpu0 1 0 1 1\n");
  EXPECT_DOUBLE_EQ(clock.seconds(), 3.52);
  files.write("proc/stat", "gone");
  EXPECT_DOUBLE_EQ(clock.seconds(), 3.52) << "what cannot be read moves nothing";
}

TEST(CpuInfo, SocketsCoresAndNames) {
  const FakeFiles files;
  files.proc("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 3, "fpu hypervisor avx2");
  const Result<CpuInfo> info = read_cpu_info(files / "proc");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->cpus, 3);
  EXPECT_EQ(info->cores, 3);
  EXPECT_EQ(info->sockets, 1);
  EXPECT_TRUE(info->virtual_machine);
  EXPECT_EQ(info->vendor, "GenuineIntel");
  const Result<CpuInfo> two = parse_cpu_info(
      "processor : 0\nphysical id : 0\ncore id : 0\nflags : fpu\nprocessor : 1\nphysical id : 0\ncore id : 0\n"
      "processor : 2\nphysical id : 1\ncore id : 0\nprocessor : 3\nphysical id : 1\ncore id : 0\n");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->sockets, 2);
  EXPECT_EQ(two->cores, 2);
  EXPECT_FALSE(two->virtual_machine);
  const Result<CpuInfo> arm = parse_cpu_info("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n");
  ASSERT_TRUE(arm);
  ASSERT_NE(find_cpu_rating(arm->name), nullptr) << arm->name;
  EXPECT_TRUE(find_cpu_rating(arm->name)->family);
  EXPECT_FALSE(parse_cpu_info("model name : x\n"));
}

TEST(CpuTable, PartsOfAnArmServerAreCountedByTheirThreads) {
  const auto model_of = [](int cpus) {
    std::string text;
    for (int i = 0; i < cpus; ++i) text += fmt::format("processor : {}\nCPU implementer : 0x41\nCPU part : 0xd0c\n", i);
    return *table_power_model(*parse_cpu_info(text));
  };
  const CpuPowerModel guest = model_of(4), whole = model_of(80), two = model_of(160);
  EXPECT_DOUBLE_EQ(guest.full_w, whole.full_w * 4 / 80);
  EXPECT_DOUBLE_EQ(guest.idle_w, whole.idle_w * 4 / 80);
  EXPECT_DOUBLE_EQ(two.full_w, 2 * whole.full_w);
  EXPECT_NE(guest.boundary.find("4 of 80 threads"), std::string::npos) << guest.boundary;
}

TEST(CpuTable, NamesAsTheKernelShowsThem) {
  const struct {
    const char* name;
    double tdp_w;
  } cases[] = {
      {"Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", 120},
      {"Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 150},
      {"Intel(R) Xeon(R) Gold 6248R CPU @ 3.00GHz", 205},
      {"Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 210},
      {"Intel(R) Xeon(R) Platinum 8480+", 350},
      {"Intel(R) Xeon(R) 6980P", 500},
      {"Intel Xeon Processor (Cascadelake)", 150},
      {"AMD EPYC 7742 64-Core Processor", 225},
      {"AMD EPYC 9654 96-Core Processor", 360},
      {"AMD EPYC-Milan Processor", 225},
      {"AMD EPYC", 225},
      {"Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz", 91},
      {"Intel(R) Core(TM) i7-6700 CPU @ 3.40GHz", 65},
      {"12th Gen Intel(R) Core(TM) i7-1260P", 28},
      {"Intel(R) Core(TM) Ultra 7 155H", 28},
      {"Intel(R) N100", 6},
      {"AMD Ryzen 9 5950X 16-Core Processor", 105},
      {"AMD Ryzen 7 5800X3D 8-Core Processor", 105},
      {"AMD Ryzen 7 7840U w/ Radeon 780M Graphics", 28},
      {"AMD Ryzen Threadripper 3990X 64-Core Processor", 280},
      {"AMD Ryzen Threadripper PRO 5995WX 64-Cores", 280},
  };
  for (const auto& c : cases) {
    const CpuRating* rating = find_cpu_rating(c.name);
    ASSERT_NE(rating, nullptr) << c.name;
    EXPECT_EQ(rating->tdp_w, c.tdp_w) << c.name << " got " << rating->words;
  }
  for (const char* name : {"", "Intel(R) Xeon(R) CPU E5-2680 v9", "Intel(R) Core(TM) i7-67000", "Common KVM processor"})
    EXPECT_EQ(find_cpu_rating(name), nullptr) << name;
}

TEST(CpuTable, RowsAreSaneAndReachable) {
  std::set<std::string_view> words;
  for (const CpuRating& rating : cpu_ratings()) {
    EXPECT_TRUE(words.insert(rating.words).second) << rating.words << " is there twice";
    EXPECT_EQ(find_cpu_rating(rating.words), &rating) << rating.words;
    EXPECT_GE(rating.tdp_w, 5) << rating.words;
    EXPECT_LE(rating.tdp_w, 500) << rating.words;
    EXPECT_GE(rating.threads, rating.cores) << rating.words;
    EXPECT_LE(rating.threads, 2 * rating.cores) << rating.words;
    const double per_core = rating.tdp_w / rating.cores;
    EXPECT_GE(per_core, 1.2) << rating.words;
    EXPECT_LE(per_core, 31) << rating.words;
  }
  EXPECT_GE(words.size(), 200U);
}

TEST(CpuModel, SharesAndIntervals) {
  CpuInfo cpu;
  cpu.name = "AMD EPYC 7742 64-Core Processor";
  cpu.vendor = "AuthenticAMD";
  cpu.cpus = 256;
  cpu.sockets = 2;
  const auto bare = table_power_model(cpu);
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->full_w, 450);
  EXPECT_LE(bare->high_factor / bare->low_factor, 4);
  cpu.virtual_machine = true;
  cpu.cpus = 16;
  cpu.sockets = 1;
  const auto guest = table_power_model(cpu);
  ASSERT_TRUE(guest);
  EXPECT_DOUBLE_EQ(guest->full_w, 225.0 * 16 / 128);
  EXPECT_NE(guest->boundary.find("16 of 128 threads"), std::string::npos) << guest->boundary;
  const CpuPowerModel cores = core_power_model(cpu);
  EXPECT_DOUBLE_EQ(cores.full_w, 8 * 5.0);
  EXPECT_LE(cores.high_factor / cores.low_factor, 9);
}

// A source of 2 processors, 10 W idle and 30 W full, and clocks that a test sets.
struct Modelled {
  double seconds = 0;
  MachineSeconds machine;
  std::unique_ptr<EnergySource> source;
  Modelled() {
    CpuPowerModel model;
    model.method = "estimate-tdp";
    model.boundary = "a test";
    model.idle_w = 10;
    model.full_w = 30;
    model.cpus = 2;
    model.low_factor = 0.5;
    model.high_factor = 2;
    source = cpu_model_source(model, {[this] { return seconds; }, [this] { return machine; }}, 100);
  }
};

TEST(CpuModel, IdleAndBusySeconds) {
  Modelled m;
  EnergyDelta delta = m.source->read(101);
  EXPECT_EQ(delta.energy, (Energy{10'000'000, 5'000'000, 20'000'000}));
  EXPECT_EQ(delta.idle_uj, 10'000'000);
  EXPECT_TRUE(m.source->method().estimate);
  m.seconds = 1;
  delta = m.source->read(102);
  EXPECT_EQ(delta.energy.value_uj, 10'000'000 + 11'500'000);
  EXPECT_EQ(delta.idle_uj, 10'000'000);
  m.seconds = 100;  // no two processors work 99 s in one
  EXPECT_LE(m.source->read(103).energy.value_uj, 10'000'000 + 23'000'000);
  EXPECT_EQ(m.source->read(103).energy.value_uj, 0);
}

TEST(CpuModel, StolenTimeIsNotPaidFor) {
  Modelled m;
  (void)m.source->read(101.5);
  m.seconds = 1;
  m.machine = {0.75, 0.25};  // of the second that was charged, a quarter was the host's
  const EnergyDelta delta = m.source->read(103);
  EXPECT_NEAR(static_cast<double>(delta.energy.value_uj), 15e6 + 0.75 * 11.5e6, 1);
}

}  // namespace
}  // namespace sobre
