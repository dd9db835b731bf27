//===- NameTableTest.cpp - names, layouts and slices -------------------------------------------------===//
#include "compiler/Import/NameTable.h"
#include "compiler/Support/Error.h"
#include "test/compiler/Import/ImportFixtures.h"
#include <cmath>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr ParameterSpelling spellings[] = {{"kernel", "bias"}, {"scale", "bias"}};
constexpr NameRule rules[] = {
    {"as_is/{p}", "blk.0.as_is.{p}"},
    {"dense/{p}", "dense.{p}", Layout::Transposed},
    {"conv/{p}", "conv.{p}", Layout::Hwio},
    {"block_{i}/query/{p}", "blk.{i}.q.{p}", Layout::HeadsIn},
    {"block_{i}/out/{p}", "blk.{i}.o.{p}", Layout::HeadsOut},
    {"from_one_{j}/{p}", "blk.{i}.one.{p}"},
    {"packed/{p}", "a.{p}|b.{p}", Layout::Transposed},
    {"scanned/query/{p}", "blk.{i}.sq.{p}", Layout::HeadsIn},
    {"scanned/norm/{p}", "blk.{i}.ln.{p}"},
    {"proj", "proj.w", Layout::Transposed},
};
constexpr const char *prefixes[] = {"params/"};
constexpr IgnoreRule ignored[] = {{"step", "training state"}};
constexpr NameTable table = {"test", rules, prefixes, ignored, spellings};

/// One tensor whose elements count up, renamed; its canonical tensors by name.
class Renamed {
public:
  Renamed(llvm::StringRef name, std::vector<int64_t> shape) {
    TensorFile file;
    file.add(name, std::move(shape));
    store = get(WeightStore::open(dir.write("m", file.text())));
    if (llvm::Expected<CanonicalTensors> renamed = canonicalNames(*store, table))
      tensors = std::move(*renamed);
    else
      error = llvm::toString(renamed.takeError());
  }
  std::string shape(llvm::StringRef name) const {
    const TensorSlice *slice = tensors.find(name);
    return slice ? fmt::format("{}", fmt::join(slice->shape.begin(), slice->shape.end(), "x")) : "missing";
  }
  std::vector<double> values(llvm::StringRef name) const {
    const TensorSlice *slice = tensors.find(name);
    if (!slice)
      return {};
    auto view = viewOf(*slice, slice->shape);
    std::vector<double> out(static_cast<size_t>(view->elements()));
    view->read(0, out);
    return out;
  }
  TempDir dir;
  std::optional<WeightStore> store;
  CanonicalTensors tensors;
  std::string error;
};

using Values = std::vector<double>;

} // namespace

