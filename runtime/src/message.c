#include "message.h"
#include "vitc/runtime.h"

/* Messages live in a ring, and each thread keeps a pointer to its own last one. The pointer is the only
 * thread-local datum: initial-exec storage needs no __tls_get_addr, but comes out of a small static reserve
 * when a library is opened at run time, so eight bytes are what a model may cost there. */
enum { RING = 32 };
static char ring[RING][VITC_MESSAGE_BYTES];
static uint32_t next_slot;
static _Thread_local const char *last;

/* Messages are not worth their code inlined: with it, they made up half of the runtime. */
#define COLD __attribute__((cold, noinline))

COLD vitc_text vitc_message(void) {
  uint32_t slot = __atomic_fetch_add(&next_slot, 1, __ATOMIC_RELAXED) % RING;
  ring[slot][0] = 0;
  last = ring[slot];
  return (vitc_text){ring[slot], 0};
}

COLD static void add_char(vitc_text *text, char c) {
  if (text->used + 1 >= VITC_MESSAGE_BYTES)
    return;
  text->begin[text->used++] = c;
  text->begin[text->used] = 0;
}

COLD void vitc_add(vitc_text *text, const char *piece) {
  for (; *piece; piece++)
    add_char(text, *piece);
}

COLD void vitc_add_number(vitc_text *text, uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  while (count)
    add_char(text, digits[--count]);
}

COLD void vitc_add_signed(vitc_text *text, int64_t value) {
  if (value < 0)
    add_char(text, '-');
  vitc_add_number(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

COLD void vitc_add_hex(vitc_text *text, const uint8_t *bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    add_char(text, "0123456789abcdef"[bytes[i] >> 4]);
    add_char(text, "0123456789abcdef"[bytes[i] & 15]);
  }
}

COLD vitc_status vitc_fail(vitc_status status, const char *message) {
  vitc_text text = vitc_message();
  vitc_add(&text, message);
  return status;
}

const char *vitc_rt_last_message(void) { return last ? last : ""; }

const char *vitc_rt_status_name(vitc_status status) {
  switch (status) {
  case VITC_OK:
    return "ok";
  case VITC_INVALID_ARGUMENT:
    return "invalid argument";
  case VITC_OUT_OF_MEMORY:
    return "out of memory";
  case VITC_WEIGHTS_NOT_FOUND:
    return "weights not found";
  case VITC_WEIGHTS_MISMATCH:
    return "weights do not match";
  case VITC_PICTURE_TOO_LARGE:
    return "picture too large";
  case VITC_UNSUPPORTED_CPU:
    return "unsupported CPU";
  case VITC_ARENA_TOO_SMALL:
    return "arena too small";
  case VITC_THREADS_UNAVAILABLE:
    return "threads unavailable";
  }
  return "unknown status";
}
