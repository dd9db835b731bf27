// One case for each constraint of the fused ops, named as in VitFusedOps.td.
// RUN: vit-opt %s -split-input-file -verify-diagnostics

func.func @extract_patches_c1_entries(%x: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected size and stride of two positive entries (extract_patches_c1)}}
  vit.extract_patches %x size [2, 2, 2] stride [2, 2] : tensor<3x8x8xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @extract_patches_c1_positive(%x: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected size and stride of two positive entries (extract_patches_c1)}}
  vit.extract_patches %x size [-2, -2] stride [2, 2] : tensor<3x8x8xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @extract_patches_c2(%x: tensor<8x8x3xui8>) {
  // expected-error @+1 {{expected result [16, 12], got 'tensor<16x16xf32>' (extract_patches_c2)}}
  vit.extract_patches %x size [2, 2] stride [2, 2] : tensor<8x8x3xui8> -> tensor<16x16xf32>
  return
}

// -----

func.func @extract_patches_c2_too_large(%x: tensor<8x8x3xui8>) {
  // expected-error @+1 {{expected a patch inside the image, got 9223372036854775807 x 9223372036854775807 (extract_patches_c2)}}
  vit.extract_patches %x size [9223372036854775807, 9223372036854775807] stride [2, 2]
      : tensor<8x8x3xui8> -> tensor<16x16xf32>
  return
}

// -----

func.func @fused_linear_c1(%x: tensor<2x4xf32>, %w: tensor<6x5xf32>) {
  // expected-error @+1 {{expected a weight of 4 columns, got 5 (fused_linear_c1)}}
  vit.fused_linear %x, %w : (tensor<2x4xf32>, tensor<6x5xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @fused_linear_c2(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{expected a bias of 6 entries, got 'tensor<4xf32>' (fused_linear_c2)}}
  vit.fused_linear %x, %w bias %b : (tensor<2x4xf32>, tensor<6x4xf32>, tensor<4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @fused_linear_c3_rows(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected result [2, 6], got 'tensor<2x5xf32>' (fused_linear_c3)}}
  vit.fused_linear %x, %w : (tensor<2x4xf32>, tensor<6x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @fused_linear_c3_rank(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected a result of rank 2 without heads, got 'tensor<3x2x2xf32>' (fused_linear_c3)}}
  vit.fused_linear %x, %w : (tensor<2x4xf32>, tensor<6x4xf32>) -> tensor<3x2x2xf32>
  return
}

// -----

func.func @fused_linear_c3_heads(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected result [heads, 2, 6 / heads] for 4 heads, got 'tensor<4x2x1xf32>' (fused_linear_c3)}}
  vit.fused_linear %x, %w heads 4 : (tensor<2x4xf32>, tensor<6x4xf32>) -> tensor<4x2x1xf32>
  return
}

// -----

