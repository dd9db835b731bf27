//===- OnnxTensor.cpp - TensorProto and the types of elements ---------------------------------------===//
#include "compiler/Import/OnnxModel.h"
#include "compiler/Import/OnnxWire.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace vitc;
using namespace vitc::onnx;
namespace endian = llvm::support::endian;

namespace {

struct TypeInfo {
  DataType type;
  const char *name, *element; ///< as in ONNX, and as RawTensor says
  int64_t bytes;
};
constexpr TypeInfo types[] = {
    {DataType::Float, "float", "F32", 4},        {DataType::Uint8, "uint8", "U8", 1},
    {DataType::Int8, "int8", "I8", 1},           {DataType::Uint16, "uint16", "U16", 2},
    {DataType::Int16, "int16", "I16", 2},        {DataType::Int32, "int32", "I32", 4},
    {DataType::Int64, "int64", "I64", 8},        {DataType::Bool, "bool", "BOOL", 1},
    {DataType::Float16, "float16", "F16", 2},    {DataType::Double, "double", "F64", 8},
    {DataType::Uint32, "uint32", "U32", 4},      {DataType::Uint64, "uint64", "U64", 8},
    {DataType::Bfloat16, "bfloat16", "BF16", 2},
};
const TypeInfo *infoOf(DataType type) {
  const TypeInfo *found = llvm::find_if(types, [&](const TypeInfo &t) { return t.type == type; });
  return found == std::end(types) ? nullptr : found;
}

// Integers are indices and shapes. The largest known is BEiT's table of positions, 577 * 577.
constexpr int64_t maxDecoded = 1 << 22;

double decode(DataType type, const char *data) {
  switch (type) { // int64 beyond 2^53 only occurs as "to the end", where rounding does no harm
  case DataType::Uint8:
  case DataType::Bool:
    return static_cast<uint8_t>(*data);
  case DataType::Int8:
    return static_cast<int8_t>(*data);
  case DataType::Uint16:
    return endian::read16le(data);
  case DataType::Int16:
    return static_cast<int16_t>(endian::read16le(data));
  case DataType::Int32:
    return static_cast<int32_t>(endian::read32le(data));
  case DataType::Uint32:
    return endian::read32le(data);
  case DataType::Uint64:
    return static_cast<double>(endian::read64le(data));
  default:
    return static_cast<double>(static_cast<int64_t>(endian::read64le(data)));
  }
}

/// The fields of a TensorProto that hold elements.
struct Payload {
  std::optional<llvm::StringRef> raw, floats, doubles; ///< one packed run
  bool scattered = false;                              ///< floats one by one
  std::vector<float> single;
  std::vector<int64_t> integers;
};

class TensorParser {
public:
  TensorParser(const Model &model, const std::string &where, Tensor &tensor)
      : model(model), where(where), tensor(tensor) {}
  llvm::Error parse(llvm::StringRef bytes);

private:
  template <typename... Args> llvm::Error error(fmt::format_string<Args...> format, Args &&...args) {
    return inputError("{}: {}{}: {}", model.file->path(), where,
                      tensor.name.empty() ? "" : " '" + quoteForMessage(tensor.name) + "'",
                      fmt::format(format, std::forward<Args>(args)...));
  }
  llvm::Error parseFields(llvm::StringRef bytes);
  llvm::Error parseExternal(llvm::StringRef entry);
  llvm::Error finish();
  llvm::Error inFile(llvm::StringRef bytes);
  void inMemory(std::vector<uint8_t> bytes);

