#include "compiler/Driver/Comparison.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace vitc;

namespace {

TEST(RelativeErrorTest, IsTheL2Norm) {
  RelativeError error;
  error.add(3.3, 3);
  error.add(4.4, 4);
  EXPECT_NEAR(error.value(), 0.1, 1e-12);
  RelativeError zero;
  zero.add(0.5, 0);
  EXPECT_NEAR(zero.value(), 0.5, 1e-15);
  EXPECT_EQ(RelativeError().value(), 0);
}

TEST(RelativeErrorTest, NonFinite) {
  RelativeError undefined; // no reference, no error
  undefined.add(NAN, NAN);
  undefined.add(1, NAN);
  EXPECT_EQ(undefined.value(), 0);
  for (double bad : {NAN, INFINITY, -INFINITY}) {
    RelativeError error;
    error.add(1, 1);
    error.add(bad, 1);
    EXPECT_TRUE(std::isinf(error.value()));
  }
}

TEST(SeededImageTest, IsNormalAndRepeats) {
  std::vector<float> image = seededImage(7, 100000);
  double sum = 0, squares = 0;
  for (float value : image) {
    sum += value;
    squares += double(value) * value;
  }
  EXPECT_NEAR(sum / 1e5, 0, 0.02);
  EXPECT_NEAR(squares / 1e5, 1, 0.02);
  EXPECT_EQ(seededImage(7, 100000), image);
  EXPECT_NE(seededImage(8, 100000), image);
}

} // namespace
