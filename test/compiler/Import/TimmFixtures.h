//===- TimmFixtures.h - tiny models of PyTorch libraries ----------------------------------------------===//
#ifndef TEST_COMPILER_IMPORT_TIMMFIXTURES_H
#define TEST_COMPILER_IMPORT_TIMMFIXTURES_H

#include "test/compiler/Import/HuggingFaceFixtures.h"

namespace vitc::test {

/// Puts `prefix` in front of all names.
inline Tensors prefixed(llvm::StringRef prefix, Tensors tensors) {
  for (auto &[name, shape] : tensors.shapes)
    name = prefix.str() + name;
  return tensors;
}
/// Without the tensors whose names hold `part`.
inline Tensors without(llvm::StringRef part, Tensors tensors) {
  std::erase_if(tensors.shapes, [&](const auto &s) { return llvm::StringRef(s.first).contains(part); });
  return tensors;
}

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_TIMMFIXTURES_H
