// The judge of generated code, on code that is bad in known ways: a check that cannot fail proves nothing.
#include "test/Integration/Disassembly.h"
#include <gtest/gtest.h>

using namespace vitc::test;

namespace {

Function only(llvm::StringRef text) {
  std::vector<Function> functions = parseDisassembly(text);
  EXPECT_EQ(functions.size(), 1u);
  return functions.empty() ? Function{} : functions.front();
}

/// The number of instructions of the only inner loop that touch the stack.
int stackUses(const Function &function) {
  std::vector<Loop> loops = innermostLoops(function);
  EXPECT_EQ(loops.size(), 1u);
  int uses = 0;
  for (const Instruction &i : loops.front())
    uses += touchesStack(i, keepsFramePointer(function));
  return uses;
}

// Spills around a good loop do not count, one in it does.
constexpr const char *kSpillX86 = R"(
model.o:	file format elf64-x86-64

Disassembly of section .text:

0000000000000030 <m.x86_64_v4.gemm_13>:
      30:      	pushq	%rbp
      31:      	movq	%rsi, 0x8(%rsp)
      36:      	nopw	%cs:(%rax,%rax)
      40:      	vmovups	(%rdi), %zmm0
      46:      	vmovups	0x40(%rsp), %zmm1
      4e:      	vfmadd231ps	(%rdi,%rax,4){1to16}, %zmm0, %zmm1 # zmm1 = (zmm0 * mem) + zmm1
      56:      	vmovups	%zmm1, 0x40(%rsp)
      5e:      	addq	$0x40, %rdi             # imm = 0x40
      62:      	jb	0x40 <m.x86_64_v4.gemm_13+0x10>
      64:      	movq	0x8(%rsp), %rsi
      69:      	incq	%rsi
      6c:      	jne	0x36 <m.x86_64_v4.gemm_13+0x6>
      6e:      	popq	%rbp
      6f:      	retq
)";

TEST(Disassembly, FindsASpillInTheInnermostLoop) {
  Function function = only(kSpillX86);
  EXPECT_EQ(function.name, "m.x86_64_v4.gemm_13");
  EXPECT_EQ(function.code.size(), 14u);
  std::vector<Loop> loops = innermostLoops(function);
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].front().address, 0x40u);
  EXPECT_EQ(loops[0].back().address, 0x62u);
  EXPECT_TRUE(multipliesAndAdds(loops[0])) << print(loops[0]);
  EXPECT_EQ(stackUses(function), 2);
}

TEST(Disassembly, TakesTheFramePointerForTheStackOnlyIfItIsOne) {
  const std::string loop = "      10:      \tvfmadd231ps\t-0x40(%rbp), %ymm0, %ymm1\n"
                           "      16:      \tjb\t0x10 <f+0x10>\n";
  EXPECT_EQ(stackUses(only("0000000000000000 <f>:\n" + loop)), 0);
  EXPECT_EQ(stackUses(only("0000000000000000 <f>:\n       4:      \tmovq\t%rsp, %rbp\n" + loop)), 1);
}

