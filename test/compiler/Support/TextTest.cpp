#include "compiler/Support/Glob.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/SmallVector.h"
#include <gtest/gtest.h>

using namespace vitc;

TEST(Suggest, NearestWithinAThird) {
  llvm::SmallVector<llvm::StringRef> words = {"hidden_size", "image_size", "patch_size"};
  EXPECT_EQ(nearestWord("hiden_size", words), "hidden_size");
  EXPECT_EQ(nearestWord("image_sise", words), "image_size");
  EXPECT_EQ(nearestWord("qkv_bias", words), "");
  EXPECT_EQ(nearestWord("", words), "");
  EXPECT_EQ(nearestWord(std::string(100000, 'x'), words), "");
  EXPECT_EQ(didYouMean("patchsize", words), "; did you mean 'patch_size'?");
  EXPECT_EQ(didYouMean("zzz", words), "");
}

TEST(Glob, StarsAnywhere) {
  EXPECT_TRUE(matchesGlob("abc", "abc"));
  EXPECT_FALSE(matchesGlob("abc", "abcd"));
  EXPECT_TRUE(matchesGlob("*", ""));
  EXPECT_TRUE(matchesGlob("vit_*_gap_*", "vit_base_patch16_gap_224"));
  EXPECT_FALSE(matchesGlob("vit_*_gap_*", "vit_base_patch16_224"));
  EXPECT_TRUE(matchesGlob("*a*b", "xaabab"));
  EXPECT_FALSE(matchesGlob("*a*b", "xaaba"));
  EXPECT_TRUE(matchesGlob("a[0]", "a[0]"));
  // No exponential backtracking.
  EXPECT_FALSE(matchesGlob("*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}
