//===- Isa.h - the instruction sets that vitc emits code for ----------------------------------------===//
//
// One row per level. Planning reads the tile and vector sizes, emission the leaf instructions, and the
// runtime's tables the feature bits. Adding an instruction set is adding a row.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_TARGET_ISA_H
#define COMPILER_TARGET_ISA_H

#include "dialect/IR/TileSize.h"
#include "dialect/IR/VitEnums.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <vector>

namespace vitc {

/// The arithmetic of products; norms, softmax, activations and the residual stream are f32 in all.
enum class Precision { F32, Bf16, Int8 };
inline constexpr Precision kPrecisions[] = {Precision::F32, Precision::Bf16, Precision::Int8};

/// As given to --precision: "f32", "bf16", "int8".
llvm::StringRef precisionName(Precision precision);
/// The precision called `name`; f32 if there is none.
Precision precisionOf(llvm::StringRef name);

struct Isa {
  llvm::StringLiteral name;     ///< as given to --target, "x86-64-v4"
  llvm::StringLiteral arch;     ///< "x86_64" or "aarch64": libraries hold levels of one architecture
  llvm::StringLiteral cpu;      ///< LLVM's target-cpu
  llvm::StringLiteral features; ///< LLVM's target-features, beyond those of the CPU
  llvm::StringLiteral tune;     ///< LLVM's tune-cpu
  uint32_t needs;               ///< VITC_CPU_* bits that the runtime must find
  unsigned lanes;               ///< f32 lanes of a native vector
  vit::TileSize tile;           ///< the largest accumulator tile
  bool fma;                     ///< a fused multiply-add exists
  vit::Bf16Unit bf16;           ///< what multiplies bf16
  vit::TileSize bf16Tile;       ///< the largest tile of products with weights of bf16
  vit::Int8Unit int8;           ///< what multiplies unsigned and signed bytes
  vit::TileSize int8Tile;       ///< the largest tile of products with weights of bytes
  llvm::StringLiteral summary;
};

/// All levels, best first within an architecture.
llvm::ArrayRef<Isa> allIsas();

/// The level called `name`, or null.
const Isa *findIsa(llvm::StringRef name);

/// Whether the level's code of that precision is another than that of the level below it. Levels that add
/// instructions for bf16 and bytes only have nothing for f32.
bool gainsFrom(Precision precision, const Isa &isa);

/// Whether this machine has the level's instructions, and its system grants what they need.
bool runsHere(const Isa &isa);

/// Parses a --target list: level names, `host` (the best level this machine runs), `portable` (all x86-64
/// levels, the default). These two leave out levels whose instructions a precision does not use. The result
/// is sorted best first, without duplicates, and of one architecture; unknown names are usage errors with a
/// suggestion, and so are levels that could only compute the precision as slowly as f32: int8 without
/// products of bytes. (bf16 halves the weights everywhere.)
llvm::Expected<std::vector<const Isa *>> parseTargets(llvm::ArrayRef<std::string> names,
                                                      Precision precision = Precision::F32);

/// Width of packed weight panels in columns; one value for all levels of an architecture, so that they share
/// a blob.
inline constexpr unsigned kPanel = 32;

} // namespace vitc

#endif // COMPILER_TARGET_ISA_H
