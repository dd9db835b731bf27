#include "compiler/Precision/Sensitivity.h"
#include "compiler/Support/Error.h"
#include "dialect/IR/VerifyUtils.h"
#include <cmath>

using namespace mlir;
using namespace vitc;

static vit::Product productOf(Operation *op) {
  if (auto linear = dyn_cast<vit::FusedLinearOp>(op)) {
    auto scale = linear.getInputScale();
    return {linear.getDot(), scale ? scale->convertToDouble() : 0};
  }
  auto attention = dyn_cast<vit::FusedAttentionOp>(op);
  return {attention ? attention.getDot() : std::nullopt};
}

static void setProduct(Operation *op, const vit::Product &product) {
  if (auto attention = dyn_cast<vit::FusedAttentionOp>(op))
    return attention.setDot(product.dot);
  auto linear = cast<vit::FusedLinearOp>(op);
  linear.setDot(product.dot);
  linear.setInputScale(product.inputScale != 0 ? std::optional(APFloat(product.inputScale)) : std::nullopt);
}

static double gflopOf(Operation *op) {
  if (auto linear = dyn_cast<vit::FusedLinearOp>(op)) {
    auto weight = vit::shapeOf(linear.getWeight());
    return 2e-9 * static_cast<double>(vit::shapeOf(linear.getInput())[0] * weight[0] * weight[1]);
  }
  auto attention = cast<vit::FusedAttentionOp>(op);
  auto query = vit::shapeOf(attention.getQuery());
  return 4e-9 * static_cast<double>(query[1] * vit::shapeOf(attention.getKey())[1] * query[2] *
                                    static_cast<int64_t>(attention.getHeads()));
}

std::vector<LayerSensitivity> vitc::takeNarrowProducts(func::FuncOp function) {
  std::vector<LayerSensitivity> layers;
  function.walk([&](Operation *op) {
    vit::Product product = productOf(op);
    std::string name = vit::layerName(op);
    if (!product.dot || name.empty())
      return;
    auto layer = llvm::find_if(layers, [&](const LayerSensitivity &other) { return other.name == name; });
    if (layer == layers.end()) {
      layer = layers.insert(layers.end(), LayerSensitivity());
      layer->name = name;
      layer->kinds.push_back({product});
      if (product.dot == vit::DotKind::Int8)
        layer->kinds.push_back({{vit::DotKind::Bf16}});
      layer->kinds.push_back({});
    }
    layer->ops.push_back(op);
    layer->gflop += gflopOf(op);
    setProduct(op, {});
  });
  return layers;
}

void vitc::putNarrowProducts(ArrayRef<LayerSensitivity> layers) {
  for (const LayerSensitivity &layer : layers)
    for (Operation *op : layer.ops)
      setProduct(op, layer.kinds.front().product);
}

namespace {

/// Ops from one value that all later ones depend on to the next.
struct Segment {
  Value end;
  llvm::SmallVector<Operation *> products;
};

/// Cuts a function where one value is alive, weights apart, and something narrow lies between.
std::vector<Segment> segmentsOf(func::FuncOp function, const llvm::DenseSet<Operation *> &narrow) {
  Block &block = function.getBody().front();
  llvm::DenseMap<Value, unsigned> usesLeft;
  llvm::DenseSet<Value> alive;
  std::vector<Segment> segments;
  Segment current;
  auto define = [&](Value value) {
    unsigned uses = static_cast<unsigned>(std::distance(value.use_begin(), value.use_end()));
    if (uses) {
      usesLeft[value] = uses;
      alive.insert(value);
    }
  };
  for (BlockArgument argument : block.getArguments())
    define(argument);
  for (Operation &op : block) {
    if (isa<vit::ParamOp>(op))
      continue;
    for (Value operand : op.getOperands())
      if (auto it = usesLeft.find(operand); it != usesLeft.end() && --it->second == 0)
        alive.erase(operand);
    for (Value result : op.getResults())
      define(result);
    if (narrow.contains(&op))
      current.products.push_back(&op);
    if (alive.size() == 1 && !current.products.empty()) {
      current.end = *alive.begin();
      segments.push_back(std::exchange(current, {}));
    }
  }
  if (!current.products.empty()) { // several outputs: no value of their own to measure at
    segments.push_back(current);
  }
  return segments;
}

/// One variant: an op in one of its kinds, or a segment as narrow as the precision says.
struct Role {
  size_t segment;
  LayerSensitivity *layer = nullptr; ///< null: the segment's
  size_t kind = 0;
};

} // namespace

