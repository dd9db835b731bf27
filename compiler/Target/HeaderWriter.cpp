#include "compiler/Target/HeaderWriter.h"
#include "compiler/Target/Interface.h"
#include "runtime/RuntimeBitcode.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace vitc;

namespace {

/// Labels beyond this many are not repeated in the header's comment.
constexpr size_t kListedLabels = 1000;

struct HeaderWriter {
  const LibraryInfo &info;
  const ModelConfig &config;
  const CompileOptions &options;
  const SizeInfo &size = info.sizes.front();
  const bool several = info.sizes.size() > 1;
  const std::string &prefix = info.name;
  std::string upper = llvm::StringRef(info.name).upper();
  std::vector<std::string> outputs = outputIdentifiers(size.outputs);
  std::string text{};

  template <typename... Args> void line(fmt::format_string<Args...> format, Args &&...args) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
    text += '\n';
  }

  /// "#define PREFIX_NAME value".
  template <typename T> void define(llvm::StringRef name, const T &value, llvm::StringRef comment = "") {
    text += fmt::format("#define {}_{} {}", upper, name.str(), value);
    if (!comment.empty())
      text += fmt::format(" /* {} */", comment.str());
    text += '\n';
  }

  /// A floating constant: "35.13", never "35".
  static std::string billions(int64_t flops) {
    std::string number = fmt::format("{:.9g}", flops * 1e-9);
    return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
  }

  void opening();
  void constants();
  void shapes(const SizeInfo &of, const std::string &where);
  void cost(const SizeInfo &of, const std::string &where);
  void arenaBytes(const std::string &where, const ArenaFormula &arena);
  void sizes();
  void provenance();
  void labels();
  void prototypes();
  void runComment(bool pictures);
  std::string imageShape() const;
  std::string outputSize(size_t index) const;
  std::string outputParameters() const;
};

void HeaderWriter::opening() {
  line("/* {}.h - a Vision Transformer, compiled by vitc {}.", prefix, compilerVersion().str());
  line(" *");
  line(" *   {}_model *model;", prefix);
  line(" *   vitc_status status = {}_create(&model, NULL);", prefix);
  line(" *   if (status == VITC_OK)");
  std::string arguments;
  for (const std::string &output : outputs)
    arguments += ", " + output;
  line(" *     status = {}_run(model, images, n{});", prefix, arguments);
  line(" *   if (status != VITC_OK)");
  line(" *     fprintf(stderr, \"%s\\n\", {}_last_message());", prefix);
  line(" *   {}_destroy(model);", prefix);
  line(" *");
  line(" * Functions report errors by their status and write nothing to the terminal. A library needs no "
       "other than libc");
  line(" * (link with -pthread where libc has threads apart). No memory is allocated after create. */");
  line("#ifndef {}_H", upper);
  line("#define {}_H", upper);
  line("");
  text += apiHeaderText();
  line("");
  line("#ifdef __cplusplus");
  line("extern \"C\" {{");
  line("#endif");
  line("");
}

/// Constants of one input size; `where` is "" or "224X384_".
void HeaderWriter::shapes(const SizeInfo &of, const std::string &where) {
  InputExtents input = inputExtents(of);
  define(where + "INPUT_HEIGHT", input.height);
  define(where + "INPUT_WIDTH", input.width);
  define(where + "INPUT_ELEMENTS", elementsOf(of.input),
         of.channelsLast ? "height x width x channels" : "channels x height x width");
  for (auto [port, name] : llvm::zip(of.outputs, outputs)) {
    std::string macro = where + llvm::StringRef(name).upper();
    for (auto [i, extent] : llvm::enumerate(port.shape))
      define(macro + "_DIM" + std::to_string(i), extent);
    define(macro + "_ELEMENTS", elementsOf(port), port.shape.size() > 1 ? shapeText(port) : "");
  }
}

void HeaderWriter::cost(const SizeInfo &of, const std::string &where) {
  define(where + "GFLOP", billions(of.modelFlops), "per image: two for each multiply-add of the model");
  define(where + "GFLOP_EXECUTED", billions(of.executedFlops), "without those whose results no output needs");
}

void HeaderWriter::arenaBytes(const std::string &where, const ArenaFormula &arena) {
  line("#define {}_{}ARENA_BYTES(threads) (UINT64_C({}) + UINT64_C({}) * (uint64_t)(threads))", upper, where,
       arena.base, arena.perThread);
}

