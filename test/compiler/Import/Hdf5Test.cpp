//===- Hdf5Test.cpp - what is read ------------------------------------------------------------------===//
#include "compiler/Support/Error.h"
#include "test/compiler/Import/Hdf5Fixtures.h"
#include "test/compiler/TestFiles.h"
#include <fmt/format.h>

using namespace vitc;
using namespace vitc::test;

static const std::string kValues = floats({1, 2, 3, 4, 5, 6});

// ---- what is read
// -------------------------------------------------------------------------------------------

TEST(Hdf5, BothGenerations) {
  for (bool isNew : {false, true}) {
    EXPECT_EQ(showHdf5(plainFile(isNew)), "F32 [2, 3] 1 2 3 4 5 6");
    EXPECT_EQ(showHdf5(oneDataset(Hdf5Image(isNew), datasetMessages())), "F32 [2, 3] 1 2 3 4 5 6");
  }
  EXPECT_EQ(showHdf5(plainFile() + "anything"), "F32 [2, 3] 1 2 3 4 5 6"); // a file may be longer
}

TEST(Hdf5, ContiguousDataStayInTheFile) {
  std::string file = plainFile();
  auto bytes = memory(file);
  WeightStore store;
  ASSERT_FALSE(readHdf5(bytes, store));
  EXPECT_EQ(store.find("a")->source, bytes);
}

TEST(Hdf5, ElementTypes) {
  auto scalar = [](const std::string &type, const std::string &data) {
    return showHdf5(
        oneDataset(Hdf5Image(), {{0x01, spaceBody({})}, {0x03, type}, {0x08, compactBody(data)}}));
  };
  EXPECT_EQ(scalar(floatBody(2), le(2, 0x3e00)), "F16 [] 1.5");
  EXPECT_EQ(scalar(floatBody(4), le(4, 0x3fc00000)), "F32 [] 1.5");
  EXPECT_EQ(scalar(floatBody(8), le(8, 0x3ff8000000000000)), "F64 [] 1.5");
  EXPECT_EQ(scalar(floatBody(4, true), std::string("\x3f\xc0\0\0", 4)), "F32 [] 1.5");
  EXPECT_EQ(scalar(integerBody(8, true), le(8, 3)), "I64 []");
  EXPECT_EQ(scalar(integerBody(1, false), le(1, 3)), "U8 []");
  std::string brain = floatBody(2);
  brain[12] = 7, brain[13] = 8, brain[15] = 7, brain[16] = 127;
  EXPECT_EQ(scalar(brain, le(2, 0x3fc0)), "BF16 [] 1.5");
}

TEST(Hdf5, KerasMarksBfloat16) {
  std::string opaque = le(1, 0x15) + le(3, 0) + le(4, 2), text = le(1, 0x13) + le(3, 0x01) + le(4, 8);
  Hdf5MessageTexts messages = {{0x01, spaceBody({})}, {0x03, opaque}, {0x08, compactBody(le(2, 0x3fc0))}};
  EXPECT_EQ(
      showHdf5(oneDataset(Hdf5Image(),
                          changed(messages, 0x0c, attributeBody("dtype", text, spaceBody({}), "bfloat16")))),
      "BF16 [] 1.5");
  expectError(loadHdf5(oneDataset(Hdf5Image(), messages)), ExitCode::Input,
              {"dataset 'a'", "expected numbers"});
}

TEST(Hdf5, Chunks) {
  Hdf5Image image; // 2x3 in chunks of 2x2: the second reaches beyond the extents
  uint64_t left = image.add(floats({1, 2, 4, 5})), right = image.add(floats({3, 99, 6, 99}));
  uint64_t tree = image.addChunkTree({{16, 0, {0, 0}, left}, {16, 0, {0, 2}, right}});
  EXPECT_EQ(showHdf5(withLayout(image, chunkedBody(tree, {2, 2}, 4))), "F32 [2, 3] 1 2 3 4 5 6");
}

