//===- DoctorReport.h - what vitc doctor prints -------------------------------------------------------===//
#ifndef COMPILER_DRIVER_DOCTORREPORT_H
#define COMPILER_DRIVER_DOCTORREPORT_H

#include "compiler/Driver/Doctor.h"
#include "compiler/Driver/Picture.h"
#include "compiler/Driver/PictureFacts.h"

namespace vitc {

/// A step's numbers at a glance.
struct StepNumbers {
  ModelStep step;
  llvm::SmallVector<int64_t, 4> shape;
  double min = 0, mean = 0, max = 0; ///< of those that are finite
  size_t notFinite = 0;
  std::optional<double> compiled = std::nullopt; ///< relative L2 error of the compiled code
  bool compiledAgrees = true;
};
StepNumbers numbersOf(const ModelStep &step, const vit::Tensor &value);

struct DoctorReport {
  std::string model, picture, level;
  std::string compiledAgainst; ///< what `compiled` is the error to: "float64"
  std::vector<StepNumbers> steps;
  std::vector<std::string> notes; ///< about the picture and the numbers
  std::vector<StepComparison> comparisons;
  std::vector<ModelStep> hidden; ///< steps of the trace that were not compared
  std::optional<ModelStep> departure;
  std::optional<Diagnosis> diagnosis;
};

void printText(const DoctorReport &report, llvm::raw_ostream &os);
void printJson(const DoctorReport &report, llvm::raw_ostream &os);

/// What a person would notice in a picture, and in the values of its steps.
std::vector<std::string> notesOf(const ModelConfig &config, const Picture &picture, const PictureFacts &facts,
                                 const std::map<ModelStep, vit::Tensor> &own);

} // namespace vitc

#endif // COMPILER_DRIVER_DOCTORREPORT_H
