#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;
using namespace vitc::onnx;

namespace {

struct Output {
  llvm::StringRef name;
  View view;
  size_t rank; ///< without the axes of extent 1
};

size_t rankOf(const View &view) {
  return llvm::count_if(view.axes, [](const Dims &axis) { return !axis.empty(); });
}

/// One attempt at one output.
bool attempt(Matching &m, const Output &output, Weights &weights) {
  const Value *last = m.matchOutput(output.view, output.name, weights);
  if (!last)
    return false;
  if (m.config.width < 1 || last->size % m.config.width)
    return m.fail(last, "tokens of one width", "[tokens, width]");
  m.progress = 50;
  const Value *first = m.matchBlocks(last, weights);
  return first && m.config.depth > 0 && m.matchEmbedding(first, weights) && m.describeRope(weights) &&
         m.describeBiases(weights) && m.checkRows();
}

llvm::Error mismatch(const Model &model, const Mismatch &best) {
  if (best.node < 0)
    return inputError("{}: expected {}; the nearest that is supported: {}", model.file->path(), best.expected,
                      best.nearest);
  return inputError("{}: {}: expected {} here; the nearest that is supported: {}", model.file->path(),
                    model.describe(best.node), best.expected, best.nearest);
}

} // namespace

llvm::Expected<Matched> onnx::match(const Model &model, const Raised &raised, Graph &graph) {
  std::vector<Output> candidates;
  const Value *poison = nullptr;
  std::vector<std::string> skipped;
  for (const auto &[name, view] : raised.outputs) {
    const Value *unknown = valueOf(view, Kind::Unknown);
    if (!unknown && !onnx::isConstant(view)) {
      candidates.push_back({name, view, rankOf(view)});
      continue;
    }
    if (unknown && !unknown->otherInput && !poison)
      poison = unknown;
    skipped.push_back(fmt::format("'{}'{}", quoteForMessage(name),
                                  unknown && unknown->otherInput ? " (computed from another input)" : ""));
  }
  // Logits and pooled features say more than tokens do.
  std::vector<Output> ordered;
  for (bool small : {true, false})
    llvm::copy_if(candidates, std::back_inserter(ordered),
                  [&](const Output &o) { return (o.rank <= 1) == small; });
  if (candidates.empty()) {
    if (!poison)
      return inputError("{}: expected an output that is computed from the image alone, got {}",
                        model.file->path(), skipped.empty() ? "none" : llvm::join(skipped, ", "));
    return inputError("{}: {}: expected a step of a Vision Transformer, got {}", model.file->path(),
                      poison->node < 0 ? "graph" : model.describe(poison->node), poison->reason);
  }
  bool tokens = llvm::any_of(candidates, [](const Output &o) { return o.rank == 2; });
  std::optional<Mismatch> reported;
  Extent size = raised.layout == InputLayout::NHWC ? Extent{raised.image.extent(1), raised.image.extent(2)}
                                                   : Extent{raised.image.extent(2), raised.image.extent(3)};
  for (const Output &output : ordered) {
    for (bool finalNorm : {true, false}) {
      Matching m(graph, size);
      m.finalNorm = finalNorm;
      Weights weights;
      if (!attempt(m, output, weights)) {
        if (!reported || m.best.progress > reported->progress)
          reported = m.best;
        continue;
      }
      HeadConfig &head = m.config.head;
      if (tokens && head.layers.size() == 1 && head.layers[0].from == "pooled" && !head.preLogits) {
        // A layer on pooled features beside the tokens is a projection (CLIP), and all three are wanted.
        head.preLogits = PreLogits{head.layers[0].out, "identity", head.layers[0].bias};
        head.layers.clear();
        for (const char *parameter : {"w", "b"})
          if (auto node = weights.extract(std::string("head.main.") + parameter); !node.empty()) {
            node.key() = std::string("head.pre.") + parameter;
            weights.insert(std::move(node));
          }
      }
      if (raised.outputs.size() > 1)
        m.notes.push_back(fmt::format("imported for output '{}' of {}", quoteForMessage(output.name),
                                      raised.outputs.size()));
      if (!skipped.empty())
        m.notes.push_back("outputs left out: " + llvm::join(skipped, ", "));
      return Matched{std::move(m.config), std::move(weights), std::move(m.notes), std::move(m.warnings)};
    }
  }
  return mismatch(model, *reported);
}