TEST(Hdf5, ChunksOfOneAndThreeDimensions) {
  Hdf5Image line;
  uint64_t tree =
      line.addChunkTree({{8, 0, {2}, line.add(floats({3, 99}))}, {8, 0, {0}, line.add(floats({1, 2}))}});
  EXPECT_EQ(showHdf5(oneDataset(
                line, {{0x01, spaceBody({3})}, {0x03, floatBody(4)}, {0x08, chunkedBody(tree, {2}, 4)}})),
            "F32 [3] 1 2 3");
  Hdf5Image cube;
  tree = cube.addChunkTree({{24, 0, {0, 0, 0}, cube.add(floats({1, 2, 99, 4, 5, 99}))},
                            {24, 0, {1, 0, 0}, cube.add(floats({6, 7, 99, 8, 9, 99}))}});
  EXPECT_EQ(showHdf5(oneDataset(cube, {{0x01, spaceBody({2, 2, 2})},
                                       {0x03, floatBody(4)},
                                       {0x08, chunkedBody(tree, {1, 2, 3}, 4)}})),
            "F32 [2, 2, 2] 1 2 4 5 6 7 8 9");
}

TEST(Hdf5, TreesOfChunksHaveLevels) {
  Hdf5Image image;
  uint64_t data = image.add(kValues), leaf = image.addChunkTree({{24, 0, {0, 0}, data}});
  uint64_t tree = image.addChunkTree({{24, 0, {0, 0}, leaf}}, 1);
  EXPECT_EQ(showHdf5(withLayout(image, chunkedBody(tree, {2, 3}, 4))), "F32 [2, 3] 1 2 3 4 5 6");
}

TEST(Hdf5, Filters) {
  std::string shuffled;
  for (size_t byte = 0; byte < 4; ++byte)
    for (size_t i = 0; i < 6; ++i)
      shuffled += kValues[4 * i + byte];
  auto file = [](const std::string &stored, const std::vector<std::pair<unsigned, uint32_t>> &filters,
                 uint32_t mask = 0) {
    Hdf5Image image;
    uint64_t data = image.add(stored);
    uint64_t tree = image.addChunkTree({{static_cast<uint32_t>(stored.size()), mask, {0, 0}, data}});
    return withLayout(image, chunkedBody(tree, {2, 3}, 4), filtersBody(filters));
  };
  const std::string want = "F32 [2, 3] 1 2 3 4 5 6";
  EXPECT_EQ(showHdf5(file(deflated(kValues), {{1, 4}})), want);
  EXPECT_EQ(showHdf5(file(shuffled, {{2, 4}})), want);
  EXPECT_EQ(showHdf5(file(deflated(shuffled), {{2, 4}, {1, 9}})), want);
  EXPECT_EQ(showHdf5(file(shuffled, {{2, 4}, {1, 9}}, 2)), want); // deflate was left out for this chunk
}

TEST(Hdf5, EmptyDatasets) {
  EXPECT_EQ(showHdf5(oneDataset(
                Hdf5Image(),
                {{0x01, spaceBody({0, 3})}, {0x03, floatBody(4)}, {0x08, contiguousBody(hdf5Undefined, 0)}})),
            "F32 [0, 3]");
}

TEST(Hdf5, NestedGroups) {
  for (bool isNew : {false, true}) {
    Hdf5Image image(isNew);
    uint64_t inner = image.addGroup({{"w", image.addHeader(datasetMessages())}});
    uint64_t root = image.addGroup({{"b", image.addGroup({})}, {"g", inner}});
    std::string file = image.finish(root);
    EXPECT_EQ(showHdf5(file, "g/w"), "F32 [2, 3] 1 2 3 4 5 6");
    auto opened = get(Hdf5File::open(memory(file)));
    ASSERT_TRUE(opened);
    EXPECT_TRUE(opened->has("b"));
    EXPECT_FALSE(opened->has("w"));
  }
}

TEST(Hdf5, Continuations) {
  Hdf5Image image;
  uint64_t more = image.add(le(2, 0x08) + le(2, 32) + le(4, 0) + compactBody(kValues) + le(4, 0));
  Hdf5MessageTexts messages = datasetMessages();
  messages.back() = {0x10, le(8, more) + le(8, 40)};
  EXPECT_EQ(showHdf5(oneDataset(image, messages)), "F32 [2, 3] 1 2 3 4 5 6");
}

