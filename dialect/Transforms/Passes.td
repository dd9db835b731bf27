//===- Passes.td - passes from vit to vit -----------------------------------------------------------===//
//
// The example of each pass is the first case of its test, test/dialect/Transforms/NAME.mlir.
//
//===----------------------------------------------------------------------------------------------===//

#ifndef DIALECT_TRANSFORMS_PASSES_TD
#define DIALECT_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

/// A pass with the option `statistics`, which reports its counts as remarks (see PassStatistics.h).
class VitPass<string argument, string operation> : Pass<argument, operation> {
  let dependentDialects = ["::vit::VitDialect"];
  let options = [Option<"reportStatistics", "statistics", "bool", /*default=*/"false",
                        "Say as a remark what the pass did">];
}

def FoldImageNormalization : VitPass<"vit-fold-image-normalization", "::mlir::ModuleOp"> {
  let summary = "normalisation of pixels into the patch embedding";
  let description = [{
    `sum K ((x scale - mean) / std) = sum (K scale / std) x - sum K mean / std`: the patch embedding reads the pixels
    themselves. Its kernel is scaled per channel, and its bias, zeros if there was none, takes the constant part,
    computed from the original kernel.

    ```mlir
    %image = vit.normalize_image %pixels scale 0.00390625 mean [0.5, 0.25] std [0.5, 0.25]
        : tensor<4x4x2xui8> -> tensor<2x4x4xf32>
    %tokens = vit.patch_embed %image, %k bias %b stride [2, 2]
        : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
    becomes
    ```mlir
    vit.weight @embed.patch.w.matrix : tensor<3x8xf32> = [#vit.ref<@embed.patch.w>, #vit.reshape<[3, 8]>]
    vit.weight @embed.patch.b.pixels : tensor<3xf32>
        = [#vit.ref<@embed.patch.b>, #vit.add_col_groups<@embed.patch.w.matrix, [-1.0, -1.0]>]
    vit.weight @embed.patch.w.pixels : tensor<3x2x2x2xf32>
        = [#vit.ref<@embed.patch.w>, #vit.reshape<[3, 8]>, #vit.scale_col_groups<[0.0078125, 0.015625]>,
           #vit.reshape<[3, 2, 2, 2]>]
    %b = vit.param @embed.patch.b.pixels : tensor<3xf32>
    %k = vit.param @embed.patch.w.pixels : tensor<3x2x2x2xf32>
    %tokens = vit.patch_embed %pixels, %k bias %b stride [2, 2]
        : (tensor<4x4x2xui8>, tensor<3x2x2x2xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```

    Legal if the patch embedding is the only reader of the normalised image, has no padding (its zeros are added after
    normalisation), and has weights as kernel and bias.

    Statistic: `images-folded`.
  }];
}

def FoldPositionEmbedding : VitPass<"vit-fold-position-embedding", "::mlir::ModuleOp"> {
  let summary = "positions of prefix tokens into the tokens, prefix tokens into one";
  let description = [{
    A position table that is added to the concatenation of prefix tokens and patches is cut by rows: the rows of prefix
    tokens are added to those weights, the rows of patches to the patches, where they become the residual of the patch
    embedding. Adjacent prefix tokens join into one weight, also when they have no positions (registers).

    ```mlir
    %tokens = vit.concat %cls, %dist, %patches
        : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
    %x = vit.add %tokens, %pos : tensor<5x4xf32>
    ```
    becomes
    ```mlir
    vit.weight @embed.pos.rows_0_1 : tensor<1x4xf32> = [#vit.ref<@embed.pos>, #vit.rows<0, 1>]
    vit.weight @embed.cls.pos : tensor<1x4xf32> = [#vit.ref<@embed.cls>, #vit.add<@embed.pos.rows_0_1>]
    vit.weight @embed.pos.rows_1_1 : tensor<1x4xf32> = [#vit.ref<@embed.pos>, #vit.rows<1, 1>]
    vit.weight @embed.dist.pos : tensor<1x4xf32> = [#vit.ref<@embed.dist>, #vit.add<@embed.pos.rows_1_1>]
    vit.weight @embed.pos.rows_2_3 : tensor<3x4xf32> = [#vit.ref<@embed.pos>, #vit.rows<2, 3>]
    vit.weight @embed.cls_dist : tensor<2x4xf32>
        = [#vit.ref<@embed.cls>, #vit.add<@embed.pos.rows_0_1>, #vit.append<@embed.dist.pos>]
    %pos = vit.param @embed.pos.rows_2_3 : tensor<3x4xf32>
    %sum = vit.add %patches, %pos : tensor<3x4xf32>
    %prefix = vit.param @embed.cls_dist : tensor<2x4xf32>
    %x = vit.concat %prefix, %sum : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
    ```

    Legal if the addition is the only reader of the concatenation and its other operand is a weight.

    Statistics: `tables-folded`, `weights-merged`.
  }];
}

def DropDeadRows : VitPass<"vit-drop-dead-rows", "::mlir::func::FuncOp"> {
  let summary = "compute only the tokens that are read";
  let description = [{
    Moves slices up through ops in which each row of the result depends on the same row of an operand, and through
    attention to its query. A classifier that reads the class token then needs one row of the last block from the
    query on; keys and values still cover all tokens. When several slices read a value, its rows are narrowed to the
    range that covers them.

    ```mlir
    %y = vit.layer_norm %x gamma %g beta %b eps 1.000000e-06
        : (tensor<5x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %cls = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
    ```
    becomes
    ```mlir
    %row = vit.slice %x from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
    %cls = vit.layer_norm %row gamma %g beta %b eps 1.000000e-06
        : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
    ```

    Legal if every reader of the value is a slice: another one, such as the function's result, needs all rows.

    Statistic: `rows-dropped`, rows that some op computed before and none does now.
  }];
}

def FoldLayerScale : VitPass<"vit-fold-layer-scale", "::mlir::ModuleOp"> {
  let summary = "layer scale into the linear layer before it";
  let description = [{
    `(W x + b) * g = (W * g) x + b * g`, by rows.

    ```mlir
    %y = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %z = vit.layer_scale %y, %g : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    ```
    becomes
    ```mlir
    vit.weight @blk.0.o.w.scaled : tensor<4x4xf32> = [#vit.ref<@blk.0.o.w>, #vit.scale_rows<@blk.0.ls1>]
    vit.weight @blk.0.o.b.scaled : tensor<4xf32> = [#vit.ref<@blk.0.o.b>, #vit.scale_rows<@blk.0.ls1>]
    %w = vit.param @blk.0.o.w.scaled : tensor<4x4xf32>
    %b = vit.param @blk.0.o.b.scaled : tensor<4xf32>
    %z = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    ```

    Legal if the layer scale is the only reader of a linear layer, and both have weights as operands. The gamma and beta
    of a norm take the factors likewise (blocks whose norm comes last), and the layer that makes an attention's values
    where no projection follows.

    Statistic: `layer-scales-folded`.
  }];
}

def FoldNormAffine : VitPass<"vit-fold-norm-affine", "::mlir::ModuleOp"> {
  let summary = "gamma and beta of a layer norm into the linear layers that read it";
  let description = [{
    `W (g * x + b) + c = (W * g) x + (c + W b)`: weights are scaled by columns, biases, zeros if there were none, take
    the product of the original weight with beta.

    ```mlir
    %y = vit.layer_norm %x gamma %g beta %b eps 1.000000e-06
        : (tensor<5x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %z = vit.linear %y, %w bias %c : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
    ```
    becomes
    ```mlir
    vit.weight @blk.0.fc1.b.norm : tensor<8xf32>
        = [#vit.ref<@blk.0.fc1.b>, #vit.add_matvec<@blk.0.fc1.w, @blk.0.ln2.b>]
    vit.weight @blk.0.fc1.w.norm : tensor<8x4xf32> = [#vit.ref<@blk.0.fc1.w>, #vit.scale_cols<@blk.0.ln2.w>]
    %y = vit.layer_norm %x eps 1.000000e-06 : (tensor<5x4xf32>) -> tensor<5x4xf32>
    %c = vit.param @blk.0.fc1.b.norm : tensor<8xf32>
    %w = vit.param @blk.0.fc1.w.norm : tensor<8x4xf32>
    %z = vit.linear %y, %w bias %c : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
    ```

    Legal if only linear layers with weights as operands read the norm, directly or through slices and means of tokens.
    A norm that is a result of the function, or that feeds a residual connection, keeps its affine part.

    Statistic: `norms-folded`.
  }];
}

def FoldAttentionScale : VitPass<"vit-fold-attention-scale", "::mlir::ModuleOp"> {
  let summary = "the scale of attention into the query projection";
  let description = [{
    `s (W x + b) = (s W) x + s b`.

    ```mlir
    %q = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %y = vit.attention %q, %k, %v heads 1 scale 5.000000e-01
        : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
    ```
    becomes
    ```mlir
    vit.weight @blk.0.q.w.scaled : tensor<4x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.scale<5.000000e-01 : f64>]
    vit.weight @blk.0.q.b.scaled : tensor<4xf32> = [#vit.ref<@blk.0.q.b>, #vit.scale<5.000000e-01 : f64>]
    %w = vit.param @blk.0.q.w.scaled : tensor<4x4xf32>
    %b = vit.param @blk.0.q.b.scaled : tensor<4xf32>
    %q = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %y = vit.attention %q, %k, %v heads 1 scale 1.000000e+00
        : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
    ```

    Legal if the query is the result of a linear layer with weights as operands that nothing else reads, perhaps behind
    a rotation, with which the scale commutes. A norm of the query would undo it: then gamma and beta are scaled.

    Statistic: `scales-folded`.
  }];
}

def LowerPatchEmbed : VitPass<"vit-lower-patch-embed", "::mlir::ModuleOp"> {
  let summary = "patch embedding to a matrix product on patches";
  let description = [{
    ```mlir
    %y = vit.patch_embed %image, %k bias %b stride [2, 2]
        : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
    becomes
    ```mlir
    vit.weight @embed.patch.w.matrix : tensor<3x8xf32> = [#vit.ref<@embed.patch.w>, #vit.reshape<[3, 8]>]
    %patches = vit.extract_patches %image size [2, 2] stride [2, 2] : tensor<2x4x4xf32> -> tensor<4x8xf32>
    %w = vit.param @embed.patch.w.matrix : tensor<3x8xf32>
    %y = vit.linear %patches, %w bias %b : (tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```

    Then patches are read from what their image is made of: from pixels, each normalised as it is read, where padding or
    a norm of patches kept the normalisation from the kernel, and from images whose channels come last.

    ```mlir
    %image = vit.channels_first %x : tensor<4x4x2xf32> -> tensor<2x4x4xf32>
    %patches = vit.extract_patches %image size [2, 2] stride [2, 2] : tensor<2x4x4xf32> -> tensor<4x8xf32>
    ```
    becomes
    ```mlir
    %patches = vit.extract_patches %x size [2, 2] stride [2, 2] {channels_last} : tensor<4x4x2xf32> -> tensor<4x8xf32>
    ```

    Legal if the kernel is a weight. A remark says why a patch embedding stays.

    Statistics: `patch-embeddings-lowered`, `sources-read`.
  }];
}

def FuseAttention : VitPass<"vit-fuse-attention", "::mlir::ModuleOp"> {
  let summary = "attention and its projections to fused ops on head planes";
  let description = [{
    The projections write head planes, and attention needs no tokens x tokens tensor. `log2(e)` goes into the query's
    weight and bias, so that the softmax is one of powers of two.

    ```mlir
    %q = vit.linear %x, %wq bias %bq : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %k = vit.linear %x, %wk : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
    %v = vit.linear %x, %wv bias %bv : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %y = vit.attention %q, %k, %v heads 2 scale 1.000000e+00
        : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
    ```
    becomes
    ```mlir
    vit.weight @blk.0.q.w.log2e : tensor<4x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.scale<1.4426950408889634 : f64>]
    vit.weight @blk.0.q.b.log2e : tensor<4xf32> = [#vit.ref<@blk.0.q.b>, #vit.scale<1.4426950408889634 : f64>]
    %wq = vit.param @blk.0.q.w.log2e : tensor<4x4xf32>
    %bq = vit.param @blk.0.q.b.log2e : tensor<4xf32>
    %q = vit.fused_linear %x, %wq bias %bq heads 2
        : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x5x2xf32>
    %k = vit.fused_linear %x, %wk heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
    %v = vit.fused_linear %x, %wv bias %bv heads 2
        : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x5x2xf32>
    %y = vit.fused_attention %q, %k, %v heads 2 planes [0, 0, 0] base2
        : (tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<5x4xf32>
    ```

    Norms of heads and rotations between projections and attention work on head planes then. Rotations of halves become
    those of neighbours: the channels of queries and keys, and the columns of the tables, are renumbered.

    Legal if the scale is 1, each operand is the result of a linear layer that nothing else reads, perhaps behind a norm
    and a rotation, and the query's weights, and a bias of the scores, are weights. A remark says why an attention is
    not fused.

    Statistic: `attentions-fused`.
  }];
}

def PackQkv : VitPass<"vit-pack-qkv", "::mlir::ModuleOp"> {
  let summary = "projections of one input to one matrix product";
  let description = [{
    ```mlir
    %q = vit.fused_linear %x, %wq bias %bq heads 2
        : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x5x2xf32>
    %k = vit.fused_linear %x, %wk heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
    %v = vit.fused_linear %x, %wv bias %bv heads 2
        : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x5x2xf32>
    %y = vit.fused_attention %q, %k, %v heads 2 planes [0, 0, 0] base2
        : (tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<5x4xf32>
    ```
    becomes
    ```mlir
    vit.weight @blk.0.qkv.w : tensor<12x4xf32>
        = [#vit.ref<@blk.0.q.w>, #vit.append<@blk.0.k.w>, #vit.append<@blk.0.v.w>]
    vit.weight @blk.0.k.b.zeros : tensor<4xf32> = [#vit.zeros<[4]>]
    vit.weight @blk.0.qkv.b : tensor<12xf32>
        = [#vit.ref<@blk.0.q.b>, #vit.append<@blk.0.k.b.zeros>, #vit.append<@blk.0.v.b>]
    %w = vit.param @blk.0.qkv.w : tensor<12x4xf32>
    %b = vit.param @blk.0.qkv.b : tensor<12xf32>
    %qkv = vit.fused_linear %x, %w bias %b heads 6
        : (tensor<5x4xf32>, tensor<12x4xf32>, tensor<12xf32>) -> tensor<6x5x2xf32>
    %y = vit.fused_attention %qkv, %qkv, %qkv heads 2 planes [0, 2, 4] base2
        : (tensor<6x5x2xf32>, tensor<6x5x2xf32>, tensor<6x5x2xf32>) -> tensor<5x4xf32>
    ```

    Packs the two or three projections of an attention that read the same tokens. Legal for a projection if the
    attention is its only reader and its weight and bias are weights.

    Statistic: `projections-packed`.
  }];
}

def FuseLinear : VitPass<"vit-fuse-linear", "::mlir::func::FuncOp"> {
  let summary = "linear layers take their activation, gate and residual as epilogue";
  let description = [{
    ```mlir
    %y = vit.linear %x, %w1 bias %b1 : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
    %z = vit.activation gelu_erf %y : tensor<5x8xf32>
    %u = vit.linear %z, %w2 bias %b2 : (tensor<5x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<5x4xf32>
    %r = vit.add %x, %u : tensor<5x4xf32>
    ```
    becomes
    ```mlir
    %z = vit.fused_linear %x, %w1 bias %b1 activation gelu_erf
        : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
    %r = vit.fused_linear %z, %w2 bias %b2 residual %x
        : (tensor<5x8xf32>, tensor<4x8xf32>, tensor<4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
    ```

    An op is taken into the epilogue if it is the only reader of the value before it: the fused op never stores that
    value. Linear layers without an epilogue become `vit.fused_linear` too. Where two linear layers meet in an
    addition or a product, the later one takes it.

    Statistics: `linears-fused`, `activations-fused`, `factors-fused`, `residuals-fused`.
  }];
}

def LowerPrecision : VitPass<"vit-lower-precision", "::mlir::ModuleOp"> {
  let summary = "products in bfloat16 or bytes";
  let description = [{
    Linear layers and attention multiply operands rounded to bfloat16 and add in f32; the residual stream, norms,
    softmax and activations stay in f32. With `precision=int8` linear layers multiply bytes, except for the patch
    embedding and heads, which cost little time and much accuracy: these and attention are in bfloat16. `layers` says
    otherwise for single layers; a linear layer is called by its weight (`blk.3.fc1`), an attention `attention` in the
    scope of its query's layer (`blk.3.attention`).

    ```mlir
    %y = vit.fused_linear %x, %w bias %b : (tensor<5x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<5x3xf32>
    ```
    becomes
    ```mlir
    %y = vit.fused_linear %x, %w bias %b dot bf16
        : (tensor<5x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<5x3xf32>
    ```
  }];
  let options = [Option<"precision", "precision", "::vit::DotKind", /*default=*/"::vit::DotKind::Bf16",
                        "Arithmetic of linear layers",
                        [{::llvm::cl::values(clEnumValN(::vit::DotKind::Bf16, "bf16", "bfloat16"),
                                             clEnumValN(::vit::DotKind::Int8, "int8", "bytes, a scale a row"))}]>,
                 ListOption<"layers", "layers", "std::string",
                            "Layers with an arithmetic of their own: NAME=f32, NAME=bf16, NAME=int8, or "
                            "NAME=int8:SCALE with one scale for all rows of the input">,
                 Option<"reportStatistics", "statistics", "bool", /*default=*/"false",
                        "Say as a remark what the pass did">];
}

#endif // DIALECT_TRANSFORMS_PASSES_TD
