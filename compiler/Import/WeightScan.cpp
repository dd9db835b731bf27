//===- WeightScan.cpp - hash and NaN scan of all weights --------------------------------------------===//
#include "compiler/Import/WeightStore.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/xxhash.h"
#include <algorithm>
#include <atomic>
#include <cmath>
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
  const ByteSource *source;
  uint64_t begin, end;
  llvm::XXH128_hash_t hash;
  std::vector<const RawTensor *> tensors;   ///< dense float tensors that have elements here
  std::vector<const RawTensor *> nonFinite; ///< those of them that hold NaN or infinity here
};

void scanPiece(Piece &piece) {
  llvm::ArrayRef<uint8_t> bytes = piece.source->bytes();
  piece.hash = llvm::xxh3_128bits(bytes.slice(piece.begin, piece.end - piece.begin));
  for (const RawTensor *tensor : piece.tensors) {
    // The elements whose first byte lies in this piece; the last may reach beyond it.
    uint64_t width = tensor->type->bits / 8;
    uint64_t from = piece.begin <= tensor->offset ? 0 : (piece.begin - tensor->offset + width - 1) / width;
    uint64_t to = std::min<uint64_t>(tensor->elements, (piece.end - tensor->offset + width - 1) / width);
    if (from < to && anyNonFinite(*tensor->type, bytes.data() + tensor->offset + from * width, to - from))
      piece.nonFinite.push_back(tensor);
  }
}

void appendPieces(const ByteSource &source, std::vector<Piece> &pieces) {
  for (uint64_t begin = 0, size = source.bytes().size(); begin < size; begin += pieceBytes)
    pieces.push_back({&source, begin, std::min(begin + pieceBytes, size), {}, {}, {}});
}

/// A view's elements one by one, for the rare tensor whose bytes have gaps.
bool anyNonFinite(const RawTensor &tensor) {
  auto view = viewOf(TensorSlice::all(tensor), tensor.shape);
  std::vector<double> values(std::min<int64_t>(tensor.elements, 1 << 16));
  for (int64_t first = 0; first < tensor.elements; first += static_cast<int64_t>(values.size())) {
    values.resize(std::min<int64_t>(static_cast<int64_t>(values.size()), tensor.elements - first));
    view->read(first, values);
    if (!llvm::all_of(values, [](double value) { return std::isfinite(value); }))
      return true;
  }
  return false;
}

} // namespace

WeightStore::Scan WeightStore::scan() const {
  // Files first: only they make the hash. Then what readers decoded.
  std::vector<Piece> pieces;
  std::map<const ByteSource *, size_t> firstPiece;
  for (const auto &file : files) {
    firstPiece.try_emplace(file.get(), pieces.size());
    appendPieces(*file, pieces);
  }
  size_t hashed = pieces.size();
  std::set<std::string> nonFinite;
  for (const auto &[name, tensor] : table) {
    if (tensor.type->kind == ElementType::Other || tensor.elements == 0)
      continue;
    if (!tensor.isDense()) {
      if (anyNonFinite(tensor))
        nonFinite.insert(name);
      continue;
    }
    auto [it, fresh] = firstPiece.try_emplace(tensor.source.get(), pieces.size());
    if (fresh)
      appendPieces(*tensor.source, pieces);
    for (uint64_t i = tensor.offset / pieceBytes; i <= (tensor.offset + tensor.bytes - 1) / pieceBytes; ++i)
      pieces[it->second + i].tensors.push_back(&tensor);
  }

  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i = next++; i < pieces.size(); i = next++)
      scanPiece(pieces[i]);
  };
  uint64_t useful = std::min<uint64_t>(
      {pieces.size() * pieceBytes / bytesPerThread, std::thread::hardware_concurrency(), 16});
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < useful; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();

  std::vector<uint8_t> hashes(hashed * 16);
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i < hashed) {
      llvm::support::endian::write64le(&hashes[16 * i], pieces[i].hash.low64);
      llvm::support::endian::write64le(&hashes[16 * i + 8], pieces[i].hash.high64);
    }
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
