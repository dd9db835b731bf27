#include "compiler/Driver/Npy.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/OutputFile.h"
#include "llvm/Support/Endian.h"
#include <cstring>

using namespace vitc;

std::string vitc::shapeTuple(llvm::ArrayRef<int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

namespace {

/// The header is a Python literal: a dict of three keys. This reads exactly that.
class HeaderParser {
public:
  HeaderParser(llvm::StringRef text, llvm::StringRef path) : rest(text), path(path) {}
  llvm::Expected<NpyHeader> parse();

private:
  llvm::Error fail(llvm::StringRef expected) {
    llvm::StringRef found = rest.take_front(20);
    return inputError("{}: expected {} in the header of the .npy file, got '{}'", path.str(), expected.str(),
                      quoteForMessage(found));
  }
  bool take(char c) {
    rest = rest.ltrim(" \t\n");
    return rest.consume_front(llvm::StringRef(&c, 1));
  }
  llvm::Expected<llvm::StringRef> string();
  llvm::Error value(llvm::StringRef key);
  llvm::Error shape();

  llvm::StringRef rest, path;
  std::optional<std::string> descr;
  std::optional<bool> fortran;
  std::optional<llvm::SmallVector<int64_t, 4>> dims;
};

llvm::Expected<llvm::StringRef> HeaderParser::string() {
  char quote = take('\'') ? '\'' : take('"') ? '"' : 0;
  size_t end = quote ? rest.find(quote) : llvm::StringRef::npos;
  if (end == llvm::StringRef::npos || rest.take_front(end).contains('\\'))
    return fail("a string");
  llvm::StringRef result = rest.take_front(end);
  rest = rest.drop_front(end + 1);
  return result;
}

llvm::Error HeaderParser::shape() {
  if (!take('('))
    return fail("a tuple of integers");
  llvm::SmallVector<int64_t, 4> result;
  while (!take(')')) {
    int64_t extent;
    if (rest.consumeInteger(10, extent) || extent < 0 || result.size() == 32)
      return fail("at most 32 extents that are not negative");
    result.push_back(extent);
    if (!take(',') && !rest.ltrim().starts_with(")"))
      return fail("',' or ')'");
  }
  dims = std::move(result);
  return llvm::Error::success();
}

llvm::Error HeaderParser::value(llvm::StringRef key) {
  rest = rest.ltrim();
  if (key == "shape" && !dims)
    return shape();
  if (key == "descr" && !descr) {
    if (rest.starts_with("["))
      return inputError("{}: expected an array of float32 or uint8, got one of records", path.str());
    llvm::Expected<llvm::StringRef> text = string();
    if (!text)
      return text.takeError();
    descr = text->str();
    return llvm::Error::success();
  }
  if (key == "fortran_order" && !fortran) {
    fortran = rest.starts_with("True");
    if (!rest.consume_front("True") && !rest.consume_front("False"))
      return fail("True or False");
    return llvm::Error::success();
  }
  return inputError(
      "{}: expected the keys descr, fortran_order and shape, once each, in the header of the .npy file, "
      "got '{}'",
      path.str(), quoteForMessage(key));
}

llvm::Expected<NpyHeader> HeaderParser::parse() {
  if (!take('{'))
    return fail("'{'");
  while (!take('}')) {
    llvm::Expected<llvm::StringRef> key = string();
    if (!key)
      return key.takeError();
    if (!take(':'))
      return fail("':'");
    if (llvm::Error error = value(*key))
      return error;
    if (!take(',') && !rest.ltrim().starts_with("}"))
      return fail("',' or '}'");
  }
  if (!rest.trim().empty())
    return fail("nothing behind '}'");
  if (!descr || !fortran || !dims)
    return fail("the keys descr, fortran_order and shape");
  NpyHeader header;
  header.shape = *dims;
  if (*descr == "<f4")
    header.type = NpyType::F32;
  else if (*descr == "|u1")
    header.type = NpyType::U8;
  else
    return inputError("{}: expected float32 ('<f4') or uint8 ('|u1'), got '{}'; convert with x.astype('<f4')",
                      path.str(), quoteForMessage(*descr));
  if (*fortran)
    return inputError("{}: expected C order, got Fortran order; convert with numpy.ascontiguousarray(x)",
                      path.str());
  return header;
}

} // namespace

llvm::Expected<NpyHeader> vitc::parseNpyHeader(llvm::ArrayRef<uint8_t> file, llvm::StringRef path) {
  llvm::StringRef text(reinterpret_cast<const char *>(file.data()), file.size());
  if (!text.starts_with("\x93NUMPY"))
    return inputError("{}: expected a .npy file, got one that does not start with '\\x93NUMPY'", path.str());
  if (file.size() < 12)
    return inputError("{}: expected the header of a .npy file, got the end of the file after {} bytes",
                      path.str(), file.size());
  unsigned major = file[6];
  if (major < 1 || major > 3 || file[7] != 0)
    return inputError("{}: expected version 1.0, 2.0 or 3.0 of the .npy format, got {}.{}", path.str(), major,
                      unsigned(file[7]));
  size_t start = major == 1 ? 10 : 12;
  size_t length =
      major == 1 ? llvm::support::endian::read16le(&file[8]) : llvm::support::endian::read32le(&file[8]);
  if (length > file.size() - start)
    return inputError("{}: expected {} bytes of header, got a file of {} bytes: it is truncated", path.str(),
                      length, file.size());
  if (length > 65536)
    return inputError("{}: expected a header of at most 65536 bytes, got {}", path.str(), length);
  llvm::Expected<NpyHeader> header = HeaderParser(text.substr(start, length), path).parse();
  if (!header)
    return header.takeError();
  header->dataOffset = start + length;
  // Extents multiply without overflow as long as the product stays below the file's size; a zero ends that.
  uint64_t elementBytes = header->type == NpyType::F32 ? 4 : 1;
  uint64_t available = file.size() - header->dataOffset, bytes = elementBytes;
  for (int64_t extent : header->shape)
    if (extent == 0)
      bytes = 0;
  for (int64_t extent : header->shape) {
    if (bytes && static_cast<uint64_t>(extent) > available / bytes)
      return inputError("{}: expected data of shape {}, got {} bytes: the file is truncated", path.str(),
                        shapeTuple(header->shape), available);
    bytes *= static_cast<uint64_t>(extent);
  }
  if (bytes > available)
    return inputError("{}: expected {} bytes of data, got {}: the file is truncated", path.str(), bytes,
                      available);
  if (bytes < available)
    return inputError("{}: expected {} bytes of data for shape {}, got {}", path.str(), bytes,
                      shapeTuple(header->shape), available);
  return header;
}

llvm::Expected<NpyFile> NpyFile::open(llvm::StringRef path) {
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::Expected<NpyHeader> header = parseNpyHeader((*file)->bytes(), path);
  if (!header)
    return header.takeError();
  return NpyFile(std::move(*file), std::move(*header));
}

std::vector<float> NpyFile::floats() const {
  std::vector<float> result(bytes().size() / sizeof(float));
  if (!result.empty())
    std::memcpy(result.data(), bytes().data(), result.size() * sizeof(float));
  return result;
}

llvm::Error vitc::writeNpy(llvm::StringRef path, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> data) {
  llvm::Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shapeTuple(shape) + ", }";
  // Data start at a multiple of 64 bytes, as numpy.save has it.
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  char start[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
  llvm::support::endian::write16le(start + 8, static_cast<uint16_t>(header.size()));
  file->os().write(start, sizeof start);
  file->os() << header;
  file->os().write(reinterpret_cast<const char *>(data.data()), data.size() * sizeof(float));
  return file->commit();
}
