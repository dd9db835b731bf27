//===- Hdf5Objects.h - superblock, object headers, groups -------------------------------------------===//
//
// From the superblock to the object headers and the links between them, in both generations of the format:
// symbol tables with B-trees of version 1 (what h5py writes by default), and link messages with fractal heaps
// and B-trees of version 2 (libver='latest').
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_HDF5OBJECTS_H
#define COMPILER_IMPORT_HDF5OBJECTS_H

#include "compiler/Import/Hdf5Messages.h"
#include <vector>

namespace vitc {

/// Checks the superblock and returns the address of the root group's header. The file may be longer than the
/// superblock says, but not shorter.
llvm::Expected<uint64_t> readHdf5Superblock(Hdf5Bytes &bytes);

/// The messages of the object header at `address` (those that mean something, in the file's order).
llvm::Expected<std::vector<Hdf5Message>> readHdf5Object(Hdf5Bytes &bytes, uint64_t address);

/// The message of that type, if there is one.
const Hdf5Message *findHdf5Message(llvm::ArrayRef<Hdf5Message> messages, Hdf5Message::Type type);

/// The links of the group that has these messages.
llvm::Expected<std::vector<Hdf5Link>> readHdf5Links(Hdf5Bytes &bytes, llvm::ArrayRef<Hdf5Message> messages);

/// The bodies of the messages that a fractal heap holds, indexed by a version 2 B-tree of names: links (5) or
/// attributes (8).
llvm::Expected<std::vector<Hdf5Cursor>> readHdf5Dense(Hdf5Bytes &bytes, const Hdf5LinkInfo &info,
                                                      unsigned recordType);

} // namespace vitc

#endif // COMPILER_IMPORT_HDF5OBJECTS_H
