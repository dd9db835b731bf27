// RUN: vit-opt %s --vit-lower-precision | FileCheck %s
// RUN: vit-opt %s --vit-lower-precision=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-lower-precision -o %t.mlir && vit-interp %s %t.mlir --bound 1e-2
// Products are rounded, so that the results are not the same:
// RUN: not vit-interp %s %t.mlir --bound 1e-5

// STATISTICS: stays in f32: its weight is computed (vit-lower-precision)
// STATISTICS: vit-lower-precision: linears = 1
// STATISTICS: vit-lower-precision: attentions = 1

vit.weight @w : tensor<3x4xf32>
vit.weight @b : tensor<3xf32>

// CHECK-LABEL: func.func @example
func.func @example(%x: tensor<5x4xf32>) -> tensor<5x3xf32> {
  %w = vit.param @w : tensor<3x4xf32>
  %b = vit.param @b : tensor<3xf32>
  // CHECK: vit.fused_linear %{{.*}}, %{{.*}} bias %{{.*}} dot bf16 :
  %y = vit.fused_linear %x, %w bias %b : (tensor<5x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%qkv: tensor<6x5x4xf32>) -> tensor<5x8xf32> {
  // CHECK: vit.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 2 planes [0, 2, 4] dot bf16 :
  %y = vit.fused_attention %qkv, %qkv, %qkv heads 2 planes [0, 2, 4]
      : (tensor<6x5x4xf32>, tensor<6x5x4xf32>, tensor<6x5x4xf32>) -> tensor<5x8xf32>
  return %y : tensor<5x8xf32>
}

// Refused: a weight that is computed cannot be packed.
// CHECK-LABEL: func.func @computed
func.func @computed(%x: tensor<5x4xf32>, %w: tensor<3x4xf32>) -> tensor<5x3xf32> {
  // CHECK: vit.fused_linear %{{.*}}, %{{.*}} : (
  %y = vit.fused_linear %x, %w : (tensor<5x4xf32>, tensor<3x4xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}
