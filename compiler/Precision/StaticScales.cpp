#include "compiler/Precision/StaticScales.h"
#include "compiler/Precision/Sensitivity.h"
#include "compiler/Support/Error.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace vitc;

static constexpr double kMost = 127; // of a byte's magnitude

double MagnitudeCounts::upperEdge(int bin) {
  return std::exp2(static_cast<double>(kLowest + bin + 1) / kPerOctave);
}

void MagnitudeCounts::add(double x) {
  if (!std::isfinite(x) || x == 0)
    return;
  double position = std::ceil(std::log2(std::fabs(x)) * kPerOctave) - 1 - kLowest;
  if (position >= 0)
    ++counts[static_cast<size_t>(std::min<double>(position, kBins - 1))];
}

double MagnitudeCounts::largestScale() const {
  for (int bin = kBins; bin-- > 0;)
    if (counts[bin])
      return upperEdge(bin) / kMost;
  return 1;
}

double MagnitudeCounts::bestScale() const {
  double best = 1, least = HUGE_VAL;
  int last = kBins - 1;
  while (last >= 0 && !counts[last])
    --last;
  // Six octaves below the largest, only the largest would be left of nearly all numbers.
  for (int cut = last; cut >= 0 && cut > last - 6 * kPerOctave; --cut) {
    double limit = upperEdge(cut), step = limit / kMost, error = 0;
    for (int bin = 0; bin <= last; ++bin) {
      double value = upperEdge(bin), loss = value * value; // of what becomes zero
      if (bin > cut)
        loss = (value - limit) * (value - limit);
      else if (value > step / 2)
        loss = step * step / 12;
      error += static_cast<double>(counts[bin]) * loss;
    }
    if (error < least) {
      least = error;
      best = step;
    }
  }
  return best;
}

namespace {

struct LayerInput {
  std::string layer;
  MagnitudeCounts counts;
};

} // namespace

llvm::Expected<std::vector<vit::LayerArithmetic>> vitc::findStaticScales(func::FuncOp function,
                                                                         ArrayRef<vit::Tensor> inputs,
                                                                         vit::WeightEvaluator &weights,
                                                                         const PrecisionProgress &progress) {
  std::vector<LayerSensitivity> layers = takeNarrowProducts(function);
  std::vector<LayerInput> found;
  // The layers that read a value, by position in `found`.
  llvm::DenseMap<Value, llvm::SmallVector<size_t>> readers;
  for (const LayerSensitivity &layer : layers) {
    if (layer.kinds.front().product.dot != vit::DotKind::Int8)
      continue;
    for (Operation *op : layer.ops)
      readers[cast<vit::FusedLinearOp>(op).getInput()].push_back(found.size());
    found.push_back({layer.name, {}});
  }
  auto count = [&](Value value, const vit::Tensor &tensor) {
    auto it = readers.find(value);
    if (it == readers.end())
      return;
    for (size_t index : it->second)
      for (double x : tensor.data)
        found[index].counts.add(x);
  };
  vit::InterpOptions options;
  options.observe = [&](Operation *op, const vit::Tensor &tensor) { count(op->getResult(0), tensor); };
  llvm::Error error = llvm::Error::success();
  for (auto [i, input] : llvm::enumerate(inputs)) {
    if (progress)
      progress("calibrating", static_cast<double>(i) / static_cast<double>(inputs.size()));
    count(function.getArgument(0), input);
    std::vector<vit::Tensor> results;
    if (failed(vit::interpret(function, {input}, weights, options, results))) {
      error = makeError(ExitCode::Internal, "the interpreter failed on @{}", function.getName().str());
      break;
    }
  }
  putNarrowProducts(layers);
  if (error)
    return std::move(error);
  std::vector<vit::LayerArithmetic> scales;
  for (const LayerInput &input : found)
    scales.push_back({input.layer, vit::DotKind::Int8, input.counts.bestScale()});
  return scales;
}

void vitc::setStaticScales(func::FuncOp function, ArrayRef<vit::LayerArithmetic> scales) {
  llvm::StringMap<double> byLayer;
  for (const vit::LayerArithmetic &layer : scales)
    byLayer[layer.layer] = layer.inputScale;
  function.walk([&](vit::FusedLinearOp linear) {
    if (auto it = byLayer.find(vit::layerName(linear)); it != byLayer.end())
      linear.setInputScale(APFloat(it->second));
  });
}
