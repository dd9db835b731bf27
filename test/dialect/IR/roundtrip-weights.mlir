// Weights with every step of a chain print as they were written; factors print exactly.
// RUN: vit-opt %s > %t.once && vit-opt %t.once > %t.twice && diff %t.once %t.twice
// RUN: FileCheck %s < %t.once

// CHECK: vit.weight @blk.0.q.w : tensor<4x6xf32>
vit.weight @blk.0.q.w : tensor<4x6xf32>
vit.weight @g : tensor<6xf32>
vit.weight @b : tensor<4xf32>
// CHECK: vit.weight @placed : tensor<4xf32> = [#vit.ref<@b>] at 128
vit.weight @placed : tensor<4xf32> = [#vit.ref<@b>] at 128
// CHECK: @matrix : tensor<2x9x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.append<@blk.0.q.w>, #vit.rows<0, 6>, #vit.scale<0.18033688011112042 : f64>, #vit.scale_cols<@g>, #vit.scale_col_groups<[5.000000e-01, 0.30000000000000004]>, #vit.pad_groups<dim = 1, 2 to 3>, #vit.pad<[8, 9]>, #vit.pack_panels<4>]
vit.weight @matrix : tensor<2x9x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.append<@blk.0.q.w>, #vit.rows<0, 6>,
    #vit.scale<0.18033688011112042 : f64>, #vit.scale_cols<@g>, #vit.scale_col_groups<[0.5, 0.30000000000000004]>,
    #vit.pad_groups<dim = 1, 2 to 3>, #vit.pad<[8, 9]>, #vit.pack_panels<4>]
// CHECK: @pairs : tensor<1x3x8xbf16> = [#vit.ref<@blk.0.q.w>, #vit.round<bf16>, #vit.pack_panels<4 by 2>]
vit.weight @pairs : tensor<1x3x8xbf16> = [#vit.ref<@blk.0.q.w>, #vit.round<bf16>, #vit.pack_panels<4 by 2>]
// CHECK: @quads : tensor<1x2x16xi8> = [#vit.ref<@blk.0.q.w>, #vit.quantize_rows, #vit.pack_panels<4 by 4>]
vit.weight @quads : tensor<1x2x16xi8> = [#vit.ref<@blk.0.q.w>, #vit.quantize_rows, #vit.pack_panels<4 by 4>]
// CHECK: @scales : tensor<4xf32> = [#vit.ref<@blk.0.q.w>, #vit.row_scales]
vit.weight @scales : tensor<4xf32> = [#vit.ref<@blk.0.q.w>, #vit.row_scales]
// CHECK: @sums : tensor<4xf32> = [#vit.ref<@blk.0.q.w>, #vit.row_sums]
vit.weight @sums : tensor<4xf32> = [#vit.ref<@blk.0.q.w>, #vit.row_sums]
// CHECK: @vector : tensor<4xf32> = [#vit.zeros<[2, 2]>, #vit.reshape<[4]>, #vit.add<@b>, #vit.scale_rows<@b>, #vit.add_matvec<@blk.0.q.w, @g>, #vit.add_col_groups<@blk.0.q.w, [1.000000e+00, -1.000000e-01]>]
vit.weight @vector : tensor<4xf32> = [#vit.zeros<[2, 2]>, #vit.reshape<[4]>, #vit.add<@b>, #vit.scale_rows<@b>,
    #vit.add_matvec<@blk.0.q.w, @g>, #vit.add_col_groups<@blk.0.q.w, [1.0, -0.1]>]
// CHECK: @scale : tensor<3xf32> = [#vit.fill<[3], 2.500000e-01 : f64>]
vit.weight @scale : tensor<3xf32> = [#vit.fill<[3], 0.25 : f64>]

// CHECK: @sincos : tensor<7x8xf32> = [#vit.sincos<mae, [2, 3], width = 8, prefix = 1>]
vit.weight @sincos : tensor<7x8xf32> = [#vit.sincos<mae, [2, 3], width = 8, prefix = 1>]
// CHECK: @resized : tensor<13x8xf32> = [#vit.ref<@sincos>, #vit.resize_grid<[2, 3] to [4, 3], prefix = 1, cubic75, offset, antialias = true>]
vit.weight @resized : tensor<13x8xf32> = [#vit.ref<@sincos>,
    #vit.resize_grid<[2, 3] to [4, 3], prefix = 1, cubic75, offset, antialias = true>]

// CHECK-LABEL: func.func @param
// CHECK: vit.param @matrix : tensor<2x9x4xf32>
func.func @param() -> tensor<2x9x4xf32> {
  %0 = vit.param @matrix : tensor<2x9x4xf32>
  return %0 : tensor<2x9x4xf32>
}
