#include "compiler/Import/WeightStore.h"
#include "compiler/Import/Containers.h"
#include "compiler/Import/Hdf5.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/NpyLayout.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace vitc;

static constexpr ElementType elementTypes[] = {
    {"F64", 64, ElementType::F64},          {"F32", 32, ElementType::F32},
    {"F16", 16, ElementType::F16},          {"BF16", 16, ElementType::BF16},
    {"I64", 64, ElementType::Other},        {"I32", 32, ElementType::Other},
    {"I16", 16, ElementType::Other},        {"I8", 8, ElementType::Other},
    {"U64", 64, ElementType::Other},        {"U32", 32, ElementType::Other},
    {"U16", 16, ElementType::Other},        {"U8", 8, ElementType::Other},
    {"BOOL", 8, ElementType::Other},        {"C64", 64, ElementType::Other},
    {"F8_E4M3", 8, ElementType::Other},     {"F8_E5M2", 8, ElementType::Other},
    {"F8_E8M0", 8, ElementType::Other},     {"F8_E4M3FNUZ", 8, ElementType::Other},
    {"F8_E5M2FNUZ", 8, ElementType::Other}, {"F6_E2M3", 6, ElementType::Other},
    {"F6_E3M2", 6, ElementType::Other},     {"F4", 4, ElementType::Other},
};

const ElementType *vitc::findElementType(llvm::StringRef name) {
  const ElementType *type = llvm::find_if(elementTypes, [&](const ElementType &t) { return name == t.name; });
  return type == std::end(elementTypes) ? nullptr : type;
}

bool RawTensor::setRowMajor(const ElementType &elementType, llvm::ArrayRef<int64_t> extents) {
  llvm::SmallVector<int64_t, 4> rowMajor(extents.size());
  bool empty = llvm::is_contained(extents, 0);
  int64_t stride = 1;
  for (size_t i = extents.size(); i-- > 0;) {
    rowMajor[i] = stride;
    if (extents[i] < 0 || (!empty && llvm::MulOverflow(stride, extents[i], stride)))
      return false;
  }
  return setStrided(elementType, extents, rowMajor);
}

bool RawTensor::setStrided(const ElementType &elementType, llvm::ArrayRef<int64_t> extents,
                           llvm::ArrayRef<int64_t> elementStrides) {
  int64_t count = 1, last = 0, bits;
  for (auto [extent, stride] : llvm::zip(extents, elementStrides))
    if (extent < 0 || stride < 0)
      return false;
  if (llvm::is_contained(extents, 0))
    count = 0;
  for (auto [extent, stride] : llvm::zip(extents, elementStrides)) {
    int64_t step;
    if (count != 0 && (llvm::MulOverflow(count, extent, count) ||
                       llvm::MulOverflow(extent - 1, stride, step) || llvm::AddOverflow(last, step, last)))
      return false;
  }
  if (llvm::MulOverflow(std::max(count, last), int64_t(elementType.bits), bits) ||
      llvm::MulOverflow(count == 0 ? 0 : last + 1, int64_t(elementType.bits), bits) || bits % 8)
    return false;
  type = &elementType;
  shape.assign(extents.begin(), extents.end());
  strides.assign(elementStrides.begin(), elementStrides.end());
  elements = count;
  bytes = static_cast<uint64_t>(bits) / 8;
  return true;
}

llvm::Error WeightStore::add(RawTensor tensor) {
  uint64_t available = tensor.source->bytes().size();
  std::string label = quoteForMessage(tensor.name);
  const std::string &file = tensor.source->path();
  if (tensor.offset > available || tensor.bytes > available - tensor.offset)
    return inputError("{}: tensor '{}': expected {} bytes from byte {} on, got only {} bytes; the file is "
                      "truncated",
                      file, label, tensor.bytes, tensor.offset, available);
  if (static_cast<uint64_t>(tensor.elements) * tensor.type->bits / 8 > tensor.bytes)
    return inputError("{}: tensor '{}': expected as many bytes as {} elements need, got elements that share "
                      "them (an expanded tensor); save a contiguous copy",
                      file, label, tensor.elements);
  constexpr uint64_t sharing = 8;
  uint64_t &total = tensorBytes[tensor.source.get()];
  if (total / sharing > available || (total += tensor.bytes) / sharing > available)
    return inputError("{}: tensor '{}': expected tensors that share bytes at most {} times, got more", file,
                      label, sharing);
  auto [it, fresh] = table.try_emplace(tensor.name, tensor);
  if (!fresh)
    return inputError("{}: tensor '{}' also stands in {}", file, label, it->second.source->path());
  return llvm::Error::success();
}

llvm::Error WeightStore::rename(const std::map<std::string, std::string> &names) {
  std::map<std::string, RawTensor> renamed;
  for (auto &[name, tensor] : table) {
    auto other = names.find(name);
    if (other != names.end())
      tensor.name = other->second;
    std::string key = tensor.name;
    if (!renamed.try_emplace(key, std::move(tensor)).second)
      return inputError("{}: expected one tensor '{}', got two", path(), quoteForMessage(key));
  }
  table = std::move(renamed);
  return llvm::Error::success();
}

