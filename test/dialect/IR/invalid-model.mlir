// One case for each constraint of the model-level ops, named as in VitModelOps.td.
// RUN: vit-opt %s -split-input-file -verify-diagnostics

func.func @normalize_image_c1(%x: tensor<4x6x3xui8>) {
  // expected-error @+1 {{expected result [3, 4, 6], got 'tensor<3x6x4xf32>' (normalize_image_c1)}}
  vit.normalize_image %x scale 1.0 mean [0.0, 0.0, 0.0] std [1.0, 1.0, 1.0] : tensor<4x6x3xui8> -> tensor<3x6x4xf32>
  return
}

// -----

func.func @normalize_image_c2_entries(%x: tensor<4x6x3xui8>) {
  // expected-error @+1 {{expected mean and std of 3 channels, got 3 and 2 (normalize_image_c2)}}
  vit.normalize_image %x scale 1.0 mean [0.0, 0.0, 0.0] std [1.0, 1.0] : tensor<4x6x3xui8> -> tensor<3x4x6xf32>
  return
}

// -----

func.func @normalize_image_c2_zero(%x: tensor<4x6x1xui8>) {
  // expected-error @+1 {{expected std without zeros (normalize_image_c2)}}
  vit.normalize_image %x scale 1.0 mean [0.0] std [0.0] : tensor<4x6x1xui8> -> tensor<1x4x6xf32>
  return
}

// -----

func.func @patch_embed_c1_channels(%x: tensor<3x8x8xf32>, %w: tensor<5x4x2x2xf32>) {
  // expected-error @+1 {{expected a kernel [D, 3, Ph, Pw], got 'tensor<5x4x2x2xf32>' (patch_embed_c1)}}
  vit.patch_embed %x, %w stride [2, 2] : (tensor<3x8x8xf32>, tensor<5x4x2x2xf32>) -> tensor<16x5xf32>
  return
}

// -----

func.func @patch_embed_c1_rank(%x: tensor<8x8x3xui8>, %w: tensor<5x12xf32>) {
  // expected-error @+1 {{expected a kernel [D, 3, Ph, Pw], got 'tensor<5x12xf32>' (patch_embed_c1)}}
  vit.patch_embed %x, %w stride [2, 2] : (tensor<8x8x3xui8>, tensor<5x12xf32>) -> tensor<16x5xf32>
  return
}

// -----

func.func @patch_embed_c2(%x: tensor<3x8x8xf32>, %w: tensor<5x3x2x2xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{expected a bias of 5 entries, got 'tensor<4xf32>' (patch_embed_c2)}}
  vit.patch_embed %x, %w bias %b stride [2, 2]
      : (tensor<3x8x8xf32>, tensor<5x3x2x2xf32>, tensor<4xf32>) -> tensor<16x5xf32>
  return
}

// -----

func.func @patch_embed_c3_stride(%x: tensor<3x8x8xf32>, %w: tensor<5x3x2x2xf32>) {
  // expected-error @+1 {{expected 2 positive strides and 4 paddings (patch_embed_c3)}}
  vit.patch_embed %x, %w stride [2, 0] : (tensor<3x8x8xf32>, tensor<5x3x2x2xf32>) -> tensor<16x5xf32>
  return
}

// -----

func.func @patch_embed_c3_padding(%x: tensor<3x8x8xf32>, %w: tensor<5x3x2x3xf32>) {
  // expected-error @+1 {{expected paddings of 0 to 2, got -1 (patch_embed_c3)}}
  vit.patch_embed %x, %w stride [2, 2] {padding = array<i64: 1, -1, 0, 0>}
      : (tensor<3x8x8xf32>, tensor<5x3x2x3xf32>) -> tensor<16x5xf32>
  return
}

// -----

