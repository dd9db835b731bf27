//===- VitModelOps.td - model-level ops: what the model is ------------------------------------------===//

#ifndef DIALECT_IR_VITMODELOPS_TD
#define DIALECT_IR_VITMODELOPS_TD

include "dialect/IR/VitOpBase.td"

def NormalizeImageOp : VitOp<"normalize_image", [Pure]> {
  let summary = "pixels to normalised f32 channels";
  let description = [{
    `y[c, i, j] = (x[i, j, c] * scale - mean[c]) / std[c]`, pixels `[H, W, C]` of u8 to image `[C, H, W]`. Pixels that
    a resize left with fractions are f32 and lie as `[C, H, W]`.

    Constraints:
    * `normalize_image_c1`: the result is `[C, H, W]` for pixels `[H, W, C]` of u8 or `[C, H, W]` of f32.
    * `normalize_image_c2`: `mean` and `std` have C entries; no entry of `std` is zero.
  }];
  let arguments = (ins AnyTypeOf<[Image, Pixels]>:$pixels, F64Attr:$scale, DenseF64ArrayAttr:$mean, DenseF64ArrayAttr:$std);
  let results = (outs Image:$result);
  let assemblyFormat = [{ $pixels `scale` $scale `mean` custom<Doubles>($mean) `std` custom<Doubles>($std) attr-dict
                          `:` type($pixels) `->` type($result) }];
  let hasVerifier = 1;
}

def PatchEmbedOp : VitOp<"patch_embed", [Pure]> {
  let summary = "patch embedding: a convolution whose stride is usually the patch size";
  let description = [{
    `y[p, d] = bias[d] + sum_{c,i,j} kernel[d, c, i, j] * x[c, r(p) * stride + i, s(p) * stride + j]`, patches in
    row-major order (Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021, eq. 1). `padding` is zeros at top,
    left, bottom and right. Rows and columns that no patch covers are not read. The input may be raw pixels
    `[H, W, C]` of u8, taken as numbers 0 to 255, after normalisation has been folded into the kernel.

    Constraints:
    * `patch_embed_c1`: the kernel has the input's channels.
    * `patch_embed_c2`: the bias has one entry per output channel.
    * `patch_embed_c3`: strides are positive; paddings are not negative and smaller than the patch.
    * `patch_embed_c4`: the result is `[patches, D]` with `(size + padding - patch) / stride + 1` patches per axis.
  }];
  let arguments = (ins AnyTypeOf<[Image, Pixels]>:$input, FloatTensor:$kernel, Optional<FloatTensor>:$bias,
                       DenseI64ArrayAttr:$stride,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$padding);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $input `,` $kernel (`bias` $bias^)? `stride` $stride attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def ConcatOp : VitOp<"concat", [Pure]> {
  let summary = "concatenate tokens";
  let description = [{
    Rows of all operands one after another; used for prefix tokens.

    Constraints:
    * `concat_c1`: all operands have the result's width, and their tokens add up to the result's.
  }];
  let arguments = (ins Variadic<Tokens>:$inputs);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def AddOp : VitOp<"add", [Pure, Commutative, SameOperandsAndResultType]> {
  let summary = "elementwise sum: a residual connection, or position embeddings";
  let arguments = (ins FloatTensor:$lhs, FloatTensor:$rhs);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def AverageOp : VitOp<"average", [Pure]> {
  let summary = "elementwise mean of tensors, such as the two heads of a distilled DeiT";
  let description = [{
    Constraints:
    * `average_c1`: there is at least one operand, and all have the result's type.
  }];
  let arguments = (ins Variadic<FloatTensor>:$inputs);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def LinearOp : VitOp<"linear", [Pure]> {
  let summary = "linear layer";
  let description = [{
    `y[t, n] = bias[n] + sum_k x[t, k] * weight[n, k]`; the weight is `[out, in]`.

    Constraints:
    * `linear_c1`: the weight's columns are the input's width.
    * `linear_c2`: the bias, if any, has one entry per output.
    * `linear_c3`: the result is `[tokens, out]`.
  }];
  let arguments = (ins Tokens:$input, Tokens:$weight, Optional<FloatTensor>:$bias);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $input `,` $weight (`bias` $bias^)? attr-dict `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def LayerNormOp : VitOp<"layer_norm", [Pure, AttrSizedOperandSegments]> {
  let summary = "layer normalisation of each token";
  let description = [{
    `y[t, k] = (x[t, k] - mean(x[t])) / sqrt(var(x[t]) + eps) * gamma[k] + beta[k]` with the biased variance
    (Ba et al., "Layer Normalization", 2016). Absent gamma is one, absent beta zero.

    Constraints:
    * `layer_norm_c1`: the result has the input's type.
    * `layer_norm_c2`: gamma and beta, if any, have one entry per channel.
    * `layer_norm_c3`: eps is positive and finite.
  }];
  let arguments = (ins Tokens:$input, Optional<FloatTensor>:$gamma, Optional<FloatTensor>:$beta, F64Attr:$eps);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $input (`gamma` $gamma^)? (`beta` $beta^)? `eps` $eps attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def AttentionOp : VitOp<"attention", [Pure]> {
  let summary = "multi-head scaled dot-product attention";
  let description = [{
    For each head h with head size `d = width / heads`:
    `y_h = softmax(scale * q_h k_h^T) v_h`, softmax over the key tokens (Vaswani et al., "Attention Is All You Need",
    2017, eq. 1). Head h owns columns `[h * d, (h + 1) * d)`.

    Constraints:
    * `attention_c1`: heads is positive and divides the width.
    * `attention_c2`: query, key, value and result have one width; key and value have the same tokens.
    * `attention_c3`: the result has the query's type.
    * `attention_c4`: scale is finite.
  }];
  let arguments = (ins Tokens:$query, Tokens:$key, Tokens:$value, I64Attr:$heads, F64Attr:$scale);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $query `,` $key `,` $value `heads` $heads `scale` $scale attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def ActivationOp : VitOp<"activation", [Pure, SameOperandsAndResultType]> {
  let summary = "elementwise activation";
  let description = [{
    The three GELUs are different functions: `gelu_erf` is x Phi(x), `gelu_tanh` its tanh form, `quick_gelu`
    x sigmoid(1.702 x) (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016).
  }];
  let arguments = (ins ActivationAttr:$kind, FloatTensor:$input);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($result)";
}

def LayerScaleOp : VitOp<"layer_scale", [Pure]> {
  let summary = "multiply each channel by a learned factor";
  let description = [{
    `y[t, k] = x[t, k] * gamma[k]` (Touvron et al., "Going deeper with Image Transformers", 2021).

    Constraints:
    * `layer_scale_c1`: gamma has one entry per channel, and the result has the input's type.
  }];
  let arguments = (ins Tokens:$input, FloatTensor:$gamma);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$input `,` $gamma attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def SliceOp : VitOp<"slice", [Pure]> {
  let summary = "consecutive tokens";
  let description = [{
    Rows `[first, first + n)` where n is the result's token count.

    Constraints:
    * `slice_c1`: the rows lie inside the input and the width is kept.
  }];
  let arguments = (ins Tokens:$input, I64Attr:$first);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$input `from` $first attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MeanTokensOp : VitOp<"mean_tokens", [Pure]> {
  let summary = "mean over all tokens";
  let description = [{
    `y[0, k] = mean_t x[t, k]`.

    Constraints:
    * `mean_tokens_c1`: the result is one token of the input's width.
  }];
  let arguments = (ins Tokens:$input);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

#endif // DIALECT_IR_VITMODELOPS_TD
