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

def ChannelsFirstOp : VitOp<"channels_first", [Pure]> {
  let summary = "an image whose channels come last, with them in front";
  let description = [{
    `y[c, i, j] = x[i, j, c]`: `[H, W, C]`, as TensorFlow and Keras hold images, to `[C, H, W]`.

    Constraints:
    * `channels_first_c1`: the result is `[C, H, W]` for an image `[H, W, C]`.
  }];
  let arguments = (ins Image:$input);
  let results = (outs Image:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
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

def ConcatChannelsOp : VitOp<"concat_channels", [Pure]> {
  let summary = "concatenate the channels of tokens";
  let description = [{
    `y[t] = (x_0[t], x_1[t], ...)`: the columns of all operands side by side, such as a class token and the mean of the
    patches (Oquab et al., "DINOv2", 2023, linear heads).

    Constraints:
    * `concat_channels_c1`: all operands have the result's tokens, and their widths add up to the result's.
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

def MultiplyOp : VitOp<"multiply", [Pure, Commutative, SameOperandsAndResultType]> {
  let summary = "elementwise product: the gate of a gated linear unit";
  let description = [{
    SwiGLU is `multiply(silu(gate(x)), linear(x))` (Shazeer, "GLU Variants Improve Transformer", 2020).
  }];
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
  let summary = "layer normalisation of each token, or of each of its heads";
  let description = [{
    `y[t, k] = (x[t, k] - mean(x[t])) / sqrt(var(x[t]) + eps) * gamma[k] + beta[k]` with the biased variance
    (Ba et al., "Layer Normalization", 2016). Absent gamma is one, absent beta zero. With `rms` no mean is subtracted,
    and the variance is the mean of squares (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019).

    With `heads` each of as many runs of columns is normalised by itself, all with one gamma and beta: the norm of
    queries and keys (Henry et al., "Query-Key Normalization for Transformers", 2020). Head planes
    `[heads, tokens, head size]` are normalised along their last dimension.

    Constraints:
    * `layer_norm_c1`: the result has the input's type.
    * `layer_norm_c2`: gamma and beta, if any, have one entry per channel, with `heads` of one head; no beta with `rms`.
    * `layer_norm_c3`: eps is positive and finite.
    * `layer_norm_c4`: `heads` is positive, divides the width of tokens, and does not go with head planes.
  }];
  let arguments = (ins AnyTypeOf<[Tokens, HeadPlanes]>:$input, Optional<FloatTensor>:$gamma,
                       Optional<FloatTensor>:$beta, UnitAttr:$rms, OptionalAttr<I64Attr>:$heads, F64Attr:$eps);
  let results = (outs AnyTypeOf<[Tokens, HeadPlanes]>:$result);
  let assemblyFormat = [{ (`rms` $rms^)? $input (`heads` $heads^)? (`gamma` $gamma^)? (`beta` $beta^)? `eps` $eps
                          attr-dict `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Channels that are normalised together.
    int64_t groupSize();
  }];
}

def AttentionOp : VitOp<"attention", [Pure, AttrSizedOperandSegments]> {
  let summary = "multi-head scaled dot-product attention";
  let description = [{
    For each head h with head size `d = width / heads`:
    `y_h = softmax(scale * q_h k_h^T + bias_h) v_h`, softmax over the key tokens (Vaswani et al., "Attention Is All You
    Need", 2017, eq. 1). Head h owns columns `[h * d, (h + 1) * d)`. The bias `[heads, query tokens, key tokens]` depends
    on positions only (BEiT's relative positions); without one it is zero. A divisor `[1]`, if any, is a learned number that
    the scores are divided by before the bias. With `linear` there is no softmax: the scores themselves are the weights.

    Constraints:
    * `attention_c1`: heads is positive and divides the width.
    * `attention_c2`: query, key, value and result have one width; key and value have the same tokens.
    * `attention_c3`: the result has the query's type.
    * `attention_c4`: scale is finite.
    * `attention_c5`: a bias is `[heads, query tokens, key tokens]`.
    * `attention_c6`: a divisor has one entry.
  }];
  let arguments = (ins Tokens:$query, Tokens:$key, Tokens:$value, Optional<HeadPlanes>:$bias,
                       Optional<FloatTensor>:$divisor, UnitAttr:$linear, I64Attr:$heads, F64Attr:$scale);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $query `,` $key `,` $value (`bias` $bias^)? (`divisor` $divisor^)? (`linear` $linear^)?
                          `heads` $heads `scale` $scale attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def RopeOp : VitOp<"rope", [Pure]> {
  let summary = "rotary position embedding of queries or keys";
  let description = [{
    Tokens `[first, first + N)`, N being the rows of the tables, are rotated in each head of d channels; the others (the
    prefix) pass. Of a pair of channels (a, b), `y_a = x_a cos_a - x_b sin_a` and `y_b = x_b cos_b + x_a sin_b`, where
    cos and sin are rows of the tables (Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
    eq. 34). Pairs are neighbours, `(2j, 2j + 1)`, or, with `halves`, `(j, j + d / 2)`. Tables have d columns, or those
    of every head side by side (rope-vit's mixed frequencies). The input is tokens or head planes.

    Constraints:
    * `rope_c1`: the result has the input's type.
    * `rope_c2`: heads is positive and divides the width of tokens, or is the number of planes; a head has an even size.
    * `rope_c3`: both tables have d or heads * d columns, and as many rows from `first` on lie inside the tokens.
  }];
  let arguments = (ins AnyTypeOf<[Tokens, HeadPlanes]>:$input, Tokens:$cos, Tokens:$sin, UnitAttr:$halves,
                       I64Attr:$heads, I64Attr:$first);
  let results = (outs AnyTypeOf<[Tokens, HeadPlanes]>:$result);
  let assemblyFormat = [{ $input `cos` $cos `sin` $sin (`halves` $halves^)? `heads` $heads `from` $first attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Channels of a head.
    int64_t headSize();
  }];
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

def MaxTokensOp : VitOp<"max_tokens", [Pure]> {
  let summary = "largest value of each channel over all tokens";
  let description = [{
    `y[0, k] = max_t x[t, k]`; NaN where one is.

    Constraints:
    * `max_tokens_c1`: the result is one token of the input's width.
  }];
  let arguments = (ins Tokens:$input);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def SoftmaxOp : VitOp<"softmax", [Pure, SameOperandsAndResultType]> {
  let summary = "softmax of each token's channels: probabilities of logits";
  let description = [{
    `y[t, k] = exp(x[t, k]) / sum_j exp(x[t, j])`.
  }];
  let arguments = (ins Tokens:$input);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def AttentionWeightsOp : VitOp<"attention_weights", [Pure]> {
  let summary = "what attention multiplies values with, as an output";
  let description = [{
    For each head h with head size `d = width / heads`, rows `[h * T, (h + 1) * T)` of the result are
    `softmax(scale * q_h k_h^T + bias_h)` of T queries: the maps that `vit.attention` does not store.

    Constraints:
    * `attention_weights_c1`: heads is positive and divides the width, which query and key share.
    * `attention_weights_c2`: the result is `[heads * queries, keys]`.
    * `attention_weights_c3`: scale is finite.
    * `attention_weights_c4`: a bias is `[heads, queries, keys]`.
  }];
  let arguments = (ins Tokens:$query, Tokens:$key, Optional<HeadPlanes>:$bias, I64Attr:$heads, F64Attr:$scale);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $query `,` $key (`bias` $bias^)? `heads` $heads `scale` $scale attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def RolloutOp : VitOp<"rollout", [Pure]> {
  let summary = "attention of all blocks so far, followed back to the first one's tokens";
  let description = [{
    `y = (mean_h A_h + I) / 2 * before` for the maps A_h of `vit.attention_weights`; without `before`, in the first block,
    it is the first factor (Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020).

    Constraints:
    * `rollout_c1`: the weights are `[heads * tokens, tokens]`, heads is positive.
    * `rollout_c2`: result and `before` are `[tokens, tokens]`.
  }];
  let arguments = (ins Tokens:$weights, Optional<Tokens>:$before, I64Attr:$heads);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$weights (`before` $before^)? `heads` $heads attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

#endif // DIALECT_IR_VITMODELOPS_TD
