//===- OnnxExternalData.cpp - weights beside the model ----------------------------------------------===//
//
// A model names the files of its weights, and a hostile one names /etc/shadow (CVE-2022-25882, -2024-27318,
// -2025-51480). A location is therefore a relative path of plain components, each opened below the one before
// without following links, so that nothing outside of the model's directory can be reached whatever changes
// meanwhile.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/OnnxModel.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace vitc;
using namespace vitc::onnx;

llvm::Error onnx::resolveExternalData(Model &model) {
  const std::string &file = model.file->path();
  constexpr size_t maxFiles = 1 << 13; // old exporters write a file for each tensor
  std::map<llvm::StringRef, std::shared_ptr<const MappedFile>> opened;
  for (Tensor &tensor : model.tensors) {
    if (!tensor.external)
      continue;
    std::string label = fmt::format("{}: tensor '{}'", file, quoteForMessage(tensor.name));
    if (opened.size() >= maxFiles)
      return inputError("{}: expected at most {} files of external data, got more", file, maxFiles);
    auto [it, fresh] = opened.try_emplace(tensor.location);
    if (fresh) {
      llvm::StringRef directory = llvm::sys::path::parent_path(file);
      llvm::Expected<std::shared_ptr<const MappedFile>> mapped =
          MappedFile::openBelow(directory.empty() ? "." : directory, tensor.location);
      if (!mapped)
        return llvm::handleErrors(mapped.takeError(), [&](const UserError &e) {
          return makeError(e.getExitCode(), "{}: external data: {}", label, e.getMessage());
        });
      it->second = std::move(*mapped);
      model.externalFiles.push_back(it->second);
    }
    uint64_t size = it->second->bytes().size();
    if (tensor.length && *tensor.length != tensor.raw.bytes)
      return inputError("{}: external data: expected a length of {} bytes for shape [{}] of {}, got {}",
                        label, tensor.raw.bytes, fmt::join(tensor.dims.begin(), tensor.dims.end(), ", "),
                        nameOf(tensor.type), *tensor.length);
    if (tensor.offset > size || tensor.raw.bytes > size - tensor.offset)
      return inputError("{}: external data: expected {} bytes from byte {} of {} on, got a file of {} bytes",
                        label, tensor.raw.bytes, tensor.offset, it->second->path(), size);
    tensor.raw.source = it->second;
    tensor.raw.offset = tensor.offset;
  }
  return llvm::Error::success();
}
