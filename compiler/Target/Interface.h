//===- Interface.h - how a library's functions and outputs are called in C --------------------------===//
#ifndef COMPILER_TARGET_INTERFACE_H
#define COMPILER_TARGET_INTERFACE_H

#include "compiler/Pipeline/Pipeline.h"

namespace vitc {

/// Elements of one image's tensor.
int64_t elementsOf(const Port &port);

/// Channels, height and width of the library's input, in either layout.
struct InputExtents {
  int64_t channels, height, width;
};
InputExtents inputExtents(const SizeInfo &size);

/// "224x384": height and width of the input.
std::string sizeText(const SizeInfo &size);

/// "197 x 768".
std::string shapeText(const Port &port);

/// One C identifier for each output, distinct from each other and from the other parameters of run and
/// run_u8.
std::vector<std::string> outputIdentifiers(llvm::ArrayRef<Port> outputs);

/// Lower-case hexadecimal.
std::string idText(const std::array<uint8_t, 16> &id);

/// `text` as a C string literal with quotes. All but printable ASCII becomes octal escapes, so that nothing
/// in it can end the literal or a comment around it, form a trigraph, or reorder the line on a screen.
std::string cLiteral(llvm::StringRef text);

/// Version of this compiler, "0.1.0".
llvm::StringRef compilerVersion();

} // namespace vitc

#endif // COMPILER_TARGET_INTERFACE_H
