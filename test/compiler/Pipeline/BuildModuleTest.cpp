// Each axis of the description, and what it makes of the module.
#include "dialect/IR/VitOps.h"
#include "test/compiler/Pipeline/PipelineFixtures.h"
#include <cmath>

using namespace vitc;
using namespace vitc::test;
using Lines = std::vector<std::string>;

namespace {

class BuildModuleTest : public testing::Test {
protected:
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  ModelConfig config = tinyConfig();
  mlir::OwningOpRef<mlir::ModuleOp> module;

  Lines lines(llvm::StringRef function = "forward") {
    module = build(*context, config);
    return summary(*module, function);
  }
  Lines outputs() {
    auto function = module->lookupSymbol<mlir::func::FuncOp>("forward");
    Lines names;
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      names.push_back(function.getResultAttrOfType<mlir::StringAttr>(i, "vit.name").str());
    return names;
  }
  /// The first op of type T.
  template <typename T> T first() {
    T found;
    module->walk([&](T op) {
      found = op;
      return mlir::WalkResult::interrupt();
    });
    return found;
  }
};

const Lines kBlock{"layer_norm 7", "linear 7",     "linear 7", "linear 7",     "attention 7", "linear 7",
                   "add 7",        "layer_norm 7", "linear 7", "activation 7", "linear 7",    "add 7"};

TEST_F(BuildModuleTest, WholeModel) {
  Lines want{"patch_embed 6", "concat 7", "add 7"};
  want.insert(want.end(), kBlock.begin(), kBlock.end());
  want.insert(want.end(), {"layer_norm 7", "slice 1", "linear 1"});
  EXPECT_EQ(lines(), want);
  EXPECT_EQ(outputs(), Lines{"logits"});
  EXPECT_FALSE(module->lookupSymbol("forward_u8")); // no preprocessing, no pictures
}

TEST_F(BuildModuleTest, BlocksFollowEachOther) {
  config.depth = 3;
  EXPECT_EQ(lines().size(), 3 + 3 * kBlock.size() + 3);
  EXPECT_TRUE(module->lookupSymbol("blk.2.fc2.w"));
  EXPECT_FALSE(module->lookupSymbol("blk.3.ln1.w"));
}

// A weight for each tensor that the description implies, and no other.
TEST_F(BuildModuleTest, DeclaresTheTensors) {
  lines();
  Lines names, want;
  for (auto weight : module->getOps<vit::WeightOp>())
    names.push_back(weight.getSymName().str());
  for (const TensorSpec &spec : expectedTensors(config))
    want.push_back(spec.name);
  EXPECT_EQ(names, want);
}

TEST_F(BuildModuleTest, Positions) {
  config.posCovers = PosCovers::Patch;
  Lines got = lines();
  got.resize(3);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "add 6", "concat 7"}));

  // Registers come between the cls token and the patches, behind the sum.
  config.posCovers = PosCovers::ClsAndPatch;
  config.prefix = {{"cls", 1}, {"reg", 4}};
  got = lines();
  got.resize(6);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "concat 7", "add 7", "slice 1", "slice 6", "concat 11"}));

  config.posCovers = PosCovers::None;
  config.pos.kind = PosKind::None;
  got = lines();
  got.resize(3);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "concat 11", "layer_norm 11"}));
}

TEST_F(BuildModuleTest, NoPrefixTokens) {
  config.prefix.clear();
  config.pool.kind = PoolKind::Mean;
  Lines got = lines();
  got.resize(3);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "add 6", "layer_norm 6"}));
}

TEST_F(BuildModuleTest, NormInFrontOfTheBlocks) {
  config.preNorm = true;
  Lines got = lines();
  got.resize(5);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "concat 7", "add 7", "layer_norm 7", "layer_norm 7"}));
}

TEST_F(BuildModuleTest, MeanPooling) {
  config.prefix = {{"cls", 1}, {"reg", 2}};
  config.pool.kind = PoolKind::Mean;
  config.finalNorm = FinalNorm::AfterPool;
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 6", "mean_tokens 1", "layer_norm 1", "linear 1"}));
  EXPECT_EQ(first<vit::SliceOp>().getFirst(), 3u);
  config.pool.includePrefix = true;
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 9", "mean_tokens 1", "layer_norm 1", "linear 1"}));
  config.finalNorm = FinalNorm::AllTokens;
  EXPECT_EQ(from(lines(), "layer_norm"), (Lines{"layer_norm 9", "slice 9", "mean_tokens 1", "linear 1"}));
  config.finalNorm = FinalNorm::None;
  EXPECT_EQ(from(lines(), "add"), (Lines{"add 9", "slice 9", "mean_tokens 1", "linear 1"}));
}

