#include "compiler/Driver/Npy.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

/// A file of version `major`.0 with this header and data.
std::string npy(llvm::StringRef header, llvm::StringRef data, char major = 1) {
  std::string file = "\x93NUMPY";
  file += major;
  file += '\0';
  size_t length = header.size();
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i, length >>= 8)
    file += static_cast<char>(length & 0xff);
  return file + header.str() + data.str();
}

llvm::Expected<NpyHeader> parse(const std::string &file) {
  return parseNpyHeader({reinterpret_cast<const uint8_t *>(file.data()), file.size()}, "x.npy");
}

void refuse(const std::string &file, std::initializer_list<llvm::StringRef> parts) {
  expectError(parse(file), ExitCode::Input, parts);
}

std::string floats(size_t count) { return std::string(count * 4, '\0'); }

TEST(NpyTest, ReadsAllVersionsAndSpellings) {
  for (char version : {1, 2, 3}) {
    auto header =
        get(parse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", floats(6), version)));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->shape, (llvm::SmallVector<int64_t, 4>{2, 3}));
    EXPECT_EQ(header->type, NpyType::F32);
  }
  auto other = get(parse(npy("{ \"shape\":(4,),\"descr\":\"|u1\",\"fortran_order\":False}", "abcd")));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->type, NpyType::U8);
  auto scalar = get(parse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", floats(1))));
  ASSERT_TRUE(scalar);
  EXPECT_TRUE(scalar->shape.empty());
  EXPECT_TRUE(get(parse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5)}", ""))));
}

TEST(NpyTest, RefusesOtherArraysByName) {
  refuse(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", floats(2)),
         {"float32", "'<f8'", "astype"});
  refuse(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", floats(1)), {"'>f4'"});
  refuse(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", floats(1)),
         {"Fortran", "ascontiguousarray"});
  refuse(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", floats(1)), {"records"});
}

TEST(NpyTest, RefusesHostileFiles) {
  refuse("", {"x.npy", "expected a .npy file"});
  refuse("\x93NUMPY", {"end of the file"});
  refuse(npy("{}", "", 4), {"version", "4.0"});
  refuse(npy("{'descr': '<f4'}", ""), {"fortran_order and shape"});
  refuse(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", floats(1)),
         {"once each"});
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", floats(1)),
         {"once each", "'x'"});
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", floats(1)), {"not negative"});
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} print()", floats(1)),
         {"nothing behind"});
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", floats(3)), {"truncated"});
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", floats(3)), {"8 bytes", "12"});
  // Products that overflow, also behind a zero.
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4)}", floats(4)),
         {"truncated"});
  EXPECT_TRUE(
      get(parse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 0, 9)}", ""))));
  std::string many = "(";
  for (int i = 0; i < 40; ++i)
    many += "1, ";
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + many + ")}", floats(1)), {"32 extents"});
  refuse(npy(std::string(70000, ' '), "", 2), {"65536"});

  std::string good = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", floats(2));
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_TRUE(llvm::errorToBool(parse(good.substr(0, length)).takeError())) << length;
}

TEST(NpyTest, WritesWhatItReads) {
  TempDir dir;
  std::string path = dir.file("y.npy");
  std::vector<float> data{1, -2.5f, 3e-30f, 4, 5, 6};
  ASSERT_FALSE(llvm::errorToBool(writeNpy(path, {3, 2}, data)));
  auto file = get(NpyFile::open(path));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->shape(), llvm::ArrayRef<int64_t>({3, 2}));
  EXPECT_EQ(file->floats(), data);
  EXPECT_EQ((readFile(path).size() - 24) % 64, 0u);
  EXPECT_EQ(dir.list(), "y.npy");
  expectError(writeNpy(dir.file("no/such/y.npy"), {3, 2}, data), ExitCode::Environment, {"no/such"});
  expectError(NpyFile::open(dir.file("missing.npy")), ExitCode::Input, {"missing.npy"});
}

} // namespace
