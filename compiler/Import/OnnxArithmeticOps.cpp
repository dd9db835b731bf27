//===- OnnxArithmeticOps.cpp - operators that compute -----------------------------------------------===//
#include "compiler/Import/OnnxRaise.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <numeric>

using namespace vitc;
using namespace vitc::onnx;

namespace {

View apply(const Call &c, const char *op, const View &a, const View &b) {
  return c.graph.binary(*findFunctionOp(op), a, b);
}

Results matMul(const Call &c) { return {c.graph.matmul(c.x(), *c.in[1])}; }

Results gemm(const Call &c) {
  View a = c.x(), b = *c.in[1];
  if (a.rank() != 2 || b.rank() != 2)
    return {c.no("a Gemm of something other than matrices")};
  if (c.node.integer("transA", 0))
    a = transpose(a, {1, 0});
  if (c.node.integer("transB", 0))
    b = transpose(b, {1, 0});
  View y = c.graph.scaled(c.graph.matmul(a, b), c.node.number("alpha", 1));
  if (c.at(2))
    y = apply(c, "Add", y, c.graph.scaled(*c.in[2], c.node.number("beta", 1)));
  return {y};
}

Results conv(const Call &c) {
  View image = c.x();
  const View &weight = *c.in[1];
  if (!isConstant(weight) || isConstant(image) || weight.rank() != 4 || image.rank() != 4 ||
      image.extent(0) != 1)
    return {
        c.no("a Conv of another form than image * weights; the nearest that is supported: one Conv as patch "
             "embedding")};
  auto all = [&](llvm::StringRef name, int64_t wanted) {
    return llvm::all_of(c.node.integers(name).value_or(llvm::ArrayRef<int64_t>()),
                        [&](int64_t v) { return v == wanted; });
  };
  static constexpr int64_t single[] = {1, 1};
  llvm::ArrayRef<int64_t> strides = c.node.integers("strides").value_or(llvm::ArrayRef(single));
  llvm::StringRef pad = c.node.string("auto_pad", "NOTSET");
  if (c.node.integer("group", 1) != 1 || !all("dilations", 1) || strides.size() != 2 || strides[0] < 1 ||
      strides[1] < 1 || weight.extent(1) != image.extent(1))
    return {c.no(
        "a Conv with groups or dilations; the nearest that is supported: a plain one as patch embedding")};
  // "Same" adds nothing where the stride divides the size and equals the kernel, which is all that is needed.
  bool same = pad.starts_with("SAME") && (image.extent(2) % strides[0] || image.extent(3) % strides[1] ||
                                          strides[0] != weight.extent(2) || strides[1] != weight.extent(3));
  if (!all("pads", 0) || same || weight.extent(2) > image.extent(2) || weight.extent(3) > image.extent(3))
    return {c.no("a Conv with padding; the nearest that is supported: one that reads whole patches")};
  image.axes.erase(image.axes.begin());
  View y = c.graph.patchConv(image, weight, {strides[0], strides[1]});
  if (c.at(2)) {
    View bias = *c.in[2];
    bias.axes.append(2, Dims());
    y = apply(c, "Add", y, bias);
  }
  if (!valueOf(y, Kind::Unknown))
    y.axes.insert(y.axes.begin(), Dims());
  return {y};
}

Results norm(const Call &c) {
  auto axis = c.axis(c.node.integer("axis", -1), c.x().rank());
  if (!axis)
    return {c.no("an axis outside of the shape")};
  bool layer = c.node.opType == "LayerNormalization";
  View none;
  return {c.graph.norm(layer ? NormKind::Layer : NormKind::Rms, c.x(), *axis, c.node.number("epsilon", 1e-5),
                       *c.in[1], layer && c.at(2) ? *c.in[2] : none)};
}

Results lpNormalization(const Call &c) {
  auto axis = c.axis(c.node.integer("axis", -1), c.x().rank());
  if (!axis || c.node.integer("p", 2) != 2)
    return {c.no("an LpNormalization of another order than 2")};
  View squares = c.graph.reduce(Reduction::Sum, apply(c, "Mul", c.x(), c.x()), {*axis}, true);
  return {apply(c, "Div", c.x(), c.graph.unary(*findFunctionOp("Sqrt"), squares))};
}

Results softmax(const Call &c) {
  const View &x = c.x();
  bool old = c.model.opset < 13;
  auto axis = c.axis(c.node.integer("axis", old ? 1 : -1), x.rank());
  if (!axis)
    return {c.no("an axis outside of the shape")};
  if (!old || *axis + 1 == x.rank())
    return {c.graph.softmax(x, *axis)};
  // Up to opset 12 it ran over all dimensions from the axis on.
  auto shape = x.shape();
  std::optional<View> flat = c.graph.reshape(x, {product(llvm::ArrayRef(shape).take_front(*axis)),
                                                 product(llvm::ArrayRef(shape).drop_front(*axis))});
  std::optional<View> result = flat ? c.graph.reshape(c.graph.softmax(*flat, 1), shape) : std::nullopt;
  return {result ? *result : c.no("a Softmax over several dimensions")};
}

Results reduce(const Call &c) {
  llvm::StringRef op = c.node.opType;
  View x = c.x();
  bool nothing = c.node.integer("noop_with_empty_axes", 0);
  auto axes = c.axes(1, x.rank(), !nothing);
  if (!axes)
    return {c.no("axes that are no constants within the shape")};
  if (axes->empty())
    return {x};
  bool keep = c.node.integer("keepdims", 1);
  double count = 1;
  for (size_t axis : *axes)
    count *= static_cast<double>(x.extent(axis));
  if (op == "ReduceL2" || op == "ReduceSumSquare")
    x = apply(c, "Mul", x, x);
  View y = c.graph.reduce(op == "ReduceMax"    ? Reduction::Max
                          : op == "ReduceMin"  ? Reduction::Min
                          : op == "ReduceProd" ? Reduction::Product
                                               : Reduction::Sum,
                          x, *axes, keep);
  if (op == "ReduceMean")
    y = c.graph.scaled(y, 1 / count);
  if (op == "ReduceL2")
    y = c.graph.unary(*findFunctionOp("Sqrt"), y);
  return {y};
}

Results globalAverage(const Call &c) {
  llvm::SmallVector<size_t, 4> axes;
  double count = 1;
  for (size_t i = 2; i < c.x().rank(); ++i) {
    axes.push_back(i);
    count *= static_cast<double>(c.x().extent(i));
  }
  return {c.graph.scaled(c.graph.reduce(Reduction::Sum, c.x(), axes, true), 1 / count)};
}

Results gelu(const Call &c) {
  bool tanh = c.node.string("approximate", "none") == "tanh";
  return {c.graph.unary(*findFunctionOp(tanh ? "GeluTanh" : "Gelu"), c.x())};
}

Results swish(const Call &c) {
  double alpha = c.node.number("alpha", 1);
  Function inner = Function::scale(alpha).then(*findFunctionOp("Sigmoid"));
  return {c.graph.apply(c.x(), Function::scale(1).combine(*findFunctionOp("Mul"), inner))};
}

Results clip(const Call &c) {
  View y = c.x();
  if (const View *low = c.at(1))
    y = apply(c, "Max", y, *low);
  if (const View *high = c.at(2))
    y = apply(c, "Min", y, *high);
  return {y};
}

Results sum(const Call &c) {
  View y = c.x();
  for (size_t i = 1; i < c.in.size(); ++i)
    if (c.in[i])
      y = apply(c, "Add", y, *c.in[i]);
  return {c.node.opType == "Mean" ? c.graph.scaled(y, 1 / static_cast<double>(c.in.size())) : y};
}

/// The operator of opset 23: softmax(scale * q k^T + mask) v, on [batch, heads, tokens, size] or with the
/// heads merged into the last dimension.
Results attention(const Call &c) {
  View parts[3] = {c.x(), *c.in[1], *c.in[2]};
  int64_t heads[3] = {c.node.integer("q_num_heads", 0), c.node.integer("kv_num_heads", 0),
                      c.node.integer("kv_num_heads", 0)};
  bool merged = parts[0].rank() == 3;
  for (int i = 0; i < 3; ++i) {
    View &x = parts[i];
    if (x.rank() != (merged ? 3 : 4) || (merged && (heads[i] < 1 || x.extent(2) % heads[i])))
      return {c.no("an Attention whose operands are no heads")};
    if (merged) {
      std::optional<View> split =
          c.graph.reshape(x, {x.extent(0), x.extent(1), heads[i], x.extent(2) / heads[i]});
      if (!split)
        return {c.no("an Attention whose operands mix dimensions")};
      x = transpose(*split, {0, 2, 1, 3});
    }
  }
  if (c.node.integer("is_causal", 0) || c.node.number("softcap", 0) != 0 || c.at(4) || c.at(5))
    return {c.no(
        "a causal, capped or cached Attention; the nearest that is supported: one that sees all tokens")};
  double size = static_cast<double>(parts[0].extent(3));
  View logits = c.graph.scaled(c.graph.matmul(parts[0], transpose(parts[1], {0, 1, 3, 2})),
                               c.node.number("scale", 1 / std::sqrt(size)));
  if (c.at(3))
    logits = apply(c, "Add", logits, *c.in[3]);
  View y = c.graph.matmul(c.graph.softmax(logits, logits.rank() - 1), parts[2]);
  if (!merged || valueOf(y, Kind::Unknown))
    return {y};
  y = transpose(y, {0, 2, 1, 3});
  std::optional<View> joined = c.graph.reshape(y, {y.extent(0), y.extent(1), y.extent(2) * y.extent(3)});
  return {joined ? *joined : c.no("an Attention whose result mixes dimensions")};
}

/// Products of two operands, and reorderings of one, by letters.
Results einsum(const Call &c) {
  std::string equation;
  for (char letter : c.node.string("equation", ""))
    if (letter != ' ')
      equation += letter;
  auto [left, output] = llvm::StringRef(equation).split("->");
  llvm::SmallVector<llvm::StringRef, 2> terms;
  left.split(terms, ',');
  constexpr const char *nearest = "an Einsum that is no product of two matrices in a batch";
  if (!llvm::StringRef(equation).contains("->") || terms.size() != c.in.size() || terms.empty() ||
      terms.size() > 2 || left.contains('.'))
    return {c.no(nearest)};
  auto permuted = [&](const View &x, llvm::StringRef from, llvm::StringRef to) {
    llvm::SmallVector<int64_t, 4> order;
    for (char letter : to)
      order.push_back(static_cast<int64_t>(from.find(letter)));
    return transpose(x, order);
  };
  auto unique = [](llvm::StringRef letters) {
    for (size_t i = 0; i < letters.size(); ++i)
      if (letters.find(letters[i], i + 1) != llvm::StringRef::npos)
        return false;
    return true;
  };
  for (size_t i = 0; i < terms.size(); ++i)
    if (terms[i].size() != c.in[i]->rank() || !unique(terms[i]))
      return {c.no(nearest)};
  if (!unique(output))
    return {c.no(nearest)};
  if (terms.size() == 1) {
    for (char letter : output)
      if (!terms[0].contains(letter))
        return {c.no(nearest)};
    return {output.size() == terms[0].size() ? permuted(c.x(), terms[0], output) : c.no(nearest)};
  }
  std::string batch, rows, columns, inner;
  for (char letter : terms[0]) {
    bool other = terms[1].contains(letter), kept = output.contains(letter);
    if (!other && !kept)
      return {c.no(nearest)};
    (!kept ? inner : other ? batch : rows) += letter;
  }
  for (char letter : terms[1])
    if (!terms[0].contains(letter)) {
      if (!output.contains(letter))
        return {c.no(nearest)};
      columns += letter;
    }
  if (output.size() != batch.size() + rows.size() + columns.size())
    return {c.no(nearest)};
  View a = permuted(c.x(), terms[0], batch + rows + inner),
       b = permuted(*c.in[1], terms[1], batch + inner + columns);
  auto stacked = [&](const View &x, size_t second, size_t third) {
    llvm::SmallVector<size_t, 8> counts(batch.size(), 1);
    counts.append({second, third});
    return group(x, counts);
  };
  View y = c.graph.matmul(stacked(a, rows.size(), inner.size()), stacked(b, inner.size(), columns.size()));
  if (valueOf(y, Kind::Unknown))
    return {y};
  llvm::SmallVector<int64_t, 4> shape;
  auto extentOf = [&](char letter) {
    size_t at = terms[0].find(letter);
    return at != llvm::StringRef::npos ? c.x().extent(at) : c.in[1]->extent(terms[1].find(letter));
  };
  std::string order = batch + rows + columns;
  for (char letter : order)
    shape.push_back(extentOf(letter));
  std::optional<View> split = c.graph.reshape(y, shape);
  return {split ? permuted(*split, order, output) : c.no(nearest)};
}

constexpr Operator table[] = {
    {"MatMul", 2, matMul},
    {"Gemm", 2, gemm},
    {"Conv", 2, conv},
    {"Einsum", 1, einsum},
    {"LayerNormalization", 2, norm},
    {"RMSNormalization", 2, norm},
    {"SimplifiedLayerNormalization", 2, norm},
    {"LpNormalization", 1, lpNormalization},
    {"Softmax", 1, softmax},
    {"Attention", 3, attention},
    {"Gelu", 1, gelu},
    {"Swish", 1, swish},
    {"Clip", 1, clip},
    {"Sum", 1, sum},
    {"Mean", 1, sum},
    {"ReduceMean", 1, reduce},
    {"ReduceSum", 1, reduce},
    {"ReduceMax", 1, reduce},
    {"ReduceMin", 1, reduce},
    {"ReduceProd", 1, reduce},
    {"ReduceL2", 1, reduce},
    {"ReduceSumSquare", 1, reduce},
    {"GlobalAveragePool", 1, globalAverage},
};

} // namespace

llvm::ArrayRef<Operator> onnx::arithmeticOperators() { return table; }
