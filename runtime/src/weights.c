#define _GNU_SOURCE
#include "weights.h"
#include "message.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* Starts the message about `name`, a path or null for memory and descriptors. */
static vitc_text about(const char *name) {
  vitc_text text = vitc_message();
  vitc_add(&text, "weights");
  if (name) {
    vitc_add(&text, " file '");
    vitc_add(&text, name);
    vitc_add(&text, "'");
  }
  vitc_add(&text, ": ");
  return text;
}

static vitc_status mismatch(const char *name, const char *what, uint64_t expected, uint64_t got,
                            const char *why) {
  vitc_text text = about(name);
  vitc_add(&text, "expected ");
  vitc_add(&text, what);
  vitc_add(&text, " ");
  vitc_add_number(&text, expected);
  vitc_add(&text, ", got ");
  vitc_add_number(&text, got);
  vitc_add(&text, why);
  return VITC_WEIGHTS_MISMATCH;
}

static vitc_status check_size(const char *name, const vitc_model_info *info, uint64_t size) {
  uint64_t expected = VITC_WEIGHTS_ALIGN + info->weight_bytes;
  if (size == expected)
    return VITC_OK;
  return mismatch(name, "a size of", expected, size,
                  size < expected ? " bytes: truncated, or the weights of another model"
                                  : " bytes: too long, or the weights of another model");
}

static vitc_status check_header(const char *name, const vitc_model_info *info,
                                const vitc_weights_header *header) {
  /* Compared as integers: memcmp may become bcmp, one more symbol to resolve. */
  uint64_t magic, expected_magic, id[2], expected_id[2];
  memcpy(&magic, header->magic, 8);
  memcpy(&expected_magic, VITC_WEIGHTS_MAGIC, 8);
  memcpy(id, header->weight_id, 16);
  memcpy(expected_id, info->weight_id, 16);
  if (magic != expected_magic) {
    vitc_text text = about(name);
    vitc_add(&text, "expected a .vitw file, which begins with " VITC_WEIGHTS_MAGIC ", got bytes ");
    vitc_add_hex(&text, (const uint8_t *)header->magic, 8);
    return VITC_WEIGHTS_MISMATCH;
  }
  if (header->abi != VITC_ABI_VERSION)
    return mismatch(name, "format version", VITC_ABI_VERSION, header->abi, "");
  if (header->header_bytes != VITC_WEIGHTS_ALIGN)
    return mismatch(name, "header bytes", VITC_WEIGHTS_ALIGN, header->header_bytes, "");
  if (header->weight_bytes != info->weight_bytes)
    return mismatch(name, "weight bytes", info->weight_bytes, header->weight_bytes, "");
  if (id[0] != expected_id[0] || id[1] != expected_id[1]) {
    vitc_text text = about(name);
    vitc_add(&text, "expected content id ");
    vitc_add_hex(&text, info->weight_id, 16);
    vitc_add(&text, ", got ");
    vitc_add_hex(&text, header->weight_id, 16);
    vitc_add(&text, ": the weights of another model or another compilation");
    return VITC_WEIGHTS_MISMATCH;
  }
  for (uint32_t i = 0; i < sizeof header->reserved; i++)
    if (header->reserved[i])
      return mismatch(name, "reserved header byte", 0, header->reserved[i], "");
  return VITC_OK;
}

static vitc_status open_memory(vitc_weights *weights, const vitc_model_info *info, const void *data,
                               uint64_t size) {
  if ((uintptr_t)data % 64)
    return vitc_fail(VITC_INVALID_ARGUMENT, "expected weights_data at an address that is a multiple of 64");
  vitc_status status = check_size(NULL, info, size);
  if (!status) {
    vitc_weights_header header;
    memcpy(&header, data, sizeof header);
    status = check_header(NULL, info, &header);
  }
  if (!status)
    weights->blob = (const uint8_t *)data + VITC_WEIGHTS_ALIGN;
  return status;
}

static vitc_status open_descriptor(vitc_weights *weights, const vitc_model_info *info, int fd,
                                   const char *name) {
  struct stat stat;
  /* The system call itself: the C library's fstat is not in every version's shared object. */
  if (syscall(SYS_fstat, fd, &stat)) {
    vitc_text text = about(name);
    vitc_add(&text, "cannot be examined: bad descriptor ");
    vitc_add_signed(&text, fd);
    return VITC_WEIGHTS_NOT_FOUND;
  }
  if (!S_ISREG(stat.st_mode)) {
    vitc_text text = about(name);
    vitc_add(&text, "not a regular file");
    return VITC_WEIGHTS_MISMATCH;
  }
  vitc_status status = check_size(name, info, (uint64_t)stat.st_size);
  if (status)
    return status;
  vitc_weights_header header;
  if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header) {
    vitc_text text = about(name);
    vitc_add(&text, "cannot be read");
    return VITC_WEIGHTS_NOT_FOUND;
  }
  status = check_header(name, info, &header);
  if (status)
    return status;
  void *mapping = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapping == MAP_FAILED) {
    vitc_text text = about(name);
    vitc_add(&text, "cannot be mapped into memory");
    return VITC_OUT_OF_MEMORY;
  }
  madvise(mapping, (size_t)stat.st_size, MADV_WILLNEED);
  weights->mapping = mapping;
  weights->mapping_bytes = (size_t)stat.st_size;
  weights->blob = (const uint8_t *)mapping + VITC_WEIGHTS_ALIGN;
  return VITC_OK;
}

