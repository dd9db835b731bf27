// The blob that modules share: what is equal lies there once.
#include "compiler/Target/PlannedWeights.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <map>

using namespace vitc;

namespace {

struct SharedBlobTest : testing::Test {
  SharedBlobTest() { context.loadDialect<vit::VitDialect>(); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return module;
  }
  static std::map<std::string, int64_t> offsets(mlir::ModuleOp module) {
    std::map<std::string, int64_t> result;
    for (auto weight : module.getOps<vit::WeightOp>())
      if (weight.getOffset())
        result[weight.getSymName().str()] = static_cast<int64_t>(*weight.getOffset());
    return result;
  }
  using Names = std::vector<std::string>;
  using Offsets = std::map<std::string, int64_t>;

  mlir::MLIRContext context;
  SharedBlob blob;
};

constexpr char kFirst[] = R"(
  vit.weight @a : tensor<17xf32> at 64
  vit.weight @b : tensor<8x16xf32>
  vit.weight @b.t : tensor<16x8xf32> = [#vit.ref<@b>, #vit.transpose]
  vit.weight @b.t.t : tensor<8x16xf32> = [#vit.ref<@b.t>, #vit.transpose] at 192
)";

TEST_F(SharedBlobTest, TheFirstModuleKeepsItsOffsets) {
  auto first = parse(kFirst);
  EXPECT_EQ(blob.place(*first), (Names{"a", "b.t.t"}));
  EXPECT_EQ(offsets(*first), (Offsets{{"a", 64}, {"b.t.t", 192}}));
  EXPECT_EQ(blob.bytes(), 192 + 512);
}

TEST_F(SharedBlobTest, EqualsAreFoundUnderOtherNames) {
  auto first = parse(kFirst);
  blob.place(*first);
  // Names of what is derived are a pass's own. `c` is another tensor, and `a` as a matrix another weight.
  auto second = parse(R"(
    vit.weight @b : tensor<8x16xf32>
    vit.weight @c : tensor<17xf32> at 0
    vit.weight @turned : tensor<16x8xf32> = [#vit.ref<@b>, #vit.transpose] at 1024
    vit.weight @again : tensor<8x16xf32> = [#vit.ref<@turned>, #vit.transpose] at 2048
    vit.weight @a : tensor<17xf32> at 4096
    vit.weight @a.row : tensor<1x17xf32> = [#vit.ref<@a>, #vit.reshape<[1, 17]>] at 8192
  )");
  EXPECT_EQ(blob.place(*second), (Names{"c", "turned", "a.row"}));
  EXPECT_EQ(offsets(*second),
            (Offsets{{"a", 64}, {"again", 192}, {"c", 704}, {"turned", 832}, {"a.row", 832 + 512}}));
  // A third finds what the second brought.
  auto third = parse("vit.weight @c : tensor<17xf32> at 64");
  EXPECT_EQ(blob.place(*third), Names{});
  EXPECT_EQ(offsets(*third), (Offsets{{"c", 704}}));
}

TEST_F(SharedBlobTest, TensorsOfOneNameMayDiffer) {
  auto first = parse(kFirst), second = parse(kFirst), again = parse(kFirst);
  blob.place(*first);
  auto origin = [](llvm::StringRef name) -> int64_t { return name == "b"; };
  EXPECT_EQ(blob.place(*second, origin), Names{"b.t.t"}); // made of another b
  EXPECT_EQ(offsets(*second), (Offsets{{"a", 64}, {"b.t.t", 704}}));
  EXPECT_EQ(blob.place(*again, origin), Names{});
  EXPECT_EQ(offsets(*again), offsets(*second));
}

} // namespace
