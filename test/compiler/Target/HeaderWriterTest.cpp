#include "compiler/Target/HeaderWriter.h"
#include "compiler/Target/Interface.h"
#include "test/compiler/Target/TinyModel.h"

using namespace vitc;
using namespace vitc::test;

namespace {

TEST(CLiteral, NothingEscapes) {
  EXPECT_EQ(cLiteral("cat"), "\"cat\"");
  EXPECT_EQ(cLiteral("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(cLiteral("*/ /* //"), R"("*\057 /\052 /\057")");
  EXPECT_EQ(cLiteral("?\?/\n\t"), R"("\077\077/\012\011")");
  EXPECT_EQ(cLiteral("caf\xc3\xa9"
                     "1"),
            R"("caf\303\2511")");
}

TEST(Interface, OutputsGetDistinctIdentifiers) {
  std::vector<Port> outputs;
  for (const char *name : {"logits", "Logits", "n", "input", "double", "a-b"})
    outputs.push_back({name, {1}});
  EXPECT_EQ(outputIdentifiers(outputs),
            (std::vector<std::string>{"logits", "logits_2", "n_2", "input_2", "model_double", "a_b"}));
}

struct HeaderTest : testing::Test {
  TempFolder folder;
  TinyModel tiny;
  bool several = false; ///< a second size, with another shape of the second output

  std::string header() {
    LibraryInfo info = tiny.info();
    info.levels = {findIsa("x86-64-v3"), findIsa("x86-64")};
    info.weightBytes = 128;
    info.sizes.front().executedFlops = 12;
    info.sizes.front().run = {4096, 64};
    info.sizes.front().tokens = 5;
    if (several) {
      SizeInfo wide = info.sizes.front();
      wide.input.shape = {1, 2, 6};
      wide.outputs.back().shape = {3, 2};
      wide.tokens = 13;
      wide.run = {8192, 32};
      info.sizes.push_back(wide);
    }
    return headerText(info, tiny.config(), tiny.options());
  }
};

TEST_F(HeaderTest, StatesTheContract) {
  std::string text = header();
  for (const char *line :
       {"#define TINY_INPUT_CHANNELS 1", "#define TINY_INPUT_HEIGHT 2", "#define TINY_LOGITS_ELEMENTS 4",
        "#define TINY_CLASSES 4", "#define TINY_MAX_SIDE 64", "#define TINY_PARAMETERS 8",
        "#define TINY_ARENA_BYTES(threads) (UINT64_C(4096) + UINT64_C(64) * (uint64_t)(threads))",
        "#define TINY_LEVELS \"x86-64-v3 x86-64\"", "#define TINY_SOURCE_HASH \"xxh3-128:00112233",
        "extern const char *const tiny_labels[4];",
        "vitc_status tiny_run(tiny_model *model, const float *images, size_t n, float *logits, float *n_2);"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST_F(HeaderTest, ListsSeveralSizes) {
  EXPECT_EQ(header().find("TINY_SIZES"), std::string::npos);
  several = true;
  std::string text = header();
  for (const char *line :
       {"#define TINY_INPUT_WIDTH 2\n", "#define TINY_SIZES 2\n", "#define TINY_2X2_INPUT_WIDTH 2\n",
        "#define TINY_2X6_INPUT_WIDTH 6\n", "#define TINY_2X6_INPUT_ELEMENTS 12 ",
        "#define TINY_2X6_N_2_ELEMENTS 6 /* 3 x 2 */\n", "#define TINY_2X6_TOKENS 13\n",
        "#define TINY_ARENA_BYTES(threads) (UINT64_C(8192) + UINT64_C(64) * (uint64_t)(threads))",
        "#define TINY_2X2_ARENA_BYTES(threads) (UINT64_C(4096) + UINT64_C(64) * (uint64_t)(threads))",
        "#define TINY_2X6_ARENA_BYTES(threads) (UINT64_C(8192) + UINT64_C(32) * (uint64_t)(threads))",
        "#define TINY_2X6_GFLOP ", "extern const tiny_size tiny_sizes[TINY_SIZES];",
        " * images      n x 1 x height x width floats", " * logits      receives n x 4 floats.",
        " * n_2         receives n x TINY_HEIGHTXWIDTH_N_2_ELEMENTS floats."})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST_F(HeaderTest, OmitsWhatTheModelLacks) {
  tiny.pictures = false;
  tiny.labels.clear();
  std::string text = header();
  EXPECT_EQ(text.find("tiny_run_u8("), std::string::npos);
  EXPECT_EQ(text.find("define TINY_MAX_SIDE"), std::string::npos);
  EXPECT_EQ(text.find("tiny_labels"), std::string::npos);
}

TEST_F(HeaderTest, IsC99AndCxx) {
  writeFile(folder / "tiny.h", header());
  tiny.name = "other";
  several = true;
  writeFile(folder / "other.h", header());
  // Twice, and beside another model's.
  writeFile(
      folder / "use.c",
      "#include \"tiny.h\"\n#include \"other.h\"\n#include \"tiny.h\"\n"
      "typedef char sized[TINY_ARENA_BYTES(2) == 4096 + 128 ? 1 : -1];\n"
      "static tiny_model *model;\n"
      "typedef char two[OTHER_SIZES == 2 && sizeof(other_sizes) == 2 * sizeof(other_size) ? 1 : -1];\n"
      "int main(void) { return model != 0 || TINY_GFLOP < 0 || sizeof(sized) != 1 || sizeof(two) != 1; }\n");
  std::string flags = " -Wall -Wextra -Werror -pedantic -Wconversion -Wdocumentation -fsyntax-only ";
  shell(std::string(kCc) + " -std=c99" + flags + (folder / "use.c"));
  shell(std::string(kCxx) + " -x c++ -std=c++11 -Wno-old-style-cast" + flags + (folder / "use.c"));
}

TEST_F(HeaderTest, LinesStayNarrow) {
  several = true;
  std::string text = header();
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(text).split(lines, '\n');
  for (llvm::StringRef line : lines)
    EXPECT_LE(line.size(), 130u) << line.str();
}

} // namespace