TEST(Disassembly, FindsASpillOnAarch64) {
  Function function = only(R"(
0000000000000000 <m.aarch64.gemm_6>:
       0:      	stp	d13, d12, [sp, #-0x50]!
       4:      	ldr	q1, [x1], #16
       8:      	ldr	q0, [sp, #0x20]         // 16-byte Folded Reload
       c:      	fmla	v0.4s, v1.4s, v2.s[0]
      10:      	str	q0, [sp, #0x20]
      14:      	subs	x3, x3, #0x1
      18:      	b.ne	0x4 <m.aarch64.gemm_6+0x4>
      1c:      	ldp	d13, d12, [sp], #0x50
      20:      	ret
)");
  ASSERT_EQ(innermostLoops(function).size(), 1u);
  EXPECT_TRUE(multipliesAndAdds(innermostLoops(function)[0]));
  EXPECT_EQ(stackUses(function), 2);
  EXPECT_EQ(stackUses(only("0000000000000000 <f.sp>:\n"
                           "       0:      \tfmla\tv0.4s, v1.4s, v2.s[0]\n"
                           "       4:      \ttbnz\tw0, #0x0, 0x0 <f.sp>\n")),
            0);
}

TEST(Disassembly, CallsInALoopTouchTheStack) {
  EXPECT_EQ(stackUses(only("0000000000000000 <f>:\n"
                           "       0:      \tcallq\t0x100 <expf>\n"
                           "       5:      \tjmp\t0x0 <f>\n")),
            1);
}

TEST(Disassembly, ForwardAndForeignBranchesAreNoLoops) {
  EXPECT_TRUE(innermostLoops(only("0000000000000010 <f>:\n"
                                  "      10:      \tje\t0x16 <f+0x6>\n"
                                  "      12:      \tjmp\t0x4 <g>\n"
                                  "      16:      \tretq\n"))
                  .empty());
}

TEST(Disassembly, MultipliesAndAdds) {
  auto judge = [](std::initializer_list<Instruction> code) { return multipliesAndAdds(Loop(code)); };
  EXPECT_TRUE(judge({{0, "mulps", "%xmm0, %xmm1", {}}, {4, "addps", "%xmm1, %xmm2", {}}}));
  EXPECT_FALSE(judge({{0, "mulps", "%xmm0, %xmm1", {}}}));
  EXPECT_FALSE(judge({{0, "mulss", "%xmm0, %xmm1", {}}, {4, "addss", "%xmm1, %xmm2", {}}}));
  EXPECT_FALSE(judge({{0, "fmadd", "s0, s1, s2, s3", {}}})); // one number at a time
  EXPECT_TRUE(judge({{0, "fmla", "v0.4s, v1.4s, v2.4s", {}}}));
}

TEST(Disassembly, ActivationsAreNoProducts) {
  std::vector<Instruction> code{{0, "vfmadd231ps", "%zmm0, %zmm1, %zmm2", {}}};
  EXPECT_TRUE(isProduct(code));
  for (const char *name : {"vdivps", "vminps", "maxps", "fmaxnm", "fdiv"}) {
    code.push_back({6, name, "", {}});
    EXPECT_FALSE(isProduct(code)) << name;
    code.pop_back();
  }
}

// A prefix that picks an encoding is no instruction.
TEST(Disassembly, EncodingPrefixes) {
  Function function = only("0000000000000030 <f>:\n"
                           "      30:      \t{vex}\tvpdpbusd\t%ymm14, %ymm11, %ymm13\n"
                           "      36:      \tretq\n");
  ASSERT_EQ(function.code.size(), 2u);
  EXPECT_EQ(function.code[0].mnemonic, "vpdpbusd");
  EXPECT_EQ(function.code[0].operands, "%ymm14, %ymm11, %ymm13");
  EXPECT_TRUE(isDot(function.code[0]));
}

TEST(Disassembly, FusedAndDotInstructions) {
  for (const char *name : {"vfmadd231ps", "vfnmadd213ss", "vfmaddsub132pd", "fmla", "fmadd", "fnmsub"}) {
    EXPECT_TRUE(isFma({0, name, "", {}})) << name;
    EXPECT_FALSE(isDot({0, name, "", {}})) << name;
  }
  for (const char *name : {"vpdpbusd", "vdpbf16ps", "pmaddwd", "vpmaddubsw", "dpps", "udot", "bfmmla"}) {
    EXPECT_TRUE(isDot({0, name, "", {}})) << name;
    EXPECT_FALSE(isFma({0, name, "", {}})) << name;
  }
  for (const char *name : {"madd", "msub", "fmul", "fadd", "mulps", "vaddps", "imulq", "vfpclassps"}) {
    EXPECT_FALSE(isFma({0, name, "", {}})) << name;
    EXPECT_FALSE(isDot({0, name, "", {}})) << name;
  }
}

} // namespace
