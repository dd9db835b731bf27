/* Prints the instruction-set level of a model whose weights are in a file. */
#include "coat.h"
#include <stdio.h>

int main(void) {
  vitc_options options = {.struct_size = sizeof options, .weights_path = WEIGHTS};
  coat_model *model;
  if (coat_create(&model, &options) != VITC_OK)
    return fprintf(stderr, "%s\n", coat_last_message()), 1;
  printf("%s %s\n", coat_level(model), COAT_PRECISION);
  coat_destroy(model);
  return 0;
}
