// Every field of vit.json matters as documented: changing it moves the results away from the reference of the
// unchanged model, or is refused by a message that names it, or, for the few that only say how or who,
// changes nothing. A field without a mutation fails the test.
#include "compiler/Driver/Comparison.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/Picture.h"
#include "compiler/Import/Presets.h"
#include "compiler/Import/VitDirectory.h"
#include "compiler/Support/Error.h"
#include "test/Integration/Harness.h"
#include "test/Integration/Mutations.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <set>

using namespace vitc;
using namespace vitc::test;
namespace json = llvm::json;

namespace {

constexpr double kBound = 2e-6; ///< for the unchanged model
constexpr double kGrowth = 10;  ///< of its error, by every mutation that counts
constexpr const char *kGolden = VITC_TEST_DATA "/goldens/hf4-vit-crop";

ModelConfig baseConfig(llvm::StringRef name) {
  ModelConfig config = smallConfig();
  config.prefix = {{"cls", 1}, {"dist", 1}, {"reg", 2}};
  config.preNorm = true;
  config.block.layerScale = true;
  // Pixels of the model's size, so that the interpreter can compute the reference.
  config.preprocess->steps = {config.preprocess->steps.back()};
  if (name == "cls")
    config.head.preLogits = PreLogits{60, "tanh", true};
  else if (name == "mean")
    config.pool.kind = PoolKind::Mean;
  else if (name == "distilled") {
    config.head.layers = {{"main", "cls", 11, true}, {"dist", "dist", 11, true}};
    config.head.combine = HeadCombine::Mean;
  } else if (name == "eva") {
    config.heads = 5;
    config.headDim = 12;
    config.rope.kind = RopeKind::Cat;
    config.rope.base = 100;
    config.rope.pairing = "adjacent";
    config.block.attn.qkNorm = NormKind::Rms;
    config.block.attn.outNorm = true;
    config.block.mlp.kind = MlpKind::Glu;
    config.block.mlp.act = Activation::Silu;
    config.block.mlp.innerNorm = true;
  } else if (name == "beit") {
    config.prefix = {{"cls", 1}};
    config.relBias = RelBiasKind::Beit;
    config.relBiasGrid = Extent{4, 4};
    config.relBiasResize = RelBiasResize::Geometric;
  } else if (name == "ends") {
    config.prefix = {{"cls", 1}};
    config.suffix = {{"reg", 2}};
    config.layout = InputLayout::NHWC;
    config.patch.kind = PatchKind::Linear;
    config.patch.order = PatchOrder::HWC;
    config.patch.stride = {7, 4};
    config.patch.pad = PatchPad::Same;
    config.patch.normIn = config.patch.normOut = NormKind::Layer;
    config.posCovers = PosCovers::ClsAndPatch;
    config.pos.grid = {4, 4};
    config.pos.resize = PosResize{"cubic-0.75", false, false, "size"};
  } else if (name == "layers") {
    config.pool = {PoolKind::MultiLayer, false, {0, 2}, 0, 0, {}};
  } else if (name == "map") {
    config.pool.kind = PoolKind::Map;
    config.pool.heads = 4;
    config.pool.hidden = 90;
    config.pool.act = Activation::GeluTanh;
    config.head.layers.clear();
    config.zeroShot = ZeroShot{11, false};
    config.outputs = {{OutputValue::Probabilities}};
  } else if (name == "odd")
    config.inputSize = {31, 30};
  return config;
}

/// A model as a directory with vit.json, inputs for it, and its outputs in float64.
struct Base {
  std::unique_ptr<TemporaryDirectory> directory;
  std::string description;
  std::vector<float> image;
  Picture picture;
  std::vector<double> want; ///< for the image, then for the picture