TEST_F(BuildModuleTest, Pools) {
  config.prefix = {{"cls", 1}, {"reg", 2}};
  config.suffix = {{"dist", 1}};
  config.pool.kind = PoolKind::Max;
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 6", "max_tokens 1", "linear 1"}));
  EXPECT_EQ(first<vit::SliceOp>().getFirst(), 3u);
  config.pool.includePrefix = true;
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 10", "max_tokens 1", "linear 1"}));
  config.pool = {PoolKind::AvgMax, false, {}, 0, 0, {}};
  EXPECT_EQ(from(lines(), "slice"),
            (Lines{"slice 6", "mean_tokens 1", "max_tokens 1", "average 1", "linear 1"}));
  // Registers are in neither half.
  config.pool = {PoolKind::ConcatClsMean, false, {}, 0, 0, {}};
  EXPECT_EQ(from(lines(), "layer_norm"),
            (Lines{"layer_norm 10", "slice 1", "slice 6", "mean_tokens 1", "concat_channels 1", "linear 1"}));
  std::vector<uint64_t> rows;
  module->walk([&](vit::SliceOp op) { rows.push_back(op.getFirst()); });
  EXPECT_EQ(rows, (std::vector<uint64_t>{0, 3}));
}

// A learned query over all tokens, and no residual around the attention.
TEST_F(BuildModuleTest, AttentionPooling) {
  config.prefix.clear();
  config.pos.grid = config.grid();
  config.pool.kind = PoolKind::Map;
  EXPECT_EQ(from(lines(), "slice"),
            (Lines{"slice 6", "linear 1", "linear 6", "linear 6", "attention 1", "linear 1", "layer_norm 1",
                   "linear 1", "activation 1", "linear 1", "add 1", "linear 1"}));
  vit::AttentionOp last;
  module->walk([&](vit::AttentionOp op) { last = op; });
  EXPECT_DOUBLE_EQ(last.getScale().convertToDouble(), 1 / std::sqrt(6.0));
}

// The class token behind each layer, each through the final norm, and the mean of the last one's patches.
TEST_F(BuildModuleTest, MultiLayerPooling) {
  config.depth = 3;
  config.pool = {PoolKind::MultiLayer, false, {0, 2}, 0, 0, {}};
  EXPECT_EQ(from(lines(), "add"), (Lines{"add 7", "layer_norm 7", "layer_norm 7", "slice 1", "slice 1",
                                         "slice 6", "mean_tokens 1", "concat_channels 1", "linear 1"}));
  config.finalNorm = FinalNorm::None;
  EXPECT_EQ(from(lines(), "add"), (Lines{"add 7", "slice 1", "slice 1", "slice 6", "mean_tokens 1",
                                         "concat_channels 1", "linear 1"}));
  std::vector<mlir::Operation *> sources;
  module->walk([&](vit::SliceOp op) { sources.push_back(op.getInput().getDefiningOp()); });
  ASSERT_EQ(sources.size(), 3u);
  EXPECT_NE(sources[0], sources[1]);
  EXPECT_EQ(sources[1], sources[2]);
}

TEST_F(BuildModuleTest, HeadOfAllTokens) {
  config.pool.kind = PoolKind::None;
  config.head.layers.front().from = kHeadOfTokens;
  EXPECT_EQ(from(lines(), "layer_norm"), (Lines{"layer_norm 7", "linear 7"}));
}

