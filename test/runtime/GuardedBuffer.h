//===- GuardedBuffer.h - memory with an unmapped page behind it -----------===//
#ifndef TEST_RUNTIME_GUARDEDBUFFER_H
#define TEST_RUNTIME_GUARDEDBUFFER_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

/// `bytes` bytes that end where an unmapped page begins, filled with a pattern: a read or write beyond the
/// end is a segmentation fault. The begin is aligned only as far as `bytes` is a multiple of the alignment.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes, int fill = 0xA5) : bytes(bytes) {
    total = (bytes + kPage - 1) / kPage * kPage + kPage;
    mapping = static_cast<uint8_t *>(
        mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (mapping == MAP_FAILED || mprotect(mapping + total - kPage, kPage, PROT_NONE))
      abort();
    memset(data(), fill, bytes);
  }
  ~GuardedBuffer() { munmap(mapping, total); }
  GuardedBuffer(const GuardedBuffer &) = delete;
  GuardedBuffer &operator=(const GuardedBuffer &) = delete;

  uint8_t *data() const { return mapping + total - kPage - bytes; }
  size_t size() const { return bytes; }

private:
  static constexpr size_t kPage = 4096;
  uint8_t *mapping;
  size_t bytes, total;
};

#endif // TEST_RUNTIME_GUARDEDBUFFER_H
