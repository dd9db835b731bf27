#include "compiler/Import/Hdf5Data.h"
#include "compiler/Support/Inflate.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cstring>

using namespace vitc;

namespace {

constexpr unsigned maxLevels = 16;               // of a B-tree
constexpr uint64_t maxChunk = uint64_t(1) << 30; // bytes; the format allows four times as much

/// A chunk as its index names it.
struct Chunk {
  uint64_t address = 0, bytes = 0; ///< in the file
  uint32_t filterMask = 0;         ///< bit i: filter i was left out
};

/// Puts the chunks of one dataset together.
class ChunkReader {
public:
  ChunkReader(Hdf5Bytes &bytes, const Hdf5Dataset &dataset) : bytes(bytes), dataset(dataset) {}
  /// Checks the sizes; the chunks together hold chunkCount() * chunkBytes() bytes.
  llvm::Error measure();
  uint64_t chunkBytes() const { return bytesOfChunk; }
  uint64_t chunkCount() const { return count; }
  llvm::Error run(llvm::MutableArrayRef<uint8_t> out);

private:
  llvm::Error readTree(uint64_t address, int level);
  llvm::Error readFixedArray(uint64_t address);
  llvm::Error place(uint64_t index, const Chunk &chunk);
  llvm::Expected<llvm::ArrayRef<uint8_t>> unfilter(uint64_t index, const Chunk &chunk);
  bool isEdge(uint64_t index) const;
  llvm::SmallVector<uint64_t, 4> origin(uint64_t index) const;
  llvm::Error readIndex();
  template <typename... Args> llvm::Error error(fmt::format_string<Args...> format, Args &&...args) const {
    return bytes.error(dataset.header, "dataset '{}': {}", quoteForMessage(dataset.name),
                       fmt::format(format, std::forward<Args>(args)...));
  }

