/* cpu.h - what the CPU can do. */
#ifndef VITC_CPU_H
#define VITC_CPU_H

#include "vitc/abi.h"
#include "vitc/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raw answers of cpuid and xgetbv; zero where the CPU has no such leaf. */
typedef struct vitc_cpuid_leaves {
  uint32_t leaf1_ecx;
  uint32_t leaf7_ebx, leaf7_ecx, leaf7_edx; /* subleaf 0 */
  uint32_t leaf7_1_eax;                     /* subleaf 1 */
  uint32_t extended1_ecx;                   /* leaf 0x80000001 */
  uint64_t xcr0;                            /* register state that the system saves; 0 without OSXSAVE */
} vitc_cpuid_leaves;

/* VITC_CPU_* bits that these answers amount to. A level of the architecture counts only with all lower ones,
 * a wide register only if the system saves it. AMX bits still depend on the kernel's grant. Pure. */
uint32_t vitc_cpu_features_from(const vitc_cpuid_leaves *leaves);

/* How a CPU is asked: the instructions themselves, or a made-up machine in tests. */
typedef struct vitc_cpu_source {
  void (*cpuid)(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]); /* eax, ebx, ecx, edx */
  uint64_t (*xgetbv)(void); /* register 0; faults, and so is not called, where OSXSAVE is not set */
} vitc_cpu_source;

/* The leaves of `source`. Leaves and subleaves that it says it lacks are not asked for: a CPU answers those
 * with what its last leaf has. */
vitc_cpuid_leaves vitc_cpu_leaves_of(const vitc_cpu_source *source);

/* The same of this CPU; all zeros on other architectures than x86-64. */
void vitc_cpu_read_leaves(vitc_cpuid_leaves *leaves);

/* Asks the kernel for AMX tile state for this process: nonzero if granted. */
int vitc_cpu_request_amx(void);

/* The first level whose needs `features` covers, or null. AMX levels also need the kernel's grant, which is
 * asked for by `request_amx` only when such a level is the best fit: the grant enlarges every signal frame.
 */
const vitc_level *vitc_cpu_best_level(const vitc_level *levels, uint32_t count, uint32_t features,
                                      int (*request_amx)(void));

/* The level called `name`. Errors: VITC_INVALID_ARGUMENT names the levels there are, VITC_UNSUPPORTED_CPU
 * what is missing. */
vitc_status vitc_cpu_named_level(const vitc_level *levels, uint32_t count, const char *name,
                                 uint32_t features, int (*request_amx)(void), const vitc_level **level);

#ifdef __cplusplus
}
#endif

#endif /* VITC_CPU_H */
