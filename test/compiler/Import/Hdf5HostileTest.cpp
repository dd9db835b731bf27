//===- Hdf5HostileTest.cpp - one hostile file for each rule -----------------------------------------===//
#include "compiler/Support/Error.h"
#include "test/compiler/Import/Hdf5Fixtures.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

static const std::string kValues = floats({1, 2, 3, 4, 5, 6});

static void expectRefused(llvm::StringRef file, std::initializer_list<llvm::StringRef> parts) {
  expectError(loadHdf5(file), ExitCode::Input, parts);
}

// ------------------------------------------------------------------------------------------

TEST(Hdf5, Superblock) {
  expectRefused("", {"signature"});
  expectRefused("\x89HDF\r\n", {"signature"});
  expectRefused(plainFile().substr(0, 40), {"superblock", "truncated"});
  expectRefused(patched(plainFile(), "\x89HDF", 8, le(1, 4)), {"version 0 to 3, got 4"});
  expectRefused(patched(plainFile(), "\x89HDF", 13, le(1, 4)),
                {"addresses and lengths of 8 bytes, got 4 and 8"});
  expectRefused(patched(plainFile(), "\x89HDF", 24, le(8, 512)), {"base address of 0, got 512"});
  expectRefused(patched(plainFile(), "\x89HDF", 48, le(8, 0)), {"driver block"});
  std::string file = plainFile();
  expectRefused(llvm::StringRef(file).drop_back(1), {"at least", "truncated"});
  expectRefused(resummed(plainFile(true), "\x89HDF", 48, 9, le(1, 2)), {"addresses and lengths of 8 bytes"});
  expectRefused(resummed(plainFile(true), "\x89HDF", 48, 20, le(8, 48)), {"superblock extension"});
  expectRefused(patched(plainFile(true), "\x89HDF", 11, le(1, 1)), {"the superblock", "checksum"});
  expectRefused(patched(plainFile(), "\x89HDF", 64, le(8, uint64_t(1) << 63)),
                {"an object header", "within the file"});
  expectRefused(patched(plainFile(), "\x89HDF", 64, le(8, hdf5Undefined)), {"an object header", "got none"});
}

TEST(Hdf5, ObjectHeaders) {
  expectRefused(patched(plainFile(), le(1, 1) + le(1, 0) + le(2, 3), 0, le(1, 7)), {"version 1 or 2, got 7"});
  expectRefused(patched(plainFile(), le(1, 1) + le(1, 0) + le(2, 3), 2, le(2, 9)),
                {"expected 9 messages, got 3"});
  expectRefused(patched(plainFile(), le(1, 1) + le(1, 0) + le(2, 3), 8, le(4, 1u << 30)),
                {"an object header", "within the file"});
  expectRefused(patched(plainFile(), le(2, 0x01) + le(2, 24), 2, le(2, 0xfff8)), {"a message", "got 65528"});
  expectRefused(patched(plainFile(true), "OHDR", 4, le(1, 3)), {"an object header", "version 2, got 3"});
  expectRefused(patched(plainFile(true), "OHDR", 6, le(4, 1u << 30)),
                {"an object header", "within the file"});
  expectRefused(patched(plainFile(true), "OHDR", 12, le(1, 1)), {"an object header", "checksum"});
}

TEST(Hdf5, MessagesThatChangeWhatAnObjectIs) {
  expectRefused(withMessage(0x07, le(8, 0)), {"external files"});
  expectRefused(withMessage(0x0f, le(8, 0)), {"shared messages"});
  expectRefused(withMessage(0x30, le(8, 0), 0x80), {"known types, got type 48"});
  EXPECT_EQ(showHdf5(withMessage(0x30, le(8, 0))), "F32 [2, 3] 1 2 3 4 5 6");
  expectRefused(withMessage(0x03, floatBody(4), 2), {"its own datatype", "committed"});
  expectRefused(oneDataset(Hdf5Image(), {{0x03, floatBody(4)}}), {"'a'", "a committed datatype"});
  expectRefused(oneDataset(Hdf5Image(), {{0x03, floatBody(4)}, {0x01, spaceBody({})}}), {"'a'", "neither"});
  Hdf5Image image;
  expectRefused(image.finish(image.addHeader(datasetMessages())), {"a group as the root"});
}

