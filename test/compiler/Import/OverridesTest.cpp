// What the command line says about a checkpoint.
#include "compiler/Import/Presets.h"
#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr const char *kTiny = "preset:vit_tiny_patch16_224";

/// A .npy file of f32.
std::string npy(llvm::StringRef shape, const std::vector<float> &values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape.str() + "), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\1\0", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  return bytes + header +
         std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
}

const ResizeStep &resizeOf(const Checkpoint &checkpoint) { return *checkpoint.config.preprocess->resize(); }

} // namespace

TEST(Overrides, NormEpsilon) {
  ImportOptions options;
  options.normEps = 1e-3;
  EXPECT_EQ(get(openCheckpoint(kTiny, options))->config.normEps, 1e-3);
  ModelDir dir;
  dir.tensors(timmShapes());
  dir.config(timmConfig());
  EXPECT_EQ(get(dir.open())->config.normEps, 1e-6);
  EXPECT_EQ(get(openCheckpoint(dir.path(), options))->config.normEps, 1e-3);
  options.normEps = 2;
  expectError(openCheckpoint(kTiny, options), ExitCode::Input, {"norm.eps", "from 0 to 1"});
}

TEST(Overrides, ResizeRules) {
  ImportOptions options;
  for (auto [impl, antialias] : {std::pair(ResizeImpl::Pil, true), std::pair(ResizeImpl::Torch, true),
                                 std::pair(ResizeImpl::Tf, false), std::pair(ResizeImpl::OpenCv, false)}) {
    options.resizeRules = impl;
    auto model = get(openCheckpoint(kTiny, options));
    ASSERT_TRUE(model);
    EXPECT_EQ(resizeOf(*model).impl, impl);
    EXPECT_EQ(resizeOf(*model).antialias, antialias);
    // timm crops as torchvision does, whatever resizes.
    EXPECT_EQ(std::get<CenterCropStep>(model->config.preprocess->steps[1]).round, CropRounding::HalfEven);
  }
  // Of transformers' two backends, each has a crop of its own.
  ModelDir dir;
  Shapes shapes = huggingFaceShapes("vit.", false, false);
  shapes.push_back({"classifier.weight", {5, 8}});
  shapes.push_back({"classifier.bias", {5}});
  dir.tensors(shapes);
  dir.config(huggingFaceConfig());
  dir.write("preprocessor_config.json",
            R"({"image_processor_type": "DeiTImageProcessorFast", "size": 9, "crop_size": 8})");
  for (auto [impl, round] : {std::pair(ResizeImpl::Pil, CropRounding::Floor),
                             std::pair(ResizeImpl::Torch, CropRounding::HalfEven)}) {
    options.resizeRules = impl;
    auto model = get(openCheckpoint(dir.path(), options));
    ASSERT_TRUE(model);
    EXPECT_EQ(resizeOf(*model).impl, impl);
    EXPECT_EQ(std::get<CenterCropStep>(model->config.preprocess->steps[1]).round, round);
  }
  dir.write("preprocessor_config.json", R"({"do_resize": false})");
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input, {"--resize-rules", "resizes pictures"});
}

TEST(Overrides, TensorsReplaceThoseOfACheckpoint) {
  ModelDir dir;
  dir.tensors(timmShapes());
  dir.config(timmConfig());
  auto plain = get(dir.open());
  ASSERT_TRUE(plain);
  std::vector<float> numbers{1, 2, 3, 4, 5, 6, 7, 8};
  ImportOptions options;
  options.tensors = {{"embed.cls", dir.write("cls.npy", npy("1, 1, 8", numbers))}};
  auto model = get(openCheckpoint(dir.path(), options));
  ASSERT_TRUE(model);
  EXPECT_EQ(values(*model, "embed.cls"), std::vector<double>(numbers.begin(), numbers.end()));
  EXPECT_EQ(values(*model, "embed.pos"), values(*plain, "embed.pos"));
  EXPECT_NE(model->weightsHash, plain->weightsHash);
  EXPECT_EQ(model->config.source.hash, model->weightsHash);

  options.tensors = {{"embed.cls", dir.write("cls.npy", npy("9,", {1, 2, 3, 4, 5, 6, 7, 8, 9}))}};
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input,
              {"cls.npy", "[1, 8]", "'embed.cls'", "[9]"});
  options.tensors = {{"embed.clss", dir.file("cls.npy")}};
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input,
              {"'embed.clss'", "did you mean 'embed.cls'?"});
  options.tensors = {{"embed.cls", dir.file("none.npy")}};
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input, {"none.npy"});
  options.tensors = {{"embed.cls", dir.file("model.safetensors")}};
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input, {"one tensor for 'embed.cls'"});
}

TEST(Overrides, TensorsReplaceThoseOfAPreset) {
  TempDir dir;
  ImportOptions options;
  options.tensors = {{"final.norm.b", dir.write("b.npy", npy("192,", std::vector<float>(192, 7)))}};
  auto model = get(openCheckpoint(kTiny, options));
  ASSERT_TRUE(model);
  EXPECT_EQ(values(*model, "final.norm.b"), std::vector<double>(192, 7));
  EXPECT_NE(model->weightsHash, get(openCheckpoint(kTiny))->weightsHash);
}

// System C: files that lack a tensor that the description needs.
TEST(Overrides, TensorsSupplyWhatIsMissing) {
  ModelDir dir;
  dir.write("vit.json", minimalVitJson);
  Shapes shapes;
  for (const TensorSpec &spec : expectedTensors(minimalConfig()))
    if (spec.name != "head.main.b")
      shapes.push_back({spec.name, {spec.shape.begin(), spec.shape.end()}});
  dir.tensors(shapes);
  expectError(dir.open(), ExitCode::Input, {"'head.main.b'", "missing"});
  ImportOptions options;
  options.tensors = {{"head.main.b", dir.write("b.npy", npy("3,", {1, 2, 3}))}};
  EXPECT_EQ(values(*get(openCheckpoint(dir.path(), options)), "head.main.b"), (std::vector<double>{1, 2, 3}));
}