func.func @patch_embed_c3_wide_padding(%x: tensor<3x8x8xf32>, %w: tensor<5x3x2x3xf32>) {
  // expected-error @+1 {{expected paddings of 0 to 1, got 2 (patch_embed_c3)}}
  vit.patch_embed %x, %w stride [2, 2] {padding = array<i64: 0, 0, 2, 0>}
      : (tensor<3x8x8xf32>, tensor<5x3x2x3xf32>) -> tensor<16x5xf32>
  return
}

// -----

func.func @patch_embed_c4(%x: tensor<3x8x9xf32>, %w: tensor<5x3x2x2xf32>) {
  // expected-error @+1 {{expected result [16, 5], got 'tensor<20x5xf32>' (patch_embed_c4)}}
  vit.patch_embed %x, %w stride [2, 2] : (tensor<3x8x9xf32>, tensor<5x3x2x2xf32>) -> tensor<20x5xf32>
  return
}

// -----

func.func @patch_embed_c4_too_small(%x: tensor<3x1x9xf32>, %w: tensor<5x3x2x2xf32>) {
  // expected-error @+1 {{expected result [0, 5], got 'tensor<4x5xf32>' (patch_embed_c4)}}
  vit.patch_embed %x, %w stride [2, 2] : (tensor<3x1x9xf32>, tensor<5x3x2x2xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @concat_c1_width(%x: tensor<1x4xf32>, %y: tensor<2x5xf32>) {
  // expected-error @+1 {{expected operands of width 4, got 5 (concat_c1)}}
  vit.concat %x, %y : (tensor<1x4xf32>, tensor<2x5xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @concat_c1_tokens(%x: tensor<1x4xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+1 {{expected operands of 4 tokens together, got 3 (concat_c1)}}
  vit.concat %x, %y : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @average_c1_none() {
  // expected-error @+1 {{expected at least one operand (average_c1)}}
  vit.average : () -> tensor<1x4xf32>
  return
}

// -----

func.func @average_c1_types(%x: tensor<1x4xf32>, %y: tensor<1x5xf32>) {
  // expected-error @+1 {{expected operands of type 'tensor<1x4xf32>', got 'tensor<1x5xf32>' (average_c1)}}
  vit.average %x, %y : (tensor<1x4xf32>, tensor<1x5xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<2x4xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+1 {{expected a weight of 4 columns, got 5 (linear_c1)}}
  vit.linear %x, %w : (tensor<2x4xf32>, tensor<3x5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>, %b: tensor<1x3xf32>) {
  // expected-error @+1 {{expected a bias of 3 entries, got 'tensor<1x3xf32>' (linear_c2)}}
  vit.linear %x, %w bias %b : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{expected result [2, 3], got 'tensor<2x4xf32>' (linear_c3)}}
  vit.linear %x, %w : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected result 'tensor<2x4xf32>', got 'tensor<4x2xf32>' (layer_norm_c1)}}
  vit.layer_norm %x eps 1.0e-6 : (tensor<2x4xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<2x4xf32>, %g: tensor<4xf32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{expected gamma and beta of 4 entries, got 'tensor<2xf32>' (layer_norm_c2)}}
  vit.layer_norm %x gamma %g beta %b eps 1.0e-6 : (tensor<2x4xf32>, tensor<4xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_c3_zero(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected a positive, finite eps, got 0}}
  vit.layer_norm %x eps 0.0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_c3_infinite(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{(layer_norm_c3)}}
  vit.layer_norm %x eps 0x7FF0000000000000 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @attention_c1(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{expected heads to divide the width 6, got 4 (attention_c1)}}
  vit.attention %x, %x, %x heads 4 scale 1.0
      : (tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @attention_c1_negative(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{expected heads to divide the width 6, got -2 (attention_c1)}}
  vit.attention %x, %x, %x heads -2 scale 1.0
      : (tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @attention_c2_tokens(%q: tensor<2x6xf32>, %k: tensor<3x6xf32>, %v: tensor<4x6xf32>) {
  // expected-error @+1 {{expected key and value of one type and of width 6, got 'tensor<3x6xf32>' and 'tensor<4x6xf32>' (attention_c2)}}
  vit.attention %q, %k, %v heads 2 scale 1.0
      : (tensor<2x6xf32>, tensor<3x6xf32>, tensor<4x6xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @attention_c2_width(%q: tensor<2x6xf32>, %k: tensor<3x4xf32>) {
  // expected-error @+1 {{of width 6, got 'tensor<3x4xf32>' and 'tensor<3x4xf32>' (attention_c2)}}
  vit.attention %q, %k, %k heads 2 scale 1.0
      : (tensor<2x6xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @attention_c3(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{expected result 'tensor<2x6xf32>', got 'tensor<3x6xf32>' (attention_c3)}}
  vit.attention %x, %x, %x heads 2 scale 1.0
      : (tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @attention_c4(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{expected a finite scale (attention_c4)}}
  vit.attention %x, %x, %x heads 2 scale 0x7FF8000000000000
      : (tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @layer_scale_c1(%x: tensor<2x6xf32>, %g: tensor<2xf32>) {
  // expected-error @+1 {{expected gamma of 6 entries and the input's type as result, got 'tensor<2xf32>' and 'tensor<2x6xf32>' (layer_scale_c1)}}
  vit.layer_scale %x, %g : (tensor<2x6xf32>, tensor<2xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @slice_c1_end(%x: tensor<4x6xf32>) {
  // expected-error @+1 {{expected rows inside 'tensor<4x6xf32>', got 2 rows from 3 of width 6 (slice_c1)}}
  vit.slice %x from 3 : tensor<4x6xf32> -> tensor<2x6xf32>
  return
}

// -----

func.func @slice_c1_negative(%x: tensor<4x6xf32>) {
  // expected-error @+1 {{expected rows inside 'tensor<4x6xf32>', got 2 rows from -1 of width 6 (slice_c1)}}
  vit.slice %x from -1 : tensor<4x6xf32> -> tensor<2x6xf32>
  return
}

// -----

func.func @slice_c1_width(%x: tensor<4x6xf32>) {
  // expected-error @+1 {{got 2 rows from 0 of width 5 (slice_c1)}}
  vit.slice %x from 0 : tensor<4x6xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @mean_tokens_c1(%x: tensor<4x6xf32>) {
  // expected-error @+1 {{expected result [1, 6], got 'tensor<2x6xf32>' (mean_tokens_c1)}}
  vit.mean_tokens %x : tensor<4x6xf32> -> tensor<2x6xf32>
  return
}

// -----

func.func @add_types(%x: tensor<4x6xf32>, %y: tensor<4x5xf32>) {
  // expected-note @-1 {{prior use here}}
  // expected-error @+1 {{use of value '%y' expects different type than prior uses: 'tensor<4x6xf32>' vs 'tensor<4x5xf32>'}}
  vit.add %x, %y : tensor<4x6xf32>
  return
}

// -----

func.func @activation_kind(%x: tensor<4x6xf32>) {
  // expected-error @+2 {{expected ::vit::ActivationKind to be one of: gelu_erf, gelu_tanh, quick_gelu, relu, silu, tanh}}
  // expected-error @+1 {{failed to parse}}
  vit.activation gelu %x : tensor<4x6xf32>
  return
}

// -----

func.func @dynamic_extent(%x: tensor<?x6xf32>) {
  // expected-error @+1 {{operand #0 must be f32 tensor [tokens, width] with positive, static extents, but got 'tensor<?x6xf32>'}}
  vit.mean_tokens %x : tensor<?x6xf32> -> tensor<1x6xf32>
  return
}

// -----

func.func @zero_extent(%x: tensor<0x6xf32>) {
  // expected-error @+1 {{operand #0 must be f32 tensor [tokens, width] with positive, static extents, but got 'tensor<0x6xf32>'}}
  vit.mean_tokens %x : tensor<0x6xf32> -> tensor<1x6xf32>
  return
}

// -----

func.func @too_many_elements(%x: tensor<4611686018427387904x6xf32>) {
  // expected-error @+1 {{operand #0 must be f32 tensor [tokens, width] with positive, static extents}}
  vit.mean_tokens %x : tensor<4611686018427387904x6xf32> -> tensor<1x6xf32>
  return
}

// -----

func.func @element_type(%x: tensor<4x6xf16>) {
  // expected-error @+1 {{operand #0 must be f32 tensor [tokens, width] with positive, static extents, but got 'tensor<4x6xf16>'}}
  vit.mean_tokens %x : tensor<4x6xf16> -> tensor<1x6xf32>
  return
}

// -----

func.func @layer_norm_c2_rms(%x: tensor<2x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{expected no beta with rms (layer_norm_c2)}}
  vit.layer_norm rms %x beta %b eps 1.0e-6 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_c2_heads(%x: tensor<2x4xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{expected gamma and beta of 2 entries, got 'tensor<4xf32>' (layer_norm_c2)}}
  vit.layer_norm %x heads 2 gamma %g eps 1.0e-6 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_c4(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected heads to divide the width of tokens, got 3 for 'tensor<2x4xf32>' (layer_norm_c4)}}
  vit.layer_norm %x heads 3 eps 1.0e-6 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_c4_planes(%x: tensor<3x2x4xf32>) {
  // expected-error @+1 {{expected heads to divide the width of tokens, got 2 for 'tensor<3x2x4xf32>' (layer_norm_c4)}}
  vit.layer_norm %x heads 2 eps 1.0e-6 : (tensor<3x2x4xf32>) -> tensor<3x2x4xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<3x4xf32>, %t: tensor<2x2xf32>) {
  // expected-error @+1 {{expected result 'tensor<3x4xf32>', got 'tensor<4x3xf32>' (rope_c1)}}
  vit.rope %x cos %t sin %t heads 2 from 1 : (tensor<3x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<3x6xf32>, %t: tensor<2x3xf32>) {
  // expected-error @+1 {{expected heads of an even size that divide 'tensor<3x6xf32>', got 2 (rope_c2)}}
  vit.rope %x cos %t sin %t heads 2 from 1 : (tensor<3x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @rope_c2_planes(%x: tensor<3x5x4xf32>, %t: tensor<2x4xf32>) {
  // expected-error @+1 {{expected heads of an even size that divide 'tensor<3x5x4xf32>', got 2 (rope_c2)}}
  vit.rope %x cos %t sin %t heads 2 from 1 : (tensor<3x5x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<3x5x4xf32>
  return
}

// -----

func.func @rope_c3_columns(%x: tensor<3x4xf32>, %t: tensor<2x3xf32>) {
  // expected-error @+1 {{expected tables [N, 2] or [N, 4] with N rows from 1 inside 3 tokens, got 'tensor<2x3xf32>' and 'tensor<2x3xf32>' (rope_c3)}}
  vit.rope %x cos %t sin %t heads 2 from 1 : (tensor<3x4xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @rope_c3_rows(%x: tensor<3x4xf32>, %t: tensor<2x2xf32>) {
  // expected-error @+1 {{expected tables [N, 2] or [N, 4] with N rows from 2 inside 3 tokens, got 'tensor<2x2xf32>' and 'tensor<2x2xf32>' (rope_c3)}}
  vit.rope %x cos %t sin %t heads 2 from 2 : (tensor<3x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @attention_c5(%x: tensor<3x4xf32>, %b: tensor<2x3x2xf32>) {
  // expected-error @+1 {{expected a bias [2, 3, 3], got 'tensor<2x3x2xf32>' (attention_c5)}}
  vit.attention %x, %x, %x bias %b heads 2 scale 1.0
    : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<2x3x2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @attention_c6(%x: tensor<3x4xf32>, %d: tensor<2xf32>) {
  // expected-error @+1 {{expected a divisor of one entry, got 'tensor<2xf32>' (attention_c6)}}
  vit.attention %x, %x, %x divisor %d heads 2 scale 1.0
    : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @channels_first_c1(%x: tensor<4x6x2xf32>) {
  // expected-error @+1 {{expected result [2, 4, 6], got 'tensor<2x6x4xf32>' (channels_first_c1)}}
  vit.channels_first %x : tensor<4x6x2xf32> -> tensor<2x6x4xf32>
  return
}

// -----

func.func @concat_channels_c1_tokens(%x: tensor<1x6xf32>, %y: tensor<2x6xf32>) {
  // expected-error @+1 {{expected operands of 1 tokens, got 2 (concat_channels_c1)}}
  vit.concat_channels %x, %y : (tensor<1x6xf32>, tensor<2x6xf32>) -> tensor<1x12xf32>
  return
}

// -----

func.func @concat_channels_c1_width(%x: tensor<1x6xf32>) {
  // expected-error @+1 {{expected operands of width 11 together, got 12 (concat_channels_c1)}}
  vit.concat_channels %x, %x : (tensor<1x6xf32>, tensor<1x6xf32>) -> tensor<1x11xf32>
  return
}

// -----

func.func @max_tokens_c1(%x: tensor<4x6xf32>) {
  // expected-error @+1 {{expected result [1, 6], got 'tensor<2x6xf32>' (max_tokens_c1)}}
  vit.max_tokens %x : tensor<4x6xf32> -> tensor<2x6xf32>
  return
}

// -----

func.func @attention_weights_c1(%q: tensor<2x6xf32>) {
  // expected-error @+1 {{expected heads that divide the width 6 of query and key, got 4 and 'tensor<2x6xf32>' (attention_weights_c1)}}
  vit.attention_weights %q, %q heads 4 scale 1.0 : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<8x2xf32>
  return
}

// -----

func.func @attention_weights_c1_key(%q: tensor<2x6xf32>, %k: tensor<3x4xf32>) {
  // expected-error @+1 {{got 2 and 'tensor<3x4xf32>' (attention_weights_c1)}}
  vit.attention_weights %q, %k heads 2 scale 1.0 : (tensor<2x6xf32>, tensor<3x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @attention_weights_c2(%q: tensor<2x6xf32>, %k: tensor<3x6xf32>) {
  // expected-error @+1 {{expected result [4, 3], got 'tensor<2x3xf32>' (attention_weights_c2)}}
  vit.attention_weights %q, %k heads 2 scale 1.0 : (tensor<2x6xf32>, tensor<3x6xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @attention_weights_c3(%q: tensor<2x6xf32>) {
  // expected-error @+1 {{expected a finite scale (attention_weights_c3)}}
  vit.attention_weights %q, %q heads 2 scale 0x7FF0000000000000 : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @attention_weights_c4(%q: tensor<2x6xf32>, %b: tensor<2x2x3xf32>) {
  // expected-error @+1 {{expected a bias [2, 2, 2], got 'tensor<2x2x3xf32>' (attention_weights_c4)}}
  vit.attention_weights %q, %q bias %b heads 2 scale 1.0 : (tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x2x3xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @rollout_c1(%w: tensor<5x2xf32>) {
  // expected-error @+1 {{expected weights of 2 heads, [heads * tokens, tokens], got 'tensor<5x2xf32>' (rollout_c1)}}
  vit.rollout %w heads 2 : (tensor<5x2xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @rollout_c2(%w: tensor<4x2xf32>, %b: tensor<2x3xf32>) {
  // expected-error @+1 {{expected 'before' and result [2, 2], got 'tensor<2x2xf32>' (rollout_c2)}}
  vit.rollout %w before %b heads 2 : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}
