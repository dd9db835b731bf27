#include "compiler/Driver/Doctor.h"
#include "compiler/Driver/PixelSteps.h"
#include "compiler/Support/Error.h"
#include <cmath>
#include <limits>

using namespace vitc;
using vit::Tensor;

/// Changes that a diagnosis puts together at most.
static constexpr int kMaxCauses = 3;
/// A cause that is not all must at least divide the error by this.
static constexpr double kProgress = 3;
/// Multiply-adds that a search may spend: a minute or two. Single blocks never come near.
static constexpr double kSearchWork = 3e11;

Difference vitc::difference(const Tensor &got, const Tensor &want) {
  Difference result;
  if (got.shape != want.shape) {
    result.shapes = false;
    result.relative = result.maximum = std::numeric_limits<double>::infinity();
    return result;
  }
  double squares = 0, norm = 0;
  for (auto [i, both] : llvm::enumerate(llvm::zip(got.data, want.data))) {
    auto [a, b] = both;
    double distance = std::abs(a - b);
    if (!(distance <= result.maximum)) { // also for a NaN
      result.maximum = std::isfinite(distance) ? distance : std::numeric_limits<double>::infinity();
      result.worst = i;
    }
    squares += distance * distance;
    norm += b * b;
  }
  result.relative = std::isfinite(squares) ? (norm > 0 ? std::sqrt(squares / norm) : std::sqrt(squares))
                                           : std::numeric_limits<double>::infinity();
  return result;
}

bool Slack::within(const ModelConfig &config, const ModelStep &step, const Difference &difference) const {
  if (!difference.shapes)
    return false;
  if (step.kind > ModelStep::Normalise)
    return difference.relative <= bound;
  double level = 1; // in the units of the step
  if (const AffineStep *affine = stepOf<AffineStep>(config); affine && step.kind == ModelStep::Normalise)
    level = std::abs(affine->scale) / *llvm::min_element(affine->std);
  return difference.maximum <= levels * level;
}

Doctor::Doctor(StepEngine &engine, const Trace &trace, const std::map<ModelStep, Tensor> &own,
               std::optional<double> bound, bool jpeg, double libraryBound)
    : engine(engine), trace(trace), own(own), bound(bound), jpeg(jpeg), libraryBound(libraryBound) {}

std::optional<std::pair<ModelStep, const Tensor *>> Doctor::sourceOf(const ModelStep &step,
                                                                     bool &fromTrace) const {
  fromTrace = true;
  for (auto it = trace.steps().rbegin(); it != trace.steps().rend(); ++it) {
    const auto &[from, traced] = *it;
    if (!(from < step) || !engine.computes(from, step))
      continue;
    // What has another shape, or is no picture, cannot go on from there; nor can pixels of another size.
    auto ours = own.find(from);
    bool sameShape = ours != own.end() ? ours->second.shape == traced.value.shape
                     : from.kind >= ModelStep::Normalise
                         ? traced.value.shape == stepShape(engine.config(), from)
                         : false;
    if (from.kind == ModelStep::Resize && ours != own.end() && stepOf<CenterCropStep>(engine.config()))
      sameShape = traced.value.shape.back() == ours->second.shape.back();
    if (sameShape && (from.kind != ModelStep::Decode || isBytes(traced.value)))
      return std::pair(from, &traced.value);
  }
  fromTrace = false;
  auto decoded = own.find({ModelStep::Decode});
  if (decoded != own.end() && engine.computes({ModelStep::Decode}, step))
    return std::pair(decoded->first, &decoded->second);
  return std::nullopt;
}

