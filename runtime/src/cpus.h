/* cpus.h - how many CPUs the process may use. */
#ifndef VITC_CPUS_H
#define VITC_CPUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CPUs in the calling thread's affinity mask; at least 1. */
uint32_t vitc_cpus_affinity(void);

/* CPUs that the process's cgroup quota is worth, rounded up: the least along the path from its cgroup to the
 * root, for cgroup v2 and for the v1 cpu controller. UINT32_MAX without a quota. `root` stands before /proc
 * and /sys/fs/cgroup: "" but in tests. */
uint32_t vitc_cpus_quota(const char *root);

/* Default thread count: the lesser of the two, from 1 to 1024. */
uint32_t vitc_cpus_default(void);

/* Reads up to size - 1 bytes of a small file and ends them with a zero; the byte count, or -1. */
ptrdiff_t vitc_read_text(const char *path, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* VITC_CPUS_H */
