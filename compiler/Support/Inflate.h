//===- Inflate.h - deflated data of a known size, and their checksum --------------------------------===//
#ifndef COMPILER_SUPPORT_INFLATE_H
#define COMPILER_SUPPORT_INFLATE_H

#include "compiler/Support/Error.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <vector>

namespace vitc {

/// What lies around the deflated data (RFC 1951): nothing, as in zip archives, or a zlib stream (RFC 1950),
/// as in HDF5.
enum class DeflateWrapper { None, Zlib };

/// Inflates `in`, which must hold one whole stream of exactly out.size() bytes and nothing behind it. Errors
/// (Input) begin with `what`.
llvm::Error inflateInto(llvm::ArrayRef<uint8_t> in, llvm::MutableArrayRef<uint8_t> out,
                        DeflateWrapper wrapper, llvm::StringRef what);

/// Inflates `in`, which must hold one whole stream and nothing behind it, of at most `limit` bytes. Errors
/// (Input) begin with `what`.
llvm::Expected<std::vector<uint8_t>> inflateWithin(llvm::ArrayRef<uint8_t> in, size_t limit,
                                                   DeflateWrapper wrapper, llvm::StringRef what);

/// The CRC-32 of zip archives.
uint32_t crc32Of(llvm::ArrayRef<uint8_t> bytes);

} // namespace vitc

#endif // COMPILER_SUPPORT_INFLATE_H
