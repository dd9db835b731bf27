#include "compiler/Target/Isa.h"
#include "compiler/Support/Error.h"
#include "runtime/src/cpu.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;
using vit::Bf16Unit, vit::Int8Unit;

// Tile sizes: accumulators + one row of B + a broadcast fit the registers. 13 x 2 of 32 zmm and 6 x 2 of 16
// ymm reach 95-98 % of FMA peak on Zen 4 and Zen 5 at K = 768..3072; taller or wider tiles measure the same
// within 2 %. Where weights are widened, the line of B takes twice the registers; where bytes are multiplied
// in 16 bits, so do the accumulators.
// 32 x 2 are four of the eight registers of a matrix unit; the other four hold what they are made of.
static constexpr Isa kIsas[] = {
    {.name = "sapphirerapids",
     .arch = "x86_64",
     .cpu = "x86-64-v4",
     .features = "+avx512bf16,+avx512vnni,+amx-tile,+amx-bf16,+amx-int8",
     .tune = "sapphirerapids",
     .needs = VITC_CPU_X86_64_V4 | VITC_CPU_AVX512_BF16 | VITC_CPU_AVX512_VNNI | VITC_CPU_AMX_BF16 |
              VITC_CPU_AMX_INT8,
     .lanes = 16,
     .tile = {13, 2},
     .fma = true,
     .bf16 = Bf16Unit::Tiles,
     .bf16Tile = {32, 2},
     .int8 = Int8Unit::Tiles,
     .int8Tile = {32, 2},
     .summary = "x86-64-v4 with AVX-512 BF16, VNNI and AMX (Sapphire Rapids and newer Xeons)"},
    {.name = "znver4",
     .arch = "x86_64",
     .cpu = "x86-64-v4",
     .features = "+avx512bf16,+avx512vnni",
     .tune = "znver4",
     .needs = VITC_CPU_X86_64_V4 | VITC_CPU_AVX512_BF16 | VITC_CPU_AVX512_VNNI,
     .lanes = 16,
     .tile = {13, 2},
     .fma = true,
     .bf16 = Bf16Unit::Dot,
     .bf16Tile = {13, 2},
     .int8 = Int8Unit::Dot,
     .int8Tile = {13, 2},
     .summary = "x86-64-v4 with AVX-512 BF16 and VNNI (Cooper Lake, Zen 4 and newer)"},
    {.name = "cascadelake",
     .arch = "x86_64",
     .cpu = "x86-64-v4",
     .features = "+avx512vnni",
     .tune = "cascadelake",
     .needs = VITC_CPU_X86_64_V4 | VITC_CPU_AVX512_VNNI,
     .lanes = 16,
     .tile = {13, 2},
     .fma = true,
     .bf16 = Bf16Unit::None,
     .bf16Tile = {12, 2},
     .int8 = Int8Unit::Dot,
     .int8Tile = {13, 2},
     .summary = "x86-64-v4 with AVX-512 VNNI (Cascade Lake, Ice Lake, Tiger Lake and newer)"},
    {.name = "x86-64-v4",
     .arch = "x86_64",
     .cpu = "x86-64-v4",
     .features = "",
     .tune = "znver4",
     .needs = VITC_CPU_X86_64_V4,
     .lanes = 16,
     .tile = {13, 2},
     .fma = true,
     .bf16 = Bf16Unit::None,
     .bf16Tile = {12, 2},
     .int8 = Int8Unit::Madd,
     .int8Tile = {13, 1},
     .summary = "AVX-512 F, BW, CD, DQ, VL (Skylake-X, Zen 4 and newer)"},
    {.name = "alderlake",
     .arch = "x86_64",
     .cpu = "x86-64-v3",
     .features = "+avxvnni",
     .tune = "alderlake",
     .needs = VITC_CPU_X86_64_V3 | VITC_CPU_AVX_VNNI,
     .lanes = 8,
     .tile = {6, 2},
     .fma = true,
     .bf16 = Bf16Unit::None,
     .bf16Tile = {5, 2},
     .int8 = Int8Unit::Dot,
     .int8Tile = {6, 2},
     .summary = "x86-64-v3 with AVX-VNNI (Alder Lake, Sierra Forest, Zen 5 and newer)"},
    {.name = "x86-64-v3",
     .arch = "x86_64",
     .cpu = "x86-64-v3",
     .features = "",
     .tune = "haswell",
     .needs = VITC_CPU_X86_64_V3,
     .lanes = 8,
     .tile = {6, 2},
     .fma = true,
     .bf16 = Bf16Unit::None,
     .bf16Tile = {5, 2},
     .int8 = Int8Unit::Madd,
     .int8Tile = {6, 1},
     .summary = "AVX2 and FMA (Haswell, Zen and newer)"},
    {.name = "x86-64",
     .arch = "x86_64",
     .cpu = "x86-64",
     .features = "",
     .tune = "generic",
     .needs = 0,
     .lanes = 4,
     .tile = {2, 4},
     .fma = false,
     .bf16 = Bf16Unit::None,
     .bf16Tile = {2, 2},
     .int8 = Int8Unit::Madd,
     .int8Tile = {6, 1},
     .summary = "any x86-64 CPU (SSE2)"},
    {.name = "aarch64",
     .arch = "aarch64",
     .cpu = "generic",
     .features = "+neon",
     .tune = "neoverse-n1",
     .needs = 0,
     .lanes = 4,
     .tile = {6, 4},
     .fma = true,
     .bf16 = Bf16Unit::None,
     .bf16Tile = {5, 4},
     .int8 = Int8Unit::None,
     .int8Tile = {5, 4},
     .summary = "any 64-bit Arm CPU (NEON)"},
};

