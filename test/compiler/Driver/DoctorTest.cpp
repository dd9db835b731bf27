// Departures of every kind on one small model: what is blamed, and what is said.
#include "compiler/Driver/PictureFacts.h"
#include "test/compiler/Driver/DoctorFixtures.h"

using namespace vitc;
using namespace vitc::test;
using vit::Tensor;
using enum ModelStep::Kind;

namespace {

class DoctorTest : public testing::Test {
protected:
  Sample sample{"timm-vit"};
  Sample pictures{"timm-vit", /*fromPicture=*/true};
  std::map<ModelStep, Tensor> &own = sample.own;

  /// The step as a model with `change` computes it from our own value of `from`.
  Tensor changed(Sample &of, const ModelStep &from, const ModelStep &to,
                 const std::function<void(Variant &)> &change) {
    Variant variant{of.config()};
    change(variant);
    return Sample::get(of.engine->compute(variant, from, of.own[from], to));
  }
  /// Facts of a departure of `step` alone, where the trace has `value`.
  std::vector<std::string> factsOf(Sample &of, const ModelStep &step, const Tensor &value) {
    std::map<ModelStep, Tensor> values{{step, value}};
    if (step.kind == Block)
      values[{Embedding}] = of.own[{Embedding}];
    Result result = examine(of, traceOf(values));
    EXPECT_TRUE(result.diagnosis);
    return result.diagnosis ? result.diagnosis->facts : std::vector<std::string>();
  }
};

TEST_F(DoctorTest, StepsFollowFromAllEarlierOnes) {
  for (const char *name : {"timm-vit", "timm-beit", "hf4-deit-teacher", "hf4-siglip-vision",
                           "timm-eva02-large", "walk-through", "timm-parallel", "keras2-vit-keras"}) {
    Sample model(name);
    for (const auto &[from, value] : model.own)
      for (const auto &[to, want] : model.own)
        if (model.engine->computes(from, to)) {
          Tensor got = Sample::get(model.engine->compute({model.config()}, from, value, to));
          EXPECT_LE(difference(got, want).relative, 1e-12)
              << name << ": " << stepText(from) << ", " << stepText(to);
        }
  }
}

TEST_F(DoctorTest, AgreesWithItself) {
  for (Sample *which : {&sample, &pictures}) {
    Result result = examine(*which, traceOf(which->own));
    EXPECT_EQ(result.rows.size(), which->own.size() - (which == &sample)); // a given image is taken as it is
    EXPECT_FALSE(result.diagnosis);
  }
}

// Each step is computed from the reference's step before, so that the blame stays where the mistake is.
TEST_F(DoctorTest, BlamesTheStepAlone) {
  std::map<ModelStep, Tensor> trace = own;
  trace[{Block, 0}] = changed(sample, {Embedding}, {Block, 0},
                              [](Variant &v) { v.config.block.mlp.act = Activation::QuickGelu; });
  sample.own[{Block, 0}] = trace[{Block, 0}]; // go on from it
  for (ModelStep step : {ModelStep{Block, 1}, ModelStep{Norm}, ModelStep{Pooled}, ModelStep{Logits}})
    trace[step] = changed(sample, {Block, 0}, step, [](Variant &) {});
  Result result = examine(sample, traceOf(trace));
  for (const StepComparison &row : result.rows)
    EXPECT_EQ(row.agrees, !(row.step == ModelStep{Block, 0})) << stepText(row.step);
  ASSERT_EQ(result.diagnosis->causes.size(), 1u);
  EXPECT_EQ(result.diagnosis->causes.front().what, "has the activation quick_gelu (here: gelu_erf)");
  EXPECT_EQ(result.diagnosis->causes.front().remedy, "block.mlp.act \"quick_gelu\"");
}

TEST_F(DoctorTest, PutsCausesTogether) {
  Tensor value = changed(sample, {Embedding}, {Block, 0}, [](Variant &v) {
    v.config.block.mlp.act = Activation::Relu;
    v.config.normEps = 1e-3;
  });
  Result result = examine(sample, traceOf({{{Embedding}, own[{Embedding}]}, {{Block, 0}, value}}));
  ASSERT_TRUE(result.diagnosis && result.diagnosis->explained);
  ASSERT_EQ(result.diagnosis->causes.size(), 2u);
  std::string both = result.diagnosis->causes[0].what + result.diagnosis->causes[1].what;
  EXPECT_NE(both.find("relu"), std::string::npos);
  EXPECT_NE(both.find("epsilon 0.001"), std::string::npos);
  EXPECT_LE(result.diagnosis->left, 1e-12);
}

TEST_F(DoctorTest, DoesNotExplainWhatIsUnknown) {
  Tensor value = own[{Block, 0}];
  for (size_t i = 0; i < value.data.size(); ++i)
    value.data[i] += 0.05 * std::cos(double(i * i));
  Result result = examine(sample, traceOf({{{Embedding}, own[{Embedding}]}, {{Block, 0}, value}}));
  ASSERT_TRUE(result.diagnosis);
  EXPECT_FALSE(result.diagnosis->explained);
  EXPECT_TRUE(result.diagnosis->causes.empty());
  EXPECT_GT(result.diagnosis->tried, 10u);
  EXPECT_TRUE(mentions(result.diagnosis->facts, "error by token: cls"));
}

// Any mean and std, solved for, on top of another resize.
TEST_F(DoctorTest, SolvesForMeanAndStd) {
  auto affine = [](Variant &v) {
    std::get<AffineStep>(v.config.preprocess->steps.back()) = {1 / 255., {0.1, 0.2, 0.3}, {0.4, 0.3, 0.2}};
  };
  Tensor value = changed(pictures, {Decode}, {Normalise}, affine);
  Result result = examine(pictures, traceOf({{{Normalise}, value}}));
  ASSERT_TRUE(result.diagnosis && result.diagnosis->explained);
  EXPECT_TRUE(llvm::StringRef(result.diagnosis->causes.back().what)
                  .starts_with("normalises with mean 0.1 0.2 0.3, std 0.4 0.3 0.2 (here: mean 0.5 0.5 0.5"))
      << result.diagnosis->causes.back().what;
  value = changed(pictures, {Decode}, {Normalise}, [&](Variant &v) {
    affine(v);
    std::get<ResizeStep>(v.config.preprocess->steps.front()).filter = ResizeFilter::Bilinear;
  });
  result = examine(pictures, traceOf({{{Decode}, pictures.own[{Decode}]}, {{Normalise}, value}}));
  ASSERT_TRUE(result.diagnosis && result.diagnosis->explained);
  ASSERT_EQ(result.diagnosis->causes.size(), 2u);
  EXPECT_NE(result.diagnosis->causes.front().what.find("resizes bilinear by pillow's rules"),
            std::string::npos);
}

TEST_F(DoctorTest, SizesOfTheReferencesResize) {
  auto resizedTo = [&](ResizeMode mode, Extent size) {
    Tensor value = changed(pictures, {Decode}, {Resize}, [&](Variant &v) {
      auto &step = std::get<ResizeStep>(v.config.preprocess->steps.front());
      step.mode = mode, step.size = size;
    });
    Result result = examine(pictures, traceOf({{{Resize}, value}}));
    return result.diagnosis && result.diagnosis->explained ? result.diagnosis->causes.front().what : "";
  };
  EXPECT_EQ(resizedTo(ResizeMode::Shortest, {30, 0}),
            "shorter side resized to 30 (here: shorter side resized to 23)");
  EXPECT_EQ(resizedTo(ResizeMode::Squash, {30, 25}),
            "both sides resized to 30 x 25 (here: shorter side resized to 23)");
}

// What has another size is gone on from only where the model cuts pictures to its own.
TEST_F(DoctorTest, GoesOnFromAnotherSizeByACrop) {
  for (const char *name : {"timm-vit", "hf4-vit"}) {
    Sample model(name, /*fromPicture=*/true);
    auto larger = [](Variant &v) {
      auto &step = std::get<ResizeStep>(v.config.preprocess->steps.front());
      step.size = step.mode == ResizeMode::Squash ? Extent{26, 28} : Extent{26, 0};
      if (v.config.preprocess->steps.size() == 2)
        v.config.preprocess->steps.insert(v.config.preprocess->steps.begin() + 1,
                                          CenterCropStep{v.config.inputSize});
    };
    Result result = examine(model, traceOf({{{Resize}, changed(model, {Decode}, {Resize}, larger)},
                                            {{Crop}, model.own[{Crop}]}}));
    ASSERT_EQ(result.rows.size(), 2u);
    EXPECT_FALSE(result.rows[0].agrees);
    EXPECT_EQ(result.rows[1].from.kind, name == std::string("timm-vit") ? Resize : Decode);
    EXPECT_TRUE(result.diagnosis->explained);
  }
}

TEST_F(DoctorTest, KnowsEveryOrientation) {
  auto turned = [](const Tensor &t) { // by 90 degrees clockwise
    int64_t height = t.shape[0], width = t.shape[1];
    Tensor result{{width, height, 3}, t.data};
    for (int64_t i = 0; i < height * width * 3; ++i)
      result.data[(i / 3 % width * height + height - 1 - i / 3 / width) * 3 + i % 3] = t.data[i];
    return result;
  };
  auto mirrored = [](const Tensor &t) { // left to right
    int64_t width = t.shape[1];
    Tensor result = t;
    for (int64_t i = 0; i < t.shape[0] * width * 3; ++i)
      result.data[(i / 3 / width * width + width - 1 - i / 3 % width) * 3 + i % 3] = t.data[i];
    return result;
  };
  const Tensor &upright = pictures.own[{Decode}];
  Tensor quarter = turned(upright), half = turned(quarter);
  const Tensor seen[] = {mirrored(upright), half,
                         mirrored(half),    mirrored(quarter), // 2 to 5
                         quarter,           turned(turned(mirrored(quarter))),
                         turned(half)};
  for (auto [i, reference] : llvm::enumerate(seen))
    EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, reference), orientationText(static_cast<int>(i) + 2)))
        << i + 2;
}