TEST_F(BuildModuleTest, LinearPatches) {
  config.channels = 3;
  config.patch.kind = PatchKind::Linear;
  EXPECT_EQ(lines().front(), "patch_embed 6");
  EXPECT_EQ(first<vit::PatchEmbedOp>().getKernel().getDefiningOp<vit::ParamOp>().getWeight(),
            "embed.patch.w.kernel");
  // Channels last: the weight's columns are put in the order in which patches are read.
  config.patch.order = PatchOrder::HWC;
  lines();
  auto kernel = module->lookupSymbol<vit::WeightOp>("embed.patch.w.chw.kernel");
  ASSERT_TRUE(kernel);
  ASSERT_EQ((*kernel.getChain()).size(), 4u);
  EXPECT_TRUE(llvm::isa<vit::TransposeStepAttr>((*kernel.getChain())[2]));
  // A norm of the patches, whose parameters are in the same order.
  config.patch.normIn = config.patch.normOut = NormKind::Layer;
  Lines got = lines();
  got.resize(6);
  EXPECT_EQ(got,
            (Lines{"extract_patches 6", "layer_norm 6", "linear 6", "layer_norm 6", "concat 7", "add 7"}));
  EXPECT_TRUE(module->lookupSymbol("embed.norm_in.w.chw"));
  EXPECT_TRUE(module->lookupSymbol("embed.norm_in.b.chw"));
}

// TensorFlow's rule: ceil(size / stride) patches, the odd zero behind the image.
TEST_F(BuildModuleTest, SamePadding) {
  config.inputSize = {9, 14};
  config.patch.pad = PatchPad::Same;
  config.pos.grid = config.grid();
  EXPECT_EQ(lines().front(), "patch_embed 12");
  EXPECT_EQ(first<vit::PatchEmbedOp>().getPadding(), (llvm::ArrayRef<int64_t>{1, 1, 2, 1}));
  config.patch.stride = {3, 2};
  config.pos.grid = config.grid();
  EXPECT_EQ(lines().front(), "patch_embed 21");
  EXPECT_EQ(first<vit::PatchEmbedOp>().getPadding(), (llvm::ArrayRef<int64_t>{0, 1, 1, 1}));
}

TEST_F(BuildModuleTest, ChannelsLast) {
  config.channels = 3;
  config.layout = InputLayout::NHWC;
  Lines got = lines();
  EXPECT_EQ(got.front(), "channels_first 3");
  auto type = llvm::cast<mlir::RankedTensorType>(first<vit::ChannelsFirstOp>().getInput().getType());
  EXPECT_EQ(type.getShape(), (llvm::ArrayRef<int64_t>{8, 12, 3}));
}

// Positions of the suffix come last; without positions it is appended as it is.
TEST_F(BuildModuleTest, SuffixTokens) {
  config.suffix = {{"reg", 2}};
  Lines got = lines();
  got.resize(3);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "concat 9", "add 9"}));
  config.posCovers = PosCovers::ClsAndPatch;
  got = lines();
  got.resize(6);
  EXPECT_EQ(got, (Lines{"patch_embed 6", "concat 7", "add 7", "slice 1", "slice 6", "concat 9"}));
}

// Tables that follow from the grid are no tensors of the checkpoint.
TEST_F(BuildModuleTest, SincosPositions) {
  config.pos.kind = PosKind::SincosMae;
  config.suffix = {{"reg", 2}};
  lines();
  EXPECT_FALSE(module->lookupSymbol<vit::WeightOp>("embed.pos"));
  auto table = module->lookupSymbol<vit::WeightOp>("embed.pos.suffix");
  ASSERT_TRUE(table);
  auto step = llvm::cast<vit::SincosStepAttr>((*table.getChain())[0]);
  EXPECT_EQ(step.getGrid(), (llvm::ArrayRef<int64_t>{2, 3}));
  EXPECT_EQ(step.getPrefix(), 1);
  EXPECT_EQ(table.getTensorType().getDimSize(0), 9);
}

TEST_F(BuildModuleTest, PositionsOfAnotherGrid) {
  config.pos.grid = {4, 4};
  config.pos.resize = PosResize{"cubic-0.75", false, false, "offset0.1"};
  lines();
  EXPECT_EQ(module->lookupSymbol<vit::WeightOp>("embed.pos").getTensorType().getDimSize(0), 17);
  auto table = module->lookupSymbol<vit::WeightOp>("embed.pos.resized");
  ASSERT_TRUE(table);
  auto step = llvm::cast<vit::ResizeGridStepAttr>((*table.getChain())[1]);
  EXPECT_EQ(step.getFrom(), (llvm::ArrayRef<int64_t>{4, 4}));
  EXPECT_EQ(step.getTo(), (llvm::ArrayRef<int64_t>{2, 3}));
  EXPECT_EQ(step.getPrefix(), 1);
  EXPECT_EQ(step.getKernel(), vit::GridKernel::Cubic75);
  EXPECT_EQ(step.getScale(), vit::GridScale::Offset);
  EXPECT_FALSE(step.getAntialias());
  config.pos.resize = PosResize{"linear", false, true, "size"};
  lines();
  table = module->lookupSymbol<vit::WeightOp>("embed.pos.resized");
  EXPECT_EQ(llvm::cast<vit::ResizeGridStepAttr>((*table.getChain())[1]).getScale(), vit::GridScale::Corners);
}

