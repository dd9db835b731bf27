#include "compiler/Import/Hdf5Bytes.h"
#include "compiler/Support/Json.h"
#include "llvm/Support/Endian.h"
#include <bit>

using namespace vitc;

uint64_t Hdf5Cursor::integer(unsigned bytes) {
  uint64_t value = 0;
  llvm::ArrayRef<uint8_t> raw = take(bytes);
  for (size_t i = 0; i < raw.size(); ++i)
    value |= uint64_t(raw[i]) << 8 * i;
  return value;
}

llvm::ArrayRef<uint8_t> Hdf5Cursor::take(uint64_t bytes) {
  if (bytes > left()) {
    overrun = true;
    at = data.size();
    return {};
  }
  llvm::ArrayRef<uint8_t> result = data.slice(at, bytes);
  at += bytes;
  return result;
}

llvm::StringRef Hdf5Cursor::text(uint64_t bytes) {
  llvm::ArrayRef<uint8_t> raw = take(bytes);
  return {reinterpret_cast<const char *>(raw.data()), raw.size()};
}

/// A sound file has each structure read once or twice; the constant lets small files have structures that are
/// small.
Hdf5Bytes::Hdf5Bytes(llvm::ArrayRef<uint8_t> bytes, llvm::StringRef path)
    : data(bytes), name(path.str()), budget(4 * bytes.size() + (64u << 10)) {}

llvm::Error Hdf5Bytes::charge(uint64_t bytes) {
  if (bytes > budget)
    return inputError("{}: HDF5: expected structures that are read about once, got some that refer to the "
                      "same bytes over and over",
                      name);
  budget -= bytes;
  return llvm::Error::success();
}

llvm::Error Hdf5Bytes::checkRange(uint64_t address, uint64_t size, llvm::StringRef what) const {
  if (address == hdf5Undefined)
    return inputError("{}: HDF5: expected the address of {}, got none", name, what.str());
  if (address > data.size() || size > data.size() - address)
    return inputError(
        "{}: HDF5: expected {} within the file's {} bytes, got {} bytes at byte {}; the file is "
        "truncated or damaged",
        name, what.str(), data.size(), size, address);
  return llvm::Error::success();
}

llvm::Expected<Hdf5Cursor> Hdf5Bytes::at(uint64_t address, uint64_t size, llvm::StringRef what) {
  if (llvm::Error error = checkRange(address, size, what))
    return std::move(error);
  if (llvm::Error error = charge(size))
    return std::move(error);
  return Hdf5Cursor(data.slice(address, size), address);
}

llvm::Expected<Hdf5Cursor> Hdf5Bytes::structure(uint64_t address, uint64_t size, llvm::StringRef signature,
                                                unsigned lowestVersion, unsigned highestVersion,
                                                llvm::StringRef what) {
  llvm::Expected<Hdf5Cursor> cursor = at(address, size, what);
  if (!cursor)
    return cursor.takeError();
  llvm::StringRef found = cursor->text(signature.size());
  if (found != signature)
    return error(address, "{}: expected the signature '{}', got '{}'", what.str(), signature.str(),
                 quoteForMessage(found));
  unsigned version = cursor->u8();
  if (version < lowestVersion || version > highestVersion)
    return error(address, "{}: expected version {}, got {}", what.str(),
                 lowestVersion == highestVersion ? fmt::format("{}", lowestVersion)
                                                 : fmt::format("{} to {}", lowestVersion, highestVersion),
                 version);
  return cursor;
}

llvm::Error Hdf5Bytes::verifyChecksum(uint64_t address, uint64_t size, llvm::StringRef what) const {
  if (llvm::Error error = checkRange(address, size, what))
    return error;
  if (size < 4)
    return error(address, "{}: expected room for a checksum, got {} bytes", what.str(), size);
  uint32_t stored = llvm::support::endian::read32le(data.data() + address + size - 4);
  uint32_t computed = hdf5Checksum(data.slice(address, size - 4));
  if (stored != computed)
    return error(address, "{}: expected the checksum {:08x}, got {:08x}; the file is damaged", what.str(),
                 computed, stored);
  return llvm::Error::success();
}

uint32_t vitc::hdf5Checksum(llvm::ArrayRef<uint8_t> bytes) {
  uint32_t a = 0xdeadbeef + static_cast<uint32_t>(bytes.size()), b = a, c = a;
  size_t at = 0;
  auto word = [&](size_t offset) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && at + offset + i < bytes.size(); ++i)
      value |= uint32_t(bytes[at + offset + i]) << 8 * i;
    return value;
  };
  if (bytes.empty())
    return c;
  for (; bytes.size() - at > 12; at += 12) {
    a += word(0);
    b += word(4);
    c += word(8);
    for (auto [x, y, z, turn] :
         {std::tuple(&a, &c, &b, 4), std::tuple(&b, &a, &c, 6), std::tuple(&c, &b, &a, 8),
          std::tuple(&a, &c, &b, 16), std::tuple(&b, &a, &c, 19), std::tuple(&c, &b, &a, 4)}) {
      *x -= *y;
      *x ^= std::rotl(*y, turn);
      *y += *z;
    }
  }
  a += word(0);
  b += word(4);
  c += word(8);
  for (auto [x, y, turn] :
       {std::tuple(&c, &b, 14), std::tuple(&a, &c, 11), std::tuple(&b, &a, 25), std::tuple(&c, &b, 16),
        std::tuple(&a, &c, 4), std::tuple(&b, &a, 14), std::tuple(&c, &b, 24)}) {
    *x ^= *y;
    *x -= std::rotl(*y, turn);
  }
  return c;
}
