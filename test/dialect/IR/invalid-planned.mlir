// One case for each constraint of the planned ops, named as in VitPlannedOps.td.
// RUN: vit-opt %s -split-input-file -verify-diagnostics

func.func @plan_buffer_c1_dynamic() {
  // expected-error @+1 {{expected static extents and strides of which the innermost is one, got 'memref<?x4xf32>' (plan_buffer_c1)}}
  vit.plan.buffer : memref<?x4xf32>
  return
}

// -----

func.func @plan_buffer_c1_stride() {
  // expected-error @+1 {{(plan_buffer_c1)}}
  vit.plan.buffer : memref<3x4xf32, strided<[8, 2]>>
  return
}

// -----

func.func @plan_buffer_c1_overlap() {
  // expected-error @+1 {{(plan_buffer_c1)}}
  vit.plan.buffer : memref<3x4xf32, strided<[3, 1]>>
  return
}

// -----

func.func @plan_buffer_c2() {
  // expected-error @+1 {{expected an offset that is a multiple of 64, from 0 to 2^33, got 32 (plan_buffer_c2)}}
  vit.plan.buffer at 32 : memref<3x4xf32>
  return
}

// -----

func.func @plan_buffer_c2_negative() {
  // expected-error @+1 {{expected an offset that is a multiple of 64, from 0 to 2^33, got -64 (plan_buffer_c2)}}
  vit.plan.buffer at -64 : memref<3x4xf32>
  return
}

// -----

vit.weight @w : tensor<3x4xf32>
func.func @plan_weights_c1() {
  // expected-error @+1 {{expected a weight @w of 24 elements (plan_weights_c1)}}
  vit.plan.weights @w : memref<3x4xf32, strided<[8, 1]>>
  return
}

// -----

func.func @plan_weights_c1_missing() {
  // expected-error @+1 {{expected a weight @w of 12 elements (plan_weights_c1)}}
  vit.plan.weights @w : memref<3x4xf32>
  return
}

// -----

func.func @plan_view_c1_rows(%x: memref<4x8xf32>) {
  // expected-error @+1 {{expected rows inside 'memref<4x8xf32>' with its width and stride, got 'memref<2x8xf32>' (plan_view_c1)}}
  vit.plan.view %x from 3 : memref<4x8xf32> -> memref<2x8xf32>
  return
}

// -----

func.func @plan_view_c1_negative(%x: memref<4x8xf32>) {
  // expected-error @+1 {{(plan_view_c1)}}
  vit.plan.view %x from -1 : memref<4x8xf32> -> memref<2x8xf32>
  return
}

// -----

func.func @plan_view_c1_stride(%x: memref<4x8xf32>) {
  // expected-error @+1 {{(plan_view_c1)}}
  vit.plan.view %x from 0 : memref<4x8xf32> -> memref<2x8xf32, strided<[16, 1]>>
  return
}

// -----

func.func @plan_gather_c1(%x: memref<8x8x3xi8>, %y: memref<16x16xf32>) {
  // expected-error @+1 {{expected result [16, 12], got 'memref<16x16xf32>' (plan_gather_c1)}}
  vit.plan.gather ins(%x : memref<8x8x3xi8>) outs(%y : memref<16x16xf32>) size [2, 2] stride [2, 2] chunks 1
  return
}

// -----

func.func @plan_gather_c1_size(%x: memref<8x8x3xi8>, %y: memref<16x12xf32>) {
  // expected-error @+1 {{expected size and stride of two positive entries (plan_gather_c1)}}
  vit.plan.gather ins(%x : memref<8x8x3xi8>) outs(%y : memref<16x12xf32>) size [2, -2] stride [2, 2] chunks 1
  return
}

// -----

func.func @plan_gather_c1_too_large(%x: memref<3x8x8xf32>, %y: memref<16x12xf32>) {
  // expected-error @+1 {{expected a patch inside the image, got 9 x 2 (plan_gather_c1)}}
  vit.plan.gather ins(%x : memref<3x8x8xf32>) outs(%y : memref<16x12xf32>) size [9, 2] stride [2, 2] chunks 1
  return
}

// -----

func.func @plan_gather_c1_padding(%x: memref<3x8x8xf32>, %y: memref<16x12xf32>) {
  // expected-error @+1 {{expected paddings of 0 to 1, got -1 (plan_gather_c1)}}
  vit.plan.gather ins(%x : memref<3x8x8xf32>) outs(%y : memref<16x12xf32>) size [2, 2] stride [2, 2] chunks 1
      {padding = array<i64: 0, -1, 0, 0>}
  return
}

// -----

func.func @plan_gather_c3(%x: memref<3x8x8xf32>, %y: memref<16x12xf32>) {
  // expected-error @+1 {{expected 3 factors and shifts or none, got 1 and 1 (plan_gather_c3)}}
  vit.plan.gather ins(%x : memref<3x8x8xf32>) outs(%y : memref<16x12xf32>) size [2, 2] stride [2, 2] chunks 1
      {factors = array<f64: 1.0>, shifts = array<f64: 0.0>}
  return
}

