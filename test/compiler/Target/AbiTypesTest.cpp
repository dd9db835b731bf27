#include "compiler/Target/AbiTypes.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/LLVMContext.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

/// Both targets of today lay structures out alike; these strings are LLVM's for them.
const char *const kLayouts[] = {
    "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
    "e-m:e-p270:32:32-p271:32:32-p272:64:64-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32"};

struct AbiTypesTest : testing::TestWithParam<const char *> {
  llvm::LLVMContext context;
  AbiTypes types{context};
  llvm::DataLayout layout{GetParam()};

  void check(llvm::StructType *type, size_t size, std::initializer_list<size_t> offsets) {
    const llvm::StructLayout *fields = layout.getStructLayout(type);
    EXPECT_EQ(fields->getSizeInBytes(), size) << type->getName().str();
    ASSERT_EQ(type->getNumElements(), offsets.size()) << type->getName().str();
    for (auto [i, offset] : llvm::enumerate(offsets))
      EXPECT_EQ(fields->getElementOffset(i), offset) << type->getName().str() << " field " << i;
  }
};

#define AT(FIELD) offsetof(S, FIELD)

TEST_P(AbiTypesTest, StructuresAreThoseOfAbiH) {
  {
    using S = vitc_operand;
    check(types.operand, sizeof(S), {AT(space), AT(index), AT(offset)});
  }
  {
    using S = vitc_step;
    check(types.step, sizeof(S),
          {AT(run), AT(operands), AT(operand_count), AT(chunks), AT(name), AT(flops), AT(flags), AT(parts),
           AT(kind), AT(dot), AT(activation_bytes), AT(weight_bytes), AT(run_fine), AT(fine_chunks),
           AT(fine_parts)});
  }
  {
    using S = vitc_schedule;
    check(types.schedule, sizeof(S), {AT(steps), AT(step_count), AT(input_bytes)});
  }
  {
    using S = vitc_level;
    check(types.level, sizeof(S),
          {AT(name), AT(needs), AT(arena_bytes), AT(scratch_bytes), AT(run), AT(run_u8)});
  }
  {
    using S = vitc_preprocess;
    check(types.preprocess, sizeof(S),
          {AT(resize), AT(filter), AT(resize_height), AT(resize_width), AT(crop), AT(crop_round), AT(rules),
           AT(size_round), AT(f32)});
  }
  {
    using S = vitc_model_info;
    check(types.modelInfo, sizeof(S),
          {AT(name), AT(levels), AT(level_count), AT(batch), AT(input_channels), AT(input_height),
           AT(input_width), AT(output_count), AT(output_bytes), AT(weight_bytes), AT(weight_id), AT(weights),
           AT(weights_file), AT(preprocess), AT(max_side)});
  }
  {
    using S = vitc_library_info;
    check(types.libraryInfo, sizeof(S), {AT(abi), AT(model_count), AT(models)});
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, AbiTypesTest, testing::ValuesIn(kLayouts));

} // namespace