func.func @fused_linear_c4_type(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected a factor and a residual of the result's type and no heads, got 'tensor<2x4xf32>' (fused_linear_c4)}}
  vit.fused_linear %x, %w residual %x : (tensor<2x4xf32>, tensor<6x4xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @fused_linear_c4_heads(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>, %r: tensor<2x6xf32>) {
  // expected-error @+1 {{expected a factor and a residual of the result's type and no heads, got 'tensor<2x6xf32>' (fused_linear_c4)}}
  vit.fused_linear %x, %w residual %r heads 3
      : (tensor<2x4xf32>, tensor<6x4xf32>, tensor<2x6xf32>) -> tensor<3x2x2xf32>
  return
}

// -----

func.func @fused_linear_c5_kind(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected dot int8 with a scale of the input (fused_linear_c5)}}
  vit.fused_linear %x, %w dot bf16 input_scale 1.0 : (tensor<2x4xf32>, tensor<6x4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @fused_linear_c5_zero(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected a positive finite scale of the input, got 0.000000e+00 : f64 (fused_linear_c5)}}
  vit.fused_linear %x, %w dot int8 input_scale 0.0 : (tensor<2x4xf32>, tensor<6x4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @fused_attention_c1_heads(%x: tensor<6x5x4xf32>) {
  // expected-error @+1 {{expected positive heads and three planes, got 0 and 3 (fused_attention_c1)}}
  vit.fused_attention %x, %x, %x heads 0 planes [0, 2, 4]
      : (tensor<6x5x4xf32>, tensor<6x5x4xf32>, tensor<6x5x4xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @fused_attention_c1_planes(%x: tensor<6x5x4xf32>) {
  // expected-error @+1 {{expected planes [5, 5 + 2) within 6 (fused_attention_c1)}}
  vit.fused_attention %x, %x, %x heads 2 planes [0, 2, 5]
      : (tensor<6x5x4xf32>, tensor<6x5x4xf32>, tensor<6x5x4xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @fused_attention_c2_head_size(%x: tensor<2x5x4xf32>, %k: tensor<2x5x3xf32>) {
  // expected-error @+1 {{expected one head size, and key and value of one token count (fused_attention_c2)}}
  vit.fused_attention %x, %k, %x heads 2 planes [0, 0, 0]
      : (tensor<2x5x4xf32>, tensor<2x5x3xf32>, tensor<2x5x4xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @fused_attention_c2_tokens(%x: tensor<2x5x4xf32>, %k: tensor<2x6x4xf32>) {
  // expected-error @+1 {{expected one head size, and key and value of one token count (fused_attention_c2)}}
  vit.fused_attention %x, %k, %x heads 2 planes [0, 0, 0]
      : (tensor<2x5x4xf32>, tensor<2x6x4xf32>, tensor<2x5x4xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @fused_attention_c3(%x: tensor<2x5x4xf32>, %k: tensor<2x6x4xf32>) {
  // expected-error @+1 {{expected result [5, 8], got 'tensor<6x8xf32>' (fused_attention_c3)}}
  vit.fused_attention %x, %k, %k heads 2 planes [0, 0, 0]
      : (tensor<2x5x4xf32>, tensor<2x6x4xf32>, tensor<2x6x4xf32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @fused_linear_c4_factor(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{expected a factor and a residual of the result's type and no heads, got 'tensor<2x4xf32>' (fused_linear_c4)}}
  vit.fused_linear %x, %w factor %x : (tensor<2x4xf32>, tensor<6x4xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @fused_attention_c4(%q: tensor<2x3x4xf32>, %b: tensor<2x2x3xf32>) {
  // expected-error @+1 {{expected a bias [2, 3, 3], got 'tensor<2x2x3xf32>' (fused_attention_c4)}}
  vit.fused_attention %q, %q, %q bias %b heads 2 planes [0, 0, 0]
    : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x2x3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @fused_attention_c5(%q: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expected base2 or linear, got both (fused_attention_c5)}}
  vit.fused_attention %q, %q, %q heads 2 planes [0, 0, 0] base2 linear
    : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @extract_patches_c1_paddings(%x: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected four paddings, got 3 (extract_patches_c1)}}
  vit.extract_patches %x size [2, 2] stride [2, 2] {padding = array<i64: 0, 0, 0>} : tensor<3x8x8xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @extract_patches_c1_padding(%x: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected paddings of 0 to 2, got 3 (extract_patches_c1)}}
  vit.extract_patches %x size [2, 3] stride [2, 2] {padding = array<i64: 1, 2, 1, 3>} : tensor<3x8x8xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @extract_patches_c1_huge_padding(%x: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected paddings of 0 to 2147483647, got 9223372036854775806 (extract_patches_c1)}}
  vit.extract_patches %x size [9223372036854775807, 2] stride [2, 2] {padding = array<i64: 9223372036854775806, 0, 0, 0>}
      : tensor<3x8x8xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @extract_patches_c3(%x: tensor<8x8x3xf32>) {
  // expected-error @+1 {{expected 3 factors and shifts or none, got 3 and 0 (extract_patches_c3)}}
  vit.extract_patches %x size [2, 2] stride [2, 2] {channels_last, factors = array<f64: 1.0, 2.0, 3.0>}
      : tensor<8x8x3xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @extract_patches_c3_channels(%x: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected 3 factors and shifts or none, got 2 and 2 (extract_patches_c3)}}
  vit.extract_patches %x size [2, 2] stride [2, 2] {factors = array<f64: 1.0, 2.0>, shifts = array<f64: 1.0, 2.0>}
      : tensor<3x8x8xf32> -> tensor<16x12xf32>
  return
}

// -----

func.func @fused_attention_weights_c1(%q: tensor<2x3x4xf32>, %k: tensor<3x3x4xf32>) {
  // expected-error @+1 {{expected query and key of one number of planes and one head size, got 'tensor<2x3x4xf32>' and 'tensor<3x3x4xf32>' (fused_attention_weights_c1)}}
  vit.fused_attention_weights %q, %k : (tensor<2x3x4xf32>, tensor<3x3x4xf32>) -> tensor<6x3xf32>
  return
}

// -----

func.func @fused_attention_weights_c2(%q: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expected result [6, 3], got 'tensor<3x3xf32>' (fused_attention_weights_c2)}}
  vit.fused_attention_weights %q, %q : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @fused_attention_weights_c3(%q: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expected a bias [2, 3, 3], got 'tensor<2x3x4xf32>' (fused_attention_weights_c3)}}
  vit.fused_attention_weights %q, %q bias %q : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<6x3xf32>
  return
}
