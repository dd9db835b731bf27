//===- ZipTest.cpp - one hostile archive for each rule ------------------------------------------------===//
#include "compiler/Support/Zip.h"
#include "test/compiler/Import/ContainerFixtures.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;
using namespace vitc::test;

namespace {

llvm::Expected<ZipArchive> open(const std::string &contents) {
  return ZipArchive::open(
      std::make_shared<DecodedBytes>("m.zip", std::vector<uint8_t>(contents.begin(), contents.end())));
}
void expectRefused(const std::string &contents, std::initializer_list<llvm::StringRef> parts) {
  expectError(open(contents), ExitCode::Input, parts);
}

ZipPart part(std::string name, std::string data) {
  ZipPart result;
  result.name = std::move(name);
  result.data = std::move(data);
  return result;
}
/// An archive of one entry "a", changed.
std::string changed(void (*change)(ZipPart &), const ZipOptions &options = {}) {
  ZipPart entry = part("a", "hello");
  change(entry);
  return zipFile({entry}, options);
}

std::string contentsOf(ZipArchive &archive, llvm::StringRef name) {
  const ZipEntry *entry = archive.find(name);
  if (!entry)
    return "missing";
  auto data = get(archive.read(*entry));
  return data ? llvm::toStringRef(data->bytes()).str() : "";
}

std::string readError(const std::string &contents) {
  auto archive = get(open(contents));
  if (!archive)
    return "";
  llvm::Expected<ZipArchive::Data> data = archive->read(archive->entries().front());
  return data ? "none" : llvm::toString(data.takeError());
}

} // namespace

TEST(Zip, ReadsStoredAndDeflatedEntries) {
  ZipPart packed = part("dir/packed", std::string(10000, 'x') + "end");
  packed.deflate = true;
  ZipPart streamed = part("streamed", "data");
  streamed.descriptor = true;
  for (bool zip64 : {false, true}) {
    ZipOptions options;
    options.zip64 = zip64;
    options.comment = "PK\x05\x06 is not the end";
    auto archive = get(open(zipFile({part("z", "last"), packed, streamed, part("empty", "")}, options)));
    ASSERT_TRUE(archive);
    EXPECT_EQ(archive->entries().size(), 4u);
    EXPECT_EQ(contentsOf(*archive, "z"), "last");
    EXPECT_EQ(contentsOf(*archive, "dir/packed"), std::string(10000, 'x') + "end");
    EXPECT_EQ(contentsOf(*archive, "streamed"), "data");
    EXPECT_EQ(contentsOf(*archive, "empty"), "");
    EXPECT_EQ(archive->find("dir"), nullptr);
  }
  EXPECT_TRUE(get(open(zipFile({}))));
}

TEST(Zip, SizesOfZip64) {
  ZipPart entry = part("a", "hello");
  entry.size = entry.packed = entry.offset = 0xffffffff;
  entry.extra = littleEndian(2, 0x5455) + littleEndian(2, 1) + "x"; // another field before it
  entry.extra +=
      littleEndian(2, 1) + littleEndian(2, 24) + littleEndian(8, 5) + littleEndian(8, 5) + littleEndian(8, 0);
  auto archive = get(open(zipFile({entry})));
  ASSERT_TRUE(archive);
  EXPECT_EQ(contentsOf(*archive, "a"), "hello");
  entry.extra.resize(entry.extra.size() - 8);
  entry.extra[7] = 16; // the field's size
  expectRefused(zipFile({entry}), {"the sizes of a zip64 entry"});
  entry.extra[7] = 17;
  expectRefused(zipFile({entry}), {"17 bytes of an extra field, got 16"});
}

TEST(Zip, EndsWithItsDirectory) {
  std::string good = zipFile({part("a", "hello")});
  expectRefused("", {"ends with its directory"});
  expectRefused("PK\x03\x04 and nothing", {"the file is truncated"});
  expectRefused(good + "x", {"ends with its directory"}); // not the comment's length
  ZipOptions options;
  options.volume = 1;
  expectRefused(zipFile({part("a", "")}, options), {"one volume"});
  options = {};
  options.directory = 100000;
  expectRefused(zipFile({part("a", "")}, options), {"expected a directory of", "at byte 100000"});
  options = {};
  options.directorySize = 3;
  expectRefused(zipFile({part("a", "")}, options), {"expected a directory of 3 bytes, got"});
  options = {};
  options.entries = 2;
  expectRefused(zipFile({part("a", "")}, options), {"an entry of the directory, got none"});
}

