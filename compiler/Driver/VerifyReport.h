//===- VerifyReport.h - what vitc verify prints -------------------------------------------------------===//
#ifndef COMPILER_DRIVER_VERIFYREPORT_H
#define COMPILER_DRIVER_VERIFYREPORT_H

#include "compiler/Driver/Comparison.h"

namespace vitc {

/// Relative L2 errors to float64 of one output.
struct OutputError {
  std::string name;
  double error = 0;  ///< of the compiled code
  double single = 0; ///< of a plain f32 computation, where bounds are relative to it
  double bound = 0;
  bool passed() const { return error <= bound; }
};

/// The largest errors over all inputs.
struct VerifyReport {
  std::vector<RegionError> regions;
  std::vector<OutputError> outputs;
  std::string noRegions; ///< why there are none
  bool relative = false; ///< bounds are multiples of OutputError::single

  /// Takes over the rows of one input size among several.
  void append(VerifyReport other, llvm::StringRef size);
};

void printText(const VerifyReport &report, llvm::raw_ostream &os);
/// `name` and `level` of the library.
void printJson(const VerifyReport &report, llvm::StringRef name, llvm::StringRef level, bool passed,
               llvm::raw_ostream &os);

} // namespace vitc

#endif // COMPILER_DRIVER_VERIFYREPORT_H