/* Opens a named file; VITC_WEIGHTS_NOT_FOUND with a message if there is none. */
static vitc_status open_path(vitc_weights *weights, const vitc_model_info *info, const char *path) {
  /* Without O_NONBLOCK a fifo of that name would hang the program. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    int error = errno;
    vitc_text text = about(path);
    vitc_add(&text, error == ENOENT || error == ENOTDIR ? "no such file"
                    : error == EACCES || error == EPERM ? "permission denied"
                                                        : "cannot be opened: system error ");
    if (error != ENOENT && error != ENOTDIR && error != EACCES && error != EPERM)
      vitc_add_signed(&text, error);
    return VITC_WEIGHTS_NOT_FOUND;
  }
  vitc_status status = open_descriptor(weights, info, fd, path);
  close(fd);
  return status;
}

static int parse_hex(const char **at, uint64_t *value) {
  const char *begin = *at;
  for (*value = 0;; ++*at) {
    char c = **at;
    if (c >= '0' && c <= '9')
      *value = *value * 16 + (uint64_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      *value = *value * 16 + (uint64_t)(c - 'a' + 10);
    else
      return *at != begin;
  }
}

/* Copies the directory of the path at the end of a line of /proc/self/maps. */
static int directory_in(const char *line, char *directory, size_t size) {
  const char *path = line;
  while (*path && *path != '/')
    path++;
  size_t length = 0;
  for (size_t i = 0; path[i]; i++)
    if (path[i] == '/')
      length = i + 1;
  if (!length || length >= size)
    return 0;
  memcpy(directory, path, length);
  directory[length] = 0;
  return 1;
}

/* Reads /proc/self/maps instead of calling dladdr, which a static program lacks. Lines are
 * "begin-end flags offset device inode path". */
int vitc_directory_of(const void *address, char *directory, size_t size) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  char text[PATH_BYTES + 256];
  size_t used = 0;
  int found = 0, skipping = 0;
  for (;;) {
    ssize_t got = read(fd, text + used, sizeof text - 1 - used);
    if (got <= 0)
      break;
    used += (size_t)got;
    text[used] = 0;
    size_t begin = 0;
    for (size_t i = 0; i < used && !found; i++) {
      if (text[i] != '\n')
        continue;
      text[i] = 0;
      const char *at = text + begin;
      uint64_t low, high;
      if (!skipping && parse_hex(&at, &low) && *at++ == '-' && parse_hex(&at, &high) &&
          (uintptr_t)address >= low && (uintptr_t)address < high) {
        found = directory_in(at, directory, size) ? 1 : -1;
      }
      skipping = 0;
      begin = i + 1;
    }
    if (found)
      break;
    memmove(text, text + begin, used - begin);
    used -= begin;
    if (used == sizeof text - 1) { /* a line longer than any path: not ours */
      used = 0;
      skipping = 1;
    }
  }
  close(fd);
  return found > 0;
}

static vitc_status open_default(vitc_weights *weights, const vitc_model_info *info) {
  if (info->weights) {
    weights->blob = info->weights;
    return VITC_OK;
  }
  const char *file = info->weights_file;
  if (!file)
    return vitc_fail(VITC_WEIGHTS_NOT_FOUND,
                     "the model has no weights of its own: set weights_path, weights_fd or weights_data");
  char path[PATH_BYTES];
  size_t length = strlen(file);
  /* The runtime's own code is in the same file as the model's. */
  int beside = vitc_directory_of((const void *)(uintptr_t)&vitc_weights_open, path, sizeof path - length);
  if (beside) {
    memcpy(path + strlen(path), file, length + 1);
    vitc_status status = open_path(weights, info, path);
    if (status != VITC_WEIGHTS_NOT_FOUND)
      return status;
  }
  vitc_status status = open_path(weights, info, file);
  if (status == VITC_WEIGHTS_NOT_FOUND) {
    vitc_text text = about(file);
    vitc_add(&text, "cannot be opened, neither ");
    vitc_add(&text, beside ? "as '" : "beside the program");
    if (beside) {
      vitc_add(&text, path);
      vitc_add(&text, "'");
    }
    vitc_add(&text, " nor in the current directory; set weights_path");
  }
  return status;
}

vitc_status vitc_weights_open(vitc_weights *weights, const vitc_model_info *info,
                              const vitc_options *options) {
  *weights = (vitc_weights){0};
  if ((options->weights_path != NULL) + (options->weights_data != NULL) + (options->use_weights_fd != 0) > 1)
    return vitc_fail(VITC_INVALID_ARGUMENT,
                     "expected at most one of weights_path, weights_data and weights_fd, got several");
  if (options->weights_path)
    return open_path(weights, info, options->weights_path);
  if (options->weights_data)
    return open_memory(weights, info, options->weights_data, options->weights_size);
  if (options->use_weights_fd)
    return open_descriptor(weights, info, options->weights_fd, NULL);
  return open_default(weights, info);
}

void vitc_weights_close(vitc_weights *weights) {
  if (weights->mapping)
    munmap(weights->mapping, weights->mapping_bytes);
  *weights = (vitc_weights){0};
}
