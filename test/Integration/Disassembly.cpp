#include "test/Integration/Disassembly.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>

using namespace vitc::test;
using llvm::StringRef;

/// "0000000000004ca0 <name>:", where objdump names a function.
static std::optional<StringRef> functionLabel(StringRef line) {
  auto [address, name] = line.split(" <");
  if (address.empty() || !llvm::all_of(address, llvm::isHexDigit) || !name.consume_back(">:"))
    return std::nullopt;
  return name;
}

/// "    4ca0:      \tstp\td13, d12, [sp, #-0x50]!  // comment"
static std::optional<Instruction> instruction(StringRef line) {
  auto [address, rest] = line.split(':');
  Instruction result;
  if (rest.empty() || address.trim().getAsInteger(16, result.address))
    return std::nullopt;
  auto [mnemonic, operands] = rest.trim().split('\t');
  if (mnemonic == "{vex}" || mnemonic == "{evex}") // which of two encodings, not what is done
    std::tie(mnemonic, operands) = operands.split('\t');
  // A prefix such as "rep" or "lock" is printed as part of the mnemonic.
  for (StringRef mark : {"//", " # "})
    operands = operands.split(mark).first;
  result.mnemonic = mnemonic.trim().str();
  result.operands = operands.trim().str();
  return result.mnemonic.empty() ? std::nullopt : std::optional(result);
}

static bool isCall(StringRef mnemonic) {
  return mnemonic.starts_with("call") || mnemonic == "bl" || mnemonic.starts_with("blr");
}

static bool isBranch(StringRef mnemonic) {
  if (mnemonic.starts_with("j")) // x86-64; no instruction of aarch64 that LLVM prints begins with it
    return true;
  return mnemonic == "b" || mnemonic.starts_with("b.") || mnemonic.starts_with("cb") ||
         mnemonic.starts_with("tbz") || mnemonic.starts_with("tbnz");
}

std::vector<Function> vitc::test::parseDisassembly(StringRef text) {
  std::vector<Function> functions;
  llvm::SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    if (auto name = functionLabel(line))
      functions.push_back({name->str(), {}});
    else if (auto found = instruction(line); found && !functions.empty())
      functions.back().code.push_back(std::move(*found));
  }
  for (Function &function : functions)
    for (Instruction &branch : function.code) {
      // "jb\t0x170 <name+0xb0>", "tbnz\tw0, #0x0, 0x4d04 <name+0x64>"
      StringRef operands = branch.operands, address = operands.split(" <").first;
      size_t comma = address.rfind(' ');
      if (comma != StringRef::npos)
        address = address.drop_front(comma + 1);
      uint64_t target = 0;
      if (isBranch(branch.mnemonic) && address.consume_front("0x") && !address.getAsInteger(16, target) &&
          target >= function.code.front().address && target <= function.code.back().address)
        branch.target = target;
    }
  return functions;
}

std::vector<Loop> vitc::test::innermostLoops(const Function &function) {
  llvm::ArrayRef<Instruction> code = function.code;
  std::vector<Loop> loops;
  for (size_t last = 0; last < code.size(); ++last) {
    if (!code[last].target || *code[last].target > code[last].address)
      continue;
    size_t first =
        llvm::partition_point(code, [&](const Instruction &i) { return i.address < *code[last].target; }) -
        code.begin();
    loops.push_back(code.slice(first, last - first + 1));
  }
  auto holdsAnother = [&](Loop loop) {
    return llvm::any_of(loops, [&](Loop other) {
      return other.begin() >= loop.begin() && other.end() <= loop.end() && other.size() < loop.size();
    });
  };
  std::vector<Loop> inner;
  llvm::copy_if(loops, std::back_inserter(inner), [&](Loop loop) { return !holdsAnother(loop); });
  return inner;
}

bool vitc::test::isFma(const Instruction &instruction) {
  StringRef name = instruction.mnemonic;
  for (StringRef fused : {"vfmadd", "vfmsub", "vfnmadd", "vfnmsub", "vfmaddsub", "vfmsubadd", // x86-64
                          "fmadd", "fmsub", "fnmadd", "fnmsub", "fmla", "fmls", "fcmla"})     // aarch64
    if (name.starts_with(fused))
      return true;
  return false;
}

bool vitc::test::isDot(const Instruction &instruction) {
  StringRef name = instruction.mnemonic;
  for (StringRef dot : {"dpps",   "dppd",  "vdpp",   "vdpbf16", "vdpph", "vpdp", "pmadd", "vpmadd", "vp4dp",
                        "tdp", // x86-64
                        "sdot",   "udot",  "usdot",  "sudot",   "bfdot", "fdot", "smmla", "ummla",  "usmmla",
                        "bfmmla", "fmmla", "bfmlal", "fmlal"}) // aarch64
    if (name.starts_with(dot))
      return true;
  return false;
}

bool vitc::test::multipliesAndAdds(Loop loop) {
  bool multiplies = false, adds = false;
  for (const Instruction &i : loop) {
    StringRef name = i.mnemonic, operands = i.operands;
    bool packed = name.ends_with("ps") || operands.contains(".4s");
    if ((packed && isFma(i)) || isDot(i))
      return true;
    multiplies |= packed && (name == "mulps" || name == "vmulps" || name == "fmul");
    adds |= packed && (name == "addps" || name == "vaddps" || name == "fadd");
  }
  return multiplies && adds;
}

bool vitc::test::isProduct(Loop loop) {
  auto activates = [](const Instruction &i) {
    StringRef name = i.mnemonic;
    return name.contains("div") || name.contains("min") || name.contains("max");
  };
  return multipliesAndAdds(loop) && llvm::none_of(loop, activates);
}

/// Whether the register stands alone in the operands: "sp" is not part of "rsp" or of a symbol's name.
static bool names(StringRef operands, StringRef reg) {
  auto partOfName = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; };
  for (size_t at = operands.find(reg); at != StringRef::npos; at = operands.find(reg, at + 1)) {
    size_t end = at + reg.size();
    if ((at == 0 || !partOfName(operands[at - 1])) && (end == operands.size() || !partOfName(operands[end])))
      return true;
  }
  return false;
}

bool vitc::test::touchesStack(const Instruction &instruction, bool frame) {
  StringRef name = instruction.mnemonic, operands = StringRef(instruction.operands).split('<').first;
  if (isCall(name) || name.starts_with("push") || name.starts_with("pop"))
    return true;
  for (StringRef reg : {"rsp", "esp", "sp", "wsp"})
    if (names(operands, reg))
      return true;
  return frame && (names(operands, "rbp") || names(operands, "x29"));
}

bool vitc::test::keepsFramePointer(const Function &function) {
  return llvm::any_of(function.code, [](const Instruction &i) {
    StringRef name = i.mnemonic, operands = i.operands;
    bool copies = name.starts_with("mov") || name.starts_with("lea") || name == "add";
    return copies && touchesStack(i, false) &&
           (operands.ends_with("%rbp") || operands.starts_with("x29, sp"));
  });
}

std::string vitc::test::print(Loop loop) {
  std::string text;
  for (const Instruction &i : loop)
    text += llvm::utohexstr(i.address) + ": " + i.mnemonic + " " + i.operands + "\n";
  return text;
}
