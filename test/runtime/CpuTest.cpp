// The dispatcher as a table: made-up cpuid answers, and what they amount to.
#include "runtime/src/cpu.h"
#include "vitc/runtime.h"
#include "gtest/gtest.h"

namespace {
constexpr uint32_t bit(int n) { return 1u << n; }

// Leaf 1 ecx: SSE3 0, SSSE3 9, FMA 12, CX16 13, SSE4.1 19, SSE4.2 20, MOVBE 22, POPCNT 23, OSXSAVE 27, AVX
// 28, F16C 29.
constexpr uint32_t kNehalem1 = bit(0) | bit(9) | bit(13) | bit(19) | bit(20) | bit(23);
constexpr uint32_t kHaswell1 = kNehalem1 | bit(12) | bit(22) | bit(27) | bit(28) | bit(29);
constexpr uint32_t kHaswell7 = bit(3) | bit(5) | bit(8); // BMI1, AVX2, BMI2
constexpr uint32_t kSkylake7 = kHaswell7 | bit(16) | bit(17) | bit(28) | bit(30) | bit(31);
constexpr uint32_t kLzcnt = bit(5);
constexpr uint64_t kYmm = 0x7, kZmm = 0xe7, kTile = 0x600e7;
constexpr uint32_t kVnni = bit(11), kBf16 = bit(5), kAvxVnni = bit(4), kAmxBf16 = bit(22), kAmxTile = bit(24),
                   kAmxInt8 = bit(25);

constexpr uint32_t V2 = VITC_CPU_X86_64_V2, V3 = V2 | VITC_CPU_X86_64_V3, V4 = V3 | VITC_CPU_X86_64_V4;

struct Row {
  const char *name;
  vitc_cpuid_leaves leaves; // leaf1 ecx, leaf7 ebx, ecx, edx, leaf7.1 eax, extended ecx, xcr0
  uint32_t features;
};

const Row kRows[] = {
    {"nothing", {}, 0},
    {"core 2: no SSE4.2", {kNehalem1 & ~bit(20), 0, 0, 0, 0, 0, 0}, 0},
    {"nehalem", {kNehalem1, 0, 0, 0, 0, 0, 0}, V2},
    {"sandy bridge", {kNehalem1 | bit(27) | bit(28), 0, 0, 0, 0, 0, kYmm}, V2},
    {"haswell", {kHaswell1, kHaswell7, 0, 0, 0, kLzcnt, kYmm}, V3},
    {"haswell, no OSXSAVE", {kHaswell1 & ~bit(27), kHaswell7, 0, 0, 0, kLzcnt, 0}, V2},
    {"haswell, system saves no ymm", {kHaswell1, kHaswell7, 0, 0, 0, kLzcnt, 0x3}, V2},
    {"haswell, lzcnt masked", {kHaswell1, kHaswell7, 0, 0, 0, 0, kYmm}, V2},
    {"haswell, fma masked", {kHaswell1 & ~bit(12), kHaswell7, 0, 0, 0, kLzcnt, kYmm}, V2},
    {"haswell, bmi2 masked", {kHaswell1, kHaswell7 & ~bit(8), 0, 0, 0, kLzcnt, kYmm}, V2},
    {"haswell, ssse3 masked", {kHaswell1 & ~bit(9), kHaswell7, 0, 0, 0, kLzcnt, kYmm}, 0},
    {"alder lake", {kHaswell1, kHaswell7, 0, 0, kAvxVnni, kLzcnt, kYmm}, V3 | VITC_CPU_AVX_VNNI},
    {"skylake server", {kHaswell1, kSkylake7, 0, 0, 0, kLzcnt, kZmm}, V4},
    {"skylake, system saves no zmm", {kHaswell1, kSkylake7, 0, 0, 0, kLzcnt, kYmm}, V3},
    {"skylake, no opmasks", {kHaswell1, kSkylake7, 0, 0, 0, kLzcnt, 0xc7}, V3},
    {"skylake, no high zmm", {kHaswell1, kSkylake7, 0, 0, 0, kLzcnt, 0x67}, V3},
    {"knights: no VL", {kHaswell1, kSkylake7 & ~bit(31), kVnni, 0, kBf16, kLzcnt, kZmm}, V3},
    {"cascade lake", {kHaswell1, kSkylake7, kVnni, 0, 0, kLzcnt, kZmm}, V4 | VITC_CPU_AVX512_VNNI},
    {"zen 4",
     {kHaswell1, kSkylake7, kVnni, 0, kBf16, kLzcnt, kZmm},
     V4 | VITC_CPU_AVX512_VNNI | VITC_CPU_AVX512_BF16},
    {"vnni without avx-512 state", {kHaswell1, kSkylake7, kVnni, 0, kBf16, kLzcnt, kYmm}, V3},
    {"sapphire rapids",
     {kHaswell1, kSkylake7, kVnni, kAmxTile | kAmxBf16 | kAmxInt8, kBf16 | kAvxVnni, kLzcnt, kTile},
     V4 | VITC_CPU_AVX512_VNNI | VITC_CPU_AVX512_BF16 | VITC_CPU_AVX_VNNI | VITC_CPU_AMX_BF16 |
         VITC_CPU_AMX_INT8},
    {"sapphire rapids, old kernel",
     {kHaswell1, kSkylake7, kVnni, kAmxTile | kAmxBf16 | kAmxInt8, kBf16, kLzcnt, kZmm},
     V4 | VITC_CPU_AVX512_VNNI | VITC_CPU_AVX512_BF16},
    {"amx without tiles", {kHaswell1, kSkylake7, 0, kAmxBf16 | kAmxInt8, 0, kLzcnt, kTile}, V4},
    {"amx int8 only",
     {kHaswell1, kSkylake7, 0, kAmxTile | kAmxInt8, 0, kLzcnt, kTile},
     V4 | VITC_CPU_AMX_INT8},
};

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
  for (const Row &row : kRows)
    EXPECT_EQ(vitc_cpu_features_from(&row.leaves), row.features) << row.name;
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
}
#endif
