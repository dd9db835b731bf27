//===- PeakLoop.cpp - multiply-add loops in assembly --------------------------------------------------===//
//
// Assembly, because a compiler may fold, reorder or spill whatever it understands. Operands are zero: no
// denormal or NaN can slow an instruction down.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/PeakLoop.h"
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using namespace vitc;

// Applies X to 0, 1, ... n-1.
#define REPEAT_7(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#define REPEAT_12(X) REPEAT_7(X) X(7) X(8) X(9) X(10) X(11)
#define REPEAT_24(X) REPEAT_12(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)

#if defined(__x86_64__)

// 24 accumulators hide a latency of 4 on two pipes three times over.
#define ZMM_CLOBBERS                                                                                         \
  "cc", "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9", "zmm10", "zmm11",    \
      "zmm12", "zmm13", "zmm14", "zmm15", "zmm16", "zmm17", "zmm18", "zmm19", "zmm20", "zmm21", "zmm22",     \
      "zmm23", "zmm30", "zmm31"
#define ZERO(i) "vpxorq %%zmm" #i ", %%zmm" #i ", %%zmm" #i "\n"

__attribute__((target("avx512f"))) static void fmaZmm(int64_t iterations) {
#define FMA(i) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #i "\n"
  asm volatile(REPEAT_24(ZERO) ZERO(30)
                   ZERO(31) ".p2align 6\n1:\n" REPEAT_24(FMA) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : ZMM_CLOBBERS);
#undef FMA
}

__attribute__((target("avx512f"))) static void dotBf16Zmm(int64_t iterations) {
#define DOT(i) "vdpbf16ps %%zmm30, %%zmm31, %%zmm" #i "\n"
  asm volatile(REPEAT_24(ZERO) ZERO(30)
                   ZERO(31) ".p2align 6\n1:\n" REPEAT_24(DOT) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : ZMM_CLOBBERS);
#undef DOT
}

__attribute__((target("avx512f"))) static void dotInt8Zmm(int64_t iterations) {
#define DOT(i) "vpdpbusd %%zmm30, %%zmm31, %%zmm" #i "\n"
  asm volatile(REPEAT_24(ZERO) ZERO(30)
                   ZERO(31) ".p2align 6\n1:\n" REPEAT_24(DOT) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : ZMM_CLOBBERS);
#undef DOT
}

// Products of neighbouring 16-bit integers have to be added in an instruction of their own.
__attribute__((target("avx512bw"))) static void maddZmm(int64_t iterations) {
#define MADD(i) "vpmaddwd %%zmm30, %%zmm31, %%zmm29\nvpaddd %%zmm29, %%zmm" #i ", %%zmm" #i "\n"
  asm volatile(REPEAT_24(ZERO) ZERO(30)
                   ZERO(31) ".p2align 6\n1:\n" REPEAT_24(MADD) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : ZMM_CLOBBERS, "zmm29");
#undef MADD
}
#undef ZERO

#define YMM_CLOBBERS                                                                                         \
  "cc", "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10", "ymm11",    \
      "ymm13", "ymm14", "ymm15"
#define ZERO(i) "vpxor %%ymm" #i ", %%ymm" #i ", %%ymm" #i "\n"

__attribute__((target("avx2,fma"))) static void fmaYmm(int64_t iterations) {
#define FMA(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"
  asm volatile(REPEAT_12(ZERO) ZERO(14) ZERO(15) ".p2align 6\n1:\n" REPEAT_12(FMA)
                   REPEAT_12(FMA) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : YMM_CLOBBERS);
#undef FMA
}

__attribute__((target("avx2"))) static void maddYmm(int64_t iterations) {
#define MADD(i) "vpmaddwd %%ymm14, %%ymm15, %%ymm13\nvpaddd %%ymm13, %%ymm" #i ", %%ymm" #i "\n"
  asm volatile(REPEAT_12(ZERO) ZERO(14) ZERO(15) ".p2align 6\n1:\n" REPEAT_12(MADD)
                   REPEAT_12(MADD) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : YMM_CLOBBERS);
#undef MADD
}

__attribute__((target("avx2"))) static void dotInt8Ymm(int64_t iterations) {
#define DOT(i) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #i "\n"
  asm volatile(REPEAT_12(ZERO) ZERO(14) ZERO(15) ".p2align 6\n1:\n" REPEAT_12(DOT)
                   REPEAT_12(DOT) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(iterations)
               :
               : YMM_CLOBBERS);
#undef DOT
}
#undef ZERO

