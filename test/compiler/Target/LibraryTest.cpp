// A tiny model through the whole target layer to a shared library that this process loads.
#include "compiler/Support/Error.h"
#include "runtime/include/vitc/abi.h"
#include "runtime/include/vitc/api.h"
#include "test/compiler/Target/TinyModel.h"
#include "llvm/Support/JSON.h"
#include <csignal>
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

using namespace vitc;
using namespace vitc::test;

namespace {

/// A loaded library of a TinyModel.
struct Loaded {
  void *handle;
  std::string name;
  Loaded(const std::string &path, std::string name)
      : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)), name(std::move(name)) {
    EXPECT_TRUE(handle) << dlerror();
  }
  ~Loaded() {
    if (handle)
      dlclose(handle);
  }
  template <typename T> T *find(const char *symbol) const {
    return reinterpret_cast<T *>(dlsym(handle, (name + "_" + symbol).c_str()));
  }
  vitc_status create(vitc_model **model, const vitc_options *options = nullptr) const {
    return find<vitc_status(vitc_model **, const vitc_options *)>("create")(model, options);
  }
  std::string message() const { return find<const char *(void)>("last_message")(); }
};

void expectRuns(const Loaded &library, float scale, const vitc_options *options = nullptr) {
  vitc_model *model = nullptr;
  ASSERT_EQ(library.create(&model, options), VITC_OK) << library.message();
  const float images[12] = {1, 1, 1, 1, 1, 2, 3, 4, 0, 0, 0, -1};
  float logits[12] = {}, sums[3] = {};
  auto *run = library.find<vitc_status(vitc_model *, const float *, size_t, float *, float *)>("run");
  ASSERT_EQ(run(model, images, 3, logits, sums), VITC_OK) << library.message();
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(logits[i], images[i] * (i % 4 + 1) * scale + 0.5f * scale) << i;
  EXPECT_EQ(sums[1], (1 + 4 + 9 + 16 + 2) * scale);

  auto *runU8 = library.find<vitc_status(vitc_model *, const uint8_t *, int32_t, int32_t, int32_t, ptrdiff_t,
                                         size_t, float *, float *)>("run_u8");
  const uint8_t square[8] = {10, 20, 0, 0, 30, 40, 0, 0}, flat[4] = {10, 20, 30, 40};
  bool isFlat = options && options->height == 1;
  ASSERT_EQ(runU8(model, isFlat ? flat : square, isFlat ? 1 : 2, isFlat ? 4 : 2, 1, 4, 1, logits, sums),
            VITC_OK)
      << library.message();
  EXPECT_EQ(logits[3], 40 * 4 * scale + 0.5f * scale);
  library.find<void(vitc_model *)>("destroy")(model);
}

struct LibraryTest : testing::Test {
  TempFolder folder;
  TinyModel tiny;
  LibraryInfo info;
  std::string so = folder / "libtiny.so";

  void emit() {
    llvm::Error error = tiny.emit(so, &info);
    ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
  }
  std::string refusal(const std::string &output) {
    llvm::Error error = tiny.emit(output, &info);
    EXPECT_TRUE(static_cast<bool>(error));
    return llvm::toString(std::move(error));
  }
};

TEST_F(LibraryTest, SharedLibraryRuns) {
  emit();
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"libtiny.so", "tiny.h"}));
  expectRuns(Loaded(so, "tiny"), 1);
  EXPECT_TRUE(info.embedded);
  EXPECT_EQ(info.sizes[0].arenaBytes, 128);
  EXPECT_EQ(info.sizes[0].scratchBytes, 64);
  EXPECT_EQ(info.sizes[0].executedFlops, 12);
  EXPECT_EQ(info.weightBytes, 128);
  EXPECT_EQ(info.levels.size(), 3u);
}