  const Model &model;
  const std::string &where;
  Tensor &tensor;
  Payload payload;
};

llvm::Error TensorParser::parseExternal(llvm::StringRef entry) {
  llvm::StringRef key, value;
  Fields f(entry);
  while (f.next()) {
    if (f.number == 1 && f.wire == Fields::Bytes)
      key = f.text;
    if (f.number == 2 && f.wire == Fields::Bytes)
      value = f.text;
  }
  if (f.bad())
    return error("expected protobuf fields in external_data, got bytes that are none");
  uint64_t number;
  if (key == "location") {
    tensor.location = value;
  } else if (key == "offset" || key == "length") {
    if (value.getAsInteger(10, number) || number > INT64_MAX)
      return error("external_data: expected a number of bytes as {}, got '{}'", key.str(),
                   quoteForMessage(value));
    if (key == "offset")
      tensor.offset = number;
    else
      tensor.length = number;
  }
  return llvm::Error::success(); // others, such as a checksum, say nothing about where the bytes are
}

llvm::Error TensorParser::parseFields(llvm::StringRef bytes) {
  std::vector<int64_t> dims;
  std::vector<llvm::StringRef> entries;
  Fields f(bytes);
  while (f.next()) {
    bool text = f.wire == Fields::Bytes;
    switch (f.number) {
    case 1:
      if (!appendVarints(f, 8, dims))
        return error("expected at most 8 dimensions, got more");
      break;
    case 2:
      tensor.type = static_cast<DataType>(std::min<uint64_t>(f.value, 1000));
      break;
    case 3:
      return error("expected a tensor in one piece, got a segment");
    case 4:
      if (text && !payload.floats && !payload.scattered)
        payload.floats = f.text;
      else if (payload.scattered = true; !appendFloats(f, 1 << 20, payload.single) || payload.floats)
        return error("expected float_data in one packed run");
      break;
    case 5:
    case 7:
    case 11:
      if (!appendVarints(f, maxDecoded, payload.integers))
        return error("expected at most {} integers, got more or a broken one", maxDecoded);
      break;
    case 8:
      tensor.name = text ? f.text : "";
      break;
    case 9:
      payload.raw = text ? f.text : "";
      break;
    case 10:
      if (!text || payload.doubles)
        return error("expected double_data in one packed run");
      payload.doubles = f.text;
      break;
    case 13:
      if (entries.size() >= 16)
        return error("expected at most 16 entries of external_data, got more");
      entries.push_back(f.text);
      break;
    case 14:
      tensor.external = f.value == 1;
      break;
    default:
      break;
    }
  }
  if (f.bad())
    return error("expected protobuf fields, got bytes that are none");
  tensor.dims.assign(dims.begin(), dims.end());
  if (tensor.external)
    for (llvm::StringRef entry : entries)
      if (llvm::Error e = parseExternal(entry))
        return e;
  return llvm::Error::success();
}

llvm::Error TensorParser::inFile(llvm::StringRef bytes) {
  tensor.raw.source = model.file;
  tensor.raw.offset = static_cast<uint64_t>(bytes.data() - model.file->text().data());
  if (bytes.size() != tensor.raw.bytes)
    return error("expected {} bytes for shape [{}] of {}, got {}", tensor.raw.bytes,
                 fmt::join(tensor.dims.begin(), tensor.dims.end(), ", "), onnx::nameOf(tensor.type),
                 bytes.size());
  return llvm::Error::success();
}

void TensorParser::inMemory(std::vector<uint8_t> bytes) {
  tensor.raw.source = std::make_shared<DecodedBytes>(model.file->path(), std::move(bytes));
}

llvm::Error TensorParser::finish() {
  const TypeInfo *type = infoOf(tensor.type);
  if (!type)
    return error("expected elements of a number type, got {}; export in float32 and without quantization",
                 onnx::nameOf(tensor.type));
  if (!tensor.raw.setRowMajor(*findElementType(type->element), tensor.dims))
    return error("expected extents from 0 on and a size below 2^63 bits, got shape [{}]",
                 fmt::join(tensor.dims.begin(), tensor.dims.end(), ", "));
  tensor.raw.name = tensor.name.str();
  tensor.elements = tensor.raw.elements;
  if (!isFloat(tensor.type) && tensor.elements > maxDecoded)
    return error("expected at most {} integers, got {}", maxDecoded, tensor.elements);
  if (tensor.external)
    return llvm::Error::success();
  if (payload.raw)
    return inFile(*payload.raw);
  if (type->type == DataType::Float && payload.floats)
    return inFile(*payload.floats);
  if (type->type == DataType::Double && payload.doubles)
    return inFile(*payload.doubles);
  std::vector<uint8_t> bytes;
  if (type->type == DataType::Float) {
    bytes.resize(payload.single.size() * 4);
    for (size_t i = 0; i < payload.single.size(); ++i)
      endian::write32le(&bytes[4 * i], llvm::bit_cast<uint32_t>(payload.single[i]));
  } else { // one integer each; half floats stand there as their bits
    bytes.resize(payload.integers.size() * type->bytes);
    for (size_t i = 0; i < payload.integers.size(); ++i)
      for (int64_t b = 0; b < type->bytes; ++b)
        bytes[i * type->bytes + b] =
            static_cast<uint8_t>(static_cast<uint64_t>(payload.integers[i]) >> 8 * b);
  }
  if (bytes.size() != tensor.raw.bytes)
    return error("expected {} bytes for shape [{}] of {}, got {}", tensor.raw.bytes,
                 fmt::join(tensor.dims.begin(), tensor.dims.end(), ", "), type->name, bytes.size());
  inMemory(std::move(bytes));
  return llvm::Error::success();
}

llvm::Error TensorParser::parse(llvm::StringRef bytes) {
  if (llvm::Error e = parseFields(bytes))
    return e;
  return finish();
}

} // namespace

void onnx::decodeIntegers(Tensor &tensor) {
  if (isFloat(tensor.type) || !tensor.decoded.empty())
    return;
  const char *data = tensor.raw.source->text().data() + tensor.raw.offset;
  const int64_t bytes = infoOf(tensor.type)->bytes;
  tensor.decoded.reserve(tensor.elements);
  for (int64_t i = 0; i < tensor.elements; ++i)
    tensor.decoded.push_back(decode(tensor.type, data + i * bytes));
}

std::string onnx::nameOf(DataType type) {
  if (const TypeInfo *info = infoOf(type))
    return info->name;
  return type == DataType::String ? "string" : fmt::format("type {}", static_cast<int>(type));
}

bool onnx::isFloat(DataType type) {
  const TypeInfo *info = infoOf(type);
  return info && findElementType(info->element)->kind != ElementType::Other;
}

llvm::Error onnx::parseTensor(llvm::StringRef bytes, const Model &model, const std::string &where,
                              Tensor &tensor) {
  return TensorParser(model, where, tensor).parse(bytes);
}
