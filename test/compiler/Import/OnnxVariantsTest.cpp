//===- OnnxVariantsTest.cpp - spellings of one model are one model ----------------------------------===//
//
// Each ONNX golden has variants: names, node order and operand order changed, and optimised by ONNX Runtime
// (test/Integration/goldens/onnx_cases.py). All must give the description and the weights of the original.
//
#include "compiler/Import/Importers.h"
#include "test/compiler/Import/ImportFixtures.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::test;

namespace {

const std::string kGoldens = VITC_TEST_DATA "/../../Integration/goldens/";

std::vector<std::string> cases() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(kGoldens, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::path::filename(it->path()).starts_with("onnx-"))
      names.push_back(llvm::sys::path::filename(it->path()).str());
  llvm::sort(names);
  return names;
}

class OnnxVariants : public testing::TestWithParam<std::string> {};

/// Whether the compiler lowers a description does not matter here, so this stops short of validation.
struct Contents {
  ModelConfig config;
  std::map<std::string, std::vector<double>> weights;
};
std::optional<Contents> contentsOf(const std::string &path) {
  auto imported = get(importOnnx(path, {}));
  if (!imported)
    return std::nullopt;
  Contents result;
  result.config = imported->checkpoint.config;
  for (const auto &[name, slice] : imported->tensors.slices) {
    auto view = viewOf(slice, slice.shape);
    result.weights[name].resize(view->elements());
    view->read(0, result.weights[name]);
  }
  return result;
}

TEST_P(OnnxVariants, AreTheOriginal) {
  std::string directory = kGoldens + GetParam() + "/";
  auto original = contentsOf(directory + "model.onnx");
  ASSERT_TRUE(original);
  EXPECT_EQ(original->weights.size(), expectedTensors(original->config).size());
  int variants = 0;
  for (const char *variant : {"scrambled", "optimised"}) {
    std::string file = directory + variant + ".onnx";
    if (!llvm::sys::fs::exists(file))
      continue;
    SCOPED_TRACE(variant);
    ++variants;
    auto other = contentsOf(file);
    ASSERT_TRUE(other);
    other->config.source = original->config.source;
    EXPECT_EQ(printVitJson(other->config), printVitJson(original->config));
    ASSERT_EQ(other->weights.size(), original->weights.size());
    for (const auto &[name, values] : original->weights) {
      const std::vector<double> &got = other->weights[name];
      ASSERT_EQ(got.size(), values.size()) << name;
      // Folded by ONNX Runtime in f32, or by us in f64.
      double worst = 0, largest = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        worst = std::max(worst, std::abs(got[i] - values[i]));
        largest = std::max(largest, std::abs(values[i]));
      }
      EXPECT_LE(worst, 2e-6 * largest) << name;
    }
  }
  EXPECT_GE(variants, 1);
}

INSTANTIATE_TEST_SUITE_P(Onnx, OnnxVariants, testing::ValuesIn(cases()), [](const auto &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(OnnxVariantsFolder, HoldsTheCases) { EXPECT_GE(cases().size(), 20u); }

} // namespace
