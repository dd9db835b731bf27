#include "compiler/Driver/Measure.h"
#include "compiler/Driver/Comparison.h"
#include <algorithm>
#include <chrono>

using namespace vitc;
using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double vitc::median(std::vector<double> values) {
  size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + middle, values.end());
  double upper = values[middle];
  if (values.size() % 2)
    return upper;
  return (upper + *std::max_element(values.begin(), values.begin() + middle)) / 2;
}

llvm::Expected<Measured> vitc::measure(const LoadedLibrary &library, const RunningModel &model,
                                       int64_t images, llvm::ArrayRef<const PeakLoop *> loops, double seconds,
                                       llvm::MutableArrayRef<uint64_t> profile) {
  size_t elements = library.info().levels[0].run.input_bytes / sizeof(float);
  std::vector<float> input = seededImage(0, elements * static_cast<size_t>(images));
  std::vector<std::vector<float>> outputs;
  std::vector<float *> pointers;
  for (size_t i = 0; i < library.facts().outputs.size(); ++i)
    outputs.emplace_back(model.outputElements(i) * static_cast<size_t>(images));
  for (auto &output : outputs)
    pointers.push_back(output.data());
  auto run = [&] { return model.run(input.data(), static_cast<size_t>(images), pointers); };

  if (llvm::Error error = run()) // pages and caches
    return error;
  llvm::fill(profile, 0);
  Measured result;
  result.peaks.resize(loops.size());
  Clock::time_point start = Clock::now();
  for (int round = 0; round < 3 || secondsSince(start) < seconds; ++round) {
    // Short runs come in groups of 20 ms, so that waking threads after a sample of the peak is rare.
    Clock::time_point group = Clock::now();
    do {
      Clock::time_point before = Clock::now();
      if (llvm::Error error = run())
        return error;
      result.milliseconds.push_back(secondsSince(before) * 1e3);
    } while (secondsSince(group) < 0.02);
    double sample = std::min(secondsSince(group), 0.25);
    for (auto [loop, rates] : llvm::zip(loops, result.peaks)) {
      rates.push_back(samplePeak(*loop, model.threads(), sample));
      sample = std::min(sample, 0.025);
    }
  }
  return result;
}
