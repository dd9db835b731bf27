#include "compiler/Target/Interface.h"
#include "compiler/Target/Prefix.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <set>

using namespace vitc;

int64_t vitc::elementsOf(const Port &port) {
  int64_t count = 1;
  for (int64_t extent : port.shape)
    count *= extent;
  return count;
}

InputExtents vitc::inputExtents(const SizeInfo &size) {
  const auto &shape = size.input.shape;
  return size.channelsLast ? InputExtents{shape[2], shape[0], shape[1]}
                           : InputExtents{shape[0], shape[1], shape[2]};
}

std::string vitc::sizeText(const SizeInfo &size) {
  InputExtents input = inputExtents(size);
  return fmt::format("{}x{}", input.height, input.width);
}

std::string vitc::shapeText(const Port &port) {
  std::string text;
  for (int64_t extent : port.shape)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

std::vector<std::string> vitc::outputIdentifiers(llvm::ArrayRef<Port> outputs) {
  // The other parameters, and VITC_-less macro names that `PREFIX_NAME_...` of an output would repeat.
  std::set<std::string> used{"model", "images", "n", "pixels", "h", "w", "channels", "row_stride", "input"};
  std::vector<std::string> result;
  for (const Port &output : outputs) {
    std::string name = prefixFrom(output.name);
    for (int i = 2; !used.insert(name).second; ++i)
      name = prefixFrom(output.name) + "_" + std::to_string(i);
    result.push_back(name);
  }
  return result;
}

std::string vitc::idText(const std::array<uint8_t, 16> &id) { return llvm::toHex(id, /*LowerCase=*/true); }

std::string vitc::cLiteral(llvm::StringRef text) {
  std::string result = "\"";
  char previous = 0;
  for (char c : text) {
    bool commentMark = (previous == '*' && c == '/') || (previous == '/' && (c == '*' || c == '/'));
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (!llvm::isPrint(c) || c == '?' || commentMark)
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    else
      result += c;
    previous = c;
  }
  return result + "\"";
}

llvm::StringRef vitc::compilerVersion() { return VITC_VERSION; }