void HeaderWriter::constants() {
  line("/* Shapes, per image{}. */", several ? ", of the default size" : "");
  define("INPUT_CHANNELS", inputExtents(size).channels);
  shapes(size, "");
  if (config.classes() > 0)
    define("CLASSES", config.classes());
  if (config.preprocess)
    define("MAX_SIDE", info.maxSide, "largest height or width of run_u8's pictures, in pixels");
  line("");
  line("/* Size and cost. */");
  define("PARAMETERS", info.parameters);
  define("WEIGHT_BYTES", info.weightBytes, info.embedded ? "in this library" : "in the weights file");
  line("/* Memory of one run with this number of threads, in bytes; the same on every instruction set. */");
  ArenaFormula largest;
  for (const SizeInfo &each : info.sizes)
    largest = {std::max(largest.base, each.run.base), std::max(largest.perThread, each.run.perThread)};
  if (several)
    line("/* Enough for any size. */");
  arenaBytes("", largest);
  cost(size, "");
  line("");
  if (several)
    sizes();
}

void HeaderWriter::sizes() {
  line("/* Input sizes, the default first. Each {}_HEIGHTXWIDTH_... is what {}_... is for the default. */",
       upper, upper);
  define("SIZES", info.sizes.size());
  for (const SizeInfo &each : info.sizes) {
    std::string where = llvm::StringRef(sizeText(each)).upper() + "_";
    shapes(each, where);
    if (each.tokens)
      define(where + "TOKENS", each.tokens);
    arenaBytes(where, each.run);
    cost(each, where);
  }
  line("");
  line("typedef struct {}_size {{", prefix);
  line("  uint32_t height, width; /* in pixels: what options.height and .width take */");
  line("  uint32_t tokens;        /* of a block; 0: not known */");
  line("  /* Memory of one run: arena_bytes + threads * arena_bytes_per_thread. */");
  line("  uint64_t arena_bytes, arena_bytes_per_thread;");
  line("  const uint64_t *output_elements; /* per image, in the order of run's parameters */");
  line("}} {}_size;", prefix);
  line("extern const {0}_size {0}_sizes[{1}_SIZES];", prefix, upper);
  line("");
}

void HeaderWriter::provenance() {
  std::string levels;
  for (const Isa *isa : info.levels)
    levels += (levels.empty() ? "" : " ") + isa->name.str();
  line("/* Provenance. */");
  define("VITC_VERSION", cLiteral(compilerVersion()));
  define("LEVELS", cLiteral(levels), "best first; create picks the first that the CPU has");
  define("PRECISION", cLiteral(precisionName(options.precision)));
  if (!config.source.library.empty())
    define("SOURCE_LIBRARY", cLiteral(config.source.library));
  if (!config.source.arch.empty())
    define("SOURCE_ARCHITECTURE", cLiteral(config.source.arch));
  if (!config.source.hash.empty())
    define("SOURCE_HASH", cLiteral(config.source.hash), "of the imported weights");
  if (!config.source.sha256.empty())
    define("SOURCE_SHA256", cLiteral(config.source.sha256));
  define("WEIGHTS_ID", cLiteral(idText(info.weightId)), "content id of the packed weights");
  if (!info.embedded)
    define("WEIGHTS_FILE", cLiteral(prefix + ".vitw"), "what create opens by default");
  line("");
}

void HeaderWriter::labels() {
  if (config.labels.empty())
    return;
  line("/* Names of the classes, in UTF-8:");
  line(" *");
  for (auto [i, label] : llvm::enumerate(llvm::ArrayRef(config.labels).take_front(kListedLabels)))
    line(" * {:4} {}", i, cLiteral(label));
  if (config.labels.size() > kListedLabels)
    line(" *      and {} more", config.labels.size() - kListedLabels);
  line(" */");
  line("extern const char *const {}_labels[{}];", prefix, config.labels.size());
  line("");
}

std::string HeaderWriter::outputParameters() const {
  std::string result;
  for (const std::string &output : outputs)
    result += ", float *" + output;
  return result;
}

/// "3 x 224 x 224", or what stands for it where the size is the model's to say.
std::string HeaderWriter::imageShape() const {
  if (!several)
    return shapeText(size.input);
  int64_t channels = inputExtents(size).channels;
  return size.channelsLast ? fmt::format("height x width x {}", channels)
                           : fmt::format("{} x height x width", channels);
}

