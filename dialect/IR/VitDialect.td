//===- VitDialect.td - the vit dialect -------------------------------------------------------------===//

#ifndef DIALECT_IR_VITDIALECT_TD
#define DIALECT_IR_VITDIALECT_TD

include "mlir/IR/OpBase.td"

def VitDialect : Dialect {
  let name = "vit";
  let summary = "Vision Transformers, from the literature's ops to planned buffers";
  let description = [{
    The dialect has three levels, each a strict lowering of the one before:

    * **model** ops (`vit.patch_embed`, `vit.attention`, …) are pure ops on tensors that mirror the literature. They
      state what the model is.
    * **fused** ops (`vit.fused_linear`, `vit.fused_attention`, …) are pure ops on tensors that state what is computed
      in one go.
    * **planned** ops (`vit.plan.gemm`, …) are destination-style ops on buffers. Layouts, packed weights, arena
      offsets, tiles and parallel grids are decided here and are visible in the IR.

    All ops describe the forward of **one image**: the batch is a grid dimension that the runtime adds, so that a
    result cannot depend on an image's neighbours. Tokens are rows: an activation is `tensor<tokens x width x f32>`.

    Weights are symbols (`vit.weight`), either a tensor of the checkpoint or a recorded chain of transforms on others,
    evaluated in float64 and rounded once when the blob is written. `dialect/Interp` computes every op in float64.
  }];
  let cppNamespace = "::vit";
  let useDefaultAttributePrinterParser = 1;
}

#endif // DIALECT_IR_VITDIALECT_TD
