//===- FakeModel.h - model tables with regions written by hand ------------===//
#ifndef TEST_RUNTIME_FAKEMODEL_H
#define TEST_RUNTIME_FAKEMODEL_H

#include "vitc/runtime.h"
#include <string>
#include <vector>

/// The tables of a small model, as the compiler would emit them. Fields may be changed until the first
/// create.
///
/// An image has 16 floats. The model has two outputs: `sums` of 4 floats, and `copy` of 16. Its steps:
///   1. arena[i] = input[i] * weights[i]       4 chunks of 4 elements
///   2. scratch = arena row, sums[c] = its sum  4 chunks, each through the thread's scratch
///   3. copy = arena                            1 chunk
/// run_u8 has the same steps, behind one that turns 16 bytes (4 x 4 grey pixels) into floats.
struct FakeModel {
  static constexpr int kElements = 16, kRows = 4;

  FakeModel();
  FakeModel(const FakeModel &) = delete;

  vitc_model_info info = {};
  vitc_library_info library = {VITC_ABI_VERSION, 1, &info};
  std::vector<vitc_level> levels;
  std::vector<float> weights;
  vitc_preprocess preprocess = {};

  /// What the model must answer for n images.
  std::vector<float> expectedSums(const std::vector<float> &images) const;
  std::vector<float> expectedCopy(const std::vector<float> &images) const;

private:
  std::vector<vitc_operand> operands[3], operandsU8;
  std::vector<vitc_step> steps, stepsU8;
  std::vector<uint64_t> outputBytes;
};

/// Images with distinct values, small integers so that sums are exact.
std::vector<float> fakeImages(size_t n);

/// Contents of a .vitw file for `model`, aligned to 64 bytes at the returned offset of `storage`.
std::vector<uint8_t> weightsFile(const FakeModel &model);

/// A file in the test's temporary directory, removed with the object.
class TemporaryFile {
public:
  TemporaryFile(const std::string &name, const std::vector<uint8_t> &contents);
  ~TemporaryFile();
  const std::string path;
};

#endif // TEST_RUNTIME_FAKEMODEL_H
