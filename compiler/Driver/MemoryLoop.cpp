#include "compiler/Driver/MemoryLoop.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace vitc;

// Both reload what they loaded: no result depends on another, and the compiler knows nothing of it.

/// Reads `bytes`, a multiple of 512, from `data` on, which is 64-byte aligned.
static void readVectors(const uint8_t *data, uint64_t bytes) {
#if defined(__x86_64__)
  for (const uint8_t *end = data + bytes; data != end; data += 512)
    asm volatile(".irp offset, 0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, "
                 "272, 288, 304, 320, 336, 352, 368, 384, 400, 416, 432, 448, 464, 480, 496\n"
                 "movaps \\offset(%0), %%xmm0\n.endr"
                 :
                 : "r"(data)
                 : "xmm0", "memory");
#elif defined(__aarch64__)
  for (const uint8_t *end = data + bytes; data != end; data += 512)
    asm volatile(".irp offset, 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480\n"
                 "ldp q0, q1, [%0, #\\offset]\n.endr"
                 :
                 : "r"(data)
                 : "v0", "v1", "memory");
#else
  for (uint64_t i = 0; i < bytes; i += 8)
    (void)*reinterpret_cast<const volatile uint64_t *>(data + i);
#endif
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void readZmm(const uint8_t *data, uint64_t bytes) {
  for (const uint8_t *end = data + bytes; data != end; data += 512)
    asm volatile(".irp offset, 0, 64, 128, 192, 256, 320, 384, 448\nvmovaps \\offset(%0), %%zmm0\n.endr"
                 :
                 : "r"(data)
                 : "xmm0", "memory");
}

__attribute__((target("avx"))) static void readYmm(const uint8_t *data, uint64_t bytes) {
  for (const uint8_t *end = data + bytes; data != end; data += 512)
    asm volatile(".irp offset, 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480\n"
                 "vmovaps \\offset(%0), %%ymm0\n.endr"
                 :
                 : "r"(data)
                 : "xmm0", "memory");
}
#endif

static void (*reader())(const uint8_t *, uint64_t) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return readZmm;
  if (__builtin_cpu_supports("avx"))
    return readYmm;
#endif
  return readVectors;
}

CacheSizes vitc::cacheSizes() {
  auto size = [](int name) { return static_cast<uint64_t>(std::max(0L, sysconf(name))); };
  return {size(_SC_LEVEL2_CACHE_SIZE), size(_SC_LEVEL3_CACHE_SIZE)};
}

double vitc::sampleReading(uint64_t bytes, int64_t threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr uint64_t kBlock = 64 << 10; // between two looks at the clock
  bytes = std::max<uint64_t>(bytes / kBlock * kBlock, kBlock);
  auto read = reader();
  std::atomic<int64_t> ready{0};
  std::vector<double> rates(threads);
  auto work = [&](int64_t self) {
    struct Free {
      void operator()(uint8_t *pointer) const { std::free(pointer); }
    };
    std::unique_ptr<uint8_t, Free> memory(static_cast<uint8_t *>(std::aligned_alloc(4096, bytes)));
    if (memory)
      std::memset(memory.get(), 1, bytes); // pages of its own, not the one of zeros
    ++ready;
    while (ready.load(std::memory_order_relaxed) < threads)
      std::this_thread::yield();
    if (!memory)
      return;
    auto start = Clock::now(), now = start;
    auto stop = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    uint64_t done = 0;
    do {
      read(memory.get() + done % bytes, kBlock);
      done += kBlock;
      now = Clock::now();
    } while (now < stop);
    rates[self] = static_cast<double>(done) / std::chrono::duration<double>(now - start).count();
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

Bandwidths vitc::measureBandwidths(int64_t threads) {
  // Far beyond L3; a machine whose L3 is not known has hardly more than this.
  constexpr uint64_t kLeast = 256 << 20, kMost = 2048ull << 20;
  constexpr double kSeconds = 0.06;
  CacheSizes caches = cacheSizes();
  auto all = static_cast<uint64_t>(threads);
  Bandwidths result;
  result.memory = sampleReading(std::clamp(4 * caches.shared, kLeast, kMost) / all, threads, kSeconds);
  result.l2 = result.l3 = result.memory;
  if (caches.perCore) {
    result.l2Bytes = result.l3Bytes = all * caches.perCore;
    result.l2 = result.l3 = sampleReading(caches.perCore / 2, threads, kSeconds);
  }
  if (caches.shared / all > 2 * caches.perCore) {
    result.l3Bytes = caches.shared;
    result.l3 = sampleReading(caches.shared / all / 2, threads, kSeconds);
  }
  return result;
}