TEST_F(LibraryTest, EveryLevelRuns) {
  emit();
  Loaded library(so, "tiny");
  vitc_options options = {};
  options.struct_size = sizeof options;
  auto isas = parseTargets({"host", "x86-64"});
  ASSERT_TRUE(static_cast<bool>(isas));
  for (const Isa *isa : *isas) {
    options.level = isa->name.data();
    expectRuns(library, 1, &options);
  }
}

TEST_F(LibraryTest, TablesSayWhatWasCompiled) {
  emit();
  Loaded library(so, "tiny");
  const auto *all = library.find<const vitc_library_info *(void)>("vitc_info")();
  EXPECT_EQ(all->abi, VITC_ABI_VERSION);
  ASSERT_EQ(all->model_count, 1u);
  const vitc_model_info *table = all->models;
  EXPECT_STREQ(table->name, "tiny");
  EXPECT_EQ(table->level_count, 3u);
  EXPECT_STREQ(table->levels[0].name, "x86-64-v4");
  EXPECT_EQ(table->levels[0].needs, unsigned(VITC_CPU_X86_64_V4));
  EXPECT_EQ(table->levels[2].needs, 0u);
  EXPECT_EQ(table->levels[1].arena_bytes, 128u);
  EXPECT_EQ(table->levels[1].scratch_bytes, 64u);
  EXPECT_EQ(table->levels[1].run.step_count, 3u);
  EXPECT_EQ(table->levels[1].run_u8.step_count, 4u);
  EXPECT_STREQ(table->levels[1].run_u8.steps[0].name, "widen");
  EXPECT_EQ(table->levels[1].run_u8.steps[1].operands[0].offset, 64u);
  EXPECT_EQ(table->batch, 2u);
  EXPECT_EQ(table->input_height, 2u);
  EXPECT_EQ(table->output_count, 2u);
  EXPECT_EQ(table->output_bytes[0], 16u);
  EXPECT_EQ(table->output_bytes[1], 4u);
  EXPECT_EQ(table->weights_file, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(table->weights) % 4096, 0u);
  EXPECT_EQ(contentId({static_cast<const uint8_t *>(table->weights), table->weight_bytes}), info.weightId);
  EXPECT_EQ(std::memcmp(table->weight_id, info.weightId.data(), 16), 0);
  EXPECT_EQ(table->preprocess->resize, unsigned(VITC_RESIZE_SQUASH));
  EXPECT_EQ(table->max_side, 64u);
}

