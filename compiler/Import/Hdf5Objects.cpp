//===- Hdf5Objects.cpp - superblock and object headers ----------------------------------------------===//
#include "compiler/Import/Hdf5Objects.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

constexpr llvm::StringLiteral signature("\x89HDF\r\n\x1a\n");

/// What both generations of the superblock say.
struct Superblock {
  uint64_t base = 0, end = 0, root = 0;
};

llvm::Error readOldSuperblock(Hdf5Bytes &bytes, Hdf5Cursor cursor, unsigned version, Superblock &block) {
  cursor.skip(4); // versions of the free space, the root entry, and shared messages
  unsigned offsets = cursor.u8(), lengths = cursor.u8();
  if (offsets != 8 || lengths != 8)
    return bytes.error(8, "expected addresses and lengths of 8 bytes, got {} and {}", offsets, lengths);
  cursor.skip(1 + 4 + 4); // node sizes of groups, flags
  if (version == 1)
    cursor.skip(4);
  block.base = cursor.u64();
  cursor.u64(); // free space
  block.end = cursor.u64();
  uint64_t driver = cursor.u64();
  if (driver != hdf5Undefined)
    return bytes.error(8, "expected one file, got a driver block: the file is a part of several");
  cursor.u64(); // the root's name
  block.root = cursor.u64();
  return llvm::Error::success();
}

llvm::Error readNewSuperblock(Hdf5Bytes &bytes, Hdf5Cursor cursor, Superblock &block) {
  unsigned offsets = cursor.u8(), lengths = cursor.u8();
  if (offsets != 8 || lengths != 8)
    return bytes.error(8, "expected addresses and lengths of 8 bytes, got {} and {}", offsets, lengths);
  cursor.u8();
  block.base = cursor.u64();
  uint64_t extension = cursor.u64();
  block.end = cursor.u64();
  block.root = cursor.u64();
  if (extension != hdf5Undefined)
    return bytes.error(8, "expected no superblock extension, got one; save the file again with h5py's own "
                          "settings");
  return bytes.verifyChecksum(0, 48, "the superblock");
}

/// Types that change what an object is, and that this reader does not know.
const char *refusedMessage(unsigned type) {
  switch (type) {
  case Hdf5Message::ExternalFiles:
    return "data in external files";
  case 0x09:
    return "a message of the type 'bogus'";
  case 0x0f:
    return "a table of shared messages";
  default:
    return nullptr;
  }
}

bool isWanted(unsigned type) {
  switch (type) {
  case Hdf5Message::Dataspace:
  case Hdf5Message::LinkInfo:
  case Hdf5Message::Datatype:
  case Hdf5Message::Link:
  case Hdf5Message::Layout:
  case Hdf5Message::Filters:
  case Hdf5Message::Attribute:
  case Hdf5Message::SymbolTable:
  case Hdf5Message::AttributeInfo:
    return true;
  default:
    return false;
  }
}

/// Reads one object header, piece by piece: continuation messages name further ones.
class HeaderReader {
public:
  HeaderReader(Hdf5Bytes &bytes, uint64_t address) : bytes(bytes), address(address) {}
  llvm::Expected<std::vector<Hdf5Message>> run();

private:
  struct Piece {
    uint64_t address, size;
  };
  llvm::Error readOld();
  llvm::Error readNew();
  llvm::Error readMessages(Hdf5Cursor piece);
  llvm::Error keep(unsigned type, unsigned flags, Hdf5Cursor body);

  Hdf5Bytes &bytes;
  uint64_t address;
  bool isNew = false, ordered = false; ///< ordered: messages carry their order of creation
  std::vector<Piece> pending;
  std::vector<Hdf5Message> messages;
  uint64_t count = 0;
};

llvm::Error HeaderReader::keep(unsigned type, unsigned flags, Hdf5Cursor body) {
  ++count;
  if (const char *refused = refusedMessage(type))
    return bytes.error(body.position(), "an object: expected a plain group or dataset, got {}", refused);
  if (type == Hdf5Message::Continuation) {
    uint64_t next = body.u64(), size = body.u64();
    if (body.ranOut())
      return bytes.error(body.position(), "a continuation: ends before its last field");
    pending.push_back({next, size});
    return llvm::Error::success();
  }
  if (type > 0x18 && (flags & 0x80))
    return bytes.error(body.position(), "an object: expected messages of known types, got type {}", type);
  if (!isWanted(type))
    return llvm::Error::success();
  if (flags & 2)
    return bytes.error(body.position(),
                       "an object: expected its own {}, got one that several objects share (a committed "
                       "datatype); save the file again with h5py's own settings",
                       type == Hdf5Message::Datatype ? "datatype" : "messages");
  Hdf5Message message;
  message.type = static_cast<uint8_t>(type);
  message.body = body;
  messages.push_back(message);
  return llvm::Error::success();
}

