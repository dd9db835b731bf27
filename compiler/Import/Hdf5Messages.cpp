#include "compiler/Import/Hdf5Messages.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace vitc;

namespace {

constexpr unsigned maxRank = 32; // of the format

llvm::Error endsEarly(const Hdf5Bytes &bytes, const Hdf5Cursor &body, llvm::StringRef what) {
  return bytes.error(body.position(), "{}: ends before its last field", what.str());
}

llvm::Error badVersion(const Hdf5Bytes &bytes, const Hdf5Cursor &body, llvm::StringRef what,
                       llvm::StringRef expected, unsigned got) {
  return bytes.error(body.position(), "{}: expected version {}, got {}", what.str(), expected.str(), got);
}

} // namespace

llvm::Expected<Hdf5Space> vitc::readHdf5Space(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  constexpr llvm::StringLiteral what = "a dataspace";
  unsigned version = body.u8(), rank = body.u8();
  body.u8(); // whether maximum sizes follow: what can grow later has its present size all the same
  unsigned kind = body.u8();
  if (version == 1) {
    body.skip(4);
    kind = rank ? 1 : 0;
  } else if (version != 2) {
    return badVersion(bytes, body, what, "1 or 2", version);
  }
  if (kind > 1)
    return bytes.error(body.position(), "a dataspace: expected a scalar or an array, got {}",
                       kind == 2 ? "an empty dataspace" : "another kind");
  if (rank > maxRank)
    return bytes.error(body.position(), "a dataspace: expected at most {} dimensions, got {}", maxRank, rank);
  Hdf5Space space;
  for (unsigned i = 0; i < rank; ++i) {
    uint64_t extent = body.u64();
    space.extents.push_back(extent);
    if (extent > INT64_MAX ||
        llvm::MulOverflow<int64_t>(static_cast<int64_t>(space.elements), static_cast<int64_t>(extent),
                                   reinterpret_cast<int64_t &>(space.elements)))
      return bytes.error(body.position(), "a dataspace: expected fewer than 2^63 elements, got more");
  }
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  return space;
}

llvm::Expected<Hdf5Type> vitc::readHdf5Type(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  constexpr llvm::StringLiteral what = "a datatype";
  unsigned first = body.u8();
  unsigned kind = first & 15, version = first >> 4;
  uint64_t flags = body.integer(3);
  Hdf5Type type;
  type.size = body.u32();
  if (version < 1 || version > 5)
    return badVersion(bytes, body, what, "1 to 5", version);
  if (type.size == 0)
    return bytes.error(body.position(), "a datatype: expected a size of at least one byte, got 0");
  switch (kind) {
  case 0: { // integer
    unsigned offset = body.u16(), precision = body.u16();
    bool plain = offset == 0 && precision == 8 * type.size &&
                 llvm::is_contained({1u, 2u, 4u, 8u}, static_cast<unsigned>(type.size));
    if (plain)
      type.kind = flags & 8 ? Hdf5Type::SignedInteger : Hdf5Type::UnsignedInteger;
    type.bigEndian = flags & 1;
    break;
  }
  case 1: { // floating point
    unsigned offset = body.u16(), precision = body.u16(), exponentAt = body.u8(), exponentBits = body.u8(),
             mantissaAt = body.u8(), mantissaBits = body.u8();
    uint32_t bias = body.u32();
    unsigned sign = flags >> 8 & 0xff, normalisation = flags >> 4 & 3;
    bool regular = offset == 0 && precision == 8 * type.size && mantissaAt == 0 &&
                   exponentAt == mantissaBits && sign + 1 == precision && normalisation == 2 &&
                   !(flags & 0x40) && exponentBits + mantissaBits + 1 == precision &&
                   bias == (1u << (exponentBits % 32) >> 1) - 1;
    bool brain = regular && type.size == 2 && exponentBits == 8;
    bool ieee = regular && ((type.size == 2 && exponentBits == 5) || (type.size == 4 && exponentBits == 8) ||
                            (type.size == 8 && exponentBits == 11));
    type.kind = brain ? Hdf5Type::BFloat16 : ieee ? Hdf5Type::Float : Hdf5Type::Other;
    type.bigEndian = flags & 1;
    break;
  }
  case 3: // text
    type.kind = Hdf5Type::FixedText;
    type.padding = flags & 15;
    break;
  case 5:
    type.kind = Hdf5Type::Opaque;
    break;
  case 8: { // enumeration: the integer type comes first
    llvm::Expected<Hdf5Type> base = readHdf5Type(bytes, body);
    if (!base)
      return base.takeError();
    bool integer = base->kind == Hdf5Type::SignedInteger || base->kind == Hdf5Type::UnsignedInteger;
    if (integer && base->size == type.size)
      type = *base;
    break;
  }
  case 9: // variable length
    if ((flags & 15) == 1 && type.size == 16)
      type.kind = Hdf5Type::VariableText;
    break;
  default:
    break;
  }
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  return type;
}

