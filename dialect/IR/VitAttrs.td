//===- VitAttrs.td - attributes of the vit dialect --------------------------------------------------===//

#ifndef DIALECT_IR_VITATTRS_TD
#define DIALECT_IR_VITATTRS_TD

include "dialect/IR/VitDialect.td"
include "dialect/IR/VitInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class VitAttr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<VitDialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------------------------------===//

def ActivationKind : I32EnumAttr<"ActivationKind", "elementwise activation", [
    I32EnumAttrCase<"GeluErf", 0, "gelu_erf">,     // x * Phi(x)
    I32EnumAttrCase<"GeluTanh", 1, "gelu_tanh">,   // x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))
    I32EnumAttrCase<"QuickGelu", 2, "quick_gelu">, // x * sigmoid(1.702 x)
    I32EnumAttrCase<"Relu", 3, "relu">,
    I32EnumAttrCase<"Silu", 4, "silu">,            // x * sigmoid(x)
    I32EnumAttrCase<"Tanh", 5, "tanh">,
    I32EnumAttrCase<"Sigmoid", 6, "sigmoid">]> {   // 1 / (1 + e^-x)
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}
def ActivationAttr : EnumAttr<VitDialect, ActivationKind, "activation"> {
  let assemblyFormat = "$value";
}

def DotKind : I32EnumAttr<"DotKind", "arithmetic of a product", [
    I32EnumAttrCase<"Bf16", 0, "bf16">,     // operands rounded to bfloat16, sums in f32
    I32EnumAttrCase<"Int8", 1, "int8">]> {  // rows of both operands scaled to integers of at most 127, exact sums
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}
def DotAttr : EnumAttr<VitDialect, DotKind, "dot"> {
  let assemblyFormat = "$value";
}

def MemorySpace : I32EnumAttr<"MemorySpace", "where a planned buffer lives", [
    I32EnumAttrCase<"Arena", 0, "arena">,
    I32EnumAttrCase<"Weights", 1, "weights">,
    I32EnumAttrCase<"Input", 2, "input">,
    I32EnumAttrCase<"Output", 3, "output">]> {
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}
def MemorySpaceAttr : EnumAttr<VitDialect, MemorySpace, "space"> {
  let assemblyFormat = "$value";
}

//===----------------------------------------------------------------------------------------------===//
// The instruction set that a planned module is for
//===----------------------------------------------------------------------------------------------===//

def Bf16Unit : I32EnumAttr<"Bf16Unit", "how a machine multiplies bfloat16", [
    I32EnumAttrCase<"None", 0, "none">,  // not at all: widened to f32
    I32EnumAttrCase<"Dot", 1, "dot">,    // pairs in each lane of a vector, added into f32
    I32EnumAttrCase<"Tiles", 2, "tiles">]> { // the same, and whole matrices in registers of tiles
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}
def Int8Unit : I32EnumAttr<"Int8Unit", "how a machine multiplies unsigned and signed bytes", [
    I32EnumAttrCase<"None", 0, "none">,  // not at all: widened to f32
    I32EnumAttrCase<"Madd", 1, "madd">,  // pairs of 16-bit integers in each lane, to which bytes are widened
    I32EnumAttrCase<"Dot", 2, "dot">,    // quads in each lane of a vector, added into i32
    I32EnumAttrCase<"Tiles", 3, "tiles">]> { // the same, and whole matrices in registers of tiles
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}

