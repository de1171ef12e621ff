// NVML through a stand-in for the driver's library: several GPUs, the fallback to power, and what fails.
#include "meter/nvml.h"

#include <gtest/gtest.h>

#include <vector>

namespace sobre {
namespace {

struct FakeGpu {
  unsigned long long millijoules = 5000;
  unsigned milliwatts = 100'000;
  int energy_code = 0, power_code = 0, handle_code = 0;
  unsigned mig = 0;
};

// The state behind the stand-in's functions, which have no argument for it.
struct FakeDriver {
  std::vector<FakeGpu> gpus{1};
  int init_code = 0;
  int open = 0;
  static inline FakeDriver* current = nullptr;
  FakeDriver() { current = this; }
  static FakeGpu& gpu(NvmlApi::Device d) { return *static_cast<FakeGpu*>(d); }
  static NvmlApi api() {
    NvmlApi api;
    api.init = [] { return current->open += current->init_code == 0 ? 1 : 0, current->init_code; };
    api.shutdown = [] { return --current->open, 0; };
    api.device_count = [](unsigned* n) { return *n = static_cast<unsigned>(current->gpus.size()), 0; };
    api.device = [](unsigned i, NvmlApi::Device* d) { return *d = &current->gpus[i], current->gpus[i].handle_code; };
    api.name = [](NvmlApi::Device, char* name, unsigned) { return name[0] = 'X', name[1] = 0, 0; };
    api.total_energy = [](NvmlApi::Device d, unsigned long long* mj) { return *mj = gpu(d).millijoules, gpu(d).energy_code; };
    api.power = [](NvmlApi::Device d, unsigned* mw) { return *mw = gpu(d).milliwatts, gpu(d).power_code; };
    api.power_limit = [](NvmlApi::Device, unsigned* mw) { return *mw = 400'000, 0; };
    api.mig_mode = [](NvmlApi::Device d, unsigned* now, unsigned* next) { return *now = *next = gpu(d).mig, 0; };
    return api;
  }
};

TEST(Nvml, TheCountersOfAllGpusAreAdded) {
  FakeDriver driver;
  driver.gpus.resize(3);
  {
    NvmlFound found = open_nvml(FakeDriver::api(), 0);
    ASSERT_TRUE(found.source);
    EXPECT_EQ(found.source->method().name, "nvml");
    EXPECT_EQ(found.source->method().boundary, "3 whole GPUs");
    EXPECT_LE(found.source->method().high_factor / found.source->method().low_factor, 1.15);
    for (FakeGpu& gpu : driver.gpus) gpu.millijoules += 200'000;
    const EnergyDelta delta = found.source->read(1);
    EXPECT_EQ(delta.energy.value_uj, 600'000'000);
    EXPECT_FALSE(delta.faults.any());
    EXPECT_EQ(driver.open, 1);
  }
  EXPECT_EQ(driver.open, 0) << "the library is shut down with the source";
}

TEST(Nvml, PowerIsIntegratedWhereThereIsNoCounter) {
  FakeDriver driver;
  driver.gpus[0].energy_code = 3;
  NvmlFound found = open_nvml(FakeDriver::api(), 0);
  ASSERT_TRUE(found.source);
  EXPECT_NE(found.gpus.at(0).reason.find("integrated"), std::string::npos);
  EXPECT_GT(found.source->method().high_factor / found.source->method().low_factor, 1.15) << "worse, and said so";
  driver.gpus[0].milliwatts = 300'000;
  EnergyDelta delta = found.source->read(1);
  EXPECT_EQ(delta.energy.value_uj, 200'000'000);
  EXPECT_FALSE(delta.faults.any());
  delta = found.source->read(61);  // a minute between two readings hides anything
  EXPECT_EQ(delta.energy.low_uj, 0);
  EXPECT_GE(delta.energy.high_uj, 60 * 400'000'000LL);
  driver.gpus[0].power_code = 15;
  delta = found.source->read(62);
  EXPECT_EQ(delta.faults.names(), "missing_domain");
  EXPECT_GT(delta.energy.value_uj, 0);
  driver.gpus[0].power_code = 0;
  EXPECT_EQ(found.source->read(63).faults.names(), "missing_domain") << "where it was before it came back is not known";
  EXPECT_FALSE(found.source->read(64).faults.any());
  driver.gpus[0].milliwatts = 4'000'000'000U;
  delta = found.source->read(65);
  EXPECT_EQ(delta.faults.names(), "counter_jump");
  EXPECT_LE(delta.energy.high_uj, 600'000'000);
}

TEST(Nvml, FaultsOfCounters) {
  FakeDriver driver;
  NvmlFound found = open_nvml(FakeDriver::api(), 0);
  ASSERT_TRUE(found.source);
  for (int i = 1; i <= 5; ++i) {
    driver.gpus[0].millijoules += 200'000;
    EXPECT_FALSE(found.source->read(i).faults.any());
  }
  driver.gpus[0].energy_code = 15;
  EnergyDelta delta = found.source->read(6);
  EXPECT_EQ(delta.faults.names(), "missing_domain");
  EXPECT_NEAR(static_cast<double>(delta.energy.value_uj), 200e6, 1e6);
  driver.gpus[0].energy_code = 4;
  EXPECT_EQ(found.source->read(7).faults.names(), "unreadable");
  driver.gpus[0].energy_code = 0;
  EXPECT_TRUE(found.source->read(8).faults.any());
  driver.gpus[0].millijoules += 200'000;
  EXPECT_FALSE(found.source->read(9).faults.any());
  driver.gpus[0].millijoules += 2'000'000;  // 2 kW of a GPU of 400 W
  EXPECT_EQ(found.source->read(10).faults.names(), "counter_jump");
  driver.gpus[0].millijoules = 3;  // the driver was loaded anew
  EXPECT_EQ(found.source->read(11).faults.names(), "counter_jump");
  EXPECT_EQ(found.source->read(11.6).faults.names(), "counter_stopped");
}

TEST(Nvml, RefusalsSayWhy) {
  FakeDriver driver;
  driver.init_code = 9;
  NvmlFound found = open_nvml(FakeDriver::api(), 0);
  EXPECT_FALSE(found.source);
  EXPECT_NE(found.refusal.reason.find("the driver is not loaded"), std::string::npos);
  driver.init_code = 0;
  driver.gpus.resize(2);
  driver.gpus[1].energy_code = 3;
  driver.gpus[1].power_code = 4;
  found = open_nvml(FakeDriver::api(), 0);
  EXPECT_FALSE(found.source) << "a sum without one GPU is none";
  EXPECT_NE(found.refusal.reason.find("GPU 1 (X): no counter of energy (not supported by this GPU) and no reading of power "
                                      "(permission denied)"),
            std::string::npos)
      << found.refusal.reason;
  driver.gpus.clear();
  EXPECT_NE(open_nvml(FakeDriver::api(), 0).refusal.reason.find("lists 0 GPUs"), std::string::npos);
  EXPECT_EQ(driver.open, 0);
}

TEST(Nvml, MigIsPartOfTheBoundary) {
  FakeDriver driver;
  driver.gpus[0].mig = 1;
  EXPECT_EQ(open_nvml(FakeDriver::api(), 0).source->method().boundary, "1 whole GPU, all their MIG instances together");
}

TEST(Nvml, LibrariesThatAreMissingOrOther) {
  NvmlFound found = open_nvml_library("libno-such-library.so.1", 0);
  EXPECT_FALSE(found.source);
  EXPECT_EQ(found.refusal.reason, "libno-such-library.so.1 cannot be loaded");
  found = open_nvml_library("libm.so.6", 0);
  EXPECT_FALSE(found.source);
  EXPECT_EQ(found.refusal.reason, "libm.so.6 lacks functions of NVML");
}

}  // namespace
}  // namespace sobre
