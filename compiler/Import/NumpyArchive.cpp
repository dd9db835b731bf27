//===- NumpyArchive.cpp - .npy arrays and the .npz archives of them ----------------------------------===//
#include "compiler/Import/Containers.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/NpyLayout.h"
#include "compiler/Support/Zip.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

using namespace vitc;

/// NumPy's names. It knows no bfloat16: JAX's arrays of that type are saved as two anonymous bytes.
static constexpr std::pair<const char *, const char *> numpyTypes[] = {
    {"<f8", "F64"}, {"<f4", "F32"}, {"<f2", "F16"}, {"|V2", "BF16"}, {"<V2", "BF16"},
    {"<i8", "I64"}, {"<i4", "I32"}, {"<i2", "I16"}, {"|i1", "I8"},   {"<u8", "U64"},
    {"<u4", "U32"}, {"<u2", "U16"}, {"|u1", "U8"},  {"|b1", "BOOL"}, {"<c8", "C64"},
};

/// Adds the array in `size` bytes of `source` from `offset` on. `what` names it in messages.
static llvm::Error addArray(const std::shared_ptr<const ByteSource> &source, uint64_t offset, uint64_t size,
                            const std::string &name, const std::string &what, WeightStore &store) {
  llvm::Expected<NpyLayout> layout = readNpyLayout(source->bytes().slice(offset, size), what);
  if (!layout)
    return layout.takeError();
  const auto *type =
      llvm::find_if(numpyTypes, [&](const auto &candidate) { return layout->type == candidate.first; });
  if (type == std::end(numpyTypes))
    return inputError("{}: expected little-endian numbers such as '<f4', got '{}'{}", what,
                      quoteForMessage(layout->type),
                      llvm::StringRef(layout->type).contains('O')
                          ? ": Python objects, which vitc does not load because that can run code"
                          : "");
  llvm::SmallVector<int64_t, 4> strides(layout->shape.size());
  RawTensor tensor;
  tensor.name = name;
  bool fits = tensor.setRowMajor(*findElementType(type->second), layout->shape);
  if (fits && layout->fortranOrder) {
    int64_t stride = 1;
    for (auto [extent, result] : llvm::zip(layout->shape, strides)) {
      result = stride;
      stride *= std::max<int64_t>(extent, 1); // below the byte count, which setRowMajor() has checked
    }
    if (tensor.elements != 0)
      fits = tensor.setStrided(*tensor.type, layout->shape, strides);
  }
  if (!fits)
    return inputError("{}: expected an array of less than 2^63 bits, got more", what);
  uint64_t available = size - layout->dataOffset;
  if (tensor.bytes != available)
    return inputError("{}: expected {} bytes of data for its shape, got {}{}", what, tensor.bytes, available,
                      tensor.bytes > available ? "; it is truncated" : "");
  tensor.source = source;
  tensor.offset = offset + layout->dataOffset;
  return store.add(std::move(tensor));
}

llvm::Error vitc::readNpyArray(std::shared_ptr<const ByteSource> file, WeightStore &store) {
  std::string name = llvm::sys::path::stem(file->path()).str();
  return addArray(file, 0, file->bytes().size(), name, file->path(), store);
}

llvm::Error vitc::readNumpyArchive(std::shared_ptr<const ByteSource> file, ZipArchive &archive,
                                   WeightStore &store) {
  for (const ZipEntry &entry : archive.entries()) {
    llvm::StringRef name = entry.name;
    if (!name.consume_back(".npy"))
      return inputError("{}: expected an archive of .npy arrays, got another entry", archive.describe(entry));
    llvm::Expected<ZipArchive::Data> data = archive.read(entry);
    if (!data)
      return data.takeError();
    if (llvm::Error error =
            addArray(data->source, data->offset, data->size, name.str(), archive.describe(entry), store))
      return error;
  }
  return llvm::Error::success();
}
