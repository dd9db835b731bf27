/* message.h - the calling thread's message, built without the printf family. */
#ifndef VITC_MESSAGE_H
#define VITC_MESSAGE_H

#include "vitc/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Text under construction; anything beyond its size is cut. */
typedef struct vitc_text {
  char *begin;
  uint32_t used;
} vitc_text;

enum { VITC_MESSAGE_BYTES = 384 };

/* Starts a new message for the calling thread; the pieces follow in order. */
vitc_text vitc_message(void);
void vitc_add(vitc_text *text, const char *piece);
void vitc_add_number(vitc_text *text, uint64_t value);
void vitc_add_signed(vitc_text *text, int64_t value);
void vitc_add_hex(vitc_text *text, const uint8_t *bytes, uint32_t count);

/* A whole message in one call: returns `status`. */
vitc_status vitc_fail(vitc_status status, const char *message);

#ifdef __cplusplus
}
#endif

#endif /* VITC_MESSAGE_H */