const RawTensor *WeightStore::find(llvm::StringRef name) const {
  auto it = table.find(name.str());
  return it == table.end() ? nullptr : &it->second;
}

WeightStore WeightStore::forFiles(llvm::StringRef path,
                                  std::vector<std::shared_ptr<const MappedFile>> files) {
  WeightStore store;
  store.name = path.str();
  store.files = std::move(files);
  return store;
}

uint64_t WeightStore::totalBytes() const {
  uint64_t total = 0;
  for (const auto &file : files)
    total += file->bytes().size();
  return total;
}

//===- What a file is ---===//

namespace {

struct Container {
  const char *name;
  bool (*recognise)(llvm::StringRef contents);
  llvm::Error (*read)(std::shared_ptr<const ByteSource> file, WeightStore &store);
};

constexpr Container containers[] = {
    {"safetensors", [](llvm::StringRef contents) { return contents.substr(8, 1) == "{"; }, readSafetensors},
    {"PyTorch's, NumPy's and Keras's zip archives", ZipArchive::recognise, readArchive},
    {"PyTorch's files before 1.6", isOldTorchFile, readOldTorchFile},
    {"NumPy's .npy", isNpy, readNpyArray},
    {"HDF5", Hdf5File::recognise, readHdf5},
    {"MindSpore's .ckpt", isMindSporeFile, readMindSporeFile},
};

/// What to say about a file of no known kind.
std::string describeUnknown(llvm::StringRef contents) {
  if (contents.starts_with("\x80"))
    return "a bare pickle: save the tensors with safetensors.torch.save_file";
  if (contents.starts_with("\xd8\x5e\x3a\x7f") || contents.starts_with("\x7f\x3a\x5e\xd8"))
    return "an encrypted MindSpore checkpoint: load it with its key and save it in the clear";
  if (contents.starts_with("version https://git-lfs"))
    return "a Git LFS pointer in place of the file: run `git lfs pull` to fetch it";
  if (contents.empty())
    return "an empty file";
  std::string start;
  for (char c : contents.take_front(8))
    start += fmt::format("{}{:02x}", start.empty() ? "" : " ", static_cast<unsigned char>(c));
  return "one that begins with the bytes " + start;
}

} // namespace

llvm::Error vitc::readArchive(std::shared_ptr<const ByteSource> file, WeightStore &store) {
  llvm::Expected<ZipArchive> archive = ZipArchive::open(file);
  if (!archive)
    return archive.takeError();
  auto has = [&](llvm::StringRef suffix) {
    return llvm::any_of(archive->entries(),
                        [&](const ZipEntry &entry) { return llvm::StringRef(entry.name).ends_with(suffix); });
  };
  if (archive->find("data.pkl") || has("/data.pkl"))
    return readTorchArchive(std::move(file), *archive, store);
  if (const ZipEntry *weights = archive->find("model.weights.h5")) {
    llvm::Expected<ZipArchive::Data> data = archive->read(*weights);
    if (!data)
      return data.takeError();
    if (data->offset == 0 && data->size == data->source->bytes().size())
      return readHdf5(data->source, store);
    return readHdf5(std::make_shared<PartOfBytes>(data->source, data->offset, data->size), store);
  }
  if (has(".npy"))
    return readNumpyArchive(std::move(file), *archive, store);
  return inputError("{}: expected a zip archive of PyTorch (data.pkl), NumPy (*.npy) or Keras "
                    "(model.weights.h5), got one with {}",
                    file->path(),
                    archive->entries().empty() ? "no entries"
                                               : archive->describe(archive->entries().front()));
}

llvm::Error WeightStore::addFile(llvm::StringRef path) {
  llvm::Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::StringRef contents = (*file)->text();
  const Container *found =
      llvm::find_if(containers, [&](const Container &c) { return c.recognise(contents); });
  if (found == std::end(containers)) {
    // A broken header is explained better by the reader that the name asks for.
    if (!path.ends_with(".safetensors")) {
      llvm::SmallVector<llvm::StringRef> names;
      for (const Container &container : containers)
        names.push_back(container.name);
      return inputError("{}: expected weights ({}), got {}", path.str(), llvm::join(names, ", "),
                        describeUnknown(contents));
    }
    found = containers;
  }
  files.push_back(*file);
  return found->read(std::move(*file), *this);
}

llvm::Expected<WeightStore> WeightStore::open(llvm::StringRef path) { return openFiles(path.str()); }

llvm::Expected<WeightStore> WeightStore::openFiles(llvm::ArrayRef<std::string> paths) {
  WeightStore store;
  store.name = paths.front();
  for (const std::string &path : paths)
    if (llvm::Error error = store.addFile(path))
      return std::move(error);
  return store;
}
