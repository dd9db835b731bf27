/* Runs a compiled model called `small` on numbers from a file, for tests on CPUs that only an emulator has.
 *
 *   run_model IMAGE PICTURE HEIGHT WIDTH RESULT [LEVEL]
 *
 * IMAGE holds f32 of one normalised image, PICTURE u8 of an RGB picture; RESULT receives the f32 logits of
 * both, one behind the other. Prints the level in use. */
#include "small.h"
#include <stdio.h>
#include <stdlib.h>

static void *read_file(const char *path, size_t bytes) {
  FILE *file = fopen(path, "rb");
  void *data = malloc(bytes);
  if (!file || !data || fread(data, 1, bytes, file) != bytes) {
    fprintf(stderr, "%s: expected %zu bytes\n", path, bytes);
    exit(1);
  }
  fclose(file);
  return data;
}

static void check(vitc_status status) {
  if (status == VITC_OK)
    return;
  fprintf(stderr, "%s\n", small_last_message());
  exit(1);
}

int main(int argc, char **argv) {
  if (argc < 6)
    return 2;
  int height = atoi(argv[3]), width = atoi(argv[4]);
  float *image = read_file(argv[1], SMALL_INPUT_ELEMENTS * sizeof(float));
  unsigned char *picture = read_file(argv[2], (size_t)height * width * 3);
  vitc_options options = {.struct_size = sizeof options, .threads = 2, .level = argc > 6 ? argv[6] : NULL};
  static float logits[2 * SMALL_LOGITS_ELEMENTS];
  small_model *model;
  check(small_create(&model, &options));
  check(small_run(model, image, 1, logits));
  check(small_run_u8(model, picture, height, width, 3, width * 3, 1, logits + SMALL_LOGITS_ELEMENTS));
  FILE *file = fopen(argv[5], "wb");
  if (!file || fwrite(logits, sizeof logits, 1, file) != 1 || fclose(file)) {
    fprintf(stderr, "%s: could not be written\n", argv[5]);
    return 1;
  }
  printf("%s", small_level(model));
  small_destroy(model);
  free(picture);
  free(image);
  return 0;
}