  Hdf5Bytes &bytes;
  const Hdf5Dataset &dataset;
  llvm::SmallVector<uint64_t, 4> grid; ///< chunks along each dimension
  uint64_t bytesOfChunk = 0, count = 1;
  llvm::MutableArrayRef<uint8_t> out;
  std::vector<bool> seen;
  std::vector<uint8_t> raw, shuffled; ///< one chunk
};

llvm::Error ChunkReader::measure() {
  llvm::ArrayRef<uint64_t> extents = dataset.space.extents, chunk = dataset.layout.chunk;
  if (chunk.size() != extents.size())
    return error("expected chunks of {} dimensions, got {}", extents.size(), chunk.size());
  if (dataset.layout.elementBytes != dataset.type.size)
    return error("expected chunks of elements of {} bytes, got {}", dataset.type.size,
                 dataset.layout.elementBytes);
  bytesOfChunk = dataset.type.size;
  for (auto [extent, step] : llvm::zip(extents, chunk)) {
    grid.push_back(extent / step + (extent % step != 0));
    if (step > maxChunk || (bytesOfChunk *= step) > maxChunk)
      return error("expected chunks of at most 2^30 bytes, got more");
    count *= grid.back(); // no more than the elements, which are fewer than 2^63
  }
  return llvm::Error::success();
}

llvm::SmallVector<uint64_t, 4> ChunkReader::origin(uint64_t index) const {
  llvm::SmallVector<uint64_t, 4> result(grid.size());
  for (size_t i = grid.size(); i-- > 0; index /= grid[i])
    result[i] = index % grid[i] * dataset.layout.chunk[i];
  return result;
}

bool ChunkReader::isEdge(uint64_t index) const {
  for (auto [at, step, extent] : llvm::zip(origin(index), dataset.layout.chunk, dataset.space.extents))
    if (step > extent - at)
      return true;
  return false;
}

llvm::Expected<llvm::ArrayRef<uint8_t>> ChunkReader::unfilter(uint64_t index, const Chunk &chunk) {
  llvm::Expected<Hdf5Cursor> stored = bytes.at(chunk.address, chunk.bytes, "a chunk");
  if (!stored)
    return stored.takeError();
  llvm::ArrayRef<uint8_t> data = stored->take(chunk.bytes);
  bool filtered = !(dataset.layout.rawEdges && isEdge(index));
  for (size_t i = filtered ? dataset.filters.size() : 0; i-- > 0;) {
    if (chunk.filterMask >> i & 1)
      continue;
    const Hdf5Filter &filter = dataset.filters[i];
    if (filter.kind == Hdf5Filter::Deflate) {
      raw.resize(bytesOfChunk);
      if (llvm::Error error = inflateInto(
              data, raw, DeflateWrapper::Zlib,
              fmt::format("{}: HDF5: dataset '{}': a chunk", bytes.path(), quoteForMessage(dataset.name))))
        return std::move(error);
      data = raw;
    } else { // all first bytes of the elements, all second bytes, ...; what is left over stays
      uint64_t width = filter.elementBytes, elements = data.size() / width;
      shuffled.assign(data.begin(), data.end());
      for (uint64_t byte = 0; elements && byte < width; ++byte)
        for (uint64_t element = 0; element < elements; ++element)
          shuffled[element * width + byte] = data[byte * elements + element];
      data = shuffled;
    }
  }
  if (data.size() != bytesOfChunk)
    return bytes.error(chunk.address, "dataset '{}': expected a chunk of {} bytes, got {}",
                       quoteForMessage(dataset.name), bytesOfChunk, data.size());
  return data;
}

llvm::Error ChunkReader::place(uint64_t index, const Chunk &chunk) {
  if (seen[index])
    return bytes.error(chunk.address, "dataset '{}': expected every chunk once, got chunk {} twice",
                       quoteForMessage(dataset.name), index);
  seen[index] = true;
  llvm::Expected<llvm::ArrayRef<uint8_t>> data = unfilter(index, chunk);
  if (!data)
    return data.takeError();
  // Runs along the last dimension, as far as they lie within the extents.
  llvm::ArrayRef<uint64_t> extents = dataset.space.extents, steps = dataset.layout.chunk;
  llvm::SmallVector<uint64_t, 4> start = origin(index);
  size_t rank = extents.size(), last = rank - 1;
  uint64_t width = dataset.type.size, run = std::min(steps[last], extents[last] - start[last]) * width;
  llvm::SmallVector<uint64_t, 4> at(rank, 0);
  while (true) {
    uint64_t from = 0, to = 0;
    for (size_t i = 0; i < rank; ++i) {
      from = from * steps[i] + at[i];
      to = to * extents[i] + start[i] + at[i];
    }
    std::memcpy(out.data() + to * width, data->data() + from * width, run);
    size_t i = last;
    while (i > 0) {
      --i;
      if (++at[i] < steps[i] && start[i] + at[i] < extents[i])
        break;
      at[i] = 0;
      if (i == 0)
        return llvm::Error::success();
    }
    if (last == 0)
      return llvm::Error::success();
  }
}

llvm::Error ChunkReader::readTree(uint64_t address, int level) {
  llvm::ArrayRef<uint64_t> steps = dataset.layout.chunk;
  llvm::Expected<Hdf5Cursor> head = bytes.at(address, 24, "the B-tree of chunks");
  if (!head)
    return head.takeError();
  if (head->text(4) != "TREE")
    return bytes.error(address, "the B-tree of chunks: expected the signature 'TREE'");
  unsigned kind = head->u8(), found = head->u8();
  uint64_t entries = head->u16();
  if (kind != 1)
    return bytes.error(address, "the B-tree of chunks: expected node type 1, got {}", kind);
  if (level >= 0 ? found != static_cast<unsigned>(level) : found > maxLevels)
    return bytes.error(address, "the B-tree of chunks: expected level {}, got {}",
                       level >= 0 ? fmt::format("{}", level) : fmt::format("0 to {}", maxLevels), found);
  uint64_t keyBytes = 8 + 8 * (steps.size() + 1);
  llvm::Expected<Hdf5Cursor> body = bytes.at(address + 24, entries * (keyBytes + 8), "the B-tree of chunks");
  if (!body)
    return body.takeError();
  for (uint64_t entry = 0; entry < entries; ++entry) {
    Chunk chunk;
    chunk.bytes = body->u32();
    chunk.filterMask = body->u32();
    uint64_t index = 0;
    bool inside = true;
    for (auto [step, extent, chunks] : llvm::zip(steps, dataset.space.extents, grid)) {
      uint64_t at = body->u64();
      inside = inside && at < extent && at % step == 0;
      index = index * chunks + (inside ? at / step : 0);
    }
    inside = inside && body->u64() == 0;
    if (found == 0 && !inside)
      return bytes.error(address, "dataset '{}': expected chunks within its extents, got one elsewhere",
                         quoteForMessage(dataset.name));
    chunk.address = body->u64();
    if (llvm::Error error =
            found ? readTree(chunk.address, static_cast<int>(found) - 1) : place(index, chunk))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error ChunkReader::readFixedArray(uint64_t address) {
  constexpr llvm::StringLiteral what = "a fixed array";
  constexpr uint64_t headerBytes = 28;
  llvm::Expected<Hdf5Cursor> header = bytes.structure(address, headerBytes, "FAHD", 0, 0, what);
  if (!header)
    return header.takeError();
  unsigned client = header->u8(), entryBytes = header->u8(), pageBits = header->u8();
  uint64_t entries = header->u64(), block = header->u64();
  if (llvm::Error error = bytes.verifyChecksum(address, headerBytes, what))
    return error;
  bool filtered = client == 1;
  if (client > 1 || (filtered ? entryBytes < 13 || entryBytes > 20 : entryBytes != 8))
    return bytes.error(address, "a fixed array: expected entries of chunks, got {} bytes for client {}",
                       entryBytes, client);
  if (entries != count)
    return bytes.error(address, "a fixed array: expected {} entries, one per chunk, got {}", count, entries);
  if (pageBits >= 32 || entries > uint64_t(1) << pageBits)
    return bytes.error(
        address,
        "a fixed array: expected at most 2^{} chunks, got {}: paged arrays are not read; save the "
        "file again with larger chunks, or none",
        pageBits, entries);
  uint64_t size = 6 + 8 + entries * entryBytes + 4;
  llvm::Expected<Hdf5Cursor> body = bytes.structure(block, size, "FADB", 0, 0, what);
  if (!body)
    return body.takeError();
  unsigned found = body->u8();
  uint64_t owner = body->u64();
  if (found != client || owner != address)
    return bytes.error(block, "a fixed array: expected the array at {}, got {}", address, owner);
  if (llvm::Error error = bytes.verifyChecksum(block, size, what))
    return error;
  for (uint64_t index = 0; index < entries; ++index) {
    Chunk chunk;
    chunk.address = body->u64();
    chunk.bytes = filtered ? body->integer(entryBytes - 12) : bytesOfChunk;
    chunk.filterMask = filtered ? body->u32() : 0;
    if (llvm::Error error = place(index, chunk))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error ChunkReader::readIndex() {
  const Hdf5Layout &layout = dataset.layout;
  switch (layout.kind) {
  case Hdf5Layout::ChunkTree: // none while nothing has been written
    return layout.address == hdf5Undefined ? llvm::Error::success() : readTree(layout.address, -1);
  case Hdf5Layout::SingleChunk: {
    if (count != 1)
      return error("expected one chunk, got {}", count);
    bool filtered = !dataset.filters.empty() && layout.bytes != 0;
    return place(0, {layout.address, filtered ? layout.bytes : bytesOfChunk, layout.filterMask});
  }
  case Hdf5Layout::ImplicitChunks:
    for (uint64_t i = 0; i < count; ++i) {
      if (llvm::Error error = bytes.checkRange(layout.address, count * bytesOfChunk, "chunks"))
        return error;
      if (llvm::Error error = place(i, {layout.address + i * bytesOfChunk, bytesOfChunk, ~0u}))
        return error;
    }
    return llvm::Error::success();
  case Hdf5Layout::FixedArray:
    return readFixedArray(layout.address);
  case Hdf5Layout::Compact:
  case Hdf5Layout::Contiguous:
    break;
  }
  llvm_unreachable("not chunked");
}

llvm::Error ChunkReader::run(llvm::MutableArrayRef<uint8_t> target) {
  out = target;
  seen.assign(count, false);
  if (llvm::Error error = readIndex())
    return error;
  auto missing = llvm::find(seen, false);
  if (missing != seen.end())
    return error("expected all {} chunks, but chunk {} was never written", count, missing - seen.begin());
  return llvm::Error::success();
}

bool isChunked(const Hdf5Dataset &dataset) {
  return dataset.layout.kind != Hdf5Layout::Compact && dataset.layout.kind != Hdf5Layout::Contiguous;
}

void swapElements(llvm::MutableArrayRef<uint8_t> data, uint32_t width) {
  for (size_t at = 0; at + width <= data.size(); at += width)
    std::reverse(data.begin() + at, data.begin() + at + width);
}

} // namespace

llvm::Expected<std::optional<uint64_t>> vitc::findHdf5Elements(const Hdf5Bytes &bytes,
                                                               const Hdf5Dataset &dataset) {
  const Hdf5Layout &layout = dataset.layout;
  if (dataset.bytes() == 0)
    return std::optional<uint64_t>(0);
  if (isChunked(dataset))
    return std::nullopt;
  if (layout.address == hdf5Undefined)
    return bytes.error(dataset.header, "dataset '{}': expected its elements, which were never written",
                       quoteForMessage(dataset.name));
  if (layout.bytes != dataset.bytes())
    return bytes.error(dataset.header, "dataset '{}': expected {} bytes for its type and extents, got {}",
                       quoteForMessage(dataset.name), dataset.bytes(), layout.bytes);
  if (llvm::Error error =
          bytes.checkRange(layout.address, layout.bytes, "dataset '" + quoteForMessage(dataset.name) + "'"))
    return std::move(error);
  if (dataset.type.bigEndian && dataset.type.size > 1)
    return std::nullopt;
  return std::optional<uint64_t>(layout.address);
}

llvm::Expected<std::vector<uint8_t>> vitc::decodeHdf5Elements(Hdf5Bytes &bytes, const Hdf5Dataset &dataset,
                                                              Hdf5DecodeBudget &budget) {
  ChunkReader chunks(bytes, dataset);
  uint64_t cost = dataset.bytes();
  if (isChunked(dataset)) {
    if (llvm::Error error = chunks.measure())
      return std::move(error);
    if (llvm::MulOverflow<int64_t>(static_cast<int64_t>(chunks.chunkCount()),
                                   static_cast<int64_t>(chunks.chunkBytes()),
                                   reinterpret_cast<int64_t &>(cost)))
      cost = ~uint64_t(0);
  }
  if (cost > budget.left)
    return bytes.error(
        dataset.header,
        "dataset '{}': expected data that expand to at most 16 times the file's size, got more",
        quoteForMessage(dataset.name));
  budget.left -= cost;
  std::vector<uint8_t> result(dataset.bytes());
  if (isChunked(dataset)) {
    if (llvm::Error error = chunks.run(result))
      return std::move(error);
  } else {
    std::copy_n(bytes.all().begin() + dataset.layout.address, result.size(), result.begin());
  }
  if (dataset.type.bigEndian)
    swapElements(result, dataset.type.size);
  return result;
}
