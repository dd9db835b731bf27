/* abi.h - the contract between generated code and the runtime.
 *
 * The compiler emits one `vitc_library_info`, which lists a `vitc_model_info` per input size: constant tables
 * that name the code of each instruction-set level, the order of its parallel regions ("steps"), and where
 * each operand of a region lives. The runtime only interprets these tables: it detects the CPU, maps weights,
 * owns threads and arenas, and calls regions. It does no arithmetic on tensors beyond resizing pictures.
 *
 * The compiler builds the same structures as LLVM constants (compiler/Target/ModelTables.cpp): a change here
 * is a change there, and VITC_ABI_VERSION moves.
 */
#ifndef VITC_ABI_H
#define VITC_ABI_H

#include <stdint.h>

#define VITC_ABI_VERSION 5u

/* Where an operand of a region lives. The runtime turns (space, offset) into a pointer for each call. */
enum {
  VITC_SPACE_ARENA = 0,   /* activations of one image; the runtime adds image * arena_bytes */
  VITC_SPACE_WEIGHTS = 1, /* the packed weight blob, shared by all runs */
  VITC_SPACE_INPUT = 2,   /* the caller's f32 images, or resized pixels; adds image * input bytes */
  VITC_SPACE_OUTPUT = 3,  /* output `index` of the model; adds image * output_bytes[index] */
  VITC_SPACE_SCRATCH = 4  /* scratch of the calling thread, scratch_bytes long, 64-byte aligned */
};

typedef struct vitc_operand {
  uint32_t space;  /* VITC_SPACE_* */
  uint32_t index;  /* output number when space is VITC_SPACE_OUTPUT, else 0 */
  uint64_t offset; /* bytes */
} vitc_operand;

/* Runs one chunk of a region on one image. `operands[i]` is the resolved address of the step's operand i.
 * Chunks of one step are independent of each other and may run in any order on any thread. */
typedef void (*vitc_region_fn)(void *const *operands, int64_t chunk);

enum { VITC_MAX_OPERANDS = 12 };

/* Bits of vitc_step.flags. Without any, each image of a pass goes through the step, and through such steps
 * around it, on its own. */
enum {
  VITC_STEP_IMAGES_INNER =
      1u << 0,               /* do one chunk of every image before the next chunk: the chunk's weights stay in
                                cache, where an image alone has too few rows to make up for reading them */
  VITC_STEP_LINEAR = 1u << 1 /* a product with weights; for profiles */
};

/* Arithmetic of a step's products: vitc_step.dot. */
enum { VITC_DOT_F32 = 0, VITC_DOT_BF16 = 1, VITC_DOT_INT8 = 2 };

typedef struct vitc_step {
  vitc_region_fn run;
  const vitc_operand *operands; /* operand_count of them, at most VITC_MAX_OPERANDS */
  uint32_t operand_count;
  uint32_t chunks;  /* per image, at least 1 */
  const char *name; /* for profiles: "blk.3.fc1" */
  uint64_t flops;   /* per image: executed multiply-adds times two */
  uint32_t flags;   /* VITC_STEP_* */
  uint32_t parts;   /* at least 1: neighbouring chunks that read the same weights; divides chunks */
  /* These four are for profiles; the runtime does not read them. */
  const char *kind;          /* the planned op: "gemm", "attention", "layer_norm" */
  uint32_t dot;              /* VITC_DOT_*: what multiplies in `flops` */
  uint64_t activation_bytes; /* per image: operands in arena, input and output, read or written once */
  uint64_t weight_bytes;     /* operands in the weight blob, read once */
  /* The same region divided further, for threads that `chunks` leave without work; null if there is none.
   * Results have the same bits. */
  vitc_region_fn run_fine;
  uint32_t fine_chunks, fine_parts; /* as `chunks` and `parts`; more chunks than those */
} vitc_step;

typedef struct vitc_schedule {
  const vitc_step *steps; /* in order; each step sees the results of all earlier ones */
  uint32_t step_count;
  uint64_t input_bytes; /* of one image */
} vitc_schedule;

/* Instruction-set features a level needs, tested by cpuid and, for wide registers, XCR0. Bits of
 * vitc_level.needs. */
enum {
  VITC_CPU_X86_64_V2 = 1u << 0, /* SSE3, SSSE3, SSE4.1, SSE4.2, POPCNT, CMPXCHG16B */
  VITC_CPU_X86_64_V3 = 1u << 1, /* AVX, AVX2, FMA, F16C, BMI1, BMI2, LZCNT, MOVBE; OS saves ymm */
  VITC_CPU_X86_64_V4 = 1u << 2, /* AVX-512 F, BW, CD, DQ, VL; OS saves zmm and opmasks */
  VITC_CPU_AVX512_BF16 = 1u << 3,
  VITC_CPU_AVX512_VNNI = 1u << 4,
  VITC_CPU_AVX_VNNI = 1u << 5,
  VITC_CPU_AMX_BF16 = 1u << 6, /* AMX-TILE and AMX-BF16; the kernel granted tile state */
  VITC_CPU_AMX_INT8 = 1u << 7
};