TEST_F(LibraryTest, SeveralSizes) {
  emit();
  EXPECT_FALSE(Loaded(so, "tiny").find<const void>("sizes"));
  tiny.several = true;
  std::string both = folder / "libboth.so";
  ASSERT_FALSE(llvm::errorToBool(tiny.emit(both, &info)));
  Loaded library(both, "tiny");
  vitc_options options = {};
  options.struct_size = sizeof options;
  expectRuns(library, 1);
  for (auto [height, width] : {std::pair(2u, 2u), std::pair(1u, 4u)}) {
    options.height = height;
    options.width = width;
    expectRuns(library, 1, &options);
  }
  options.height = 3;
  vitc_model *model = nullptr;
  EXPECT_EQ(library.create(&model, &options), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(library.message(), "the library has no code for an input of 3x4; it has 2x2, 1x4");

  // As the header declares it.
  struct Size {
    uint32_t height, width, tokens;
    uint64_t arenaBytes, perThread;
    const uint64_t *outputElements;
  };
  const Size *sizes = library.find<const Size>("sizes");
  ASSERT_TRUE(sizes);
  EXPECT_EQ(sizes[1].height, 1u);
  EXPECT_EQ(sizes[1].width, 4u);
  EXPECT_EQ(sizes[1].tokens, 3u);
  EXPECT_EQ(sizes[1].perThread, 64u);
  EXPECT_EQ(sizes[1].outputElements[0], 4u);
  EXPECT_EQ(sizes[1].outputElements[1], 1u);
  auto arenaBytes = library.find<uint64_t(uint32_t)>("arena_bytes");
  EXPECT_EQ(arenaBytes(3), std::max(sizes[0].arenaBytes, sizes[1].arenaBytes) + 3 * 64);

  const auto *all = library.find<const vitc_library_info *(void)>("vitc_info")();
  ASSERT_EQ(all->model_count, 2u);
  EXPECT_EQ(all->models[0].weights, all->models[1].weights);
  EXPECT_EQ(all->models[0].weight_bytes, 128u);
  EXPECT_EQ(all->models[1].preprocess->resize_width, 4u);
  auto json = llvm::json::parse(library.find<const char>("metadata"));
  ASSERT_TRUE(static_cast<bool>(json)) << llvm::toString(json.takeError());
  const llvm::json::Array *rows = json->getAsObject()->getArray("sizes");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  const llvm::json::Object &flat = *(*rows)[1].getAsObject();
  EXPECT_EQ(flat.getInteger("width"), 4);
  // Of the description, what differs.
  EXPECT_TRUE(flat.getObject("model")->get("preprocess"));
  EXPECT_FALSE(flat.getObject("model")->get("labels"));
  EXPECT_EQ((*rows)[0].getAsObject()->getObject("model")->size(), 0u);
}

TEST_F(LibraryTest, MetadataAndLabels) {
  emit();
  Loaded library(so, "tiny");
  auto json = llvm::json::parse(library.find<const char>("metadata"));
  ASSERT_TRUE(static_cast<bool>(json)) << llvm::toString(json.takeError());
  const llvm::json::Object &object = *json->getAsObject();
  EXPECT_EQ(object.getString("name"), "tiny");
  EXPECT_EQ(object.getString("architecture"), "x86_64");
  EXPECT_EQ(object.getArray("levels")->size(), 3u);
  EXPECT_EQ(object.getInteger("executed_flops"), 12);
  EXPECT_EQ(object.getObject("weights")->getInteger("bytes"), 128);
  ASSERT_TRUE(object.getObject("model"));
  auto *labels = library.find<const char *const>("labels");
  for (size_t i = 0; i < tiny.labels.size(); ++i)
    EXPECT_EQ(labels[i], tiny.labels[i]);
}

TEST_F(LibraryTest, WeightsInAFile) {
  tiny.weights = WeightPlacement::File;
  emit();
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"libtiny.so", "tiny.h", "tiny.vitw"}));
  EXPECT_FALSE(info.embedded);
  EXPECT_EQ(readFile(folder / "tiny.vitw").size(), 4096u + 128);
  expectRuns(Loaded(so, "tiny"), 1); // found beside the library
  // Another model's weights are refused.
  TinyModel other;
  other.weights = WeightPlacement::File;
  other.scale = 3;
  TempFolder elsewhere;
  ASSERT_FALSE(static_cast<bool>(other.emit(elsewhere / "libtiny.so")));
  ASSERT_EQ(rename((elsewhere / "tiny.vitw").c_str(), (folder / "tiny.vitw").c_str()), 0);
  vitc_model *model = nullptr;
  EXPECT_EQ(Loaded(so, "tiny").create(&model), VITC_WEIGHTS_MISMATCH);
}

TEST_F(LibraryTest, EmbedsManyMegabytes) {
  tiny.weights = WeightPlacement::Embed;
  tiny.padding = (40 << 20) / 4;
  emit();
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"libtiny.so", "tiny.h"}));
  expectRuns(Loaded(so, "tiny"), 1);
}

TEST_F(LibraryTest, AutoPlacesBySize) {
  tiny.padding = (17 << 20) / 4;
  emit();
  EXPECT_FALSE(info.embedded);
}

TEST_F(LibraryTest, ExportsOnlyThePrefix) {
  emit();
  std::string symbols = shell("nm -D --defined-only --format=just-symbols " + so);
  std::string expected;
  for (const char *name : {"arena_bytes", "create", "destroy", "labels", "last_message", "level", "metadata",
                           "run", "run_u8", "status_name", "threads", "vitc_info"})
    expected += std::string("tiny_") + name + "\n";
  EXPECT_EQ(symbols, expected);
}

