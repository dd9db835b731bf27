#include "compiler/Pipeline/Pipeline.h"
#include "dialect/IR/VerifyUtils.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

int64_t vitc::modelFlops(ModuleOp module) {
  auto function = module.lookupSymbol<func::FuncOp>("forward");
  int64_t total = 0;
  if (function)
    function.walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case([&](vit::PatchEmbedOp embed) {
            auto kernel = vit::shapeOf(embed.getKernel());
            total += 2 * vit::shapeOf(embed.getResult())[0] * kernel[0] * kernel[1] * kernel[2] * kernel[3];
          })
          .Case([&](vit::LinearOp linear) {
            auto weight = vit::shapeOf(linear.getWeight());
            total += 2 * vit::shapeOf(linear.getInput())[0] * weight[0] * weight[1];
          })
          .Case([&](vit::AttentionOp attention) {
            auto query = vit::shapeOf(attention.getQuery());
            total += 4 * query[0] * vit::shapeOf(attention.getKey())[0] * query[1];
          });
    });
  return total;
}
