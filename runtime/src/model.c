#define _GNU_SOURCE
#include "model.h"
#include "cpu.h"
#include "cpus.h"
#include "message.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_CONCURRENCY = 1024, MAX_PICTURE_SIDE = 1 << 24 };

/* Takes over as much of the caller's options as both sides know. Fields that only the caller knows must be
 * zero. */
static vitc_status read_options(const vitc_options *given, vitc_options *options) {
  memset(options, 0, sizeof *options);
  options->struct_size = sizeof *options;
  if (!given)
    return VITC_OK;
  size_t size = given->struct_size;
  if (size < sizeof size || size > 4096)
    return vitc_fail(VITC_INVALID_ARGUMENT, "expected options.struct_size to be sizeof(vitc_options)");
  const uint8_t *bytes = (const uint8_t *)given;
  for (size_t i = sizeof *options; i < size; i++)
    if (bytes[i])
      return vitc_fail(VITC_INVALID_ARGUMENT,
                       "an option is set that this version of the library does not know");
  memcpy(options, given, size < sizeof *options ? size : sizeof *options);
  return VITC_OK;
}

static vitc_status check_range(const char *what, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high)
    return VITC_OK;
  vitc_text text = vitc_message();
  vitc_add(&text, "expected ");
  vitc_add(&text, what);
  vitc_add(&text, " from ");
  vitc_add_number(&text, low);
  vitc_add(&text, " to ");
  vitc_add_number(&text, high);
  vitc_add(&text, ", got ");
  vitc_add_number(&text, value);
  return VITC_INVALID_ARGUMENT;
}

static void add_size(vitc_text *text, const char *before, uint32_t height, uint32_t width) {
  vitc_add(text, before);
  vitc_add_number(text, height);
  vitc_add(text, "x");
  vitc_add_number(text, width);
}

/* The library's model of the size that the options ask for. Tables are made by the compiler; the checks here
 * and below catch a runtime linked to tables of another version. */
static vitc_status choose_size(vitc_model *model, const vitc_library_info *library) {
  uint32_t height = model->options.height, width = model->options.width;
  vitc_status status = check_range("table version", library->abi, VITC_ABI_VERSION, VITC_ABI_VERSION);
  if (!status)
    status = check_range("input sizes", library->model_count, 1, VITC_MAX_SIZES);
  if (status)
    return status;
  model->info = library->models;
  if (!height && !width)
    return VITC_OK;
  for (uint32_t i = 0; i < library->model_count; i++)
    if (library->models[i].input_height == height && library->models[i].input_width == width) {
      model->info = &library->models[i];
      return VITC_OK;
    }
  vitc_text text = vitc_message();
  add_size(&text, "the library has no code for an input of ", height, width);
  for (uint32_t i = 0; i < library->model_count; i++)
    add_size(&text, i ? ", " : "; it has ", library->models[i].input_height, library->models[i].input_width);
  return VITC_INVALID_ARGUMENT;
}

static vitc_status check_info(const vitc_model_info *info) {
  vitc_status status = check_range("images per pass", info->batch, 1, 65535);
  if (!status && info->preprocess)
    status = check_range("largest picture side", info->max_side, 1, MAX_PICTURE_SIDE);
  uint64_t pixels = vitc_times(vitc_times(info->input_height, info->input_width), info->input_channels);
  if (info->preprocess && info->preprocess->f32)
    pixels = vitc_times(pixels, sizeof(float));
  if (!status && info->preprocess)
    status = check_range("bytes of a resized picture", pixels, 1, INT32_MAX);
  for (uint32_t i = 0; !status && i < info->level_count; i++) {
    if (info->preprocess && info->levels[i].run_u8.step_count)
      status = check_range("input bytes of run_u8", info->levels[i].run_u8.input_bytes, pixels, pixels);
    const vitc_schedule *schedules[] = {&info->levels[i].run, &info->levels[i].run_u8};
    for (uint32_t s = 0; s < 2; s++)
      for (uint32_t k = 0; !status && k < schedules[s]->step_count; k++) {
        const vitc_step *step = &schedules[s]->steps[k];
        status = check_range("operands of a step", step->operand_count, 0, VITC_MAX_OPERANDS);
        if (!status)
          status = check_range("chunks of a step", step->chunks, 1, UINT32_MAX / info->batch);
        if (!status && step->run_fine)
          status = check_range("fine chunks of a step", step->fine_chunks, step->chunks + 1,
                               UINT32_MAX / info->batch);
      }
  }
  return status;
}

static vitc_status choose_level(vitc_model *model) {
  const vitc_model_info *info = model->info;
  vitc_cpuid_leaves leaves;
  vitc_cpu_read_leaves(&leaves);
  uint32_t features = vitc_cpu_features_from(&leaves);
  if (model->options.level)
    return vitc_cpu_named_level(info->levels, info->level_count, model->options.level, features,
                                vitc_cpu_request_amx, &model->level);
  model->level = vitc_cpu_best_level(info->levels, info->level_count, features, vitc_cpu_request_amx);
  if (model->level)
    return VITC_OK;
  vitc_text text = vitc_message();
  vitc_add(&text, "this CPU runs none of the library's levels:");
  for (uint32_t i = 0; i < info->level_count; i++) {
    vitc_add(&text, " ");
    vitc_add(&text, info->levels[i].name);
  }
  return VITC_UNSUPPORTED_CPU;
}