TEST_F(BuildModuleTest, PreLogitsActivations) {
  config.head.preLogits = PreLogits{9, "identity"};
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 1", "linear 1", "linear 1"}));
  config.head.preLogits->act = "relu";
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 1", "linear 1", "activation 1", "linear 1"}));
  vit::ActivationOp last;
  module->walk([&](vit::ActivationOp op) { last = op; });
  EXPECT_EQ(last.getKind(), vit::ActivationKind::Relu);
}

TEST_F(BuildModuleTest, PreLogits) {
  config.head.preLogits = PreLogits{9};
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 1", "linear 1", "activation 1", "linear 1"}));
  vit::ActivationOp last;
  module->walk([&](vit::ActivationOp op) { last = op; });
  EXPECT_EQ(last.getKind(), vit::ActivationKind::Tanh);
}

TEST_F(BuildModuleTest, Features) {
  config.head.layers.clear();
  lines();
  EXPECT_EQ(outputs(), (Lines{"features", "pooled"}));
  config.pool.kind = PoolKind::None;
  EXPECT_EQ(from(lines(), "layer_norm"), Lines{"layer_norm 7"});
  EXPECT_EQ(outputs(), Lines{"features"});
}

// Features are the tokens that the model states: after_pool norms what is pooled only.
TEST_F(BuildModuleTest, FeaturesBeforeTheNormAfterPooling) {
  config.head.layers.clear();
  config.finalNorm = FinalNorm::AfterPool;
  EXPECT_EQ(from(lines(), "add"), (Lines{"add 7", "slice 1", "layer_norm 1"}));
  auto function = module->lookupSymbol<mlir::func::FuncOp>("forward");
  mlir::Operation *ret = function.getBody().front().getTerminator();
  EXPECT_TRUE(ret->getOperand(0).getDefiningOp<vit::AddOp>());
  EXPECT_TRUE(ret->getOperand(1).getDefiningOp<vit::LayerNormOp>());
}

TEST_F(BuildModuleTest, Outputs) {
  config.depth = 2;
  config.outputs = {{OutputValue::Hidden, 0}, {OutputValue::Hidden, 2},     {OutputValue::Pooled},
                    {OutputValue::Features},  {OutputValue::Probabilities}, {OutputValue::Logits}};
  lines();
  EXPECT_EQ(outputs(), (Lines{"hidden_0", "hidden_2", "pooled", "features", "probabilities", "logits"}));
  auto function = module->lookupSymbol<mlir::func::FuncOp>("forward");
  mlir::Operation *ret = function.getBody().front().getTerminator();
  auto made = [&](unsigned i) { return ret->getOperand(i).getDefiningOp(); };
  EXPECT_TRUE(llvm::isa<vit::AddOp>(made(0)) && llvm::isa<vit::AddOp>(made(1)));
  EXPECT_TRUE(llvm::isa<vit::SliceOp>(made(2)));
  EXPECT_TRUE(llvm::isa<vit::LayerNormOp>(made(3)));
  // Computed once, whoever reads them.
  EXPECT_EQ(llvm::cast<vit::SoftmaxOp>(made(4)).getInput(), ret->getOperand(5));
  EXPECT_EQ(made(2), llvm::cast<vit::LinearOp>(made(5)).getInput().getDefiningOp());
}

