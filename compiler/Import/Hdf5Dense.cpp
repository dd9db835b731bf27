//===- Hdf5Dense.cpp - fractal heaps and B-trees of version 2 ---------------------------------------===//
//
// Where libver='latest' puts the links of a group that has more than eight, and attributes that are many or
// long. The tree's records name objects of the heap; objects lie in direct blocks, which indirect blocks list
// by a "doubling table" (format specification, sections III.A.2 and III.G).
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Hdf5Objects.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace vitc;

namespace {

constexpr unsigned maxDepth = 16; // of trees and of indirect blocks

/// Bytes that hold any number from 0 to `limit`.
unsigned bytesFor(uint64_t limit) { return llvm::Log2_64(limit | 1) / 8 + 1; }

class FractalHeap {
public:
  explicit FractalHeap(Hdf5Bytes &bytes) : bytes(bytes) {}
  llvm::Error open(uint64_t address);
  /// The object that a heap ID of `idBytes` bytes names.
  llvm::Expected<Hdf5Cursor> object(Hdf5Cursor id);
  unsigned idBytes = 0;

private:
  struct Block {
    uint64_t address, offset, size;
  };
  llvm::Expected<Block> locate(uint64_t address, uint64_t base, uint64_t rows, uint64_t offset,
                               unsigned depth);
  llvm::Error checkDirect(const Block &block);
  uint64_t rowSize(uint64_t row) const { return row < 2 ? startSize : startSize << (row - 1); }

