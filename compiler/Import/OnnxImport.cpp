//===- OnnxImport.cpp - an .onnx file as a checkpoint -----------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <set>

using namespace vitc;
using namespace vitc::onnx;

static constexpr NameTable onnxTable = {"ONNX", {}, {}, {}};

namespace {

/// Puts the constants that weights refer to into the store, and the weights as slices of them.
class Binder {
public:
  explicit Binder(Imported &result) : result(result) {}
  llvm::Error bind(const std::string &name, const View &view);

private:
  llvm::Expected<const RawTensor *> stored(const Constant &constant);

  Imported &result;
  std::map<const Constant *, const RawTensor *> known;
  std::map<const RawTensor *, const RawTensor *> knownRaw;
};

llvm::Expected<const RawTensor *> Binder::stored(const Constant &constant) {
  const RawTensor *&entry = constant.raw ? knownRaw[constant.raw] : known[&constant];
  if (entry)
    return entry;
  RawTensor raw;
  if (constant.raw) {
    raw = *constant.raw;
  } else {
    std::vector<uint8_t> bytes(constant.values.size() * sizeof(double));
    for (size_t i = 0; i < constant.values.size(); ++i)
      llvm::support::endian::write64le(&bytes[sizeof(double) * i],
                                       llvm::bit_cast<uint64_t>(constant.values[i]));
    raw.setRowMajor(*findElementType("F64"), {constant.size});
    raw.source = std::make_shared<DecodedBytes>(result.store.path(), std::move(bytes));
  }
  // Tensors of attributes have no names, and folded ones none that mean anything.
  if (raw.name.empty() || result.store.find(raw.name))
    raw.name = fmt::format("(constant {})", constant.id);
  std::string name = raw.name;
  if (llvm::Error error = result.store.add(std::move(raw)))
    return std::move(error);
  entry = result.store.find(name);
  return entry;
}

llvm::Error Binder::bind(const std::string &name, const View &view) {
  llvm::Expected<const RawTensor *> raw = stored(*constantOf(view));
  if (!raw)
    return raw.takeError();
  TensorSlice slice;
  slice.raw = *raw;
  slice.first = view.offset;
  for (const Dims &axis : view.axes) {
    slice.shape.push_back(product(axis));
    for (const Dim &dim : axis)
      slice.dims.push_back({dim.extent, dim.stride});
  }
  result.tensors.slices[name] = std::move(slice);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<Imported> vitc::importOnnx(llvm::StringRef path, const ImportOptions &options) {
  llvm::Expected<Model> model = readModel(path);
  if (!model)
    return model.takeError();
  std::vector<std::shared_ptr<const MappedFile>> files = model->externalFiles;
  files.insert(files.begin(), model->file);
  uint64_t bytes = 0;
  for (const auto &file : files)
    bytes += file->bytes().size();
  // Tables that are folded are small beside the weights, but a tiny model may resize its positions.
  Graph graph(2 * bytes + (uint64_t(64) << 20));
  llvm::Expected<Raised> raised = raise(*model, options.imageSize, graph);
  if (!raised)
    return raised.takeError();
  llvm::Expected<Matched> matched = match(*model, *raised, graph);
  if (!matched)
    return matched.takeError();

  Imported result;
  result.table = &onnxTable;
  result.store = WeightStore::forFiles(path, std::move(files));
  result.checkpoint.config = std::move(matched->config);
  result.checkpoint.notes = std::move(matched->notes);
  if (raised->batch > 1)
    result.checkpoint.notes.push_back(
        fmt::format("the model is written for batches of {}; the library takes any", raised->batch));
  result.checkpoint.warnings = std::move(matched->warnings);
  Source &source = result.checkpoint.config.source;
  source.library = "onnx";
  source.arch =
      (model->producer + (model->producerVersion.empty() ? "" : " ") + model->producerVersion).str();
  Binder binder(result);
  for (const auto &[name, view] : matched->weights)
    if (llvm::Error error = binder.bind(name, view))
      return std::move(error);
  for (const Tensor *tensor : model->initializers)
    if (isFloat(tensor->type) && tensor->elements > 0 && !result.store.find(tensor->raw.name))
      result.tensors.ignored.push_back(
          fmt::format("{} (folded, or not part of the output)", quoteForMessage(tensor->name)));

  llvm::SmallString<256> processor(llvm::sys::path::parent_path(path));
  llvm::sys::path::append(processor, "preprocessor_config.json");
  if (llvm::sys::fs::exists(processor)) {
    llvm::StringRef directory = llvm::sys::path::parent_path(path);
    if (llvm::Error error =
            importHuggingFacePreprocess(directory.empty() ? "." : directory, 0, result.checkpoint))
      return std::move(error);
  }
  return result;
}
