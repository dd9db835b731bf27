//===- OnnxMatchEmbedding.cpp - patches, tokens and positions ---------------------------------------===//
//
// However tokens and positions are put together (added before or after the concatenation, registers inserted
// between, a class token with its position folded in), each row of the result is a constant or a patch, with
// a position or without. So rows are traced one run at a time, and the description follows from the runs.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;
using namespace vitc::onnx;

namespace {

constexpr const char *nearestEmbedding =
    "patches by one Conv (or Reshape, Transpose, MatMul), constant tokens joined by Concat, positions added";

/// Consecutive tokens of one origin.
struct Run {
  int64_t rows = 0;
  View constant; ///< [rows][width] of a token, or absent
  const Value *patches = nullptr;
  int64_t first = 0; ///< patch
  View position;     ///< [rows][width], or absent
};

class EmbeddingMatcher {
public:
  EmbeddingMatcher(Matching &m, Weights &weights) : m(m), config(m.config), weights(weights) {}
  bool match(const Value *tokens);

private:
  bool trace(const View &view, std::vector<Run> &runs, int depth);
  bool matchTokens(const Value *tokens);
  bool matchPatches(const Value *patches);
  bool matchConv(const Value *conv);
  bool matchLinear(const Value *linear);
  bool placeTokens(const std::vector<Run> &runs);
  bool placePositions(const std::vector<Run> &runs, size_t firstPatch, size_t lastPatch);
  bool setLayout(const View &image, int64_t channels);
  static std::optional<View> joined(llvm::ArrayRef<View> parts);
  bool put(const std::string &name, llvm::ArrayRef<View> rows, llvm::ArrayRef<View> added = {});

