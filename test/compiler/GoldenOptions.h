//===- GoldenOptions.h - what a user would have to say to open a golden ------------------------------===//
#ifndef TEST_COMPILER_GOLDENOPTIONS_H
#define TEST_COMPILER_GOLDENOPTIONS_H

#include "compiler/Import/Checkpoint.h"
#include "llvm/Support/JSON.h"

namespace vitc::test {

/// "options" of `facts`, the content of golden/golden.json in `directory`.
inline ImportOptions goldenOptions(const llvm::json::Object &facts, const std::string &directory) {
  ImportOptions options;
  const llvm::json::Object *given = facts.getObject("options");
  if (!given)
    return options;
  options.heads = given->getInteger("heads").value_or(0);
  options.arch = given->getString("arch").value_or("").str();
  if (given->getString("resize-rules") == "pillow") // which the configuration does not say
    options.resizeRules = ResizeImpl::Pil;
  if (auto size = given->getString("image-size")) { // "HxW"
    Extent extent;
    auto [height, width] = size->split('x');
    if (height.getAsInteger(10, extent.height) || width.getAsInteger(10, extent.width))
      llvm::report_fatal_error(llvm::Twine(directory) + ": expected an image-size HxW");
    options.imageSize = extent;
  }
  if (const llvm::json::Object *tensors = given->getObject("tensors")) // name -> file of the folder
    for (const auto &[name, file] : *tensors)
      options.tensors.push_back({name.str(), directory + "/" + file.getAsString()->str()});
  return options;
}

} // namespace vitc::test

#endif // TEST_COMPILER_GOLDENOPTIONS_H
