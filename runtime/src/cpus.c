#define _GNU_SOURCE
#include "cpus.h"
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, MAX_THREADS = 1024 };

uint32_t vitc_cpus_affinity(void) {
  uint64_t mask[128]; /* 8192 CPUs */
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  uint32_t count = 0;
  for (long i = 0; i < bytes / 8; i++)
    for (uint64_t bits = mask[i]; bits; bits &= bits - 1)
      count++;
  return count ? count : 1;
}

ptrdiff_t vitc_read_text(const char *path, char *buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  size_t used = 0;
  while (used < size - 1) {
    ssize_t got = read(fd, buffer + used, size - 1 - used);
    if (got <= 0)
      break;
    used += (size_t)got;
  }
  close(fd);
  buffer[used] = 0;
  return (ptrdiff_t)used;
}

/* Joins up to four pieces; 0 if they do not fit. */
static int join(char *out, const char *a, const char *b, const char *c, const char *d) {
  const char *pieces[4] = {a, b, c, d};
  size_t used = 0;
  for (int i = 0; i < 4; i++)
    for (const char *p = pieces[i]; *p; p++) {
      if (used + 1 >= PATH_BYTES)
        return 0;
      out[used++] = *p;
    }
  out[used] = 0;
  return 1;
}

/* Reads a decimal number and skips blanks after it; -1 if there is none ("max", "-1"). */
static int64_t number(const char **at) {
  if (**at < '0' || **at > '9')
    return -1;
  int64_t value = 0;
  for (; **at >= '0' && **at <= '9'; ++*at)
    if (value < INT64_MAX / 16)
      value = value * 10 + (**at - '0');
  while (**at == ' ' || **at == '\n')
    ++*at;
  return value;
}

static uint32_t cpus_of(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0)
    return UINT32_MAX;
  int64_t cpus = quota / period + (quota % period != 0);
  return cpus < UINT32_MAX ? (uint32_t)cpus : UINT32_MAX;
}

/* The quota that one cgroup directory states itself. */
static uint32_t quota_in(const char *directory, int v2) {
  char path[PATH_BYTES], text[64];
  const char *at = text;
  if (v2) {
    if (!join(path, directory, "/cpu.max", "", "") || vitc_read_text(path, text, sizeof text) <= 0)
      return UINT32_MAX;
    int64_t quota = number(&at);
    return cpus_of(quota, number(&at));
  }
  if (!join(path, directory, "/cpu.cfs_quota_us", "", "") || vitc_read_text(path, text, sizeof text) <= 0)
    return UINT32_MAX;
  int64_t quota = number(&at);
  if (!join(path, directory, "/cpu.cfs_period_us", "", "") || vitc_read_text(path, text, sizeof text) <= 0)
    return UINT32_MAX;
  at = text;
  return cpus_of(quota, number(&at));
}

/* The least quota from mount/group up to the mount point. A group path that does not exist below the mount
 * point, as in a container that sees its own group there, costs only failed opens on the way up. */
static uint32_t quota_along(const char *root, const char *mount, const char *group, int v2) {
  char directory[PATH_BYTES];
  if (!join(directory, root, mount, group, ""))
    return UINT32_MAX;
  size_t top = strlen(root) + strlen(mount);
  uint32_t least = UINT32_MAX;
  for (size_t end = strlen(directory);;) {
    uint32_t here = quota_in(directory, v2);
    least = here < least ? here : least;
    if (end <= top)
      return least;
    while (end > top && directory[end - 1] != '/')
      end--;
    while (end > top && directory[end - 1] == '/')
      end--;
    directory[end] = 0;
  }
}

/* Whether a comma-separated list of controllers holds "cpu". */
static int has_cpu(const char *list) {
  for (const char *at = list; *at;) {
    if (at[0] == 'c' && at[1] == 'p' && at[2] == 'u' && (at[3] == ',' || !at[3]))
      return 1;
    while (*at && *at++ != ',') {
    }
  }
  return 0;
}

uint32_t vitc_cpus_quota(const char *root) {
  char path[PATH_BYTES], text[8192];
  if (!join(path, root, "/proc/self/cgroup", "", "") || vitc_read_text(path, text, sizeof text) <= 0)
    return UINT32_MAX;
  uint32_t least = UINT32_MAX;
  /* Lines of hierarchy:controllers:path; version 2 has hierarchy 0 and no controllers. */
  for (char *line = text; *line;) {
    char *next = line, *controllers = NULL, *group = NULL;
    for (; *next && *next != '\n'; next++) {
      if (*next != ':' || group)
        continue;
      *next = 0;
      if (controllers)
        group = next + 1;
      else
        controllers = next + 1;
    }
    if (*next)
      *next++ = 0;
    uint32_t here = UINT32_MAX;
    if (group && !*controllers) {
      here = quota_along(root, "/sys/fs/cgroup", group, 1);
      uint32_t unified = quota_along(root, "/sys/fs/cgroup/unified", group, 1);
      here = unified < here ? unified : here;
    } else if (group && has_cpu(controllers)) {
      here = quota_along(root, "/sys/fs/cgroup/cpu", group, 0);
      uint32_t both = quota_along(root, "/sys/fs/cgroup/cpu,cpuacct", group, 0);
      here = both < here ? both : here;
    }
    least = here < least ? here : least;
    line = next;
  }
  return least;
}

uint32_t vitc_cpus_default(void) {
  uint32_t cpus = vitc_cpus_affinity(), quota = vitc_cpus_quota("");
  cpus = quota < cpus ? quota : cpus;
  return cpus < MAX_THREADS ? cpus : MAX_THREADS;
}
