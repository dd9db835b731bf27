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
#undef ZERO

__attribute__((target("avx2,fma"))) static void fmaYmm(int64_t iterations) {
#define ZERO(i) "vpxor %%ymm" #i ", %%ymm" #i ", %%ymm" #i "\n"
#define FMA(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"
  asm volatile(REPEAT_12(ZERO) ZERO(14) ZERO(15) ".p2align 6\n1:\n" REPEAT_12(FMA)
                   REPEAT_12(FMA) "dec %0\njnz 1b\n"
                                  "vzeroupper\n"
               : "+r"(iterations)
               :
               : "cc", "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9",
                 "ymm10", "ymm11", "ymm14", "ymm15");
#undef ZERO
#undef FMA
}

// Multiplications and additions alternate, eight chains of each: what a multiply-add without FMA comes to.
// Operands are the accumulators themselves, so that all sixteen registers can be chains; seven of each
// measured 14 % less on Zen 5.
static void mulAddXmm(int64_t iterations) {
#define ZERO(i) "xorps %%xmm" #i ", %%xmm" #i "\n"
#define PAIR(m, a) "mulps %%xmm" #m ", %%xmm" #m "\naddps %%xmm" #a ", %%xmm" #a "\n"
#define PAIRS PAIR(0, 8) PAIR(1, 9) PAIR(2, 10) PAIR(3, 11) PAIR(4, 12) PAIR(5, 13) PAIR(6, 14) PAIR(7, 15)
  asm volatile(REPEAT_12(ZERO) ZERO(12) ZERO(13) ZERO(14) ZERO(15) ".p2align 6\n1:\n" PAIRS PAIRS
                                                                   "dec %0\njnz 1b\n"
               : "+r"(iterations)
               :
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                 "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#undef ZERO
#undef PAIR
#undef PAIRS
}

static constexpr PeakLoop kFmaZmm{fmaZmm, 24 * 16 * 2, "vfmadd231ps zmm"};
static constexpr PeakLoop kDotBf16Zmm{dotBf16Zmm, 24 * 32 * 2, "vdpbf16ps zmm"};
static constexpr PeakLoop kDotInt8Zmm{dotInt8Zmm, 24 * 64 * 2, "vpdpbusd zmm"};
static constexpr PeakLoop kFmaYmm{fmaYmm, 24 * 8 * 2, "vfmadd231ps ymm"};
static constexpr PeakLoop kMulAddXmm{mulAddXmm, 16 * 4 * 2, "mulps + addps xmm"};

const PeakLoop *vitc::peakLoop(const Isa &isa, Precision precision) {
  if (isa.arch != "x86_64")
    return nullptr;
  if (precision == Precision::Bf16 && isa.bf16 == vit::Bf16Unit::Dot)
    return &kDotBf16Zmm;
  if (precision == Precision::Int8 && isa.int8 == vit::Int8Unit::Dot)
    return &kDotInt8Zmm;
  if (isa.fma && isa.lanes == 16)
    return &kFmaZmm;
  if (isa.fma && isa.lanes == 8)
    return &kFmaYmm;
  return !isa.fma && isa.lanes == 4 ? &kMulAddXmm : nullptr;
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
