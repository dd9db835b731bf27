// Norms of heads, rotations and a bias of the scores between projections and attention.

// RUN: vit-opt %s --vit-fold-attention-scale --vit-fuse-attention --vit-pack-qkv | FileCheck %s
// RUN: vit-opt %s --vit-fold-attention-scale --vit-fuse-attention --vit-pack-qkv -o %t.mlir 2>%t.remarks
// RUN: vit-interp %s %t.mlir --bound 1e-12
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

vit.weight @blk.0.q.w : tensor<8x6xf32>
vit.weight @blk.0.q.b : tensor<8xf32>
vit.weight @blk.0.k.w : tensor<8x6xf32>
vit.weight @blk.0.v.w : tensor<8x6xf32>
vit.weight @qn.w : tensor<4xf32>
vit.weight @kn.w : tensor<4xf32>
vit.weight @table : tensor<18x2xf32>
vit.weight @bias : tensor<2x7x7xf32> = [#vit.ref<@table>, #vit.relative_bias<2 x 3>]
vit.weight @cos : tensor<6x4xf32> = [#vit.rope_periods<1, 100.0 : f64>, #vit.rope_angles<2 x 3, centered = true, xy = false, ref = 16 x 16, offset = 0.0 : f64>, #vit.cos]
vit.weight @sin : tensor<6x4xf32> = [#vit.rope_periods<1, 100.0 : f64>, #vit.rope_angles<2 x 3, centered = true, xy = false, ref = 16 x 16, offset = 0.0 : f64>, #vit.sin]

// The scale goes into the norm of the query, which would undo it before; channels of halves take turns.
// CHECK-DAG: vit.weight @qn.w.scaled.pairs.log2e : {{.*}} = [#vit.ref<@qn.w>, #vit.scale<5.000000e-01 : f64>, #vit.interleave_halves<dim = 0, 4>, #vit.scale<1.4426950408889634 : f64>]
// CHECK-DAG: vit.weight @kn.w.pairs : {{.*}} = [#vit.ref<@kn.w>, #vit.interleave_halves<dim = 0, 4>]
// CHECK-DAG: vit.weight @blk.0.q.w.pairs : {{.*}} = [#vit.ref<@blk.0.q.w>, #vit.interleave_halves<dim = 0, 4>]
// CHECK-DAG: vit.weight @blk.0.k.w.pairs : {{.*}} = [#vit.ref<@blk.0.k.w>, #vit.interleave_halves<dim = 0, 4>]
// CHECK-DAG: vit.weight @cos.pairs : {{.*}}, #vit.cos, #vit.interleave_halves<dim = 1, 4>]
// CHECK-DAG: vit.weight @bias.log2e : {{.*}}, #vit.relative_bias<2 x 3>, #vit.scale<1.4426950408889634 : f64>]

// CHECK-LABEL: func.func @normed_halves
// CHECK-NOT: halves
// CHECK: %[[Q:.*]] = vit.fused_linear %{{.*}} heads 2
// CHECK: %[[QN:.*]] = vit.layer_norm rms %[[Q]] gamma %{{.*}} eps {{.*}} -> tensor<2x7x4xf32>
// CHECK: %[[QR:.*]] = vit.rope %[[QN]] cos %{{.*}} sin %{{.*}} heads 2 from 1
// CHECK: vit.fused_attention %[[QR]], %{{.*}}, %{{.*}} bias %{{.*}} heads 2 planes [0, 0, 0] base2
func.func @normed_halves(%x: tensor<7x6xf32>) -> tensor<7x8xf32> {
  %wq = vit.param @blk.0.q.w : tensor<8x6xf32>
  %bq = vit.param @blk.0.q.b : tensor<8xf32>
  %wk = vit.param @blk.0.k.w : tensor<8x6xf32>
  %wv = vit.param @blk.0.v.w : tensor<8x6xf32>
  %gq = vit.param @qn.w : tensor<4xf32>
  %gk = vit.param @kn.w : tensor<4xf32>
  %cos = vit.param @cos : tensor<6x4xf32>
  %sin = vit.param @sin : tensor<6x4xf32>
  %bias = vit.param @bias : tensor<2x7x7xf32>
  %q0 = vit.linear %x, %wq bias %bq : (tensor<7x6xf32>, tensor<8x6xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %k0 = vit.linear %x, %wk : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %v = vit.linear %x, %wv : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %q1 = vit.layer_norm rms %q0 heads 2 gamma %gq eps 1.0e-6 : (tensor<7x8xf32>, tensor<4xf32>) -> tensor<7x8xf32>
  %k1 = vit.layer_norm rms %k0 heads 2 gamma %gk eps 1.0e-6 : (tensor<7x8xf32>, tensor<4xf32>) -> tensor<7x8xf32>
  %q = vit.rope %q1 cos %cos sin %sin halves heads 2 from 1 : (tensor<7x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<7x8xf32>
  %k = vit.rope %k1 cos %cos sin %sin halves heads 2 from 1 : (tensor<7x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<7x8xf32>
  %y = vit.attention %q, %k, %v bias %bias heads 2 scale 5.000000e-01
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>, tensor<2x7x7xf32>) -> tensor<7x8xf32>
  return %y : tensor<7x8xf32>
}

// Without a gamma to scale, the norm of the query gets one; a query that alone is rotated permutes both.
// CHECK-LABEL: func.func @plain_norm
// CHECK: vit.layer_norm %{{.*}} gamma %{{.*}} eps {{.*}} -> tensor<2x7x4xf32>
// CHECK: vit.fused_attention
func.func @plain_norm(%x: tensor<7x6xf32>) -> tensor<7x8xf32> {
  %wq = vit.param @blk.0.q.w : tensor<8x6xf32>
  %wk = vit.param @blk.0.k.w : tensor<8x6xf32>
  %wv = vit.param @blk.0.v.w : tensor<8x6xf32>
  %cos = vit.param @cos : tensor<6x4xf32>
  %sin = vit.param @sin : tensor<6x4xf32>
  %q0 = vit.linear %x, %wq : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %k = vit.linear %x, %wk : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %v = vit.linear %x, %wv : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %q1 = vit.layer_norm %q0 heads 2 eps 1.0e-6 : (tensor<7x8xf32>) -> tensor<7x8xf32>
  %q = vit.rope %q1 cos %cos sin %sin halves heads 2 from 0 : (tensor<7x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<7x8xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 5.000000e-01
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<7x8xf32>
  return %y : tensor<7x8xf32>
}

// CHECK-LABEL: func.func @other_pairs
// CHECK: vit.attention
// REMARK: attention is not fused: its query and key are rotated in different pairs of channels
func.func @other_pairs(%x: tensor<7x6xf32>) -> tensor<7x8xf32> {
  %wq = vit.param @blk.0.q.w : tensor<8x6xf32>
  %wk = vit.param @blk.0.k.w : tensor<8x6xf32>
  %wv = vit.param @blk.0.v.w : tensor<8x6xf32>
  %cos = vit.param @cos : tensor<6x4xf32>
  %sin = vit.param @sin : tensor<6x4xf32>
  %q0 = vit.linear %x, %wq : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %k0 = vit.linear %x, %wk : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %v = vit.linear %x, %wv : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %q = vit.rope %q0 cos %cos sin %sin halves heads 2 from 1 : (tensor<7x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<7x8xf32>
  %k = vit.rope %k0 cos %cos sin %sin heads 2 from 1 : (tensor<7x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<7x8xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 1.0
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<7x8xf32>
  return %y : tensor<7x8xf32>
}

// CHECK-LABEL: func.func @rotated_value
// CHECK: vit.attention
// REMARK: attention is not fused: its value is rotated or normalised
func.func @rotated_value(%x: tensor<7x6xf32>) -> tensor<7x8xf32> {
  %wq = vit.param @blk.0.q.w : tensor<8x6xf32>
  %wk = vit.param @blk.0.k.w : tensor<8x6xf32>
  %wv = vit.param @blk.0.v.w : tensor<8x6xf32>
  %cos = vit.param @cos : tensor<6x4xf32>
  %sin = vit.param @sin : tensor<6x4xf32>
  %q = vit.linear %x, %wq : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %k = vit.linear %x, %wk : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %v0 = vit.linear %x, %wv : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %v = vit.rope %v0 cos %cos sin %sin heads 2 from 1 : (tensor<7x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<7x8xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 1.0
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<7x8xf32>
  return %y : tensor<7x8xf32>
}

// CHECK-LABEL: func.func @computed_bias
// CHECK: vit.attention
// REMARK: attention is not fused: its bias is computed
func.func @computed_bias(%x: tensor<7x6xf32>) -> tensor<7x8xf32> {
  %wq = vit.param @blk.0.q.w : tensor<8x6xf32>
  %wk = vit.param @blk.0.k.w : tensor<8x6xf32>
  %wv = vit.param @blk.0.v.w : tensor<8x6xf32>
  %bias = vit.param @bias : tensor<2x7x7xf32>
  %twice = vit.add %bias, %bias : tensor<2x7x7xf32>
  %q = vit.linear %x, %wq : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %k = vit.linear %x, %wk : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %v = vit.linear %x, %wv : (tensor<7x6xf32>, tensor<8x6xf32>) -> tensor<7x8xf32>
  %y = vit.attention %q, %k, %v bias %twice heads 2 scale 1.0
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>, tensor<2x7x7xf32>) -> tensor<7x8xf32>
  return %y : tensor<7x8xf32>
}
