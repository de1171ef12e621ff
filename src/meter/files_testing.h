// A folder of files that stand for /sys and /proc, removed at the end of the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace sobre {

class FakeFiles {
 public:
  FakeFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-meter-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~FakeFiles() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  FakeFiles(const FakeFiles&) = delete;
  FakeFiles& operator=(const FakeFiles&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  /// Writes in place, so that a descriptor that is open sees it, as those of sysfs do.
  void write(const std::string& name, const std::string& text) const {
    const std::string folder = std::filesystem::path(path_ + "/" + name).parent_path().string();
    if (!std::filesystem::exists(folder)) std::filesystem::create_directories(folder);
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }
  /// One zone of powercap. An empty `energy`: the file is missing.
  void zone(const std::string& id, const std::string& name, const std::string& energy,
            const std::string& range = "262143328850") const {
    write(id + "/name", name + "\n");
    write(id + "/max_energy_range_uj", range + "\n");
    if (!energy.empty()) write(id + "/energy_uj", energy + "\n");
  }
  /// /proc/cpuinfo and /proc/stat of a machine with one socket.
  void proc(const std::string& model, int cpus, const std::string& flags = "fpu",
            const std::string& vendor = "GenuineIntel") const {
    std::ostringstream info, stat;
    stat << "cpu  100 0 50 1000 5 0 2 0 0 0\n";
    for (int i = 0; i < cpus; ++i) {
      info << "processor\t: " << i << "\nvendor_id\t: " << vendor << "\nmodel name\t: " << model
           << "\nphysical id\t: 0\ncore id\t\t: " << i << "\nflags\t\t: " << flags << "\n\n";
      stat << "cpu" << i << " 1 0 1 1 0 0 0 0 0 0\n";
    }
    write("proc/cpuinfo", info.str());
    write("proc/stat", stat.str() + "intr 1 2 3\n");
  }

 private:
  std::string path_;
};

/// Tests of permissions make no sense for root, whom files cannot refuse.
inline bool is_root() { return ::geteuid() == 0; }

}  // namespace sobre
