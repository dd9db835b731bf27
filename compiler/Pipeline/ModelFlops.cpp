#include "compiler/Pipeline/Pipeline.h"
#include "dialect/IR/VerifyUtils.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

int64_t vitc::modelFlopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case([](vit::PatchEmbedOp embed) {
        auto kernel = vit::shapeOf(embed.getKernel());
        return 2 * vit::shapeOf(embed.getResult())[0] * kernel[0] * kernel[1] * kernel[2] * kernel[3];
      })
      .Case([](vit::LinearOp linear) {
        auto weight = vit::shapeOf(linear.getWeight());
        return 2 * vit::shapeOf(linear.getInput())[0] * weight[0] * weight[1];
      })
      .Case([](vit::AttentionOp attention) {
        auto query = vit::shapeOf(attention.getQuery());
        return 4 * query[0] * vit::shapeOf(attention.getKey())[0] * query[1];
      })
      .Default([](Operation *) { return 0; });
}

int64_t vitc::modelFlops(ModuleOp module) {
  auto function = module.lookupSymbol<func::FuncOp>("forward");
  int64_t total = 0;
  if (function)
    function.walk([&](Operation *op) { total += modelFlopsOf(op); });
  return total;
}
