// Which source is chosen on machines made of files, and that every one looked at says why it is used or not.
#include "meter/sources.h"

#include <gtest/gtest.h>

#include "meter/calibration.h"
#include "meter/files_testing.h"

namespace sobre {
namespace {

struct Host {
  FakeFiles files;
  SourceOptions options;
  Host() {
    files.proc("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 40);
    files.write("machine-id", "0123456789abcdef0123456789abcdef\n");
    options.powercap_root = files / "powercap";
    options.proc = files / "proc";
    options.machine_id_path = files / "machine-id";
    options.nvml_library = "libno-such-library.so.1";
    options.calibration_path = files / "calibration.json";
  }
  void rapl() const {
    files.zone("powercap/intel-rapl:0", "package-0", "1000000");
    files.zone("powercap/intel-rapl:0:0", "dram", "1000000");
  }
  void calibrate(const std::string& counter, bool wall) const {
    Calibration c;
    c.host = {"0123456789abcdef0123456789abcdef", "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 40};
    c.date = "2026-03-09";
    c.counter = counter;
    for (int i = 0; i <= 4; ++i) {
      CalibrationLevel level;
      level.load = 0.25 * i;
      level.seconds = 10;
      level.processor_s = 100 * i;
      if (!counter.empty()) level.counter_w = 40 + 30 * i;
      if (wall) level.wall_w = 100 + 40 * i;
      c.levels.push_back(level);
    }
    ASSERT_TRUE(write_calibration(options.calibration_path, c));
  }
  [[nodiscard]] OpenedSources open(const std::string& method = "") {
    options.method = method;
    Result<OpenedSources> opened = open_energy_source(options, 0);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : OpenedSources();
  }
  [[nodiscard]] std::string refusal(const std::string& method) {
    options.method = method;
    const Result<OpenedSources> opened = open_energy_source(options, 0);
    EXPECT_FALSE(opened) << method;
    return opened ? "" : opened.error().message;
  }
};

// The method used; every row must say why, and exactly one is used.
std::string used(const OpenedSources& opened) {
  std::string name;
  for (const SourceSeen& seen : opened.methods) {
    EXPECT_FALSE(seen.reason.empty()) << seen.name;
    if (!seen.used) continue;
    EXPECT_TRUE(name.empty()) << name << " and " << seen.name;
    name = seen.name;
  }
  EXPECT_TRUE(opened.source);
  EXPECT_EQ(name, opened.source ? opened.source->method().name : "");
  EXPECT_GE(opened.methods.size(), 5U);
  return name;
}

TEST(Sources, TheBestThatWorks) {
  Host host;
  EXPECT_EQ(used(host.open()), "estimate-tdp");
  host.files.proc("Something new", 40);
  EXPECT_EQ(used(host.open("auto")), "estimate-cores");
  host.files.proc("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 40);
  host.rapl();
  EXPECT_EQ(used(host.open()), "rapl-package+dram");
  host.calibrate("rapl-package+dram", true);
  OpenedSources opened = host.open();
  EXPECT_EQ(used(opened), "wall-calibrated");
  EXPECT_FALSE(opened.source->method().estimate);
  // 100 W at the counter's 40 W: wall = 100 + 4/3 (counter - 40).
  host.files.write("powercap/intel-rapl:0/energy_uj", "71000000");
  host.files.write("powercap/intel-rapl:0:0/energy_uj", "2000000");
  EXPECT_NEAR(static_cast<double>(opened.source->read(1).energy.value_uj), 1e6 * (100 + 4.0 / 3 * 31), 1e4);
  host.calibrate("", true);
  opened = host.open();
  EXPECT_EQ(used(opened), "wall-calibrated");
  EXPECT_TRUE(opened.source->method().estimate);
  host.options.ignore_calibration = true;
  EXPECT_EQ(used(host.open()), "rapl-package+dram");
}

TEST(Sources, ACalibrationWithoutAWallMeterGivesTheIdlePower) {
  Host host;
  host.rapl();
  host.calibrate("rapl-package+dram", false);
  OpenedSources opened = host.open();
  EXPECT_EQ(used(opened), "rapl-package+dram");
  host.files.write("powercap/intel-rapl:0/energy_uj", "101000000");
  EXPECT_EQ(opened.source->read(1).idle_uj, 40'000'000);
}

TEST(Sources, OneCanBeAskedFor) {
  Host host;
  host.rapl();
  host.calibrate("rapl-package+dram", true);
  for (const char* method : {"wall-calibrated", "rapl-package+dram", "rapl-package", "estimate-tdp", "estimate-cores"})
    EXPECT_EQ(used(host.open(method)), method);
}

TEST(Sources, WhatCannotBeHadSaysWhy) {
  Host host;
  EXPECT_NE(host.refusal("rapl").find("'rapl' is no method of measuring energy; known are auto, wall-calibrated"),
            std::string::npos);
  EXPECT_NE(
      host.refusal("rapl-package").find("rapl-package cannot be had here: no package has a counter; load the kernel module"),
      std::string::npos);
  EXPECT_NE(host.refusal("nvml").find("libno-such-library.so.1 cannot be loaded"), std::string::npos);
  EXPECT_NE(host.refusal("wall-calibrated").find("calibration.json is not there; read a wall meter"), std::string::npos);
  host.files.zone("powercap/intel-rapl:0", "package-0", "1000000");
  EXPECT_NE(host.refusal("rapl-package+dram").find("memory is not listed apart here"), std::string::npos);
  host.files.proc("Something new", 40);
  EXPECT_NE(host.refusal("estimate-tdp").find("'Something new' is not in the table"), std::string::npos);
  host.files.write("proc/cpuinfo", "");
  EXPECT_NE(host.refusal("").find("proc/cpuinfo: it lists 0 processors"), std::string::npos);
}

TEST(Sources, AnotherHostsCalibrationIsShownNotUsed) {
  Host host;
  host.calibrate("", true);
  host.files.write("machine-id", "another\n");
  const OpenedSources opened = host.open();
  EXPECT_EQ(used(opened), "estimate-tdp");
  EXPECT_NE(opened.methods.front().reason.find("made on another host"), std::string::npos) << opened.methods.front().reason;
  host.files.write("calibration.json", "{\"sobre_cal");
  EXPECT_EQ(used(host.open()), "estimate-tdp");
}

}  // namespace
}  // namespace sobre