Slack Doctor::slackOf(const ModelStep &step, const TracedStep &traced, const ModelStep &from,
                      bool fromTrace) const {
  Slack slack;
  bool half = traced.precision == 10, brain = traced.precision == 7;
  // Numbers of a framework in f32 differ by rounding: a block by 5e-7 or less. The two forms of GELU differ
  // by 3e-5 behind 12 blocks, whose residuals have grown.
  slack.bound = bound.value_or(std::max(libraryBound, half ? 4e-3 : brain ? 3e-2 : 5e-6));
  slack.levels = half ? 0.2 : brain ? 1.5 : 2e-3;
  const ResizeStep *resize = engine.config().preprocess ? engine.config().preprocess->resize() : nullptr;
  double pixels = 0;
  if (from.kind == ModelStep::Decode && step.kind > ModelStep::Decode && resize) // docs/pictures.md
    pixels = resize->keepsFractions() ? 0.01 : resize->impl == ResizeImpl::Pil ? 0 : 1;
  if (jpeg && (step.kind == ModelStep::Decode || (!fromTrace && from.kind == ModelStep::Decode)))
    pixels += 3; // decoders differ in the inverse transform and in how they enlarge colours
  slack.levels += pixels;
  slack.pixels = pixels > 0.1;
  if (step.kind > ModelStep::Normalise && !bound)
    slack.bound = std::max(slack.bound, pixels / 128);
  return slack;
}

llvm::Expected<Tensor> Doctor::computed(const ModelStep &step, const ModelStep &from, const Tensor &source,
                                        bool fromTrace) {
  auto ours = own.find(step);
  if (!fromTrace && ours != own.end())
    return ours->second;
  return engine.compute({engine.config()}, from, source, step);
}

llvm::Expected<std::vector<StepComparison>> Doctor::compare(Console &console) {
  std::vector<StepComparison> result;
  for (const auto &[step, traced] : trace.steps()) {
    console.progress("comparing " + stepText(step), 0);
    StepComparison comparison{step, {ModelStep::Decode}, false, {}, {}};
    if (step.kind == ModelStep::Decode) {
      auto decoded = own.find(step);
      if (decoded == own.end()) {
        unseen.push_back(step);
        continue;
      }
      comparison.difference = difference(decoded->second, traced.value);
    } else {
      auto source = sourceOf(step, comparison.fromTrace);
      if (!source && step.kind == ModelStep::Normalise)
        continue; // where a model without preprocessing starts
      if (!source) {
        unseen.push_back(step);
        continue;
      }
      comparison.from = source->first;
      llvm::Expected<Tensor> value = computed(step, source->first, *source->second, comparison.fromTrace);
      if (!value)
        return value.takeError();
      comparison.difference = difference(*value, traced.value);
    }
    comparison.slack = slackOf(step, traced, comparison.from, comparison.fromTrace);
    comparison.agrees = comparison.slack.within(engine.config(), step, comparison.difference);
    result.push_back(comparison);
  }
  return result;
}

