// Positions on other grids, by each importer's rule, against what the library of that name computes
// (Inputs/make_position_cases.py).
#include "dialect/Interp/WeightEvaluator.h"
#include "test/compiler/Pipeline/PipelineFixtures.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>
#include <set>

using namespace vitc;
using namespace vitc::test;

namespace {

/// What importers put down for tables of these libraries.
const std::map<std::string, PosResize> kRules = {
    {"timm", {"cubic-0.5", true, false, "size"}},
    {"timm flexivit", {"linear", false, false, "size"}},
    {"torchvision", {"cubic-0.75", false, true, "size"}},
    {"open_clip", {"cubic-0.5", true, false, "size"}},
    {"transformers vit", {"cubic-0.75", false, false, "size"}},
    {"transformers clip", {"cubic-0.75", false, false, "size"}},
    {"transformers siglip", {"cubic-0.75", false, false, "size"}},
    {"transformers dinov2", {"cubic-0.75", false, false, "size"}},
    {"transformers dinov2 registers", {"cubic-0.5", true, false, "size"}},
};

std::vector<double> numbers(const llvm::json::Object &object, llvm::StringRef key) {
  std::vector<double> result;
  for (const llvm::json::Value &value : *object.getArray(key))
    result.push_back(*value.getAsNumber());
  return result;
}

/// The table that a model of width 2 and patches of 4 adds to its tokens, from `stored` for 4 x 4 patches.
std::vector<double> positions(const PosResize &rule, bool prefix, Extent grid,
                              const std::vector<double> &stored) {
  ModelConfig config = tinyConfig();
  config.width = 2;
  config.headDim = 2;
  config.heads = 1;
  config.inputSize = {4 * grid.height, 4 * grid.width};
  config.pos = {PosKind::Learned, {4, 4}, rule};
  if (!prefix) {
    config.prefix.clear();
    config.pool.kind = PoolKind::Mean;
  }
  auto context = makeContext();
  auto module = build(*context, config);
  vit::WeightEvaluator evaluator(*module, [&](llvm::StringRef name) {
    return name == "embed.pos" ? vit::tensorInMemory({config.storedPositions(), 2}, stored) : nullptr;
  });
  bool same = grid == config.pos.grid;
  auto table =
      evaluator.get(mlir::FlatSymbolRefAttr::get(context.get(), same ? "embed.pos" : "embed.pos.resized"));
  EXPECT_TRUE(mlir::succeeded(table));
  return mlir::succeeded(table) ? (*table)->readAll() : std::vector<double>();
}

TEST(PositionRules, EqualTheLibrariesOwnFunctions) {
  auto buffer = llvm::MemoryBuffer::getFile(VITC_TEST_DATA "/Inputs/position-cases.json");
  ASSERT_TRUE(buffer);
  auto document = llvm::json::parse((*buffer)->getBuffer());
  ASSERT_TRUE(static_cast<bool>(document)) << llvm::toString(document.takeError());
  std::set<std::string> seen;
  for (const llvm::json::Value &entry : *document->getAsObject()->getArray("cases")) {
    const llvm::json::Object &object = *entry.getAsObject();
    std::string library = object.getString("library")->str();
    std::vector<double> to = numbers(object, "to"), want = numbers(object, "resized");
    Extent grid{static_cast<int64_t>(to[0]), static_cast<int64_t>(to[1])};
    SCOPED_TRACE(library + " " + std::to_string(grid.height) + "x" + std::to_string(grid.width));
    ASSERT_TRUE(kRules.count(library));
    seen.insert(library);
    std::vector<double> got =
        positions(kRules.at(library), *object.getInteger("prefix") > 0, grid, numbers(object, "table"));
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 2e-6) << i; // most of them compute in float32
  }
  EXPECT_EQ(seen.size(), kRules.size());
}

} // namespace
