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
  EXTENDED1_V3 = BIT(5)                                        /* LZCNT */
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

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

void vitc_cpu_read_leaves(vitc_cpuid_leaves *leaves) {
  *leaves = (vitc_cpuid_leaves){0};
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d))
    leaves->leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    leaves->leaf7_ebx = b;
    leaves->leaf7_ecx = c;
    leaves->leaf7_edx = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
      leaves->leaf7_1_eax = a;
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d))
    leaves->extended1_ecx = c;
  if (leaves->leaf1_ecx & BIT(27)) {
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    leaves->xcr0 = (uint64_t)d << 32 | a;
  }
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
