#include "compiler/Driver/MlirModel.h"
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Target/Prefix.h"
#include "dialect/IR/VitOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace vitc;

namespace {

/// Uniform values of variance 1/fan-in for matrices and kernels, and within 0.7 to 1.3 for vectors, so that
/// activations keep their size whatever a vector is used for.
class RandomSource final : public vit::TensorSource {
public:
  RandomSource(llvm::StringRef name, llvm::ArrayRef<int64_t> shape)
      : TensorSource(shape), key(llvm::xxh3_64bits(name)) {
    double fanIn = 1;
    for (int64_t extent : shape.drop_front())
      fanIn *= static_cast<double>(extent);
    width = shape.size() == 1 ? 0.3 : std::sqrt(3 / fanIn);
    center = shape.size() == 1 ? 1 : 0;
  }
  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    for (size_t i = 0; i < out.size(); ++i) {
      // splitmix64 (Steele, Lea, Flood), rounded to float: a checkpoint could hold exactly these.
      uint64_t x = key + (static_cast<uint64_t>(first) + i + 1) * 0x9e3779b97f4a7c15;
      x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
      x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
      double unit = static_cast<double>((x ^ (x >> 31)) >> 40) * 0x1p-23 - 1;
      out[i] = static_cast<float>(center + width * unit);
    }
  }

private:
  uint64_t key;
  double center, width;
};

class StoredSource final : public vit::TensorSource {
public:
  explicit StoredSource(std::shared_ptr<const TensorView> view)
      : TensorSource(view->shape()), view(std::move(view)) {}
  void read(int64_t first, llvm::MutableArrayRef<double> out) const override { view->read(first, out); }

private:
  std::shared_ptr<const TensorView> view;
};

using Sources = std::map<std::string, std::shared_ptr<const vit::TensorSource>>;

/// Weights of the module that have no chain, by name, from a file; all of both sides must fit.
llvm::Error readWeights(mlir::ModuleOp module, llvm::StringRef path, Sources &sources) {
  llvm::Expected<WeightStore> store = WeightStore::open(path);
  if (!store)
    return store.takeError();
  std::map<std::string, const RawTensor *> unused;
  for (const auto &[name, tensor] : store->tensors())
    unused[name] = &tensor;
  for (vit::WeightOp weight : module.getOps<vit::WeightOp>()) {
    if (weight.getChain())
      continue;
    std::string name = weight.getSymName().str();
    const RawTensor *tensor = store->find(name);
    if (!tensor)
      return inputError("{}: expected a tensor '{}' for the model's weight, got none", path.str(),
                        quoteForMessage(name));
    if (tensor->type->kind == ElementType::Other)
      return inputError("{}: tensor '{}': expected F32, F16, BF16 or F64, got {}", path.str(),
                        quoteForMessage(name), tensor->type->name);
    if (llvm::ArrayRef<int64_t>(tensor->shape) != weight.getTensorType().getShape())
      return inputError("{}: tensor '{}': expected the shape of the model's weight, got another", path.str(),
                        quoteForMessage(name));
    sources[name] = std::make_shared<StoredSource>(viewOf(TensorSlice::all(*tensor), tensor->shape));
    unused.erase(name);
  }
  if (!unused.empty())
    return inputError("{}: expected only tensors that the model has, got also '{}'{}", path.str(),
                      quoteForMessage(unused.begin()->first),
                      unused.size() > 1 ? " and " + std::to_string(unused.size() - 1) + " more" : "");
  return llvm::Error::success();
}

/// MLIR's parser recurses at brackets and at signs of affine expressions. Files of vitc nest some ten levels;
/// a hostile one could exhaust the stack.
llvm::Error checkNesting(llvm::StringRef text, llvm::StringRef path) {
  constexpr int kLimit = 200;
  int depth = 0, signs = 0;
  int64_t line = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool arrow = c == '-' && text.substr(i + 1).starts_with(">");
    if (c == '\n')
      ++line;
    if (c == '/' && text.substr(i + 1).starts_with("/")) {
      i = std::min(text.size(), text.find('\n', i)) - 1;
      continue;
    }
    if (c == '"') { // to the end of the string
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        i += text[i] == '\\';
      continue;
    }
    if (arrow) {
      ++i;
      continue;
    }
    if (llvm::StringRef("([{<").contains(c))
      ++depth;
    else if (llvm::StringRef(")]}>").contains(c))
      --depth;
    signs = c == '-' ? signs + 1 : llvm::isSpace(c) ? signs : 0;
    if (depth > kLimit || signs > kLimit)
      return inputError("{}:{}: expected at most {} levels of nesting, got more", path.str(), line, kLimit);
  }
  return llvm::Error::success();
}