  Matching &m;
  ModelConfig &config;
  Weights &weights;
};

bool EmbeddingMatcher::trace(const View &view, std::vector<Run> &runs, int depth) {
  int64_t rows = view.extent(0), width = view.extent(1);
  if (depth > 16 || view.scale != 1)
    return m.fail(view, "tokens", nearestEmbedding);
  if (onnx::isConstant(view)) {
    Run run;
    run.rows = rows;
    run.constant = view;
    runs.push_back(run);
    return true;
  }
  const Value *value = valueOf(view);
  if (value->kind == Kind::Add && onnx::isConstant(value->operands[1])) {
    std::optional<View> data = compose(view, value->operands[0]), table = compose(view, value->operands[1]);
    std::vector<Run> inner;
    if (!data || !table)
      return m.fail(view, "positions added token by token", nearestEmbedding);
    if (!trace(*data, inner, depth + 1))
      return false;
    int64_t first = 0;
    for (Run &run : inner) {
      std::optional<View> part = slice(*table, 0, first, run.rows);
      if (run.position.source || !part)
        return m.fail(value, "one table of positions", nearestEmbedding);
      run.position = *part;
      first += run.rows;
      runs.push_back(run);
    }
    return true;
  }
  if (value->kind == Kind::Concat) {
    std::optional<View> lines = onnx::slice(view, 0, 0, rows);
    if (!lines || view.axes[1] != merged({{width, 1}}) || view.axes[0] != merged({{rows, width}}) ||
        view.offset % width || value->operands[0].extent(0) != 1 || value->operands[0].extent(2) != width)
      return m.fail(view, "tokens joined one behind the other", nearestEmbedding);
    int64_t begin = view.offset / width, end = begin + rows, at = 0;
    for (const View &part : value->operands) {
      int64_t from = std::max(begin, at), to = std::min(end, at + part.extent(1));
      if (from < to) {
        std::optional<View> wanted = slice(part, 1, from - at, to - from);
        if (!wanted)
          return m.fail(view, "tokens joined one behind the other", nearestEmbedding);
        wanted->axes.erase(wanted->axes.begin());
        if (!trace(*wanted, runs, depth + 1))
          return false;
      }
      at += part.extent(1);
    }
    return true;
  }
  if (view.offset % width || view.axes[1] != merged({{width, 1}}) || view.axes[0] != merged({{rows, width}}))
    return m.fail(view, "patches in rows, from the top left to the bottom right", nearestEmbedding);
  if (!runs.empty() && runs.back().patches == value && !runs.back().position.source &&
      runs.back().first + runs.back().rows == view.offset / width) {
    runs.back().rows += rows;
    return true;
  }
  Run run;
  run.rows = rows;
  run.patches = value;
  run.first = view.offset / width;
  runs.push_back(run);
  return true;
}

/// Rows that follow each other in one constant, as one view of it.
std::optional<View> EmbeddingMatcher::joined(llvm::ArrayRef<View> parts) {
  View all = parts[0];
  for (const View &part : parts.drop_front()) {
    int64_t rows = all.extent(0), step = (part.offset - all.offset) / rows;
    View longer = all;
    longer.axes[0] = merged({{rows + part.extent(0), step}});
    std::optional<View> head, tail;
    if (step > 0) {
      head = slice(longer, 0, 0, rows);
      tail = slice(longer, 0, rows, part.extent(0));
    }
    if (!head || !tail || !(*head == all) || !(*tail == part))
      return std::nullopt;
    all = longer;
  }
  return all;
}

/// Rows of several constants under one name; `added` holds what is added to each.
bool EmbeddingMatcher::put(const std::string &name, llvm::ArrayRef<View> rows, llvm::ArrayRef<View> added) {
  // What stands in one stored tensor stays there: nothing is copied that need not be.
  if (std::optional<View> view = added.empty() ? joined(rows) : std::nullopt) {
    weights[name] = *view;
    return true;
  }
  std::vector<double> values;
  int64_t count = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::optional<std::vector<double>> part = m.graph.read(rows[i]);
    if (part && !added.empty()) {
      std::optional<std::vector<double>> other = m.graph.read(added[i]);
      for (size_t j = 0; other && j < part->size(); ++j)
        (*part)[j] += (*other)[j];
    }
    if (!part)
      return m.fail(static_cast<const Value *>(nullptr), "tables that fit into memory", nearestEmbedding);
    values.insert(values.end(), part->begin(), part->end());
    count += rows[i].extent(0);
  }
  weights[name] = m.graph.constant(DataType::Double, {count, config.width}, std::move(values));
  return true;
}

bool EmbeddingMatcher::placePositions(const std::vector<Run> &runs, size_t firstPatch, size_t lastPatch) {
  auto has = [&](size_t begin, size_t end) {
    size_t count = 0;
    for (size_t i = begin; i < end; ++i)
      count += runs[i].position.source != nullptr;
    return count;
  };
  size_t patchRuns = lastPatch - firstPatch;
  if (has(firstPatch, lastPatch) != 0 && has(firstPatch, lastPatch) != patchRuns)
    return m.fail(runs[firstPatch].patches, "positions on all patches or on none", nearestEmbedding);
  std::vector<View> table;
  auto collect = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i)
      table.push_back(runs[i].position);
  };
  config.posCovers = PosCovers::None;
  config.pos.kind = PosKind::None;
  if (has(firstPatch, lastPatch) == 0)
    return true;
  config.pos.kind = PosKind::Learned;
  config.pos.grid = config.grid();
  if (has(0, runs.size()) == runs.size()) {
    config.posCovers = PosCovers::All;
    collect(0, runs.size());
  } else if (has(0, firstPatch) == 1 && runs[0].position.source && runs[0].rows == 1 && firstPatch > 0) {
    config.posCovers = PosCovers::ClsAndPatch;
    collect(0, 1);
    collect(firstPatch, lastPatch);
  } else {
    config.posCovers = PosCovers::Patch; // tokens that have a position are stored with it
    collect(firstPatch, lastPatch);
  }
  return put("embed.pos", table);
}