llvm::StringRef vitc::precisionName(Precision precision) {
  switch (precision) {
  case Precision::F32:
    return "f32";
  case Precision::Bf16:
    return "bf16";
  case Precision::Int8:
    return "int8";
  }
  llvm_unreachable("all precisions have names");
}

Precision vitc::precisionOf(llvm::StringRef name) {
  for (Precision precision : kPrecisions)
    if (precisionName(precision) == name)
      return precision;
  return Precision::F32;
}

bool vitc::gainsFrom(Precision precision, const Isa &isa) {
  constexpr uint32_t kPlain = VITC_CPU_X86_64_V2 | VITC_CPU_X86_64_V3 | VITC_CPU_X86_64_V4;
  bool plain = (isa.needs & ~kPlain) == 0;
  return plain || precision == Precision::Int8 ||
         (precision == Precision::Bf16 && isa.bf16 != Bf16Unit::None);
}

llvm::ArrayRef<Isa> vitc::allIsas() { return kIsas; }

const Isa *vitc::findIsa(llvm::StringRef name) {
  auto *it = llvm::find_if(kIsas, [&](const Isa &isa) { return isa.name == name; });
  return it == std::end(kIsas) ? nullptr : it;
}

bool vitc::runsHere(const Isa &isa) {
#if defined(__aarch64__)
  if (isa.arch != "aarch64")
    return false;
#else
  if (isa.arch != "x86_64")
    return false;
#endif
  vitc_cpuid_leaves leaves;
  vitc_cpu_read_leaves(&leaves);
  vitc_level level = {};
  level.needs = isa.needs;
  return vitc_cpu_best_level(&level, 1, vitc_cpu_features_from(&leaves), vitc_cpu_request_amx);
}

static std::vector<std::string> levelsWithBytes() {
  std::vector<std::string> names;
  for (const Isa &isa : kIsas)
    if (isa.int8 != Int8Unit::None)
      names.push_back(isa.name.str());
  return names;
}

llvm::Expected<std::vector<const Isa *>> vitc::parseTargets(llvm::ArrayRef<std::string> names,
                                                            Precision precision) {
  std::vector<bool> chosen(std::size(kIsas));
  auto choose = [&](const Isa *isa) { chosen[isa - kIsas] = true; };
  for (const std::string &name : names) {
    if (name == "portable") {
      for (const Isa &isa : kIsas)
        if (isa.arch == "x86_64" && gainsFrom(precision, isa))
          choose(&isa);
    } else if (name == "host") {
      choose(
          llvm::find_if(kIsas, [&](const Isa &isa) { return runsHere(isa) && gainsFrom(precision, isa); }));
    } else if (const Isa *isa = findIsa(name)) {
      choose(isa);
    } else {
      std::vector<std::string> known{"portable", "host"};
      for (const Isa &row : kIsas)
        known.push_back(row.name.str());
      auto best = llvm::min_element(known, [&](const std::string &a, const std::string &b) {
        return llvm::StringRef(name).edit_distance(a) < llvm::StringRef(name).edit_distance(b);
      });
      return makeError(ExitCode::Usage, "unknown target '{}': did you mean '{}'? Known targets: {}", name,
                       *best, llvm::join(known, ", "));
    }
  }
  std::vector<const Isa *> result;
  for (auto [row, use] : llvm::zip(kIsas, chosen))
    if (use) {
      if (!result.empty() && result.front()->arch != row.arch)
        return makeError(ExitCode::Usage,
                         "targets '{}' and '{}' are of different architectures: compile one library for each",
                         result.front()->name.str(), row.name.str());
      result.push_back(&row);
    }
  if (result.empty())
    return makeError(ExitCode::Usage, "expected at least one target");
  if (precision == Precision::Int8)
    for (const Isa *isa : result)
      if (isa->int8 == Int8Unit::None)
        return makeError(ExitCode::Usage,
                         "target '{}' cannot compute in int8: expected a level with products of bytes ({}); "
                         "nearest here is --precision bf16: weights of half the size, multiplied in f32",
                         isa->name.str(), llvm::join(levelsWithBytes(), ", "));
  return result;
}