std::string HeaderWriter::outputSize(size_t index) const {
  bool fixed = llvm::all_of(info.sizes, [&](const SizeInfo &each) {
    return each.outputs[index].shape == size.outputs[index].shape;
  });
  if (fixed)
    return shapeText(size.outputs[index]);
  return fmt::format("{}_HEIGHTXWIDTH_{}_ELEMENTS", upper, llvm::StringRef(outputs[index]).upper());
}

/// What run and run_u8 say of n and of their outputs.
void HeaderWriter::runComment(bool pictures) {
  for (auto [i, name] : llvm::enumerate(outputs))
    line(" * {:<11} receives n x {} floats.", name, outputSize(i));
  line(" *");
  line(" * n may be 0. Outputs must not overlap the {} or each other. Thread-safe; waits while as many other "
       "runs as",
       pictures ? "pictures" : "images");
  line(" * `concurrency` allows are in progress. Results do not depend on n, on an image's place, or on "
       "threads.");
}

void HeaderWriter::prototypes() {
  std::string p = prefix;
  line("/* A model in memory. */");
  line("typedef struct {0}_model {0}_model;", p);
  line("");
  line("/* Prepares the model to run: picks the code for this CPU, opens the weights, reserves memory, "
       "starts threads.");
  line(" *");
  line(" * model       receives the model, or null on failure.");
  line(" * options     null for the defaults; see vitc_options.");
  line(" *");
  line(" * Errors: any status but VITC_PICTURE_TOO_LARGE. Nothing is left behind on failure. */");
  line("vitc_status {0}_create({0}_model **model, const vitc_options *options);", p);
  line("");
  line("/* Runs n images.");
  line(" *");
  line(" * images      n x {} floats ({}), already normalised.", imageShape(),
       size.channelsLast ? "image, row, column, channel" : "image, channel, row, column");
  runComment(false);
  line(" *");
  line(" * Errors: VITC_INVALID_ARGUMENT. */");
  line("vitc_status {0}_run({0}_model *model, const float *images, size_t n{1});", p, outputParameters());
  line("");
  if (config.preprocess) {
    line("/* Resizes, crops and normalises n pictures of one size as the model was trained to, and runs "
         "them.");
    line(" *");
    line(" * pixels      bytes of interleaved channels; row y of picture i starts at");
    line(" *             pixels + (i * h + y) * row_stride.");
    line(" * h, w        height and width in pixels, 1 to {}_MAX_SIDE.", upper);
    line(" * channels    1 (grey), 3 (RGB) or 4 (RGB and an alpha that is ignored). Grey and RGB become what "
         "the model");
    line(" *             takes.");
    line(" * row_stride  bytes from one row to the next, at least w * channels.");
    runComment(true);
    line(" *");
    line(" * Errors: VITC_INVALID_ARGUMENT, VITC_PICTURE_TOO_LARGE. */");
    line("vitc_status {0}_run_u8({0}_model *model, const uint8_t *pixels, int32_t h, int32_t w, int32_t "
         "channels,",
         p);
    line("    ptrdiff_t row_stride, size_t n{});", outputParameters());
    line("");
  }
  line("/* Frees the model; null is allowed. No run may be in progress. */");
  line("void {0}_destroy({0}_model *model);", p);
  line("");
  line("/* Why the last failing call of this thread failed, in one line; \"\" if none has. Never null. The "
       "text stays until");
  line(" * the next failure. */");
  line("const char *{}_last_message(void);", p);
  line("");
  line("/* Name of a status: \"invalid argument\". Never null. */");
  line("const char *{}_status_name(vitc_status status);", p);
  line("");
  line("/* The instruction-set level in use, one of {}_LEVELS. */", upper);
  line("const char *{0}_level(const {0}_model *model);", p);
  line("");
  line("/* Threads of a run, the caller's included. */");
  line("uint32_t {0}_threads(const {0}_model *model);", p);
  line("");
  line("/* As {}_ARENA_BYTES, also for libraries loaded at run time. 0 threads means as many as create would "
       "choose. */",
       upper);
  line("uint64_t {}_arena_bytes(uint32_t threads);", p);
  line("");
  line("/* All that vitc knows of this library, as JSON; for tools. */");
  line("extern const char {}_metadata[];", p);
  line("");
  line("#ifdef __cplusplus");
  line("}}");
  line("#endif");
  line("");
  line("#endif /* {}_H */", upper);
}

} // namespace

std::string vitc::headerText(const LibraryInfo &info, const ModelConfig &config,
                             const CompileOptions &options) {
  HeaderWriter writer{info, config, options};
  writer.opening();
  writer.constants();
  writer.provenance();
  writer.labels();
  writer.prototypes();
  return writer.text;
}
