/* weights.h - finds, checks and maps a model's weights.
 *
 * A file is mapped read-only and shared with the page cache; nothing is read ahead of its first use but what
 * the kernel does on its own. Measured on 344 MB in the page cache (2 cores, Linux 6.18): a first pass over
 * plainly mapped pages takes 2 ms longer than a second one, while MAP_POPULATE costs 17 ms and
 * MADV_POPULATE_READ from two threads 12 ms: faulting around as the first forward goes is the fast way to
 * start. MADV_WILLNEED, which starts reading what is not yet in the page cache, costs 0.1 ms when all of it
 * is.
 */
#ifndef VITC_WEIGHTS_H
#define VITC_WEIGHTS_H

#include "vitc/abi.h"
#include "vitc/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitc_weights {
  const uint8_t *blob;
  void *mapping; /* to be unmapped by close; null if not ours */
  size_t mapping_bytes;
} vitc_weights;

/* Opens what the options say, or the default. Checks the size and the header's magic, ABI, sizes and content
 * id; the blob itself is not read. Errors: VITC_WEIGHTS_NOT_FOUND, VITC_WEIGHTS_MISMATCH,
 * VITC_INVALID_ARGUMENT, VITC_OUT_OF_MEMORY. */
vitc_status vitc_weights_open(vitc_weights *weights, const vitc_model_info *info,
                              const vitc_options *options);
void vitc_weights_close(vitc_weights *weights);

/* Directory of the file that is mapped at `address`, with a slash at its end; nonzero if found. */
int vitc_directory_of(const void *address, char *directory, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* VITC_WEIGHTS_H */
