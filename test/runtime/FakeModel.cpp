#include "test/runtime/FakeModel.h"
#include "gtest/gtest.h"
#include <cstdio>
#include <cstring>
#include <unistd.h>

static constexpr int kColumns = FakeModel::kElements / FakeModel::kRows;

static void multiply(void *const *operands, int64_t chunk) {
  const float *input = static_cast<const float *>(operands[0]),
              *weights = static_cast<const float *>(operands[1]);
  float *arena = static_cast<float *>(operands[2]);
  for (int i = 0; i < kColumns; ++i)
    arena[chunk * kColumns + i] = input[chunk * kColumns + i] * weights[chunk * kColumns + i];
}

static void sum(void *const *operands, int64_t chunk) {
  const float *arena = static_cast<const float *>(operands[0]);
  float *scratch = static_cast<float *>(operands[1]), *sums = static_cast<float *>(operands[2]);
  memcpy(scratch, arena + chunk * kColumns, kColumns * sizeof(float));
  float total = 0;
  for (int i = 0; i < kColumns; ++i)
    total += scratch[i];
  sums[chunk] = total;
}

static void copy(void *const *operands, int64_t) {
  memcpy(operands[1], operands[0], FakeModel::kElements * sizeof(float));
}

static void widen(void *const *operands, int64_t chunk) {
  const uint8_t *pixels = static_cast<const uint8_t *>(operands[0]);
  float *arena = static_cast<float *>(operands[1]);
  for (int i = 0; i < kColumns; ++i)
    arena[chunk * kColumns + i] = pixels[chunk * kColumns + i];
}

FakeModel::FakeModel() {
  for (int i = 0; i < kElements; ++i)
    weights.push_back(float(i % 5 + 1));
  operands[0] = {{VITC_SPACE_INPUT, 0, 0}, {VITC_SPACE_WEIGHTS, 0, 64}, {VITC_SPACE_ARENA, 0, 64}};
  operands[1] = {{VITC_SPACE_ARENA, 0, 64}, {VITC_SPACE_SCRATCH, 0, 0}, {VITC_SPACE_OUTPUT, 0, 0}};
  operands[2] = {{VITC_SPACE_ARENA, 0, 64}, {VITC_SPACE_OUTPUT, 1, 0}};
  operandsU8 = {{VITC_SPACE_INPUT, 0, 0}, {VITC_SPACE_ARENA, 0, 64}};
  vitc_step first = {multiply, operands[0].data(), 3, kRows, "multiply", 32, 0, 2};
  vitc_step second = {sum, operands[1].data(), 3, kRows, "sum", 32, 0, 1};
  vitc_step third = {copy, operands[2].data(), 2, 1, "copy", 0, 0, 1};
  vitc_step firstU8 = {widen, operandsU8.data(), 2, kRows, "widen", 0, 0, 1};
  steps = {first, second, third};
  stepsU8 = {firstU8, second, third};
  // One blob serves all levels; the weights proper begin at offset 64.
  weights.insert(weights.begin(), 16, -1.0f);

  vitc_level level = {};
  level.name = "base";
  level.arena_bytes = 128;
  level.scratch_bytes = 64;
  level.run = {steps.data(), 3, kElements * sizeof(float)};
  level.run_u8 = {stepsU8.data(), 3, kElements};
  levels = {level};

  outputBytes = {kRows * sizeof(float), kElements * sizeof(float)};
  info.name = "fake";
  info.levels = levels.data();
  info.level_count = 1;
  info.batch = 3;
  info.input_channels = 1;
  info.input_height = info.input_width = 4;
  info.output_count = 2;
  info.output_bytes = outputBytes.data();
  info.weight_bytes = weights.size() * sizeof(float);
  memcpy(info.weight_id, "0123456789abcdef", 16);
  info.weights = weights.data();
  info.preprocess = &preprocess;
  info.max_side = 100;
  preprocess = {VITC_RESIZE_SQUASH, VITC_FILTER_BILINEAR, 4, 4, 0, 0, VITC_RULES_PILLOW, VITC_SIZE_FLOOR, 0};
}

std::vector<float> FakeModel::expectedCopy(const std::vector<float> &images) const {
  std::vector<float> result;
  for (size_t i = 0; i < images.size(); ++i)
    result.push_back(images[i] * weights[16 + i % kElements]);
  return result;
}

std::vector<float> FakeModel::expectedSums(const std::vector<float> &images) const {
  std::vector<float> products = expectedCopy(images), result;
  for (size_t i = 0; i < products.size(); i += kColumns) {
    float total = 0;
    for (int k = 0; k < kColumns; ++k)
      total += products[i + k];
    result.push_back(total);
  }
  return result;
}

std::vector<float> fakeImages(size_t n) {
  std::vector<float> images(n * FakeModel::kElements);
  for (size_t i = 0; i < images.size(); ++i)
    images[i] = float(i * 7 % 1009);
  return images;
}

std::vector<uint8_t> weightsFile(const FakeModel &model) {
  vitc_weights_header header = {};
  memcpy(header.magic, VITC_WEIGHTS_MAGIC, 8);
  header.abi = VITC_ABI_VERSION;
  header.header_bytes = VITC_WEIGHTS_ALIGN;
  header.weight_bytes = model.info.weight_bytes;
  memcpy(header.weight_id, model.info.weight_id, 16);
  std::vector<uint8_t> file(VITC_WEIGHTS_ALIGN + model.info.weight_bytes);
  memcpy(file.data(), &header, sizeof header);
  memcpy(file.data() + VITC_WEIGHTS_ALIGN, model.weights.data(), model.info.weight_bytes);
  return file;
}

TemporaryFile::TemporaryFile(const std::string &name, const std::vector<uint8_t> &contents)
    : path(testing::TempDir() + name + "." + std::to_string(getpid())) {
  FILE *file = fopen(path.c_str(), "wb");
  if (!file || fwrite(contents.data(), 1, contents.size(), file) != contents.size() || fclose(file))
    ADD_FAILURE() << "cannot write " << path;
}

TemporaryFile::~TemporaryFile() { remove(path.c_str()); }
