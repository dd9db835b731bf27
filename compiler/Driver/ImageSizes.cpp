#include "compiler/Driver/ImageSizes.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

std::string vitc::sizeText(const Extent &size) { return fmt::format("{}x{}", size.height, size.width); }

llvm::Expected<std::vector<Extent>> vitc::imageSizes(const Arguments &arguments) {
  std::vector<Extent> sizes;
  if (!arguments.has(OPT_image_size))
    return sizes;
  llvm::Expected<std::vector<std::string>> texts = arguments.words(OPT_image_size);
  if (!texts)
    return texts.takeError();
  constexpr int64_t kLongest = 1 << 14;
  for (llvm::StringRef text : *texts) {
    auto [height, width] = text.split('x');
    Extent size;
    if (height.getAsInteger(10, size.height) ||
        (text.contains('x') ? width : height).getAsInteger(10, size.width) || size.height < 1 ||
        size.width < 1 || size.height > kLongest || size.width > kLongest)
      return makeError(ExitCode::Usage,
                       "--image-size: expected HEIGHTxWIDTH or one number for both, up to {}, got '{}'",
                       kLongest, quoteForMessage(text));
    if (llvm::is_contained(sizes, size))
      return makeError(ExitCode::Usage, "--image-size: expected sizes that differ, got {} twice",
                       sizeText(size));
    sizes.push_back(size);
  }
  if (sizes.size() > kMaxSizes)
    return makeError(ExitCode::Usage, "--image-size: expected at most {} sizes, got {}", kMaxSizes,
                     sizes.size());
  return sizes;
}

llvm::Error vitc::expectOneSize(const Arguments &arguments, llvm::StringRef why) {
  llvm::Expected<std::vector<Extent>> sizes = imageSizes(arguments);
  if (!sizes)
    return sizes.takeError();
  if (sizes->size() > 1)
    return makeError(ExitCode::Usage, "--image-size: expected one size, got {}: {}", sizes->size(),
                     why.str());
  return llvm::Error::success();
}

llvm::Expected<std::vector<size_t>> vitc::chosenSizes(llvm::ArrayRef<LibraryFacts> sizes,
                                                      llvm::StringRef path, const Arguments &arguments) {
  llvm::Expected<std::vector<Extent>> wanted = imageSizes(arguments);
  if (!wanted)
    return wanted.takeError();
  std::vector<size_t> result;
  if (wanted->empty())
    for (size_t i = 0; i < sizes.size(); ++i)
      result.push_back(i);
  for (const Extent &size : *wanted) {
    auto it = llvm::find_if(sizes, [&](const LibraryFacts &facts) { return facts.inputSize == size; });
    if (it == sizes.end()) {
      std::string known;
      for (const LibraryFacts &facts : sizes)
        known += (known.empty() ? "" : ", ") + sizeText(facts.inputSize);
      return makeError(ExitCode::Usage, "--image-size: {} has no code for {}; it has {}", path.str(),
                       sizeText(size), known);
    }
    result.push_back(static_cast<size_t>(it - sizes.begin()));
  }
  return result;
}