TEST_F(DoctorTest, SaysWhatPicturesDo) {
  const Tensor &decoded = pictures.own[{Decode}];
  int64_t height = decoded.shape[0], width = decoded.shape[1];
  Tensor bgr = decoded, half = decoded, unit = decoded, turned{{width, height, 3}, decoded.data},
         alpha{{height, width, 4}, {}};
  alpha.data.resize(height * width * 4);
  for (size_t i = 0; i < bgr.data.size(); i += 3)
    std::swap(bgr.data[i], bgr.data[i + 2]);
  for (double &value : unit.data)
    value /= 255;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        double value = decoded.data[(y * width + x) * 3 + c];
        turned.data[(x * height + height - 1 - y) * 3 + c] = value;
        half.data[((height - 1 - y) * width + width - 1 - x) * 3 + c] = value;
      }
  Tensor noise = decoded;
  for (size_t i = 0; i < noise.data.size(); ++i)
    noise.data[i] = static_cast<double>(i * i % 251);
  EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, noise), "the trace of the same picture?"));
  EXPECT_FALSE(mentions(factsOf(pictures, {Decode}, unit), "the trace of the same picture?"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, bgr), "BGR"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, half), "turned by 180 degrees"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, turned), "turned by 90 degrees clockwise"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, unit), "0..1"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Decode}, alpha), "keeps alpha"));
  EXPECT_FALSE(mentions(factsOf(pictures, {Decode}, unit), "turned"));
}

