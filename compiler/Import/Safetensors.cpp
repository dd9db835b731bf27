#include "compiler/Import/Containers.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace vitc;

namespace {

constexpr uint64_t maxHeader = 100'000'000; // the reference reader's limit

llvm::Error checkMetadata(const JsonRef &metadata) {
  if (llvm::Error error = metadata.expectObject())
    return error;
  for (const auto &[key, value] : metadata.members())
    if (!value.isString())
      return value.expected("a string");
  return llvm::Error::success();
}

/// Reads one header entry. Offsets in `tensor` stay relative to the data.
llvm::Error readEntry(const JsonRef &entry, RawTensor &tensor) {
  if (llvm::Error error = entry.expectObject())
    return error;
  for (const auto &[key, value] : entry.members())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      return value.error("expected only the keys 'dtype', 'shape' and 'data_offsets'");

  llvm::Expected<JsonRef> typeRef = entry.get("dtype");
  if (!typeRef)
    return typeRef.takeError();
  llvm::Expected<std::string> typeName = typeRef->asString();
  if (!typeName)
    return typeName.takeError();
  const ElementType *type = findElementType(*typeName);
  if (!type)
    return typeRef->expected("an element type of the safetensors format such as 'F32'");

  llvm::Expected<JsonRef> shapeRef = entry.get("shape");
  if (!shapeRef)
    return shapeRef.takeError();
  llvm::Expected<std::vector<JsonRef>> dims = shapeRef->asArray(64);
  if (!dims)
    return dims.takeError();
  llvm::SmallVector<int64_t, 4> shape;
  int64_t elements = 1;
  for (const JsonRef &dim : *dims) {
    llvm::Expected<int64_t> extent = dim.asInteger(0, INT64_MAX);
    if (!extent)
      return extent.takeError();
    shape.push_back(*extent);
    if (llvm::MulOverflow(elements, *extent, elements))
      return shapeRef->error("expected an element count below 2^63, got more");
  }

  llvm::Expected<JsonRef> offsetsRef = entry.get("data_offsets");
  if (!offsetsRef)
    return offsetsRef.takeError();
  llvm::Expected<std::vector<JsonRef>> offsets = offsetsRef->asArray();
  if (!offsets)
    return offsets.takeError();
  if (offsets->size() != 2)
    return offsetsRef->expected("an array of 2: begin and end");
  llvm::Expected<int64_t> begin = (*offsets)[0].asInteger(0, INT64_MAX);
  if (!begin)
    return begin.takeError();
  llvm::Expected<int64_t> end = (*offsets)[1].asInteger(0, INT64_MAX);
  if (!end)
    return end.takeError();
  if (*begin > *end)
    return offsetsRef->error(fmt::format("expected begin <= end, got {} > {}", *begin, *end));
  tensor.offset = static_cast<uint64_t>(*begin);
  uint64_t bytes = static_cast<uint64_t>(*end - *begin);

  int64_t bits;
  if (llvm::MulOverflow(elements, static_cast<int64_t>(type->bits), bits))
    return shapeRef->error("expected a size below 2^63 bits, got more");
  if (bits % 8)
    return shapeRef->error(fmt::format("expected whole bytes, got {} bits of {}", bits, type->name));
  if (static_cast<uint64_t>(bits) / 8 != bytes)
    return offsetsRef->error(
        fmt::format("expected {} bytes for this dtype and shape, got {}", bits / 8, bytes));
  tensor.setRowMajor(*type, shape);
  return llvm::Error::success();
}

} // namespace

llvm::Error vitc::readSafetensors(std::shared_ptr<const ByteSource> file, WeightStore &store) {
  const std::string &path = file->path();
  llvm::ArrayRef<uint8_t> bytes = file->bytes();
  if (bytes.size() < 8)
    return inputError("{}: expected a safetensors file of at least 8 bytes, got {}", path, bytes.size());
  uint64_t header = llvm::support::endian::read64le(bytes.data());
  if (header > maxHeader)
    return inputError(
        "{}: expected a safetensors header of at most {} bytes, got {}; is this a safetensors file?", path,
        maxHeader, header);
  if (header > bytes.size() - 8)
    return inputError(
        "{}: expected a header of {} bytes, got a file with only {} bytes behind the length; the file is "
        "truncated",
        path, header, bytes.size() - 8);
  llvm::StringRef text = file->text().substr(8, header);
  if (!text.starts_with("{"))
    return inputError("{}: expected the safetensors header to start with '{{'", path);
  JsonLimits limits;
  limits.bytes = maxHeader;
  llvm::Expected<JsonDocument> document = JsonDocument::parse(text.str(), path + " (header)", limits);
  if (!document)
    return document.takeError();

  std::vector<RawTensor> entries;
  for (const auto &[key, value] : document->root().members()) {
    if (key == "__metadata__") {
      if (llvm::Error error = checkMetadata(value))
        return error;
      continue;
    }
    RawTensor tensor;
    tensor.name = key.str();
    tensor.source = file;
    if (llvm::Error error = readEntry(value, tensor))
      return error;
    entries.push_back(std::move(tensor));
  }

  std::vector<const RawTensor *> byOffset;
  for (const RawTensor &tensor : entries)
    byOffset.push_back(&tensor);
  llvm::sort(byOffset, [](const RawTensor *a, const RawTensor *b) {
    return std::tie(a->offset, a->bytes, a->name) < std::tie(b->offset, b->bytes, b->name);
  });
  uint64_t end = 0;
  for (const RawTensor *tensor : byOffset) {
    if (tensor->offset != end)
      return inputError(
          "{}: tensor '{}': expected its data to begin at {}, where the tensor before it ends, got {} "
          "({})",
          path, quoteForMessage(tensor->name), end, tensor->offset,
          tensor->offset > end ? "a hole" : "an overlap");
    end += tensor->bytes;
  }
  uint64_t available = bytes.size() - 8 - header;
  if (end != available)
    return inputError("{}: expected {} bytes of tensor data, got {}; the file is {}", path, end, available,
                      end > available ? "truncated" : "followed by bytes that no tensor owns");

  for (RawTensor &tensor : entries) {
    tensor.offset += 8 + header;
    if (llvm::Error error = store.add(std::move(tensor)))
      return error;
  }
  return llvm::Error::success();
}
