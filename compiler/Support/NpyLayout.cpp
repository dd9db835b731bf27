#include "compiler/Support/NpyLayout.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/Support/Endian.h"
#include <optional>

using namespace vitc;

namespace {

/// The header is a Python literal: a dict of three keys. This reads exactly that.
class HeaderParser {
public:
  HeaderParser(llvm::StringRef text, llvm::StringRef path) : rest(text), path(path) {}
  llvm::Expected<NpyLayout> parse();

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
      return inputError("{}: expected an array of numbers, got one of records", path.str());
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

llvm::Expected<NpyLayout> HeaderParser::parse() {
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
  return NpyLayout{*descr, *fortran, *dims, 0};
}

} // namespace

bool vitc::isNpy(llvm::StringRef contents) { return contents.starts_with("\x93NUMPY"); }

llvm::Expected<NpyLayout> vitc::readNpyLayout(llvm::ArrayRef<uint8_t> file, llvm::StringRef path) {
  llvm::StringRef text(reinterpret_cast<const char *>(file.data()), file.size());
  if (!isNpy(text))
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
  llvm::Expected<NpyLayout> layout = HeaderParser(text.substr(start, length), path).parse();
  if (!layout)
    return layout.takeError();
  layout->dataOffset = start + length;
  return layout;
}