TEST_F(DoctorTest, SaysWhatShapesMean) {
  int64_t tokens = sample.config().tokens(), width = sample.config().width;
  auto tensor = [](llvm::SmallVector<int64_t, 4> shape) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    return Tensor{shape, std::vector<double>(count, 0.5)};
  };
  EXPECT_TRUE(mentions(factsOf(sample, {Block, 0}, tensor({tokens, width + 1})), "another model"));
  EXPECT_TRUE(mentions(factsOf(sample, {Block, 0}, tensor({tokens - 1, width})), "patch tokens only"));
  EXPECT_TRUE(mentions(factsOf(sample, {Block, 0}, tensor({50, width})), "--image-size"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Normalise}, tensor({3, 32, 28})), "--image-size 32x28"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Normalise}, tensor({1, 32, 28})),
                       "pictures of 3 channels: convert(\"RGB\")"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Normalise}, tensor({1, 20, 20})), "3 channels"));
  EXPECT_TRUE(mentions(factsOf(pictures, {Crop}, tensor({20, 20, 1})), "3 channels"));
}

// A resize of another size leads no further in a model that does not crop.
TEST_F(DoctorTest, SizesThatAreNotCut) {
  Sample squashed("hf4-vit", /*fromPicture=*/true);
  Extent size = squashed.config().inputSize;
  Tensor larger{{size.height + 1, size.width, 3}, {}};
  larger.data.resize((size.height + 1) * size.width * 3);
  Result result = examine(squashed, traceOf({{{Resize}, larger}, {{Normalise}, squashed.own[{Normalise}]}}));
  ASSERT_EQ(result.rows.size(), 2u);
  EXPECT_FALSE(result.rows[0].agrees);
  EXPECT_TRUE(result.rows[1].agrees);
  EXPECT_EQ(result.rows[1].from, ModelStep{Decode});
}

TEST_F(DoctorTest, NoticesShiftsAndHalfPrecision) {
  Result shifted =
      examine(sample, traceOf({{{Embedding}, own[{Embedding}]}, {{Block, 0}, own[{Embedding}]}}));
  ASSERT_TRUE(shifted.diagnosis);
  EXPECT_TRUE(mentions(shifted.diagnosis->facts, "shifted by one"));
  Tensor rounded = own[{Block, 0}];
  for (double &value : rounded.data)
    value = std::ldexp(std::round(std::ldexp(value, 10 - std::ilogb(value))), std::ilogb(value) - 10);
  std::map<ModelStep, Tensor> values{{{Embedding}, own[{Embedding}]}, {{Block, 0}, rounded}};
  Result half = examine(sample, traceOf(values));
  ASSERT_TRUE(half.diagnosis);
  EXPECT_TRUE(mentions(half.diagnosis->facts, "the reference computed in float16"));
  // A trace that says so has the bound for it.
  Trace trace = traceOf(values);
  trace.table[{Block, 0}].precision = 10;
  EXPECT_FALSE(examine(sample, trace).diagnosis);
}

TEST_F(DoctorTest, DecodersOfJpegDiffer) {
  Tensor off = pictures.own[{Decode}];
  for (size_t i = 0; i < off.data.size(); i += 5)
    off.data[i] += off.data[i] < 128 ? 3 : -3;
  EXPECT_FALSE(examine(pictures, traceOf({{{Decode}, off}}), /*jpeg=*/true).diagnosis);
  EXPECT_TRUE(examine(pictures, traceOf({{{Decode}, off}}), /*jpeg=*/false).diagnosis);
  off.data[7] += off.data[7] < 128 ? 4 : -4;
  EXPECT_TRUE(examine(pictures, traceOf({{{Decode}, off}}), /*jpeg=*/true).diagnosis);
}

} // namespace