typedef struct vitc_level {
  const char *name;       /* "x86-64-v4" */
  uint32_t needs;         /* VITC_CPU_* bits; 0 runs on any CPU of the architecture */
  uint64_t arena_bytes;   /* per image, multiple of 64 */
  uint64_t scratch_bytes; /* per thread, multiple of 64 */
  vitc_schedule run;      /* f32 images, already normalised */
  vitc_schedule run_u8;   /* pixels at the model's size; step_count 0 if the model has no preprocessing */
} vitc_level;

/* Picture preprocessing up to the model's input size; what follows (normalisation) is generated code. */
enum { VITC_RESIZE_NONE = 0, VITC_RESIZE_SQUASH = 1, VITC_RESIZE_SHORTEST = 2 };
enum { /* Pillow's numbers */
       VITC_FILTER_NEAREST = 0,
       VITC_FILTER_LANCZOS = 1,
       VITC_FILTER_BILINEAR = 2,
       VITC_FILTER_BICUBIC = 3,
       VITC_FILTER_BOX = 4,
       VITC_FILTER_HAMMING = 5
};
/* Whose arithmetic resizes. All but Pillow have the filters nearest, bilinear and bicubic only. */
enum {
  VITC_RULES_PILLOW = 0,      /* antialiased, 22-bit weights, 8 bits between the passes */
  VITC_RULES_TORCH = 1,       /* torchvision on u8 tensors, antialiased: weights of 16 bits */
  VITC_RULES_TORCH_PLAIN = 2, /* the same with antialias=False; bicubic has a = -0.75 */
  VITC_RULES_TENSORFLOW = 3,  /* tf.image.resize: f32, half-pixel centres; bicubic has a = -0.5 */
  VITC_RULES_OPENCV = 4,      /* 11-bit weights; bicubic has a = -0.75 */
  VITC_RULES_TORCH_F32 = 5    /* torchvision on f32 tensors, antialiased; no nearest */
};
enum { VITC_CROP_FLOOR = 0, VITC_CROP_HALF_EVEN = 1 }; /* rounding of (size - crop) / 2 */
enum {                                                 /* SHORTEST: how the long side is rounded */
       VITC_SIZE_FLOOR = 0,                            /* side * long / short */
       VITC_SIZE_LROUND = 1                            /* side * (long / short) in f32, half away from zero */
};

typedef struct vitc_preprocess {
  uint32_t resize;                      /* VITC_RESIZE_* */
  uint32_t filter;                      /* VITC_FILTER_* */
  uint32_t resize_height, resize_width; /* SQUASH: target; SHORTEST: resize_height is the shortest side */
  uint32_t crop;       /* nonzero: centre crop to the model's size, zero padding if smaller */
  uint32_t crop_round; /* VITC_CROP_* */
  uint32_t rules;      /* VITC_RULES_* */
  uint32_t size_round; /* VITC_SIZE_* */
  uint32_t f32;        /* nonzero: pixels become f32 [channels][height][width], not rounded (TENSORFLOW with
                          another filter than nearest, TORCH_F32); else u8 [height][width][channels] */
} vitc_preprocess;

/* A model at one input size. */
typedef struct vitc_model_info {
  const char *name;         /* symbol prefix */
  const vitc_level *levels; /* best first */
  uint32_t level_count;
  uint32_t batch; /* images per pass through the schedule; arenas hold this many */
  uint32_t input_channels, input_height, input_width;
  uint32_t output_count;
  const uint64_t *output_bytes;      /* per image */
  uint64_t weight_bytes;             /* of the packed blob */
  uint8_t weight_id[16];             /* content id, as in the header of a .vitw file */
  const void *weights;               /* the blob, when embedded; else null */
  const char *weights_file;          /* default file name when not embedded, else null */
  const vitc_preprocess *preprocess; /* null: the model takes no pictures */
  uint32_t max_side;                 /* largest picture side run_u8 accepts */
} vitc_model_info;

enum { VITC_MAX_SIZES = 16 };

/* A library: one model at each of the input sizes that it was compiled for. They have the name, the
 * interface, the levels, `batch`, `max_side` and the weights in common, and differ in code, memory and
 * preprocessing. */
typedef struct vitc_library_info {
  uint32_t abi;                  /* VITC_ABI_VERSION */
  uint32_t model_count;          /* 1 to VITC_MAX_SIZES */
  const vitc_model_info *models; /* the default first; each of another input size */
} vitc_library_info;

/* Header of a .vitw file: these 64 bytes, zeros up to VITC_WEIGHTS_ALIGN, then the blob of weight_bytes
 * bytes. */
#define VITC_WEIGHTS_MAGIC "VITCWGT1"
enum { VITC_WEIGHTS_ALIGN = 4096 };

typedef struct vitc_weights_header {
  char magic[8];
  uint32_t abi;
  uint32_t header_bytes; /* 4096 */
  uint64_t weight_bytes;
  uint8_t weight_id[16];
  uint8_t reserved[24];
} vitc_weights_header;

#endif /* VITC_ABI_H */
