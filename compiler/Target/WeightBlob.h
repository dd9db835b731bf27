//===- WeightBlob.h - the packed weights as bytes ---------------------------------------------------===//
//
// The blob holds every tensor as little-endian f32, bf16 or bytes at its planned offset, zeros between them.
// Its content id is the XXH3-128 of the XXH3-128s of its consecutive pieces of 1 MiB, so that threads can
// hash pieces on their own.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_TARGET_WEIGHTBLOB_H
#define COMPILER_TARGET_WEIGHTBLOB_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vitc {

using WeightId = std::array<uint8_t, 16>;

/// One tensor of the blob.
struct BlobTensor {
  std::string name;    ///< for messages
  uint64_t offset = 0; ///< bytes into the blob, a multiple of 64
  uint64_t elements = 0;
  /// Writes elements [first, first + out.size()) in float64. Called from several threads at once.
  std::function<void(int64_t first, llvm::MutableArrayRef<double> out)> read;
  uint32_t elementBytes = 4; ///< 4: f32, 2: bf16, 1: signed bytes

  uint64_t end() const { return offset + elements * elementBytes; }
};

/// Bytes of the blob: the end of its last tensor, rounded up to 64.
uint64_t blobBytes(llvm::ArrayRef<BlobTensor> tensors);

/// Evaluates the tensors on all cores, rounds each element once, and writes the blob to `os` in order.
/// Memory stays below 64 MiB however large the blob is. Returns the content id. Tensors must not overlap, in
/// any order. `progress` gets the fraction done, and may be empty. Write errors stay in `os`.
llvm::Expected<WeightId> writeBlob(llvm::ArrayRef<BlobTensor> tensors, llvm::raw_ostream &os,
                                   const std::function<void(double)> &progress = {});

/// The content id of a blob in memory, to check a library's weights in full.
WeightId contentId(llvm::ArrayRef<uint8_t> blob);

/// The first VITC_WEIGHTS_ALIGN bytes of a .vitw file.
std::string weightsHeader(uint64_t bytes, const WeightId &id);

} // namespace vitc

#endif // COMPILER_TARGET_WEIGHTBLOB_H
