// Operations, counted by hand: two for each multiply-add of patch embedding, linear layers and attention.
#include "compiler/Import/Presets.h"
#include "dialect/IR/VitOps.h"
#include "test/compiler/Pipeline/PipelineFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

/// A plain ViT with a cls token and a head.
struct Sizes {
  int64_t patches, patchInputs, width, hidden, depth, classes;
  int64_t tokens() const { return patches + 1; }
  int64_t block(int64_t queries) const { // for the rows `queries`, of keys and values of all tokens
    return 2 * (2 * queries + 2 * tokens()) * width * width + 4 * queries * tokens() * width +
           4 * queries * width * hidden;
  }
  int64_t ends() const { return 2 * patches * patchInputs * width + 2 * width * classes; }
  int64_t nominal() const { return ends() + depth * block(tokens()); }
  /// The last block is computed for the cls token alone.
  int64_t executed() const { return ends() + (depth - 1) * block(tokens()) + block(1); }
};

struct Flops {
  int64_t nominal, executed;
};
Flops flopsOf(const ModelConfig &config) {
  auto context = makeContext();
  auto module = build(*context, config);
  Flops flops{modelFlops(*module), 0};
  lower(*module, Phase::Planned);
  auto forward = module->lookupSymbol<mlir::func::FuncOp>("forward");
  forward.walk([&](vit::PlannedOpInterface op) { flops.executed += op.getFlops(); });
  return flops;
}
Flops flopsOf(llvm::StringRef preset) {
  auto checkpoint = openPreset(preset);
  EXPECT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());
  return flopsOf(checkpoint->config);
}

TEST(ModelFlopsTest, ViTBase) {
  Flops flops = flopsOf("vit_base_patch16_224");
  EXPECT_EQ(flops.nominal, 35'127'656'448);  // 35.13 GFLOP
  EXPECT_EQ(flops.executed, 32'696'930'304); // 32.70: the last block's dead rows are 2.43
  Sizes sizes{196, 768, 768, 3072, 12, 1000};
  EXPECT_EQ(flops.nominal, sizes.nominal());
  EXPECT_EQ(flops.executed, sizes.executed());
}

TEST(ModelFlopsTest, OtherPresets) {
  for (auto [name, sizes] :
       {std::pair<const char *, Sizes>{"vit_tiny_patch16_224", {196, 768, 192, 768, 12, 1000}},
        {"vit_small_patch16_224", {196, 768, 384, 1536, 12, 1000}},
        {"vit_large_patch16_224", {196, 768, 1024, 4096, 24, 1000}},
        {"vit_base_patch32_224", {49, 3072, 768, 3072, 12, 1000}}}) {
    SCOPED_TRACE(name);
    Flops flops = flopsOf(llvm::StringRef(name));
    EXPECT_EQ(flops.nominal, sizes.nominal());
    EXPECT_EQ(flops.executed, sizes.executed());
  }
}

TEST(ModelFlopsTest, Tiny) {
  // Patches 2 * 6 * 16 * 12; q, k, v and out 4 * 2 * 7 * 12 * 12; attention 4 * 7 * 7 * 12; MLP 2 * 2 * 7 *
  // 12 * 20; head 2 * 12 * 5.
  Flops flops = flopsOf(tinyConfig());
  EXPECT_EQ(flops.nominal, 2304 + 8064 + 2352 + 6720 + 120);
  // Of one row only: q and out, the queries, and the MLP.
  EXPECT_EQ(flops.executed, 2304 + 4032 + 576 + 336 + 960 + 120);
}

// Rows of zeros that pad heads or panels are not counted; a mean over all tokens leaves no row out.
TEST(ModelFlopsTest, PaddingCountsNothing) {
  ModelConfig config = tinyConfig();
  config.pool.kind = PoolKind::Mean;
  config.pool.includePrefix = true;
  Flops flops = flopsOf(config);
  EXPECT_EQ(flops.executed, flops.nominal);
}

TEST(ModelFlopsTest, OtherOpsCountNothing) {
  auto context = makeContext();
  auto module = build(*context, tinyConfig());
  module->walk([](mlir::Operation *op) {
    bool counts = llvm::isa<vit::PatchEmbedOp, vit::LinearOp, vit::AttentionOp>(op);
    EXPECT_EQ(modelFlopsOf(op) > 0, counts) << op->getName().getStringRef().str();
  });
}

} // namespace
