// RUN: vit-opt %s --vit-fuse-attention 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: vit-opt %s --vit-fuse-attention=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fuse-attention -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-fuse-attention: attentions-fused = 3

vit.weight @blk.0.q.w : tensor<4x4xf32>
vit.weight @blk.0.q.b : tensor<4xf32>
vit.weight @blk.0.k.w : tensor<4x4xf32>
vit.weight @blk.0.v.w : tensor<4x4xf32>
vit.weight @blk.0.v.b : tensor<4xf32>

// CHECK:      vit.weight @blk.0.q.w.log2e : tensor<4x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.scale<1.4426950408889634 : f64>]
// CHECK-NEXT: vit.weight @blk.0.q.b.log2e : tensor<4xf32> = [#vit.ref<@blk.0.q.b>, #vit.scale<1.4426950408889634 : f64>]
// CHECK-NEXT: vit.weight @blk.0.q.w.scaled.log2e : tensor<4x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.scale<0.72134752044448169 : f64>]
// CHECK-NOT:  vit.weight

// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @example(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  %bq = vit.param @blk.0.q.b : tensor<4xf32>
  %wk = vit.param @blk.0.k.w : tensor<4x4xf32>
  %wv = vit.param @blk.0.v.w : tensor<4x4xf32>
  %bv = vit.param @blk.0.v.b : tensor<4xf32>
  // CHECK: %[[WQ:.*]] = vit.param @blk.0.q.w.log2e
  // CHECK: %[[BQ:.*]] = vit.param @blk.0.q.b.log2e
  // CHECK: %[[Q:.*]] = vit.fused_linear %[[X]], %[[WQ]] bias %[[BQ]] heads 2 {{.*}} -> tensor<2x5x2xf32>
  // CHECK: %[[K:.*]] = vit.fused_linear %[[X]], %{{.*}} heads 2 {{.*}} -> tensor<2x5x2xf32>
  // CHECK: %[[V:.*]] = vit.fused_linear %[[X]], %{{.*}} bias %{{.*}} heads 2 {{.*}} -> tensor<2x5x2xf32>
  // CHECK: %[[Y:.*]] = vit.fused_attention %[[Q]], %[[K]], %[[V]] heads 2 planes [0, 0, 0] base2
  // CHECK: return %[[Y]]
  %q = vit.linear %x, %wq bias %bq : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %x, %wk : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %x, %wv bias %bv : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 1.000000e+00
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// A query of one token.
// CHECK-LABEL: func.func @one_query
func.func @one_query(%x: tensor<5x4xf32>) -> tensor<1x4xf32> {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  %wk = vit.param @blk.0.k.w : tensor<4x4xf32>
  %wv = vit.param @blk.0.v.w : tensor<4x4xf32>
  // CHECK: vit.fused_linear %{{.*}} heads 2 {{.*}} -> tensor<2x1x2xf32>
  // CHECK: vit.fused_attention {{.*}} : (tensor<2x1x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<1x4xf32>
  %row = vit.slice %x from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  %q = vit.linear %row, %wq : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %k = vit.linear %x, %wk : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %x, %wv : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 1.0
      : (tensor<1x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// REMARK: remark: attention is not fused: its scale is not 1 (vit-fold-attention-scale did not fold it)
// CHECK-LABEL: func.func @scale
func.func @scale(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK: vit.attention
  %q = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 0.5
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// REMARK: remark: attention is not fused: an operand is not the result of a linear layer
// CHECK-LABEL: func.func @key_norm
func.func @key_norm(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK: vit.attention
  %q = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %n = vit.layer_norm %k eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %n, %v heads 2 scale 1.0
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// REMARK: remark: attention is not fused: an operand has other readers, which need it as rows and not as head planes
// CHECK-LABEL: func.func @value_is_a_result
func.func @value_is_a_result(%x: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK: vit.attention
  %q = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 1.0
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y, %v : tensor<5x4xf32>, tensor<5x4xf32>
}

// REMARK: remark: attention is not fused: the weight or bias of its query is computed
// CHECK-LABEL: func.func @computed_weight
func.func @computed_weight(%x: tensor<5x4xf32>, %wq: tensor<4x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK: vit.attention
  %q = vit.linear %x, %wq : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %k, %v heads 2 scale 1.0
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// Maps that are an output: scale and log2(e) go into the query, log2(e) into the bias.
// CHECK-LABEL: func.func @maps
func.func @maps(%x: tensor<5x4xf32>) -> tensor<10x5xf32> {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  %wk = vit.param @blk.0.k.w : tensor<4x4xf32>
  // CHECK: %[[W:.*]] = vit.param @blk.0.q.w.scaled.log2e
  // CHECK: %[[Q:.*]] = vit.fused_linear %{{.*}}, %[[W]] heads 2
  // CHECK: %[[K:.*]] = vit.fused_linear %{{.*}} heads 2
  // CHECK: vit.fused_attention_weights %[[Q]], %[[K]] : (tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<10x5xf32>
  %q = vit.linear %x, %wq : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %x, %wk : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention_weights %q, %k heads 2 scale 0.5 : (tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<10x5xf32>
  return %y : tensor<10x5xf32>
}