TEST(Zip, EndOfZip64) {
  ZipOptions options;
  options.zip64 = true;
  std::string good = zipFile({part("a", "hello")}, options);
  size_t locator = good.find("PK\x06\x07"), end = good.find("PK\x06\x06");
  std::string bad = good;
  bad.replace(locator + 8, 8, littleEndian(8, uint64_t(1) << 60));
  expectRefused(bad, {"the end record of zip64 at byte 1152921504606846976"});
  bad = good;
  bad.replace(end + 32, 8, littleEndian(8, uint64_t(1) << 50));
  expectRefused(bad, {"at most 131072 entries", "got 1125899906842624"});
  bad = good;
  bad.replace(end + 48, 8, littleEndian(8, ~uint64_t(0)));
  expectRefused(bad, {"expected a directory of"});
}

TEST(Zip, NamesStayInside) {
  for (const char *name : {"/etc/passwd", "../a", "a/../b", "a\\b", "C:/a", ""})
    expectRefused(zipFile({part(name, "")}), {"relative names inside the archive"});
  expectRefused(zipFile({part(std::string("a\0b", 3), "")}), {"relative names"});
  expectRefused(zipFile({part(std::string(5000, 'a'), "")}), {"relative names"});
  expectRefused(zipFile({part("a", "1"), part("a", "2")}), {"one entry 'a'", "got two"});
}

TEST(Zip, EntriesAreWhereTheDirectorySays) {
  expectRefused(changed([](ZipPart &p) { p.flags = 1; }), {"encrypted"});
  expectRefused(changed([](ZipPart &p) { p.method = 12; }), {"method 12"});
  expectRefused(changed([](ZipPart &p) { p.size = 4; }), {"one size, got 4 and 5"});
  expectRefused(changed([](ZipPart &p) { p.size = p.packed = 500; }),
                {"500 bytes of data before the directory"});
  expectRefused(changed([](ZipPart &p) { p.offset = 1; }), {"its local header there, got none"});
  expectRefused(changed([](ZipPart &p) { p.offset = 0xfffffff0; }), {"its local header there, got none"});
  expectRefused(changed([](ZipPart &p) { p.localName = "b"; }), {"expected the name 'a'", "got another"});
  expectRefused(changed([](ZipPart &p) { p.localName = std::string(60000, 'a'); }),
                {"expected the name 'a'"});
  // The second entry's data reach over the first's: the same bytes counted twice.
  ZipPart first = part("a", "hello"), second = part("b", zipFile({first}));
  ZipPart inner = first;
  inner.offset = 31; // inside of b's data
  expectRefused(zipFile({second, inner}), {"overlap"});
}

TEST(Zip, UnpackedSizesAreBounded) {
  // 40 MB of zeros in 40 kB: more than 16 times the file and 16 MiB.
  ZipPart bomb = part("a", std::string(size_t(40) << 20, '\0'));
  bomb.deflate = true;
  EXPECT_NE(readError(zipFile({bomb})).find("unpacks to at most"), std::string::npos);
  // Two of 9 MB: each may be read, but not both.
  bomb.data.resize(size_t(9) << 20);
  ZipPart other = bomb;
  other.name = "b";
  auto archive = get(open(zipFile({bomb, other})));
  ASSERT_TRUE(archive);
  EXPECT_TRUE(get(archive->read(*archive->find("a"))));
  expectError(archive->read(*archive->find("b")), ExitCode::Input,
              {"m.zip: entry 'b'", "unpacks to at most"});
  // A size that is no size at all.
  EXPECT_NE(readError(changed([](ZipPart &p) {
              p.deflate = true;
              p.size = 0xfffffffe;
            })).find("unpacks to at most"),
            std::string::npos);
}

TEST(Zip, DeflatedDataAreWhatTheDirectorySays) {
  auto expectReadError = [](void (*change)(ZipPart &), llvm::StringRef part) {
    std::string message = readError(changed(change));
    EXPECT_NE(message.find(part.str()), std::string::npos) << message;
  };
  expectReadError([](ZipPart &p) { p.deflate = true; }, "none");
  expectReadError(
      [](ZipPart &p) {
        p.deflate = true;
        p.crc = 1;
      },
      "expected the checksum 00000001");
  expectReadError(
      [](ZipPart &p) {
        p.deflate = true;
        p.size = 4;
      },
      "of deflated data that give 4 bytes, got");
  expectReadError(
      [](ZipPart &p) {
        p.deflate = true;
        p.size = 6;
      },
      "that give 6 bytes, got");
  expectReadError(
      [](ZipPart &p) {
        p.deflate = true;
        p.packed = 2;
      },
      "without an end");
  expectReadError(
      [](ZipPart &p) {
        p.method = 8;
        p.data = "\xff\xff\xff\xff";
      },
      "the file is damaged");
}
