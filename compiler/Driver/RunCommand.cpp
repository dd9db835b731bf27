//===- RunCommand.cpp - vitc run: tensors in and out of files -----------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/Npy.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

using namespace vitc;

namespace {

/// An output and the file that it goes to.
struct Destination {
  size_t output;
  std::string path;
};

/// "y.npy" and "pooled" -> "y.pooled.npy".
std::string pathFor(llvm::StringRef path, llvm::StringRef output) {
  llvm::SmallString<256> result(path);
  llvm::StringRef suffix = llvm::sys::path::extension(path);
  llvm::sys::path::replace_extension(result, output + suffix);
  return std::string(result);
}

llvm::Expected<std::vector<Destination>> destinations(const std::vector<std::string> &arguments,
                                                      const std::vector<Port> &outputs) {
  std::vector<llvm::StringRef> names;
  for (const Port &output : outputs)
    names.push_back(output.name);
  std::vector<Destination> result;
  for (const std::string &argument : arguments) {
    auto [name, path] = llvm::StringRef(argument).split('=');
    auto it = llvm::find(names, name);
    if (!path.empty() && it != names.end()) {
      result.push_back({static_cast<size_t>(it - names.begin()), path.str()});
      continue;
    }
    // A file name may hold '='; one that starts like a name does not.
    if (!path.empty() && !name.contains('/'))
      return makeError(ExitCode::Usage, "--output: unknown output '{}'{}; the model has {}",
                       quoteForMessage(name), didYouMean(name, names), llvm::join(names, ", "));
    if (arguments.size() > 1)
      return makeError(ExitCode::Usage,
                       "--output: expected NAME=FILE when given several times, got '{}'; the model has {}",
                       quoteForMessage(argument), llvm::join(names, ", "));
    for (size_t i = 0; i < outputs.size(); ++i)
      result.push_back({i, outputs.size() == 1 ? argument : pathFor(argument, outputs[i].name)});
  }
  return result;
}

/// The tensor to run, checked against the model.
struct Batch {
  size_t n = 0;
  bool counted = false; ///< the file has a leading N, so outputs get one
};

/// Checks the input, and selects the size of the library that it has, among `sizes`; pictures are resized to
/// the first of these.
llvm::Expected<Batch> chooseSize(const NpyFile &file, llvm::StringRef path, llvm::ArrayRef<size_t> sizes,
                                 LoadedLibrary &library) {
  llvm::ArrayRef<int64_t> shape = file.shape();
  bool pixels = file.type() == NpyType::U8;
  Batch batch{1, shape.size() == 4};
  if (batch.counted)
    batch.n = static_cast<size_t>(shape.front());
  llvm::ArrayRef<int64_t> image = batch.counted ? shape.drop_front() : shape;
  bool fits = image.size() == 3;
  const size_t *chosen = sizes.begin();
  if (fits && pixels) {
    fits = (image[2] == 1 || image[2] == 3 || image[2] == 4) && image[0] >= 1 && image[1] >= 1;
  } else if (fits) {
    chosen = llvm::find_if(
        sizes, [&](size_t i) { return image == llvm::ArrayRef<int64_t>(library.sizes()[i].input.shape); });
    fits = chosen != sizes.end();
  }
  if (fits) {
    library.select(*chosen);
    return batch;
  }
  std::string shapes;
  for (size_t i : sizes) {
    std::string model = shapeTuple(library.sizes()[i].input.shape);
    shapes += (shapes.empty() ? "" : ", ") + ("(N, " + model.substr(1)) + " or " + model;
  }
  return inputError(
      "{}: expected float32 {}, or uint8 (h, w, channels) or (N, h, w, channels) with 1, 3 or 4 channels; "
      "got {} {}",
      path.str(), shapes, pixels ? "uint8" : "float32", shapeTuple(shape));
}

} // namespace

llvm::Error vitc::runTensorCommand(const Arguments &arguments, Console &console) {
  llvm::Expected<std::string> input = arguments.single("a model or library");
  if (!input)
    return input.takeError();
  std::vector<std::string> from = arguments.values(OPT_input), to = arguments.values(OPT_output);
  if (from.size() != 1)
    return makeError(ExitCode::Usage, "expected one --input x.npy, got {}", from.size());
  if (to.empty())
    return makeError(ExitCode::Usage, "expected --output y.npy");
  llvm::Expected<NpyFile> file = NpyFile::open(from.front());
  if (!file)
    return file.takeError();
  if (file->type() == NpyType::U8)
    if (llvm::Error error = expectOneSize(arguments, "pictures are resized to it"))
      return error;
  auto library = openAndLoad(*input, arguments, console);
  if (!library)
    return library.takeError();
  llvm::Expected<std::vector<size_t>> sizes = chosenSizes((*library)->sizes(), (*library)->path(), arguments);
  if (!sizes)
    return sizes.takeError();
  llvm::Expected<Batch> batch = chooseSize(*file, from.front(), *sizes, **library);
  if (!batch)
    return batch.takeError();
  const LibraryFacts &facts = (*library)->facts();
  llvm::Expected<std::vector<Destination>> wanted = destinations(to, facts.outputs);
  if (!wanted)
    return wanted.takeError();
  llvm::Expected<RunningModel> model = createModel(arguments, **library);
  if (!model)
    return model.takeError();

  std::vector<std::vector<float>> results;
  std::vector<float *> pointers;
  for (size_t i = 0; i < facts.outputs.size(); ++i)
    results.emplace_back(std::max<size_t>(1, batch->n * model->outputElements(i)));
  for (std::vector<float> &result : results)
    pointers.push_back(result.data());
  llvm::Error error = llvm::Error::success();
  if (file->type() == NpyType::F32) {
    std::vector<float> images = file->floats();
    if (batch->n)
      error = model->run(images.data(), batch->n, pointers);
  } else if (batch->n) {
    llvm::ArrayRef<int64_t> image = file->shape().take_back(3);
    if (image[0] > facts.maxSide || image[1] > facts.maxSide)
      return inputError("{}: expected sides of at most {}, got {} x {}", from.front(), facts.maxSide,
                        image[1], image[0]);
    error = model->runPictures(file->bytes().data(), static_cast<int32_t>(image[0]),
                               static_cast<int32_t>(image[1]), static_cast<int32_t>(image[2]), batch->n,
                               pointers);
  }
  if (error)
    return error;
  for (const Destination &destination : *wanted) {
    llvm::SmallVector<int64_t, 4> shape;
    if (batch->counted)
      shape.push_back(static_cast<int64_t>(batch->n));
    shape.append(facts.outputs[destination.output].shape);
    llvm::ArrayRef<float> data = llvm::ArrayRef(results[destination.output])
                                     .take_front(batch->n * model->outputElements(destination.output));
    if (llvm::Error failure = writeNpy(destination.path, shape, data))
      return failure;
  }
  return llvm::Error::success();
}
