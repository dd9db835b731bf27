/* A program that finds the sizes of its library at run time, and runs a model of each, all alive at once. */
#include "vit_fashion_mnist.h"
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  vit_fashion_mnist_model *models[VIT_FASHION_MNIST_SIZES];
  for (int i = 0; i < VIT_FASHION_MNIST_SIZES; i++) {
    vitc_options options = {sizeof options};
    options.height = vit_fashion_mnist_sizes[i].height;
    options.width = vit_fashion_mnist_sizes[i].width;
    options.threads = 2;
    options.arena_bytes = (size_t)(vit_fashion_mnist_sizes[i].arena_bytes +
                                   2 * vit_fashion_mnist_sizes[i].arena_bytes_per_thread);
    if (options.arena_bytes > VIT_FASHION_MNIST_ARENA_BYTES(2) ||
        VIT_FASHION_MNIST_ARENA_BYTES(2) != vit_fashion_mnist_arena_bytes(2))
      return 2;
    if (posix_memalign(&options.arena, 64, options.arena_bytes))
      return 3;
    if (vit_fashion_mnist_create(&models[i], &options)) {
      fprintf(stderr, "%s\n", vit_fashion_mnist_last_message());
      return 4;
    }
  }
  for (int i = 0; i < VIT_FASHION_MNIST_SIZES; i++) {
    const vit_fashion_mnist_size *size = &vit_fashion_mnist_sizes[i];
    float *image = calloc((size_t)size->height * size->width, sizeof *image);
    float *logits = calloc(size->output_elements[0], sizeof *logits);
    float *features = calloc(size->output_elements[1], sizeof *features);
    if (vit_fashion_mnist_run(models[i], image, 1, logits, features))
      return 5;
    printf("%ux%u: %u tokens, %g %d\n", size->height, size->width, size->tokens, logits[9],
           features[size->output_elements[1] - 1] != 0);
    vit_fashion_mnist_destroy(models[i]);
  }
  vitc_options options = {sizeof options};
  options.height = options.width = 100;
  if (vit_fashion_mnist_create(&models[0], &options) != VITC_INVALID_ARGUMENT)
    return 6;
  puts(vit_fashion_mnist_last_message());
  return 0;
}
