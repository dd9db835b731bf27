//===- VitWeightOps.td - weights as symbols ---------------------------------------------------------===//

#ifndef DIALECT_IR_VITWEIGHTOPS_TD
#define DIALECT_IR_VITWEIGHTOPS_TD

include "dialect/IR/VitOpBase.td"

def WeightOp : VitOp<"weight", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight: a tensor of the checkpoint, or a chain of transforms of others";
  let description = [{
    Without a chain, the symbol's name is the tensor's canonical name in the checkpoint. With one, the weight is the
    result of applying the steps in order, in float64, rounded once to the element type. `offset` is the byte offset
    in the packed blob once memory has been planned.

    ```mlir
    vit.weight @blk.0.ln1.w : tensor<768xf32>
    vit.weight @blk.0.q.w : tensor<768x768xf32>
    vit.weight @q.folded : tensor<768x768xf32> = [#vit.ref<@blk.0.q.w>, #vit.scale_cols<@blk.0.ln1.w>]
    ```

    Constraints:
    * `weight_c1`: the type is a tensor of f32 with 1 to 4 static, positive dimensions, or of bf16 or i8 if the last
      step but packing rounds to that.
    * `weight_c2`: every step implements a weight transform; the first is a source, the others are not.
    * `weight_c3`: every weight that the chain names exists, and the chain has no cycle
      and is at most 256 weights deep.
    * `weight_c4`: the chain's shape equals the type's shape.
    * `weight_c5`: the offset is a multiple of 64 and not negative.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, OptionalAttr<ArrayAttr>:$chain,
                       OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name `:` $type (`=` $chain^)? (`at` $offset^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::mlir::cast<::mlir::RankedTensorType>(getType()); }
    /// A weight is only reachable by name inside its module, so that unused ones can be erased.
    ::mlir::SymbolTable::Visibility getVisibility() { return ::mlir::SymbolTable::Visibility::Private; }
    bool canDiscardOnUseEmpty() { return true; }
  }];
}

def ParamOp : VitOp<"param", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let description = [{
    `%w = vit.param @blk.0.q.w : tensor<768x768xf32>`

    Constraints:
    * `param_c1`: the symbol is a `vit.weight` of the same type.
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

#endif // DIALECT_IR_VITWEIGHTOPS_TD