TEST_F(LibraryTest, ListsCode) {
  for (const char *name : {"tiny.s", "tiny.ll"}) {
    llvm::Error error = tiny.emit(folder / name, &info);
    ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
    EXPECT_NE(readFile(folder / name).find("tiny_create"), std::string::npos);
  }
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"tiny.ll", "tiny.s"}));
}

TEST_F(LibraryTest, SameBytesTwice) {
  for (const char *name : {"libtiny.so", "libtiny.a", "tiny.o", "tiny.s", "tiny.ll"}) {
    TempFolder again;
    for (TempFolder *where : {&folder, &again})
      ASSERT_FALSE(static_cast<bool>(tiny.emit(*where / name)));
    EXPECT_TRUE(readFile(folder / name) == readFile(again / name)) << name;
    if (llvm::StringRef(name).starts_with("lib"))
      EXPECT_EQ(readFile(folder / "tiny.h"), readFile(again / "tiny.h"));
  }
}

TEST_F(LibraryTest, FailuresLeaveNothing) {
  EXPECT_NE(refusal(folder / "tiny.exe").find("got '.exe'"), std::string::npos);
  EXPECT_NE(refusal(folder / "missing/libtiny.so").find("missing"), std::string::npos);
  tiny.name = "a-b";
  EXPECT_NE(refusal(so).find("C identifier"), std::string::npos);
  EXPECT_EQ(folder.files(), std::vector<std::string>{});
}

/// Files beyond `bytes` cannot be written while it lives, as on a full disk.
struct FileSizeLimit {
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit limited{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before); }
  rlimit before;
};

TEST_F(LibraryTest, FullDiskLeavesNothing) {
  tiny.padding = (20 << 20) / 4;
  auto expectRefused = [&](const char *output, WeightPlacement weights, rlim_t limit) {
    SCOPED_TRACE(output);
    tiny.weights = weights;
    FileSizeLimit full(limit);
    llvm::Error error = tiny.emit(folder / output);
    ASSERT_TRUE(static_cast<bool>(error));
    EXPECT_EQ(exitCodeOf(error), ExitCode::Environment);
    EXPECT_NE(llvm::toString(std::move(error)).find("too large"), std::string::npos);
    EXPECT_EQ(folder.files(), std::vector<std::string>{});
  };
  expectRefused("libtiny.so", WeightPlacement::File, 1 << 20);
  expectRefused("libtiny.so", WeightPlacement::Embed, 1 << 20);
  // The weights' object still fits, and the library, which is larger, does not.
  uint64_t object = 4096 + blobBytes(tiny.tensors()) + 1024;
  for (const char *output : {"libtiny.so", "libtiny.a", "tiny.o"})
    expectRefused(output, WeightPlacement::Embed, object);
  expectRefused("tiny.o", WeightPlacement::File, 4096); // the header and the object
}

TEST_F(LibraryTest, ThreadsCanEmitAtOnce) {
  tiny.weights = WeightPlacement::Embed;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this, i] {
      TinyModel model = tiny;
      model.name = "tiny" + std::to_string(i);
      llvm::Error error = model.emit(folder / ("lib" + model.name + ".so"));
      EXPECT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
    });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < 4; ++i)
    expectRuns(Loaded(folder / ("libtiny" + std::to_string(i) + ".so"), "tiny" + std::to_string(i)), 1);
}

TEST_F(LibraryTest, KeepsWhatTheUserHad) {
  writeFile(so, "mine");
  ASSERT_EQ(mkdir((folder / "tiny.h").c_str(), 0700), 0); // the header cannot be written
  EXPECT_NE(refusal(so).find("directory"), std::string::npos);
  EXPECT_EQ(readFile(so), "mine");
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"libtiny.so", "tiny.h"}));
}

} // namespace
