// The dispatcher as a table: made-up cpuid answers, and what they amount to.
#include "test/runtime/MadeUpCpus.h"
#include "vitc/runtime.h"
#include "gtest/gtest.h"

using namespace vitc::test;
using namespace vitc::test::cpu;

namespace {
const MadeUpCpu *asking; ///< the machine that answers

/// As Intel's CPUs: leaves behind the last one answer as that does, subleaves behind the last one with zeros.
void fakeCpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4]) {
  const vitc_cpuid_leaves &l = asking->leaves;
  uint32_t last = asking->lastLeaf;
  if (leaf >= 0x80000000 ? leaf > asking->lastExtended : leaf > last)
    leaf = last;
  r[0] = r[1] = r[2] = r[3] = 0;
  switch (leaf) {
  case 0:
    r[0] = last;
    r[1] = r[2] = r[3] = ~0u; // the vendor's name
    break;
  case 1:
    r[0] = r[1] = r[3] = ~0u;
    r[2] = l.leaf1_ecx;
    break;
  case 7:
    if (subleaf == 0) {
      r[0] = asking->last7;
      r[1] = l.leaf7_ebx;
      r[2] = l.leaf7_ecx;
      r[3] = l.leaf7_edx;
    } else if (subleaf <= asking->last7) {
      r[0] = l.leaf7_1_eax;
      r[1] = r[2] = r[3] = ~0u;
    }
    break;
  case 0x80000000:
    r[0] = asking->lastExtended;
    break;
  case 0x80000001:
    r[0] = r[1] = r[3] = ~0u;
    r[2] = l.extended1_ecx;
    break;
  default: // of no interest, but not empty
    r[0] = r[1] = r[2] = r[3] = ~0u;
  }
}

uint64_t fakeXgetbv() {
  EXPECT_TRUE(asking->leaves.leaf1_ecx & kOsxsave) << "the instruction would fault";
  return asking->leaves.xcr0;
}

int asked;
int grant() { return ++asked, 1; }
int refuse() { return ++asked, 0; }

vitc_level level(const char *name, uint32_t needs) {
  vitc_level result = {};
  result.name = name;
  result.needs = needs;
  return result;
}
} // namespace

TEST(Cpu, FeaturesFollowTheLeaves) {
  for (const MadeUpCpu &cpu : kCpus)
    EXPECT_EQ(vitc_cpu_features_from(&cpu.leaves), cpu.features) << cpu.name;
}

// Leaves that a machine lacks count as zeros, whatever it answers to them.
TEST(Cpu, AsksForLeavesThatThereAre) {
  const vitc_cpu_source source = {fakeCpuid, fakeXgetbv};
  for (const MadeUpCpu &cpu : kCpus) {
    asking = &cpu;
    vitc_cpuid_leaves leaves = vitc_cpu_leaves_of(&source);
    EXPECT_EQ(vitc_cpu_features_from(&leaves), cpu.features) << cpu.name;
    EXPECT_EQ(leaves.leaf1_ecx, cpu.leaves.leaf1_ecx) << cpu.name;
    EXPECT_EQ(leaves.leaf7_ebx, cpu.leaves.leaf7_ebx) << cpu.name;
    EXPECT_EQ(leaves.leaf7_ecx, cpu.leaves.leaf7_ecx) << cpu.name;
    EXPECT_EQ(leaves.leaf7_edx, cpu.leaves.leaf7_edx) << cpu.name;
    EXPECT_EQ(leaves.leaf7_1_eax, cpu.leaves.leaf7_1_eax) << cpu.name;
    EXPECT_EQ(leaves.extended1_ecx, cpu.leaves.extended1_ecx) << cpu.name;
    EXPECT_EQ(leaves.xcr0, cpu.leaves.xcr0) << cpu.name;
  }
}

