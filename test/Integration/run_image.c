/* Runs a compiled model called `small` that has logits on numbers from a file.
 *
 *   run_image IMAGE COUNT RESULT
 *
 * IMAGE holds f32 of COUNT normalised images; RESULT receives the f32 logits. */
#include "small.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  size_t count = strtoul(argv[2], NULL, 10), inputs = count * SMALL_INPUT_ELEMENTS;
  float *images = malloc(inputs * sizeof(float)),
        *logits = malloc(count * SMALL_LOGITS_ELEMENTS * sizeof(float));
  FILE *file = fopen(argv[1], "rb");
  if (!images || !logits || !file || fread(images, sizeof(float), inputs, file) != inputs)
    return 1;
  fclose(file);
  vitc_options options = {.struct_size = sizeof options, .threads = 2};
  small_model *model;
  if (small_create(&model, &options) || small_run(model, images, count, logits)) {
    fprintf(stderr, "%s\n", small_last_message());
    return 1;
  }
  file = fopen(argv[3], "wb");
  if (!file ||
      fwrite(logits, sizeof(float), count * SMALL_LOGITS_ELEMENTS, file) != count * SMALL_LOGITS_ELEMENTS ||
      fclose(file))
    return 1;
  small_destroy(model);
  free(images);
  free(logits);
  return 0;
}
