//===- PipelineFixtures.h - small descriptions and what a module says -------------------------------===//
#ifndef TEST_COMPILER_PIPELINE_PIPELINEFIXTURES_H
#define TEST_COMPILER_PIPELINE_PIPELINEFIXTURES_H

#include "compiler/Pipeline/Pipeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <gtest/gtest.h>

namespace vitc::test {

/// One block of width 12 with 2 heads on 2 x 3 patches of a grey 8 x 12 picture, a cls token and a head of 5
/// classes.
ModelConfig tinyConfig();

/// buildModule of a description that validate() accepts.
mlir::OwningOpRef<mlir::ModuleOp> build(mlir::MLIRContext &context, const ModelConfig &config);

/// The ops of a function in order, weights aside, each as its name without dialect and the rows of its
/// result, "slice 1".
std::vector<std::string> summary(mlir::ModuleOp module, llvm::StringRef function = "forward");

/// Everything behind the last op of `lines` that is called `name`, that op included.
std::vector<std::string> from(const std::vector<std::string> &lines, llvm::StringRef name);

std::string printed(mlir::ModuleOp module);

/// lowerTo() without an error, for x86-64-v3.
void lower(mlir::ModuleOp module, Phase phase);

} // namespace vitc::test

#endif // TEST_COMPILER_PIPELINE_PIPELINEFIXTURES_H
