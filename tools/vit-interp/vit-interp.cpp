//===- vit-interp.cpp - runs .mlir files in the interpreter and compares them
//----------------------------===//
#include "dialect/Interp/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Parser/Parser.h"
#include "tools/vit-interp/SeededTensors.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"
#include <cmath>

using namespace mlir;
namespace cl = llvm::cl;

namespace {

constexpr const char *kOverview =
    "runs functions of the vit dialect in the float64 interpreter, with seeded weights and inputs\n\n"
    "  vit-interp A.mlir            prints a digest of the results\n"
    "  vit-interp A.mlir B.mlir     prints the relative L2 error of B's results against A's\n"
    "  vit-interp A.mlir --f32      the same for A computed in float32\n\n"
    "A checkpoint tensor has the same values in both files if it has the same name there. Exits with 1 when "
    "an error\n"
    "is beyond the bound, and when there is nothing to compare.\n";

struct Options {
  cl::OptionCategory category{"vit-interp options"};
  cl::opt<std::string> a{cl::Positional, cl::Required, cl::desc("A.mlir"), cl::cat(category)};
  cl::opt<std::string> b{cl::Positional, cl::desc("[B.mlir]"), cl::cat(category)};
  cl::opt<std::string> function{"function", cl::desc("Run this function only (default: all public ones)"),
                                cl::value_desc("name"), cl::cat(category)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of weights and inputs"), cl::init(1), cl::cat(category)};
  cl::opt<double> bound{"bound", cl::desc("Largest relative L2 error that passes"), cl::init(1e-12),
                        cl::cat(category)};
  cl::opt<bool> single{"f32", cl::desc("Compute the file that is compared in float32"), cl::cat(category)};
};

/// What a function takes and gives, whether on tensors or, planned, on buffers.
struct Signature {
  SmallVector<ShapedType> inputs, outputs;
};

bool isShaped(ArrayRef<Type> types) {
  return llvm::all_of(types,
                      [](Type t) { return isa<ShapedType>(t) && cast<ShapedType>(t).hasStaticShape(); });
}

/// `inputs` is the number of inputs of a planned function, which its type does not say.
FailureOr<Signature> signatureOf(func::FuncOp function, size_t inputs) {
  if (!isShaped(function.getArgumentTypes()) || !isShaped(function.getResultTypes()))
    return function.emitError() << "expected arguments and results of static shape";
  Signature signature;
  bool planned = llvm::any_of(function.getArgumentTypes(), llvm::IsaPred<MemRefType>);
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    (planned && i >= inputs ? signature.outputs : signature.inputs).push_back(cast<ShapedType>(type));
  for (Type type : function.getResultTypes())
    signature.outputs.push_back(cast<ShapedType>(type));
  return signature;
}

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

/// Weights of this program are those that `module` declares without a chain.
vit::TensorLookup lookupIn(ModuleOp module, uint64_t seed) {
  llvm::StringMap<vit::WeightOp> declared;
  for (auto weight : module.getOps<vit::WeightOp>())
    declared[weight.getSymName()] = weight;
  return [declared, seed](StringRef name) -> std::shared_ptr<const vit::TensorSource> {
    vit::WeightOp weight = declared.lookup(name);
    return weight ? vit::seededWeight(name, weight.getTensorType().getShape(), seed) : nullptr;
  };
}

FailureOr<std::vector<vit::Tensor>> runFunction(func::FuncOp function, const Signature &signature,
                                                uint64_t seed, bool single) {
  std::vector<vit::Tensor> inputs, results;
  for (auto [i, type] : llvm::enumerate(signature.inputs))
    inputs.push_back({SmallVector<int64_t, 4>(type.getShape()),
                      vit::seededInput(i, type.getNumElements(), type.getElementType().isInteger(8), seed)});
  auto module = function->getParentOfType<ModuleOp>();
  vit::WeightEvaluator weights(module, lookupIn(module, seed));
  vit::InterpOptions options;
  options.single = single;
  if (failed(vit::interpret(function, inputs, weights, options, results)))
    return failure();
  return results;
}

/// Name of result `i`: the attribute `vit.name` of the result or output argument, else its number.
std::string resultName(func::FuncOp function, const Signature &signature, size_t i) {
  StringAttr name;
  if (function.getNumResults() > 0)
    name = function.getResultAttrOfType<StringAttr>(i, "vit.name");
  else
    name = function.getArgAttrOfType<StringAttr>(signature.inputs.size() + i, "vit.name");
  return name ? name.str() : "result " + std::to_string(i);
}

double norm(ArrayRef<double> x) {
  double sum = 0;
  for (double v : x)
    sum += v * v;
  return std::sqrt(sum);
}

void printDigest(func::FuncOp function, const Signature &signature, ArrayRef<vit::Tensor> results) {
  for (auto [i, result] : llvm::enumerate(results)) {
    llvm::outs() << "@" << function.getName() << " " << resultName(function, signature, i) << " ["
                 << shapeText(result.shape) << "] norm " << llvm::format("%.9g", norm(result.data)) << ":";
    for (double value : ArrayRef(result.data).take_front(4))
      llvm::outs() << llvm::format(" %.9g", value);
    llvm::outs() << (result.data.size() > 4 ? " ...\n" : "\n");
  }
}

/// ||b - a|| / ||a||; not a number if either holds one, infinite if a is zero and b is not.
double relativeError(ArrayRef<double> a, ArrayRef<double> b) {
  std::vector<double> difference(a.size());
  for (size_t i = 0; i < a.size(); ++i)
    difference[i] = b[i] - a[i];
  double error = norm(difference);
  return error == 0 ? 0 : error / norm(a);
}

/// Compares `b` with `a`, by the names of the function that has them; true if within the bound.
bool compare(func::FuncOp function, const Signature &signature, ArrayRef<vit::Tensor> a,
             ArrayRef<vit::Tensor> b, double bound) {
  bool good = true;
  for (size_t i = 0; i < a.size(); ++i) {
    double error = relativeError(a[i].data, b[i].data);
    bool within = error <= bound; // false for NaN
    good &= within;
    llvm::outs() << "@" << function.getName() << " " << resultName(function, signature, i) << " ["
                 << shapeText(a[i].shape) << "] error " << llvm::format("%.3g", error);
    if (!within)
      llvm::outs() << ", beyond the bound " << llvm::format("%.3g", bound);
    llvm::outs() << "\n";
  }
  return good;
}

bool sameExtents(ArrayRef<ShapedType> a, ArrayRef<ShapedType> b) {
  return llvm::equal(a, b, [](ShapedType x, ShapedType y) { return x.getShape() == y.getShape(); });
}

/// Runs one function of A, and its counterpart in B if there is one; true if all is well.
bool process(func::FuncOp a, func::FuncOp b, const Options &options) {
  size_t inputCount = a.getNumResults() > 0 ? a.getNumArguments() : 1;
  auto signature = signatureOf(a, inputCount);
  if (failed(signature))
    return false;
  auto expected = runFunction(a, *signature, options.seed, /*single=*/false);
  if (failed(expected))
    return false;
  if (!b && !options.single) {
    printDigest(a, *signature, *expected);
    return true;
  }
  func::FuncOp other = b ? b : a;
  auto otherSignature = signatureOf(other, signature->inputs.size());
  if (failed(otherSignature))
    return false;
  if (!sameExtents(signature->inputs, otherSignature->inputs) ||
      !sameExtents(signature->outputs, otherSignature->outputs)) {
    InFlightDiagnostic diag = other.emitError() << "expected the shapes of inputs and results to agree";
    diag.attachNote(a.getLoc()) << "with this function";
    return false;
  }
  auto actual = runFunction(other, *otherSignature, options.seed, options.single);
  return succeeded(actual) && compare(a, *signature, *expected, *actual, options.bound);
}

int run(const Options &options) {
  DialectRegistry registry;
  registry.insert<vit::VitDialect, arith::ArithDialect, func::FuncDialect, memref::MemRefDialect>();
  MLIRContext context(registry);
  llvm::SourceMgr sourceA, sourceB; // the parser wants one for each file; either handler prints for both
  SourceMgrDiagnosticHandler handlerA(sourceA, &context);
  OwningOpRef<ModuleOp> a = parseSourceFile<ModuleOp>(options.a, sourceA, &context), b;
  if (!a)
    return 1;
  SourceMgrDiagnosticHandler handlerB(sourceB, &context);
  if (!options.b.empty() && !(b = parseSourceFile<ModuleOp>(options.b, sourceB, &context)))
    return 1;

  bool good = true;
  size_t count = 0;
  for (auto function : a->getOps<func::FuncOp>()) {
    if (options.function.empty() ? !function.isPublic() || function.isExternal()
                                 : function.getName() != options.function)
      continue;
    auto counterpart = b ? b->lookupSymbol<func::FuncOp>(function.getName()) : func::FuncOp();
    if (b && !counterpart) {
      llvm::outs() << "@" << function.getName() << " is not in " << options.b << "\n";
      continue;
    }
    ++count;
    good &= process(function, counterpart, options);
  }
  if (count == 0) {
    llvm::raw_ostream &os = llvm::WithColor::error(llvm::errs(), "vit-interp")
                            << "expected a public function";
    if (!options.function.empty())
      os << " '" << options.function << "'";
    os << (b ? " in both files\n" : "\n");
  }
  return good && count > 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  return run(options);
}
