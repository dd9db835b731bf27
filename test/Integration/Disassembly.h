//===- Disassembly.h - machine code as llvm-objdump prints it, and questions about it ---------------===//
//
// For tests that judge generated code: what its inner loops touch, which instructions stand where. x86-64 is
// read in AT&T syntax.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef TEST_INTEGRATION_DISASSEMBLY_H
#define TEST_INTEGRATION_DISASSEMBLY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitc::test {

struct Instruction {
  uint64_t address;
  std::string mnemonic, operands; ///< operands without comments
  std::optional<uint64_t> target; ///< of a branch that stays within the function
};

struct Function {
  std::string name;
  std::vector<Instruction> code;
};

/// A run of instructions that ends in the branch back to its first.
using Loop = llvm::ArrayRef<Instruction>;

/// What `llvm-objdump -d --no-show-raw-insn` printed. Lines that are neither the label of a function nor an
/// instruction are left out.
std::vector<Function> parseDisassembly(llvm::StringRef text);

/// Loops that hold no other, in order of address.
std::vector<Loop> innermostLoops(const Function &function);

/// A fused multiply-add in floating point, scalar or vector.
bool isFma(const Instruction &instruction);
/// A dot product of any type, multiply-adds of neighbouring integers included.
bool isDot(const Instruction &instruction);
/// Whether `loop` multiplies and adds vectors: of f32, fused or not, or of narrower numbers by dot products.
bool multipliesAndAdds(Loop loop);
/// Whether it is the loop of a product over its depth: multiplies and adds, but neither divides nor clamps,
/// one of which every activation does.
bool isProduct(Loop loop);

/// Whether the instruction reads, writes or moves the stack, or leaves for another function. `frame`: the
/// function keeps a frame pointer (rbp, x29), which is the stack by another name.
bool touchesStack(const Instruction &instruction, bool frame);
/// Whether the function copies its stack pointer to rbp or x29.
bool keepsFramePointer(const Function &function);

/// "addr: mnemonic operands", a line each.
std::string print(Loop loop);

} // namespace vitc::test

#endif // TEST_INTEGRATION_DISASSEMBLY_H