/// Version 4: the kinds of chunk index.
static llvm::Error readChunkIndex(const Hdf5Bytes &bytes, Hdf5Cursor &body, uint8_t flags,
                                  Hdf5Layout &layout) {
  unsigned kind = body.u8();
  switch (kind) {
  case 1:
    layout.kind = Hdf5Layout::SingleChunk;
    if (flags & 2) {
      layout.bytes = body.u64();
      layout.filterMask = body.u32();
    }
    break;
  case 2:
    layout.kind = Hdf5Layout::ImplicitChunks;
    break;
  case 3:
    layout.kind = Hdf5Layout::FixedArray;
    body.u8(); // repeated in the array
    break;
  default:
    return bytes.error(
        body.position(),
        "chunks: expected an index of kind single chunk, implicit or fixed array, got {}; save "
        "the file again without resizable datasets",
        kind == 4   ? "an extensible array"
        : kind == 5 ? "a version 2 B-tree"
                    : fmt::format("kind {}", kind));
  }
  layout.address = body.u64();
  return llvm::Error::success();
}

llvm::Expected<Hdf5Layout> vitc::readHdf5Layout(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  constexpr llvm::StringLiteral what = "a data layout";
  unsigned version = body.u8();
  if (version < 3 || version > 5) // 5 differs from 4 in how large chunks may be
    return badVersion(bytes, body, what, "3 to 5", version);
  unsigned kind = body.u8();
  Hdf5Layout layout;
  if (kind == 0) {
    layout.kind = Hdf5Layout::Compact;
    layout.bytes = body.u16();
    layout.address = body.position();
    body.skip(layout.bytes);
  } else if (kind == 1) {
    layout.address = body.u64();
    layout.bytes = body.u64();
  } else if (kind == 2) {
    uint8_t flags = version > 3 ? body.u8() : 0;
    unsigned rank = body.u8(), extentBytes = version > 3 ? 0 : 4;
    uint64_t tree = hdf5Undefined;
    if (version > 3)
      extentBytes = body.u8();
    else
      tree = body.u64();
    // One more than the dataset's: the last is the size of an element.
    if (rank < 2 || rank > maxRank + 1 || extentBytes < 1 || extentBytes > 8)
      return bytes.error(body.position(),
                         "chunks: expected 1 to {} dimensions of 1 to 8 bytes, got {} of {} bytes", maxRank,
                         int(rank) - 1, extentBytes);
    for (unsigned i = 0; i + 1 < rank; ++i) {
      layout.chunk.push_back(body.integer(extentBytes));
      if (layout.chunk.back() == 0 && !body.ranOut())
        return bytes.error(body.position(), "chunks: expected extents of at least 1, got 0");
    }
    layout.elementBytes = static_cast<uint32_t>(body.integer(extentBytes));
    layout.rawEdges = flags & 1;
    layout.kind = Hdf5Layout::ChunkTree;
    layout.address = tree;
    if (version > 3)
      if (llvm::Error error = readChunkIndex(bytes, body, flags, layout))
        return std::move(error);
  } else {
    return bytes.error(body.position(), "a dataset: expected compact, contiguous or chunked storage, got {}",
                       kind == 3 ? "a virtual dataset" : fmt::format("kind {}", kind));
  }
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  return layout;
}

