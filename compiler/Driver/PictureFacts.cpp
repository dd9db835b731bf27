#include "compiler/Driver/PictureFacts.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Endian.h"
#include <cassert>

using namespace vitc;
using namespace llvm::support;

namespace {
/// Bytes read front to back; 0 behind the end.
class Bytes {
public:
  explicit Bytes(llvm::ArrayRef<uint8_t> data) : data(data) {}
  uint64_t number(uint64_t at, unsigned bytes, llvm::endianness order) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) {
      uint64_t place = at + (order == llvm::endianness::big ? i : bytes - 1 - i);
      value = value << 8 | (place < data.size() ? data[place] : 0);
    }
    return value;
  }
  llvm::StringRef text(uint64_t at, uint64_t size) const {
    if (at > data.size())
      return "";
    return llvm::StringRef(reinterpret_cast<const char *>(data.data()) + at,
                           std::min(size, data.size() - at));
  }
  uint64_t size() const { return data.size(); }

private:
  llvm::ArrayRef<uint8_t> data;
};
} // namespace

/// Tag 0x112 of the first directory of a TIFF block (Exif 2.3, 4.6.4).
static int orientationOf(llvm::ArrayRef<uint8_t> block) {
  Bytes tiff(block);
  bool little = tiff.text(0, 4) == llvm::StringRef("II*\0", 4);
  if (!little && tiff.text(0, 4) != llvm::StringRef("MM\0*", 4))
    return 1;
  llvm::endianness order = little ? llvm::endianness::little : llvm::endianness::big;
  uint64_t directory = tiff.number(4, 4, order), entries = tiff.number(directory, 2, order);
  for (uint64_t i = 0; i < entries && directory + 14 + 12 * i <= tiff.size(); ++i) {
    uint64_t entry = directory + 2 + 12 * i;
    if (tiff.number(entry, 2, order) != 0x112)
      continue;
    auto value = static_cast<int>(tiff.number(entry + 8, 2, order));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

static void readPng(llvm::ArrayRef<uint8_t> file, PictureFacts &facts) {
  Bytes bytes(file);
  facts.bits = static_cast<int>(bytes.number(24, 1, llvm::endianness::big));
  facts.alpha = bytes.number(25, 1, llvm::endianness::big) & 4;
  for (uint64_t at = 8; at + 12 <= file.size();) {
    uint64_t size = bytes.number(at, 4, llvm::endianness::big);
    llvm::StringRef type = bytes.text(at + 4, 4);
    if (type == "IDAT" || size > file.size() - at - 12)
      return;
    facts.alpha |= type == "tRNS";
    facts.profile |= type == "iCCP";
    if (type == "eXIf")
      facts.orientation = orientationOf(file.slice(at + 8, size));
    at += 12 + size;
  }
}

static void readJpeg(llvm::ArrayRef<uint8_t> file, PictureFacts &facts) {
  Bytes bytes(file);
  for (uint64_t at = 2; at + 4 <= file.size();) {
    if (file[at] != 0xff)
      return;
    uint8_t marker = file[at + 1];
    if (marker == 0xff) { // padding
      ++at;
      continue;
    }
    uint64_t size = bytes.number(at + 2, 2, llvm::endianness::big);
    if (marker == 0xda || size < 2 || size > file.size() - at - 2)
      return;
    llvm::StringRef text = bytes.text(at + 4, size - 2);
    if (marker == 0xe1 && text.starts_with(llvm::StringRef("Exif\0\0", 6)))
      facts.orientation = orientationOf(file.slice(at + 10, size - 8));
    facts.profile |= marker == 0xe2 && text.starts_with("ICC_PROFILE");
    at += 2 + size;
  }
}

const char *vitc::orientationText(int orientation) {
  static constexpr const char *texts[] = {"mirrored left to right",
                                          "turned by 180 degrees",
                                          "mirrored top to bottom",
                                          "mirrored along the diagonal",
                                          "turned by 90 degrees clockwise",
                                          "mirrored along the other diagonal",
                                          "turned by 90 degrees counterclockwise"};
  assert(orientation >= 2 && orientation <= 8);
  return texts[orientation - 2];
}

PictureFacts vitc::pictureFacts(llvm::ArrayRef<uint8_t> file) {
  PictureFacts facts;
  llvm::StringRef text(reinterpret_cast<const char *>(file.data()), file.size());
  facts.jpeg = text.starts_with("\xff\xd8");
  if (text.starts_with("\x89PNG"))
    readPng(file, facts);
  else if (facts.jpeg)
    readJpeg(file, facts);
  return facts;
}
