/* Creates a model called `tiny`, runs an image twice, and prints how much memory the process had at most, and
 * the arena's size: "peak 30576 kB, arena 2210816". */
#include "tiny.h"
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  vitc_options options = {.struct_size = sizeof options, .threads = 2};
  tiny_model *model;
  float *image = calloc(TINY_INPUT_ELEMENTS, sizeof(float));
  float *logits = calloc(TINY_LOGITS_ELEMENTS, sizeof(float));
  if (tiny_create(&model, &options) || tiny_run(model, image, 1, logits) ||
      tiny_run(model, image, 1, logits)) {
    fprintf(stderr, "%s\n", tiny_last_message());
    return 1;
  }
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long peak = 0;
  while (status && fgets(line, sizeof line, status))
    sscanf(line, "VmHWM: %lu", &peak);
  printf("peak %lu kB, arena %zu", peak, tiny_arena_bytes(2));
  tiny_destroy(model);
  free(logits);
  free(image);
  return peak == 0;
}
