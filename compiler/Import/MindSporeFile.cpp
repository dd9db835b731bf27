//===- MindSporeFile.cpp - checkpoints of mindspore.save_checkpoint ----------------------------------===//
//
// A protobuf message (mindspore/ccsrc/utils/checkpoint.proto, proto2), read as a stream because protobuf's
// own objects end at 2 GiB:
//   Checkpoint { repeated Value value = 1; }
//   Value { required string tag = 1; required TensorProto tensor = 2; }
//   TensorProto { repeated int64 dims = 1; required string tensor_type = 2; required bytes tensor_content =
//   3; }
// Arrays above 512 MiB are spread over consecutive values of one tag.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Containers.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <optional>

using namespace vitc;

namespace {

constexpr std::pair<const char *, const char *> tensorTypes[] = {
    {"Float64", "F64"}, {"Float32", "F32"}, {"Float16", "F16"}, {"BFloat16", "BF16"}, {"Int64", "I64"},
    {"Int32", "I32"},   {"Int16", "I16"},   {"Int8", "I8"},     {"UInt64", "U64"},    {"UInt32", "U32"},
    {"UInt16", "U16"},  {"UInt8", "U8"},    {"Uint64", "U64"},  {"Uint32", "U32"},    {"Uint16", "U16"},
    {"Uint8", "U8"},    {"Bool", "BOOL"},
};

/// A range of the file.
struct Range {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

/// One field of a message: a length-delimited range, or a varint.
struct Field {
  uint64_t number = 0;
  bool isRange = false;
  Range range;
  uint64_t value = 0;
};

struct Value {
  std::string tag, type;
  llvm::SmallVector<int64_t, 4> dims;
  std::vector<Range> contents; ///< one range, or the parts of a large array
};

class CheckpointReader {
public:
  CheckpointReader(std::shared_ptr<const ByteSource> file, WeightStore &store)
      : file(std::move(file)), bytes(this->file->bytes()), text(this->file->text()), path(this->file->path()),
        store(store) {}
  llvm::Error run();

private:
  template <typename... Args>
  llvm::Error damaged(uint64_t at, fmt::format_string<Args...> format, Args &&...args) const {
    return inputError("{}: the MindSpore checkpoint is damaged at byte {}: {}", path, at,
                      fmt::format(format, std::forward<Args>(args)...));
  }
  llvm::Expected<uint64_t> varint(Range &rest);
  llvm::Expected<Field> field(Range &rest);
  llvm::Error readValue(Range message, Value &value);
  llvm::Error readTensor(Range message, Value &value);
  llvm::Error readDims(const Field &field, Value &value);
  llvm::Error add(const Value &value);
  std::string string(Range range) const { return text.substr(range.begin, range.size()).str(); }

