//===- WeightScan.cpp - hash and NaN scan of all weights --------------------------------------------===//
#include "compiler/Import/Safetensors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/xxhash.h"
#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

using namespace vitc;

namespace {

/// Files are hashed in pieces of this size, so that several threads can work and the NaN scan finds the piece
/// in the cache. It is part of the definition of the hash.
constexpr uint64_t pieceBytes = 1 << 20;
/// Below this, starting a thread costs more than it saves.
constexpr uint64_t bytesPerThread = 8 << 20;

/// True if an element has all exponent bits set. No early exit: the loop stays vectorizable.
template <typename Bits> bool anyNonFinite(const uint8_t *data, uint64_t count, Bits exponent) {
  Bits found = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
    found |= (bits & exponent) == exponent;
  }
  return found != 0;
}

bool anyNonFinite(const ElementType &type, const uint8_t *data, uint64_t count) {
  switch (type.kind) {
  case ElementType::F64:
    return anyNonFinite<uint64_t>(data, count, 0x7ff0000000000000);
  case ElementType::F32:
    return anyNonFinite<uint32_t>(data, count, 0x7f800000);
  case ElementType::F16:
    return anyNonFinite<uint16_t>(data, count, 0x7c00);
  case ElementType::BF16:
    return anyNonFinite<uint16_t>(data, count, 0x7f80);
  case ElementType::Other:
    return false;
  }
  llvm_unreachable("covered switch");
}

struct Piece {
  const MappedFile *file;
  uint64_t begin, end;
  llvm::XXH128_hash_t hash;
  std::vector<const RawTensor *> nonFinite;
};

/// Tensors of one file by offset.
using FileTensors = std::vector<const RawTensor *>;

void scanPiece(Piece &piece, const FileTensors &tensors) {
  llvm::ArrayRef<uint8_t> bytes = piece.file->bytes();
  piece.hash = llvm::xxh3_128bits(bytes.slice(piece.begin, piece.end - piece.begin));
  auto it = std::partition_point(tensors.begin(), tensors.end(), [&](const RawTensor *tensor) {
    return tensor->offset + tensor->bytes <= piece.begin;
  });
  for (; it != tensors.end() && (*it)->offset < piece.end; ++it) {
    const RawTensor &tensor = **it;
    if (tensor.type->kind == ElementType::Other || tensor.bytes == 0)
      continue;
    // The elements whose first byte lies in this piece; the last may reach beyond it.
    uint64_t width = tensor.type->bits / 8;
    uint64_t from = piece.begin <= tensor.offset ? 0 : (piece.begin - tensor.offset + width - 1) / width;
    uint64_t to = std::min<uint64_t>(tensor.elements, (piece.end - tensor.offset + width - 1) / width);
    if (from < to && anyNonFinite(*tensor.type, bytes.data() + tensor.offset + from * width, to - from))
      piece.nonFinite.push_back(&tensor);
  }
}

} // namespace

WeightStore::Scan WeightStore::scan() const {
  std::map<const MappedFile *, FileTensors> tensorsOf;
  for (const auto &[name, tensor] : table)
    tensorsOf[tensor.file.get()].push_back(&tensor);
  for (auto &[file, tensors] : tensorsOf)
    llvm::sort(tensors, [](const RawTensor *a, const RawTensor *b) {
      return std::tie(a->offset, a->bytes) < std::tie(b->offset, b->bytes);
    });

  std::vector<Piece> pieces;
  for (const auto &file : files)
    for (uint64_t begin = 0; begin < file->bytes().size(); begin += pieceBytes)
      pieces.push_back(
          {file.get(), begin, std::min<uint64_t>(begin + pieceBytes, file->bytes().size()), {}, {}});

  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i = next++; i < pieces.size(); i = next++)
      scanPiece(pieces[i], tensorsOf[pieces[i].file]);
  };
  for (const auto &file : files)
    tensorsOf[file.get()]; // no insertions from the threads
  uint64_t useful =
      std::min<uint64_t>({totalBytes() / bytesPerThread, std::thread::hardware_concurrency(), 16});
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < useful; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();

  std::vector<uint8_t> hashes(pieces.size() * 16);
  std::set<std::string> nonFinite;
  for (size_t i = 0; i < pieces.size(); ++i) {
    llvm::support::endian::write64le(&hashes[16 * i], pieces[i].hash.low64);
    llvm::support::endian::write64le(&hashes[16 * i + 8], pieces[i].hash.high64);
    for (const RawTensor *tensor : pieces[i].nonFinite)
      nonFinite.insert(tensor->name);
  }
  llvm::XXH128_hash_t total = llvm::xxh3_128bits(hashes);
  Scan result;
  result.hash = "xxh3-128:" + llvm::utohexstr(total.high64, /*LowerCase=*/true, 16) +
                llvm::utohexstr(total.low64, /*LowerCase=*/true, 16);
  result.nonFinite.assign(nonFinite.begin(), nonFinite.end());
  return result;
}
