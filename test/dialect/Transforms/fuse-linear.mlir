// RUN: vit-opt %s --vit-fuse-linear | FileCheck %s
// RUN: vit-opt %s --vit-fuse-linear=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fuse-linear -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

vit.weight @w1 : tensor<8x4xf32>
vit.weight @b1 : tensor<8xf32>
vit.weight @w2 : tensor<4x8xf32>
vit.weight @b2 : tensor<4xf32>
vit.weight @w : tensor<4x4xf32>
vit.weight @pos : tensor<5x4xf32>

// STATISTICS: vit-fuse-linear: linears-fused = 2
// STATISTICS: vit-fuse-linear: activations-fused = 1
// STATISTICS: vit-fuse-linear: residuals-fused = 1
// STATISTICS: func.func @example
// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @example(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // CHECK: %[[W1:.*]] = vit.param @w1
  // CHECK: %[[B1:.*]] = vit.param @b1
  // CHECK: %[[W2:.*]] = vit.param @w2
  // CHECK: %[[B2:.*]] = vit.param @b2
  %w1 = vit.param @w1 : tensor<8x4xf32>
  %b1 = vit.param @b1 : tensor<8xf32>
  %w2 = vit.param @w2 : tensor<4x8xf32>
  %b2 = vit.param @b2 : tensor<4xf32>
  // CHECK: %[[Z:.*]] = vit.fused_linear %[[X]], %[[W1]] bias %[[B1]] activation gelu_erf
  // CHECK: %[[R:.*]] = vit.fused_linear %[[Z]], %[[W2]] bias %[[B2]] residual %[[X]]
  // CHECK: return %[[R]]
  %y = vit.linear %x, %w1 bias %b1 : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
  %z = vit.activation gelu_erf %y : tensor<5x8xf32>
  %u = vit.linear %z, %w2 bias %b2 : (tensor<5x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %r = vit.add %x, %u : tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// Position embeddings are a residual, too; a linear layer without an epilogue is fused with nothing.
// CHECK-LABEL: func.func @positions
func.func @positions(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // CHECK: %[[W:.*]] = vit.param @w :
  // CHECK: %[[POS:.*]] = vit.param @pos
  // CHECK: %[[T:.*]] = vit.fused_linear %{{.*}}, %[[W]] residual %[[POS]]
  // CHECK: vit.fused_linear %[[T]], %[[W]] : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %w = vit.param @w : tensor<4x4xf32>
  %pos = vit.param @pos : tensor<5x4xf32>
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %t = vit.add %y, %pos : tensor<5x4xf32>
  %z = vit.linear %t, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}

// Where two linear layers meet, the first is the residual of the second.
// CHECK-LABEL: func.func @two_linears
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>, %[[Y:.*]]: tensor<5x4xf32>)
func.func @two_linears(%x: tensor<5x4xf32>, %y: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // CHECK: %[[A:.*]] = vit.fused_linear %[[X]], %{{.*}} : (tensor<5x4xf32>, tensor<4x4xf32>)
  // CHECK: vit.fused_linear %[[Y]], %{{.*}} residual %[[A]]
  %w = vit.param @w : tensor<4x4xf32>
  %a = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %b = vit.linear %y, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %r = vit.add %b, %a : tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// Activation and residual in one.
// CHECK-LABEL: func.func @both
func.func @both(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // CHECK: vit.fused_linear %{{.*}}, %{{.*}} activation tanh residual %{{.*}}
  %w = vit.param @w : tensor<4x4xf32>
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %z = vit.activation tanh %y : tensor<5x4xf32>
  %r = vit.add %z, %x : tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// Refused: the value before the epilogue is read too.
// CHECK-LABEL: func.func @value_before_is_a_result
func.func @value_before_is_a_result(%x: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  // CHECK: %[[Y:.*]] = vit.fused_linear %{{.*}}, %{{.*}} : (tensor<5x4xf32>, tensor<4x4xf32>)
  // CHECK: %[[Z:.*]] = vit.activation gelu_erf %[[Y]]
  // CHECK: return %[[Y]], %[[Z]]
  %w = vit.param @w : tensor<4x4xf32>
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %z = vit.activation gelu_erf %y : tensor<5x4xf32>
  return %y, %z : tensor<5x4xf32>, tensor<5x4xf32>
}

// Refused: a value that is added to itself has two readers.
// CHECK-LABEL: func.func @added_to_itself
func.func @added_to_itself(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // CHECK: %[[Y:.*]] = vit.fused_linear %{{.*}}, %{{.*}} : (tensor<5x4xf32>, tensor<4x4xf32>)
  // CHECK: vit.add %[[Y]], %[[Y]]
  %w = vit.param @w : tensor<4x4xf32>
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %r = vit.add %y, %y : tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// Refused: an addition before the activation is no residual after it.
// CHECK-LABEL: func.func @activation_of_sum
func.func @activation_of_sum(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // CHECK: %[[Y:.*]] = vit.fused_linear %{{.*}}, %{{.*}} residual %{{.*}}
  // CHECK: vit.activation tanh %[[Y]]
  %w = vit.param @w : tensor<4x4xf32>
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %r = vit.add %y, %x : tensor<5x4xf32>
  %z = vit.activation tanh %r : tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}
