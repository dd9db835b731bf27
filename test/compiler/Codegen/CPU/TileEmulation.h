/* TileEmulation.h - the AMX instructions in plain C, for machines that have none.
 *
 * After Intel's Software Developer's Manual, volume 2, "TILELOADD" and following, and volume 1, chapter 18.
 * Where the machine would fault, the first fault is kept as a text and the instruction does nothing. Each
 * thread has registers of its own. Numbers of registers are the instructions' in Intel's order: destination
 * first.
 */
#ifndef TEST_COMPILER_CODEGEN_CPU_TILEEMULATION_H
#define TEST_COMPILER_CODEGEN_CPU_TILEEMULATION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void vitc_emulated_ldtilecfg(const uint8_t *config);
void vitc_emulated_tilerelease(void);
void vitc_emulated_tilezero(uint8_t tile);
void vitc_emulated_tileloadd64(uint8_t tile, const uint8_t *base, int64_t stride);
void vitc_emulated_tilestored64(uint8_t tile, uint8_t *base, int64_t stride);
void vitc_emulated_tdpbf16ps(uint8_t sums, uint8_t a, uint8_t b);
void vitc_emulated_tdpbusd(uint8_t sums, uint8_t a, uint8_t b);

/* Faults and instructions of all threads so far. */
typedef struct vitc_emulated_counts {
  uint64_t configurations, releases, products;
  const char *fault; /* the first, or null */
} vitc_emulated_counts;
vitc_emulated_counts vitc_emulated_state(void);
/* Forgets them, and the calling thread's registers. */
void vitc_emulated_reset(void);

#ifdef __cplusplus
}
#endif

#endif /* TEST_COMPILER_CODEGEN_CPU_TILEEMULATION_H */
