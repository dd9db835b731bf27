//===- Hdf5Groups.cpp - the links of a group --------------------------------------------------------===//
#include "compiler/Import/Hdf5Objects.h"
#include "compiler/Support/Json.h"

using namespace vitc;

namespace {

/// Of Linux file names too; nothing that names a layer comes near.
constexpr uint64_t maxName = 1024;
constexpr unsigned maxLevels = 16; // of a B-tree; each multiplies the links by at least 2

/// The names of a group of the first generation.
struct LocalHeap {
  uint64_t address = 0, size = 0;
};

/// Links of a group of the first generation: a B-tree whose leaves are symbol tables.
class SymbolTables {
public:
  SymbolTables(Hdf5Bytes &bytes, std::vector<Hdf5Link> &links) : bytes(bytes), links(links) {}
  llvm::Error run(Hdf5Cursor message);

private:
  llvm::Error readHeap(uint64_t address);
  llvm::Error readNode(uint64_t address, int level);
  llvm::Error readTable(uint64_t address);
  llvm::Expected<llvm::StringRef> name(uint64_t offset);

  Hdf5Bytes &bytes;
  std::vector<Hdf5Link> &links;
  LocalHeap heap;
};

llvm::Error SymbolTables::readHeap(uint64_t address) {
  llvm::Expected<Hdf5Cursor> cursor = bytes.structure(address, 32, "HEAP", 0, 0, "a local heap");
  if (!cursor)
    return cursor.takeError();
  cursor->skip(3);
  heap.size = cursor->u64();
  cursor->u64(); // free list
  heap.address = cursor->u64();
  return bytes.checkRange(heap.address, heap.size, "the data of a local heap");
}

llvm::Expected<llvm::StringRef> SymbolTables::name(uint64_t offset) {
  if (offset >= heap.size)
    return bytes.error(heap.address, "a link: expected its name within the {} bytes of the heap, got {}",
                       heap.size, offset);
  llvm::StringRef text(reinterpret_cast<const char *>(bytes.all().data()) + heap.address + offset,
                       std::min(heap.size - offset, maxName + 1));
  size_t end = text.find('\0');
  if (end == llvm::StringRef::npos)
    return bytes.error(heap.address + offset, "a link: expected a name of at most {} bytes, got more",
                       maxName);
  if (llvm::Error error = bytes.charge(end))
    return std::move(error);
  return text.take_front(end);
}

llvm::Error SymbolTables::readTable(uint64_t address) {
  constexpr uint64_t entryBytes = 40;
  llvm::Expected<Hdf5Cursor> head = bytes.structure(address, 8, "SNOD", 1, 1, "a symbol table");
  if (!head)
    return head.takeError();
  head->u8();
  uint64_t count = head->u16();
  llvm::Expected<Hdf5Cursor> entries = bytes.at(address + 8, count * entryBytes, "a symbol table");
  if (!entries)
    return entries.takeError();
  for (uint64_t i = 0; i < count; ++i) {
    llvm::Expected<llvm::StringRef> linkName = name(entries->u64());
    if (!linkName)
      return linkName.takeError();
    Hdf5Link link;
    link.name = *linkName;
    link.address = entries->u64();
    unsigned kind = entries->u32();
    entries->skip(4 + 16);
    if (kind > 1)
      return bytes.error(address, "link '{}': expected a hard link, got {}", quoteForMessage(link.name),
                         kind == 2 ? "a soft link" : fmt::format("kind {}", kind));
    links.push_back(link);
  }
  return llvm::Error::success();
}

llvm::Error SymbolTables::readNode(uint64_t address, int level) {
  llvm::Expected<Hdf5Cursor> head = bytes.at(address, 24, "a B-tree");
  if (!head)
    return head.takeError();
  if (head->text(4) != "TREE")
    return bytes.error(address, "a B-tree: expected the signature 'TREE'");
  unsigned kind = head->u8(), found = head->u8();
  uint64_t count = head->u16();
  if (kind != 0)
    return bytes.error(address, "a B-tree of a group: expected node type 0, got {}", kind);
  if (level >= 0 ? found != static_cast<unsigned>(level) : found > maxLevels)
    return bytes.error(address, "a B-tree: expected level {}, got {}",
                       level >= 0 ? fmt::format("{}", level) : fmt::format("0 to {}", maxLevels), found);
  llvm::Expected<Hdf5Cursor> body = bytes.at(address + 24, 16 * count, "a B-tree");
  if (!body)
    return body.takeError();
  for (uint64_t i = 0; i < count; ++i) {
    body->u64(); // the key: which names follow
    uint64_t child = body->u64();
    if (llvm::Error error = found ? readNode(child, static_cast<int>(found) - 1) : readTable(child))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error SymbolTables::run(Hdf5Cursor message) {
  uint64_t tree = message.u64(), heapAddress = message.u64();
  if (message.ranOut())
    return bytes.error(message.position(), "a symbol table message: ends before its last field");
  if (llvm::Error error = readHeap(heapAddress))
    return error;
  return readNode(tree, -1);
}

} // namespace

llvm::Expected<std::vector<Hdf5Link>> vitc::readHdf5Links(Hdf5Bytes &bytes,
                                                          llvm::ArrayRef<Hdf5Message> messages) {
  std::vector<Hdf5Link> links;
  auto add = [&](Hdf5Cursor body) -> llvm::Error {
    llvm::Expected<Hdf5Link> link = readHdf5Link(bytes, body);
    if (!link)
      return link.takeError();
    links.push_back(*link);
    return llvm::Error::success();
  };
  for (const Hdf5Message &message : messages) {
    if (message.type == Hdf5Message::SymbolTable)
      if (llvm::Error error = SymbolTables(bytes, links).run(message.body))
        return std::move(error);
    if (message.type == Hdf5Message::Link)
      if (llvm::Error error = add(message.body))
        return std::move(error);
    if (message.type == Hdf5Message::LinkInfo) {
      llvm::Expected<Hdf5LinkInfo> info = readHdf5LinkInfo(bytes, message.body);
      if (!info)
        return info.takeError();
      llvm::Expected<std::vector<Hdf5Cursor>> bodies = readHdf5Dense(bytes, *info, 5);
      if (!bodies)
        return bodies.takeError();
      for (const Hdf5Cursor &body : *bodies)
        if (llvm::Error error = add(body))
          return std::move(error);
    }
  }
  for (const Hdf5Link &link : links)
    if (link.name.empty() || link.name.size() > maxName || link.name.contains('/') ||
        link.name.contains('\0') || link.name == ".")
      return bytes.error(link.address, "a link: expected a name of 1 to {} bytes without '/', got '{}'",
                         maxName, quoteForMessage(link.name));
  return links;
}
