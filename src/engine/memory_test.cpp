// Limits of control groups, in a tree of files as the kernel shows them.
#include "engine/memory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/tiny_model_testing.h"

namespace sobre {
namespace {

class Groups : public testing::Test {
 protected:
  // Version 2: a limit (0: "max"), what is held, and of that what could be dropped.
  void group(const std::string& path, uint64_t limit, uint64_t held, uint64_t droppable = 0) const {
    write(path, "memory.max", limit == 0 ? "max\n" : std::to_string(limit) + "\n");
    write(path, "memory.current", std::to_string(held) + "\n");
    write(path, "memory.stat", "anon 5\nfile 7\ninactive_file " + std::to_string(droppable) + "\nactive_file 3\n");
  }
  void old_group(const std::string& path, uint64_t limit, uint64_t held, uint64_t droppable = 0) const {
    write(path, "memory.limit_in_bytes", std::to_string(limit) + "\n");
    write(path, "memory.usage_in_bytes", std::to_string(held) + "\n");
    write(path, "memory.stat", "inactive_file 1\ntotal_inactive_file " + std::to_string(droppable) + "\n");
  }
  void write(const std::string& path, const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(folder_.path() + path);
    std::ofstream(folder_.path() + path + "/" + name) << text;
  }
  [[nodiscard]] std::optional<uint64_t> left(const std::string& groups) const { return group_memory(groups, folder_.path()); }

  TemporaryFolder folder_{"groups"};
};

TEST_F(Groups, TheLeastOfAllAboveCounts) {
  group("/a", 1000, 300);
  group("/a/b", 0, 250);
  group("/a/b/c", 900, 250, 50);
  group("/a/b/d", 100, 20);
  EXPECT_EQ(left("0::/a/b/c\n"), 700U);
  EXPECT_EQ(left("0::/a/b/d\n"), 80U);
  EXPECT_EQ(left("0::/a/b\n"), 700U);
  EXPECT_EQ(left("0::/\n"), std::nullopt);
  group("/a/b/c", 150, 250, 50);
  EXPECT_EQ(left("0::/a/b/c"), 0U);
}

TEST_F(Groups, AContainersOwnGroupIsTheRoot) {
  group("", 500, 100, 30);
  EXPECT_EQ(left("0::/\n"), 430U);
  EXPECT_EQ(left("0::/system.slice/of-the-host.scope\n"), 430U);
  EXPECT_EQ(left(""), 430U);
}

TEST_F(Groups, VersionOne) {
  old_group("/memory", 0x7FFFFFFFFFFFF000, 10);
  old_group("/memory/jobs", 800, 100, 40);
  old_group("/memory/jobs/7", 600, 100);
  EXPECT_EQ(left("5:devices:/x\n4:memory:/jobs/7\n1:cpu,cpuacct:/\n0::/\n"), 500U);
  EXPECT_EQ(left("4:memory:/jobs\n"), 740U);
  old_group("/hugetlb,memory/m", 70, 10);
  EXPECT_EQ(left("4:hugetlb,memory:/m\n"), 60U);
  EXPECT_EQ(left("wrong\n:\n4:memory\n"), 0x7FFFFFFFFFFFF000U - 10);
}

TEST(AvailableMemory, IsSomething) { EXPECT_GT(available_memory().value_or(0), 0U); }

}  // namespace
}  // namespace sobre
