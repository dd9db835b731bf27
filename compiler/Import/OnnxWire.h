//===- OnnxWire.h - fields of a protobuf message ----------------------------------------------------===//
//
// The wire format of https://protobuf.dev/programming-guides/encoding as untrusted input: a cursor over bytes
// that never leaves them. There is no schema: readers switch on field numbers and skip what they do not know.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXWIRE_H
#define COMPILER_IMPORT_ONNXWIRE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <vector>

namespace vitc::onnx {

/// One field at a time:
///   for (Fields f(bytes); f.next();) switch (f.number) { case 1: use(f.text); }
///   if (f.bad()) ...   // a length beyond the message, a varint of more than 10 bytes, a group, field 0
class Fields {
public:
  explicit Fields(llvm::StringRef bytes) : rest(bytes) {}
  bool next();
  bool bad() const { return failed; }

  uint32_t number = 0;
  enum Wire { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 } wire = Varint;
  uint64_t value = 0;   ///< Varint, Fixed64, Fixed32
  llvm::StringRef text; ///< Bytes

  int64_t integer() const { return static_cast<int64_t>(value); }
  float real() const; ///< Fixed32

private:
  llvm::StringRef rest;
  bool failed = false;
};

/// Takes a varint off the front. False if there is none.
bool takeVarint(llvm::StringRef &bytes, uint64_t &value);

/// A repeated integer field, packed or not, appended to `out`; false if it is malformed or longer than
/// `limit`.
bool appendVarints(const Fields &field, size_t limit, std::vector<int64_t> &out);
/// The same for floats.
bool appendFloats(const Fields &field, size_t limit, std::vector<float> &out);

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXWIRE_H