TEST(Hdf5, ContinuationsEnd) {
  Hdf5Image image;
  uint64_t at = image.add(le(2, 0x10) + le(2, 16) + le(4, 0) + le(8, 96) + le(8, 24)); // of itself
  ASSERT_EQ(at, 96u);
  Hdf5MessageTexts messages = datasetMessages();
  messages.push_back({0x10, le(8, at) + le(8, 24)});
  expectRefused(oneDataset(image, messages), {"read about once"});
  messages.back() = {0x10, le(8, 1u << 20) + le(8, 24)};
  expectRefused(oneDataset(Hdf5Image(), messages), {"within the file"});
  messages.back() = {0x10, le(8, 0)};
  expectRefused(oneDataset(Hdf5Image(), messages), {"a continuation", "ends before"});
}

TEST(Hdf5, Dataspaces) {
  expectRefused(withMessage(0x01, le(1, 3) + le(7, 0)), {"a dataspace", "version 1 or 2, got 3"});
  expectRefused(withMessage(0x01, le(1, 2) + le(1, 0) + le(1, 0) + le(1, 2) + le(4, 0)),
                {"an empty dataspace"});
  expectRefused(withMessage(0x01, le(1, 1) + le(1, 33) + le(300, 0)), {"at most 32 dimensions, got 33"});
  expectRefused(withMessage(0x01, le(1, 1) + le(1, 3) + le(6, 0)), {"a dataspace", "ends before"});
  expectRefused(withMessage(0x01, spaceBody({uint64_t(1) << 32, uint64_t(1) << 31})),
                {"fewer than 2^63 elements"});
  expectRefused(withMessage(0x01, spaceBody({uint64_t(1) << 63})), {"fewer than 2^63 elements"});
  expectRefused(withMessage(0x01, spaceBody({uint64_t(1) << 62})), {"below 2^63 bits"});
}

TEST(Hdf5, Datatypes) {
  expectRefused(withMessage(0x03, le(1, 0x11) + le(23, 0)),
                {"a datatype", "size of at least one byte, got 0"});
  expectRefused(withMessage(0x03, le(1, 0x61) + le(3, 0) + le(4, 4) + le(16, 0)),
                {"a datatype", "version 1 to 5, got 6"});
  expectRefused(withMessage(0x03, le(1, 0x11) + le(3, 0) + le(4, 4)), {"a datatype", "ends before"});
  expectRefused(withMessage(0x03, le(1, 0x16) + le(3, 0) + le(4, 4)),
                {"expected numbers", "4 bytes"}); // compound
  std::string vax = floatBody(4);
  vax[1] |= 0x40;
  expectRefused(withMessage(0x03, vax), {"expected numbers"});
}

TEST(Hdf5, Layouts) {
  expectRefused(withMessage(0x08, le(1, 2) + le(23, 0)), {"a data layout", "version 3 to 5, got 2"});
  expectRefused(withMessage(0x08, le(1, 4) + le(1, 3) + le(22, 0)), {"a virtual dataset"});
  expectRefused(withMessage(0x08, contiguousBody(hdf5Undefined, 24)), {"never written"});
  expectRefused(withMessage(0x08, contiguousBody(96, 20)), {"expected 24 bytes", "got 20"});
  expectRefused(withMessage(0x08, contiguousBody(1 << 20, 24)), {"dataset 'a'", "within the file"});
  expectRefused(withMessage(0x08, contiguousBody(uint64_t(0) - 12, 24)), {"dataset 'a'", "within the file"});
  expectRefused(withMessage(0x08, compactBody(floats({1}))), {"expected 24 bytes", "got 4"});
  expectRefused(withMessage(0x08, le(1, 3) + le(1, 0) + le(2, 60)), {"a data layout", "ends before"});
}

