//===- vit-opt.cpp - runs passes on .mlir files, for tests and for the curious ----------------------===//
#include "compiler/Pipeline/Registration.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  vitc::registerDialects(registry);
  vitc::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "vit dialect optimizer driver\n", registry));
}