def IsaAttr : VitAttr<"Isa", "isa"> {
  let summary = "The instruction-set descriptor that chose a plan";
  let description = [{
    Everything that planning and emission know of a machine. `lanes` is the number of f32 lanes of a native vector,
    `tile` the largest accumulator tile, rows x vectors, and `panel` the width of packed weight panels in columns. `fma`
    says whether a fused multiply-add exists; without it products are rounded before they are added.

    `bf16` says how products of bfloat16 are computed, `int8` how those of unsigned and signed bytes are. `dot`: by an
    instruction that multiplies the pair or quad of each lane and adds into f32 or i32. `madd`: by one that does so with
    pairs of 16-bit integers, to which bytes are widened, those of rows by whoever quantizes them, weights as they are
    loaded. `tiles`: as `dot`, with a matrix unit beside it: eight registers of 16 rows of 64 bytes, of which one
    instruction multiplies two and adds to a third. `none`, the default: in f32, on widened weights. `bf16_tile` and
    `int8_tile` are the tiles of products with such weights, by default `tile`: what is widened takes registers from the
    accumulators.

    Constraints:
    * `isa_c1`: lanes are a power of two, lanes and the extents of tiles 1 to 64.
    * `isa_c2`: the panel is a positive multiple of each tile's columns, lanes * vectors.
    * `isa_c3`: a matrix unit comes with 16 lanes and a tile that fits its registers, beside one of A for each 16 rows
      and one of W for each vector.
    * `isa_c4`: dots of bf16 come with 16 lanes, dots of int8 with 8 or 16, `madd` with 4, 8 or 16.
  }];
  let parameters = (ins StringRefParameter<"name of the level">:$name, "unsigned":$lanes, "::vit::TileSize":$tile,
                        "unsigned":$panel, "bool":$fma,
                        DefaultValuedParameter<"::vit::Bf16Unit", "::vit::Bf16Unit::None">:$bf16,
                        DefaultValuedParameter<"::vit::TileSize", "::vit::TileSize()">:$bf16_tile,
                        DefaultValuedParameter<"::vit::Int8Unit", "::vit::Int8Unit::None">:$int8,
                        DefaultValuedParameter<"::vit::TileSize", "::vit::TileSize()">:$int8_tile);
  let assemblyFormat = [{ `<` $name `,` `lanes` `=` $lanes `,` `tile` `=` $tile `,` `panel` `=` $panel `,`
                          `fma` `=` $fma (`,` struct($bf16, $bf16_tile, $int8, $int8_tile)^)? `>` }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Whether products of such numbers are computed on them, not on their widened values.
    bool multipliesBf16() const { return getBf16() != ::vit::Bf16Unit::None; }
    bool multipliesInt8() const { return getInt8() != ::vit::Int8Unit::None; }
    /// Whether a matrix unit multiplies rows and weights of such elements.
    bool hasTilesFor(::mlir::Type element) const;
    /// The largest tile of a product with weights of such elements.
    ::vit::TileSize tileFor(::mlir::Type element) const;
    /// The same by vectors alone.
    ::vit::TileSize vectorTileFor(::mlir::Type element) const { return hasTilesFor(element) ? getTile() : tileFor(element); }
  }];
}

//===----------------------------------------------------------------------------------------------===//
// Position tables
//===----------------------------------------------------------------------------------------------===//

def SincosKind : I32EnumAttr<"SincosKind", "a table of sines and cosines", [
    I32EnumAttrCase<"Mae", 0, "mae">,
    I32EnumAttrCase<"Simple", 1, "simple">]> {
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}
def GridKernel : I32EnumAttr<"GridKernel", "how a grid is interpolated", [
    I32EnumAttrCase<"Nearest", 0, "nearest">,
    I32EnumAttrCase<"Linear", 1, "linear">,
    I32EnumAttrCase<"Cubic50", 2, "cubic50">,    // Keys' cubic, a = -0.5
    I32EnumAttrCase<"Cubic75", 3, "cubic75">]> { // a = -0.75
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}
def GridScale : I32EnumAttr<"GridScale", "where a grid is sampled", [
    I32EnumAttrCase<"Size", 0, "size">,          // half pixels, in / out apart
    I32EnumAttrCase<"Offset", 1, "offset">,      // half pixels, in / (out + 0.1) apart
    I32EnumAttrCase<"Corners", 2, "corners">,    // first and last samples on first and last points
    I32EnumAttrCase<"Geometric", 3, "geometric">]> { // from points whose distances grow from the middle outwards
  let cppNamespace = "::vit";
  let genSpecializedAttr = 0;
}

//===----------------------------------------------------------------------------------------------===//
// Steps of a weight's chain. W is the value so far, as a matrix [rows, cols] or a vector [rows].
//===----------------------------------------------------------------------------------------------===//

class WeightStep<string name, string mnemonic>
    : VitAttr<name, mnemonic, [DeclareAttrInterfaceMethods<WeightTransformInterface>]>;