TEST(Layout, DenseKernelsAreTransposed) {
  Renamed dense("dense/kernel", {2, 3});
  EXPECT_EQ(dense.shape("dense.w"), "3x2");
  EXPECT_EQ(dense.values("dense.w"), (Values{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(Renamed("dense/bias", {3}).values("dense.b"), (Values{0, 1, 2}));
  EXPECT_EQ(Renamed("proj", {2, 2}).values("proj.w"), (Values{0, 2, 1, 3}));
}

TEST(Layout, KernelsOfConvolutionsPutTheOutputFirst) {
  Renamed conv("conv/kernel", {1, 2, 3, 2}); // h, w, in, out
  EXPECT_EQ(conv.shape("conv.w"), "2x3x1x2");
  EXPECT_EQ(conv.values("conv.w"), (Values{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}));
}

TEST(Layout, HeadsAreMerged) {
  Renamed in("block_7/query/kernel", {2, 3, 2}); // D, heads, size: element 6 D + 2 h + d
  EXPECT_EQ(in.shape("blk.7.q.w"), "6x2");
  EXPECT_EQ(in.values("blk.7.q.w"), (Values{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}));
  Renamed bias("block_7/query/bias", {3, 2});
  EXPECT_EQ(bias.shape("blk.7.q.b"), "6");
  EXPECT_EQ(bias.values("blk.7.q.b"), (Values{0, 1, 2, 3, 4, 5}));
  Renamed out("block_7/out/kernel", {3, 2, 2}); // heads, size, D
  EXPECT_EQ(out.shape("blk.7.o.w"), "2x6");
  EXPECT_EQ(out.values("blk.7.o.w"), (Values{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}));
  EXPECT_EQ(Renamed("block_7/out/bias", {2}).shape("blk.7.o.b"), "2");
}

TEST(Layout, RanksMustFit) {
  EXPECT_NE(Renamed("dense/kernel", {2, 3, 4}).error.find("expected [in, out], got shape [2, 3, 4]"),
            std::string::npos);
  EXPECT_NE(Renamed("block_0/query/kernel", {4, 4}).error.find("[in, heads, head size]"), std::string::npos);
  EXPECT_NE(Renamed("block_0/query/bias", {4}).error.find("[heads, head size]"), std::string::npos);
  EXPECT_NE(Renamed("conv/kernel", {4}).error.find("[height, width, in, out]"), std::string::npos);
}

TEST(NameTable, PartsAreRowsOfTheCanonicalTensor) {
  Renamed packed("packed/kernel", {2, 4});
  EXPECT_EQ(packed.shape("a.w"), "2x2");
  EXPECT_EQ(packed.values("a.w"), (Values{0, 4, 1, 5}));
  EXPECT_EQ(packed.values("b.w"), (Values{2, 6, 3, 7}));
  EXPECT_NE(Renamed("packed/kernel", {2, 3}).error.find("a multiple of 2"), std::string::npos);
}

TEST(NameTable, ScannedBlocksLieAlongTheFirstDimension) {
  Renamed norm("params/scanned/norm/scale", {2, 3});
  EXPECT_EQ(norm.values("blk.0.ln.w"), (Values{0, 1, 2}));
  EXPECT_EQ(norm.values("blk.1.ln.w"), (Values{3, 4, 5}));
  EXPECT_EQ(norm.shape("blk.1.ln.w"), "3");
  Renamed query("scanned/query/kernel", {2, 1, 2, 2}); // block, D, heads, size
  EXPECT_EQ(query.values("blk.1.sq.w"), (Values{4, 5, 6, 7}));
  EXPECT_EQ(query.shape("blk.1.sq.w"), "4x1");
  EXPECT_NE(Renamed("scanned/norm/bias", {}).error.find("blocks along its first dimension"),
            std::string::npos);
  EXPECT_NE(Renamed("scanned/norm/bias", {10000, 0}).error.find("at most 9999"), std::string::npos);
  EXPECT_NE(Renamed("scanned/query/kernel", {2, 4, 4}).error.find("blocks of [in, heads"), std::string::npos);
}

TEST(NameTable, IndicesAndPrefixes) {
  EXPECT_EQ(Renamed("from_one_3/kernel", {1}).shape("blk.2.one.w"), "1");
  EXPECT_EQ(Renamed("params/params/as_is/scale", {2}).shape("blk.0.as_is.w"), "2");
  for (const char *name : {"from_one_0/kernel", "block_01/query/kernel", "block_/query/kernel",
                           "block_12345/query/kernel", "as_is/weight", "as_is/kernel2"})
    EXPECT_NE(Renamed(name, {1}).error.find("not part of a test Vision Transformer"), std::string::npos)
        << name;
  EXPECT_EQ(Renamed("step", {1}).tensors.ignored, std::vector<std::string>{"step (training state)"});
}

TEST(NameTable, SourceNamesForMessages) {
  EXPECT_EQ(sourceNameOf(table, "blk.3.q.w"), "block_3/query/kernel|scale");
  EXPECT_EQ(sourceNameOf(table, "blk.3.q.b"), "block_3/query/bias");
  EXPECT_EQ(sourceNameOf(table, "blk.2.one.b"), "from_one_3/bias");
  EXPECT_EQ(sourceNameOf(table, "b.w"), "packed/kernel|scale");
  EXPECT_EQ(sourceNameOf(table, "proj.w"), "proj");
  EXPECT_EQ(sourceNameOf(table, "nothing"), "");
}
