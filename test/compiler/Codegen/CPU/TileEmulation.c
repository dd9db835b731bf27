#include "TileEmulation.h"
#include <math.h>
#include <string.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64 };

typedef struct tile {
  uint8_t rows;
  uint16_t row_bytes;
  uint8_t data[ROWS][ROW_BYTES];
} tile;

static _Thread_local struct {
  int configured;
  tile tiles[TILES];
} unit;

static vitc_emulated_counts counts;

static void count(uint64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

static int fault(const char *what) {
  const char *none = NULL;
  __atomic_compare_exchange_n(&counts.fault, &none, what, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return 1;
}

vitc_emulated_counts vitc_emulated_state(void) { return counts; }

void vitc_emulated_reset(void) {
  memset(&counts, 0, sizeof counts);
  memset(&unit, 0, sizeof unit);
}

/* Bytes: palette, start row, 14 reserved, row bytes of 16 tiles (u16), rows of 16 tiles (u8). */
void vitc_emulated_ldtilecfg(const uint8_t *config) {
  count(&counts.configurations);
  if (config[0] == 0) {
    memset(&unit, 0, sizeof unit);
    return;
  }
  if (config[0] != 1) {
    fault("ldtilecfg: #GP, palette is not 1");
    return;
  }
  for (int i = 2; i < 16; i++)
    if (config[i]) {
      fault("ldtilecfg: #GP, reserved byte");
      return;
    }
  for (int i = 0; i < 16; i++) {
    unsigned row_bytes = config[16 + 2 * i] | config[17 + 2 * i] << 8, rows = config[48 + i];
    if (i >= TILES ? row_bytes || rows : row_bytes > ROW_BYTES || rows > ROWS || !row_bytes != !rows) {
      fault("ldtilecfg: #GP, extents of a tile");
      return;
    }
  }
  memset(&unit, 0, sizeof unit); /* a new configuration zeroes all tiles */
  unit.configured = 1;
  for (int i = 0; i < TILES; i++) {
    unit.tiles[i].row_bytes = (uint16_t)(config[16 + 2 * i] | config[17 + 2 * i] << 8);
    unit.tiles[i].rows = config[48 + i];
  }
}

void vitc_emulated_tilerelease(void) {
  count(&counts.releases);
  memset(&unit, 0, sizeof unit);
}

static tile *get(uint8_t number) {
  if (!unit.configured)
    return fault("#UD, tiles are not configured"), NULL;
  if (number >= TILES || !unit.tiles[number].rows)
    return fault("#UD, the tile has no extents"), NULL;
  return &unit.tiles[number];
}

void vitc_emulated_tilezero(uint8_t number) {
  tile *t = get(number);
  if (t)
    memset(t->data, 0, sizeof t->data);
}

void vitc_emulated_tileloadd64(uint8_t number, const uint8_t *base, int64_t stride) {
  tile *t = get(number);
  if (!t)
    return;
  memset(t->data, 0, sizeof t->data); /* what lies outside the extents becomes zero */
  for (int row = 0; row < t->rows; row++)
    memcpy(t->data[row], base + row * stride, t->row_bytes);
}

void vitc_emulated_tilestored64(uint8_t number, uint8_t *base, int64_t stride) {
  const tile *t = get(number);
  for (int row = 0; t && row < t->rows; row++)
    memcpy(base + row * stride, t->data[row], t->row_bytes);
}

/* The tiles of a product; 0 if their extents do not match. */
static int operands(uint8_t c, uint8_t a, uint8_t b, tile **sums, const tile **left, const tile **right) {
  count(&counts.products);
  if (c == a || c == b || a == b)
    return !fault("#UD, a product of a tile with itself");
  *sums = get(c);
  *left = get(a);
  *right = get(b);
  if (!*sums || !*left || !*right)
    return 0;
  if ((*sums)->rows != (*left)->rows || (*sums)->row_bytes != (*right)->row_bytes ||
      (*left)->row_bytes / 4 != (*right)->rows || (*left)->row_bytes % 4 || (*sums)->row_bytes % 4)
    return !fault("#UD, extents of a product do not match");
  return 1;
}

static float flush(float x) { return fpclassify(x) == FP_SUBNORMAL ? copysignf(0.0f, x) : x; }

static float get_bf16(const uint8_t *at) {
  uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 24;
  float value;
  memcpy(&value, &bits, sizeof value);
  return flush(value);
}

/* Even and odd elements are summed apart by fused multiply-adds, then added: to nearest, subnormal numbers
 * taken for and turned into zero at each step, whatever MXCSR says. */
void vitc_emulated_tdpbf16ps(uint8_t c, uint8_t a, uint8_t b) {
  tile *sums;
  const tile *left, *right;
  if (!operands(c, a, b, &sums, &left, &right))
    return;
  for (int m = 0; m < sums->rows; m++)
    for (int n = 0; n < sums->row_bytes / 4; n++) {
      float even = 0, odd = 0, sum;
      for (int k = 0; k < left->row_bytes / 4; k++) {
        even = flush(fmaf(get_bf16(left->data[m] + 4 * k), get_bf16(right->data[k] + 4 * n), even));
        odd = flush(fmaf(get_bf16(left->data[m] + 4 * k + 2), get_bf16(right->data[k] + 4 * n + 2), odd));
      }
      memcpy(&sum, sums->data[m] + 4 * n, sizeof sum);
      sum = flush(flush(sum) + flush(even + odd));
      memcpy(sums->data[m] + 4 * n, &sum, sizeof sum);
    }
}

/* Unsigned bytes of `a` by signed bytes of `b`; sums wrap. */
void vitc_emulated_tdpbusd(uint8_t c, uint8_t a, uint8_t b) {
  tile *sums;
  const tile *left, *right;
  if (!operands(c, a, b, &sums, &left, &right))
    return;
  for (int m = 0; m < sums->rows; m++)
    for (int n = 0; n < sums->row_bytes / 4; n++) {
      uint32_t sum;
      memcpy(&sum, sums->data[m] + 4 * n, sizeof sum);
      for (int k = 0; k < left->row_bytes; k++)
        sum += (uint32_t)(left->data[m][k] * (int8_t)right->data[k / 4][4 * n + k % 4]);
      memcpy(sums->data[m] + 4 * n, &sum, sizeof sum);
    }
}
