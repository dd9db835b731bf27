//===- VitPlannedOps.td - planned ops: parallel regions on buffers ----------------------------------===//
//
// Buffers are memrefs whose origin is their first element. Rows may be padded: `memref<197x768xf32, strided<[784, 1]>>`
// has 768 columns, and the 16 behind them may be overwritten by whole vectors. A region rounds what it writes to the
// buffer's element type.
//
//===----------------------------------------------------------------------------------------------===//

#ifndef DIALECT_IR_VITPLANNEDOPS_TD
#define DIALECT_IR_VITPLANNEDOPS_TD

include "dialect/IR/VitOpBase.td"

def PlannablePred : CPred<"::vit::isPlannableBuffer(::llvm::cast<::mlir::MemRefType>($_self))">;
class Buffer<list<Type> elements, int rank, string summary>
    : ConfinedType<MemRefRankOf<elements, [rank]>, [PlannablePred],
                   summary # " of static extents and strides, the innermost one", "::mlir::MemRefType">;
def VectorBuffer : Buffer<[F32], 1, "f32 buffer [entries]">;
def RowBuffer : Buffer<[F32, BF16], 2, "f32 or bf16 buffer [rows, columns]">;
def PlaneBuffer : Buffer<[F32, BF16], 3, "f32 or bf16 buffer [planes, rows, columns]">;
def OperandRowBuffer : Buffer<[F32, BF16, I8, I16], 2, "f32, bf16, i8 or i16 buffer [rows, columns]">;
def OperandPlaneBuffer : Buffer<[F32, BF16, I8], 3, "f32, bf16 or i8 buffer [planes, rows, columns]">;
def ByteRowBuffer : Buffer<[I8, I16], 2, "i8 or i16 buffer [rows, columns]">;
def ImageBuffer : Buffer<[F32, I8, UI8], 3, "f32 image [channels, height, width] or u8 pixels [height, width, channels]">;
def AnyBuffer : AnyTypeOf<[VectorBuffer, RowBuffer, OperandPlaneBuffer], "", "::mlir::MemRefType">;

//===----------------------------------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------------------------------===//

