#include "test/compiler/Pipeline/PipelineFixtures.h"
#include "dialect/IR/VitOps.h"

using namespace vitc;
using namespace vitc::test;

ModelConfig vitc::test::tinyConfig() {
  ModelConfig config;
  config.name = "tiny";
  config.inputSize = {8, 12};
  config.channels = 1;
  config.width = 12;
  config.depth = 1;
  config.heads = 2;
  config.headDim = 6;
  config.patch.size = config.patch.stride = {4, 4};
  config.prefix = {{"cls", 1}};
  config.pos.grid = config.grid();
  config.block.mlp.hidden = 20;
  config.head.layers = {{"main", "pooled", 5, true}};
  return config;
}

mlir::OwningOpRef<mlir::ModuleOp> vitc::test::build(mlir::MLIRContext &context, const ModelConfig &config) {
  llvm::Error error = validate(config);
  EXPECT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
  return buildModule(context, config);
}

std::vector<std::string> vitc::test::summary(mlir::ModuleOp module, llvm::StringRef name) {
  std::vector<std::string> lines;
  auto function = module.lookupSymbol<mlir::func::FuncOp>(name);
  EXPECT_TRUE(function) << name.str();
  if (!function)
    return lines;
  for (mlir::Operation &op : function.getBody().front()) {
    if (llvm::isa<vit::ParamOp, mlir::func::ReturnOp>(op))
      continue;
    auto type = llvm::cast<mlir::RankedTensorType>(op.getResult(0).getType());
    lines.push_back(op.getName().stripDialect().str() + " " + std::to_string(type.getDimSize(0)));
  }
  return lines;
}

std::vector<std::string> vitc::test::from(const std::vector<std::string> &lines, llvm::StringRef name) {
  for (size_t i = lines.size(); i-- > 0;)
    if (llvm::StringRef(lines[i]).split(' ').first == name)
      return {lines.begin() + i, lines.end()};
  ADD_FAILURE() << "no op " << name.str();
  return {};
}

std::string vitc::test::printed(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

void vitc::test::lower(mlir::ModuleOp module, Phase phase) {
  CompileOptions options;
  options.verifyEachPass = true;
  llvm::Error error = lowerTo(module, phase, *findIsa("x86-64-v3"), options);
  EXPECT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
}