// Maps have a query and key of their own; blocks without an output of theirs have none.
TEST_F(BuildModuleTest, AttentionMaps) {
  config.depth = 3;
  config.outputs = {{OutputValue::Attention, 1}, {OutputValue::Logits}};
  lines();
  EXPECT_EQ(outputs(), (Lines{"attention_1", "logits"}));
  auto function = module->lookupSymbol<mlir::func::FuncOp>("forward");
  EXPECT_EQ(function.getResultAttrOfType<mlir::IntegerAttr>(0, "vit.planes").getInt(), config.heads);
  int64_t maps = 0;
  module->walk([&](vit::AttentionWeightsOp op) {
    ++maps;
    EXPECT_EQ(llvm::cast<mlir::ShapedType>(op.getType()).getShape(), (llvm::ArrayRef<int64_t>{14, 7}));
    EXPECT_DOUBLE_EQ(op.getScale().convertToDouble(), 1 / std::sqrt(6.0));
    EXPECT_TRUE(op.getQuery().hasOneUse() && op.getKey().hasOneUse());
  });
  EXPECT_EQ(maps, 1);
  config.outputs = {{OutputValue::Rollout}};
  EXPECT_EQ(from(lines(), "rollout"), (Lines{"rollout 7", "linear 7", "linear 7", "linear 7", "attention 7",
                                             "linear 7", "add 7", "layer_norm 7", "linear 7", "activation 7",
                                             "linear 7", "add 7", "layer_norm 7", "slice 1"}));
  module->walk([&](vit::RolloutOp) { ++maps; });
  EXPECT_EQ(maps, 4);
}

// Maps of a learned divisor divide their queries, behind a norm of queries if there is one.
TEST_F(BuildModuleTest, AttentionMapsOfALearnedDivisor) {
  config.block.attn.scaleRule = ScaleRule::LearnedDivisor;
  config.outputs = {{OutputValue::Attention, 0}};
  auto weightOf = [](mlir::Value value) { return value.getDefiningOp<vit::ParamOp>().getWeight(); };
  lines();
  auto maps = first<vit::AttentionWeightsOp>();
  EXPECT_EQ(maps.getScale().convertToDouble(), 1);
  auto query = maps.getQuery().getDefiningOp<vit::LinearOp>(),
       key = maps.getKey().getDefiningOp<vit::LinearOp>();
  EXPECT_EQ(weightOf(query.getWeight()), "blk.0.q.w.divided");
  EXPECT_EQ(weightOf(query.getBias()), "blk.0.q.b.divided");
  EXPECT_EQ(weightOf(key.getWeight()), "blk.0.k.w");
  auto attention = first<vit::AttentionOp>(); // has its divisor
  EXPECT_EQ(weightOf(attention.getQuery().getDefiningOp<vit::LinearOp>().getWeight()), "blk.0.q.w");
  config.block.attn.qkNorm = NormKind::Layer;
  lines();
  auto norm = first<vit::AttentionWeightsOp>().getQuery().getDefiningOp<vit::LayerNormOp>();
  EXPECT_EQ(weightOf(norm.getGamma()), "blk.0.qn.w.divided");
  EXPECT_EQ(weightOf(norm.getBeta()), "blk.0.qn.b.divided");
}

TEST_F(BuildModuleTest, ZeroShot) {
  config.head.layers.clear();
  config.zeroShot = ZeroShot{9, false};
  EXPECT_EQ(from(lines(), "slice"), (Lines{"slice 1", "layer_norm 1", "linear 1"}));
  EXPECT_EQ(outputs(), Lines{"logits"});
  config.outputs = {{OutputValue::Probabilities}, {OutputValue::Embedding}};
  config.zeroShot->sigmoid = true;
  EXPECT_EQ(from(lines(), "slice"),
            (Lines{"slice 1", "layer_norm 1", "linear 1", "activation 1", "layer_norm 1"}));
}

TEST_F(BuildModuleTest, DistilledHeads) {
  config.prefix = {{"cls", 1}, {"dist", 1}};
  config.head.layers = {{"main", "cls", 5, true}, {"dist", "dist", 5, true}};
  config.head.combine = HeadCombine::Mean;
  EXPECT_EQ(from(lines(), "layer_norm"),
            (Lines{"layer_norm 8", "slice 1", "linear 1", "slice 1", "linear 1", "average 1"}));
  std::vector<uint64_t> rows;
  module->walk([&](vit::SliceOp op) { rows.push_back(op.getFirst()); });
  EXPECT_EQ(rows, (std::vector<uint64_t>{0, 1}));
}

TEST_F(BuildModuleTest, HeadsOfTokensNeedNoPooling) {
  config.pool.kind = PoolKind::None;
  config.head.layers.front().from = "cls";
  EXPECT_EQ(from(lines(), "layer_norm"), (Lines{"layer_norm 7", "slice 1", "linear 1"}));
  EXPECT_EQ(outputs(), Lines{"logits"});
}