/// Sizes beyond what memory or 64-bit offsets hold.
llvm::Error checkSizes(mlir::ModuleOp module, llvm::StringRef path) {
  constexpr int64_t kLimit = int64_t(1) << 36;
  llvm::Error error = llvm::Error::success();
  auto check = [&](mlir::Type type) {
    auto shaped = llvm::dyn_cast<mlir::ShapedType>(type);
    if (error || !shaped || !shaped.hasStaticShape())
      return;
    int64_t elements = 1;
    for (int64_t extent : shaped.getShape()) {
      if (extent > 0 && elements > kLimit / extent) {
        std::string text;
        llvm::raw_string_ostream(text) << type;
        error = inputError("{}: expected at most 2^36 elements, got {}", path.str(), text);
        return;
      }
      elements *= extent;
    }
  };
  module.walk([&](mlir::Operation *op) {
    if (auto weight = llvm::dyn_cast<vit::WeightOp>(op))
      check(weight.getType());
    llvm::for_each(op->getResultTypes(), check);
    for (mlir::Region &region : op->getRegions())
      for (mlir::Block &block : region)
        llvm::for_each(block.getArgumentTypes(), check);
  });
  return error;
}

} // namespace

llvm::Expected<MlirModel> vitc::openMlirModel(llvm::StringRef path, llvm::StringRef weightsFrom) {
  llvm::Expected<std::string> text = readTextFile(path, size_t(64) << 20);
  if (!text)
    return text.takeError();
  if (llvm::Error error = checkNesting(*text, path))
    return error;
  MlirModel model;
  model.context = makeContext();
  std::string messages;
  {
    mlir::ScopedDiagnosticHandler capture(model.context.get(), [&](mlir::Diagnostic &diagnostic) {
      llvm::raw_string_ostream os(messages);
      os << (messages.empty() ? "" : "\n");
      if (auto place = llvm::dyn_cast<mlir::FileLineColLoc>(diagnostic.getLocation()))
        os << place.getFilename().getValue() << ":" << place.getLine() << ":" << place.getColumn() << ": ";
      os << diagnostic;
      return mlir::success();
    });
    model.module = mlir::parseSourceString<mlir::ModuleOp>(*text, model.context.get(), path);
  }
  if (!model.module)
    return inputError("{}",
                      messages.empty() ? path.str() + ": expected a module of the vit dialect" : messages);
  if (llvm::Error error = checkSizes(*model.module, path))
    return error;
  model.config.name = prefixFrom(llvm::sys::path::stem(path));

  if (auto isa = (*model.module)->getAttrOfType<vit::IsaAttr>("vit.isa")) {
    model.plannedFor = findIsa(isa.getName());
    if (!model.plannedFor)
      return inputError("{}: expected a module planned for a target of this compiler, got '{}'", path.str(),
                        quoteForMessage(isa.getName()));
  }
  Sources sources;
  if (weightsFrom.empty()) {
    for (vit::WeightOp weight : model.module->getOps<vit::WeightOp>())
      if (!weight.getChain())
        sources[weight.getSymName().str()] =
            std::make_shared<RandomSource>(weight.getSymName(), weight.getTensorType().getShape());
  } else if (llvm::Error error = readWeights(*model.module, weightsFrom, sources)) {
    return error;
  }
  model.weights = [sources =
                       std::move(sources)](llvm::StringRef name) -> std::shared_ptr<const vit::TensorSource> {
    auto it = sources.find(name.str());
    return it == sources.end() ? nullptr : it->second;
  };
  return model;
}
