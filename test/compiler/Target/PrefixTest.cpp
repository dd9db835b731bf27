#include "compiler/Target/Prefix.h"
#include "compiler/Support/Error.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

TEST(Prefix, ResemblesTheName) {
  EXPECT_EQ(prefixFrom("vit_tiny_patch16_224"), "vit_tiny_patch16_224");
  EXPECT_EQ(prefixFrom("ViT-B/16 (in21k)"), "vit_b_16_in21k");
  EXPECT_EQ(prefixFrom("google/vit-base"), "google_vit_base");
  EXPECT_EQ(prefixFrom("__a__b__"), "a_b");
  EXPECT_EQ(prefixFrom("modèle"), "mod_le");
  EXPECT_EQ(prefixFrom(""), "model");
  EXPECT_EQ(prefixFrom("视觉"), "model");
  EXPECT_EQ(prefixFrom("224px"), "model_224px");
  EXPECT_EQ(prefixFrom(llvm::StringRef("a\0b\n*/", 6)), "a_b");
}

TEST(Prefix, AvoidsWhatCMeans) {
  EXPECT_EQ(prefixFrom("int"), "model_int");
  EXPECT_EQ(prefixFrom("Class"), "model_class");
  EXPECT_EQ(prefixFrom("string"), "model_string");   // string.h beside the library would hide <string.h>
  EXPECT_EQ(prefixFrom("pthread"), "model_pthread"); // pthread_create
  EXPECT_EQ(prefixFrom("vitc"), "model_vitc");
  EXPECT_EQ(prefixFrom("vitc_rt"), "model_vitc_rt");
}

TEST(Prefix, HasALimit) {
  EXPECT_EQ(prefixFrom(std::string(1000, 'a')), std::string(64, 'a'));
  EXPECT_EQ(prefixFrom(std::string(1000, '7')).size(), 64u);
}

TEST(Prefix, EveryProposalIsAccepted) {
  for (const char *name : {"vit", "", "int", "9", "-", "VITC", "a b", "pthread", "timer"}) {
    llvm::Error error = checkPrefix(prefixFrom(name));
    EXPECT_FALSE(static_cast<bool>(error)) << name;
    llvm::consumeError(std::move(error));
  }
}

TEST(Prefix, RefusalsSuggest) {
  for (const char *name : {"", "9a", "a-b", "_a", "int", "vitc_x", "string"}) {
    llvm::Error error = checkPrefix(name);
    ASSERT_TRUE(static_cast<bool>(error)) << name;
    EXPECT_EQ(exitCodeOf(error), ExitCode::Usage);
    EXPECT_NE(llvm::toString(std::move(error)).find("try '"), std::string::npos);
  }
  llvm::Error error = checkPrefix("a-b");
  EXPECT_EQ(
      llvm::toString(std::move(error)),
      "expected a C identifier as the model's name, got 'a-b', which has other characters than letters, "
      "digits and underscores; try 'a_b'");
}

} // namespace