TEST_F(BuildModuleTest, LayerScale) {
  config.block.layerScale = true;
  EXPECT_EQ(from(lines(), "activation"), (Lines{"activation 7", "linear 7", "layer_scale 7", "add 7",
                                                "layer_norm 7", "slice 1", "linear 1"}));
}

TEST_F(BuildModuleTest, BiasesAndScale) {
  config.block.attn.qkvBias = {true, false, true};
  config.block.attn.outBias = config.block.mlp.bias = config.patch.bias = false;
  lines();
  std::vector<bool> biases;
  module->walk([&](vit::LinearOp op) { biases.push_back(op.getBias() != nullptr); });
  EXPECT_EQ(biases, (std::vector<bool>{true, false, true, false, false, false, true}));
  EXPECT_FALSE(first<vit::PatchEmbedOp>().getBias());
  EXPECT_DOUBLE_EQ(first<vit::AttentionOp>().getScale().convertToDouble(), 1 / std::sqrt(6.0));
  config.block.attn.scaleRule = ScaleRule::Number;
  config.block.attn.scale = 0.125;
  lines();
  EXPECT_EQ(first<vit::AttentionOp>().getScale().convertToDouble(), 0.125);
}

TEST_F(BuildModuleTest, Activations) {
  for (auto [act, kind] : {std::pair{Activation::GeluErf, vit::ActivationKind::GeluErf},
                           {Activation::GeluTanh, vit::ActivationKind::GeluTanh},
                           {Activation::QuickGelu, vit::ActivationKind::QuickGelu},
                           {Activation::Relu, vit::ActivationKind::Relu},
                           {Activation::Silu, vit::ActivationKind::Silu}}) {
    config.block.mlp.act = act;
    lines();
    EXPECT_EQ(first<vit::ActivationOp>().getKind(), kind);
  }
}

// Patches that are not square and leave pixels over, and heads that are wider together than the model.
TEST_F(BuildModuleTest, Sizes) {
  config.patch.size = config.patch.stride = {3, 5};
  config.pos.grid = config.grid();
  config.headDim = 10;
  EXPECT_EQ(lines().front(), "patch_embed 4");
  EXPECT_EQ(first<vit::PatchEmbedOp>().getStride(), (llvm::ArrayRef<int64_t>{3, 5}));
  EXPECT_EQ(llvm::cast<mlir::ShapedType>(first<vit::AttentionOp>().getType()).getDimSize(1), 20);
}

TEST_F(BuildModuleTest, PicturesAreNormalised) {
  config.preprocess =
      Preprocess{false, {ResizeStep{ResizeMode::Squash, {8, 12}}, AffineStep{1.0 / 255, {0.5}, {0.25}}}};
  Lines pixels = lines("forward_u8"), image = lines();
  EXPECT_EQ(pixels.front(), "normalize_image 1");
  EXPECT_EQ(Lines(pixels.begin() + 1, pixels.end()), image);
  auto normalise = first<vit::NormalizeImageOp>();
  EXPECT_EQ(normalise.getScale().convertToDouble(), 1.0 / 255);
  EXPECT_EQ(normalise.getMean()[0], 0.5);
  EXPECT_EQ(normalise.getStd()[0], 0.25);
  auto type = llvm::cast<mlir::RankedTensorType>(normalise.getPixels().getType());
  EXPECT_EQ(type.getShape(), (llvm::ArrayRef<int64_t>{8, 12, 1}));
}

TEST_F(BuildModuleTest, ResizedPixelsMayKeepFractions) {
  ResizeStep resize{ResizeMode::Squash, {8, 12}, ResizeFilter::Bilinear, false, ResizeImpl::Tf};
  config.preprocess = Preprocess{false, {resize, AffineStep{1.0 / 255, {0.5}, {0.25}}}};
  EXPECT_EQ(lines("forward_u8").front(), "normalize_image 1");
  auto type = llvm::cast<mlir::RankedTensorType>(first<vit::NormalizeImageOp>().getPixels().getType());
  EXPECT_TRUE(type.getElementType().isF32());
  EXPECT_EQ(type.getShape(), (llvm::ArrayRef<int64_t>{1, 8, 12}));
}

} // namespace
