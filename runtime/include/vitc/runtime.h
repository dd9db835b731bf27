/* runtime.h - entry points of the runtime, called by the public functions of a generated library.
 *
 * `<prefix>_create` and its siblings are one-line wrappers of these functions, which bind `library`. See
 * docs/abi.md for threads, fork, memory and how weights are found.
 */
#ifndef VITC_RUNTIME_H
#define VITC_RUNTIME_H

#include "vitc/abi.h"
#include "vitc/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Prepares a model to run: picks a size and a level, maps the weights, starts threads, reserves all memory.
 *
 * library  tables; must outlive the model.
 * out      receives the model, or null on failure.
 * options  null for the defaults.
 * Errors: any status. Nothing is left behind on failure. */
vitc_status vitc_rt_create(const vitc_library_info *library, vitc_model **out, const vitc_options *options);

/* Runs n images through the model. Thread-safe; waits while `concurrency` other runs are in progress.
 *
 * images   n x channels x height x width floats of the model's size, already normalised; any alignment.
 * outputs  one pointer for each output; output i receives n x info->output_bytes[i] bytes, where info is the
 * model's entry of the library. Must not overlap images. Equivalent to n calls with one image each, to the
 * bit. Errors: VITC_INVALID_ARGUMENT; outputs may then be partly written. */
vitc_status vitc_rt_run(vitc_model *model, const float *images, size_t n, void *const *outputs);

/* Resizes, crops and normalises n pictures of one size as the model was trained to, then runs them.
 *
 * pixels      row i of picture p starts at pixels + (p * h + i) * row_stride; interleaved channels of 8 bits.
 * h, w        1 to info->max_side.
 * channels    1 (grey), 3 (RGB) or 4 (RGB and an alpha that is ignored). Grey is replicated for an RGB model;
 * RGB is weighted to grey as ITU-R 601-2 says for a grey model. row_stride  bytes from one row to the next,
 * at least w * channels. Errors: VITC_INVALID_ARGUMENT, also for a model without preprocessing;
 * VITC_PICTURE_TOO_LARGE. */
vitc_status vitc_rt_run_u8(vitc_model *model, const uint8_t *pixels, int32_t h, int32_t w, int32_t channels,
                           ptrdiff_t row_stride, size_t n, void *const *outputs);

/* Frees a model; null is allowed. No run may be in progress. */
void vitc_rt_destroy(vitc_model *model);

/* Why the last failing call on this thread failed: one line without a full stop, or "" if none has. Never
 * null. The text stays until the next failure on this thread (or until 32 later ones on others). */
const char *vitc_rt_last_message(void);

/* Name of a status: "invalid argument". Never null. */
const char *vitc_rt_status_name(vitc_status status);

/* Name of the level in use: "x86-64-v4". */
const char *vitc_rt_level(const vitc_model *model);

/* The level in use, for profiles: its steps have names and flops. */
const vitc_level *vitc_rt_level_info(const vitc_model *model);

/* Threads of a run, the caller's included. */
uint32_t vitc_rt_threads(const vitc_model *model);

/* Bytes of arena for one run of any size on any level with this number of threads; times `concurrency` for
 * more runs. An affine function of threads. 0 threads means as many as create would choose. UINT64_MAX if the
 * sum overflows. */
uint64_t vitc_rt_arena_bytes(const vitc_library_info *library, uint32_t threads);

#ifdef __cplusplus
}
#endif

#endif /* VITC_RUNTIME_H */