TEST(Hdf5, ChunksAreInPlace) {
  Hdf5Image base;
  uint64_t data = base.add(kValues);
  auto refused = [&](std::vector<Hdf5Image::ChunkEntry> entries, std::vector<uint32_t> chunk,
                     std::initializer_list<llvm::StringRef> parts) {
    Hdf5Image image = base;
    uint64_t tree = image.addChunkTree(entries);
    expectRefused(withLayout(image, chunkedBody(tree, chunk, 4)), parts);
  };
  refused({{24, 0, {0, 3}, data}}, {2, 3}, {"within its extents"});
  refused({{24, 0, {1, 0}, data}}, {2, 3}, {"within its extents"});
  refused({{24, 0, {0, 0}, data}, {24, 0, {0, 0}, data}}, {2, 3}, {"chunk 0 twice"});
  refused({{12, 0, {0, 0}, data}}, {1, 3}, {"all 2 chunks", "chunk 1 was never written"});
  refused({}, {2, 3}, {"never written"});
  refused({{20, 0, {0, 0}, data}}, {2, 3}, {"a chunk of 24 bytes, got 20"});
  refused({{24, 0, {0, 0}, 1 << 20}}, {2, 3}, {"a chunk", "within the file"});
  refused({}, {2, 0}, {"extents of at least 1"});
  refused({}, {6}, {"chunks of 2 dimensions, got 1"});
  refused({}, {1u << 31, 1u << 31}, {"at most 2^30 bytes"});
  expectRefused(withLayout(base, chunkedBody(hdf5Undefined, {2, 3}, 4)), {"never written"});
  expectRefused(withLayout(base, chunkedBody(0, {2, 3}, 8)), {"elements of 4 bytes, got 8"});
  expectRefused(withLayout(base, le(1, 3) + le(1, 2) + le(1, 1) + le(12, 0)), {"1 to 32 dimensions"});
  expectRefused(withLayout(base, le(1, 4) + le(1, 2) + le(1, 0) + le(1, 3) + le(1, 1) + le(1, 2) + le(1, 3) +
                                     le(1, 4) + le(1, 4) + le(30, 0)),
                {"an extensible array"});
}

TEST(Hdf5, ChunkTreesAreSound) {
  Hdf5Image image;
  uint64_t data = image.add(kValues);
  uint64_t tree = image.addChunkTree({{24, 0, {0, 0}, data}});
  std::string file = withLayout(image, chunkedBody(tree, {2, 3}, 4));
  expectRefused(patched(file, "TREE", 0, "FREE"), {"signature 'TREE'"});
  expectRefused(patched(file, "TREE", 4, le(1, 0)), {"node type 1, got 0"});
  expectRefused(patched(file, "TREE", 5, le(1, 17)), {"level 0 to 16, got 17"});
  expectRefused(patched(file, "TREE", 6, le(2, 0xffff)), {"the B-tree of chunks", "within the file"});
  // A node that is its own child, and one whose child is of the wrong level.
  expectRefused(patched(patched(file, "TREE", 5, le(1, 2)), "TREE", 24 + 32, le(8, tree)),
                {"level 1, got 2"});
}

TEST(Hdf5, DataMayNotExpandMuch) {
  // 2^30 zeros, of which a chunk is deflated a thousandfold: refused before anything is allocated.
  Hdf5Image image;
  std::string stored = deflated(std::string(1 << 20, '\0'));
  uint64_t data = image.add(stored);
  std::vector<Hdf5Image::ChunkEntry> entries;
  for (uint64_t i = 0; i < 256; ++i)
    entries.push_back({static_cast<uint32_t>(stored.size()), 0, {i << 18}, data});
  uint64_t tree = image.addChunkTree(entries);
  expectRefused(oneDataset(image, {{0x01, spaceBody({256 << 18})},
                                   {0x03, floatBody(4)},
                                   {0x08, chunkedBody(tree, {1 << 18}, 4)},
                                   {0x0b, filtersBody({{1, 4}})}}),
                {"at most 16 times the file's size"});
}

TEST(Hdf5, ChunksThatShareBytes) {
  Hdf5Image image;
  uint64_t data = image.add(std::string(1 << 16, '\0'));
  std::vector<Hdf5Image::ChunkEntry> entries;
  for (uint64_t i = 0; i < 14; ++i)
    entries.push_back({1 << 16, 0, {i << 14}, data});
  uint64_t tree = image.addChunkTree(entries);
  expectRefused(oneDataset(image, {{0x01, spaceBody({14 << 14})},
                                   {0x03, floatBody(4)},
                                   {0x08, chunkedBody(tree, {1 << 14}, 4)}}),
                {"read about once"});
}

