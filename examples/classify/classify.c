/* Classifies PNG pictures with a model compiled by vitc, and counts how many labels agree with the file
 * names. */
#include "vit_fashion_mnist.h"
#include <ctype.h>
#include <math.h>
#include <png.h>
#include <string.h>
#include <time.h>

enum { CLASSES = VIT_FASHION_MNIST_CLASSES, MAX_BYTES = 1 << 22 };

/* Whether a file named like "0000_ankle-boot.png" shows an "Ankle boot". */
static int is_named(const char *name, const char *label) {
  name += strcspn(name, "_");
  for (; *name && *label; label++)
    if (*++name != (isalnum((unsigned char)*label) ? tolower((unsigned char)*label) : '-'))
      return 0;
  return *name && name[1] == '.';
}

int main(int argc, char **argv) {
  static unsigned char pixels[MAX_BYTES];
  vit_fashion_mnist_model *model;
  int right = 0;
  if (vit_fashion_mnist_create(&model, NULL))
    return fprintf(stderr, "%s\n", vit_fashion_mnist_last_message()), 1;
  printf("%-24s %-12s %s  %-58s %s\n", "picture", "label", "probability", "top 3", "ms");
  for (int i = 1; i < argc; i++) {
    png_image png = {.version = PNG_IMAGE_VERSION};
    int ok = png_image_begin_read_from_file(&png, argv[i]);
    png.format = PNG_FORMAT_RGBA;
    if (!ok || PNG_IMAGE_SIZE(png) > MAX_BYTES || !png_image_finish_read(&png, NULL, pixels, 0, NULL))
      return fprintf(stderr, "%s: %s\n", argv[i], png.message[0] ? png.message : "too large"), 1;

    float p[CLASSES], most, sum = 0; /* logits first, then probabilities */
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (vit_fashion_mnist_run_u8(model, pixels, png.height, png.width, 4, 4 * png.width, 1, p))
      return fprintf(stderr, "%s: %s\n", argv[i], vit_fashion_mnist_last_message()), 1;
    clock_gettime(CLOCK_MONOTONIC, &end);

    int best[CLASSES]; /* classes, likeliest first */
    for (int c = 0, at; c < CLASSES; best[at] = c++)
      for (at = c; at > 0 && p[best[at - 1]] < p[c]; at--)
        best[at] = best[at - 1];
    most = p[best[0]];
    for (int c = 0; c < CLASSES; c++)
      sum += p[c] = expf(p[c] - most);

    const char *name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
    printf("%-24s %-12s %10.1f%%  ", name, vit_fashion_mnist_labels[best[0]], 100 / sum);
    for (int k = 0; k < 3; k++)
      printf("%-12s%5.1f%%  ", vit_fashion_mnist_labels[best[k]], 100 * p[best[k]] / sum);
    printf("%.2f\n", (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6);
    right += is_named(name, vit_fashion_mnist_labels[best[0]]);
  }
  vit_fashion_mnist_destroy(model);
  return printf("accuracy: %.1f %% (%d of %d pictures)\n", 100.0 * right / (argc - 1), right, argc - 1) < 0;
}
