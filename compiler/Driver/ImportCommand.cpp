//===- ImportCommand.cpp - vitc import: any model as vit.json and safetensors -------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/Text.h"
#include "compiler/Import/VitDirectory.h"

using namespace vitc;

llvm::Error vitc::importCommand(const Arguments &arguments, Console &console) {
  llvm::Expected<std::string> input = arguments.single("a model");
  if (!input)
    return input.takeError();
  std::optional<std::string> output = arguments.value(OPT_o);
  if (!output)
    return makeError(ExitCode::Usage, "expected -o DIR, the directory to write");
  llvm::Expected<Model> model = openModel(*input, arguments, console);
  if (!model)
    return model.takeError();
  const auto *checkpoint = std::get_if<Checkpoint>(&*model);
  if (!checkpoint)
    return makeError(ExitCode::Usage, "expected a checkpoint, got the module '{}', which vit.json cannot say",
                     *input);
  console.progress("writing " + *output, 0);
  llvm::Error error = writeVitDirectory(*checkpoint, *output);
  console.clearProgress();
  if (error)
    return error;
  int64_t parameters = 0;
  for (const auto &[name, tensor] : checkpoint->tensors)
    parameters += tensor->elements();
  console.out << fmt::format("{}: {} tensors, {} parameters, {} labels\n", escapeControls(*output),
                             checkpoint->tensors.size(), countText(parameters),
                             checkpoint->config.labels.size());
  for (const std::string &note : checkpoint->notes)
    console.note(note);
  return llvm::Error::success();
}