TEST(Hdf5, FilterPipelines) {
  auto refused = [](const std::string &filters, std::initializer_list<llvm::StringRef> parts) {
    Hdf5Image image;
    uint64_t data = image.add("these are no deflated data");
    uint64_t tree = image.addChunkTree({{26, 0, {0, 0}, data}});
    expectRefused(withLayout(image, chunkedBody(tree, {2, 3}, 4), filters), parts);
  };
  refused(filtersBody({{3, 0}}), {"deflate and shuffle, got number 3"});
  refused(le(1, 2) + le(1, 1) + le(2, 32000) + le(2, 4) + le(2, 0) + le(2, 0) + "lzf" + le(1, 0),
          {"number 32000 ('lzf')"});
  refused(filtersBody({{1, 4}, {1, 4}}), {"a second deflate"});
  refused(filtersBody({{2, 0}}), {"element size for shuffle, got 0"});
  refused(le(1, 3) + le(7, 0), {"version 1 or 2, got 3"});
  refused(le(1, 2) + le(1, 9) + le(6, 1), {"ends before"});
  refused(filtersBody({{1, 4}}), {"dataset 'a'", "deflated"});
}

TEST(Hdf5, SymbolTables) {
  expectRefused(patched(plainFile(), "HEAP", 0, "HEEP"), {"signature 'HEAP', got 'HEEP'"});
  expectRefused(patched(plainFile(), "HEAP", 4, le(1, 1)), {"a local heap", "version 0, got 1"});
  expectRefused(patched(plainFile(), "HEAP", 8, le(8, 1 << 20)),
                {"the data of a local heap", "within the file"});
  expectRefused(patched(plainFile(), "SNOD", 4, le(1, 2)), {"a symbol table", "version 1, got 2"});
  expectRefused(patched(plainFile(), "SNOD", 6, le(2, 0xffff)), {"a symbol table", "within the file"});
  expectRefused(patched(plainFile(), "SNOD", 8, le(8, 99)),
                {"its name within the 16 bytes of the heap, got 99"});
  expectRefused(patched(plainFile(), "SNOD", 24, le(4, 2)), {"link 'a'", "a soft link"});
  expectRefused(patched(plainFile(), "SNOD", 8, le(8, 0)), {"a name of 1 to 1024 bytes"});
  expectRefused(patched(plainFile(), "TREE", 4, le(1, 1)), {"node type 0, got 1"});
  expectRefused(patched(plainFile(), "TREE", 5, le(1, 17)), {"level 0 to 16, got 17"});
  expectRefused(patched(plainFile(), "TREE", 5, le(1, 1)), {"signature 'TREE'"}); // then a table is no node
  expectRefused(withMessage(0x11, le(8, 96)), {"group or a dataset"});
}

TEST(Hdf5, NamesOfLinks) {
  auto refused = [](const std::string &name, std::initializer_list<llvm::StringRef> parts,
                    bool isNew = true) {
    Hdf5Image image(isNew);
    uint64_t dataset = image.addHeader(datasetMessages());
    expectRefused(image.finish(image.addGroup({{name, dataset}})), parts);
  };
  refused("a/b", {"without '/'"});
  refused(".", {"without '/'"});
  refused(std::string("a\0b", 3), {"without '/'"});
  refused(std::string(1025, 'a'), {"at most 1024 bytes"}, false);
}

TEST(Hdf5, LinkMessages) {
  auto refused = [](const std::string &link, std::initializer_list<llvm::StringRef> parts) {
    Hdf5Image image(true);
    expectRefused(image.finish(image.addGroup({}, {{0x06, link}})), parts);
  };
  refused(le(1, 2) + le(1, 0), {"a link", "version 1, got 2"});
  refused(le(1, 1) + le(1, 8) + le(1, 1) + le(1, 1) + "s" + le(2, 1) + "t", {"link 's'", "a soft link"});
  refused(le(1, 1) + le(1, 8) + le(1, 64) + le(1, 1) + "e" + le(2, 1) + "t",
          {"link 'e'", "an external link"});
  refused(le(1, 1) + le(1, 8) + le(1, 70) + le(1, 1) + "u", {"link 'u'", "user-defined"});
  refused(le(1, 1) + le(1, 3) + le(8, uint64_t(1) << 40) + "name", {"a link", "ends before"});
}

