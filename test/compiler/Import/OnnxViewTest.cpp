//===- OnnxViewTest.cpp - the algebra of views against lists of positions ---------------------------===//
#include "compiler/Import/OnnxGraph.h"
#include "compiler/Import/OnnxResize.h"
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace vitc;
using namespace vitc::onnx;

namespace {

/// Positions of all elements, row-major.
std::vector<int64_t> positions(const View &view) {
  Dims dims;
  for (const Dims &axis : view.axes)
    dims.append(axis.begin(), axis.end());
  std::vector<int64_t> result = {view.offset};
  for (const Dim &dim : dims) {
    std::vector<int64_t> next;
    for (int64_t at : result)
      for (int64_t i = 0; i < dim.extent; ++i)
        next.push_back(at + i * dim.stride);
    result = std::move(next);
  }
  return result;
}

/// The same tensor as a plain array, on which every operation is obvious.
struct Plain {
  llvm::SmallVector<int64_t, 4> shape;
  std::vector<int64_t> elements;

  Plain transposed(llvm::ArrayRef<int64_t> order) const {
    Plain result;
    for (int64_t axis : order)
      result.shape.push_back(shape[axis]);
    llvm::SmallVector<int64_t, 4> index(shape.size());
    for (size_t n = 0; n < elements.size(); ++n) {
      int64_t at = 0;
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        int64_t where = static_cast<int64_t>(llvm::find(order, static_cast<int64_t>(axis)) - order.begin());
        at = at * shape[axis] + index[where];
      }
      result.elements.push_back(elements[at]);
      for (size_t i = shape.size(); i-- > 0;) {
        if (++index[i] < result.shape[i])
          break;
        index[i] = 0;
      }
    }
    return result;
  }
  Plain sliced(size_t axis, int64_t start, int64_t count, int64_t step) const {
    Plain result{shape, {}};
    result.shape[axis] = count;
    int64_t inner = product(llvm::ArrayRef(shape).drop_front(axis + 1)),
            outer = product(llvm::ArrayRef(shape).take_front(axis));
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i)
        for (int64_t n = 0; n < inner; ++n)
          result.elements.push_back(elements[(o * shape[axis] + start + i * step) * inner + n]);
    return result;
  }
};

/// A random chain of operations on a whole source.
std::pair<View, Plain> randomView(const onnx::Source &source, llvm::ArrayRef<int64_t> shape,
                                  std::mt19937 &random) {
  View view = wholeOf(source, shape);
  Plain plain{{shape.begin(), shape.end()}, {}};
  plain.elements.resize(product(shape));
  std::iota(plain.elements.begin(), plain.elements.end(), 0);
  for (int step = 0; step < 4 && view.rank() > 0; ++step) {
    if (random() % 3 == 0) {
      llvm::SmallVector<int64_t, 4> order(view.rank());
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), random);
      view = transpose(view, order);
      plain = plain.transposed(order);
    } else if (random() % 2 == 0) {
      size_t axis = random() % view.rank();
      int64_t extent = view.extent(axis), start = static_cast<int64_t>(random() % extent),
              by = 1 + random() % 2;
      int64_t count = 1 + static_cast<int64_t>(random() % ((extent - start - 1) / by + 1));
      if (std::optional<View> part = slice(view, axis, start, count, by)) {
        view = *part;
        plain = plain.sliced(axis, start, count, by);
      }
    } else {
      llvm::SmallVector<int64_t, 4> wanted;
      for (int64_t left = view.elements(); left > 1;) {
        int64_t factor = 2;
        while (left % factor || random() % 2)
          factor = factor % left + 1;
        wanted.push_back(factor);
        left /= factor;
        if (wanted.size() == 4 && left > 1) {
          wanted.back() *= left;
          left = 1;
        }
      }
      if (std::optional<View> reshaped = reshape(view, wanted)) {
        view = *reshaped;
        plain.shape = wanted;
      }
    }
  }
  return {view, plain};
}

} // namespace

TEST(OnnxView, OperationsEqualThoseOnArrays) {
  std::mt19937 random(3);
  onnx::Source source;
  source.size = 2 * 3 * 4 * 6;
  for (int i = 0; i < 3000; ++i) {
    auto [view, plain] = randomView(source, {2, 3, 4, 6}, random);
    EXPECT_EQ(view.shape(), plain.shape);
    ASSERT_EQ(positions(view), plain.elements) << i;
  }
}

TEST(OnnxView, CompositionEqualsReadingThroughBoth) {
  std::mt19937 random(4);
  onnx::Source source, middle;
  source.size = 2 * 3 * 4 * 6;
  int composed = 0;
  for (int i = 0; i < 3000; ++i) {
    View inner = randomView(source, {2, 3, 4, 6}, random).first;
    middle.size = inner.elements();
    llvm::SmallVector<int64_t, 4> shape = inner.shape();
    if (shape.empty())
      continue;
    View outer = randomView(middle, shape, random).first;
    std::optional<View> both = compose(outer, inner);
    if (!both)
      continue;
    ++composed;
    std::vector<int64_t> through = positions(inner), expected;
    for (int64_t at : positions(outer))
      expected.push_back(through[at]);
    ASSERT_EQ(positions(*both), expected) << i;
    EXPECT_EQ(both->shape(), outer.shape());
  }
  EXPECT_GT(composed, 2000);
}