llvm::Error Doctor::search(const StepComparison &departure, const Tensor &source, const Tensor &want,
                           bool fit, Diagnosis &diagnosis, Console &console) {
  const ModelStep &from = departure.from, &to = departure.step;
  // How far a variant is from the reference; with `fit`, after the best affine step.
  auto differenceOf = [&](Variant &variant) -> llvm::Expected<Difference> {
    if (fit) {
      Tensor pixels = source;
      if (from.kind < ModelStep::Crop || variant.reversed) {
        llvm::Expected<Tensor> made = engine.compute(variant, from, source, {ModelStep::Crop});
        if (!made)
          return made.takeError();
        pixels = std::move(*made);
      }
      AffineStep &affine = *stepOf<AffineStep>(variant.config);
      std::optional<AffineStep> fitted = fitAffine(pixels, want, affine);
      if (!fitted)
        return difference({}, want);
      affine = *fitted;
    }
    llvm::Expected<Tensor> value = engine.compute(variant, from, source, to);
    if (!value)
      return value.takeError();
    return difference(*value, want);
  };
  auto fits = [&](const ModelConfig &config) { return engine.fits(config); };

  Variant current{engine.config()};
  llvm::Expected<Difference> start = differenceOf(current);
  if (!start)
    return start.takeError();
  double best = start->relative;
  std::vector<double> left{best}; // with so many causes
  auto most = static_cast<size_t>(std::max(12.0, kSearchWork / std::max(engine.work(from, to), 1.0)));
  // With a fitted affine step alone, pictures may agree already.
  diagnosis.explained = fit && departure.slack.within(current.config, to, *start);
  for (int round = 0; round < kMaxCauses && !diagnosis.explained; ++round) {
    std::vector<Suspect> suspects = suspectsOf(current, from, to, want, fits);
    if (round == 0) {
      diagnosis.known = suspects.size();
      diagnosis.tried = std::min(suspects.size(), most);
    }
    suspects.resize(std::min(suspects.size(), most));
    std::optional<size_t> chosen;
    std::vector<size_t> sufficient;
    double least = std::numeric_limits<double>::infinity();
    for (auto [i, suspect] : llvm::enumerate(suspects)) {
      console.progress("trying suspects", double(i) / double(suspects.size()));
      llvm::Expected<Difference> found = differenceOf(suspect.variant);
      if (!found) { // a resize that the runtime cannot do, a size that does not fit: not what happened
        llvm::consumeError(found.takeError());
        continue;
      }
      if (departure.slack.within(suspect.variant.config, to, *found))
        sufficient.push_back(i);
      if (found->relative < least) {
        least = found->relative;
        chosen = i;
      }
    }
    if (!chosen || (sufficient.empty() && !(least < best)))
      break;
    if (!sufficient.empty() && !llvm::is_contained(sufficient, *chosen))
      chosen = sufficient.front();
    diagnosis.explained = !sufficient.empty();
    for (size_t i : sufficient)
      if (i != *chosen && round == 0)
        diagnosis.others.push_back(suspects[i].what);
    current = suspects[*chosen].variant;
    best = least;
    diagnosis.causes.push_back(std::move(suspects[*chosen]));
    left.push_back(best);
  }
  // A small step is a cause only as part of an explanation: of two mistakes, the smaller may show first.
  size_t certain = 0;
  while (certain + 1 < left.size() && left[certain + 1] * kProgress < left[certain])
    ++certain;
  if (!diagnosis.explained)
    diagnosis.causes.erase(diagnosis.causes.begin() + static_cast<ptrdiff_t>(certain),
                           diagnosis.causes.end());
  diagnosis.left = diagnosis.explained ? best : left[certain];
  if (fit && diagnosis.explained) {
    const AffineStep &found = *stepOf<AffineStep>(current.config);
    diagnosis.causes.push_back(
        {fmt::format("normalises with mean {:.6g}, std {:.6g} (here: mean {:.6g}, std {:.6g})",
                     fmt::join(found.mean, " "), fmt::join(found.std, " "),
                     fmt::join(stepOf<AffineStep>(engine.config())->mean, " "),
                     fmt::join(stepOf<AffineStep>(engine.config())->std, " ")),
         fmt::format("preprocess.steps.affine: \"mean\": [{:.6g}], \"std\": [{:.6g}]",
                     fmt::join(found.mean, ", "), fmt::join(found.std, ", ")),
         current});
  }
  return llvm::Error::success();
}

llvm::Expected<Diagnosis> Doctor::diagnose(const StepComparison &departure, Console &console) {
  Diagnosis diagnosis;
  const TracedStep &traced = *trace.find(departure.step);
  const Tensor *source = nullptr;
  Tensor got;
  if (departure.step.kind == ModelStep::Decode) {
    got = own.find(departure.step)->second;
  } else {
    bool fromTrace;
    source = sourceOf(departure.step, fromTrace)->second;
    llvm::Expected<Tensor> value = computed(departure.step, departure.from, *source, fromTrace);
    if (!value)
      return value.takeError();
    got = std::move(*value);
  }
  diagnosis.facts = describeDeparture(engine.config(), departure.step, got, traced.value, traced.precision);
  if (!source)
    return diagnosis;
  if (source->shape == traced.value.shape && difference(*source, traced.value).relative == 0)
    diagnosis.facts.push_back(
        fmt::format("the reference's '{}' equals its '{}': is the trace shifted by one?",
                    stepText(departure.step), stepText(departure.from)));
  // A picture of another size is a matter of the model's input, not of a suspect.
  if (!departure.difference.shapes && departure.step.kind > ModelStep::Resize)
    return diagnosis;
  if (llvm::Error error = search(departure, *source, traced.value, /*fit=*/false, diagnosis, console))
    return std::move(error);
  if (!diagnosis.explained && departure.step.kind == ModelStep::Normalise) {
    Diagnosis fitted;
    if (llvm::Error error = search(departure, *source, traced.value, /*fit=*/true, fitted, console))
      return std::move(error);
    if (fitted.explained) {
      fitted.facts = std::move(diagnosis.facts);
      fitted.known = diagnosis.known, fitted.tried = diagnosis.tried;
      return fitted;
    }
  }
  return diagnosis;
}