static vitc_status start_threads(vitc_model *model) {
  const vitc_thread_pool *theirs = model->options.pool;
  if (theirs) {
    if (!theirs->parallel_for)
      return vitc_fail(VITC_INVALID_ARGUMENT, "the caller's thread pool has no parallel_for");
    model->caller_pool = *theirs;
    model->threads = theirs->threads;
    return check_range("threads of the caller's pool", theirs->threads, 1, VITC_MAX_THREADS);
  }
  uint32_t wanted = model->options.threads;
  vitc_status status = check_range("threads", wanted, 0, VITC_MAX_THREADS);
  if (status)
    return status;
  model->threads = wanted ? wanted : vitc_cpus_default();
  if (model->threads == 1)
    return VITC_OK;
  uint32_t started;
  model->pool = vitc_pool_create(model->threads, model->info->name, &started);
  if (!model->pool)
    return vitc_fail(VITC_OUT_OF_MEMORY, "no memory for the thread pool");
  if (started < model->threads && wanted) {
    vitc_text text = vitc_message();
    vitc_add(&text, "the system started ");
    vitc_add_number(&text, started);
    vitc_add(&text, " of ");
    vitc_add_number(&text, wanted);
    vitc_add(&text, " threads");
    return VITC_THREADS_UNAVAILABLE;
  }
  model->threads = started; /* a default, so take what there is */
  return VITC_OK;
}

static vitc_status reserve_memory(vitc_model *model) {
  vitc_options *options = &model->options;
  options->concurrency = options->concurrency ? options->concurrency : 1;
  vitc_status status = check_range("concurrency", options->concurrency, 1, MAX_CONCURRENCY);
  if (status)
    return status;
  uint32_t count = options->concurrency;
  model->layout = vitc_layout_of(model->info, model->threads);
  uint64_t bytes = vitc_times(model->layout.bytes, count);
  uint8_t *memory = options->arena;
  if (memory) {
    if ((uintptr_t)memory % 64)
      return vitc_fail(VITC_INVALID_ARGUMENT, "expected an arena at an address that is a multiple of 64");
    if (options->arena_bytes < bytes) {
      vitc_text text = vitc_message();
      vitc_add(&text, "expected an arena of at least ");
      vitc_add_number(&text, bytes);
      vitc_add(&text, " bytes for ");
      vitc_add_number(&text, model->threads);
      vitc_add(&text, " threads and ");
      vitc_add_number(&text, count);
      vitc_add(&text, " concurrent runs, got ");
      vitc_add_number(&text, options->arena_bytes);
      return VITC_ARENA_TOO_SMALL;
    }
  } else {
    if (bytes > PTRDIFF_MAX || posix_memalign(&model->memory, 64, bytes ? (size_t)bytes : 64)) {
      vitc_text text = vitc_message();
      vitc_add(&text, "no memory for an arena of ");
      vitc_add_number(&text, bytes);
      vitc_add(&text, " bytes");
      model->memory = NULL;
      return VITC_OUT_OF_MEMORY;
    }
    memory = model->memory;
  }
  model->contexts.list = malloc(count * sizeof(vitc_context));
  if (!model->contexts.list)
    return vitc_fail(VITC_OUT_OF_MEMORY, "no memory for the model");
  model->contexts.count = count;
  for (uint32_t i = 0; i < count; i++)
    model->contexts.list[i] = (vitc_context){0, memory + i * model->layout.bytes};
  return VITC_OK;
}

vitc_status vitc_rt_create(const vitc_library_info *library, vitc_model **out, const vitc_options *given) {
  if (!library || !out)
    return vitc_fail(VITC_INVALID_ARGUMENT, "expected a place for the model, got a null pointer");
  *out = NULL;
  vitc_model *model = malloc(sizeof *model);
  if (!model)
    return vitc_fail(VITC_OUT_OF_MEMORY, "no memory for the model");
  memset(model, 0, sizeof *model);
  /* In the order of cost, so that a mistake is told before threads start. */
  vitc_status status = read_options(given, &model->options);
  if (!status)
    status = choose_size(model, library);
  if (!status)
    status = check_info(model->info);
  if (!status)
    status = choose_level(model);
  if (!status)
    status = vitc_weights_open(&model->weights, model->info, &model->options);
  if (!status)
    status = start_threads(model);
  if (!status)
    status = reserve_memory(model);
  if (status) {
    vitc_rt_destroy(model);
    return status;
  }
  *out = model;
  return VITC_OK;
}

void vitc_rt_destroy(vitc_model *model) {
  if (!model)
    return;
  if (model->pool)
    vitc_pool_destroy(model->pool);
  vitc_weights_close(&model->weights);
  free(model->contexts.list);
  free(model->memory);
  free(model);
}

const char *vitc_rt_level(const vitc_model *model) { return model->level->name; }

const vitc_level *vitc_rt_level_info(const vitc_model *model) { return model->level; }

uint32_t vitc_rt_threads(const vitc_model *model) { return model->threads; }
