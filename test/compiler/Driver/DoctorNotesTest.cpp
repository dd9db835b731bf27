// What is noticed without a trace, and how it is printed.
#include "compiler/Driver/DoctorReport.h"
#include "test/compiler/Driver/DoctorFixtures.h"
#include <cmath>

using namespace vitc;
using namespace vitc::test;
using vit::Tensor;
using enum ModelStep::Kind;

namespace {

class NotesTest : public testing::Test {
protected:
  Sample sample{"timm-vit", /*fromPicture=*/true};
  Picture picture{41, 53, 3, {}};
  PictureFacts facts;

  std::vector<std::string> notes() { return notesOf(sample.config(), picture, facts, sample.own); }
  ResizeStep &resize() { return std::get<ResizeStep>(sample.checkpoint.config.preprocess->steps.front()); }
};

TEST_F(NotesTest, NothingOfAnOrdinaryPicture) { EXPECT_EQ(notes(), std::vector<std::string>()); }

TEST_F(NotesTest, OfTheFile) {
  facts.orientation = 6;
  EXPECT_TRUE(mentions(notes(), "turned by 90 degrees clockwise (EXIF orientation 6)"));
  facts = {};
  facts.alpha = true;
  EXPECT_TRUE(mentions(notes(), "transparency, which is dropped"));
  facts = {};
  facts.bits = 16;
  EXPECT_TRUE(mentions(notes(), "16 bits"));
  facts = {};
  facts.profile = true;
  EXPECT_TRUE(mentions(notes(), "colour profile"));
  facts = {};
  picture.channels = 1;
  EXPECT_TRUE(mentions(notes(), "the picture is grey"));
  picture.channels = 3;
  sample.checkpoint.config.channels = 1;
  EXPECT_TRUE(mentions(notes(), "the model takes grey"));
}

TEST_F(NotesTest, OfItsGeometry) {
  picture.height = 7, picture.width = 9;
  EXPECT_TRUE(mentions(notes(), "enlarged 3.22 times"));
  picture.height = 40, picture.width = 200;
  EXPECT_TRUE(mentions(notes(), "the crop keeps 15 %"));
  resize().mode = ResizeMode::Squash;
  resize().size = {20, 20};
  EXPECT_TRUE(mentions(notes(), "its proportion changes from 5 to 1"));
}

TEST_F(NotesTest, OfItsNumbers) {
  std::map<ModelStep, Tensor> good = sample.own;
  sample.own[{Block, 1}].data[7] = NAN;
  sample.own[{Block, 1}].data[9] = -INFINITY;
  EXPECT_TRUE(mentions(notes(), "'block.1' has 2 numbers that are not finite"));
  sample.own = good;
  for (double &value : sample.own[{Decode}].data)
    value = 9;
  EXPECT_TRUE(mentions(notes(), "'decode' is the same number everywhere"));
  sample.own = good;
  for (double &value : sample.own[{Normalise}].data)
    value *= 100;
  EXPECT_TRUE(mentions(notes(), "are scale, mean and std meant for pixels of 0..255?"));
  sample.own = good;
  for (double &value : sample.own[{Normalise}].data)
    value /= 255;
  EXPECT_TRUE(mentions(notes(), "divided by 255 twice"));
  sample.own = good;
  Tensor &tokens = sample.own[{Block, 0}];
  int64_t width = tokens.shape[1], first = sample.config().prefixTokens();
  for (int64_t i = (first + 1) * width; i < tokens.shape[0] * width; ++i)
    tokens.data[i] = tokens.data[i - width];
  EXPECT_TRUE(mentions(notes(), "all patch tokens are alike in 'block.0'"));
}

TEST(StepNumbersTest, OfFiniteOnes) {
  StepNumbers numbers = numbersOf({Norm}, {{1, 4}, {NAN, -3, 1, INFINITY}});
  EXPECT_EQ(numbers.notFinite, 2u);
  EXPECT_EQ(numbers.min, -3);
  EXPECT_EQ(numbers.mean, -1);
  EXPECT_EQ(numbers.max, 1);
  numbers = numbersOf({Norm}, {{1, 1}, {NAN}});
  EXPECT_EQ(numbers.notFinite, 1u);
  EXPECT_EQ(numbers.mean, 0);
}

// Not where the trace has all that could narrow them.
TEST(DoctorReportTest, SaysWhatNarrowsWideBounds) {
  auto advises = [](ModelStep step, bool fromTrace) {
    DoctorReport report;
    report.comparisons.push_back({step, {Decode}, fromTrace, {}, {}});
    report.comparisons.back().slack.pixels = true;
    std::string text;
    llvm::raw_string_ostream os(text);
    printText(report, os);
    return text.find("narrows them") != std::string::npos;
  };
  EXPECT_TRUE(advises({Normalise}, /*fromTrace=*/false));
  EXPECT_TRUE(advises({Embedding}, /*fromTrace=*/true));
  EXPECT_FALSE(advises({Normalise}, /*fromTrace=*/true));
  EXPECT_FALSE(advises({Decode}, /*fromTrace=*/false));
}

TEST(DoctorReportTest, EscapesWhatOthersWrote) {
  DoctorReport report;
  report.notes = {"a\x1b[31mb"};
  std::string text;
  llvm::raw_string_ostream os(text);
  printText(report, os);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  text.clear();
  report.picture = "\xff.png";
  report.steps.push_back(numbersOf({Norm}, {{1, 1}, {1}}));
  report.steps.back().compiled = INFINITY;
  printJson(report, os);
  EXPECT_NE(text.find("\"compiled_error\": null"), std::string::npos) << text;
  EXPECT_NE(text.find("\"departs\": null"), std::string::npos) << text;
}

} // namespace