TEST(Hdf5, ObjectsHaveOneName) {
  Hdf5Image image;
  uint64_t dataset = image.addHeader(datasetMessages());
  expectRefused(image.finish(image.addGroup({{"a", dataset}, {"b", dataset}})), {"under one name, got 'b'"});
  Hdf5Image twice;
  uint64_t first = twice.addHeader(datasetMessages()), second = twice.addHeader(datasetMessages());
  expectRefused(twice.finish(twice.addGroup({{"a", first}, {"a", second}})),
                {"every name once", "a second 'a'"});
}

TEST(Hdf5, GroupsDoNotNestForEver) {
  for (int depth : {30, 40}) {
    Hdf5Image image;
    uint64_t group = image.addGroup({});
    for (int i = 0; i < depth; ++i)
      group = image.addGroup({{"g", group}});
    std::string file = image.finish(group);
    if (depth == 30)
      EXPECT_TRUE(get(loadHdf5(file)));
    else
      expectRefused(file, {"nested at most 32 deep"});
  }
}

TEST(Hdf5, TextAttributesAreBounded) {
  auto refused = [](Hdf5Image image, const std::string &type, const std::string &space,
                    const std::string &data, std::initializer_list<llvm::StringRef> parts) {
    expectError(textAttribute(image, type, space, data), ExitCode::Input, parts);
  };
  refused(Hdf5Image(), fixedText(0, 4), spaceBody({3}), "abcdefgh", {"3 values of 4 bytes, got 8 bytes"});
  refused(Hdf5Image(), fixedText(0, 4), spaceBody({uint64_t(1) << 62}), "abcdefgh", {"values of 4 bytes"});
  Hdf5Image image;
  uint64_t heap = addCollection(image, "gelu_erf");
  refused(image, variableText(), spaceBody({}), textReference(9, heap, 1), {"9 bytes of text, got 8"});
  refused(image, variableText(), spaceBody({}), textReference(4, heap, 2), {"an object 2, which is missing"});
  refused(image, variableText(), spaceBody({}), textReference(4, 1 << 20, 1),
          {"a global heap", "within the file"});
  refused(image, variableText(), spaceBody({}), textReference(4, 0, 1), {"signature 'GCOL'"});
  Hdf5Image broken;
  heap = broken.add("GCOL" + le(4, 1) + le(8, 48) + le(2, 1) + le(6, 0) + le(8, 1 << 20) + le(16, 0));
  refused(broken, variableText(), spaceBody({}), textReference(4, heap, 1), {"expected object 1 within it"});
  Hdf5Image huge;
  heap = huge.add("GCOL" + le(4, 1) + le(8, 8));
  refused(huge, variableText(), spaceBody({}), textReference(4, heap, 1), {"at least 16 bytes, got 8"});
  // One text, named by each of many elements.
  Hdf5Image often;
  heap = often.add("GCOL" + le(4, 1) + le(8, 32 + 4096) + le(2, 1) + le(6, 0) + le(8, 4096) +
                   std::string(4096, 'x'));
  std::string data;
  for (int i = 0; i < 1000; ++i)
    data += textReference(4096, heap, 1);
  refused(often, variableText(), spaceBody({1000}), data, {"read about once"});
}

/// Truncations and flipped bits of a sound file: whatever they do, the reader ends with a file or an error.
TEST(Hdf5, DamagedFiles) {
  for (const char *name : {"earliest", "latest", "latest-many"}) {
    std::string file = h5pyFile(name);
    ASSERT_TRUE(get(loadHdf5(file))) << name;
    for (size_t size = 0; size < file.size(); size += 61)
      llvm::consumeError(loadHdf5(llvm::StringRef(file).take_front(size)).takeError());
    size_t refused = 0;
    for (size_t at = 0; at < file.size(); at += 1 + at % 7) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (at % 3 == 0 ? 0xff : 1 << at % 8));
      llvm::Expected<WeightStore> store = loadHdf5(damaged);
      refused += !store;
      llvm::consumeError(store.takeError());
    }
    EXPECT_GT(refused, 100u) << name;
  }
}

