// Thread defaults: quotas of cgroups v1 and v2, read from file trees made for the purpose.
#include "runtime/src/cpus.h"
#include "gtest/gtest.h"
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <unistd.h>

namespace {
class Quota : public testing::Test {
protected:
  void SetUp() override {
    root = testing::TempDir() + "vitc-cgroup." + std::to_string(getpid());
    std::filesystem::remove_all(root);
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  void write(const std::string &path, const std::string &text) {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  uint32_t cpus() { return vitc_cpus_quota(root.c_str()); }

  std::string root;
};
} // namespace

TEST_F(Quota, NoneWithoutFiles) {
  EXPECT_EQ(cpus(), UINT32_MAX);
  write("/proc/self/cgroup", "");
  EXPECT_EQ(cpus(), UINT32_MAX);
  write("/proc/self/cgroup", "0::/\n");
  EXPECT_EQ(cpus(), UINT32_MAX);
}

TEST_F(Quota, Version2) {
  write("/proc/self/cgroup", "0::/app.slice/job\n");
  write("/sys/fs/cgroup/app.slice/job/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus(), UINT32_MAX);
  write("/sys/fs/cgroup/app.slice/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpus(), 2u) << "one and a half CPUs round up";
  write("/sys/fs/cgroup/app.slice/job/cpu.max", "10000 100000\n");
  EXPECT_EQ(cpus(), 1u);
  write("/sys/fs/cgroup/app.slice/job/cpu.max", "800000 100000\n");
  EXPECT_EQ(cpus(), 8u);
  write("/sys/fs/cgroup/app.slice/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpus(), 3u) << "a parent's quota counts too";
}

TEST_F(Quota, ContainerSeesItsOwnGroupAtTheMountPoint) {
  write("/proc/self/cgroup", "0::/docker/4c8d79f1\n");
  write("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpus(), 4u);
}

TEST_F(Quota, Version1) {
  write("/proc/self/cgroup", "12:pids:/a\n4:cpu,cpuacct:/docker/x\n2:cpuset:/docker/x\n1:name=systemd:/\n");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), UINT32_MAX);
  write("/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(cpus(), 3u);
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), 2u);
}

TEST_F(Quota, NonsenseIsNoQuota) {
  write("/proc/self/cgroup", "0::/\nnonsense\n::\n:cpu:\n5:cpu\n");
  for (const char *text : {"", "\n", "x y", "0 100000", "100000", "100000 0", "-5 100000", "max"}) {
    write("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(cpus(), UINT32_MAX) << '"' << text << '"';
  }
  write("/sys/fs/cgroup/cpu.max", "99999999999999999999999999 1");
  EXPECT_EQ(cpus(), UINT32_MAX);
  write("/proc/self/cgroup", "0::/" + std::string(5000, 'a') + "\n");
  EXPECT_EQ(cpus(), UINT32_MAX) << "a path too long for us is no quota";
}

TEST(Cpus, AffinityMaskIsCounted) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(vitc_cpus_affinity(), uint32_t(CPU_COUNT(&before)));
  int first = 0;
  while (!CPU_ISSET(first, &before))
    ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(vitc_cpus_affinity(), 1u);
  EXPECT_EQ(vitc_cpus_default(), 1u);
  sched_setaffinity(0, sizeof before, &before);
}
