//===- WeightStoreTest.cpp - strided tensors, and what a file or directory is ------------------------===//
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Error.h"
#include "test/compiler/Import/ImportFixtures.h"
#include <limits>
#include <numeric>

using namespace vitc;
using namespace vitc::test;

namespace {

/// Floats 0, 1, 2, ... in memory.
std::shared_ptr<const ByteSource> counting(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.f);
  auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  return std::make_shared<DecodedBytes>("memory", std::vector<uint8_t>(bytes, bytes + 4 * count));
}

RawTensor strided(std::shared_ptr<const ByteSource> source, int64_t first, std::vector<int64_t> shape,
                  std::vector<int64_t> strides, llvm::StringRef name = "t") {
  RawTensor tensor;
  tensor.name = name.str();
  tensor.source = std::move(source);
  tensor.offset = static_cast<uint64_t>(first) * 4;
  EXPECT_TRUE(tensor.setStrided(*findElementType("F32"), shape, strides));
  return tensor;
}

std::vector<double> read(const TensorView &view, int64_t first, int64_t count) {
  std::vector<double> out(static_cast<size_t>(count));
  view.read(first, out);
  return out;
}

} // namespace

TEST(RawTensor, SizesDoNotOverflow) {
  RawTensor tensor;
  const ElementType &f32 = *findElementType("F32");
  constexpr int64_t huge = int64_t(1) << 40, most = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(tensor.setRowMajor(f32, {-1}));
  EXPECT_FALSE(tensor.setRowMajor(f32, {huge, huge}));
  EXPECT_FALSE(tensor.setRowMajor(f32, {most}));
  EXPECT_FALSE(tensor.setRowMajor(*findElementType("F4"), {3})); // a byte and a half
  EXPECT_FALSE(tensor.setStrided(f32, {2, 2}, {-1, 1}));
  EXPECT_FALSE(tensor.setStrided(f32, {3, 3}, {most, most}));
  EXPECT_FALSE(tensor.setStrided(f32, {2}, {most}));
  EXPECT_TRUE(tensor.setRowMajor(f32, {huge, huge, 0}));
  EXPECT_EQ(tensor.bytes, 0u);
  EXPECT_TRUE(tensor.setStrided(f32, {2, 3}, {4, 1}));
  EXPECT_EQ(tensor.bytes, 4u * 7);
  EXPECT_FALSE(tensor.isDense());
  EXPECT_TRUE(tensor.setRowMajor(f32, {}));
  EXPECT_EQ(tensor.elements, 1);
}

TEST(WeightStore, RefusesWhatDoesNotLieInItsBytes) {
  auto source = counting(12);
  WeightStore store;
  expectError(store.add(strided(source, 1, {3, 4}, {4, 1})), ExitCode::Input, {"tensor 't'", "truncated"});
  expectError(store.add(strided(source, 13, {1}, {1})), ExitCode::Input, {"truncated"});
  expectError(store.add(strided(source, 0, {1000, 2}, {0, 1})), ExitCode::Input, {"an expanded tensor"});
  EXPECT_FALSE(static_cast<bool>(store.add(strided(source, 0, {3, 4}, {4, 1}))));
  expectError(store.add(strided(source, 0, {3, 4}, {4, 1})), ExitCode::Input, {"'t' also stands in memory"});
}

TEST(WeightStore, BoundsHowOftenBytesAreShared) {
  auto source = counting(12);
  WeightStore store;
  for (int i = 0; i < 8; ++i) // tied weights are fine
    EXPECT_FALSE(static_cast<bool>(store.add(strided(source, 0, {12}, {1}, "t" + std::to_string(i)))));
  expectError(store.add(strided(source, 0, {12}, {1}, "more")), ExitCode::Input, {"share bytes at most 8"});
}

TEST(TensorView, ReadsStridesFromAnyElement) {
  auto source = counting(60);
  RawTensor raw = strided(source, 2, {2, 3, 4}, {1, 18, 3}); // [j, k, i] of a padded array
  auto view = viewOf(TensorSlice::all(raw), {6, 4});
  std::vector<double> all;
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t k = 0; k < 4; ++k)
        all.push_back(static_cast<double>(2 + i + 18 * j + 3 * k));
  for (int64_t first = 0; first < 24; ++first)
    for (int64_t count = 0; first + count <= 24; ++count)
      EXPECT_EQ(read(*view, first, count),
                std::vector<double>(all.begin() + first, all.begin() + first + count));
  EXPECT_EQ(view->shape().size(), 2u);
}

TEST(WeightScan, LooksOnlyAtTheElementsOfTensors) {
  std::vector<float> values(8, 1.f);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  auto source = std::make_shared<DecodedBytes>("memory", std::vector<uint8_t>(bytes, bytes + 32));
  WeightStore store;
  llvm::cantFail(store.add(strided(source, 0, {4}, {2}, "even")));
  llvm::cantFail(store.add(strided(source, 1, {3}, {2}, "odd"))); // 1, 3, 5
  llvm::cantFail(store.add(strided(source, 4, {4}, {1}, "tail")));
  EXPECT_EQ(store.scan().nonFinite, std::vector<std::string>{"odd"});
}

TEST(WeightStore, SaysWhatAFileIsNot) {
  TempDir dir;
  expectError(WeightStore::open(dir.write("m.bin", "hello world")), ExitCode::Input,
              {"expected weights (safetensors", "begins with the bytes 68 65 6c 6c 6f"});
  expectError(WeightStore::open(dir.write("m.bin", "")), ExitCode::Input, {"an empty file"});
  expectError(WeightStore::open(dir.write("m.safetensors", "")), ExitCode::Input, {"at least 8 bytes"});
  expectError(WeightStore::open(dir.write("m.bin", "version https://git-lfs.github.com/spec/v1\noid 1")),
              ExitCode::Input, {"Git LFS pointer", "git lfs pull"});
}

TEST(WeightDirectory, TakesTheOnlyFileOfWeights) {
  TensorFile file;
  file.add("b", {2});
  TempDir dir;
  expectError(WeightStore::openDirectory(dir.path()), ExitCode::Input, {"model.safetensors", ".bin", "none"});
  dir.write("x.pth", file.text()); // content decides
  EXPECT_TRUE(get(WeightStore::openDirectory(dir.path())));
  dir.write("y.bin", "x");
  expectError(WeightStore::openDirectory(dir.path()), ExitCode::Input, {"got x.pth, y.bin", "rename"});
  dir.write("b.safetensors", file.text());
  EXPECT_TRUE(get(WeightStore::openDirectory(dir.path())));
  dir.write("a.safetensors", file.text());
  expectError(WeightStore::openDirectory(dir.path()), ExitCode::Input, {"a.safetensors, b.safetensors"});
  dir.write("pytorch_model.bin", file.text());
  auto store = get(WeightStore::openDirectory(dir.path()));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->path(), dir.file("pytorch_model.bin"));
}