TEST(OnnxView, AReshapeThatMixesDimensionsIsNone) {
  onnx::Source source;
  source.size = 6;
  View turned = transpose(wholeOf(source, {2, 3}), {1, 0});
  EXPECT_FALSE(reshape(turned, {2, 3}));
  EXPECT_TRUE(reshape(turned, {3, 2, 1}));
  EXPECT_TRUE(reshape(turned, {6})); // as one axis of two dimensions
  EXPECT_EQ(positions(*reshape(turned, {6})), (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(OnnxView, Broadcasting) {
  onnx::Source source;
  source.size = 3;
  View row = wholeOf(source, {3});
  EXPECT_EQ(positions(*broadcastTo(row, {2, 3})), (std::vector<int64_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_FALSE(broadcastTo(row, {3, 2}));
  EXPECT_EQ(*broadcastShape({4, 1}, {3}), (llvm::SmallVector<int64_t, 4>{4, 3}));
  EXPECT_FALSE(broadcastShape({4}, {3}));
}

TEST(OnnxFunction, ActivationsAreKnownByTheirValues) {
  auto op = [](const char *name) -> const FunctionOp & { return *findFunctionOp(name); };
  Function x = Function::scale(1);
  // x / sqrt 2 as a float has it, erf, + 1, times x, halved: in another order than usual.
  Function erf = Function::scale(1 / 1.4142135f).then(op("Erf")).withConstant(op("Add"), 1, true);
  EXPECT_EQ(activationOf(Function::scale(0.5).combine(op("Mul"), erf)), Activation::GeluErf);
  Function cube = x.withConstant(op("Pow"), 3, false).withConstant(op("Mul"), 0.044715f, false);
  Function tanh = x.combine(op("Add"), cube).withConstant(op("Mul"), 0.7978846f, true).then(op("Tanh"));
  EXPECT_EQ(activationOf(tanh.withConstant(op("Add"), 1, false).combine(op("Mul"), Function::scale(0.5))),
            Activation::GeluTanh);
  EXPECT_EQ(activationOf(x.combine(op("Mul"), Function::scale(1.702f).then(op("Sigmoid")))),
            Activation::QuickGelu);
  EXPECT_EQ(activationOf(x.combine(op("Mul"), x.then(op("Sigmoid")))), Activation::Silu);
  EXPECT_EQ(activationOf(x.withConstant(op("Max"), 0, false)), Activation::Relu);
  // Near misses.
  EXPECT_FALSE(activationOf(x.combine(op("Mul"), Function::scale(1.7).then(op("Sigmoid")))));
  EXPECT_FALSE(activationOf(x.withConstant(op("Max"), 0, false).withConstant(op("Min"), 6, false)));
  EXPECT_FALSE(activationOf(x.then(op("Softplus"))));
  EXPECT_FALSE(activationOf(x));
  EXPECT_TRUE(isTanh(x.then(op("Tanh"))));
  EXPECT_FALSE(isTanh(x.then(op("Sigmoid"))));
}

TEST(OnnxFunction, RootsOfVariances) {
  auto op = [](const char *name) -> const FunctionOp & { return *findFunctionOp(name); };
  Function f =
      Function::scale(1.0 / 24).withConstant(op("Add"), 1e-12, false).then(op("Sqrt")).then(op("Reciprocal"));
  std::optional<InverseRoot> root = inverseRoot(f);
  ASSERT_TRUE(root);
  EXPECT_NEAR(root->slope * 24, 1, 1e-12);
  EXPECT_NEAR(root->offset, 1e-12, 1e-20);
  EXPECT_TRUE(inverseRoot(
      Function::scale(1).withConstant(op("Add"), 1e-6, false).withConstant(op("Pow"), -0.5, false)));
  EXPECT_FALSE(inverseRoot(Function::scale(1).withConstant(op("Add"), 1, false).then(op("Reciprocal"))));
  EXPECT_EQ(squareFactor(Function::scale(3).withConstant(op("Pow"), 2, false)), 9);
  EXPECT_FALSE(squareFactor(Function::scale(1).then(op("Abs"))));
}

TEST(OnnxGraph, ShortestDecimalUndoesFloats) {
  EXPECT_EQ(shortestDecimal(1e-6f), 1e-6);
  EXPECT_EQ(shortestDecimal(1e-12f), 1e-12);
  EXPECT_EQ(shortestDecimal(0.1), 0.1);
  EXPECT_EQ(shortestDecimal(1.0 / 3), 1.0 / 3); // no float
}

TEST(OnnxResize, Kernels) {
  Resampling linear;
  linear.mode = "linear";
  EXPECT_EQ(resampleAxis(linear, {0, 1}, 1, 2, 1, 4, 2), (std::vector<double>{0, 0.25, 0.75, 1}));
  linear.coordinates = "align_corners";
  std::vector<double> corners = resampleAxis(linear, {0, 3}, 1, 2, 1, 4, 2);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(corners[i], i, 1e-12);
  linear.coordinates = "half_pixel";
  linear.antialias = true; // halving with a triangle of width 4: weights 1/8 3/8 3/8 1/8 inside
  std::vector<double> halved = resampleAxis(linear, {0, 0, 8, 0, 0, 0, 0, 0}, 1, 8, 1, 4, 0.5);
  EXPECT_NEAR(halved[1], 3, 1e-12);
  EXPECT_NEAR(halved[0], 1.0 / 7 * 8, 1e-12); // at the edge the rest is normalised
  Resampling cubic;
  cubic.mode = "cubic";
  Taps taps = resampleAt(cubic, 1, 2, 8, 16);
  ASSERT_EQ(taps.values.size(), 4u);
  EXPECT_NEAR(std::accumulate(taps.values.begin(), taps.values.end(), 0.0), 1, 1e-12);
  EXPECT_NEAR(taps.values[0], -0.75 * (1.25 * 1.25 * 1.25 - 5 * 1.25 * 1.25 + 8 * 1.25 - 4), 1e-12);
  Resampling nearest;
  EXPECT_EQ(resampleAxis(nearest, {5, 7}, 1, 2, 1, 4, 2), (std::vector<double>{5, 5, 7, 7}));
}
