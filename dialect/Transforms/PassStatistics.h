//===- PassStatistics.h - counts of what a pass did --------------------------------------------------===//
#ifndef DIALECT_TRANSFORMS_PASSSTATISTICS_H
#define DIALECT_TRANSFORMS_PASSSTATISTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/Pass.h"

namespace vit {

/// Says `PASS: NAME = COUNT` as a remark at the location of `op` if `enabled`. Every vit pass has the option
/// `statistics` for it. MLIR's own Pass::Statistic is compiled to nothing in LLVM packages without
/// assertions, so that no test could check it there.
inline void reportStatistic(mlir::Pass &pass, mlir::Operation *op, bool enabled, llvm::StringRef name,
                            int64_t count) {
  if (enabled)
    mlir::emitRemark(op->getLoc()) << pass.getArgument() << ": " << name << " = " << count;
}

} // namespace vit

#endif // DIALECT_TRANSFORMS_PASSSTATISTICS_H