bool EmbeddingMatcher::placeTokens(const std::vector<Run> &runs) {
  size_t firstPatch = 0;
  while (firstPatch < runs.size() && !runs[firstPatch].patches)
    ++firstPatch;
  size_t lastPatch = firstPatch;
  int64_t rows = 0;
  while (lastPatch < runs.size() && runs[lastPatch].patches) {
    if (runs[lastPatch].patches != runs[firstPatch].patches || runs[lastPatch].first != rows)
      return m.fail(runs[lastPatch].patches, "every patch once, in order", nearestEmbedding);
    rows += runs[lastPatch++].rows;
  }
  if (firstPatch == runs.size() || rows != runs[firstPatch].patches->size / config.width)
    return m.fail(firstPatch < runs.size() ? runs[firstPatch].patches : nullptr, "all patches of the image",
                  nearestEmbedding);
  for (size_t i = lastPatch; i < runs.size(); ++i)
    if (runs[i].patches)
      return m.fail(runs[i].patches, "tokens in front of the patches or behind them", nearestEmbedding);
  if (!matchPatches(runs[firstPatch].patches) || !placePositions(runs, firstPatch, lastPatch))
    return false;
  if (rows != config.patches())
    return m.fail(runs[firstPatch].patches, fmt::format("{} patches", config.patches()), nearestEmbedding);

  // Names carry no meaning but this: the first token is what pooling and heads call cls, a second single one
  // dist, all others are registers.
  auto add = [&](std::vector<TokenRun> &list, const std::string &kind, size_t begin, size_t end) {
    std::vector<View> parts, positions;
    int64_t count = 0;
    for (size_t i = begin; i < end; ++i) {
      parts.push_back(runs[i].constant);
      count += runs[i].rows;
      if (runs[i].position.source && config.posCovers == PosCovers::Patch)
        positions.push_back(runs[i].position);
    }
    if (!positions.empty() && positions.size() != parts.size())
      return m.fail(static_cast<const Value *>(nullptr), "positions on tokens of one kind", nearestEmbedding);
    list.push_back({kind, count});
    return put("embed." + kind, parts, positions);
  };
  size_t at = 0;
  if (firstPatch > 0 && runs[0].rows == 1) {
    if (!add(config.prefix, "cls", 0, 1))
      return false;
    at = 1;
  }
  if (at == 1 && firstPatch == 2 && runs[1].rows == 1 && config.posCovers == PosCovers::All) {
    if (!add(config.prefix, "dist", 1, 2))
      return false;
    at = 2;
  }
  if (at < firstPatch && !add(config.prefix, "reg", at, firstPatch))
    return false;
  if (lastPatch == runs.size())
    return true;
  if (at < firstPatch)
    return m.fail(runs[firstPatch].patches, "registers on one side of the patches", nearestEmbedding);
  return add(config.suffix, "reg", lastPatch, runs.size());
}

/// The order of the image's dimensions, from the view [channels][height][width] that is read.
bool EmbeddingMatcher::setLayout(const View &image, int64_t channels) {
  const Value *source = valueOf(image, Kind::Image);
  if (!source || image.scale != 1)
    return m.fail(image, "the image itself", "normalisation outside of the graph, in the preprocessing");
  config.inputSize = {image.extent(1), image.extent(2)};
  config.channels = channels;
  if (isWhole(image, source->size)) {
    config.layout = InputLayout::NCHW;
    return true;
  }
  config.layout = InputLayout::NHWC;
  int64_t width = image.extent(2);
  if (image.offset != 0 || image.axes[0] != merged({{channels, 1}}) ||
      image.axes[1] != merged({{image.extent(1), width * channels}}) ||
      image.axes[2] != merged({{width, channels}}))
    return m.fail(image, "all of the image, channels first or last", nearestEmbedding);
  return true;
}

bool EmbeddingMatcher::matchConv(const Value *conv) {
  const View &weight = conv->operands[1];
  config.patch.kind = PatchKind::Conv;
  config.patch.size = {weight.extent(2), weight.extent(3)};
  config.patch.stride = conv->stride;
  config.patch.bias = conv->operands[2].source != nullptr;
  weights["embed.patch.w"] = weight;
  if (config.patch.bias)
    weights["embed.patch.b"] = conv->operands[2];
  return setLayout(conv->operands[0], weight.extent(1));
}

