//===- Pickle.h - Python pickles as data
//-----------------------------------------------------------------===//
//
// A pickle is a program for a stack machine that imports and calls what it likes. This machine calls nothing:
// it runs the container opcodes of protocol 2 (the one torch.save writes), records what would have been
// called with which arguments, and refuses a global that its caller does not list at the opcode that names
// it. Opcodes: CPython's Lib/pickletools.py.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_PICKLE_H
#define COMPILER_IMPORT_PICKLE_H

#include "compiler/Support/ByteSource.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace vitc {

/// A value, by its place in the pickle's arena. Values may be shared, and containers may contain themselves.
using PickleId = uint32_t;

struct PickleValue {
  enum Kind : uint8_t {
    None,
    Bool,
    Int,        ///< `integer`
    Other,      ///< a float, or an integer beyond 64 bits: no weight depends on them
    Text,       ///< `text`, bytes of the pickle
    Tuple,      ///< `items`
    List,       ///< `items`
    Dict,       ///< `items`: key, value, key, value, ...
    Global,     ///< `text`: "module.name"
    Object,     ///< what calling the global `text` with the tuple `arguments` would give
    Persistent, ///< what the pickle's owner keeps under the id `arguments`
  };
  Kind kind = None;
  bool hasState = false;
  PickleId arguments = 0;
  PickleId state = 0; ///< Object with `hasState`: what BUILD would hand to it
  int64_t integer = 0;
  std::string text;
  std::vector<PickleId> items; ///< also of an Object that was filled like a dictionary
};

class Pickle {
public:
  /// Runs the pickle at the start of `bytes`. `what` names it in messages. `allowed` says which globals
  /// ("collections.OrderedDict") may appear. Limits: 2^20 opcodes, 64 MiB.
  static llvm::Expected<Pickle> read(llvm::ArrayRef<uint8_t> bytes, const std::string &what,
                                     llvm::function_ref<bool(llvm::StringRef)> allowed);

  const PickleValue &operator[](PickleId id) const { return values[id]; }
  PickleId root() const { return result; }
  /// Values have the ids below this.
  PickleId count() const { return static_cast<PickleId>(values.size()); }
  /// Bytes that the pickle takes, up to and including STOP.
  size_t size() const { return length; }

private:
  friend class PickleMachine;
  std::vector<PickleValue> values;
  PickleId result = 0;
  size_t length = 0;
};

} // namespace vitc

#endif // COMPILER_IMPORT_PICKLE_H
