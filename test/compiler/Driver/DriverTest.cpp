// The command line, through the function that main() calls.
#include "compiler/Driver/Driver.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Target/Isa.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

struct Ran {
  int code;
  std::string out, err;
};

Ran vitcRuns(std::vector<const char *> args) {
  Ran ran;
  llvm::raw_string_ostream out(ran.out), err(ran.err);
  ran.code = runCommand(args, out, err);
  return ran;
}

/// Expects a failure with this exit code, one line on stderr that holds all `parts`, and nothing on stdout.
void expectFailure(std::vector<const char *> args, ExitCode code,
                   std::initializer_list<llvm::StringRef> parts) {
  Ran ran = vitcRuns(args);
  EXPECT_EQ(ran.code, static_cast<int>(code)) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(llvm::StringRef(ran.err).starts_with("vitc: error: ")) << ran.err;
  EXPECT_EQ(llvm::StringRef(ran.err).count('\n'), 1u) << ran.err;
  for (llvm::StringRef part : parts)
    EXPECT_NE(ran.err.find(part.str()), std::string::npos) << "no '" << part.str() << "' in: " << ran.err;
}

TEST(CommandLineTest, HelpAndVersion) {
  Ran version = vitcRuns({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(llvm::StringRef(version.out).starts_with("vitc 0.")) << version.out;
  Ran help = vitcRuns({"help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(vitcRuns({"--help"}).out, help.out);
  EXPECT_EQ(vitcRuns({"-h"}).out, help.out);
  for (const CommandInfo &command : allCommands()) {
    EXPECT_NE(help.out.find("\n  " + command.name.str() + " "), std::string::npos);
    Ran text = vitcRuns({"help", command.name.data()});
    EXPECT_EQ(text.code, 0);
    EXPECT_NE(text.out.find("Usage: vitc " + command.name.str()), std::string::npos);
    EXPECT_NE(text.out.find("Examples:\n  vitc "), std::string::npos);
    EXPECT_EQ(vitcRuns({command.name.data(), "--help"}).out, text.out);
    EXPECT_EQ(vitcRuns({command.name.data(), "no-such-model", "-h"}).out, text.out);
    llvm::SmallVector<llvm::StringRef> lines;
    llvm::StringRef(text.out).split(lines, '\n');
    for (llvm::StringRef line : lines)
      EXPECT_LE(line.size(), 100u) << line.str();
  }
}

TEST(CommandLineTest, EveryOptionHasAHelpText) {
  for (unsigned id = OPT_INVALID + 3; id <= optionTable().getNumOptions(); ++id) {
    auto option = optionTable().getOption(id);
    if (!option.getAlias().isValid())
      EXPECT_TRUE(optionTable().getOptionHelpText(id)) << option.getPrefixedName().str();
  }
}

// docs/cli.md quotes the help texts; when this fails, `python3 docs/update_cli.py VITC` writes them anew.
TEST(CommandLineTest, DocumentationIsCurrent) {
  std::string docs = readFile(VITC_SOURCE_DIR "/docs/cli.md");
  EXPECT_NE(docs.find("```text\n" + vitcRuns({"help"}).out + "```"), std::string::npos) << "vitc help";
  for (const CommandInfo &command : allCommands())
    EXPECT_NE(docs.find("```text\n" + vitcRuns({"help", command.name.data()}).out + "```"), std::string::npos)
        << command.name.str();
}

TEST(CommandLineTest, UnknownWordsGetASuggestion) {
  expectFailure({"comple"}, ExitCode::Usage, {"unknown command 'comple'", "did you mean 'compile'?"});
  expectFailure({"help", "clasify"}, ExitCode::Usage, {"did you mean 'classify'?"});
  expectFailure({"frobnicate"}, ExitCode::Usage, {"see 'vitc help'"});
  expectFailure({"compile", "m", "--traget", "host"}, ExitCode::Usage,
                {"'--traget'", "did you mean '--target'?"});
  expectFailure({"compile", "m", "--traget=host"}, ExitCode::Usage, {"did you mean '--target"});
  expectFailure({"run", "m", "--top", "3"}, ExitCode::Usage, {"belongs to 'classify'"});
  expectFailure({"run", "m", "--zzzzzzzzz"}, ExitCode::Usage, {"see 'vitc help run'"});
  expectFailure({"--vrsion"}, ExitCode::Usage, {"did you mean '--version'?"});
  expectFailure({"compile", "m", "--emit", "fuse"}, ExitCode::Usage, {"--emit", "did you mean 'fused'?"});
  expectFailure({"compile", "m", "--weights", "embeded"}, ExitCode::Usage, {"did you mean 'embed'?"});
  expectFailure({"compile", "m", "--target", "x86-64-v5"}, ExitCode::Usage, {"did you mean 'x86-64-v4'?"});
}

TEST(CommandLineTest, ValuesAreChecked) {
  expectFailure({}, ExitCode::Usage, {"expected a command"});
  expectFailure({"compile"}, ExitCode::Usage, {"expected a model"});
  expectFailure({"compile", "a", "b"}, ExitCode::Usage, {"expected only a model, got also 'b'"});
  expectFailure({"compile", "m", "-o"}, ExitCode::Usage, {"'-o' expects a value"});
  expectFailure({"compile", "m", "-o", "m.exe"}, ExitCode::Usage, {".so", "'m.exe'"});
  expectFailure({"compile", "m", "--emit", "vit", "-o", "m.so"}, ExitCode::Usage, {"--emit vit", "'.so'"});
  for (const char *number : {"0", "-1", "1000000000000000000", "9999999999999999999999", "1.5", "x"})
    expectFailure({"compile", "m", "--batch", number}, ExitCode::Usage, {"--batch: expected an integer"});
  expectFailure({"compile", "m", "--max-side", "65536"}, ExitCode::Usage, {"--max-side", "65535"});
  expectFailure({"compile", "m", "--name", "9lives"}, ExitCode::Usage, {"9lives"});
  expectFailure({"compile", "m", "--target", ","}, ExitCode::Usage, {"--target"});
  expectFailure({"compile", "m", "--target", "aarch64,x86-64"}, ExitCode::Usage, {"different architectures"});
  expectFailure({"compile", "m", "--precision", "f64"}, ExitCode::Usage, {"--precision", "f32"});
  expectFailure({"run", "m"}, ExitCode::Usage, {"--input"});
  expectFailure({"run", "m", "--input", "x.npy"}, ExitCode::Usage, {"--output"});
  expectFailure({"classify", "m"}, ExitCode::Usage, {"picture"});
  expectFailure({"classify", "m", "p", "--top", "0"}, ExitCode::Usage, {"--top"});
  expectFailure({"verify", "a", "b", "c"}, ExitCode::Usage, {"3 arguments"});
  expectFailure({"verify", "a", "b"}, ExitCode::Usage, {"library", "'b'"});
  expectFailure({"verify", "m", "--bound", "nan"}, ExitCode::Usage, {"--bound"});
  expectFailure({"verify", "m", "--variant", "outlier"}, ExitCode::Usage, {"preset:NAME"});
  expectFailure({"bench"}, ExitCode::Usage, {"model or library"});
  expectFailure({"bench", "m", "--seconds", "nan"}, ExitCode::Usage, {"--seconds"});
  expectFailure({"bench", "m", "--threads", "1,,2"}, ExitCode::Usage, {"--threads"});
  expectFailure({"targets", "x"}, ExitCode::Usage, {"no argument"});
}

TEST(CommandLineTest, HostileTextDoesNotReachTheTerminal) {
  Ran ran = vitcRuns({"\x1b[31m\n\xff"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err.find('\x1b'), std::string::npos);
  EXPECT_EQ(llvm::StringRef(ran.err).count('\n'), 1u);
  std::string longWord(100000, 'x');
  EXPECT_LT(vitcRuns({longWord.c_str()}).err.size(), 1000u);
  EXPECT_LT(vitcRuns({"compile", ("--" + longWord).c_str()}).err.size(), 1000u);
}

TEST(CommandsTest, TargetsListsAllLevels) {
  Ran ran = vitcRuns({"targets"});
  EXPECT_EQ(ran.code, 0);
  for (const Isa &isa : allIsas())
    EXPECT_NE(ran.out.find(isa.name.str()), std::string::npos);
  EXPECT_NE(ran.out.find("runs, best"), std::string::npos);
}

TEST(CommandsTest, ModelsThatAreNone) {
  TempDir dir;
  std::string empty = dir.write("empty.so", ""), text = dir.write("weights.safetensors", "x"),
              onnx = dir.write("model.onnx", "x"), mlir = dir.write("bad.mlir", "module { vit.nonsense }"),
              none = dir.write("none.mlir", "module {}");
  expectFailure({"inspect", "/no/such/model"}, ExitCode::Input, {"/no/such/model"});
  expectFailure({"inspect", "/no/such/library.so"}, ExitCode::Input, {"/no/such/library.so"});
  expectFailure({"inspect", empty.c_str(), "--target", "host"}, ExitCode::Usage, {"--target", "library"});
  expectFailure({"bench", empty.c_str(), "--weights-from", "w"}, ExitCode::Usage,
                {"--weights-from", "library"});
  expectFailure({"compile", none.c_str(), "--labels", "l"}, ExitCode::Usage, {"--labels", "checkpoint"});
  expectFailure({"inspect", empty.c_str()}, ExitCode::Input, {"empty.so"});
  expectFailure({"compile", text.c_str()}, ExitCode::Input, {"safetensors", "8 bytes"});
  expectFailure({"compile", onnx.c_str()}, ExitCode::Input, {"ONNX"});
  expectFailure({"compile", mlir.c_str()}, ExitCode::Input, {"bad.mlir:1:", "nonsense"});
  expectFailure({"compile", none.c_str(), "-o", dir.file("x.so").c_str()}, ExitCode::Input, {"@forward"});
  EXPECT_EQ(dir.list(), "bad.mlir empty.so model.onnx none.mlir weights.safetensors");
}

TEST(CommandsTest, HostileModules) {
  TempDir dir;
  std::string deep = "module attributes {a = ", signs = "#map = affine_map<(d0) -> (";
  for (int i = 0; i < 100000; ++i) {
    deep += "[";
    signs += "- ";
  }
  deep = dir.write("deep.mlir", deep);
  signs = dir.write("signs.mlir", signs + "d0)>");
  std::string
      huge =
          dir.write("huge.mlir", "module { vit.weight @w : tensor<1000000000x1000000000x1000000000xf32> }"),
      wide = dir.write("wide.mlir", "module { func.func @forward(%x: tensor<1x900000000x900000000xf32>) -> "
                                    "tensor<1x900000000x900000000xf32> { return %x : "
                                    "tensor<1x900000000x900000000xf32> } }"),
      dynamic = dir.write("dynamic.mlir", "module { func.func @forward(%x: tensor<1x?x2xf32>) -> "
                                          "tensor<1x?x2xf32> { return %x : tensor<1x?x2xf32> } }"),
      scalar = dir.write("scalar.mlir", "module { func.func @forward(%x: f32) -> f32 { return %x : f32 } }"),
      identity = dir.write("identity.mlir",
                           "module { func.func @forward(%x: tensor<1x2x2xf32>) -> tensor<1x2x2xf32> { return "
                           "%x : tensor<1x2x2xf32> } }"),
      two = dir.write("two.mlir", "module { func.func @forward(%x: tensor<1x2x2xf32>, %y: f32) { return } }"),
      external = dir.write("external.mlir", "module { func.func private @forward(tensor<1x2x2xf32>) }");
  expectFailure({"compile", deep.c_str()}, ExitCode::Input, {"deep.mlir:1:", "levels of nesting"});
  expectFailure({"compile", signs.c_str()}, ExitCode::Input, {"signs.mlir:1:", "levels of nesting"});
  expectFailure({"compile", huge.c_str()}, ExitCode::Input, {"huge.mlir"});
  expectFailure({"compile", wide.c_str()}, ExitCode::Input, {"wide.mlir", "2^36"});
  std::string output = dir.file("x.so");
  for (const std::string &path : {dynamic, scalar, two, external})
    expectFailure({"compile", path.c_str(), "-o", output.c_str()}, ExitCode::Input, {});
  EXPECT_EQ(dir.list().find("x.so"), std::string::npos);
}

} // namespace
