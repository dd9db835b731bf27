// Traces that another framework could have written: each suspect's own computation, which the doctor must
// trace back to that suspect.
#include "test/compiler/Driver/DoctorFixtures.h"
#include <set>

using namespace vitc;
using namespace vitc::test;
using enum ModelStep::Kind;

namespace {

/// Every suspect between two steps that no sample before has shown.
void expectEachFound(Sample &sample, const ModelStep &from, const ModelStep &to,
                     std::set<std::string> &seen) {
  if (!sample.own.count(from) || !sample.own.count(to) || !sample.engine->computes(from, to))
    return;
  auto fits = [&](const ModelConfig &config) { return sample.engine->fits(config); };
  for (const Suspect &suspect : suspectsOf({sample.config()}, from, to, sample.own[to], fits)) {
    std::string key = llvm::StringRef(suspect.what).split(" (here").first.str();
    if (seen.count(key))
      continue;
    auto value = sample.engine->compute(suspect.variant, from, sample.own[from], to);
    if (!value) { // sizes that do not fit this picture
      llvm::consumeError(value.takeError());
      continue;
    }
    if (difference(*value, sample.own[to]).relative < 1e-4)
      continue; // means nothing here, like a bias of k
    SCOPED_TRACE(stepText(from) + " to " + stepText(to) + ": " + suspect.what);
    Result result = examine(sample, traceOf({{from, sample.own[from]}, {to, *value}}));
    ASSERT_TRUE(result.diagnosis);
    EXPECT_EQ(result.rows.back().step, to);
    EXPECT_FALSE(result.rows.back().agrees);
    EXPECT_TRUE(result.rows.size() == 1 || result.rows.front().agrees);
    EXPECT_TRUE(result.diagnosis->explained);
    ASSERT_FALSE(result.diagnosis->causes.empty());
    bool named = mentions(result.diagnosis->others, suspect.what);
    EXPECT_TRUE(result.diagnosis->causes.front().what == suspect.what || named)
        << result.diagnosis->causes.front().what;
    seen.insert(key);
  }
}

/// That every suspect is one of `seen`, by the beginning of what it says.
void expectSeen(const std::set<std::string> &seen, std::initializer_list<const char *> beginnings) {
  for (llvm::StringRef beginning : beginnings)
    EXPECT_TRUE(llvm::any_of(seen, [&](llvm::StringRef what) { return what.starts_with(beginning); }))
        << beginning.str();
}

TEST(SuspectsTest, FindsEachOfPictures) {
  std::set<std::string> seen;
  for (const char *name : {"timm-vit", "hf4-vit", "hf4-dinov2-resized", "hf4-vit-crop"}) {
    SCOPED_TRACE(name);
    Sample sample(name, /*fromPicture=*/true);
    expectEachFound(sample, {Decode}, {Resize}, seen);
    expectEachFound(sample, {Resize}, {Crop}, seen);
    expectEachFound(sample, {Decode}, {Normalise}, seen);
    expectEachFound(sample, {Crop}, {Normalise}, seen);
  }
  expectSeen(seen, {"resizes bicubic by opencv's",
                    "resizes bicubic by pillow's",
                    "resizes bicubic by tensorflow's",
                    "resizes bicubic by torchvision's rules on floats",
                    "resizes bicubic by torchvision's rules without antialias",
                    "resizes bilinear by opencv's",
                    "resizes bilinear by pillow's",
                    "resizes bilinear by tensorflow's",
                    "resizes bilinear by torchvision's rules",
                    "resizes bilinear by torchvision's rules on floats",
                    "resizes box",
                    "resizes hamming",
                    "resizes lanczos",
                    "resizes nearest by opencv's",
                    "resizes nearest by pillow's",
                    "resizes nearest by tensorflow's",
                    "resizes nearest by torchvision's",
                    "both sides resized to 20 x 20",
                    "shorter side resized to 20",
                    "shorter side resized to 23, the longer one rounded",
                    "rounds the offset of the crop down",
                    "rounds the offset of the crop half to even",
                    "has the channels in the order BGR",
                    "normalises with ImageNet's",
                    "normalises with CLIP's",
                    "normalises with mean and std 0.5",
                    "normalises with nothing but the division by 255",
                    "normalises with nothing, pixels",
                    "normalises with the mean and std meant for 0..1",
                    "normalises with the mean and std of DINOv3's"});
}

TEST(SuspectsTest, FindsEachOfNetworks) {
  std::set<std::string> seen;
  for (const char *name : {"timm-vit",
                           "hf4-vit",
                           "hf4-dinov2-resized",
                           "timm-eva02-small",
                           "timm-eva02-large",
                           "timm-eva02-large-clip",
                           "timm-dinov3",
                           "dinov3",
                           "timm-beit",
                           "timm-beit-resized",
                           "hf4-siglip-vision",
                           "hf4-deit-teacher",
                           "timm-vit-qk-norm",
                           "timm-vit-avg-with-prefix",
                           "timm-vit-map-registers",
                           "timm-vit-map-tanh",
                           "timm-rope-axial",
                           "hf4-vitmodel",
                           "open_clip",
                           "lucidrains-vit",
                           "timm-vit-res-post",
                           "timm-vit-reg4-gap",
                           "hf4-dinov2-registers-resized"}) {
    SCOPED_TRACE(name);
    Sample sample(name);
    ModelStep last{Block, sample.config().depth - 1};
    expectEachFound(sample, {Normalise}, {Embedding}, seen);
    expectEachFound(sample, {Embedding}, {Block, 0}, seen);
    expectEachFound(sample, last, {Norm}, seen);
    expectEachFound(sample, last, {Pooled}, seen);
    expectEachFound(sample, last, {Logits}, seen);
    expectEachFound(sample, {Pooled}, {Logits}, seen);
  }
  expectSeen(seen, {"adds no positions",
                    "has sincos_mae",
                    "has sincos_simple",
                    "resizes the position table by cubic-0.5 with antialias",
                    "resizes the position table by cubic-0.75",
                    "resizes the position table by cubic-0.75 with antialias",
                    "resizes the position table by cubic-0.75, corners",
                    "resizes the position table by cubic-0.75, scale",
                    "resizes the position table by linear",
                    "resizes the position table by linear with antialias",
                    "resizes the position table by linear, corners",
                    "resizes the position table by nearest",
                    "puts the prefix tokens in another order",
                    "flattens patches",
                    "has no bias in the patch",
                    "has no norm in front of the first",
                    "has no norm in front of the patch",
                    "has no norm behind the patch",
                    "has norms with epsilon 1e-12",
                    "has norms with epsilon 1e-07",
                    "has norms with epsilon 1e-06",
                    "has norms with epsilon 1e-05",
                    "has norms with epsilon 0.001",
                    "has RMSNorm",
                    "has the activation gelu_erf",
                    "has the activation gelu_tanh",
                    "has the activation quick_gelu",
                    "has the activation relu",
                    "has the activation silu",
                    "scales attention by 1/sqrt(width)",
                    "scales attention by nothing",
                    "scales attention by 1/head_dim",
                    "has 6 heads",
                    "has no bias of q",
                    "has no bias of k",
                    "has no bias of v",
                    "has no biases of q, k and v",
                    "has no bias behind attention",
                    "has no softmax",
                    "has no norms of q and k",
                    "has no norm in front of the output",
                    "has no relative position bias",
                    "resizes relative position tables",
                    "has no rotary",
                    "rotates by columns",
                    "rotates by rows",
                    "has rotary positions of base 100",
                    "has rotary positions of base 10000",
                    "counts rotary positions",
                    "scales rotary positions",
                    "has norms placed \"pre\"",
                    "has norms placed \"res_post\"",
                    "has norms placed \"post\"",
                    "has no layer scale",
                    "has no residual",
                    "has no norm inside the MLP",
                    "has no biases in the MLP",
                    "takes the halves",
                    "takes q for k",
                    "has a norm of all tokens",
                    "has the final norm behind",
                    "has no final norm",
                    "pools by cls",
                    "pools by mean",
                    "pools by max",
                    "pools by avgmax",
                    "pools by mean with the prefix",
                    "pools the patches only",
                    "has the activation gelu_erf in the pooling",
                    "has 6 heads in the pooling",
                    "leaves out the layer in front of the head",
                    "has the activation tanh in front",
                    "has the activation identity in front",
                    "reads the head 'dist' alone",
                    "reads the token",
                    "has no bias in the head",
                    "gives probabilities",
                    "makes embeddings of length one"});
}

} // namespace