  std::shared_ptr<const ByteSource> file;
  llvm::ArrayRef<uint8_t> bytes;
  llvm::StringRef text;
  const std::string &path;
  WeightStore &store;
};

llvm::Expected<uint64_t> CheckpointReader::varint(Range &rest) {
  uint64_t start = rest.begin, value = 0;
  for (unsigned shift = 0; shift < 64 && rest.begin < rest.end; shift += 7) {
    uint8_t byte = bytes[rest.begin++];
    if (shift == 63 && byte > 1)
      break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return value;
  }
  return damaged(start, "expected a number of at most 64 bits, got a longer one or the end");
}

llvm::Expected<Field> CheckpointReader::field(Range &rest) {
  uint64_t start = rest.begin;
  llvm::Expected<uint64_t> key = varint(rest);
  if (!key)
    return key.takeError();
  Field result;
  result.number = *key >> 3;
  unsigned wire = *key & 7;
  if (wire != 0 && wire != 2)
    return damaged(start, "expected a number or a length, got wire type {}", wire);
  llvm::Expected<uint64_t> value = varint(rest);
  if (!value)
    return value.takeError();
  result.value = *value;
  if (wire == 2) {
    if (*value > rest.size())
      return damaged(start, "expected a field of {} bytes, got {}; the file is truncated", *value,
                     rest.size());
    result.isRange = true;
    result.range = {rest.begin, rest.begin + *value};
    rest.begin += *value;
  }
  return result;
}

llvm::Error CheckpointReader::readDims(const Field &field, Value &value) {
  Range packed = field.range;
  do { // one number, or a packed list of them
    uint64_t dim = field.value;
    if (field.isRange) {
      if (packed.size() == 0)
        break;
      llvm::Expected<uint64_t> number = varint(packed);
      if (!number)
        return number.takeError();
      dim = *number;
    }
    if (dim > INT64_MAX || value.dims.size() == 64)
      return damaged(packed.begin, "tensor '{}': expected at most 64 sizes from 0",
                     quoteForMessage(value.tag));
    value.dims.push_back(static_cast<int64_t>(dim));
  } while (packed.size() != 0);
  return llvm::Error::success();
}

llvm::Error CheckpointReader::readTensor(Range message, Value &value) {
  while (message.size() != 0) {
    uint64_t start = message.begin;
    llvm::Expected<Field> part = field(message);
    if (!part)
      return part.takeError();
    if (part->number == 1) {
      if (llvm::Error error = readDims(*part, value))
        return error;
    } else if (part->number == 2 && part->isRange && part->range.size() <= 64 && value.type.empty()) {
      value.type = string(part->range);
    } else if (part->number == 3 && part->isRange && value.contents.empty()) {
      value.contents.push_back(part->range);
    } else {
      return damaged(start, "tensor '{}': expected its sizes, type and content, once each, got field {}",
                     quoteForMessage(value.tag), part->number);
    }
  }
  if (value.type.empty() || value.contents.empty())
    return damaged(message.end, "tensor '{}': expected a type and a content", quoteForMessage(value.tag));
  return llvm::Error::success();
}

llvm::Error CheckpointReader::readValue(Range message, Value &value) {
  uint64_t start = message.begin;
  std::optional<Range> tensor;
  while (message.size() != 0) {
    uint64_t at = message.begin;
    llvm::Expected<Field> part = field(message);
    if (!part)
      return part.takeError();
    if (part->number == 1 && part->isRange && part->range.size() <= 1024 && value.tag.empty())
      value.tag = string(part->range);
    else if (part->number == 2 && part->isRange && !tensor)
      tensor = part->range;
    else if (part->number == 3)
      return inputError("{}: tensor '{}': expected a plain tensor, got a hash table (MapTensor)", path,
                        quoteForMessage(value.tag));
    else
      return damaged(at, "expected a name of up to 1024 bytes and a tensor, once each, got field {}",
                     part->number);
  }
  if (value.tag.empty() || !tensor)
    return damaged(start, "expected a name and a tensor");
  return readTensor(*tensor, value);
}

llvm::Error CheckpointReader::add(const Value &value) {
  std::string label = quoteForMessage(value.tag);
  if (value.type == "str") {
    store.addNote(fmt::format("entry '{}' is a text", label));
    return llvm::Error::success();
  }
  const auto *type =
      llvm::find_if(tensorTypes, [&](const auto &candidate) { return value.type == candidate.first; });
  if (type == std::end(tensorTypes))
    return inputError("{}: tensor '{}': expected a type such as Float32, got '{}'", path, label,
                      quoteForMessage(value.type));
  RawTensor tensor;
  tensor.name = value.tag;
  bool scalar = value.dims.size() == 1 && value.dims[0] == 0;
  if (!tensor.setRowMajor(*findElementType(type->second),
                          scalar ? llvm::ArrayRef<int64_t>() : llvm::ArrayRef<int64_t>(value.dims)))
    return inputError("{}: tensor '{}': expected less than 2^63 bits, got more", path, label);
  uint64_t size = 0;
  for (const Range &range : value.contents)
    size += range.size();
  if (size != tensor.bytes)
    return inputError("{}: tensor '{}': expected {} bytes for its sizes, got {}", path, label, tensor.bytes,
                      size);
  if (value.contents.size() == 1) {
    tensor.source = file;
    tensor.offset = value.contents[0].begin;
  } else {
    std::vector<uint8_t> joined;
    joined.reserve(size);
    for (const Range &range : value.contents)
      joined.insert(joined.end(), bytes.begin() + range.begin, bytes.begin() + range.end);
    tensor.source = std::make_shared<DecodedBytes>(path, std::move(joined));
  }
  return store.add(std::move(tensor));
}

llvm::Error CheckpointReader::run() {
  Range rest{0, bytes.size()};
  std::optional<Value> last;
  while (rest.size() != 0) {
    uint64_t start = rest.begin;
    llvm::Expected<Field> part = field(rest);
    if (!part)
      return part.takeError();
    if (part->number != 1 || !part->isRange)
      return damaged(start, "expected a tensor (field 1), got field {}", part->number);
    Value value;
    if (llvm::Error error = readValue(part->range, value))
      return error;
    if (last && last->tag == value.tag && last->type == value.type && last->dims == value.dims) {
      last->contents.push_back(value.contents[0]);
      continue;
    }
    if (last)
      if (llvm::Error error = add(*last))
        return error;
    last = std::move(value);
  }
  return last ? add(*last) : inputError("{}: expected a MindSpore checkpoint, got an empty one", path);
}

} // namespace

bool vitc::isMindSporeFile(llvm::StringRef contents) {
  // Value, its length, and in it a tag: 0A <length> 0A <length>. ONNX begins with 08.
  if (!contents.consume_front("\n"))
    return false;
  size_t length = 0;
  while (length < contents.size() && length < 10 && static_cast<uint8_t>(contents[length]) & 0x80)
    ++length;
  return contents.drop_front(std::min(length + 1, contents.size())).starts_with("\n");
}

llvm::Error vitc::readMindSporeFile(std::shared_ptr<const ByteSource> file, WeightStore &store) {
  return CheckpointReader(std::move(file), store).run();
}
