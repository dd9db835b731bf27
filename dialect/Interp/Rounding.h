//===- Rounding.h - values as narrower types hold them ----------------------------------------------===//
#ifndef DIALECT_INTERP_ROUNDING_H
#define DIALECT_INTERP_ROUNDING_H

#include "dialect/Interp/Array.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstdint>

namespace vit::interp {

/// The nearest bfloat16, ties to even, as a double; infinity beyond the largest.
inline double roundToBf16(double x) {
  constexpr int kDropped = 52 - 7; // mantissa bits
  double magnitude = std::fabs(x);
  if (!(magnitude >= 0x1p-126)) { // below the normal numbers, and NaN
    constexpr double kQuantum = 0x1p-133;
    return std::nearbyint(x / kQuantum) * kQuantum;
  }
  if (std::isinf(x))
    return x;
  uint64_t bits = llvm::bit_cast<uint64_t>(x);
  bits += (uint64_t(1) << (kDropped - 1)) - 1 + (bits >> kDropped & 1);
  double rounded = llvm::bit_cast<double>(bits >> kDropped << kDropped);
  return std::fabs(rounded) > 0x1.FEp127 ? std::copysign(HUGE_VAL, x) : rounded;
}

/// Rounds each element in place.
template <typename S> void roundToBf16(Rows<S> x) {
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c)
      x.row(r)[c] = static_cast<S>(roundToBf16(static_cast<double>(x.row(r)[c])));
}

/// A rounded copy of all elements, strides kept.
template <typename S> Array<S> roundedToBf16(const Array<S> &array) {
  Array<S> copy = array;
  copy.storage = std::make_shared<std::vector<S>>(*array.storage);
  for (S &value : *copy.storage)
    value = static_cast<S>(roundToBf16(static_cast<double>(value)));
  return copy;
}

/// Divides each row by its largest magnitude over 127, rounds it to integers, ties to even, and returns what
/// it was divided by; 0 for a row of zeros, which stays.
template <typename S> std::vector<S> quantizeRows(Rows<S> x) {
  std::vector<S> scales(x.rows);
  for (int64_t r = 0; r < x.rows; ++r) {
    S largest = 0;
    for (int64_t c = 0; c < x.cols; ++c)
      largest =
          std::fabs(x.row(r)[c]) > largest || std::isnan(x.row(r)[c]) ? std::fabs(x.row(r)[c]) : largest;
    scales[r] = largest / S(127);
    for (int64_t c = 0; c < x.cols && largest != 0; ++c)
      x.row(r)[c] = std::nearbyint(x.row(r)[c] * (S(127) / largest));
  }
  return scales;
}

/// Divides each element by `scale` and rounds it to an integer of -127 to 127; NaN becomes -127. Returns the
/// scale of each row.
template <typename S> std::vector<S> quantizeRowsBy(Rows<S> x, S scale) {
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c) {
      S value = x.row(r)[c] * (S(1) / scale);
      value = value > S(-127) ? value : S(-127); // not std::max: false for NaN
      x.row(r)[c] = std::nearbyint(value < S(127) ? value : S(127));
    }
  return std::vector<S>(x.rows, scale);
}

} // namespace vit::interp

#endif // DIALECT_INTERP_ROUNDING_H