// Multiplications and additions alternate, eight chains of each: what a multiply-add without FMA comes to.
// Operands are the accumulators themselves, so that all sixteen registers can be chains; seven of each
// measured 14 % less on Zen 5.
#define XMM_LOOP(ITERATIONS, MULTIPLY, ADD)                                                                  \
  asm volatile(REPEAT_12(ZERO) ZERO(12) ZERO(13) ZERO(14) ZERO(15) ".p2align 6\n1:\n" PAIRS(MULTIPLY, ADD)   \
                   PAIRS(MULTIPLY, ADD) "dec %0\njnz 1b\n"                                                   \
               : "+r"(ITERATIONS)                                                                            \
               :                                                                                             \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",       \
                 "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
#define ZERO(i) "xorps %%xmm" #i ", %%xmm" #i "\n"
#define PAIR(f, g, m, a) f " %%xmm" #m ", %%xmm" #m "\n" g " %%xmm" #a ", %%xmm" #a "\n"
#define PAIRS(f, g)                                                                                          \
  PAIR(f, g, 0, 8)                                                                                           \
  PAIR(f, g, 1, 9)                                                                                           \
  PAIR(f, g, 2, 10)                                                                                          \
  PAIR(f, g, 3, 11) PAIR(f, g, 4, 12) PAIR(f, g, 5, 13) PAIR(f, g, 6, 14) PAIR(f, g, 7, 15)

static void mulAddXmm(int64_t iterations) { XMM_LOOP(iterations, "mulps", "addps"); }
static void maddXmm(int64_t iterations) { XMM_LOOP(iterations, "pmaddwd", "paddd"); }
#undef ZERO
#undef PAIR
#undef PAIRS

/// Shapes of eight tiles of 16 rows of 64 bytes, as ldtilecfg reads them.
struct alignas(64) TileShapes {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Four tiles of sums hide the latency of a product, 52 cycles of which one starts in 16. The kernel has
// granted the process its tiles by the time that a level which needs them runs.
#define TILE_LOOP(ITERATIONS, DOT)                                                                           \
  asm volatile("ldtilecfg %1\n"                                                                              \
               "tilezero %%tmm0\ntilezero %%tmm1\ntilezero %%tmm2\ntilezero %%tmm3\n"                        \
               "tilezero %%tmm4\ntilezero %%tmm5\ntilezero %%tmm6\ntilezero %%tmm7\n"                        \
               ".p2align 6\n1:\n" DOT " %%tmm6, %%tmm4, %%tmm0\n" DOT " %%tmm7, %%tmm4, %%tmm1\n" DOT        \
               " %%tmm6, %%tmm5, %%tmm2\n" DOT " %%tmm7, %%tmm5, %%tmm3\n"                                   \
               "dec %0\njnz 1b\ntilerelease\n"                                                               \
               : "+r"(ITERATIONS)                                                                            \
               : "m"(shapes)                                                                                 \
               : "cc", "tmm0", "tmm1", "tmm2", "tmm3", "tmm4", "tmm5", "tmm6", "tmm7")

__attribute__((target("amx-bf16"))) static void dotBf16Tiles(int64_t iterations) {
  TileShapes shapes;
  TILE_LOOP(iterations, "tdpbf16ps");
}
__attribute__((target("amx-int8"))) static void dotInt8Tiles(int64_t iterations) {
  TileShapes shapes;
  TILE_LOOP(iterations, "tdpbusd");
}
#undef TILE_LOOP

static constexpr PeakLoop kFmaZmm{fmaZmm, 24 * 16 * 2, "vfmadd231ps zmm"};
static constexpr PeakLoop kDotBf16Zmm{dotBf16Zmm, 24 * 32 * 2, "vdpbf16ps zmm"};
static constexpr PeakLoop kDotInt8Zmm{dotInt8Zmm, 24 * 64 * 2, "vpdpbusd zmm"};
static constexpr PeakLoop kFmaYmm{fmaYmm, 24 * 8 * 2, "vfmadd231ps ymm"};
static constexpr PeakLoop kDotInt8Ymm{dotInt8Ymm, 24 * 32 * 2, "vpdpbusd ymm"};
static constexpr PeakLoop kMulAddXmm{mulAddXmm, 16 * 4 * 2, "mulps + addps xmm"};
static constexpr PeakLoop kDotBf16Tiles{dotBf16Tiles, 4 * 16 * 16 * 32 * 2, "tdpbf16ps"};
static constexpr PeakLoop kDotInt8Tiles{dotInt8Tiles, 4 * 16 * 16 * 64 * 2, "tdpbusd"};
static constexpr PeakLoop kMaddZmm{maddZmm, 24 * 32 * 2, "vpmaddwd + vpaddd zmm"};
static constexpr PeakLoop kMaddYmm{maddYmm, 24 * 16 * 2, "vpmaddwd + vpaddd ymm"};
static constexpr PeakLoop kMaddXmm{maddXmm, 16 * 8 * 2, "pmaddwd + paddd xmm"};

/// The loop for vectors of `lanes` 32-bit lanes, of those there are; null for none.
static const PeakLoop *ofLanes(unsigned lanes, const PeakLoop *zmm, const PeakLoop *ymm,
                               const PeakLoop *xmm) {
  return lanes == 16 ? zmm : lanes == 8 ? ymm : lanes == 4 ? xmm : nullptr;
}

const PeakLoop *vitc::peakLoop(const Isa &isa, Precision precision) {
  if (isa.arch != "x86_64")
    return nullptr;
  if (precision == Precision::Bf16)
    switch (isa.bf16) {
    case vit::Bf16Unit::Tiles:
      return &kDotBf16Tiles;
    case vit::Bf16Unit::Dot:
      return ofLanes(isa.lanes, &kDotBf16Zmm, nullptr, nullptr);
    case vit::Bf16Unit::None:
      break;
    }
  if (precision == Precision::Int8)
    switch (isa.int8) {
    case vit::Int8Unit::Tiles:
      return &kDotInt8Tiles;
    case vit::Int8Unit::Dot:
      return ofLanes(isa.lanes, &kDotInt8Zmm, &kDotInt8Ymm, nullptr);
    case vit::Int8Unit::Madd:
      return ofLanes(isa.lanes, &kMaddZmm, &kMaddYmm, &kMaddXmm);
    case vit::Int8Unit::None:
      break;
    }
  return isa.fma ? ofLanes(isa.lanes, &kFmaZmm, &kFmaYmm, nullptr)
                 : ofLanes(isa.lanes, nullptr, nullptr, &kMulAddXmm);
}

#elif defined(__aarch64__)

static void fmlaV(int64_t iterations) {
#define ZERO(i) "movi v" #i ".4s, #0\n"
#define FMLA(i) "fmla v" #i ".4s, v30.4s, v31.4s\n"
  asm volatile(REPEAT_24(ZERO) ZERO(30)
                   ZERO(31) ".p2align 6\n1:\n" REPEAT_24(FMLA) "subs %0, %0, #1\nb.ne 1b\n"
               : "+r"(iterations)
               :
               : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
                 "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v30", "v31");
#undef ZERO
#undef FMLA
}

static constexpr PeakLoop kFmlaV{fmlaV, 24 * 4 * 2, "fmla v.4s"};

const PeakLoop *vitc::peakLoop(const Isa &isa, Precision) {
  return isa.arch == "aarch64" && isa.lanes == 4 ? &kFmlaV : nullptr;
}

#else

const PeakLoop *vitc::peakLoop(const Isa &, Precision) { return nullptr; }

#endif

double vitc::samplePeak(const PeakLoop &loop, int64_t threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  // About 20 microseconds between two looks at the clock.
  constexpr int64_t kIterations = 1000;
  std::atomic<int64_t> ready{0};
  std::vector<double> rates(threads);
  auto work = [&](int64_t self) {
    ++ready;
    while (ready.load(std::memory_order_relaxed) < threads)
      std::this_thread::yield();
    auto start = Clock::now(), now = start;
    auto stop = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    int64_t blocks = 0;
    do {
      loop.run(kIterations);
      ++blocks;
      now = Clock::now();
    } while (now < stop);
    double elapsed = std::chrono::duration<double>(now - start).count();
    rates[self] = static_cast<double>(blocks) * kIterations * static_cast<double>(loop.flops) / elapsed;
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < threads; ++i)
    others.emplace_back(work, i);
  work(0);
  for (std::thread &thread : others)
    thread.join();
  double sum = 0;
  for (double rate : rates)
    sum += rate;
  return sum / 1e9;
}
