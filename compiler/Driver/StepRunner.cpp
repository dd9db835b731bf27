#include "compiler/Driver/StepRunner.h"
#include "compiler/Support/Error.h"
#include <cstdlib>
#include <cstring>

using namespace vitc;

llvm::Expected<LoadedWeights> LoadedWeights::open(const LoadedLibrary &library) {
  const vitc_model_info &info = library.info();
  LoadedWeights result;
  if (info.weights) {
    result.bytes = {static_cast<const uint8_t *>(info.weights), info.weight_bytes};
    return result;
  }
  auto file = MappedFile::open(library.weightsPath());
  if (!file)
    return file.takeError();
  llvm::ArrayRef<uint8_t> bytes = (*file)->bytes();
  if (bytes.size() < VITC_WEIGHTS_ALIGN || bytes.size() - VITC_WEIGHTS_ALIGN != info.weight_bytes)
    return inputError("{}: expected {} bytes of weights behind a header of {}, got a file of {}",
                      library.weightsPath(), info.weight_bytes, int(VITC_WEIGHTS_ALIGN), bytes.size());
  result.file = std::move(*file);
  result.bytes = bytes.drop_front(VITC_WEIGHTS_ALIGN);
  return result;
}

void StepRunner::Free::operator()(uint8_t *pointer) const { std::free(pointer); }

StepRunner::StepRunner(const LoadedLibrary &library, const vitc_level &level, const vitc_schedule &schedule,
                       llvm::ArrayRef<uint8_t> weights)
    : plan(schedule), weights(weights), arenaBytes(level.arena_bytes), scratchBytes(level.scratch_bytes) {
  size_t bytes = (arenaBytes + scratchBytes + 64 + 63) / 64 * 64;
  memory.reset(static_cast<uint8_t *>(std::aligned_alloc(64, bytes)));
  if (!memory)
    llvm::report_bad_alloc_error("no memory for the arena");
  for (uint32_t i = 0; i < library.info().output_count; ++i)
    outputs.emplace_back(library.info().output_bytes[i] / sizeof(float));
}

void StepRunner::start(const void *newImage) {
  image = newImage;
  std::memset(memory.get(), 0xff, arenaBytes + scratchBytes);
  for (std::vector<float> &output : outputs)
    std::memset(output.data(), 0xff, output.size() * sizeof(float));
}

void StepRunner::run(uint32_t index) {
  const vitc_step &step = plan.steps[index];
  void *operands[VITC_MAX_OPERANDS] = {};
  for (uint32_t i = 0; i < step.operand_count; ++i) {
    const vitc_operand &operand = step.operands[i];
    const uint8_t *base = nullptr;
    switch (operand.space) {
    case VITC_SPACE_ARENA:
      base = memory.get();
      break;
    case VITC_SPACE_WEIGHTS:
      base = weights.data();
      break;
    case VITC_SPACE_INPUT:
      base = static_cast<const uint8_t *>(image);
      break;
    case VITC_SPACE_OUTPUT:
      base = reinterpret_cast<const uint8_t *>(outputs[operand.index].data());
      break;
    case VITC_SPACE_SCRATCH:
      base = memory.get() + arenaBytes;
      break;
    }
    operands[i] = const_cast<uint8_t *>(base) + operand.offset;
  }
  for (uint32_t chunk = 0; chunk < step.chunks; ++chunk)
    step.run(operands, chunk);
}
