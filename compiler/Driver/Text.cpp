#include "compiler/Driver/Text.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Unicode.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <fmt/format.h>

using namespace vitc;

/// Characters without a shape of their own that change how others are shown: directions, zero widths.
static bool isInvisible(llvm::UTF32 c) {
  return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
         c == 0xfeff;
}

std::string vitc::escapeControls(llvm::StringRef text) {
  std::string result;
  auto *position = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  auto *end = reinterpret_cast<const llvm::UTF8 *>(text.end());
  while (position != end) {
    const llvm::UTF8 *start = position;
    llvm::UTF32 character = 0;
    if (llvm::convertUTF8Sequence(&position, end, &character, llvm::strictConversion) != llvm::conversionOK) {
      result += fmt::format("\\x{:02x}", *start);
      position = start + 1;
    } else if (character < 0x20 || character == 0x7f) {
      result += fmt::format("\\x{:02x}", character);
    } else if (!llvm::sys::unicode::isPrintable(static_cast<int>(character)) || isInvisible(character)) {
      result += fmt::format("\\u{{{:04x}}}", character);
    } else {
      result.append(start, position);
    }
  }
  return result;
}

size_t vitc::displayWidth(llvm::StringRef text) {
  int width = llvm::sys::unicode::columnWidthUTF8(text);
  return width < 0 ? text.size() : static_cast<size_t>(width);
}

std::string vitc::bytesText(uint64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit)
    value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string vitc::countText(int64_t count) {
  std::string digits = std::to_string(count), result;
  for (size_t i = 0; i < digits.size(); ++i) {
    size_t left = digits.size() - i;
    if (i && left % 3 == 0 && digits[i - 1] != '-')
      result += ',';
    result += digits[i];
  }
  return result;
}

std::string vitc::numberText(double value) { return fmt::format("{:.4g}", value); }

llvm::json::Value vitc::jsonNumber(double value) {
  return std::isfinite(value) ? llvm::json::Value(value) : nullptr;
}

void TextTable::add(std::vector<std::string> cells) {
  assert(cells.size() == columns.size() && "expected a cell for each column");
  for (std::string &cell : cells)
    cell = escapeControls(cell);
  rows.push_back(std::move(cells));
}

void TextTable::print(llvm::raw_ostream &os) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns.size(); ++c) {
    size_t width = displayWidth(columns[c].title);
    for (const auto &row : rows)
      width = std::max(width, displayWidth(row[c]));
    widths.push_back(width);
  }
  auto line = [&](auto cell) {
    std::string text;
    for (size_t c = 0; c < columns.size(); ++c) {
      const std::string &value = cell(c);
      std::string gap(widths[c] - displayWidth(value), ' ');
      text += (c ? "  " : "") + (columns[c].align == Right ? gap + value : value + gap);
    }
    os << llvm::StringRef(text).rtrim() << "\n";
  };
  line([&](size_t c) -> const std::string & { return columns[c].title; });
  for (const auto &row : rows)
    line([&](size_t c) -> const std::string & { return row[c]; });
}
