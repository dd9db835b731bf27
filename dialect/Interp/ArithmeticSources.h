//===- ArithmeticSources.h - weights whose elements are computed ---------------------------------===//
//
// Sums, products and roundings of other tensors, in float64.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_ARITHMETICSOURCES_H
#define DIALECT_INTERP_ARITHMETICSOURCES_H

#include "dialect/Interp/TensorSource.h"

namespace vit {

/// W[n, k] * g[k], g of one row's length.
SourcePtr scaleColumns(SourcePtr input, std::vector<double> g);
/// W[n, k] * g[n]; with one factor all of W.
SourcePtr scaleRows(SourcePtr input, std::vector<double> g);
/// a + b, of one shape.
SourcePtr sum(SourcePtr a, SourcePtr b);
/// bias[n] + sum_k matrix[n, k] * vector[k].
SourcePtr addProduct(SourcePtr bias, SourcePtr matrix, std::vector<double> vector);
/// A function of each element.
SourcePtr mapElements(SourcePtr input, double (*function)(double));

/// max_k |W[n, k]| / 127 for each row: what its bytes are multiples of.
std::vector<double> rowScales(const TensorSource &matrix);
/// The sum of each row's bytes times its scale.
std::vector<double> rowSums(const TensorSource &matrix);
/// W as bytes, multiples of its rows' scales.
SourcePtr quantizeRows(SourcePtr input);

} // namespace vit

#endif // DIALECT_INTERP_ARITHMETICSOURCES_H
