//===- Text.h - tables and numbers in what commands print ---------------------------------------------===//
#ifndef COMPILER_DRIVER_TEXT_H
#define COMPILER_DRIVER_TEXT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace llvm::json {
class Value;
}

namespace vitc {

/// `text` for a terminal: what is no printable UTF-8 (control characters, bytes that form no character, marks
/// that reorder a line) becomes \xNN or \u{NNNN}.
std::string escapeControls(llvm::StringRef text);

/// Columns that `text` takes on a terminal.
size_t displayWidth(llvm::StringRef text);

/// "17.9 MiB", "512 B".
std::string bytesText(uint64_t bytes);

/// "86,567,656".
std::string countText(int64_t count);

/// Four significant digits: "12.35", "0.001235", "1.235e-07".
std::string numberText(double value);

/// JSON has no infinity: null for a number that is not finite.
llvm::json::Value jsonNumber(double value);

/// Rows of cells under a header, columns separated by two spaces.
class TextTable {
public:
  enum Align { Left, Right };
  struct Column {
    std::string title;
    Align align = Left;
  };
  explicit TextTable(std::vector<Column> columns) : columns(std::move(columns)) {}
  /// Cells are escaped. Precondition: as many as columns.
  void add(std::vector<std::string> cells);
  void print(llvm::raw_ostream &os) const;

private:
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

} // namespace vitc

#endif // COMPILER_DRIVER_TEXT_H