// -----

func.func @plan_gather_c2(%x: memref<8x8x3xi8>, %y: memref<16x12xf32>) {
  // expected-error @+1 {{expected 1 to 16 chunks, got 17 (plan_gather_c2)}}
  vit.plan.gather ins(%x : memref<8x8x3xi8>) outs(%y : memref<16x12xf32>) size [2, 2] stride [2, 2] chunks 17
  return
}

// -----

func.func @plan_gather_rank(%x: memref<8xi8>, %y: memref<16x12xf32>) {
  // expected-error @+1 {{operand #0 must be f32 image [channels, height, width] or u8 pixels [height, width, channels]}}
  vit.plan.gather ins(%x : memref<8xi8>) outs(%y : memref<16x12xf32>) size [2, 2] stride [2, 2] chunks 1
  return
}

// -----

func.func @plan_gemm_c1_pairs(%a: memref<5x9xf32>, %w: memref<1x4x32xbf16>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected weights of K = 5 and whole pairs, got 'memref<1x4x32xbf16>' (plan_gemm_c1)}}
  vit.plan.gemm ins(%a, %w : memref<5x9xf32>, memref<1x4x32xbf16>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c1_narrow_rows(%a: memref<5x8xbf16>, %w: memref<1x8x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected 'bf16' weights for 'bf16' rows, got 'memref<1x8x16xf32>' (plan_gemm_c1)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xbf16>, memref<1x8x16xf32>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c1_room(%a: memref<5x9xbf16>, %w: memref<1x5x32xbf16>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected room for whole pairs in A, got 'memref<5x9xbf16>' (plan_gemm_c1)}}
  vit.plan.gemm ins(%a, %w : memref<5x9xbf16>, memref<1x5x32xbf16>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c7_columns(%a: memref<5x8xf32>, %w: memref<1x2x64xi8>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected scales of 16 columns for i8 weights, sums of as many and scales of 5 rows for i8 or i16 rows, and none for others (plan_gemm_c7)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x2x64xi8>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c7_rows(%a: memref<5x8xi8>, %w: memref<1x2x64xi8>, %s: memref<16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{(plan_gemm_c7)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xi8>, memref<1x2x64xi8>) column_scales(%s : memref<16xf32>)
      column_sums(%s : memref<16xf32>) outs(%c : memref<5x16xf32>) tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c7_none(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %s: memref<16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{(plan_gemm_c7)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) column_scales(%s : memref<16xf32>)
      outs(%c : memref<5x16xf32>) tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_quantize_c1(%x: memref<5x8xf32>, %y: memref<5x8xi8>, %s: memref<4xf32>) {
  // expected-error @+1 {{expected an output of the input's shape and a scale a row, got 'memref<5x8xi8>' and 'memref<4xf32>' (plan_quantize_c1)}}
  vit.plan.quantize ins(%x : memref<5x8xf32>) outs(%y, %s : memref<5x8xi8>, memref<4xf32>) chunks 1
  return
}

// -----

func.func @plan_quantize_c2(%x: memref<5x8xf32>, %y: memref<5x8xi8>, %s: memref<5xf32>) {
  // expected-error @+1 {{expected 1 to 5 chunks, got 6 (plan_quantize_c2)}}
  vit.plan.quantize ins(%x : memref<5x8xf32>) outs(%y, %s : memref<5x8xi8>, memref<5xf32>) chunks 6
  return
}

// -----

func.func @plan_gemm_c1(%a: memref<5x8xf32>, %w: memref<1x7x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected weights of K = 8 and whole columns, got 'memref<1x7x16xf32>' (plan_gemm_c1)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x7x16xf32>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c2_rows(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<6x16xf32>) {
  // expected-error @+1 {{expected C of 5 rows and 1 to 16 columns, got 'memref<6x16xf32>' (plan_gemm_c2)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<6x16xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c2_columns(%a: memref<5x8xf32>, %w: memref<2x8x16xf32>, %c: memref<5x16xf32, strided<[32, 1]>>) {
  // expected-error @+1 {{expected C of 5 rows and 17 to 32 columns, got 'memref<5x16xf32, strided<[32, 1]>>' (plan_gemm_c2)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<2x8x16xf32>) outs(%c : memref<5x16xf32, strided<[32, 1]>>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c3_rows(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<5x10xf32>) {
  // expected-error @+1 {{expected C to have room for 16 columns, got 'memref<5x10xf32>' (plan_gemm_c3)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<5x10xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c3_planes(%a: memref<5x8xf32>, %w: memref<2x8x16xf32>, %c: memref<3x5x8xf32>) {
  // expected-error @+1 {{expected C to have room for 32 columns, got 'memref<3x5x8xf32>' (plan_gemm_c3)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<2x8x16xf32>) outs(%c : memref<3x5x8xf32>)
      tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c4(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %b: memref<10xf32>,
                        %c: memref<5x10xf32, strided<[16, 1]>>) {
  // expected-error @+1 {{expected a bias of 16 entries, got 'memref<10xf32>' (plan_gemm_c4)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) bias(%b : memref<10xf32>)
      outs(%c : memref<5x10xf32, strided<[16, 1]>>) tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c5_shape(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %r: memref<4x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected a factor and a residual of C's shape with room for 16 columns, got 'memref<4x16xf32>' (plan_gemm_c5)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) residual(%r : memref<4x16xf32>)
      outs(%c : memref<5x16xf32>) tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c5_room(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %r: memref<5x10xf32>,
                             %c: memref<5x10xf32, strided<[16, 1]>>) {
  // expected-error @+1 {{expected a factor and a residual of C's shape with room for 16 columns, got 'memref<5x10xf32>' (plan_gemm_c5)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) residual(%r : memref<5x10xf32>)
      outs(%c : memref<5x10xf32, strided<[16, 1]>>) tile [4, 1] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c6_tile(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{(plan_gemm_c6)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<5x16xf32>)
      tile [4, 65] grid [1, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c6_grid(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{(plan_gemm_c6)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [3, 1, 1] flops 0
  return
}

// -----

func.func @plan_gemm_c6_parts(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{(plan_gemm_c6)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<5x16xf32>)
      tile [4, 1] grid [1, 1, 3] flops 0
  return
}

// -----

func.func @plan_gemm_c9(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected more fine parts than 2, at most one a tile, got 2 (plan_gemm_c9)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<5x16xf32>)
      tile [2, 1] grid [1, 1, 2] fine 2 flops 0
  return
}

// -----

func.func @plan_gemm_c9_tiles(%a: memref<5x8xf32>, %w: memref<1x8x16xf32>, %c: memref<5x16xf32>) {
  // expected-error @+1 {{expected more fine parts than 1, at most one a tile, got 4 (plan_gemm_c9)}}
  vit.plan.gemm ins(%a, %w : memref<5x8xf32>, memref<1x8x16xf32>) outs(%c : memref<5x16xf32>)
      tile [2, 1] grid [1, 1, 1] fine 4 flops 0
  return
}

// -----

func.func @plan_layer_norm_c1(%x: memref<5x8xf32>, %y: memref<5x7xf32>) {
  // expected-error @+1 {{expected output of shape 'memref<5x8xf32>', got 'memref<5x7xf32>' (plan_layer_norm_c1)}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) outs(%y : memref<5x7xf32>) eps 1.0e-6 chunks 1
  return
}

// -----

func.func @plan_layer_norm_c2(%x: memref<5x8xf32>, %g: memref<8xf32>, %y: memref<5x8xf32>) {
  // expected-error @+1 {{expected gamma and beta of at least 16 entries, got 'memref<8xf32>' (plan_layer_norm_c2)}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) gamma(%g : memref<8xf32>) outs(%y : memref<5x8xf32>)
      eps 1.0e-6 chunks 1
  return
}

// -----

func.func @plan_layer_norm_c4(%x: memref<5x8xf32>, %y: memref<5x8xi8>) {
  // expected-error @+1 {{expected 5 scales for rows of integers and none for others, got 'none' for 'memref<5x8xi8>' (plan_layer_norm_c4)}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) outs(%y : memref<5x8xi8>) eps 1.0e-6 chunks 1
  return
}

// -----

func.func @plan_layer_norm_c4_floats(%x: memref<5x8xf32>, %s: memref<5xf32>) {
  // expected-error @+1 {{expected 5 scales for rows of integers and none for others, got 'memref<5xf32>' for 'memref<5x8xf32>' (plan_layer_norm_c4)}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) outs(%x : memref<5x8xf32>) scales(%s : memref<5xf32>) eps 1.0e-6 chunks 1
  return
}

// -----

func.func @plan_layer_norm_c4_given(%x: memref<5x8xf32>) {
  // expected-error @+1 {{expected scales that are given (plan_layer_norm_c4)}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) outs(%x : memref<5x8xf32>) given eps 1.0e-6 chunks 1
  return
}

// -----

func.func @plan_layer_norm_c3_chunks(%x: memref<5x8xf32>, %y: memref<5x8xf32>) {
  // expected-error @+1 {{expected 1 to 5 chunks, got 0 (plan_layer_norm_c3)}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) outs(%y : memref<5x8xf32>) eps 1.0e-6 chunks 0
  return
}

// -----

func.func @plan_layer_norm_c3_eps(%x: memref<5x8xf32>, %y: memref<5x8xf32>) {
  // expected-error @+1 {{expected a positive, finite eps, got}}
  vit.plan.layer_norm ins(%x : memref<5x8xf32>) outs(%y : memref<5x8xf32>) eps -1.0 chunks 1
  return
}

// -----

func.func @plan_attention_c1_width(%x: memref<6x5x8xf32>, %y: memref<5x16xf32>) {
  // expected-error @+1 {{expected three planes of one width that is a multiple of 16 (plan_attention_c1)}}
  vit.plan.attention ins(%x, %x, %x : memref<6x5x8xf32>, memref<6x5x8xf32>, memref<6x5x8xf32>)
      outs(%y : memref<5x16xf32>) heads 2 planes [0, 2, 4] tile [4, 1] grid [1, 2] flops 0
  return
}

// -----

func.func @plan_attention_c1_type(%x: memref<6x5x16xf32>, %v: memref<6x5x16xbf16>, %y: memref<5x32xf32>) {
  // expected-error @+1 {{expected planes of one element type (plan_attention_c1)}}
  vit.plan.attention ins(%x, %x, %v : memref<6x5x16xf32>, memref<6x5x16xf32>, memref<6x5x16xbf16>)
      outs(%y : memref<5x32xf32>) heads 2 planes [0, 2, 4] tile [4, 1] grid [1, 2] flops 0
  return
}

// -----

func.func @plan_attention_c1_planes(%x: memref<6x5x16xf32>, %y: memref<5x32xf32>) {
  // expected-error @+1 {{expected planes from 5 within 6 (plan_attention_c1)}}
  vit.plan.attention ins(%x, %x, %x : memref<6x5x16xf32>, memref<6x5x16xf32>, memref<6x5x16xf32>)
      outs(%y : memref<5x32xf32>) heads 2 planes [0, 2, 5] tile [4, 1] grid [1, 2] flops 0
  return
}

// -----

func.func @plan_attention_c2(%x: memref<2x5x16xf32>, %v: memref<2x6x16xf32>, %y: memref<5x32xf32>) {
  // expected-error @+1 {{expected key and value of one row count, got 5 and 6 (plan_attention_c2)}}
  vit.plan.attention ins(%x, %x, %v : memref<2x5x16xf32>, memref<2x5x16xf32>, memref<2x6x16xf32>)
      outs(%y : memref<5x32xf32>) heads 2 planes [0, 0, 0] tile [4, 1] grid [1, 2] flops 0
  return
}

// -----

func.func @plan_attention_c3(%x: memref<2x5x16xf32>, %y: memref<5x16xf32>) {
  // expected-error @+1 {{expected output [5, 32], got 'memref<5x16xf32>' (plan_attention_c3)}}
  vit.plan.attention ins(%x, %x, %x : memref<2x5x16xf32>, memref<2x5x16xf32>, memref<2x5x16xf32>)
      outs(%y : memref<5x16xf32>) heads 2 planes [0, 0, 0] tile [4, 1] grid [1, 2] flops 0
  return
}

// -----

func.func @plan_attention_c4_grid(%x: memref<2x5x16xf32>, %y: memref<5x32xf32>) {
  // expected-error @+1 {{expected grid [row blocks, 2] with at most one row block for 32 queries (plan_attention_c4)}}
  vit.plan.attention ins(%x, %x, %x : memref<2x5x16xf32>, memref<2x5x16xf32>, memref<2x5x16xf32>)
      outs(%y : memref<5x32xf32>) heads 2 planes [0, 0, 0] tile [4, 1] grid [1, 1] flops 0
  return
}

// -----

func.func @plan_attention_c4_tile(%x: memref<2x5x16xf32>, %y: memref<5x32xf32>) {
  // expected-error @+1 {{(plan_attention_c4)}}
  vit.plan.attention ins(%x, %x, %x : memref<2x5x16xf32>, memref<2x5x16xf32>, memref<2x5x16xf32>)
      outs(%y : memref<5x32xf32>) heads 2 planes [0, 0, 0] tile [0, 1] grid [1, 2] flops 0
  return
}

// -----

func.func @plan_attention_c5(%x: memref<2x5x16xf32>, %y: memref<5x32xf32>) {
  // expected-error @+1 {{expected more fine row blocks than 1, at most one for 32 queries, got 3 (plan_attention_c5)}}
  vit.plan.attention ins(%x, %x, %x : memref<2x5x16xf32>, memref<2x5x16xf32>, memref<2x5x16xf32>)
      outs(%y : memref<5x32xf32>) heads 2 planes [0, 0, 0] tile [4, 1] grid [1, 2] fine 3 flops 0
  return
}

// -----

func.func @plan_copy_c1(%x: memref<5x8xf32>, %y: memref<4x8xf32>) {
  // expected-error @+1 {{expected output of shape 'memref<5x8xf32>', got 'memref<4x8xf32>' (plan_copy_c1)}}
  vit.plan.copy ins(%x : memref<5x8xf32>) outs(%y : memref<4x8xf32>) chunks 1
  return
}

// -----

func.func @plan_copy_c2(%x: memref<5x8xf32>, %y: memref<5x8xf32>) {
  // expected-error @+1 {{expected 1 to 5 chunks, got 6 (plan_copy_c2)}}
  vit.plan.copy ins(%x : memref<5x8xf32>) outs(%y : memref<5x8xf32>) chunks 6
  return
}

// -----

func.func @plan_map_c1(%x: memref<5x8xf32>, %y: memref<4x8xf32>) {
  // expected-error @+1 {{expected inputs of shape 'memref<4x8xf32>', got 'memref<5x8xf32>' (plan_map_c1)}}
  vit.plan.map ins(%x : memref<5x8xf32>) outs(%y : memref<4x8xf32>) factor 1.0 chunks 1
  return
}

// -----

func.func @plan_map_c1_none(%y: memref<4x8xf32>) {
  // expected-error @+1 {{expected at least one input (plan_map_c1)}}
  "vit.plan.map"(%y) <{factor = 1.0 : f64, chunks = 1 : i64}> : (memref<4x8xf32>) -> ()
  return
}

// -----

func.func @plan_map_c2(%x: memref<5x8xf32>) {
  // expected-error @+1 {{expected 1 to 5 chunks, got -1 (plan_map_c2)}}
  vit.plan.map ins(%x : memref<5x8xf32>) outs(%x : memref<5x8xf32>) factor 1.0 chunks -1
  return
}

// -----

func.func @plan_join_c1_rows(%x: memref<1x8xf32>, %y: memref<2x16xf32>) {
  // expected-error @+1 {{expected inputs of 2 rows, got 'memref<1x8xf32>' (plan_join_c1)}}
  vit.plan.join ins(%x, %x : memref<1x8xf32>, memref<1x8xf32>) outs(%y : memref<2x16xf32>) chunks 1
  return
}

// -----

func.func @plan_join_c1_columns(%x: memref<2x8xf32>, %y: memref<2x17xf32>) {
  // expected-error @+1 {{expected inputs of 17 columns together, got 16 (plan_join_c1)}}
  vit.plan.join ins(%x, %x : memref<2x8xf32>, memref<2x8xf32>) outs(%y : memref<2x17xf32>) chunks 1
  return
}

// -----

func.func @plan_join_c2(%x: memref<2x8xf32>, %y: memref<2x16xf32>) {
  // expected-error @+1 {{expected 1 to 2 chunks, got 3 (plan_join_c2)}}
  vit.plan.join ins(%x, %x : memref<2x8xf32>, memref<2x8xf32>) outs(%y : memref<2x16xf32>) chunks 3
  return
}

// -----

func.func @plan_max_c1(%x: memref<5x8xf32>, %y: memref<1x9xf32>) {
  // expected-error @+1 {{expected output [1, 8], got 'memref<1x9xf32>' (plan_max_c1)}}
  vit.plan.max ins(%x : memref<5x8xf32>) outs(%y : memref<1x9xf32>)
  return
}

// -----

func.func @plan_softmax_c1(%x: memref<2x8xf32>, %y: memref<2x9xf32>) {
  // expected-error @+1 {{expected output of shape 'memref<2x8xf32>', got 'memref<2x9xf32>' (plan_softmax_c1)}}
  vit.plan.softmax ins(%x : memref<2x8xf32>) outs(%y : memref<2x9xf32>) chunks 1
  return
}

// -----

func.func @plan_softmax_c2(%x: memref<2x8xf32>) {
  // expected-error @+1 {{expected 1 to 2 chunks, got 0 (plan_softmax_c2)}}
  vit.plan.softmax ins(%x : memref<2x8xf32>) outs(%x : memref<2x8xf32>) chunks 0
  return
}

// -----

func.func @plan_attention_weights_c1(%q: memref<2x3x16xf32>, %k: memref<2x3x32xf32>, %y: memref<6x3xf32>) {
  // expected-error @+1 {{expected query and key of one number of planes and one width, got 'memref<2x3x16xf32>' and 'memref<2x3x32xf32>' (plan_attention_weights_c1)}}
  vit.plan.attention_weights ins(%q, %k : memref<2x3x16xf32>, memref<2x3x32xf32>) outs(%y : memref<6x3xf32>) chunks 1
  return
}

// -----

func.func @plan_attention_weights_c2(%q: memref<2x3x16xf32>, %y: memref<6x2xf32>) {
  // expected-error @+1 {{expected output [6, 3], got 'memref<6x2xf32>' (plan_attention_weights_c2)}}
  vit.plan.attention_weights ins(%q, %q : memref<2x3x16xf32>, memref<2x3x16xf32>) outs(%y : memref<6x2xf32>) chunks 1
  return
}

// -----

func.func @plan_attention_weights_c3(%q: memref<2x3x16xf32>, %y: memref<6x3xf32>) {
  // expected-error @+1 {{expected 1 to 6 chunks, got 7 (plan_attention_weights_c3)}}
  vit.plan.attention_weights ins(%q, %q : memref<2x3x16xf32>, memref<2x3x16xf32>) outs(%y : memref<6x3xf32>) chunks 7
  return
}

// -----

func.func @plan_attention_weights_c4(%q: memref<2x3x16xf32>, %b: memref<2x3x3xf32>, %y: memref<6x3xf32>) {
  // expected-error @+1 {{expected a bias [2, 3, 16], got 'memref<2x3x3xf32>' (plan_attention_weights_c4)}}
  vit.plan.attention_weights ins(%q, %q : memref<2x3x16xf32>, memref<2x3x16xf32>) bias(%b : memref<2x3x3xf32>)
    outs(%y : memref<6x3xf32>) chunks 1
  return
}

// -----

func.func @plan_rollout_c1(%w: memref<5x2xf32>, %y: memref<2x2xf32>) {
  // expected-error @+1 {{expected weights of 2 heads, [heads * tokens, tokens], got 'memref<5x2xf32>' (plan_rollout_c1)}}
  vit.plan.rollout ins(%w : memref<5x2xf32>) outs(%y : memref<2x2xf32>) heads 2 chunks 1
  return
}

// -----

func.func @plan_rollout_c2(%w: memref<4x2xf32>, %y: memref<2x2xf32>) {
  // expected-error @+1 {{expected 'before' and another output of [2, 2], got 'memref<2x2xf32>' (plan_rollout_c2)}}
  vit.plan.rollout ins(%w : memref<4x2xf32>) before(%y : memref<2x2xf32>) outs(%y : memref<2x2xf32>) heads 2 chunks 1
  return
}

// -----

func.func @plan_rollout_c3(%w: memref<4x2xf32>, %y: memref<2x2xf32>) {
  // expected-error @+1 {{expected 1 to 2 chunks, got 3 (plan_rollout_c3)}}
  vit.plan.rollout ins(%w : memref<4x2xf32>) outs(%y : memref<2x2xf32>) heads 2 chunks 3
  return
}

// -----

func.func @plan_mean_c1(%x: memref<5x8xf32>, %y: memref<2x8xf32>) {
  // expected-error @+1 {{expected output [1, 8], got 'memref<2x8xf32>' (plan_mean_c1)}}
  vit.plan.mean ins(%x : memref<5x8xf32>) outs(%y : memref<2x8xf32>)
  return
}

// -----

func.func @region(%a: memref<4xf32>) {
  return
}
vit.schedule @step_c1_lengths attributes {arena_bytes = 0 : i64, scratch_bytes = 0 : i64, input_bytes = 0 : i64} {
  // expected-error @+1 {{expected three arrays of one length up to 12 (step_c1)}}
  vit.step @region "layer" spaces [0] indices [0, 1] offsets [0] chunks 1 parts 1 flops 0
}

// -----

vit.schedule @step_c1_callee attributes {arena_bytes = 0 : i64, scratch_bytes = 0 : i64, input_bytes = 0 : i64} {
  // expected-error @+1 {{expected a function named @region (step_c1)}}
  vit.step @region "layer" spaces [0] indices [0] offsets [0] chunks 1 parts 1 flops 0
}

// -----

func.func @region(%a: memref<4xf32>) {
  return
}
vit.schedule @step_c2 attributes {arena_bytes = 0 : i64, scratch_bytes = 0 : i64, input_bytes = 0 : i64} {
  // expected-error @+1 {{expected parts that divide the 3 chunks, got 2 (step_c2)}}
  vit.step @region "layer" spaces [0] indices [0] offsets [0] chunks 3 parts 2 flops 0
}

// -----

func.func @region(%a: memref<4xf32>) {
  return
}
vit.schedule @step_c3 attributes {arena_bytes = 0 : i64, scratch_bytes = 0 : i64, input_bytes = 0 : i64} {
  // expected-error @+1 {{expected a function @region of more than 3 chunks in whole lines of parts, got 3 in parts of 1 (step_c3)}}
  vit.step @region "layer" spaces [0] indices [0] offsets [0] chunks 3 parts 1 flops 0 {fine_callee = @region, fine_chunks = 3 : i64}
}

// -----

func.func @buffer_operand_dynamic(%x: memref<?x8xf32>) {
  // expected-error @+1 {{operand #0 must be f32 or bf16 buffer [rows, columns] of static extents and strides, the innermost one, but got 'memref<?x8xf32>'}}
  vit.plan.copy ins(%x : memref<?x8xf32>) outs(%x : memref<?x8xf32>) chunks 1
  return
}

// -----

// expected-error @+1 {{expected a power of two of 1 to 64 lanes, got 0 (isa_c1)}}
module attributes {vit.isa = #vit.isa<"none", lanes = 0, tile = 4 x 2, panel = 32, fma = true>} {}

// -----

// expected-error @+1 {{expected a panel that is a multiple of the tile's 24 columns, got 32 (isa_c2)}}
module attributes {vit.isa = #vit.isa<"odd", lanes = 8, tile = 4 x 3, panel = 32, fma = true>} {}

// -----

// expected-error @+2 {{expected one of [none, madd, dot, tiles] for how a machine multiplies unsigned and signed bytes, got: true}}
// expected-error @+1 {{failed to parse IsaAttr parameter 'int8'}}
module attributes {vit.isa = #vit.isa<"wrong", lanes = 8, tile = 4 x 2, panel = 32, fma = true, int8 = true>} {}

// -----

// expected-error @+1 {{expected a power of two of 1 to 64 lanes, got 12 (isa_c1)}}
module attributes {vit.isa = #vit.isa<"odd", lanes = 12, tile = 4 x 2, panel = 24, fma = true>} {}

// -----

// expected-error @+1 {{expected tile sizes of 1 to 64, got 65 (isa_c1)}}
module attributes {vit.isa = #vit.isa<"tall", lanes = 8, tile = 65 x 2, panel = 32, fma = true>} {}

// -----

// expected-error @+1 {{expected tile sizes of 1 to 64, got 0 (isa_c1)}}
module attributes {vit.isa = #vit.isa<"flat", lanes = 8, tile = 4 x 2, panel = 32, fma = true, int8_tile = 4 x 0>} {}

// -----

// expected-error @+1 {{expected a panel that is a multiple of the tile's 24 columns, got 32 (isa_c2)}}
module attributes {vit.isa = #vit.isa<"wide", lanes = 8, tile = 4 x 2, panel = 32, fma = true, bf16_tile = 4 x 3>} {}

// -----

// expected-error @+1 {{expected 16 lanes, and a tile that fits 8 registers of 16 rows, got 16 lanes and 48 x 2 (isa_c3)}}
module attributes {vit.isa = #vit.isa<"tiles", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = tiles, bf16_tile = 48 x 2>} {}

// -----

// expected-error @+1 {{expected 16 lanes, and a tile that fits 8 registers of 16 rows, got 8 lanes and 32 x 2 (isa_c3)}}
module attributes {vit.isa = #vit.isa<"tiles", lanes = 8, tile = 6 x 2, panel = 32, fma = true, int8 = tiles, int8_tile = 32 x 2>} {}

// -----

func.func @gemm_c8_elements(%a: memref<4x8xf32>, %w: memref<1x8x32xf32>, %c: memref<4x32xf32>) {
  // expected-error @+1 {{expected rows and weights of bf16 or i8 for a matrix unit, got 'f32' and 'f32' (plan_gemm_c8)}}
  vit.plan.gemm ins(%a, %w : memref<4x8xf32>, memref<1x8x32xf32>) outs(%c : memref<4x32xf32>) tile [32, 2] matrix_unit grid [1, 1, 1] flops 1
  return
}

// -----

func.func @gemm_c8_tile(%a: memref<4x8xbf16>, %w: memref<1x4x64xbf16>, %c: memref<4x32xf32>) {
  // expected-error @+1 {{expected a tile that fits 8 registers of 16 rows and divides a panel of 32 columns, got 33 x 2 (plan_gemm_c8)}}
  vit.plan.gemm ins(%a, %w : memref<4x8xbf16>, memref<1x4x64xbf16>) outs(%c : memref<4x32xf32>) tile [33, 2] matrix_unit grid [1, 1, 1] flops 1
  return
}

// -----

func.func @gemm_c8_columns(%a: memref<4x8xbf16>, %w: memref<1x4x64xbf16>, %c: memref<4x32xf32>) {
  // expected-error @+1 {{expected a tile that fits 8 registers of 16 rows and divides a panel of 32 columns, got 16 x 3 (plan_gemm_c8)}}
  vit.plan.gemm ins(%a, %w : memref<4x8xbf16>, memref<1x4x64xbf16>) outs(%c : memref<4x32xf32>) tile [16, 3] matrix_unit grid [1, 1, 1] flops 1
  return
}

// -----

func.func @attention_c6(%q: memref<3x4x16xf32>, %o: memref<4x16xf32>) {
  // expected-error @+1 {{expected planes of bf16, softmax without bias and a tile of two vectors that fits 8 registers of 16 rows for a matrix unit, got 'memref<3x4x16xf32>' and 32 x 2 (plan_attention_c6)}}
  vit.plan.attention ins(%q, %q, %q : memref<3x4x16xf32>, memref<3x4x16xf32>, memref<3x4x16xf32>) outs(%o : memref<4x16xf32>)
    heads 1 planes [0, 1, 2] tile [32, 2] matrix_unit grid [1, 1] flops 1
  return
}

// -----

func.func @attention_c6_tile(%q: memref<3x4x16xbf16>, %o: memref<4x16xf32>) {
  // expected-error @+1 {{expected planes of bf16, softmax without bias and a tile of two vectors that fits 8 registers of 16 rows for a matrix unit, got 'memref<3x4x16xbf16>' and 32 x 1 (plan_attention_c6)}}
  vit.plan.attention ins(%q, %q, %q : memref<3x4x16xbf16>, memref<3x4x16xbf16>, memref<3x4x16xbf16>) outs(%o : memref<4x16xf32>)
    heads 1 planes [0, 1, 2] tile [32, 1] matrix_unit grid [1, 1] flops 1
  return
}

// -----

// expected-error @+1 {{expected 16 lanes for dots of bf16, 8 or 16 for dots of int8, 4, 8 or 16 for madd, got 8 (isa_c4)}}
module attributes {vit.isa = #vit.isa<"narrow", lanes = 8, tile = 4 x 2, panel = 32, fma = true, bf16 = dot>} {}

// -----

// expected-error @+1 {{expected 16 lanes for dots of bf16, 8 or 16 for dots of int8, 4, 8 or 16 for madd, got 4 (isa_c4)}}
module attributes {vit.isa = #vit.isa<"narrow", lanes = 4, tile = 4 x 2, panel = 32, fma = true, int8 = dot>} {}

// -----

// expected-error @+1 {{expected 16 lanes for dots of bf16, 8 or 16 for dots of int8, 4, 8 or 16 for madd, got 32 (isa_c4)}}
module attributes {vit.isa = #vit.isa<"wide", lanes = 32, tile = 4 x 1, panel = 32, fma = true, int8 = madd>} {}

// -----

func.func @plan_view_c1_planes(%x: memref<2x3x16xf32>) {
  // expected-error @+1 {{expected rows inside 'memref<2x3x16xf32>' with its width and stride, got 'memref<7x10xf32, strided<[16, 1]>>' (plan_view_c1)}}
  %0 = vit.plan.view %x from 0 : memref<2x3x16xf32> -> memref<7x10xf32, strided<[16, 1]>>
  return
}

// -----

func.func @plan_view_c1_gaps(%x: memref<2x3x16xf32, strided<[64, 16, 1]>>) {
  // expected-error @+1 {{(plan_view_c1)}}
  %0 = vit.plan.view %x from 0 : memref<2x3x16xf32, strided<[64, 16, 1]>> -> memref<6x16xf32>
  return
}

// -----

func.func @plan_copy_c1_groups(%x: memref<5x32xf32>, %y: memref<5x21xf32>) {
  // expected-error @+1 {{expected groups that divide both columns, of which the input has no fewer, got 2 for 'memref<5x32xf32>' and 'memref<5x21xf32>' (plan_copy_c1)}}
  vit.plan.copy ins(%x : memref<5x32xf32>) outs(%y : memref<5x21xf32>) groups 2 chunks 1
  return
}

// -----

func.func @plan_rope_c1(%x: memref<2x5x16xf32>, %t: memref<4x16xf32>, %y: memref<2x4x16xf32>) {
  // expected-error @+1 {{expected output of planes as in 'memref<2x5x16xf32>', of an even width, got 'memref<2x4x16xf32>' (plan_rope_c1)}}
  vit.plan.rope ins(%x, %t, %t : memref<2x5x16xf32>, memref<4x16xf32>, memref<4x16xf32>) outs(%y : memref<2x4x16xf32>) from 1 chunks 2
  return
}

// -----

func.func @plan_rope_c2(%x: memref<2x5x16xf32>, %t: memref<4x24xf32>) {
  // expected-error @+1 {{expected tables of 16 or 32 columns whose rows from 1 on lie inside a plane, got 'memref<4x24xf32>' and 'memref<4x24xf32>' (plan_rope_c2)}}
  vit.plan.rope ins(%x, %t, %t : memref<2x5x16xf32>, memref<4x24xf32>, memref<4x24xf32>) outs(%x : memref<2x5x16xf32>) from 1 chunks 2
  return
}

// -----

func.func @plan_rope_c2_rows(%x: memref<2x5x16xf32>, %t: memref<4x16xf32>) {
  // expected-error @+1 {{(plan_rope_c2)}}
  vit.plan.rope ins(%x, %t, %t : memref<2x5x16xf32>, memref<4x16xf32>, memref<4x16xf32>) outs(%x : memref<2x5x16xf32>) from 2 chunks 2
  return
}

// -----

func.func @plan_rope_c3(%x: memref<2x5x16xf32>, %t: memref<4x16xf32>) {
  // expected-error @+1 {{expected a multiple of 2 chunks, at most one for each row, got 3 (plan_rope_c3)}}
  vit.plan.rope ins(%x, %t, %t : memref<2x5x16xf32>, memref<4x16xf32>, memref<4x16xf32>) outs(%x : memref<2x5x16xf32>) from 1 chunks 3
  return
}

// -----

func.func @plan_attention_c7(%q: memref<3x4x16xf32>, %b: memref<1x4x4xf32>, %o: memref<4x16xf32>) {
  // expected-error @+1 {{expected a bias [1, 4, 32], got 'memref<1x4x4xf32>' (plan_attention_c7)}}
  vit.plan.attention ins(%q, %q, %q : memref<3x4x16xf32>, memref<3x4x16xf32>, memref<3x4x16xf32>) bias(%b : memref<1x4x4xf32>)
    outs(%o : memref<4x16xf32>) heads 1 planes [0, 1, 2] tile [12, 2] grid [1, 1] flops 1
  return
}
