// RUN: vit-opt %s --vit-fold-attention-scale | FileCheck %s
// RUN: vit-opt %s --vit-fold-attention-scale=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fold-attention-scale -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-fold-attention-scale: scales-folded = 1

vit.weight @blk.0.q.w : tensor<4x4xf32>
vit.weight @blk.0.q.b : tensor<4xf32>

// CHECK:      vit.weight @blk.0.q.w.scaled : tensor<4x4xf32> = [#vit.ref<@blk.0.q.w>, #vit.scale<5.000000e-01 : f64>]
// CHECK-NEXT: vit.weight @blk.0.q.b.scaled : tensor<4xf32> = [#vit.ref<@blk.0.q.b>, #vit.scale<5.000000e-01 : f64>]

// CHECK-LABEL: func.func @example
func.func @example(%x: tensor<5x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  %b = vit.param @blk.0.q.b : tensor<4xf32>
  // CHECK: %[[W:.*]] = vit.param @blk.0.q.w.scaled
  // CHECK: %[[B:.*]] = vit.param @blk.0.q.b.scaled
  // CHECK: %[[Q:.*]] = vit.linear %{{.*}}, %[[W]] bias %[[B]]
  // CHECK: vit.attention %[[Q]], %{{.*}}, %{{.*}} heads 1 scale 1.000000e+00
  %q = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %k, %v heads 1 scale 5.000000e-01
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// Refused: a norm of the query (qk-norm) would undo the scale.
// CHECK-LABEL: func.func @query_norm
func.func @query_norm(%x: tensor<5x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK: %[[W:.*]] = vit.param @blk.0.q.w :
  // CHECK: vit.linear %{{.*}}, %[[W]]
  // CHECK: vit.attention %{{.*}} scale 5.000000e-01
  %q = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %n = vit.layer_norm %q eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %n, %k, %v heads 1 scale 5.000000e-01
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// Refused: the projection is the key, too; the scale would count twice.
// CHECK-LABEL: func.func @shared_projection
func.func @shared_projection(%x: tensor<5x4xf32>, %v: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.q.w : tensor<4x4xf32>
  // CHECK: vit.attention %{{.*}} scale 5.000000e-01
  %q = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %q, %q, %v heads 1 scale 5.000000e-01
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