llvm::Error vitc::measureSensitivity(func::FuncOp function, ArrayRef<vit::Tensor> inputs,
                                     vit::WeightEvaluator &weights, const PrecisionProgress &progress,
                                     std::vector<LayerSensitivity> &layers) {
  llvm::DenseMap<Operation *, LayerSensitivity *> layerOf;
  llvm::DenseSet<Operation *> narrow;
  for (LayerSensitivity &layer : layers)
    for (Operation *op : layer.ops) {
      layerOf[op] = &layer;
      narrow.insert(op);
    }
  std::vector<Segment> segments = segmentsOf(function, narrow);
  if (segments.empty())
    return llvm::Error::success();

  std::vector<vit::Variant> variants;
  std::vector<Role> roles;
  for (auto [s, segment] : llvm::enumerate(segments)) {
    vit::Variant whole;
    whole.probe = segment.end;
    for (Operation *op : segment.products) {
      LayerSensitivity &layer = *layerOf[op];
      whole.products[op] = layer.kinds.front().product;
      for (size_t kind = 0; kind + 1 < layer.kinds.size(); ++kind) {
        vit::Variant alone;
        alone.probe = segment.end;
        alone.stopAtProbe = static_cast<bool>(segment.end);
        alone.products[op] = layer.kinds[kind].product;
        variants.push_back(std::move(alone));
        roles.push_back({s, &layer, kind});
      }
    }
    variants.push_back(std::move(whole));
    roles.push_back({s});
  }

  // Squared differences and norms of the outputs, added over the inputs.
  std::vector<std::vector<double>> differences(variants.size());
  std::vector<double> norms;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    if (progress)
      progress("measuring layers", static_cast<double>(i) / static_cast<double>(inputs.size()));
    std::vector<vit::VariantErrors> errors;
    if (failed(vit::runVariants(function, input, weights, variants, errors)))
      return makeError(ExitCode::Internal, "the interpreter failed on @{}", function.getName().str());
    std::vector<const vit::VariantErrors *> wholes(segments.size());
    for (auto [role, error] : llvm::zip(roles, errors))
      if (!role.layer)
        wholes[role.segment] = &error;
    norms.resize(wholes.front()->results.size());
    for (auto [norm, output] : llvm::zip(norms, wholes.front()->results))
      norm += output.norm;
    for (auto [role, error, sums] : llvm::zip(roles, errors, differences)) {
      const vit::VariantErrors &whole = *wholes[role.segment];
      bool carried = static_cast<bool>(segments[role.segment].end);
      double part = whole.probe.difference > 0 ? error.probe.difference / whole.probe.difference : 0;
      sums.resize(norms.size());
      for (auto [o, sum] : llvm::enumerate(sums))
        sum += carried ? part * whole.results[o].difference : error.results[o].difference;
    }
  }
  for (auto [role, sums] : llvm::zip(roles, differences))
    if (role.layer) { // a layer's ops add as squares
      double worst = 0;
      for (auto [difference, norm] : llvm::zip(sums, norms))
        worst = std::max(worst, vit::SquaredError{difference, norm}.relative());
      double &error = role.layer->kinds[role.kind].error;
      error = std::hypot(error, worst);
    }
  return llvm::Error::success();
}