TEST(Hdf5, WhatIsNotReadIsRefusedByName) {
  expectRefused(h5pyFile("refused"), {"an extensible array", "save the file again"});
  expectRefused(h5pyFile("refused-lzf"), {"number 32000 ('lzf')"});
}

TEST(Hdf5, DenseLinksAreSound) {
  std::string file = h5pyFile("latest-many");
  struct Case {
    const char *signature;
    size_t size, offset;
    std::string replacement;
    std::initializer_list<llvm::StringRef> parts;
  };
  const Case cases[] = {
      {"FRHP", 146, 4, le(1, 1), {"a fractal heap", "version 0, got 1"}},
      {"FRHP", 146, 5, le(2, 3), {"a fractal heap", "IDs of at least"}},
      {"FRHP", 146, 7, le(2, 9), {"a fractal heap", "no filters, got 9"}},
      {"FRHP", 146, 110, le(2, 3), {"a fractal heap", "powers of two"}},
      {"FRHP", 146, 112, le(8, 0), {"a fractal heap", "powers of two"}},
      {"FRHP", 146, 112, le(8, 16), {"a fractal heap", "powers of two"}},
      {"FRHP", 146, 128, le(2, 63), {"a fractal heap", "powers of two"}},
      {"FRHP", 146, 132, le(8, 1 << 30), {"an indirect block", "within the file"}},
      {"FRHP", 146, 140, le(2, 1), {"a fractal heap", "an offset within 1 rows"}},
      {"FRHP", 146, 140, le(2, 65), {"a fractal heap", "at most 64 rows"}},
      {"BTHD", 38, 5, le(1, 6), {"a version 2 B-tree", "records of type 5, got type 6"}},
      {"BTHD", 38, 10, le(2, 4), {"a version 2 B-tree", "records of 4 bytes"}},
      {"BTHD", 38, 6, le(4, 12), {"a version 2 B-tree", "nodes of 12 bytes"}},
      {"BTHD", 38, 12, le(2, 17), {"a version 2 B-tree", "depth 17"}},
      {"BTHD", 38, 16, le(8, 1 << 30), {"a node of a version 2 B-tree", "within the file"}},
      {"BTHD", 38, 24, le(2, 0xffff), {"a node of a version 2 B-tree", "within the file"}},
  };
  for (const Case &c : cases)
    expectRefused(resummed(file, c.signature, c.size, c.offset, c.replacement), c.parts);
  expectRefused(patched(file, "FRHP", 50, le(1, 1)), {"a fractal heap", "checksum"});
  expectRefused(patched(file, "BTHD", 30, le(1, 99)), {"a version 2 B-tree", "checksum"});
  expectRefused(patched(file, "BTLF", 8, le(1, 99)), {"a node of a version 2 B-tree", "checksum"});
  expectRefused(patched(file, "FHIB", 5, le(8, 0)), {"an indirect block", "the heap at"});
  expectRefused(patched(file, "FHDB", 5, le(8, 0)), {"a direct block", "the heap at"});
  expectRefused(patched(file, "FHDB", 100, le(8, ~uint64_t(0))), {"a direct block", "checksum"});
}

TEST(Hdf5, FixedArraysAreSound) {
  std::string file = h5pyFile("latest");
  expectRefused(resummed(file, "FAHD", 28, 5, le(1, 2)), {"a fixed array", "client 2"});
  expectRefused(resummed(file, "FAHD", 28, 6, le(1, 9)), {"a fixed array", "got 9 bytes"});
  expectRefused(resummed(file, "FAHD", 28, 7, le(1, 1)), {"a fixed array", "paged arrays"});
  expectRefused(resummed(file, "FAHD", 28, 8, le(8, 8)), {"9 entries, one per chunk, got 8"});
  expectRefused(resummed(file, "FAHD", 28, 16, le(8, 1 << 30)), {"a fixed array", "within the file"});
  expectRefused(patched(file, "FAHD", 8, le(1, 8)), {"a fixed array", "checksum"});
  expectRefused(patched(file, "FADB", 6, le(1, 8)), {"a fixed array", "expected the array at"});
  expectRefused(patched(file, "FADB", 14, le(1, 8)), {"a fixed array", "checksum"});
}
