// Libraries as a user links them: two models in one C program, as objects, archives and shared libraries.
#include "test/compiler/Target/TinyModel.h"
#include <set>

using namespace vitc;
using namespace vitc::test;

namespace {

const char kProgram[] = R"(
#include "one.h"
#include "two.h"
#include <stdio.h>

#define CHECK(CONDITION, MESSAGE)                                                                              \
  do {                                                                                                         \
    if (!(CONDITION)) {                                                                                        \
      fprintf(stderr, "%s: %s\n", #CONDITION, MESSAGE);                                                        \
      return 1;                                                                                                \
    }                                                                                                          \
  } while (0)

int main(void) {
  const float image[ONE_INPUT_ELEMENTS] = {1, 2, 3, 4};
  float a[ONE_LOGITS_ELEMENTS], b[TWO_LOGITS_ELEMENTS], sum;
  one_model *one;
  two_model *two;
  CHECK(one_create(&one, NULL) == VITC_OK, one_last_message());
  CHECK(two_create(&two, NULL) == VITC_OK, two_last_message());
  CHECK(one_run(one, image, 1, a, &sum) == VITC_OK, one_last_message());
  CHECK(two_run(two, image, 1, b, &sum) == VITC_OK, two_last_message());
  CHECK(a[3] == 16.5f && b[3] == 33.0f, "wrong result");
  CHECK(ONE_ARENA_BYTES(3) == one_arena_bytes(3), "wrong arena");
  CHECK(one_run(one, NULL, 1, a, &sum) != VITC_OK, "null must be refused");
  printf("%s %s %s", one_labels[1], two_labels[0], one_level(one));
  one_destroy(one);
  two_destroy(two);
  return 0;
}
)";

struct LinkedProgramTest : testing::Test {
  TempFolder folder;
  TinyModel one, two;