bool EmbeddingMatcher::matchLinear(const Value *linear) {
  View patches = linear->operands[0];
  if (const Value *norm = valueOf(patches, Kind::Norm); norm && m.whole(patches)) {
    if (!m.takeNorm(norm, "embed.norm_in", weights))
      return false;
    config.patch.normIn = norm->norm;
    patches = norm->operands[0];
  }
  const Value *image = valueOf(patches, Kind::Image);
  if (!image || patches.scale != 1 || patches.rank() != 2 || patches.offset != 0)
    return m.fail(patches, "patches that are cut from the image by Reshape and Transpose", nearestEmbedding);
  auto [height, width] = m.imageSize;
  int64_t channels = image->size / (height * width);
  // Where pixel, row and channel lie follows from the layout; which patch, from the dimensions of the view.
  for (bool last : {false, true}) {
    int64_t x = last ? channels : 1, y = width * x, c = last ? 1 : height * width;
    for (int64_t ph = 1; ph <= height; ++ph)
      for (int64_t pw = 1; height % ph == 0 && pw <= width; ++pw) {
        if (width % pw || ph * pw * channels != patches.extent(1) ||
            patches.axes[0] != merged({{height / ph, ph * y}, {width / pw, pw * x}}))
          continue;
        bool chw = patches.axes[1] == merged({{channels, c}, {ph, y}, {pw, x}});
        if (!chw && patches.axes[1] != merged({{ph, y}, {pw, x}, {channels, c}}))
          continue;
        config.patch.kind = PatchKind::Linear;
        config.patch.size = config.patch.stride = {ph, pw};
        config.patch.order = chw ? PatchOrder::CHW : PatchOrder::HWC;
        config.patch.bias = linear->operands[2].source != nullptr;
        config.layout = last ? InputLayout::NHWC : InputLayout::NCHW;
        config.inputSize = {height, width};
        config.channels = channels;
        weights["embed.patch.w"] = linear->operands[1];
        if (config.patch.bias)
          weights["embed.patch.b"] = linear->operands[2];
        return true;
      }
  }
  return m.fail(linear, "patches of the image, each flattened", nearestEmbedding);
}

bool EmbeddingMatcher::matchPatches(const Value *patches) {
  if (patches->kind == Kind::Norm) {
    const Value *inner = m.whole(patches->operands[0]);
    if (!inner || !m.takeNorm(patches, "embed.norm_out", weights))
      return m.fail(patches, "a norm of the patches", nearestEmbedding);
    config.patch.normOut = patches->norm;
    patches = inner;
  }
  ++m.progress;
  if (patches->kind == Kind::PatchConv)
    return matchConv(patches);
  if (patches->kind == Kind::Linear)
    return matchLinear(patches);
  return m.fail(patches, "the patch embedding or another block", nearestEmbedding);
}

bool EmbeddingMatcher::matchTokens(const Value *tokens) {
  std::vector<Run> runs;
  View all = wholeOf(*tokens, {tokens->size / config.width, config.width});
  return trace(all, runs, 0) && placeTokens(runs);
}

bool EmbeddingMatcher::match(const Value *tokens) {
  Weights before = weights;
  ModelConfig described = config;
  if (matchTokens(tokens))
    return true;
  const Value *inner = tokens->kind == Kind::Norm ? m.whole(tokens->operands[0]) : nullptr;
  if (!inner)
    return false;
  weights = before; // a norm between embedding and blocks, as CLIP has
  config = described;
  config.preNorm = true;
  return m.takeNorm(tokens, "embed.pre_norm", weights) && matchTokens(inner);
}

} // namespace

bool Matching::matchEmbedding(const Value *tokens, Weights &weights) {
  return EmbeddingMatcher(*this, weights).match(tokens);
}
