// RUN: vit-opt %s --vit-pack-qkv | FileCheck %s
// RUN: vit-opt %s --vit-pack-qkv=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-pack-qkv -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-pack-qkv: projections-packed = 7

vit.weight @blk.0.q.w : tensor<4x4xf32>
vit.weight @blk.0.q.b : tensor<4xf32>
vit.weight @blk.0.k.w : tensor<4x4xf32>
vit.weight @blk.0.v.w : tensor<4x4xf32>
vit.weight @blk.0.v.b : tensor<4xf32>

// CHECK:      vit.weight @blk.0.qkv.w : tensor<12x4xf32>
// CHECK-SAME:   = [#vit.ref<@blk.0.q.w>, #vit.append<@blk.0.k.w>, #vit.append<@blk.0.v.w>]
// CHECK-NEXT: vit.weight @blk.0.k.b.zeros : tensor<4xf32> = [#vit.zeros<[4]>]
// CHECK-NEXT: vit.weight @blk.0.qkv.b : tensor<12xf32>
// CHECK-SAME:   = [#vit.ref<@blk.0.q.b>, #vit.append<@blk.0.k.b.zeros>, #vit.append<@blk.0.v.b>]
// CHECK-NEXT: vit.weight @blk.0.kv.w : tensor<8x4xf32> = [#vit.ref<@blk.0.k.w>, #vit.append<@blk.0.v.w>]
// CHECK-NEXT: vit.weight @blk.0.qv.w : tensor<8x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.append<@blk.0.v.w>]
// CHECK-NOT:  vit.weight

// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @example(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  %bq = vit.param @blk.0.q.b : tensor<4xf32>
  %wk = vit.param @blk.0.k.w : tensor<4x4xf32>
  %wv = vit.param @blk.0.v.w : tensor<4x4xf32>
  %bv = vit.param @blk.0.v.b : tensor<4xf32>
  // CHECK-DAG: %[[W:.*]] = vit.param @blk.0.qkv.w
  // CHECK-DAG: %[[B:.*]] = vit.param @blk.0.qkv.b
  // CHECK:     %[[QKV:.*]] = vit.fused_linear %[[X]], %[[W]] bias %[[B]] heads 6 {{.*}} -> tensor<6x5x2xf32>
  // CHECK:     vit.fused_attention %[[QKV]], %[[QKV]], %[[QKV]] heads 2 planes [0, 2, 4] base2
  %q = vit.fused_linear %x, %wq bias %bq heads 2
      : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x5x2xf32>
  %k = vit.fused_linear %x, %wk heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %v = vit.fused_linear %x, %wv bias %bv heads 2
      : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x5x2xf32>
  %y = vit.fused_attention %q, %k, %v heads 2 planes [0, 0, 0] base2
      : (tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// The query of the last block reads one row only; key and value share a product. No biases, so none is made.
// CHECK-LABEL: func.func @one_query
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @one_query(%x: tensor<5x4xf32>) -> tensor<1x4xf32> {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  %wk = vit.param @blk.0.k.w : tensor<4x4xf32>
  %wv = vit.param @blk.0.v.w : tensor<4x4xf32>
  // CHECK: %[[ROW:.*]] = vit.slice %[[X]]
  // CHECK: %[[Q:.*]] = vit.fused_linear %[[ROW]]
  // CHECK: %[[W:.*]] = vit.param @blk.0.kv.w
  // CHECK: %[[KV:.*]] = vit.fused_linear %[[X]], %[[W]] heads 4 : (tensor<5x4xf32>, tensor<8x4xf32>) -> tensor<4x5x2xf32>
  // CHECK: vit.fused_attention %[[Q]], %[[KV]], %[[KV]] heads 2 planes [0, 0, 2] base2
  %row = vit.slice %x from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  %q = vit.fused_linear %row, %wq heads 2 : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<2x1x2xf32>
  %k = vit.fused_linear %x, %wk heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %v = vit.fused_linear %x, %wv heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %y = vit.fused_attention %q, %k, %v heads 2 planes [0, 0, 0] base2
      : (tensor<2x1x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// Refused for the key: somebody else reads its planes. Query and value are packed without it.
// CHECK-LABEL: func.func @key_is_a_result
func.func @key_is_a_result(%x: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<2x5x2xf32>) {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  %wk = vit.param @blk.0.k.w : tensor<4x4xf32>
  %wv = vit.param @blk.0.v.w : tensor<4x4xf32>
  // CHECK: %[[K:.*]] = vit.fused_linear %{{.*}} heads 2
  // CHECK: %[[QV:.*]] = vit.fused_linear %{{.*}} heads 4
  // CHECK: vit.fused_attention %[[QV]], %[[K]], %[[QV]] heads 2 planes [0, 0, 2]
  %q = vit.fused_linear %x, %wq heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %k = vit.fused_linear %x, %wk heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %v = vit.fused_linear %x, %wv heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %y = vit.fused_attention %q, %k, %v heads 2 planes [0, 0, 0] base2
      : (tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<5x4xf32>
  return %y, %k : tensor<5x4xf32>, tensor<2x5x2xf32>
}

// Refused: three different inputs, as in cross attention.
// CHECK-LABEL: func.func @different_inputs
func.func @different_inputs(%x: tensor<5x4xf32>, %u: tensor<5x4xf32>, %z: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %wq = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK-COUNT-3: vit.fused_linear %{{.*}} heads 2
  // CHECK:         vit.fused_attention {{.*}} planes [0, 0, 0]
  %q = vit.fused_linear %x, %wq heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %k = vit.fused_linear %u, %wq heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %v = vit.fused_linear %z, %wq heads 2 : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x2xf32>
  %y = vit.fused_attention %q, %k, %v heads 2 planes [0, 0, 0] base2
      : (tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