llvm::Expected<llvm::SmallVector<Hdf5Filter, 2>> vitc::readHdf5Filters(const Hdf5Bytes &bytes,
                                                                       Hdf5Cursor body) {
  constexpr llvm::StringLiteral what = "a filter pipeline";
  unsigned version = body.u8(), count = body.u8();
  if (version != 1 && version != 2)
    return badVersion(bytes, body, what, "1 or 2", version);
  if (version == 1)
    body.skip(6);
  llvm::SmallVector<Hdf5Filter, 2> filters;
  for (unsigned i = 0; i < count; ++i) {
    unsigned id = body.u16();
    uint64_t nameBytes = version == 1 || id >= 256 ? body.u16() : 0;
    body.u16(); // whether the filter is optional: it was applied all the same
    unsigned values = body.u16();
    std::string name = body.text(nameBytes).take_until([](char c) { return c == '\0'; }).str();
    if (version == 1)
      body.padTo8(nameBytes);
    uint32_t firstValue = values ? body.u32() : 0;
    for (unsigned j = 1; j < values && !body.ranOut(); ++j)
      body.u32();
    if (version == 1 && values % 2)
      body.skip(4);
    if (body.ranOut())
      return endsEarly(bytes, body, what);
    if (id != Hdf5Filter::Deflate && id != Hdf5Filter::Shuffle)
      return bytes.error(body.position(),
                         "a filter pipeline: expected the filters deflate and shuffle, got number {}{}; save "
                         "the file again with compression='gzip' or none",
                         id, name.empty() ? "" : " ('" + quoteForMessage(name) + "')");
    auto kind = static_cast<Hdf5Filter::Kind>(id);
    if (llvm::any_of(filters, [&](const Hdf5Filter &other) { return other.kind == kind; }))
      return bytes.error(body.position(), "a filter pipeline: expected every filter once, got a second {}",
                         kind == Hdf5Filter::Deflate ? "deflate" : "shuffle");
    if (kind == Hdf5Filter::Shuffle && firstValue == 0)
      return bytes.error(body.position(), "a filter pipeline: expected an element size for shuffle, got 0");
    filters.push_back({kind, firstValue});
  }
  return filters;
}

llvm::Expected<Hdf5Link> vitc::readHdf5Link(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  constexpr llvm::StringLiteral what = "a link";
  unsigned version = body.u8(), flags = body.u8();
  if (version != 1)
    return badVersion(bytes, body, what, "1", version);
  unsigned kind = flags & 8 ? body.u8() : 0;
  if (flags & 4)
    body.skip(8); // creation order
  if (flags & 16)
    body.u8(); // ASCII or UTF-8
  Hdf5Link link;
  link.name = body.text(body.integer(1u << (flags & 3)));
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  if (kind != 0)
    return bytes.error(body.position(), "link '{}': expected a hard link, got {}", quoteForMessage(link.name),
                       kind == 1    ? "a soft link"
                       : kind == 64 ? "an external link"
                                    : "a user-defined link");
  link.address = body.u64();
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  return link;
}

/// Link info and attribute info have the same fields but for the size of the creation index.
static llvm::Expected<Hdf5LinkInfo> readInfo(const Hdf5Bytes &bytes, Hdf5Cursor body, unsigned indexBytes,
                                             llvm::StringRef what) {
  unsigned version = body.u8(), flags = body.u8();
  if (version != 0)
    return badVersion(bytes, body, what, "0", version);
  if (flags & 1)
    body.skip(indexBytes);
  Hdf5LinkInfo info;
  info.heap = body.u64();
  info.names = body.u64();
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  return info;
}

llvm::Expected<Hdf5LinkInfo> vitc::readHdf5LinkInfo(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  return readInfo(bytes, body, 8, "link info");
}

llvm::Expected<Hdf5LinkInfo> vitc::readHdf5AttributeInfo(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  return readInfo(bytes, body, 2, "attribute info");
}

llvm::Expected<Hdf5Attribute> vitc::readHdf5Attribute(const Hdf5Bytes &bytes, Hdf5Cursor body) {
  constexpr llvm::StringLiteral what = "an attribute";
  unsigned version = body.u8(), flags = body.u8();
  if (version < 1 || version > 3)
    return badVersion(bytes, body, what, "1 to 3", version);
  uint64_t nameBytes = body.u16(), typeBytes = body.u16(), spaceBytes = body.u16();
  if (version == 3)
    body.u8(); // ASCII or UTF-8
  Hdf5Attribute attribute;
  attribute.name = body.text(nameBytes).take_until([](char c) { return c == '\0'; });
  auto part = [&](uint64_t size) {
    uint64_t address = body.position();
    Hdf5Cursor result(body.take(size), address);
    if (version == 1)
      body.padTo8(size);
    return result;
  };
  if (version == 1)
    body.padTo8(nameBytes);
  attribute.type = part(typeBytes);
  attribute.space = part(spaceBytes);
  uint64_t dataAt = body.position();
  attribute.data = Hdf5Cursor(body.take(body.left()), dataAt);
  if (body.ranOut())
    return endsEarly(bytes, body, what);
  if (version > 1 && (flags & 3))
    return bytes.error(body.position(), "attribute '{}': expected its own datatype, got a committed one",
                       quoteForMessage(attribute.name));
  return attribute;
}
