//===- Hdf5Messages.h - the messages of an HDF5 object header ---------------------------------------===//
//
// Each function reads the body of one kind of message (HDF5 file format specification, version 3.0, section
// IV.A.2). What Keras and h5py do not write is refused by name.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_HDF5MESSAGES_H
#define COMPILER_IMPORT_HDF5MESSAGES_H

#include "compiler/Import/Hdf5Bytes.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace vitc {

struct Hdf5Message {
  enum Type : uint8_t {
    Dataspace = 0x01,
    LinkInfo = 0x02,
    Datatype = 0x03,
    Link = 0x06,
    ExternalFiles = 0x07,
    Layout = 0x08,
    Filters = 0x0b,
    Attribute = 0x0c,
    Continuation = 0x10,
    SymbolTable = 0x11,
    AttributeInfo = 0x15,
  };
  uint8_t type = 0;
  Hdf5Cursor body;
};

/// Element type of a dataset or an attribute.
struct Hdf5Type {
  enum Kind {
    Float,         ///< IEEE, of 2, 4 or 8 bytes
    BFloat16,      ///< as HDF5's float type of that shape; older files mark an opaque type by an attribute
    SignedInteger, ///< also enumerations of integers, which is how h5py stores booleans
    UnsignedInteger,
    FixedText,    ///< padded to `size` bytes
    VariableText, ///< length and a reference into a global heap, 16 bytes
    Opaque,
    Other, ///< nothing that a weight or its name can be
  };
  Kind kind = Other;
  uint32_t size = 0; ///< bytes of one element
  bool bigEndian = false;
  uint8_t padding = 0; ///< FixedText: 0 ends at the first NUL, 1 padded with NULs, 2 padded with blanks
};

/// Extents of a dataset or an attribute; none for a scalar.
struct Hdf5Space {
  llvm::SmallVector<uint64_t, 4> extents;
  uint64_t elements = 1;
};

struct Hdf5Layout {
  enum Kind { Compact, Contiguous, ChunkTree, SingleChunk, ImplicitChunks, FixedArray };
  Kind kind = Contiguous;
  uint64_t address = hdf5Undefined;     ///< of the data, or of the index of the chunks
  uint64_t bytes = 0;                   ///< Compact, Contiguous; SingleChunk: stored size when filtered
  uint32_t filterMask = 0;              ///< SingleChunk: filters that were left out
  llvm::SmallVector<uint64_t, 4> chunk; ///< elements of a chunk in each dimension
  uint32_t elementBytes = 0;            ///< as the chunked layouts repeat it
  bool rawEdges = false;                ///< chunks that reach beyond the extents are not filtered
};

struct Hdf5Filter {
  enum Kind { Deflate = 1, Shuffle = 2 };
  Kind kind;
  uint32_t elementBytes = 0; ///< Shuffle
};

struct Hdf5LinkInfo {
  uint64_t heap = hdf5Undefined, names = hdf5Undefined; ///< undefined while all links are messages
};

struct Hdf5Link {
  llvm::StringRef name;
  uint64_t address = 0; ///< of the object's header
};

struct Hdf5Attribute {
  llvm::StringRef name;
  Hdf5Cursor type, space, data;
};

llvm::Expected<Hdf5Space> readHdf5Space(const Hdf5Bytes &bytes, Hdf5Cursor body);
llvm::Expected<Hdf5Type> readHdf5Type(const Hdf5Bytes &bytes, Hdf5Cursor body);
llvm::Expected<Hdf5Layout> readHdf5Layout(const Hdf5Bytes &bytes, Hdf5Cursor body);
/// In the order of writing.
llvm::Expected<llvm::SmallVector<Hdf5Filter, 2>> readHdf5Filters(const Hdf5Bytes &bytes, Hdf5Cursor body);
llvm::Expected<Hdf5Link> readHdf5Link(const Hdf5Bytes &bytes, Hdf5Cursor body);
llvm::Expected<Hdf5LinkInfo> readHdf5LinkInfo(const Hdf5Bytes &bytes, Hdf5Cursor body);
llvm::Expected<Hdf5LinkInfo> readHdf5AttributeInfo(const Hdf5Bytes &bytes, Hdf5Cursor body);
llvm::Expected<Hdf5Attribute> readHdf5Attribute(const Hdf5Bytes &bytes, Hdf5Cursor body);

} // namespace vitc

#endif // COMPILER_IMPORT_HDF5MESSAGES_H
