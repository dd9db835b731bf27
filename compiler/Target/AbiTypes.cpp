#include "compiler/Target/AbiTypes.h"

using namespace vitc;
using llvm::StructType;

AbiTypes::AbiTypes(llvm::LLVMContext &context)
    : ptr(llvm::PointerType::getUnqual(context)), i8(llvm::Type::getInt8Ty(context)),
      i32(llvm::Type::getInt32Ty(context)), i64(llvm::Type::getInt64Ty(context)),
      id(llvm::ArrayType::get(i8, 16)) {
  // space, index, offset
  operand = StructType::create({i32, i32, i64}, "vitc_operand");
  // run, operands, operand_count, chunks, name, flops, flags, parts, kind, dot, activation_bytes,
  // weight_bytes, run_fine, fine_chunks, fine_parts
  step = StructType::create({ptr, ptr, i32, i32, ptr, i64, i32, i32, ptr, i32, i64, i64, ptr, i32, i32},
                            "vitc_step");
  // steps, step_count, input_bytes
  schedule = StructType::create({ptr, i32, i64}, "vitc_schedule");
  // name, needs, arena_bytes, scratch_bytes, run, run_u8
  level = StructType::create({ptr, i32, i64, i64, schedule, schedule}, "vitc_level");
  // resize, filter, resize_height, resize_width, crop, crop_round, rules, size_round, f32
  preprocess = StructType::create({i32, i32, i32, i32, i32, i32, i32, i32, i32}, "vitc_preprocess");
  // name, levels, level_count, batch, input_channels, input_height, input_width, output_count,
  // output_bytes, weight_bytes, weight_id, weights, weights_file, preprocess, max_side
  modelInfo = StructType::create({ptr, ptr, i32, i32, i32, i32, i32, i32, ptr, i64, id, ptr, ptr, ptr, i32},
                                 "vitc_model_info");
  // abi, model_count, models
  libraryInfo = StructType::create({i32, i32, ptr}, "vitc_library_info");
}
