#include "compiler/Import/SynsetLabels.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Inflate.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"
#include <algorithm>
#include <optional>

using namespace vitc;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;
using llvm::support::endian::read64le;

namespace {

using Bytes = llvm::ArrayRef<uint8_t>;

/// Types of data elements, and classes of arrays.
enum Type : uint32_t {
  Int8 = 1,
  UInt8 = 2,
  Int16 = 3,
  UInt16 = 4,
  Int32 = 5,
  UInt32 = 6,
  Single = 7,
  Double = 9,
  Matrix = 14,
  Compressed = 15,
  Utf8 = 16,
  Utf16 = 17
};
enum ArrayClass : uint8_t { StructArray = 2, CharArray = 4 };

constexpr size_t kHeader = 128;
constexpr size_t kLargest = 64u << 20; ///< ImageNet's has less than a megabyte

struct Element {
  uint32_t type = 0;
  Bytes data;
};

struct Array {
  uint8_t arrayClass = 0;
  uint64_t elements = 0;
  std::string name;
  Bytes rest; ///< the elements behind the name
};

class Reader {
public:
  explicit Reader(llvm::StringRef path) : path(path) {}

  llvm::Expected<std::vector<std::string>> labels(Bytes file);

private:
  template <typename... Args> llvm::Error fail(fmt::format_string<Args...> format, Args &&...args) {
    return inputError("{}: {}", path.str(), fmt::format(format, std::forward<Args>(args)...));
  }
  llvm::Expected<Element> next(Bytes &rest);
  llvm::Expected<Element> next(Bytes &rest, uint32_t type, const char *what);
  llvm::Expected<Array> array(Bytes data);
  llvm::Expected<std::vector<std::string>> fromStructs(const Array &synsets);
  llvm::Expected<std::string> text(Bytes data);
  llvm::Expected<double> number(Bytes data);

  llvm::StringRef path;
};

/// A tag of 8 bytes, or of 4 with up to 4 bytes of data behind it, and the data, padded to 8 bytes.
llvm::Expected<Element> Reader::next(Bytes &rest) {
  if (rest.size() < 8)
    return fail("expected an element of a MAT-file, got the end of the data");
  uint32_t word = read32le(rest.data());
  if (uint32_t size = word >> 16) {
    if (size > 4)
      return fail("expected at most 4 bytes in a small element, got {}", size);
    Element element{word & 0xffff, rest.slice(4, size)};
    rest = rest.drop_front(8);
    return element;
  }
  uint64_t size = read32le(rest.data() + 4);
  if (size > rest.size() - 8)
    return fail("expected an element of {} bytes, got {}: the file is truncated", size, rest.size() - 8);
  Element element{word, rest.slice(8, size)};
  uint64_t padded = word == Compressed ? size : (size + 7) / 8 * 8;
  rest = rest.drop_front(std::min<uint64_t>(rest.size(), 8 + padded));
  return element;
}

llvm::Expected<Element> Reader::next(Bytes &rest, uint32_t type, const char *what) {
  llvm::Expected<Element> element = next(rest);
  if (element && element->type != type)
    return fail("expected {} of type {}, got an element of type {}", what, type, element->type);
  return element;
}

llvm::Expected<Array> Reader::array(Bytes data) {
  llvm::Expected<Element> flags = next(data, UInt32, "the flags of an array");
  if (!flags)
    return flags.takeError();
  llvm::Expected<Element> extents = next(data, Int32, "the extents of an array");
  if (!extents)
    return extents.takeError();
  llvm::Expected<Element> name = next(data, Int8, "the name of an array");
  if (!name)
    return name.takeError();
  if (flags->data.size() < 4 || extents->data.size() % 4 != 0)
    return fail("expected flags of 8 bytes and extents of 4 bytes each in an array");
  Array result{flags->data[0], 1, std::string(name->data.begin(), name->data.end()), data};
  for (size_t i = 0; i < extents->data.size(); i += 4) {
    uint64_t extent = read32le(extents->data.data() + i);
    if (extent > kLargest || (result.elements *= extent) > kLargest)
      return fail("expected at most {} elements in an array, got more", kLargest);
  }
  return result;
}

llvm::Expected<std::string> Reader::text(Bytes data) {
  llvm::Expected<Array> chars = array(data);
  if (!chars)
    return chars.takeError();
  if (chars->arrayClass != CharArray)
    return fail("expected text, got an array of class {}", chars->arrayClass);
  if (chars->elements == 0)
    return std::string();
  llvm::Expected<Element> element = next(chars->rest);
  if (!element)
    return element.takeError();
  Bytes bytes = element->data;
  if (element->type == Int8 || element->type == UInt8 || element->type == Utf8)
    return std::string(bytes.begin(), bytes.end());
  if (element->type != UInt16 && element->type != Utf16)
    return fail("expected characters, got an element of type {}", element->type);
  std::vector<llvm::UTF16> units;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2)
    units.push_back(read16le(bytes.data() + i));
  std::string result;
  if (!llvm::convertUTF16ToUTF8String(units, result))
    return fail("expected UTF-16 text");
  return result;
}