  static std::unique_ptr<Base> create(llvm::StringRef name);
  /// Relative error over the logits of image and picture, or why the description is refused.
  llvm::Expected<double> error(const std::string &vitJson) const;
};

template <typename T> bool good(llvm::Expected<T> &value) {
  if (value)
    return true;
  ADD_FAILURE() << llvm::toString(value.takeError());
  return false;
}

std::unique_ptr<Base> Base::create(llvm::StringRef name) {
  auto base = std::make_unique<Base>();
  auto directory = TemporaryDirectory::create();
  auto checkpoint = name == "golden" ? openCheckpoint(kGolden) : seededCheckpoint(baseConfig(name));
  if (!good(directory) || !good(checkpoint))
    return nullptr;
  base->directory = std::move(*directory);
  if (llvm::Error error = writeVitDirectory(*checkpoint, base->directory->file("model"))) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return nullptr;
  }
  const ModelConfig &config = checkpoint->config;
  base->description = printVitJson(config);
  base->image = seededImage(1, imageElements(config));
  Reference reference(*checkpoint);
  base->want = reference.run(base->image, 1).front();
  std::vector<double> ofPicture;
  if (name == "golden") { // resized and cropped by the framework
    auto picture = readPicture(std::string(kGolden) + "/golden/picture.png", 4096);
    if (!good(picture))
      return nullptr;
    base->picture = std::move(*picture);
    ofPicture = readNpy(std::string(kGolden) + "/golden/picture_logits.npy").data;
  } else {
    base->picture.height = static_cast<int32_t>(config.inputSize.height);
    base->picture.width = static_cast<int32_t>(config.inputSize.width);
    base->picture.channels = static_cast<int32_t>(config.channels);
    for (float value : seededImage(2, imageElements(config)))
      base->picture.pixels.push_back(static_cast<uint8_t>(std::clamp(128 + 60 * value, 0.0f, 255.0f)));
    ofPicture = reference.runPixels({base->picture.pixels.begin(), base->picture.pixels.end()}).front();
  }
  base->want.insert(base->want.end(), ofPicture.begin(), ofPicture.end());
  return base;
}

llvm::Expected<double> Base::error(const std::string &vitJson) const {
  {
    std::error_code code;
    llvm::raw_fd_ostream os(directory->file("model") + "/vit.json", code);
    os << vitJson;
  }
  auto checkpoint = openCheckpoint(directory->file("model"));
  if (!checkpoint)
    return checkpoint.takeError();
  CompileOptions options = hostOptions();
  options.targets.resize(1);
  auto library = test::compileAndLoad(*checkpoint, options);
  if (!library)
    return makeError(ExitCode::Internal, "not compiled");
  auto model = test::create(*library);
  std::vector<float> got = run(*library, *model, image, 1).front();
  std::vector<float> ofPicture = runPictures(*library, *model, {picture.pixels.begin(), picture.pixels.end()},
                                             picture.height, picture.width, picture.channels)
                                     .front();
  got.insert(got.end(), ofPicture.begin(), ofPicture.end());
  return relativeError(got, want);
}

const Base &base(const std::string &name) {
  static std::map<std::string, std::unique_ptr<Base>> bases;
  auto &entry = bases[name];
  if (!entry)
    entry = Base::create(name);
  return *entry;
}

/// The value at `path` below `value`, made where it is missing.
json::Value &locate(json::Value &value, llvm::StringRef path) {
  if (path.empty())
    return value;
  auto [key, rest] = path.split('.');
  if (json::Array *array = value.getAsArray()) {
    for (json::Value &element : *array)
      if (element.getAsObject()->getString("op") == key)
        return locate(element, rest);
    return locate(array->front(), path);
  }
  if (!value.getAsObject())
    value = json::Object();
  return locate((*value.getAsObject())[key], rest);
}

std::string edited(const std::string &description, const std::vector<Edit> &edits) {
  json::Value document = llvm::cantFail(json::parse(description));
  for (const Edit &edit : edits)
    locate(document, edit.path) = llvm::cantFail(json::parse(edit.value));
  return llvm::formatv("{0:2}", document).str();
}

class MutationTest : public testing::TestWithParam<size_t> {};

TEST_P(MutationTest, IsNoticed) {
  const Mutation &mutation = mutations()[GetParam()];
  SCOPED_TRACE(std::string(mutation.base) + ": " + mutation.field + " = " + mutation.edits[0].value);
  const Base &model = base(mutation.base);
  ASSERT_TRUE(&model);
  static std::map<std::string, double> unchanged;
  if (!unchanged.count(mutation.base)) {
    auto error = model.error(model.description);
    ASSERT_TRUE(good(error));
    unchanged[mutation.base] = *error;
  }
  double before = unchanged[mutation.base];
  ASSERT_LE(before, kBound);
  auto after = model.error(edited(model.description, mutation.edits));
  if (mutation.outcome == Outcome::Refused) {
    ASSERT_FALSE(static_cast<bool>(after)) << "compiles, with an error of " << *after;
    llvm::Error error = after.takeError();
    EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
    std::string message = llvm::toString(std::move(error));
    EXPECT_NE(message.find(mutation.message), std::string::npos) << message;
    return;
  }
  ASSERT_TRUE(good(after));
  if (mutation.outcome == Outcome::Grows)
    EXPECT_GE(*after, kGrowth * before);
  else
    EXPECT_LE(*after, kBound);
}