  Hdf5Bytes &bytes;
  uint64_t header = 0, startSize = 0, maxDirect = 0, width = 0, root = 0, rootRows = 0;
  unsigned offsetBytes = 0, lengthBytes = 0;
  bool checksums = false;
  std::map<uint64_t, Block> checked; ///< direct blocks by their offset in the heap
};

llvm::Error FractalHeap::open(uint64_t address) {
  constexpr llvm::StringLiteral what = "a fractal heap";
  constexpr uint64_t headerBytes = 146;
  header = address;
  llvm::Expected<Hdf5Cursor> cursor = bytes.structure(address, headerBytes, "FRHP", 0, 0, what);
  if (!cursor)
    return cursor.takeError();
  idBytes = cursor->u16();
  if (unsigned filters = cursor->u16())
    return bytes.error(address, "a fractal heap: expected no filters, got {} bytes of them", filters);
  checksums = cursor->u8() & 2;
  uint64_t maxObject = cursor->u32();
  cursor->skip(12 * 8); // huge and tiny objects, free space, statistics
  width = cursor->u16();
  startSize = cursor->u64();
  maxDirect = cursor->u64();
  unsigned heapBits = cursor->u16();
  cursor->u16();
  root = cursor->u64();
  rootRows = cursor->u16();
  if (llvm::Error error = bytes.verifyChecksum(address, headerBytes, what))
    return error;
  if (!llvm::isPowerOf2_64(width) || !llvm::isPowerOf2_64(startSize) || !llvm::isPowerOf2_64(maxDirect) ||
      startSize < 32 || startSize > maxDirect || maxDirect > (1u << 30) || heapBits < 1 || heapBits > 62)
    return bytes.error(address,
                       "a fractal heap: expected block sizes that are powers of two, got width {}, "
                       "blocks of {} to {} bytes, {} bits",
                       width, startSize, maxDirect, heapBits);
  offsetBytes = (heapBits + 7) / 8;
  lengthBytes = std::min((llvm::Log2_64(maxDirect) + 7) / 8, bytesFor(maxObject));
  if (idBytes < 1 + offsetBytes + lengthBytes || rootRows > 64)
    return bytes.error(address,
                       "a fractal heap: expected IDs of at least {} bytes and at most 64 rows, got {} and {}",
                       1 + offsetBytes + lengthBytes, idBytes, rootRows);
  return llvm::Error::success();
}

/// Finds the direct block that holds heap offset `base + offset` below the indirect block at `address`.
llvm::Expected<FractalHeap::Block> FractalHeap::locate(uint64_t address, uint64_t base, uint64_t rows,
                                                       uint64_t offset, unsigned depth) {
  uint64_t directRows = llvm::Log2_64(maxDirect) - llvm::Log2_64(startSize) + 2;
  uint64_t firstRow = startSize * width; // as wide as the second; then rows double
  uint64_t row = offset < firstRow ? 0 : llvm::Log2_64(offset) - llvm::Log2_64(firstRow) + 1;
  if (row >= rows || depth > maxDepth)
    return bytes.error(address, "a fractal heap: expected an offset within {} rows, got row {}", rows, row);
  uint64_t rowStart = row == 0 ? 0 : firstRow << (row - 1);
  uint64_t column = (offset - rowStart) / rowSize(row), start = rowStart + column * rowSize(row);

  uint64_t headBytes = 5 + 8 + offsetBytes, entry = row * width + column;
  llvm::Expected<Hdf5Cursor> head =
      bytes.structure(address, headBytes, "FHIB", 0, 0, "an indirect block of a heap");
  if (!head)
    return head.takeError();
  uint64_t owner = head->u64(), found = head->integer(offsetBytes);
  if (owner != header || found != base)
    return bytes.error(address, "an indirect block: expected the heap at {} and offset {}, got {} and {}",
                       header, base, owner, found);
  llvm::Expected<Hdf5Cursor> child =
      bytes.at(address + headBytes + 8 * entry, 8, "an indirect block of a heap");
  if (!child)
    return child.takeError();
  uint64_t next = child->u64();
  if (row < directRows)
    return Block{next, base + start, rowSize(row)};
  if (rowSize(row) < firstRow)
    return bytes.error(address, "a fractal heap: expected direct blocks in row {}", row);
  uint64_t childRows = llvm::Log2_64(rowSize(row)) - llvm::Log2_64(firstRow) + 1;
  return locate(next, base + start, childRows, offset - start, depth + 1);
}

llvm::Error FractalHeap::checkDirect(const Block &block) {
  constexpr llvm::StringLiteral what = "a direct block of a heap";
  uint64_t headBytes = 5 + 8 + offsetBytes;
  llvm::Expected<Hdf5Cursor> head = bytes.structure(block.address, headBytes, "FHDB", 0, 0, what);
  if (!head)
    return head.takeError();
  uint64_t owner = head->u64(), found = head->integer(offsetBytes);
  if (owner != header || found != block.offset)
    return bytes.error(block.address, "a direct block: expected the heap at {} and offset {}, got {} and {}",
                       header, block.offset, owner, found);
  if (llvm::Error error = bytes.checkRange(block.address, block.size, what))
    return error;
  if (!checksums)
    return llvm::Error::success();
  // The checksum is computed with its own field as zero.
  uint64_t at = block.address + headBytes;
  std::vector<uint8_t> copy(bytes.all().slice(block.address, block.size).vec());
  if (llvm::Error error = bytes.charge(block.size))
    return error;
  llvm::Expected<Hdf5Cursor> stored = bytes.at(at, 4, what);
  if (!stored)
    return stored.takeError();
  std::fill_n(copy.begin() + static_cast<ptrdiff_t>(headBytes), 4, 0);
  uint32_t want = hdf5Checksum(copy), got = stored->u32();
  if (want != got)
    return bytes.error(block.address, "a direct block: expected the checksum {:08x}, got {:08x}", want, got);
  return llvm::Error::success();
}

llvm::Expected<Hdf5Cursor> FractalHeap::object(Hdf5Cursor id) {
  unsigned kind = id.u8();
  if (kind & 0xf0)
    return bytes.error(id.position(),
                       "a fractal heap: expected an object in its blocks, got {}; save the file "
                       "again with h5py's own settings",
                       (kind >> 4 & 3) == 1 ? "a huge object" : "another kind");
  uint64_t offset = id.integer(offsetBytes), length = id.integer(lengthBytes);
  Block block;
  auto known = checked.upper_bound(offset);
  if (known != checked.begin() && offset - std::prev(known)->first < std::prev(known)->second.size) {
    block = std::prev(known)->second;
  } else {
    if (rootRows == 0) {
      block = {root, 0, startSize};
    } else {
      llvm::Expected<Block> found = locate(root, 0, rootRows, offset, 0);
      if (!found)
        return found.takeError();
      block = *found;
    }
    if (llvm::Error error = checkDirect(block))
      return std::move(error);
    checked[block.offset] = block;
  }
  uint64_t inside = offset - block.offset;
  if (inside > block.size || length > block.size - inside)
    return bytes.error(block.address,
                       "a fractal heap: expected an object within its block of {} bytes, got {} "
                       "bytes at {}",
                       block.size, length, inside);
  return bytes.at(block.address + inside, length, "an object of a heap");
}

/// Visits the records of a B-tree of version 2.
class RecordTree {
public:
  RecordTree(Hdf5Bytes &bytes, llvm::function_ref<llvm::Error(Hdf5Cursor)> visit)
      : bytes(bytes), visit(visit) {}
  llvm::Error run(uint64_t address, unsigned recordType);

private:
  llvm::Error readNode(uint64_t address, unsigned depth, uint64_t records);

