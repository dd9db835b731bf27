#include "compiler/Driver/Comparison.h"
#include "compiler/Support/Error.h"
#include "dialect/IR/VitOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include <cmath>
#include <limits>
#include <numbers>

using namespace vitc;

void RelativeError::add(double got, double want) {
  if (std::isnan(want))
    return;
  if (!std::isfinite(got)) {
    finite = false;
    return;
  }
  difference += (got - want) * (got - want);
  norm += want * want;
}

double RelativeError::value() const {
  if (!finite)
    return std::numeric_limits<double>::infinity();
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

std::vector<float> vitc::seededImage(uint64_t seed, size_t elements) {
  auto uniform = [&](uint64_t index) { // splitmix64 (Steele, Lea, Flood), in (0, 1]
    uint64_t x = (seed + 1) * 0xd1342543de82ef95 + (index + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>(((x ^ (x >> 31)) >> 11) + 1) * 0x1p-53;
  };
  std::vector<float> image(elements);
  for (size_t i = 0; i < elements; ++i) // Box and Muller
    image[i] = static_cast<float>(std::sqrt(-2 * std::log(uniform(2 * i))) *
                                  std::cos(2 * std::numbers::pi * uniform(2 * i + 1)));
  return image;
}

namespace {

/// Where a planned buffer lies in the library.
struct Place {
  uint32_t space = VITC_SPACE_ARENA, index = 0;
  uint64_t offset = 0;
  mlir::Type element; ///< f32, bf16, or i8 and i16, which hold unsigned bytes
  llvm::SmallVector<int64_t, 4> shape, strides;
};

std::optional<Place> placeOf(mlir::Value buffer) {
  auto type = llvm::dyn_cast<mlir::MemRefType>(buffer.getType());
  int64_t origin = 0;
  Place place;
  if (!type || mlir::failed(type.getStridesAndOffset(place.strides, origin)))
    return std::nullopt;
  place.element = type.getElementType();
  place.shape.assign(type.getShape().begin(), type.getShape().end());
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(buffer)) {
    if (argument.getArgNumber() == 0)
      return std::nullopt;
    place.space = VITC_SPACE_OUTPUT;
    place.index = argument.getArgNumber() - 1; // argument 0 is the input
    return place;
  }
  auto planned = buffer.getDefiningOp<vit::PlanBufferOp>();
  if (!planned || !planned.getOffset())
    return std::nullopt;
  place.offset = static_cast<uint64_t>(*planned.getOffset());
  return place;
}

bool hasOperand(const vitc_step &step, const Place &place) {
  for (uint32_t i = 0; i < step.operand_count; ++i)
    if (step.operands[i].space == place.space && step.operands[i].index == place.index &&
        step.operands[i].offset == place.offset)
      return true;
  return false;
}

double compareBuffer(const uint8_t *data, const Place &place, const vit::Tensor &want) {
  auto element = [&](int64_t at) {
    using namespace llvm::support::endian;
    if (place.element.isInteger(8))
      return static_cast<float>(data[at]);
    if (place.element.isInteger(16))
      return static_cast<float>(read16le(data + 2 * at));
    uint32_t bits =
        place.element.isBF16() ? uint32_t(read16le(data + 2 * at)) << 16 : read32le(data + 4 * at);
    return llvm::bit_cast<float>(bits);
  };
  RelativeError error;
  llvm::SmallVector<int64_t, 4> index(place.shape.size(), 0);
  for (double value : want.data) {
    int64_t at = 0;
    for (size_t d = 0; d < index.size(); ++d)
      at += index[d] * place.strides[d];
    error.add(element(at), value);
    for (size_t d = index.size(); d-- > 0;) { // the next index in row-major order
      if (++index[d] < place.shape[d])
        break;
      index[d] = 0;
    }
  }
  return error.value();
}

} // namespace

llvm::Expected<std::vector<RegionError>> vitc::compareRegions(mlir::func::FuncOp function,
                                                              vit::WeightEvaluator &weights,
                                                              StepRunner &runner, const void *image,
                                                              const vit::Tensor &reference) {
  std::vector<mlir::Operation *> regions;
  function.walk([&](vit::PlannedOpInterface op) { regions.push_back(op); });
  const vitc_schedule &schedule = runner.schedule();
  auto mismatch = [](const std::string &what) {
    return inputError(
        "the library's regions are not those of the model as this vitc plans it ({}): compile it again to "
        "see errors by layer",
        what);
  };
  if (regions.size() != schedule.step_count)
    return mismatch(fmt::format("{} regions against {}", schedule.step_count, regions.size()));
  std::vector<Place> places;
  for (auto [i, op] : llvm::enumerate(regions)) {
    auto outputs = llvm::cast<vit::PlannedOpInterface>(op).getOutputBuffers();
    // Of several outputs the first: bytes, whose scales show in what is computed from them.
    std::optional<Place> place = outputs.empty() ? std::nullopt : placeOf(outputs.front());
    if (!place || !hasOperand(schedule.steps[i], *place))
      return mismatch(fmt::format("region {}, '{}'", i, schedule.steps[i].name));
    places.push_back(std::move(*place));
  }

  std::vector<RegionError> errors;
  runner.start(image);
  vit::InterpOptions options;
  options.observe = [&](mlir::Operation *op, const vit::Tensor &want) {
    auto index = static_cast<uint32_t>(errors.size());
    if (index >= regions.size() || regions[index] != op)
      return;
    runner.run(index);
    const Place &place = places[index];
    const uint8_t *data = place.space == VITC_SPACE_OUTPUT
                              ? reinterpret_cast<const uint8_t *>(runner.output(place.index))
                              : runner.arena(place.offset);
    errors.push_back({layerName(schedule.steps[index]), compareBuffer(data, place, want)});
  };
  std::vector<vit::Tensor> results;
  if (mlir::failed(vit::interpret(function, {reference}, weights, options, results)))
    return makeError(ExitCode::Internal, "the interpreter failed on the planned module");
  if (errors.size() != regions.size())
    return makeError(ExitCode::Internal, "the interpreter reported {} of {} regions", errors.size(),
                     regions.size());
  return errors;
}