std::vector<size_t> indices() {
  std::vector<size_t> all(mutations().size());
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = i;
  return all;
}
INSTANTIATE_TEST_SUITE_P(Fields, MutationTest, testing::ValuesIn(indices()), [](const auto &info) {
  std::string name = std::string(mutations()[info.param].field) + "_" + std::to_string(info.param);
  std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
  return name;
});

/// Paths of all values that are no objects or lists of objects.
void leaves(const json::Value &value, const std::string &path, std::set<std::string> &result) {
  auto below = [&](llvm::StringRef key) { return path.empty() ? key.str() : path + "." + key.str(); };
  if (const json::Object *object = value.getAsObject()) {
    for (const auto &[key, member] : *object)
      leaves(member, below(key), result);
    return;
  }
  const json::Array *array = value.getAsArray();
  if (!array || array->empty() || !array->front().getAsObject()) {
    result.insert(path);
    return;
  }
  for (const json::Value &element : *array)
    if (auto op = element.getAsObject()->getString("op"))
      leaves(element, below(*op), result);
    else
      leaves(element, path, result);
}

std::set<std::string> mutated() {
  std::set<std::string> fields;
  for (const Mutation &mutation : mutations())
    fields.insert(mutation.field);
  return fields;
}

TEST(Mutations, CoverEveryFieldThatIsPrinted) {
  // With all optional parts.
  ModelConfig config = smallConfig();
  config.source.sha256 = "x";
  config.pos.resize.emplace();
  config.rope.periods = {1};
  config.relBiasGrid.emplace();
  config.relBiasResize.emplace();
  config.pool.kind = PoolKind::Map;
  config.pool.layers = {1};
  config.pool.heads = config.pool.hidden = 1;
  config.pool.act = Activation::Relu;
  config.head.preLogits = PreLogits{60, "tanh", true};
  config.zeroShot.emplace();
  config.outputs = {{OutputValue::Logits}};
  config.labels = {"label"};
  config.ignored = {"tensor"};
  std::set<std::string> printed;
  leaves(llvm::cantFail(json::parse(printVitJson(config))), "", printed);
  std::set<std::string> fields = mutated();
  fields.erase("head.pre_logits"); // as a whole: its parts are listed, too
  fields.erase("tensors");         // its keys are names
  EXPECT_EQ(printed, fields);
}

TEST(Mutations, CoverEveryFieldThatIsDocumented) {
  auto text = llvm::MemoryBuffer::getFile(VITC_TEST_DATA "/../../docs/vit-json.md");
  ASSERT_TRUE(static_cast<bool>(text));
  llvm::StringRef section =
      (*text)->getBuffer().split("\n## Fields\n").second.split("\nPreprocessing steps:").first;
  llvm::SmallVector<llvm::StringRef> rows;
  section.split(rows, '\n');
  std::set<std::string> fields = mutated();
  int found = 0;
  for (llvm::StringRef row : rows) {
    if (!row.consume_front("| `"))
      continue;
    llvm::SmallVector<llvm::StringRef> quoted; // names at even places
    row.split(" | ").first.split(quoted, '`');
    std::string parent;
    for (size_t i = 0; i < quoted.size(); i += 2) {
      if (quoted[i].empty())
        continue;
      std::string name = quoted[i].str();
      if (name[0] == '.') // "`block.attn.softmax`, `.value`"
        name = parent + name;
      else
        parent = quoted[i].rsplit('.').first.str();
      if (name == "preprocess") // whether it is there; its parts are rows of their own
        continue;
      ++found;
      EXPECT_TRUE(llvm::any_of(fields,
                               [&](const std::string &field) {
                                 return field == name || llvm::StringRef(field).starts_with(name + ".");
                               }))
          << name << " is in docs/vit-json.md and has no mutation";
    }
  }
  EXPECT_GE(found, 50);
}

} // namespace