TEST(Cpu, BestLevelIsTheFirstThatFits) {
  const vitc_level levels[] = {level("amx", V4 | VITC_CPU_AMX_BF16), level("v4", V4), level("v3", V3),
                               level("v1", 0)};
  auto best = [&](uint32_t features, int (*amx)(void)) {
    asked = 0;
    return std::string(vitc_cpu_best_level(levels, 4, features, amx)->name);
  };
  EXPECT_EQ(best(0, refuse), "v1");
  EXPECT_EQ(best(V2, refuse), "v1");
  EXPECT_EQ(best(V3 | VITC_CPU_AVX_VNNI, refuse), "v3");
  EXPECT_EQ(best(V4, refuse), "v4");
  EXPECT_EQ(asked, 0) << "tile state was requested without need";
  EXPECT_EQ(best(V4 | VITC_CPU_AMX_BF16, refuse), "v4");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(best(V4 | VITC_CPU_AMX_BF16, grant), "amx");
  EXPECT_EQ(vitc_cpu_best_level(levels, 2, V3, grant), nullptr);
}

TEST(Cpu, NamedLevel) {
  const vitc_level levels[] = {level("x86-64-v4", V4), level("x86-64-v3", V3), level("x86-64", 0)};
  const vitc_level *chosen = nullptr;
  EXPECT_EQ(vitc_cpu_named_level(levels, 3, "x86-64", V4, refuse, &chosen), VITC_OK);
  EXPECT_EQ(chosen, &levels[2]);
  EXPECT_EQ(vitc_cpu_named_level(levels, 3, "x86-64-v4", V3, refuse, &chosen), VITC_UNSUPPORTED_CPU);
  EXPECT_STREQ(vitc_rt_last_message(), "level 'x86-64-v4' needs what this CPU or system lacks: x86-64-v4");
  EXPECT_EQ(vitc_cpu_named_level(levels, 3, "x86-64-v", V3, refuse, &chosen), VITC_INVALID_ARGUMENT);
  EXPECT_STREQ(vitc_rt_last_message(),
               "the library has no level 'x86-64-v'; it has x86-64-v4, x86-64-v3, x86-64");
  // A CPU with tiles whose kernel refuses them.
  constexpr uint32_t kTiles = VITC_CPU_AMX_BF16 | VITC_CPU_AMX_INT8;
  const vitc_level tiles[] = {level("sapphirerapids", V4 | kTiles)};
  EXPECT_EQ(vitc_cpu_named_level(tiles, 1, "sapphirerapids", V4 | kTiles, grant, &chosen), VITC_OK);
  EXPECT_EQ(vitc_cpu_named_level(tiles, 1, "sapphirerapids", V4 | kTiles, refuse, &chosen),
            VITC_UNSUPPORTED_CPU);
  EXPECT_STREQ(vitc_rt_last_message(),
               "level 'sapphirerapids' needs what this CPU or system lacks: AMX-BF16 AMX-INT8");
}

#ifdef __x86_64__
// The compiler's own detection agrees with ours about this machine.
TEST(Cpu, AgreesWithTheCompilersBuiltin) {
  vitc_cpuid_leaves leaves;
  vitc_cpu_read_leaves(&leaves);
  uint32_t features = vitc_cpu_features_from(&leaves);
  EXPECT_EQ((features & VITC_CPU_X86_64_V2) != 0, __builtin_cpu_supports("sse4.2") != 0);
  EXPECT_EQ((features & VITC_CPU_X86_64_V3) != 0, __builtin_cpu_supports("avx2") &&
                                                      __builtin_cpu_supports("fma") &&
                                                      __builtin_cpu_supports("bmi2"));
  EXPECT_EQ((features & VITC_CPU_X86_64_V4) != 0,
            __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"));
  EXPECT_EQ((features & VITC_CPU_AVX512_VNNI) != 0, __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ((features & VITC_CPU_AVX512_BF16) != 0, __builtin_cpu_supports("avx512bf16") != 0);
  EXPECT_EQ((features & VITC_CPU_AVX_VNNI) != 0, __builtin_cpu_supports("avxvnni") != 0);
}
#endif
