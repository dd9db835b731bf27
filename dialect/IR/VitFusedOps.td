//===- VitFusedOps.td - fused ops: what is computed in one go ---------------------------------------===//

#ifndef DIALECT_IR_VITFUSEDOPS_TD
#define DIALECT_IR_VITFUSEDOPS_TD

include "dialect/IR/VitOpBase.td"

def ExtractPatchesOp : VitOp<"extract_patches", [Pure]> {
  let summary = "patches as rows, so that the patch embedding is a matrix product";
  let description = [{
    `y[p, (c * Ph + i) * Pw + j] = x[c, r(p) * stride + i - top, s(p) * stride + j - left]`, zero where that lies outside
    of the image. The input is an image `[C, H, W]` of f32, with `channels_last` `[H, W, C]`, or pixels `[H, W, C]` of u8,
    taken as numbers 0 to 255. With `factors` f and `shifts` s it is `f[c] x + s[c]` that is read: a normalisation that
    the padding, which is zero after it, or a norm keeps from the weights. `padding` is that of `vit.patch_embed`.

    Constraints:
    * `extract_patches_c1`: size and stride have two positive entries, padding four that are not negative and smaller
      than the patch.
    * `extract_patches_c2`: the result is `[patches, C * Ph * Pw]`.
    * `extract_patches_c3`: factors and shifts, if any, have C entries each.
  }];
  let arguments = (ins AnyTypeOf<[Image, Pixels]>:$input, DenseI64ArrayAttr:$size, DenseI64ArrayAttr:$stride,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$padding,
                       OptionalAttr<DenseF64ArrayAttr>:$factors, OptionalAttr<DenseF64ArrayAttr>:$shifts,
                       UnitAttr:$channels_last);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$input `size` $size `stride` $stride attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def FusedLinearOp : VitOp<"fused_linear", [Pure, AttrSizedOperandSegments]> {
  let summary = "linear layer with an epilogue";
  let description = [{
    `y = activation(x W^T + bias) * factor + residual`. With `heads`, the result is split into head planes
    `[heads, tokens, out / heads]`, the layout that attention reads. With `dot bf16`, x and W are rounded to bfloat16;
    with `dot int8`, each row of x and of W is divided by its largest magnitude over 127 and rounded to integers. With
    `input_scale` every row of x is divided by that number instead, and rounded to integers of -127 to 127; what is
    beyond becomes the nearest of these, and NaN becomes -127.

    Constraints:
    * `fused_linear_c1`: the weight's columns are the input's width.
    * `fused_linear_c2`: the bias, if any, has one entry per output.
    * `fused_linear_c3`: without heads the result is `[tokens, out]`; with heads `[heads, tokens, out / heads]`.
    * `fused_linear_c4`: a factor and a residual have the result's type and exclude heads.
    * `fused_linear_c5`: the input's scale is a positive finite number, and comes with `dot int8`.
  }];
  let arguments = (ins Tokens:$input, Tokens:$weight, Optional<FloatTensor>:$bias, Optional<Tokens>:$factor,
                       Optional<Tokens>:$residual,
                       OptionalAttr<ActivationAttr>:$activation, OptionalAttr<I64Attr>:$heads,
                       OptionalAttr<DotAttr>:$dot, OptionalAttr<F64Attr>:$input_scale);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = [{ $input `,` $weight (`bias` $bias^)? (`activation` $activation^)? (`factor` $factor^)?
                          (`residual` $residual^)? (`heads` $heads^)? (`dot` $dot^)? (`input_scale` $input_scale^)? attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def FusedAttentionOp : VitOp<"fused_attention", [Pure]> {
  let summary = "attention on head planes, without a tokens x tokens tensor";
  let description = [{
    For head h: `y[:, h * d : (h + 1) * d] = softmax(q_h k_h^T + bias_h) v_h`, where q_h is plane `planes[0] + h` of the query
    operand, k_h plane `planes[1] + h` of the key operand, and v_h plane `planes[2] + h` of the value operand; all three
    may be the same packed tensor. The scale has been folded into the query's weights. With `base2` it includes
    log2(e), as does the bias, and the softmax is `2^x / sum 2^x`, the same function. With `linear` there is no softmax.
    With `dot bf16`, the operands are rounded to
    bfloat16, and the exponentials `2^(x - max)` where they multiply the values.

    Constraints:
    * `fused_attention_c1`: heads is positive and `planes` has three entries, within the operands' planes.
    * `fused_attention_c2`: all operands have the same head size; key and value the same tokens.
    * `fused_attention_c3`: the result is `[query tokens, heads * head size]`.
    * `fused_attention_c4`: a bias is `[heads, query tokens, key tokens]`.
    * `fused_attention_c5`: not both `base2` and `linear`.
  }];
  let arguments = (ins HeadPlanes:$query, HeadPlanes:$key, HeadPlanes:$value, Optional<HeadPlanes>:$bias, I64Attr:$heads,
                       DenseI64ArrayAttr:$planes, UnitAttr:$base2, UnitAttr:$linear, OptionalAttr<DotAttr>:$dot);
  let results = (outs Tokens:$result);
  let assemblyFormat = [{ $query `,` $key `,` $value (`bias` $bias^)? `heads` $heads `planes` $planes (`base2` $base2^)? (`linear` $linear^)?
                          (`dot` $dot^)? attr-dict
                          `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def FusedAttentionWeightsOp : VitOp<"fused_attention_weights", [Pure]> {
  let summary = "attention maps of head planes";
  let description = [{
    For head h, rows `[h * T, (h + 1) * T)` of the result are `2^x / sum 2^x` of `x = q_h k_h^T + bias_h`: the scale and
    log2(e) are in the query's weights, log2(e) in the bias.

    Constraints:
    * `fused_attention_weights_c1`: query and key have planes of one number and one head size.
    * `fused_attention_weights_c2`: the result is `[planes * queries, keys]`.
    * `fused_attention_weights_c3`: a bias is `[planes, queries, keys]`.
  }];
  let arguments = (ins HeadPlanes:$query, HeadPlanes:$key, Optional<HeadPlanes>:$bias);
  let results = (outs Tokens:$result);
  let assemblyFormat = "$query `,` $key (`bias` $bias^)? attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

#endif // DIALECT_IR_VITFUSEDOPS_TD
