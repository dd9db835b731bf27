//===- DoctorFixtures.h - goldens with the values of all their steps ----------------------------------===//
#ifndef TEST_COMPILER_DRIVER_DOCTORFIXTURES_H
#define TEST_COMPILER_DRIVER_DOCTORFIXTURES_H

#include "compiler/Driver/Doctor.h"
#include "compiler/Driver/Npy.h"
#include "compiler/Driver/PixelSteps.h"
#include "compiler/Driver/StepEngines.h"
#include "test/compiler/GoldenOptions.h"
#include "test/compiler/TestFiles.h"

namespace vitc::test {

/// A tiny golden with its own values of all steps: of pixels for a made-up picture, of the network for the
/// golden's input, in which some patches are almost constant, so that an epsilon shows.
class Sample {
public:
  explicit Sample(const std::string &name, bool fromPicture = false) {
    std::string path = std::string(VITC_SOURCE_DIR) + "/test/Integration/goldens/" + name;
    std::string facts = readFile(path + "/golden/golden.json");
    ImportOptions options = goldenOptions(*get(llvm::json::parse(facts)).getAsObject(), path);
    auto opened = openCheckpoint(path, options);
    checkpoint = get(std::move(opened));
    engine.emplace(checkpoint);
    const ModelConfig &config = checkpoint.config;
    Picture picture{41, 53, 3, {}};
    for (int i = 0; i < 41 * 53 * 3; ++i) // smooth, with edges and noise
      picture.pixels.push_back(static_cast<uint8_t>(
          (i / 3 % 53 * 3 + i / 159 * (i % 3) + (i / 40 % 2) * 60 + i * 7919 % 23) % 256));
    if (fromPicture) {
      own[{ModelStep::Decode}] = decodedPixels(picture, config.channels);
      for (ModelStep step :
           {ModelStep{ModelStep::Resize}, ModelStep{ModelStep::Crop}, ModelStep{ModelStep::Normalise}})
        own[step] = get(pixelStep(config, {ModelStep::Decode}, own[{ModelStep::Decode}], step));
    } else {
      std::vector<float> input = get(NpyFile::open(path + "/golden/input.npy")).floats();
      vit::Tensor &image = own[{ModelStep::Normalise}] = {stepShape(config, {ModelStep::Normalise}), {}};
      size_t count = image.shape[0] * image.shape[1] * image.shape[2]; // of the first image
      if (input.size() < count)
        llvm::report_fatal_error(llvm::Twine(name) + ": its golden input is of another size");
      image.data.assign(input.begin(), input.begin() + static_cast<ptrdiff_t>(count));
    }
    for (auto &[step, value] : get(engine->all(own[{ModelStep::Normalise}])))
      own[step] = value;
  }

  template <typename T> static T get(llvm::Expected<T> value) {
    if (!value)
      llvm::report_fatal_error(value.takeError());
    return std::move(*value);
  }
  const ModelConfig &config() const { return checkpoint.config; }

  Checkpoint checkpoint;
  std::optional<CheckpointSteps> engine;
  std::map<ModelStep, vit::Tensor> own;
};

struct Result {
  std::vector<StepComparison> rows;
  std::optional<Diagnosis> diagnosis; ///< of the first departure
};

inline Result examine(Sample &sample, const Trace &trace, bool jpeg = false) {
  Console console(llvm::nulls(), llvm::nulls());
  Doctor doctor(*sample.engine, trace, sample.own, std::nullopt, jpeg);
  Result result{Sample::get(doctor.compare(console)), {}};
  for (const StepComparison &row : result.rows)
    if (!row.agrees && !result.diagnosis)
      result.diagnosis = Sample::get(doctor.diagnose(row, console));
  return result;
}

inline Trace traceOf(const std::map<ModelStep, vit::Tensor> &values) {
  Trace trace;
  for (const auto &[step, value] : values)
    trace.table[step] = {value, 23};
  return trace;
}

/// Whether one of `lines` holds `text`.
inline bool mentions(const std::vector<std::string> &lines, llvm::StringRef text) {
  return llvm::any_of(lines, [&](const std::string &line) { return llvm::StringRef(line).contains(text); });
}

} // namespace vitc::test

#endif // TEST_COMPILER_DRIVER_DOCTORFIXTURES_H