  LinkedProgramTest() {
    one.name = "one";
    two.name = "two";
    two.scale = 2;
    writeFile(folder / "main.c", kProgram);
  }
  void emit(const std::string &first, const std::string &second) {
    for (auto [model, name] : {std::pair(&one, first), std::pair(&two, second)}) {
      llvm::Error error = model->emit(folder / name);
      ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
    }
  }
  std::string link(const std::string &arguments, const std::string &cc = kCc) {
    return shell("cd " + folder.path() + " && " + cc + " -std=c99 -Wall -Wextra -pedantic -Werror main.c " +
                 arguments + " -pthread -o program");
  }
  std::string linkAndRun(const std::string &arguments) {
    EXPECT_EQ(link(arguments), "");
    return shell("cd " + folder.path() + " && ./program");
  }
};

TEST_F(LinkedProgramTest, Objects) {
  emit("one.o", "two.o");
  EXPECT_TRUE(llvm::StringRef(linkAndRun("one.o two.o")).starts_with("dog cat x86-64"));
}

TEST_F(LinkedProgramTest, ObjectsWithTheSystemsLinker) {
  emit("one.o", "two.o");
  EXPECT_TRUE(llvm::StringRef(linkAndRun("one.o two.o -fuse-ld=bfd")).starts_with("dog cat x86-64"));
  EXPECT_TRUE(llvm::StringRef(linkAndRun("one.o two.o -fuse-ld=bfd -static")).starts_with("dog cat x86-64"));
}

TEST_F(LinkedProgramTest, ObjectsWithWeightFiles) {
  one.weights = two.weights = WeightPlacement::File;
  emit("one.o", "two.o");
  linkAndRun("one.o two.o");
}

TEST_F(LinkedProgramTest, Archives) {
  emit("libone.a", "libtwo.a");
  linkAndRun("libone.a libtwo.a");
  linkAndRun("libone.a libtwo.a -fuse-ld=bfd");
}

TEST_F(LinkedProgramTest, SharedLibraries) {
  emit("libone.so", "libtwo.so");
  linkAndRun("libone.so libtwo.so -Wl,-rpath," + folder.path());
  linkAndRun("-L. -lone -ltwo -fuse-ld=bfd -no-pie -Wl,-rpath," + folder.path());
}

TEST_F(LinkedProgramTest, UndefinedSymbolsAreTheRuntimesFew) {
  // libc's memory functions and the OS calls of the runtime; a name that appears here must be meant to.
  const std::set<llvm::StringRef> allowed{"memcpy",
                                          "memmove",
                                          "memset",
                                          "memcmp",
                                          "strlen",
                                          "malloc",
                                          "calloc",
                                          "posix_memalign",
                                          "free",
                                          "open",
                                          "read",
                                          "pread",
                                          "close",
                                          "mmap",
                                          "munmap",
                                          "madvise",
                                          "syscall",
                                          "getpid",
                                          "clock_gettime",
                                          "pthread_create",
                                          "pthread_join",
                                          "__errno_location",
                                          "_GLOBAL_OFFSET_TABLE_"}; // made by the linker
  for (const char *target : {"portable", "aarch64"}) {
    one.targets = {target};
    two.targets = {target};
    emit("one.o", "two.o");
    std::string text = shell("nm -u --format=just-symbols " + (folder / "one.o"));
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(text).split(names, '\n', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef name : names)
      EXPECT_TRUE(allowed.count(name)) << target << ": " << name.str();
  }
}

/// Lines of the disassembly of functions that belong to no level.
std::vector<std::string> runtimeInstructions(const std::string &object) {
  std::string text =
      shell(std::string(kLlvmBin) + "/llvm-objdump -d --no-show-raw-insn --no-leading-addr " + object);
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(text).split(lines, '\n');
  std::vector<std::string> result;
  bool runtime = false;
  for (llvm::StringRef line : lines) {
    if (line.ends_with(">:"))
      runtime = !line.contains('.'); // "<one.x86_64_v3.add.entry>:"
    else if (runtime)
      result.push_back(line.trim().str());
  }
  return result;
}

TEST_F(LinkedProgramTest, RuntimeIsBaselineCodeWithoutFma) {
  emit("one.o", "two.o");
  auto instructions = runtimeInstructions(folder / "one.o");
  EXPECT_GT(instructions.size(), 1000u);
  for (llvm::StringRef line : instructions)
    EXPECT_FALSE(line.starts_with("v") || line.contains("%ymm") || line.contains("%zmm")) << line.str();
  one.targets = two.targets = {"aarch64"};
  emit("one.o", "two.o");
  instructions = runtimeInstructions(folder / "one.o");
  EXPECT_GT(instructions.size(), 1000u);
  for (llvm::StringRef line : instructions)
    for (llvm::StringRef fused : {"fmadd", "fmsub", "fnmadd", "fnmsub", "fmla", "fmls", "sdot", "udot"})
      EXPECT_FALSE(line.starts_with(fused)) << line.str();
}

TEST_F(LinkedProgramTest, GlobalSymbolsCarryThePrefix) {
  emit("one.o", "libtwo.a");
  auto check = [&](const std::string &file, llvm::StringRef prefix) {
    std::string text = shell("nm -g --defined-only --format=just-symbols " + (folder / file));
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(text).split(names, '\n', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef name : names)
      EXPECT_TRUE(name.starts_with(prefix) || name.ends_with(".o:")) << name.str();
  };
  check("one.o", "one");
  check("libtwo.a", "two");
}

TEST_F(LinkedProgramTest, Aarch64UnderQemu) {
  one.targets = two.targets = {"aarch64"};
  for (const char *form : {"o", "so"}) {
    std::string first = std::string("one.") + form, second = std::string("two.") + form;
    emit(first, second);
    link(first + " " + second + " -Wl,-rpath,'$ORIGIN'", "aarch64-linux-gnu-gcc");
    std::string output =
        shell("cd " + folder.path() + " && qemu-aarch64 -L /usr/aarch64-linux-gnu ./program");
    EXPECT_EQ(output, "dog cat aarch64");
  }
}

TEST_F(LinkedProgramTest, OldCpusUnderQemu) {
  emit("one.o", "two.o");
  link("one.o two.o -static");
  auto runAs = [&](const std::string &cpu) {
    // qemu warns of features that it lacks itself.
    return shell("(qemu-x86_64 -cpu " + cpu + " " + (folder / "program") + " 2>/dev/null)");
  };
  EXPECT_EQ(runAs("Nehalem"), "dog cat x86-64");
  EXPECT_EQ(runAs("Haswell"), "dog cat x86-64-v3");
}

} // namespace
