//===- KeyTable.h - which keys of a foreign configuration mean something ----------------------------===//
//
// Every key of a configuration file is understood, known to be irrelevant for inference, or an error. The
// tables are data; docs/vit-json.md lists them.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_KEYTABLE_H
#define COMPILER_IMPORT_KEYTABLE_H

#include "compiler/Import/ModelConfig.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/ArrayRef.h"

namespace vitc {

enum class KeyUse {
  Understood, ///< the importer reads it
  Irrelevant, ///< says nothing about inference on pictures
  MustBeOff,  ///< accepted while null, false, 0, "", [] or {}: otherwise it would change the model
};

struct KeyRule {
  const char *key;
  KeyUse use;
};

/// Checks every member of `object`; `what` names the kind of file in messages ("a ViT configuration").
llvm::Error checkKeys(const JsonRef &object, llvm::ArrayRef<KeyRule> rules, llvm::StringRef what);

/// Typed reading of optional members with a default: null counts as absent.
llvm::Expected<int64_t> integerOr(const JsonRef &object, llvm::StringRef key, int64_t fallback, int64_t low,
                                  int64_t high);
llvm::Expected<double> numberOr(const JsonRef &object, llvm::StringRef key, double fallback);
llvm::Expected<bool> boolOr(const JsonRef &object, llvm::StringRef key, bool fallback);
llvm::Expected<std::string> stringOr(const JsonRef &object, llvm::StringRef key, llvm::StringRef fallback);
/// Bound of sizes while parsing, against overflow only: validate() has the real limits.
constexpr int64_t maxParsedSize = 1 << 20;
/// An extent written as one number or as [height, width].
llvm::Expected<Extent> readExtent(const JsonRef &value);
/// Labels as an array, or as an object with the keys "0" to "n - 1".
llvm::Expected<std::vector<std::string>> readIndexedLabels(const JsonRef &value, int64_t classes);
/// A list of numbers.
llvm::Expected<std::vector<double>> numbers(const JsonRef &array, size_t limit);

} // namespace vitc

#endif // COMPILER_IMPORT_KEYTABLE_H
