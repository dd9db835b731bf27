/* The header that applications see: C99, nothing but standard headers, and harmless when several models bring
 * it. */
#include "vitc/api.h"

/* What a C program takes for the size and the default of the options. */
size_t apiHeaderOptionsSize(void);
size_t apiHeaderOptionsSize(void) {
  vitc_options options = {sizeof options};
  return options.threads ? 0 : options.struct_size;
}
