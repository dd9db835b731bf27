// Class names of a meta.mat, and files that lie.
#include "compiler/Import/SynsetLabels.h"
#include "compiler/Import/Importers.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

std::string u32(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8)
    bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

std::string element(uint32_t type, std::string data) {
  std::string bytes = u32(type) + u32(static_cast<uint32_t>(data.size())) + data;
  bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
  return bytes;
}

std::string array(uint32_t arrayClass, uint32_t rows, uint32_t columns, llvm::StringRef name,
                  std::string rest) {
  return element(14, element(6, u32(arrayClass) + u32(0)) + element(5, u32(rows) + u32(columns)) +
                         element(1, name.str()) + rest);
}
std::string text(llvm::StringRef value) {
  return array(4, 1, static_cast<uint32_t>(value.size()), "", element(16, value.str()));
}
std::string wideText(llvm::StringRef value) {
  std::string units;
  for (char c : value)
    units += std::string{c, '\0'};
  return array(4, 1, static_cast<uint32_t>(value.size()), "", element(4, units));
}
/// A number as MATLAB stores small ones: a double array of one byte in a small element.
std::string number(uint8_t value) {
  return array(6, 1, 1, "", u32(1u << 16 | 2) + std::string{static_cast<char>(value), '\0', '\0', '\0'});
}

std::string fieldNames(std::initializer_list<llvm::StringRef> fields) {
  std::string names;
  for (llvm::StringRef field : fields)
    names += field.str() + std::string(16 - field.size(), '\0');
  return u32(4u << 16 | 5) + u32(16) + element(1, names);
}

std::string header() {
  std::string bytes = "MATLAB 5.0 MAT-file, made up";
  bytes.resize(124, ' ');
  return bytes + std::string("\0\1IM", 4);
}

std::string matFile() {
  std::string rows = text("n2") + text("dog, domestic dog") + number(2) + // no leaf
                     text("n9") + wideText("zebra") + number(0) +         //
                     text("n1") + text("Doberman, Doberman pinscher") + number(0);
  return header() + array(6, 1, 1, "other", element(9, std::string(8, '\0'))) +
         array(2, 3, 1, "synsets", fieldNames({"WNID", "words", "num_children"}) + rows);
}

void expectRefused(std::string bytes, std::initializer_list<llvm::StringRef> parts) {
  expectError(readSynsetLabels(bytes, "meta.mat"), ExitCode::Input, parts);
}

} // namespace

TEST(SynsetLabels, LeavesInOrderOfTheirIds) {
  ASSERT_TRUE(isMatFile(matFile()));
  EXPECT_EQ(get(readSynsetLabels(matFile(), "meta.mat")), (std::vector<std::string>{"Doberman", "zebra"}));
  TempDir dir;
  EXPECT_EQ(get(readLabels(dir.write("m.mat", matFile())))->front(), "Doberman");
}

TEST(SynsetLabels, ReadsWhatSciPyWrites) {
  // Made by test/compiler/Driver/make_text_goldens.py: ten leaves and two inner synsets, deflated.
  auto labels = get(readLabels(VITC_TEST_DATA "/../../tools/vitc/Inputs/meta.mat"));
  ASSERT_TRUE(labels);
  ASSERT_EQ(labels->size(), 10u);
  EXPECT_EQ(labels->front(), "T-shirt");
  EXPECT_EQ(labels->back(), "Ankle boot");
}

TEST(SynsetLabels, FilesThatLie) {
  std::string good = matFile();
  for (size_t size = 0; size < good.size(); ++size) // cut anywhere
    EXPECT_TRUE(llvm::errorToBool(readSynsetLabels(good.substr(0, size), "m").takeError())) << size;
  std::string other = good;
  other[126] = 'M', other[127] = 'I';
  expectRefused(other, {"little-endian"});
  expectRefused(header(), {"'synsets'", "found none"});
  expectRefused(header() + u32(14) + u32(0xfffffff0), {"truncated"});
  expectRefused(header() + u32(200u << 16 | 2) + u32(0), {"at most 4 bytes"});
  expectRefused(header() + array(2, 0xffffffff, 0xffffffff, "synsets", ""), {"elements"});
  expectRefused(header() + array(2, 1 << 20, 1, "synsets", fieldNames({"WNID", "words", "num_children"})),
                {"end of the data"});
  expectRefused(header() + array(2, 1, 1, "synsets", fieldNames({"WNID", "words"})), {"'num_children'"});
  expectRefused(header() + array(2, 1, 1, "synsets", element(5, u32(0)) + element(1, "abc")), {"1 to 256"});
  expectRefused(header() +
                    array(2, 1, 1, "synsets",
                          fieldNames({"WNID", "words", "num_children"}) + number(1) + text("") + number(0)),
                {"expected text"});
  expectRefused(header() + element(15, "no zlib stream"), {"damaged"});
}
