//===- Kernels.h - the arithmetic of the interpreter
//-----------------------------------------------------===//
//
// Each is a template over the scalar, double or float, with explicit instantiations of both. All may use
// every thread of llvm::parallel; the division of work depends on shapes alone, so results do not depend on
// threads.
//
//===-----------------------------------------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_KERNELS_H
#define DIALECT_INTERP_KERNELS_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/Array.h"

namespace vit::interp {

/// y = x w^T. Precondition: y does not overlap the others.
template <typename S> void multiplyTransposed(Rows<S> x, Rows<S> w, Rows<S> y);

/// y = x w. Precondition: y does not overlap the others.
template <typename S> void multiply(Rows<S> x, Rows<S> w, Rows<S> y);

/// y[t, n] += bias[n].
template <typename S> void addBias(Rows<S> y, const S *bias);

/// y += x; may be the same rows.
template <typename S> void addRows(Rows<S> y, Rows<S> x);

/// y[c] = the largest of column c; NaN where one is. Precondition: at least one row.
template <typename S> void maxRows(Rows<S> x, S *y);

/// Applies the activation to each element.
template <typename S> void activate(ActivationKind kind, Rows<S> y);

/// y *= x.
template <typename S> void multiplyRows(Rows<S> y, Rows<S> x);

/// vit.layer_norm of rows, `rms` without their mean; gamma and beta may be null; y may be x.
template <typename S> void layerNorm(Rows<S> x, const S *gamma, const S *beta, bool rms, S eps, Rows<S> y);

/// Rotates one head of tokens, one for each row of the tables; pairs are neighbours, or halves. y may be x.
template <typename S> void rotate(Rows<S> x, Rows<S> cos, Rows<S> sin, bool halves, Rows<S> y);

template <typename S> struct AttentionOptions {
  S scale = 1;
  bool base2 = false;       ///< the exponential's base is 2 instead of e
  bool linear = false;      ///< scores are weights, without softmax
  bool bf16Weights = false; ///< exponentials are rounded to bfloat16 where they multiply v, not in their sum
};
/// softmax(scale * q k^T + bias) v for one head; `bias(query, key)` may be null.
template <typename S>
void attention(Rows<S> q, Rows<S> k, Rows<S> v, llvm::function_ref<S(int64_t, int64_t)> bias,
               AttentionOptions<S> options, Rows<S> y);

/// vit.softmax, in place; softmax(scale * q k^T + bias) of one head; vit.rollout, `before`
/// may be null.
template <typename S> void softmaxRows(Rows<S> x);
template <typename S>
void attentionWeights(Rows<S> q, Rows<S> k, std::optional<Rows<S>> bias, AttentionOptions<S> options,
                      Rows<S> y);
template <typename S> void rollout(Rows<S> weights, const Rows<S> *before, int64_t heads, Rows<S> y);

/// An image and how its elements are reached: [C, H, W] or [H, W, C].
template <typename S> struct ImageView {
  const S *data;
  int64_t channels, height, width;
  int64_t channelStride, rowStride, columnStride;
};

/// y[p, (c * Ph + i) * Pw + j] = factors[c] * image[c, r(p) * stride + i - top, s(p) * stride + j - left]
/// + shifts[c], zero outside; without factors, the image itself.
struct PatchGrid {
  int64_t height, width;           ///< of a patch
  int64_t rowStride, columnStride; ///< between patches
  int64_t top = 0, left = 0;       ///< padding
  int64_t columns = 0;             ///< patches side by side
  llvm::ArrayRef<double> factors = {}, shifts = {};
};
template <typename S> void extractPatches(ImageView<S> image, PatchGrid grid, Rows<S> y);

} // namespace vit::interp

#endif // DIALECT_INTERP_KERNELS_H