TEST(Hdf5, TextAttributes) {
  using Strings = std::vector<std::string>;
  for (unsigned padding : {0, 1})
    EXPECT_EQ(**get(textAttribute(Hdf5Image(), fixedText(padding, 4), spaceBody({3}),
                                  std::string("ab\0\0abcd\0\0\0\0", 12))),
              (Strings{"ab", "abcd", ""}));
  EXPECT_EQ(**get(textAttribute(Hdf5Image(), fixedText(2, 4), spaceBody({}), "ab  ")), Strings{"ab"});
  Hdf5Image image;
  uint64_t heap = addCollection(image, "gelu_erf");
  EXPECT_EQ(**get(textAttribute(image, variableText(), spaceBody({2}),
                                textReference(4, heap, 1) + textReference(0, 0, 0))),
            (Strings{"gelu", ""}));
  EXPECT_FALSE(*get(textAttribute(Hdf5Image(), floatBody(4), spaceBody({}), le(4, 0)))); // no text
}

// ---- what h5py writes
// ---------------------------------------------------------------------------------------

TEST(Hdf5, EveryKindOfStorageThatH5pyWrites) {
  for (const char *name : {"earliest", "v110", "latest"}) {
    std::optional<WeightStore> store = get(loadHdf5(h5pyFile(name)));
    ASSERT_TRUE(store);
    EXPECT_EQ(store->tensors().size(), 21u);
    for (const auto &[path, tensor] : store->tensors()) {
      SCOPED_TRACE(std::string(name) + ": " + path);
      if (tensor.type->kind == ElementType::Other)
        continue;
      std::vector<double> values(static_cast<size_t>(tensor.elements));
      viewOf(TensorSlice::all(tensor), tensor.shape)->read(0, values);
      for (size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(values[i], path == "storage/scalar" ? 7 : static_cast<double>(i));
    }
    EXPECT_EQ(showHdf5(h5pyFile(name), "storage/type be f2"), "F16 [2, 3] 0 1 2 3 4 5");
    EXPECT_EQ(showHdf5(h5pyFile(name), "storage/type bfloat16"), "BF16 [2, 3] 0 1 2 3 4 5");
    EXPECT_EQ(showHdf5(h5pyFile(name), "storage/type ?"), "I8 [2, 3]");
  }
}

TEST(Hdf5, AttributesThatH5pyWrites) {
  using Strings = std::vector<std::string>;
  for (const char *name : {"earliest", "v110", "latest"}) {
    auto file = get(Hdf5File::open(memory(h5pyFile(name))));
    ASSERT_TRUE(file);
    EXPECT_EQ(**get(file->text("attributes", "scalar")), Strings{"gelu"});
    EXPECT_EQ(**get(file->text("attributes", "bytes")), Strings{"tanh"});
    EXPECT_EQ(**get(file->text("attributes", "fixed")), (Strings{"dense/kernel:0", "dense/bias:0"}));
    EXPECT_EQ(**get(file->text("attributes", "variable")), (Strings{"one", "", "three"}));
    EXPECT_FALSE(*get(file->text("attributes", "number")));
    EXPECT_FALSE(*get(file->text("attributes", "absent")));
    for (int i = 0; i < 12; ++i)
      EXPECT_EQ(**get(file->text("attributes", fmt::format("attribute {}", i))),
                Strings{fmt::format("value {}", i)});
  }
}

TEST(Hdf5, ManyLinks) {
  for (const char *name : {"earliest-many", "latest-many"}) {
    auto file = get(Hdf5File::open(memory(h5pyFile(name))));
    ASSERT_TRUE(file);
    EXPECT_EQ(file->datasets().size(), 70u);
    for (int i = 0; i < 70; ++i)
      EXPECT_EQ(showHdf5(h5pyFile(name), fmt::format("links/a link with a long name {}", i)),
                fmt::format("F32 [] {}", i));
  }
}