def PlanBufferOp : VitOp<"plan.buffer", [Pure]> {
  let summary = "a buffer of the image's arena";
  let description = [{
    Without an offset memory is not planned yet; with one, the buffer starts at that byte of the image's arena.

    `%x = vit.plan.buffer at 4096 : memref<197x768xf32, strided<[784, 1]>>`

    Constraints:
    * `plan_buffer_c1`: extents and strides are static, the innermost stride is one, and rows do not overlap.
    * `plan_buffer_c2`: the offset is a multiple of 64, from 0 to 2^33.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs MemRefOf<[F32, BF16, I8, I16]>:$result);
  let assemblyFormat = "(`at` $offset^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def PlanWeightsOp : VitOp<"plan.weights", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a packed weight in the blob";
  let description = [{
    Constraints:
    * `plan_weights_c1`: the symbol is a `vit.weight` with as many elements as the buffer's extent.
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyBuffer:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def PlanViewOp : VitOp<"plan.view", [Pure]> {
  let summary = "consecutive rows of a row buffer, or of planes";
  let description = [{
    The result's origin is row `first` of the source. Planes that are not padded between them are rows, too: those of
    one plane after those of another.

    Constraints:
    * `plan_view_c1`: the rows lie inside the source; the stride is kept, and so is the width, but of planes, which may
      have padded columns.
  }];
  let arguments = (ins AnyTypeOf<[RowBuffer, PlaneBuffer], "", "::mlir::MemRefType">:$source, I64Attr:$first);
  let results = (outs RowBuffer:$result);
  let assemblyFormat = "$source `from` $first attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------------------------------===//

class PlanRegionOp<string mnemonic, list<Trait> traits = [], list<string> overrides = []>
    : VitOp<mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<PlannedOpInterface, overrides>])>;

// What a region reads and writes of its operands.
class In<TypeConstraint type> : Arg<type, "", [MemRead]>;
class Out<TypeConstraint type> : Arg<type, "", [MemWrite]>;
// Of operations whose scales are read where they are given, else written: effects in C++.
defvar ScaledRows = DeclareOpInterfaceMethods<MemoryEffectsOpInterface>;

def PlanGatherOp : PlanRegionOp<"plan.gather"> {
  let summary = "patches of an image as rows";
  let description = [{
    `vit.extract_patches` on buffers. `chunks` divides the patch rows.

    Constraints:
    * `plan_gather_c1`: the output is `[patches, C * Ph * Pw]` for the input's image or pixels; paddings are smaller
      than the patch.
    * `plan_gather_c2`: chunks is positive and at most the number of patches.
    * `plan_gather_c3`: factors and shifts, if any, have an entry for each channel.
  }];
  let arguments = (ins In<ImageBuffer>:$input, Out<RowBuffer>:$output, DenseI64ArrayAttr:$size, DenseI64ArrayAttr:$stride,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$padding,
                       OptionalAttr<DenseF64ArrayAttr>:$factors, OptionalAttr<DenseF64ArrayAttr>:$shifts,
                       UnitAttr:$channels_last, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)`
                          `size` $size `stride` $stride `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanGemmOp : PlanRegionOp<"plan.gemm", [AttrSizedOperandSegments], ["getFlops", "getParts", "getScratchBytes", "getDotKind", "cloneFine"]> {
  let summary = "matrix product with packed weights and an epilogue";
  let description = [{
    `C = activation(A W^T + bias) * factor + residual` with W packed in panels `[panels, K, panel width]`, or, if it is bf16, in
    `[panels, ceil(K / 2), panel width * 2]` (`#vit.pack_panels<width by 2>`), for i8 in quads likewise. C is either rows `[M, N]` or head planes
    `[planes, M, plane width]`, where column n goes to plane `n / plane width`. Whole panels are written: the columns of
    C up to `panels * panel width` must be addressable. The factor and the residual may be C itself. A tile waits for its activation
    in scratch.

    Element types choose the arithmetic: A and W of f32; A and W of bf16, by the machine's dot product of pairs, for
    which the columns of A up to an even K must hold zeros; A of f32 and W of bf16, widened.

    W of i8 comes with `column_scales` s: with A of f32 the product is `s[n] sum A W`. A of i8 holds unsigned bytes with
    128 for zero, A of i16 the same numbers in twice the room, for machines that multiply those; either comes with `row_scales` r and `column_sums` t (`#vit.row_sums`): the product is
    `r[m] (s[n] sum A W - 128 t[n])`.

    `grid = [row blocks, panel groups, parts]`: chunk = (row block * panel groups + panel group) * parts + part of the
    row block; the parts of one block and group share their weights. Rows are covered by `ceil(M / tile rows)` tiles
    whose heights differ by at most one. `images_inner`: a pass over several images does one
    chunk of all of them before the next, for products whose rows are too few to make up for reading the weights. Many
    threads divide a row block into `fine` parts instead.

    `matrix_unit`: the registers of a matrix unit multiply (`#vit.isa`), one setting of them for all tiles, and sums wait
    in scratch for all of the epilogue.

    Constraints:
    * `plan_gemm_c1`: the weights' K is A's width, for bf16 in pairs, for i8 in quads, for which A's rows have room;
      weights are bf16 or i8 if A is, and i8 if A is i16.
    * `plan_gemm_c2`: C has A's rows, and N columns fit the panels: `(panels - 1) * width < N <= panels * width`.
    * `plan_gemm_c3`: whole panels fit the row stride (rows) or the planes (planes).
    * `plan_gemm_c4`: bias has `panels * width` entries.
    * `plan_gemm_c5`: factor and residual have C's shape, and their row strides hold whole panels.
    * `plan_gemm_c7`: scales of columns come with weights of i8, scales of rows and sums of columns with A of i8 or i16;
      they have `panels * width` and M entries.
    * `plan_gemm_c6`: grid has three positive entries, row blocks * parts at most the tiles and groups at most the
      panels; tile has two entries of 1 to 64.
    * `plan_gemm_c8`: a matrix unit multiplies A and W of bf16 or i8, and the tile fits its registers and divides a
      panel.
    * `plan_gemm_c9`: fine is more parts than those of the grid, with which it keeps to `plan_gemm_c6`.
  }];
  let arguments = (ins In<OperandRowBuffer>:$a, In<OperandPlaneBuffer>:$weights, In<Optional<VectorBuffer>>:$row_scales,
                       In<Optional<VectorBuffer>>:$column_scales, In<Optional<VectorBuffer>>:$column_sums,
                       In<Optional<VectorBuffer>>:$bias, In<Optional<RowBuffer>>:$factor, In<Optional<RowBuffer>>:$residual,
                       Out<AnyTypeOf<[RowBuffer, PlaneBuffer], "", "::mlir::MemRefType">>:$c, OptionalAttr<ActivationAttr>:$activation, DenseI64ArrayAttr:$tile,
                       UnitAttr:$matrix_unit, DenseI64ArrayAttr:$grid, OptionalAttr<I64Attr>:$fine, UnitAttr:$images_inner,
                       I64Attr:$flops);
  let assemblyFormat = [{ `ins` `(` $a `,` $weights `:` type($a) `,` type($weights) `)`
                          (`row_scales` `(` $row_scales^ `:` type($row_scales) `)`)?
                          (`column_scales` `(` $column_scales^ `:` type($column_scales) `)`)?
                          (`column_sums` `(` $column_sums^ `:` type($column_sums) `)`)?
                          (`bias` `(` $bias^ `:` type($bias) `)`)? (`activation` $activation^)?
                          (`factor` `(` $factor^ `:` type($factor) `)`)?
                          (`residual` `(` $residual^ `:` type($residual) `)`)?
                          `outs` `(` $c `:` type($c) `)` `tile` $tile (`matrix_unit` $matrix_unit^)? `grid` $grid
                          (`fine` $fine^)? (`images_inner` $images_inner^)? `flops` $flops attr-dict }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Neighbours along K that lie side by side in a column of the weights: 4 for i8, 2 for bf16, else 1.
    int64_t neighbours();
    /// Columns of a panel.
    int64_t panelWidth();
  }];
}

def PlanLayerNormOp : PlanRegionOp<"plan.layer_norm", [AttrSizedOperandSegments, ScaledRows]> {
  let summary = "layer normalisation of rows";
  let description = [{
    `vit.layer_norm` on buffers; may run in place. Behind the width, up to a multiple of 16, rows with room for them get
    zeros: the rest of a head plane. With `scales` what `vit.plan.quantize` would make of the result is
    written instead, the result itself nowhere; `given` is the same, too. `chunks` divides the rows.

    Constraints:
    * `plan_layer_norm_c1`: input and output have one shape.
    * `plan_layer_norm_c2`: gamma and beta hold whole vectors that cover the width.
    * `plan_layer_norm_c3`: chunks is positive and at most the number of rows; eps is positive.
    * `plan_layer_norm_c4`: there is a scale for each row of integers, and none for numbers; only scales are given.
  }];
  let arguments = (ins RowBuffer:$input, Optional<VectorBuffer>:$gamma, Optional<VectorBuffer>:$beta,
                       OperandRowBuffer:$output, Optional<VectorBuffer>:$scales, UnitAttr:$given, UnitAttr:$rms,
                       F64Attr:$eps, I64Attr:$chunks);
  let assemblyFormat = [{ (`rms` $rms^)? `ins` `(` $input `:` type($input) `)` (`gamma` `(` $gamma^ `:` type($gamma) `)`)?
                          (`beta` `(` $beta^ `:` type($beta) `)`)? `outs` `(` $output `:` type($output) `)`
                          (`scales` `(` $scales^ `:` type($scales) `)`)? (`given` $given^)? `eps` $eps `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanRopeOp : PlanRegionOp<"plan.rope"> {
  let summary = "rotary position embedding of head planes";
  let description = [{
    `vit.rope` of neighbouring channels on planes; may run in place. The tables are padded as planes are: `[N, plane
    width]`, or `[N, planes * plane width]` where every plane has its own. `chunks` divides the planes' rows, those of a
    plane into `chunks / planes` parts.

    Constraints:
    * `plan_rope_c1`: input and output have planes of one shape, of an even width; the input may have more.
    * `plan_rope_c2`: both tables have one shape, N rows from `first` on lie inside a plane, and their columns are those
      of one plane or of all.
    * `plan_rope_c3`: chunks is a positive multiple of the planes, at most one for each row.
  }];
  let arguments = (ins In<PlaneBuffer>:$input, In<RowBuffer>:$cos, In<RowBuffer>:$sin, Out<PlaneBuffer>:$output, I64Attr:$first,
                       I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $input `,` $cos `,` $sin `:` type($input) `,` type($cos) `,` type($sin) `)`
                          `outs` `(` $output `:` type($output) `)` `from` $first `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanAttentionOp : PlanRegionOp<"plan.attention", [], ["getFlops", "getScratchBytes", "getDotKind", "getMovedBytes", "cloneFine"]> {
  let summary = "attention of one image, by head and block of query rows";
  let description = [{
    `vit.fused_attention` on head planes. Each chunk is one head and one block of query rows: for each tile of 32 query
    rows it keeps the scores against all keys in scratch: memory per thread is linear in the tokens. `tile` is that of
    the products, in vectors of the machine.

    `grid = [row blocks, heads]`; chunk = row block * heads + head. Many threads divide a head into `fine` row blocks
    instead. The bias lies as the scores do: `[heads, keys, queries]`, with room for whole tiles of queries.

    `matrix_unit`: the registers of a matrix unit multiply (`#vit.isa`), one setting of them for all tiles of a chunk, which are
    as high as `tile`.

    Constraints:
    * `plan_attention_c1`: planes are within the operands, and all have one plane width, a multiple of 16, and one
      element type.
    * `plan_attention_c2`: key and value have the same rows.
    * `plan_attention_c3`: the output is `[query rows, heads * plane width]`.
    * `plan_attention_c4`: grid is `[row blocks, heads]` with at most one row block a tile of query rows; tile has two
      entries of 1 to 64.
    * `plan_attention_c5`: fine is more row blocks than those of the grid, and at most one a tile of query rows.
    * `plan_attention_c6`: a matrix unit multiplies planes of bf16, in tiles of two vectors that fit its registers, and
      adds no bias and has a softmax.
    * `plan_attention_c7`: a bias is `[heads, keys, queries rounded up to a multiple of 32]`.
  }];
  let arguments = (ins In<PlaneBuffer>:$query, In<PlaneBuffer>:$key, In<PlaneBuffer>:$value, In<Optional<PlaneBuffer>>:$bias,
                       Out<RowBuffer>:$output, I64Attr:$heads,
                       DenseI64ArrayAttr:$planes, UnitAttr:$base2, UnitAttr:$linear, DenseI64ArrayAttr:$tile, UnitAttr:$matrix_unit,
                       DenseI64ArrayAttr:$grid, OptionalAttr<I64Attr>:$fine, I64Attr:$flops);
  let assemblyFormat = [{ `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
                          (`bias` `(` $bias^ `:` type($bias) `)`)?
                          `outs` `(` $output `:` type($output) `)` `heads` $heads `planes` $planes (`base2` $base2^)?
                          (`linear` $linear^)? `tile` $tile (`matrix_unit` $matrix_unit^)? `grid` $grid (`fine` $fine^)? `flops` $flops
                          attr-dict }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Query rows that are computed together.
    int64_t queryTile() { return getMatrixUnit() ? getTile()[0] : kQueryTile; }
  }];
}

def PlanQuantizeOp : PlanRegionOp<"plan.quantize", [ScaledRows]> {
  let summary = "rows as bytes with a scale each";
  let description = [{
    `scales[m] = max_k |x[m, k]| / 127`, `y[m, k] = round(x[m, k] / scales[m]) + 128` as an unsigned byte, to nearest,
    ties to even. A row of zeros has the scale 0. A row with a NaN or an infinity has a scale that is one, so that all
    that is computed from it is NaN or infinite; its bytes are defined, but mean nothing. `chunks` divides the rows.

    With `given` the scales are read, not found: `y[m, k] = clamp(round(x[m, k] / scales[m]), -127, 127) + 128`, and NaN
    becomes -127 + 128. Numbers that are not finite leave no other trace.

    Constraints:
    * `plan_quantize_c1`: input and output have one shape, and there is one scale a row.
    * `plan_quantize_c2`: chunks is positive and at most the number of rows.
  }];
  let arguments = (ins RowBuffer:$input, ByteRowBuffer:$output, VectorBuffer:$scales, UnitAttr:$given, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` `outs` `(` $output `,` $scales `:` type($output) `,`
                          type($scales) `)` (`given` $given^)? `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanCopyOp : PlanRegionOp<"plan.copy"> {
  let summary = "copy rows, exactly their columns";
  let description = [{
    Used for prefix tokens and for outputs, whose rows are not padded. With `groups` the columns of both are as many
    groups, and of each the first are copied: heads without what is behind them.

    Constraints:
    * `plan_copy_c1`: input and output have one shape; with groups, as many rows, groups that divide the columns, and no
      fewer columns in the input.
    * `plan_copy_c2`: chunks is positive and at most the number of rows.
  }];
  let arguments = (ins In<RowBuffer>:$input, Out<RowBuffer>:$output, OptionalAttr<I64Attr>:$groups, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)`
                          (`groups` $groups^)? `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanMapOp : PlanRegionOp<"plan.map"> {
  let summary = "elementwise: weighted sum of rows, then an activation";
  let description = [{
    `y = activation(factor * (x_0 + x_1 + ...))`: additions and averages that no epilogue took.

    Constraints:
    * `plan_map_c1`: there is at least one input, and all have the output's shape.
    * `plan_map_c2`: chunks is positive and at most the number of rows.
  }];
  let arguments = (ins In<Variadic<RowBuffer>>:$inputs, Out<RowBuffer>:$output, F64Attr:$factor,
                       OptionalAttr<ActivationAttr>:$activation, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $inputs `:` type($inputs) `)` `outs` `(` $output `:` type($output) `)`
                          `factor` $factor (`activation` $activation^)? `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanJoinOp : PlanRegionOp<"plan.join"> {
  let summary = "rows side by side";
  let description = [{
    `vit.concat_channels` on buffers: row t of the output is that of each input, one behind the other.

    Constraints:
    * `plan_join_c1`: all inputs have the output's rows, and their columns add up to the output's.
    * `plan_join_c2`: chunks is positive and at most the number of rows.
  }];
  let arguments = (ins In<Variadic<RowBuffer>>:$inputs, Out<RowBuffer>:$output, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $inputs `:` type($inputs) `)` `outs` `(` $output `:` type($output) `)`
                          `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanMeanOp : PlanRegionOp<"plan.mean"> {
  let summary = "mean over rows";
  let description = [{
    `vit.mean_tokens` on buffers; one chunk.

    Constraints:
    * `plan_mean_c1`: the output is one row of the input's width.
  }];
  let arguments = (ins In<RowBuffer>:$input, Out<RowBuffer>:$output);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)` attr-dict }];
  let hasVerifier = 1;
}

def PlanMaxOp : PlanRegionOp<"plan.max"> {
  let summary = "largest of each column over rows";
  let description = [{
    `vit.max_tokens` on buffers; one chunk.

    Constraints:
    * `plan_max_c1`: the output is one row of the input's width.
  }];
  let arguments = (ins In<RowBuffer>:$input, Out<RowBuffer>:$output);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)` attr-dict }];
  let hasVerifier = 1;
}

def PlanSoftmaxOp : PlanRegionOp<"plan.softmax"> {
  let summary = "softmax of rows";
  let description = [{
    `vit.softmax` on buffers; may run in place.

    Constraints:
    * `plan_softmax_c1`: input and output have one shape.
    * `plan_softmax_c2`: chunks is positive and at most the number of rows.
  }];
  let arguments = (ins In<RowBuffer>:$input, Out<RowBuffer>:$output, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)`
                          `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanAttentionWeightsOp : PlanRegionOp<"plan.attention_weights", [], ["getFlops"]> {
  let summary = "attention maps of one image, by rows";
  let description = [{
    `vit.fused_attention_weights` on buffers. The bias has rows of whole vectors.

    Constraints:
    * `plan_attention_weights_c1`: query and key have planes of one number and width.
    * `plan_attention_weights_c2`: the output is `[planes * queries, keys]`.
    * `plan_attention_weights_c3`: chunks is positive and at most the number of rows.
    * `plan_attention_weights_c4`: a bias is `[planes, queries, keys up to a multiple of 16]`.
  }];
  let arguments = (ins In<PlaneBuffer>:$query, In<PlaneBuffer>:$key, In<Optional<PlaneBuffer>>:$bias, Out<RowBuffer>:$output, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $query `,` $key `:` type($query) `,` type($key) `)` (`bias` `(` $bias^ `:` type($bias) `)`)?
                          `outs` `(` $output `:` type($output) `)` `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

def PlanRolloutOp : PlanRegionOp<"plan.rollout", [], ["getScratchBytes"]> {
  let summary = "attention rolled out, by rows";
  let description = [{
    `vit.rollout` on buffers. A row of the first factor waits in scratch.

    Constraints:
    * `plan_rollout_c1`: the weights are `[heads * tokens, tokens]`, heads is positive.
    * `plan_rollout_c2`: output and `before` are `[tokens, tokens]`; the output is another buffer.
    * `plan_rollout_c3`: chunks is positive and at most the number of rows.
  }];
  let arguments = (ins In<RowBuffer>:$weights, In<Optional<RowBuffer>>:$before, Out<RowBuffer>:$output, I64Attr:$heads, I64Attr:$chunks);
  let assemblyFormat = [{ `ins` `(` $weights `:` type($weights) `)` (`before` `(` $before^ `:` type($before) `)`)?
                          `outs` `(` $output `:` type($output) `)` `heads` $heads `chunks` $chunks attr-dict }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------===//
// The schedule that a backend leaves behind
//===----------------------------------------------------------------------------------------------===//

def ScheduleOp : VitOp<"schedule", [Symbol, SingleBlock, NoTerminator, IsolatedFromAbove]> {
  let summary = "the order of regions of one entry point";
  let description = [{
    A list of `vit.step`. Left by code generation in place of the planned function; becomes a constant table of the
    library (runtime/include/vitc/abi.h).
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$arena_bytes, I64Attr:$scratch_bytes, I64Attr:$input_bytes);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def StepOp : VitOp<"step", [HasParent<"ScheduleOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one region call: function, operand addresses, chunks";
  let description = [{
    `spaces`, `indices` and `offsets` have one entry per operand of the function, see `vitc_operand`; `parts` and
    `images_inner` (`VITC_STEP_IMAGES_INNER`) see `vitc_step`. What a profile needs to know of the region is there too:
    its op (`kind`), what multiplies in it (`dot`, none for f32), whether it is a product with weights (`linear`), and
    the bytes of its operands. `fine_callee` is the same region divided further, for many threads.

    Constraints:
    * `step_c1`: the three arrays have one length, at most twelve, and the callee exists.
    * `step_c2`: parts is positive and divides chunks.
    * `step_c3`: with a fine callee, which exists, there are more fine chunks than chunks, and fine parts divide them.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, StrAttr:$name, DenseI64ArrayAttr:$spaces, DenseI64ArrayAttr:$indices,
                       DenseI64ArrayAttr:$offsets, I64Attr:$chunks, I64Attr:$parts, UnitAttr:$images_inner, I64Attr:$flops,
                       DefaultValuedStrAttr<StrAttr, "">:$kind, OptionalAttr<DotAttr>:$dot, UnitAttr:$linear,
                       DefaultValuedAttr<I64Attr, "0">:$activation_bytes, DefaultValuedAttr<I64Attr, "0">:$weight_bytes,
                       OptionalAttr<FlatSymbolRefAttr>:$fine_callee, DefaultValuedAttr<I64Attr, "0">:$fine_chunks,
                       DefaultValuedAttr<I64Attr, "1">:$fine_parts);
  let assemblyFormat = [{ $callee $name `spaces` $spaces `indices` $indices `offsets` $offsets `chunks` $chunks `parts` $parts
                          (`images_inner` $images_inner^)? `flops` $flops attr-dict }];
}

#endif // DIALECT_IR_VITPLANNEDOPS_TD
