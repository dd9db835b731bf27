// Runs all 10,000 test images of Fashion-MNIST through the compiled library and compares with the float64
// reference: the same prediction for each image, and so the same accuracy; for the first eight, the same
// logits. With a tolerance, the model was compiled in a precision below f32, and only accuracy must be as
// good.
//
//   FashionMnistAccuracy <folder of dataset-fashion-mnist> <reference.json> [<tolerance in points>]
#include "vit_fashion_mnist.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <zlib.h>

namespace {

constexpr int kSide = 28, kClasses = VIT_FASHION_MNIST_CLASSES;
/// Bound on the relative L2 error of logits against float64.
constexpr double kLogitsBound = 2e-6;

[[noreturn]] void fail(const std::string &message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

/// The last `bytes` bytes of a gzipped idx file, which must hold that and its header.
std::vector<unsigned char> readIdx(const std::string &path, size_t headerBytes, size_t bytes) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file)
    fail(path + ": cannot be opened; Debian's package dataset-fashion-mnist has it");
  std::vector<unsigned char> data(headerBytes + bytes + 1);
  int count = gzread(file, data.data(), unsigned(data.size()));
  gzclose(file);
  if (count != int(headerBytes + bytes))
    fail(path + ": expected " + std::to_string(headerBytes + bytes) + " bytes, got " + std::to_string(count));
  return {data.begin() + ptrdiff_t(headerBytes), data.end() - 1};
}

double relativeError(const float *got, const std::vector<double> &expected) {
  double difference = 0, norm = 0;
  for (int c = 0; c < kClasses; ++c) {
    difference += (got[c] - expected[c]) * (got[c] - expected[c]);
    norm += expected[c] * expected[c];
  }
  return std::sqrt(difference / norm);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4)
    fail("usage: FashionMnistAccuracy <dataset folder> <reference.json> [<tolerance in points>]");
  const bool exact = argc == 3;
  const std::string folder = argv[1];
  std::ifstream stream(argv[2]);
  const nlohmann::json reference = nlohmann::json::parse(stream);
  const std::string predictions = reference["predictions"];
  const int count = int(predictions.size());
  auto images = readIdx(folder + "/t10k-images-idx3-ubyte.gz", 16, size_t(count) * kSide * kSide);
  auto labels = readIdx(folder + "/t10k-labels-idx1-ubyte.gz", 8, size_t(count));

  vit_fashion_mnist_model *model;
  if (vit_fashion_mnist_create(&model, nullptr) != VITC_OK)
    fail(vit_fashion_mnist_last_message());
  std::vector<float> logits(size_t(count) * kClasses);
  if (vit_fashion_mnist_run_u8(model, images.data(), kSide, kSide, 1, kSide, size_t(count), logits.data()) !=
      VITC_OK)
    fail(vit_fashion_mnist_last_message());
  vit_fashion_mnist_destroy(model);

  int right = 0, different = 0;
  for (int i = 0; i < count; ++i) {
    const float *row = &logits[size_t(i) * kClasses];
    int predicted = int(std::max_element(row, row + kClasses) - row);
    right += predicted == labels[size_t(i)];
    if (predicted != predictions[size_t(i)] - '0') {
      ++different;
      if (exact)
        std::printf("image %d: expected class %c, got %d\n", i, predictions[size_t(i)], predicted);
    }
  }
  double worst = 0;
  const auto expectedLogits = reference["logits_first_8"].get<std::vector<std::vector<double>>>();
  for (size_t i = 0; i < expectedLogits.size(); ++i)
    worst = std::max(worst, relativeError(&logits[i * kClasses], expectedLogits[i]));

  const double accuracy = double(right) / count;
  std::printf("accuracy %.4f (expected %.4f), %d of %d predictions differ, logits off by %.2g (bound %.2g)\n",
              accuracy, reference["accuracy_top1"].get<double>(), different, count, worst, kLogitsBound);
  if (!exact)
    return count == 10000 &&
                   std::abs(accuracy - reference["accuracy_top1"].get<double>()) * 100 <= std::atof(argv[3])
               ? 0
               : 1;
  bool same = count == 10000 && different == 0 &&
              std::abs(accuracy - reference["accuracy_top1"].get<double>()) < 1e-9;
  return same && worst <= kLogitsBound ? 0 : 1;
}
