#include "compiler/Import/OnnxWire.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"

using namespace vitc;
using namespace vitc::onnx;

bool onnx::takeVarint(llvm::StringRef &bytes, uint64_t &value) {
  value = 0;
  for (unsigned i = 0; i < 10 && i < bytes.size(); ++i) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 9 && byte > 1)
      return false;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) {
      bytes = bytes.drop_front(i + 1);
      return true;
    }
  }
  return false;
}

bool Fields::next() {
  if (failed || rest.empty())
    return false;
  failed = true; // until the field has been read
  uint64_t key;
  if (!takeVarint(rest, key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
    return false;
  number = static_cast<uint32_t>(key >> 3);
  switch (key & 7) {
  case Varint:
    if (!takeVarint(rest, value))
      return false;
    break;
  case Fixed64:
    if (rest.size() < 8)
      return false;
    value = llvm::support::endian::read64le(rest.data());
    rest = rest.drop_front(8);
    break;
  case Fixed32:
    if (rest.size() < 4)
      return false;
    value = llvm::support::endian::read32le(rest.data());
    rest = rest.drop_front(4);
    break;
  case Bytes: {
    uint64_t length;
    if (!takeVarint(rest, length) || length > rest.size())
      return false;
    text = rest.take_front(length);
    rest = rest.drop_front(length);
    break;
  }
  default: // groups, which ONNX does not use
    return false;
  }
  wire = static_cast<Wire>(key & 7);
  failed = false;
  return true;
}

float Fields::real() const { return llvm::bit_cast<float>(static_cast<uint32_t>(value)); }

bool onnx::appendVarints(const Fields &field, size_t limit, std::vector<int64_t> &out) {
  if (field.wire == Fields::Varint) {
    if (out.size() >= limit)
      return false;
    out.push_back(field.integer());
    return true;
  }
  if (field.wire != Fields::Bytes)
    return false;
  llvm::StringRef packed = field.text;
  while (!packed.empty()) {
    uint64_t value;
    if (out.size() >= limit || !takeVarint(packed, value))
      return false;
    out.push_back(static_cast<int64_t>(value));
  }
  return true;
}

bool onnx::appendFloats(const Fields &field, size_t limit, std::vector<float> &out) {
  if (field.wire == Fields::Fixed32) {
    if (out.size() >= limit)
      return false;
    out.push_back(field.real());
    return true;
  }
  if (field.wire != Fields::Bytes || field.text.size() % 4 || field.text.size() / 4 > limit - out.size())
    return false;
  for (size_t i = 0; i < field.text.size(); i += 4)
    out.push_back(llvm::bit_cast<float>(llvm::support::endian::read32le(field.text.data() + i)));
  return true;
}