/// The first number of a numeric array.
llvm::Expected<double> Reader::number(Bytes data) {
  llvm::Expected<Array> numbers = array(data);
  if (!numbers)
    return numbers.takeError();
  llvm::Expected<Element> element = next(numbers->rest);
  if (!element)
    return element.takeError();
  const uint8_t *at = element->data.data();
  size_t size = element->data.size();
  switch (element->type) {
  case Int8:
  case UInt8:
    if (size >= 1)
      return at[0];
    break;
  case Int16:
  case UInt16:
    if (size >= 2)
      return read16le(at);
    break;
  case Int32:
  case UInt32:
    if (size >= 4)
      return read32le(at);
    break;
  case Single:
    if (size >= 4)
      return llvm::bit_cast<float>(read32le(at));
    break;
  case Double:
    if (size >= 8)
      return llvm::bit_cast<double>(read64le(at));
    break;
  }
  return fail("expected a number, got {} bytes of type {}", size, element->type);
}

llvm::Expected<std::vector<std::string>> Reader::fromStructs(const Array &synsets) {
  Bytes rest = synsets.rest;
  llvm::Expected<Element> length = next(rest, Int32, "the length of field names");
  if (!length)
    return length.takeError();
  llvm::Expected<Element> names = next(rest, Int8, "field names");
  if (!names)
    return names.takeError();
  size_t width = length->data.size() == 4 ? read32le(length->data.data()) : 0;
  if (width == 0 || width > 256 || names->data.size() % width != 0)
    return fail("expected field names of 1 to 256 characters, got {} bytes of {} each", names->data.size(),
                width);
  std::vector<std::string> fields;
  for (size_t at = 0; at < names->data.size(); at += width) {
    llvm::StringRef field(reinterpret_cast<const char *>(names->data.data()) + at, width);
    fields.push_back(field.take_until([](char c) { return c == '\0'; }).str());
  }
  for (const char *needed : {"WNID", "words", "num_children"})
    if (!llvm::is_contained(fields, needed))
      return fail("expected the field '{}' in 'synsets', as in ImageNet's meta.mat", needed);

  std::vector<std::pair<std::string, std::string>> leaves; // WordNet ID, first name
  for (uint64_t i = 0; i < synsets.elements; ++i) {
    std::string id, words;
    double children = 0;
    for (const std::string &field : fields) {
      llvm::Expected<Element> value = next(rest, Matrix, "the value of a field");
      if (!value)
        return value.takeError();
      if (field == "num_children") {
        llvm::Expected<double> count = number(value->data);
        if (!count)
          return count.takeError();
        children = *count;
      } else if (field == "WNID" || field == "words") {
        llvm::Expected<std::string> string = text(value->data);
        if (!string)
          return string.takeError();
        (field == "WNID" ? id : words) = std::move(*string);
      }
    }
    if (children == 0)
      leaves.emplace_back(std::move(id), llvm::StringRef(words).split(',').first.trim().str());
  }
  std::sort(leaves.begin(), leaves.end());
  std::vector<std::string> result;
  for (auto &[id, name] : leaves)
    result.push_back(std::move(name));
  return result;
}

llvm::Expected<std::vector<std::string>> Reader::labels(Bytes file) {
  if (file.size() < kHeader || file[126] != 'I' || file[127] != 'M')
    return fail("expected a little-endian MAT-file, got {}",
                file.size() < kHeader ? "the end of the file" : "another byte order");
  Bytes rest = file.drop_front(kHeader);
  while (!rest.empty()) {
    llvm::Expected<Element> element = next(rest);
    if (!element)
      return element.takeError();
    std::vector<uint8_t> inflated;
    if (element->type == Compressed) {
      llvm::Expected<std::vector<uint8_t>> whole =
          inflateWithin(element->data, kLargest, DeflateWrapper::Zlib, path);
      if (!whole)
        return whole.takeError();
      inflated = std::move(*whole);
      Bytes inner = inflated;
      element = next(inner);
      if (!element)
        return element.takeError();
    }
    if (element->type != Matrix)
      continue;
    llvm::Expected<Array> variable = array(element->data);
    if (!variable)
      return variable.takeError();
    if (variable->name == "synsets" && variable->arrayClass == StructArray)
      return fromStructs(*variable);
  }
  return fail("expected the struct array 'synsets', as in ImageNet's meta.mat, found none");
}

} // namespace

bool vitc::isMatFile(llvm::StringRef bytes) { return bytes.starts_with("MATLAB 5.0 MAT-file"); }

llvm::Expected<std::vector<std::string>> vitc::readSynsetLabels(llvm::StringRef bytes, llvm::StringRef path) {
  return Reader(path).labels(Bytes(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
}
