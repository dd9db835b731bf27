#include "compiler/Driver/Npy.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/NpyLayout.h"
#include "compiler/Support/OutputFile.h"
#include "llvm/Support/Endian.h"
#include <cstring>

using namespace vitc;

std::string vitc::shapeTuple(llvm::ArrayRef<int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

llvm::Expected<NpyHeader> vitc::parseNpyHeader(llvm::ArrayRef<uint8_t> file, llvm::StringRef path) {
  llvm::Expected<NpyLayout> layout = readNpyLayout(file, path);
  if (!layout)
    return layout.takeError();
  NpyHeader header;
  header.shape = layout->shape;
  header.dataOffset = layout->dataOffset;
  if (layout->type == "<f4")
    header.type = NpyType::F32;
  else if (layout->type == "|u1")
    header.type = NpyType::U8;
  else
    return inputError("{}: expected float32 ('<f4') or uint8 ('|u1'), got '{}'; convert with x.astype('<f4')",
                      path.str(), quoteForMessage(layout->type));
  if (layout->fortranOrder)
    return inputError("{}: expected C order, got Fortran order; convert with numpy.ascontiguousarray(x)",
                      path.str());
  // Extents multiply without overflow as long as the product stays below the file's size; a zero ends that.
  uint64_t elementBytes = header.type == NpyType::F32 ? 4 : 1;
  uint64_t available = file.size() - header.dataOffset, bytes = elementBytes;
  for (int64_t extent : header.shape)
    if (extent == 0)
      bytes = 0;
  for (int64_t extent : header.shape) {
    if (bytes && static_cast<uint64_t>(extent) > available / bytes)
      return inputError("{}: expected data of shape {}, got {} bytes: the file is truncated", path.str(),
                        shapeTuple(header.shape), available);
    bytes *= static_cast<uint64_t>(extent);
  }
  if (bytes > available)
    return inputError("{}: expected {} bytes of data, got {}: the file is truncated", path.str(), bytes,
                      available);
  if (bytes < available)
    return inputError("{}: expected {} bytes of data for shape {}, got {}", path.str(), bytes,
                      shapeTuple(header.shape), available);
  return header;
}

llvm::Expected<NpyFile> NpyFile::open(llvm::StringRef path) {
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::Expected<NpyHeader> header = parseNpyHeader((*file)->bytes(), path);
  if (!header)
    return header.takeError();
  return NpyFile(std::move(*file), std::move(*header));
}

std::vector<float> NpyFile::floats() const {
  std::vector<float> result(bytes().size() / sizeof(float));
  if (!result.empty())
    std::memcpy(result.data(), bytes().data(), result.size() * sizeof(float));
  return result;
}

llvm::Error vitc::writeNpy(llvm::StringRef path, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> data) {
  llvm::Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shapeTuple(shape) + ", }";
  // Data start at a multiple of 64 bytes, as numpy.save has it.
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  char start[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
  llvm::support::endian::write16le(start + 8, static_cast<uint16_t>(header.size()));
  file->os().write(start, sizeof start);
  file->os() << header;
  file->os().write(reinterpret_cast<const char *>(data.data()), data.size() * sizeof(float));
  return file->commit();
}
