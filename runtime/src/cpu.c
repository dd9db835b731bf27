#define _GNU_SOURCE
#include "cpu.h"
#include "message.h"
#include <stddef.h>

#define BIT(n) (1u << (n))

enum {
  LEAF1_V2 =
      BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23), /* SSE3 SSSE3 CX16 SSE4.1 SSE4.2 POPCNT */
  LEAF1_V3 = BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29),  /* FMA MOVBE OSXSAVE AVX F16C */
  LEAF7_EBX_V3 = BIT(3) | BIT(5) | BIT(8),                     /* BMI1 AVX2 BMI2 */
  OSXSAVE = BIT(27),
  EXTENDED1_V3 = BIT(5) /* LZCNT */
};
static const uint32_t leaf7_ebx_v4 =
    BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31); /* AVX-512 F DQ CD BW VL */
enum { XCR0_YMM = 0x6, XCR0_ZMM = 0xe6, XCR0_TILE = 0x60000 };
enum { AMX_BITS = VITC_CPU_AMX_BF16 | VITC_CPU_AMX_INT8 };

static int all(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

uint32_t vitc_cpu_features_from(const vitc_cpuid_leaves *l) {
  uint32_t have = 0;
  if (!all(l->leaf1_ecx, LEAF1_V2))
    return have;
  have |= VITC_CPU_X86_64_V2;
  if (!all(l->leaf1_ecx, LEAF1_V3) || !all(l->leaf7_ebx, LEAF7_EBX_V3) ||
      !all(l->extended1_ecx, EXTENDED1_V3) || !all(l->xcr0, XCR0_YMM))
    return have;
  have |= VITC_CPU_X86_64_V3;
  if (all(l->leaf7_1_eax, BIT(4)))
    have |= VITC_CPU_AVX_VNNI;
  if (!all(l->leaf7_ebx, leaf7_ebx_v4) || !all(l->xcr0, XCR0_ZMM))
    return have;
  have |= VITC_CPU_X86_64_V4;
  if (all(l->leaf7_1_eax, BIT(5)))
    have |= VITC_CPU_AVX512_BF16;
  if (all(l->leaf7_ecx, BIT(11)))
    have |= VITC_CPU_AVX512_VNNI;
  if (all(l->leaf7_edx, BIT(24)) && all(l->xcr0, XCR0_TILE)) {
    if (all(l->leaf7_edx, BIT(22)))
      have |= VITC_CPU_AMX_BF16;
    if (all(l->leaf7_edx, BIT(25)))
      have |= VITC_CPU_AMX_INT8;
  }
  return have;
}

vitc_cpuid_leaves vitc_cpu_leaves_of(const vitc_cpu_source *source) {
  vitc_cpuid_leaves leaves = {0};
  uint32_t r[4]; /* eax, ebx, ecx, edx */
  source->cpuid(0, 0, r);
  uint32_t last = r[0];
  if (last >= 1) {
    source->cpuid(1, 0, r);
    leaves.leaf1_ecx = r[2];
  }
  if (last >= 7) {
    source->cpuid(7, 0, r);
    leaves.leaf7_ebx = r[1];
    leaves.leaf7_ecx = r[2];
    leaves.leaf7_edx = r[3];
    if (r[0] >= 1) { /* its last subleaf */
      source->cpuid(7, 1, r);
      leaves.leaf7_1_eax = r[0];
    }
  }
  source->cpuid(0x80000000u, 0, r);
  if (r[0] >= 0x80000001u && r[0] < 0x80010000u) {
    source->cpuid(0x80000001u, 0, r);
    leaves.extended1_ecx = r[2];
  }
  if (leaves.leaf1_ecx & OSXSAVE)
    leaves.xcr0 = source->xgetbv();
  return leaves;
}

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static void ask_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]) {
  __cpuid_count(leaf, subleaf, registers[0], registers[1], registers[2], registers[3]);
}

static uint64_t ask_xgetbv(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

void vitc_cpu_read_leaves(vitc_cpuid_leaves *leaves) {
  const vitc_cpu_source cpu = {ask_cpuid, ask_xgetbv};
  *leaves = vitc_cpu_leaves_of(&cpu);
}

int vitc_cpu_request_amx(void) {
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
void vitc_cpu_read_leaves(vitc_cpuid_leaves *leaves) { *leaves = (vitc_cpuid_leaves){0}; }

int vitc_cpu_request_amx(void) { return 0; }
#endif

static uint32_t missing(const vitc_level *level, uint32_t features, int (*request_amx)(void)) {
  uint32_t lacks = level->needs & ~features;
  if (!lacks && (level->needs & AMX_BITS) && !request_amx())
    lacks = level->needs & AMX_BITS;
  return lacks;
}

const vitc_level *vitc_cpu_best_level(const vitc_level *levels, uint32_t count, uint32_t features,
                                      int (*request_amx)(void)) {
  for (uint32_t i = 0; i < count; i++)
    if (!missing(&levels[i], features, request_amx))
      return &levels[i];
  return NULL;
}

static int same(const char *a, const char *b) {
  for (; *a && *a == *b; a++)
    b++;
  return *a == *b;
}

static const char *const feature_names[] = {"x86-64-v2",   "x86-64-v3", "x86-64-v4", "AVX512-BF16",
                                            "AVX512-VNNI", "AVX-VNNI",  "AMX-BF16",  "AMX-INT8"};

vitc_status vitc_cpu_named_level(const vitc_level *levels, uint32_t count, const char *name,
                                 uint32_t features, int (*request_amx)(void), const vitc_level **level) {
  for (uint32_t i = 0; i < count; i++) {
    if (!same(levels[i].name, name))
      continue;
    uint32_t lacks = missing(&levels[i], features, request_amx);
    if (!lacks) {
      *level = &levels[i];
      return VITC_OK;
    }
    vitc_text text = vitc_message();
    vitc_add(&text, "level '");
    vitc_add(&text, name);
    vitc_add(&text, "' needs what this CPU or system lacks:");
    for (uint32_t bit = 0; bit < sizeof feature_names / sizeof *feature_names; bit++) {
      if (lacks & BIT(bit)) {
        vitc_add(&text, " ");
        vitc_add(&text, feature_names[bit]);
      }
    }
    return VITC_UNSUPPORTED_CPU;
  }
  vitc_text text = vitc_message();
  vitc_add(&text, "the library has no level '");
  vitc_add(&text, name);
  vitc_add(&text, "'; it has");
  for (uint32_t i = 0; i < count; i++) {
    vitc_add(&text, i ? ", " : " ");
    vitc_add(&text, levels[i].name);
  }
  return VITC_INVALID_ARGUMENT;
}
