//===- RandomModel.h - descriptions of models that no one has thought of ----------------------------===//
#ifndef TEST_INTEGRATION_RANDOMMODEL_H
#define TEST_INTEGRATION_RANDOMMODEL_H

#include "compiler/Import/ModelConfig.h"

namespace vitc::test {

/// A model of the family drawn from all that the compiler accepts: width 20 k, head size 8 to 128, 1 to 1400
/// tokens, 1 to 1001 classes, odd patches, 1 to 4 channels, up to 5 prefix tokens, parts absent; now and then
/// any width from 1, and head sizes from 1 to 300. A function of `seed` and `index`; indices walk through the
/// extremes, so that a run of 16 has them all. One forward costs at most about 0.6 GFLOP.
ModelConfig randomModel(uint64_t seed, uint64_t index);

} // namespace vitc::test

#endif // TEST_INTEGRATION_RANDOMMODEL_H