llvm::Error HeaderReader::readMessages(Hdf5Cursor piece) {
  uint64_t prefix = isNew ? (ordered ? 6 : 4) : 8;
  while (piece.left() >= prefix) {
    unsigned type, flags;
    uint64_t size;
    if (isNew) {
      type = piece.u8();
      size = piece.u16();
      flags = piece.u8();
      if (ordered)
        piece.u16();
    } else {
      type = piece.u16();
      size = piece.u16();
      flags = piece.u8();
      piece.skip(3);
    }
    uint64_t at = piece.position();
    if (size > piece.left())
      return bytes.error(at, "a message: expected at most the {} bytes that are left of its header, got {}",
                         piece.left(), size);
    if (llvm::Error error = keep(type, flags, Hdf5Cursor(piece.take(size), at)))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error HeaderReader::readOld() {
  llvm::Expected<Hdf5Cursor> prefix = bytes.at(address, 16, "an object header");
  if (!prefix)
    return prefix.takeError();
  unsigned version = prefix->u8();
  if (version != 1)
    return bytes.error(address, "an object header: expected version 1 or 2, got {}", version);
  prefix->u8();
  uint64_t declared = prefix->u16();
  prefix->u32(); // references
  pending.push_back({address + 16, prefix->u32()});
  for (size_t i = 0; i < pending.size(); ++i) {
    llvm::Expected<Hdf5Cursor> piece = bytes.at(pending[i].address, pending[i].size, "an object header");
    if (!piece)
      return piece.takeError();
    if (llvm::Error error = readMessages(*piece))
      return error;
  }
  if (count < declared)
    return bytes.error(address, "an object header: expected {} messages, got {}", declared, count);
  return llvm::Error::success();
}

llvm::Error HeaderReader::readNew() {
  isNew = true;
  llvm::Expected<Hdf5Cursor> start = bytes.structure(address, 6, "OHDR", 2, 2, "an object header");
  if (!start)
    return start.takeError();
  unsigned flags = start->u8();
  ordered = flags & 4;
  uint64_t times = flags & 32 ? 16 : 0, limits = flags & 16 ? 4 : 0;
  unsigned sizeBytes = 1u << (flags & 3);
  llvm::Expected<Hdf5Cursor> sizes = bytes.at(address + 6, times + limits + sizeBytes, "an object header");
  if (!sizes)
    return sizes.takeError();
  sizes->skip(times + limits);
  uint64_t size = sizes->integer(sizeBytes), prefix = 6 + times + limits + sizeBytes;
  if (llvm::Error error = bytes.checkRange(address + prefix, size, "an object header"))
    return error;
  if (llvm::Error error = bytes.verifyChecksum(address, prefix + size + 4, "an object header"))
    return error;
  llvm::Expected<Hdf5Cursor> first = bytes.at(address + prefix, size, "an object header");
  if (!first)
    return first.takeError();
  if (llvm::Error error = readMessages(*first))
    return error;
  for (size_t i = 0; i < pending.size(); ++i) {
    auto [at, pieceBytes] = pending[i];
    if (pieceBytes < 8)
      return bytes.error(at, "a continuation: expected at least 8 bytes, got {}", pieceBytes);
    llvm::Expected<Hdf5Cursor> piece = bytes.at(at, pieceBytes, "a continuation");
    if (!piece)
      return piece.takeError();
    if (piece->text(4) != "OCHK")
      return bytes.error(at, "a continuation: expected the signature 'OCHK'");
    if (llvm::Error error = bytes.verifyChecksum(at, pieceBytes, "a continuation"))
      return error;
    if (llvm::Error error = readMessages(Hdf5Cursor(piece->take(pieceBytes - 8), at + 4)))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<Hdf5Message>> HeaderReader::run() {
  llvm::Expected<Hdf5Cursor> start = bytes.at(address, 4, "an object header");
  if (!start)
    return start.takeError();
  if (llvm::Error error = start->text(4) == "OHDR" ? readNew() : readOld())
    return std::move(error);
  return std::move(messages);
}

} // namespace

llvm::Expected<uint64_t> vitc::readHdf5Superblock(Hdf5Bytes &bytes) {
  constexpr uint64_t smallest = 48; // version 2; versions 0 and 1 need 96 and 100
  llvm::StringRef start(reinterpret_cast<const char *>(bytes.all().data()),
                        std::min<uint64_t>(bytes.size(), signature.size()));
  if (start != signature)
    return bytes.error(0, "expected the signature of HDF5 at the start of the file");
  llvm::Expected<Hdf5Cursor> cursor = bytes.at(0, std::min<uint64_t>(bytes.size(), 100), "the superblock");
  if (!cursor)
    return cursor.takeError();
  cursor->skip(signature.size());
  unsigned version = cursor->u8();
  if (version > 3)
    return bytes.error(8, "the superblock: expected version 0 to 3, got {}", version);
  if (bytes.size() < (version < 2 ? 96 + 4 * version : smallest))
    return bytes.error(8, "the superblock: ends before its last field; the file is truncated");
  Superblock block;
  if (llvm::Error error = version < 2 ? readOldSuperblock(bytes, *cursor, version, block)
                                      : readNewSuperblock(bytes, *cursor, block))
    return std::move(error);
  if (block.base != 0)
    return bytes.error(8, "the superblock: expected a base address of 0, got {}", block.base);
  if (block.end > bytes.size())
    return bytes.error(8,
                       "the superblock: expected a file of at least {} bytes, got {}; the file is truncated",
                       block.end, bytes.size());
  return block.root;
}

llvm::Expected<std::vector<Hdf5Message>> vitc::readHdf5Object(Hdf5Bytes &bytes, uint64_t address) {
  return HeaderReader(bytes, address).run();
}

const Hdf5Message *vitc::findHdf5Message(llvm::ArrayRef<Hdf5Message> messages, Hdf5Message::Type type) {
  auto it = llvm::find_if(messages, [&](const Hdf5Message &message) { return message.type == type; });
  return it == messages.end() ? nullptr : it;
}