  Hdf5Bytes &bytes;
  llvm::function_ref<llvm::Error(Hdf5Cursor)> visit;
  unsigned type = 0, recordBytes = 0, countBytes = 0;
  llvm::SmallVector<unsigned, 8> totalBytes; ///< per depth: size of the field that counts all below
};

llvm::Error RecordTree::run(uint64_t address, unsigned recordType) {
  constexpr llvm::StringLiteral what = "a version 2 B-tree";
  constexpr uint64_t headerBytes = 38;
  llvm::Expected<Hdf5Cursor> cursor = bytes.structure(address, headerBytes, "BTHD", 0, 0, what);
  if (!cursor)
    return cursor.takeError();
  type = cursor->u8();
  uint64_t nodeBytes = cursor->u32();
  recordBytes = cursor->u16();
  unsigned depth = cursor->u16();
  cursor->skip(2);
  uint64_t root = cursor->u64(), rootRecords = cursor->u16();
  if (llvm::Error error = bytes.verifyChecksum(address, headerBytes, what))
    return error;
  constexpr uint64_t overhead = 10; // signature, version, type, checksum
  if (type != recordType || recordBytes < 11 || nodeBytes < overhead + recordBytes || depth > maxDepth)
    return bytes.error(address,
                       "a version 2 B-tree: expected records of type {}, got type {}, records of {} bytes, "
                       "nodes of {} bytes, depth {}",
                       recordType, type, recordBytes, nodeBytes, depth);
  // How wide the fields of a node are follows from how many records can lie below it.
  uint64_t most = (nodeBytes - overhead) / recordBytes, below = most;
  countBytes = bytesFor(most);
  totalBytes.assign(1, 0);
  for (unsigned level = 1; level <= depth; ++level) {
    uint64_t pointer = 8 + countBytes + totalBytes.back();
    if (nodeBytes < overhead + pointer)
      return bytes.error(address, "a version 2 B-tree: expected nodes that hold a record, got {} bytes",
                         nodeBytes);
    most = (nodeBytes - overhead - pointer) / (recordBytes + pointer);
    if (llvm::MulOverflow<int64_t>(static_cast<int64_t>(most + 1), static_cast<int64_t>(below),
                                   reinterpret_cast<int64_t &>(below)))
      return bytes.error(address, "a version 2 B-tree: expected fewer than 2^63 records, got more");
    below += most;
    totalBytes.push_back(bytesFor(below));
  }
  if (root == hdf5Undefined && rootRecords == 0)
    return llvm::Error::success();
  return readNode(root, depth, rootRecords);
}

llvm::Error RecordTree::readNode(uint64_t address, unsigned depth, uint64_t records) {
  constexpr llvm::StringLiteral what = "a node of a version 2 B-tree";
  uint64_t pointer = depth ? 8 + countBytes + totalBytes[depth - 1] : 0;
  uint64_t size = 6 + records * recordBytes + (depth ? (records + 1) * pointer : 0) + 4;
  llvm::Expected<Hdf5Cursor> cursor = bytes.structure(address, size, depth ? "BTIN" : "BTLF", 0, 0, what);
  if (!cursor)
    return cursor.takeError();
  if (unsigned found = cursor->u8(); found != type)
    return bytes.error(address, "{}: expected records of type {}, got {}", what.str(), type, found);
  if (llvm::Error error = bytes.verifyChecksum(address, size, what))
    return error;
  for (uint64_t i = 0; i < records; ++i) {
    uint64_t at = cursor->position();
    if (llvm::Error error = visit(Hdf5Cursor(cursor->take(recordBytes), at)))
      return error;
  }
  for (uint64_t i = 0; depth && i <= records; ++i) {
    uint64_t child = cursor->u64(), childRecords = cursor->integer(countBytes);
    cursor->skip(totalBytes[depth - 1]);
    if (llvm::Error error = readNode(child, depth - 1, childRecords))
      return error;
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::vector<Hdf5Cursor>> vitc::readHdf5Dense(Hdf5Bytes &bytes, const Hdf5LinkInfo &info,
                                                            unsigned recordType) {
  std::vector<Hdf5Cursor> bodies;
  if (info.heap == hdf5Undefined)
    return bodies;
  FractalHeap heap(bytes);
  if (llvm::Error error = heap.open(info.heap))
    return std::move(error);
  auto visit = [&](Hdf5Cursor record) -> llvm::Error {
    if (recordType == 5)
      record.u32(); // hash of the name; attributes have it behind the ID
    uint64_t at = record.position();
    llvm::ArrayRef<uint8_t> id = record.take(heap.idBytes);
    if (record.ranOut())
      return bytes.error(at, "a heap ID: ends before its last field");
    llvm::Expected<Hdf5Cursor> body = heap.object(Hdf5Cursor(id, at));
    if (!body)
      return body.takeError();
    bodies.push_back(*body);
    return llvm::Error::success();
  };
  if (llvm::Error error = RecordTree(bytes, visit).run(info.names, recordType))
    return std::move(error);
  return bodies;
}
