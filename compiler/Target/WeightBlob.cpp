#include "compiler/Target/WeightBlob.h"
#include "compiler/Support/Error.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/xxhash.h"
#include <cstring>
#include <thread>

using namespace vitc;
namespace endian = llvm::support::endian;

/// Part of the definition of the content id.
static constexpr uint64_t kPiece = 1 << 20;
/// Elements per read: the doubles of one read stay in a core's L2 cache.
static constexpr uint64_t kRead = 16 << 10;
/// Pieces evaluated between two writes; two such batches are in memory.
static constexpr uint64_t kBatch = 16;

uint64_t vitc::blobBytes(llvm::ArrayRef<BlobTensor> tensors) {
  uint64_t bytes = 0;
  for (const BlobTensor &tensor : tensors)
    bytes = std::max(bytes, tensor.end());
  return llvm::alignTo(bytes, 64);
}

using Digest = std::array<uint8_t, 16>;

/// XXH3-128 in its canonical form, most significant byte first, as `xxhsum -H2` prints it.
static Digest digestOf(llvm::ArrayRef<uint8_t> data) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(data);
  Digest digest;
  endian::write64be(digest.data(), hash.high64);
  endian::write64be(digest.data() + 8, hash.low64);
  return digest;
}

/// The content id: the digest of the pieces' digests.
static WeightId combine(llvm::ArrayRef<Digest> digests) {
  return digestOf({reinterpret_cast<const uint8_t *>(digests.data()), digests.size() * sizeof(Digest)});
}

WeightId vitc::contentId(llvm::ArrayRef<uint8_t> blob) {
  std::vector<Digest> digests(llvm::divideCeil(blob.size(), kPiece));
  llvm::parallelFor(0, digests.size(),
                    [&](size_t i) { digests[i] = digestOf(blob.drop_front(i * kPiece).take_front(kPiece)); });
  return combine(digests);
}

/// Writes elements [first, first + count) of a tensor. Narrow elements have been rounded by a step of the
/// weight's chain.
static void readRounded(const BlobTensor &tensor, uint64_t first, uint64_t count, uint8_t *out) {
  std::vector<double> values(std::min(count, kRead));
  for (uint64_t done = 0; done < count; done += kRead) {
    llvm::MutableArrayRef<double> part =
        llvm::MutableArrayRef(values).take_front(std::min(kRead, count - done));
    tensor.read(first + done, part);
    uint8_t *to = out + tensor.elementBytes * done;
    for (double value : part) {
      uint32_t bits = llvm::bit_cast<uint32_t>(static_cast<float>(value));
      if (tensor.elementBytes == 4)
        endian::write32le(to, bits);
      else if (tensor.elementBytes == 2)
        endian::write16le(to, bits >> 16);
      else
        *to = static_cast<uint8_t>(static_cast<int8_t>(value));
      to += tensor.elementBytes;
    }
  }
}

/// Fills bytes [begin, begin + out.size()) of the blob. `tensors` are sorted by offset; all sizes are
/// multiples of the element size.
static void fillPiece(llvm::ArrayRef<const BlobTensor *> tensors, uint64_t begin,
                      llvm::MutableArrayRef<uint8_t> out) {
  uint64_t end = begin + out.size();
  std::memset(out.data(), 0, out.size());
  auto *it = llvm::partition_point(tensors, [&](const BlobTensor *tensor) { return tensor->end() <= begin; });
  for (; it != tensors.end() && (*it)->offset < end; ++it) {
    const BlobTensor &tensor = **it;
    uint64_t from = std::max(begin, tensor.offset), to = std::min(end, tensor.end());
    readRounded(tensor, (from - tensor.offset) / tensor.elementBytes, (to - from) / tensor.elementBytes,
                out.data() + (from - begin));
  }
}

llvm::Expected<WeightId> vitc::writeBlob(llvm::ArrayRef<BlobTensor> tensors, llvm::raw_ostream &os,
                                         const std::function<void(double)> &progress) {
  std::vector<const BlobTensor *> sorted;
  for (const BlobTensor &tensor : tensors)
    if (tensor.elements)
      sorted.push_back(&tensor);
  llvm::sort(sorted, [](const BlobTensor *a, const BlobTensor *b) { return a->offset < b->offset; });
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i]->offset % 64)
      return makeError(ExitCode::Internal, "weight '{}': expected an offset that is a multiple of 64, got {}",
                       sorted[i]->name, sorted[i]->offset);
    if (i && sorted[i - 1]->end() > sorted[i]->offset)
      return makeError(ExitCode::Internal, "weights '{}' and '{}' overlap in the blob", sorted[i - 1]->name,
                       sorted[i]->name);
  }

  uint64_t bytes = blobBytes(tensors), batchBytes = std::min(bytes, kBatch * kPiece);
  std::vector<Digest> digests(llvm::divideCeil(bytes, kPiece));
  // One batch is written while the next is evaluated.
  std::vector<uint8_t> evaluated(batchBytes), written(batchBytes);
  std::thread writer;
  for (uint64_t begin = 0; begin < bytes; begin += batchBytes) {
    uint64_t size = std::min(batchBytes, bytes - begin);
    llvm::parallelFor(0, llvm::divideCeil(size, kPiece), [&](size_t i) {
      auto piece =
          llvm::MutableArrayRef(evaluated).take_front(size).drop_front(i * kPiece).take_front(kPiece);
      fillPiece(sorted, begin + i * kPiece, piece);
      digests[begin / kPiece + i] = digestOf(piece);
    });
    if (writer.joinable())
      writer.join();
    std::swap(evaluated, written);
    writer = std::thread(
        [&os, data = written.data(), size] { os.write(reinterpret_cast<const char *>(data), size); });
    if (progress)
      progress(static_cast<double>(begin + size) / bytes);
  }
  if (writer.joinable())
    writer.join();
  return combine(digests);
}

std::string vitc::weightsHeader(uint64_t bytes, const WeightId &id) {
  std::string header(VITC_WEIGHTS_ALIGN, '\0');
  auto *fields = reinterpret_cast<uint8_t *>(header.data());
  std::memcpy(fields, VITC_WEIGHTS_MAGIC, sizeof(vitc_weights_header::magic));
  endian::write32le(fields + offsetof(vitc_weights_header, abi), VITC_ABI_VERSION);
  endian::write32le(fields + offsetof(vitc_weights_header, header_bytes), VITC_WEIGHTS_ALIGN);
  endian::write64le(fields + offsetof(vitc_weights_header, weight_bytes), bytes);
  std::memcpy(fields + offsetof(vitc_weights_header, weight_id), id.data(), id.size());
  return header;
}
