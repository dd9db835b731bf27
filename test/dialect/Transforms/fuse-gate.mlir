// A gated linear unit: the later linear layer takes the product, the earlier one its activation.

// RUN: vit-opt %s --vit-fuse-linear | FileCheck %s
// RUN: vit-opt %s --vit-fuse-linear=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fuse-linear -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

vit.weight @gate.w : tensor<8x4xf32>
vit.weight @gate.b : tensor<8xf32>
vit.weight @up.w : tensor<8x4xf32>

// STATISTICS: vit-fuse-linear: factors-fused = 1
// CHECK-LABEL: func.func @swiglu
// CHECK: %[[G:.*]] = vit.fused_linear %[[X:.*]], %{{.*}} bias %{{.*}} activation silu
// CHECK: %[[H:.*]] = vit.fused_linear %[[X]], %{{.*}} factor %[[G]] residual %[[R:.*]] :
// CHECK: return %[[H]]
func.func @swiglu(%x: tensor<5x4xf32>, %r: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %wg = vit.param @gate.w : tensor<8x4xf32>
  %bg = vit.param @gate.b : tensor<8xf32>
  %wu = vit.param @up.w : tensor<8x4xf32>
  %0 = vit.linear %x, %wg bias %bg : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
  %1 = vit.activation silu %0 : tensor<5x8xf32>
  %2 = vit.linear %x, %wu : (tensor<5x4xf32>, tensor<8x4xf32>) -> tensor<5x8xf32>
  %3 = vit.multiply %1, %2 : tensor<5x8xf32>
  %4 = vit.add %3, %r : tensor<5x8xf32>
  return %4 : tensor<5x8xf32>
}