def RefStepAttr : WeightStep<"RefStep", "ref"> {
  let summary = "start from another weight";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight);
  let assemblyFormat = "`<` $weight `>`";
}
def ZerosStepAttr : WeightStep<"ZerosStep", "zeros"> {
  let summary = "start from zeros (a bias that the checkpoint does not have)";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` `[` $shape `]` `>`";
}
def FillStepAttr : WeightStep<"FillStep", "fill"> {
  let summary = "start from one number in all places (the scale that all rows of an input share)";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::FloatAttr":$value);
  let assemblyFormat = "`<` `[` $shape `]` `,` $value `>`";
}
def NumbersStepAttr : WeightStep<"NumbersStep", "numbers"> {
  let summary = "start from these numbers, a vector (what a description holds)";
  let parameters = (ins "::mlir::DenseF64ArrayAttr":$values);
  let assemblyFormat = "`<` custom<Doubles>($values) `>`";
}
def RopePeriodsStepAttr : WeightStep<"RopePeriodsStep", "rope_periods"> {
  let summary = "start from periods base^(i / count), i < count: of rotary positions along one axis";
  let parameters = (ins "int64_t":$count, "::mlir::FloatAttr":$base);
  let assemblyFormat = "`<` $count `,` $base `>`";
  let genVerifyDecl = 1;
}
def RopeAnglesStepAttr : WeightStep<"RopeAnglesStep", "rope_angles"> {
  let summary = "periods [d / 4] to the angles [patches, d] of a grid: coordinate / period";
  let description = [{
    Row `y * width + x`. Without `centered` (EVA-02) a coordinate is `(index + offset) * ref / extent`, or just `index + offset` for a ref of
    0 x 0, and the angles of the first
    axis, then those of the second, stand twice each, as neighbours. With `centered` (DINOv3) it is
    `2 pi (2 (index + 1/2) / extent - 1)`, and all angles stand twice, one after another. The first axis is y, or x with
    `xy`.
  }];
  let parameters = (ins "int64_t":$height, "int64_t":$width, "bool":$centered, "bool":$xy,
                        "int64_t":$ref_height, "int64_t":$ref_width, "::mlir::FloatAttr":$offset);
  let assemblyFormat = [{ `<` $height `x` $width `,` `centered` `=` $centered `,` `xy` `=` $xy `,`
                          `ref` `=` $ref_height `x` $ref_width `,` `offset` `=` $offset `>` }];
  let genVerifyDecl = 1;
}
def RopeMixedStepAttr : WeightStep<"RopeMixedStep", "rope_mixed"> {
  let summary = "frequencies [2, heads, d / 2] to the angles [patches, heads * d] of a grid: x * W[0] + y * W[1], each twice";
  let parameters = (ins "int64_t":$height, "int64_t":$width);
  let assemblyFormat = "`<` $height `x` $width `>`";
  let genVerifyDecl = 1;
}
def CosStepAttr : WeightStep<"CosStep", "cos"> {
  let summary = "cosine of each element";
}
def SinStepAttr : WeightStep<"SinStep", "sin"> {
  let summary = "sine of each element";
}
def InterleaveHalvesStepAttr : WeightStep<"InterleaveHalvesStep", "interleave_halves"> {
  let summary = "in each group of `size` indices along `dim`, those of both halves in turns: j and j + size / 2 as neighbours";
  let parameters = (ins "unsigned":$dim, "int64_t":$size);
  let assemblyFormat = "`<` `dim` `=` $dim `,` $size `>`";
  let genVerifyDecl = 1;
}
def RelativeBiasStepAttr : WeightStep<"RelativeBiasStep", "relative_bias"> {
  let summary = "a table [(2 h - 1)(2 w - 1) + 3, heads] of BEiT to biases [heads, 1 + h w, 1 + h w]";
  let description = [{
    Of queries (y, x) and keys (y', x'): row `(y - y' + h - 1)(2 w - 1) + x - x' + w - 1`. The last three rows are of cls to
    patches, of patches to cls, and of cls to itself (Bao et al., "BEiT", 2022, as in the reference implementation).
  }];
  let parameters = (ins "int64_t":$height, "int64_t":$width);
  let assemblyFormat = "`<` $height `x` $width `>`";
  let genVerifyDecl = 1;
}
def TransposeStepAttr : WeightStep<"TransposeStep", "transpose"> {
  let summary = "the last two dimensions exchanged";
}
def SincosStepAttr : WeightStep<"SincosStep", "sincos"> {
  let summary = "start from the positions of a grid as sines and cosines";
  let description = [{
    Row y * w + x of the table for a grid [h, w]; `prefix` rows of zeros stand in front. With q = width / 4 and i < q:

    * `mae` (He et al., "Masked Autoencoders Are Scalable Vision Learners", 2022, models_mae.py): frequencies
      f_i = 10000^(-i / q), and the row is sin(x f), cos(x f), sin(y f), cos(y f): the column comes first.
    * `simple` (Beyer et al., "Better plain ViT baselines for ImageNet-1k", 2022): f_i = 10000^(-i / (q - 1)), and the
      same order.

    Constraint: the width is a multiple of 4, for `simple` at least 8; extents are positive, the prefix not negative.
  }];
  let parameters = (ins "::vit::SincosKind":$kind, ArrayRefParameter<"int64_t">:$grid, "int64_t":$width, "int64_t":$prefix);
  let assemblyFormat = "`<` $kind `,` `[` $grid `]` `,` `width` `=` $width `,` `prefix` `=` $prefix `>`";
  let genVerifyDecl = 1;
}
def AppendStepAttr : WeightStep<"AppendStep", "append"> {
  let summary = "append the rows of another weight";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight);
  let assemblyFormat = "`<` $weight `>`";
}
def RowsStepAttr : WeightStep<"RowsStep", "rows"> {
  let summary = "keep rows [first, first + count)";
  let parameters = (ins "int64_t":$first, "int64_t":$count);
  let assemblyFormat = "`<` $first `,` $count `>`";
}
def ReshapeStepAttr : WeightStep<"ReshapeStep", "reshape"> {
  let summary = "same elements in row-major order, another shape";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` `[` $shape `]` `>`";
}
def ResizeGridStepAttr : WeightStep<"ResizeGridStep", "resize_grid"> {
  let summary = "rows `prefix` to `prefix + h * w`, a grid [h, w] of them, interpolated to another grid";
  let description = [{
    Rows in front of the grid and behind it stay. Per axis, sample i of `out` lies at:

    * `size`: (i + 1/2) in / out - 1/2; `offset`: the same with out + 0.1 (facebookresearch/dinov2,
      vision_transformer.py); `corners`: i (in - 1) / (out - 1).
    * `geometric`: i - (out - 1) / 2, among points at 0, ±1, ±(1 + q), ±(1 + q + q^2) ..., rounded to f32. q is found by
      bisection between 1.01 and 1.5, so that the last one lies at (out - 1) / 2 if it can; samples outside take the
      outermost point (timm, layers/pos_embed_rel.py, resize_rel_pos_bias_table: for tables of relative positions, of
      which the near ones matter more).

    Without `antialias`, the neighbours of that place are weighed as PyTorch does (aten UpSampleKernel.cpp): Keys' cubic
    over four points, the outermost repeated; linear over two; or the nearest, which is the one below under half pixels.
    With it, the kernel is stretched by in / out where the grid shrinks, cut at the border, and its weights add up to 1.

    Constraint: grids have two positive extents, prefix is not negative, and antialias comes neither with `nearest` nor
    with `corners` nor with `geometric`, which expects `linear` and odd extents.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$from, ArrayRefParameter<"int64_t">:$to, "int64_t":$prefix,
                        "::vit::GridKernel":$kernel, "::vit::GridScale":$scale, "bool":$antialias);
  let assemblyFormat = [{ `<` `[` $from `]` `to` ` ` `[` $to `]` `,` `prefix` `=` $prefix `,` $kernel `,` $scale `,`
                          `antialias` `=` $antialias `>` }];
  let genVerifyDecl = 1;
}
def ScaleStepAttr : WeightStep<"ScaleStep", "scale"> {
  let summary = "W * factor";
  let parameters = (ins "::mlir::FloatAttr":$factor);
  let assemblyFormat = "`<` $factor `>`";
}
def DivideStepAttr : WeightStep<"DivideStep", "divide"> {
  let summary = "W / d, of a weight d of one element";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight);
  let assemblyFormat = "`<` $weight `>`";
}
def ScaleColsStepAttr : WeightStep<"ScaleColsStep", "scale_cols"> {
  let summary = "W[n, k] * g[k]";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight);
  let assemblyFormat = "`<` $weight `>`";
}
def ScaleRowsStepAttr : WeightStep<"ScaleRowsStep", "scale_rows"> {
  let summary = "W[n, k] * g[n]";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight);
  let assemblyFormat = "`<` $weight `>`";
}
def ScaleColGroupsStepAttr : WeightStep<"ScaleColGroupsStep", "scale_col_groups"> {
  let summary = "W[n, k] * f[k / (cols / |f|)]: one factor for each run of columns, such as the pixels of a channel";
  let parameters = (ins "::mlir::DenseF64ArrayAttr":$factors);
  let assemblyFormat = "`<` custom<Doubles>($factors) `>`";
}
def AddStepAttr : WeightStep<"AddStep", "add"> {
  let summary = "W + another weight of the same shape";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight);
  let assemblyFormat = "`<` $weight `>`";
}
def AddMatvecStepAttr : WeightStep<"AddMatvecStep", "add_matvec"> {
  let summary = "add a matrix-vector product: b[n] + sum_k M[n, k] * v[k]";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$matrix, "::mlir::FlatSymbolRefAttr":$vector);
  let assemblyFormat = "`<` $matrix `,` $vector `>`";
}
def AddColGroupsStepAttr : WeightStep<"AddColGroupsStep", "add_col_groups"> {
  let summary = "add weighted sums of columns: b[n] + sum_k M[n, k] * f[k / (cols / |f|)]";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$matrix, "::mlir::DenseF64ArrayAttr":$factors);
  let assemblyFormat = "`<` $matrix `,` custom<Doubles>($factors) `>`";
}
def PadGroupsStepAttr : WeightStep<"PadGroupsStep", "pad_groups"> {
  let summary = "pad each group of `from` indices along dimension `dim` with zeros to `to` (heads to vector width)";
  let parameters = (ins "unsigned":$dim, "int64_t":$from, "int64_t":$to);
  let assemblyFormat = "`<` `dim` `=` $dim `,` $from `to` $to `>`";
  let genVerifyDecl = 1;
}
def PadStepAttr : WeightStep<"PadStep", "pad"> {
  let summary = "zero-pad at the end of the first and the last dimension to the given shape";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` `[` $shape `]` `>`";
}
def RoundStepAttr : WeightStep<"RoundStep", "round"> {
  let summary = "round each element to a type, which becomes the weight's: to nearest, ties to even";
  let parameters = (ins "::mlir::Type":$type);
  let assemblyFormat = "`<` $type `>`";
  let genVerifyDecl = 1;
}
def QuantizeRowsStepAttr : WeightStep<"QuantizeRowsStep", "quantize_rows"> {
  let summary = "W[n, k] / s[n] to the nearest integer, s[n] = max_k |W[n, k]| / 127; zeros for a row of zeros";
}
def RowScalesStepAttr : WeightStep<"RowScalesStep", "row_scales"> {
  let summary = "the s[n] of quantize_rows, from W";
}
def RowSumsStepAttr : WeightStep<"RowSumsStep", "row_sums"> {
  let summary = "sum over k of the quantized W[n, k], times s[n]: what an input of ones gives";
}
def PackPanelsStepAttr : WeightStep<"PackPanelsStep", "pack_panels"> {
  let summary = "[N, K] to [ceil(N / width), ceil(K / by), width * by]: the columns of a panel side by side";
  let description = [{
    Element [p, k, c * by + i] is W[p * width + c, k * by + i], zero outside the matrix. `by` is how many
    neighbours along K the dot instruction takes at once: one for f32.
  }];
  let parameters = (ins "int64_t":$width, DefaultValuedParameter<"int64_t", "1">:$by);
  let assemblyFormat = "`<` $width (`by` $by^)? `>`";
  let genVerifyDecl = 1;
}

#endif // DIALECT_IR_VITATTRS_TD
