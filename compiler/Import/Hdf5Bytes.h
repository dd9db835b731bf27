//===- Hdf5Bytes.h - bounded access to the structures of an HDF5 file -------------------------------===//
//
// Every structure of an HDF5 file is reached by an address that the file itself states. All of them are read
// through this class, which checks the range and keeps an account: the bytes of all structures together, each
// counted as often as it is read, may not exceed a small multiple of the file. This one rule ends every cycle
// and every structure that refers to one place many times, whatever its kind.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_HDF5BYTES_H
#define COMPILER_IMPORT_HDF5BYTES_H

#include "compiler/Support/Error.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace vitc {

/// "Nowhere", in every address field.
constexpr uint64_t hdf5Undefined = ~uint64_t(0);

/// Reads little-endian fields one after the other. Reading beyond the end gives zeros and is remembered, so
/// that a structure is read as a list of fields and checked once.
class Hdf5Cursor {
public:
  Hdf5Cursor() = default;
  Hdf5Cursor(llvm::ArrayRef<uint8_t> bytes, uint64_t address) : data(bytes), address(address) {}

  uint64_t integer(unsigned bytes);
  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }
  llvm::ArrayRef<uint8_t> take(uint64_t bytes);
  llvm::StringRef text(uint64_t bytes);
  void skip(uint64_t bytes) { (void)take(bytes); }
  /// Skips what fills a field of `bytes` bytes up to a multiple of 8.
  void padTo8(uint64_t bytes) { skip((8 - bytes % 8) % 8); }

  uint64_t left() const { return data.size() - at; }
  uint64_t position() const { return address + at; } ///< in the file
  bool ranOut() const { return overrun; }

private:
  llvm::ArrayRef<uint8_t> data;
  uint64_t address = 0, at = 0;
  bool overrun = false;
};

class Hdf5Bytes {
public:
  Hdf5Bytes(llvm::ArrayRef<uint8_t> bytes, llvm::StringRef path);

  uint64_t size() const { return data.size(); }
  const std::string &path() const { return name; }
  llvm::ArrayRef<uint8_t> all() const { return data; }

  /// `size` bytes at `address`, which belong to a structure of kind `what`; counted.
  llvm::Expected<Hdf5Cursor> at(uint64_t address, uint64_t size, llvm::StringRef what);
  /// Checks a range that is not read now, or that is data.
  llvm::Error checkRange(uint64_t address, uint64_t size, llvm::StringRef what) const;
  /// Counts bytes that the reader keeps in memory on behalf of the file.
  llvm::Error charge(uint64_t bytes);

  /// Starts a structure at `address`: four letters, then a version in [0, highestVersion].
  /// The cursor is behind both.
  llvm::Expected<Hdf5Cursor> structure(uint64_t address, uint64_t size, llvm::StringRef signature,
                                       unsigned lowestVersion, unsigned highestVersion, llvm::StringRef what);
  /// Verifies the checksum that ends a structure of `size` bytes, itself included.
  llvm::Error verifyChecksum(uint64_t address, uint64_t size, llvm::StringRef what) const;

  /// "PATH: HDF5: MESSAGE (at byte ADDRESS)".
  template <typename... Args>
  llvm::Error error(uint64_t address, fmt::format_string<Args...> format, Args &&...args) const {
    return inputError("{}: HDF5: {} (at byte {})", name, fmt::format(format, std::forward<Args>(args)...),
                      address);
  }

private:
  llvm::ArrayRef<uint8_t> data;
  std::string name;
  uint64_t budget;
};

/// The checksum of version 2 structures: Jenkins' lookup3 ("hashlittle") with initial value 0.
uint32_t hdf5Checksum(llvm::ArrayRef<uint8_t> bytes);

} // namespace vitc

#endif // COMPILER_IMPORT_HDF5BYTES_H
