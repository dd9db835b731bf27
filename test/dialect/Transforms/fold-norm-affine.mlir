// RUN: vit-opt %s --vit-fold-norm-affine | FileCheck %s
// RUN: vit-opt %s --vit-fold-norm-affine=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fold-norm-affine -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-fold-norm-affine: norms-folded = 4

vit.weight @blk.0.ln2.w : tensor<4xf32>
vit.weight @blk.0.ln2.b : tensor<4xf32>
vit.weight @blk.0.fc1.w : tensor<8x4xf32>
vit.weight @blk.0.fc1.b : tensor<8xf32>
vit.weight @blk.0.k.w : tensor<4x4xf32>
vit.weight @head.main.w : tensor<3x4xf32>
vit.weight @head.main.b : tensor<3xf32>

// The bias takes the product of the original weight with beta; zeros stand in for a bias that does not exist.
// CHECK:      vit.weight @blk.0.fc1.b.norm : tensor<8xf32>
// CHECK-SAME:   = [#vit.ref<@blk.0.fc1.b>, #vit.add_matvec<@blk.0.fc1.w, @blk.0.ln2.b>]
// CHECK-NEXT: vit.weight @blk.0.fc1.w.norm : tensor<8x4xf32> = [#vit.ref<@blk.0.fc1.w>, #vit.scale_cols<@blk.0.ln2.w>]
// CHECK-NEXT: vit.weight @blk.0.k.b.norm : tensor<4xf32> = [#vit.zeros<[4]>, #vit.add_matvec<@blk.0.k.w, @blk.0.ln2.b>]
// CHECK-NEXT: vit.weight @blk.0.k.w.norm : tensor<4x4xf32> = [#vit.ref<@blk.0.k.w>, #vit.scale_cols<@blk.0.ln2.w>]
// CHECK-NEXT: vit.weight @head.main.b.norm
// CHECK-NEXT: vit.weight @head.main.w.norm
// CHECK-NOT:  vit.weight

// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @example(%x: tensor<5x4xf32>) -> tensor<5x8xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %b = vit.param @blk.0.ln2.b : tensor<4xf32>
  %w = vit.param @blk.0.fc1.w : tensor<8x4xf32>
  %c = vit.param @blk.0.fc1.b : tensor<8xf32>
  // CHECK: %[[Y:.*]] = vit.layer_norm %[[X]] eps {{.*}} : (tensor<5x4xf32>) -> tensor<5x4xf32>
  // CHECK: %[[C:.*]] = vit.param @blk.0.fc1.b.norm
  // CHECK: %[[W:.*]] = vit.param @blk.0.fc1.w.norm
  // CHECK: vit.linear %[[Y]], %[[W]] bias %[[C]]
  %y = vit.layer_norm %x gamma %g beta %b eps 1.000000e-06
      : (tensor<5x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %z = vit.linear %y, %w bias %c : (tensor<5x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<5x8xf32>
  return %z : tensor<5x8xf32>
}

// Several readers, one through a slice, one without a bias. The weights are those of the function above.
// CHECK-LABEL: func.func @several_readers
func.func @several_readers(%x: tensor<5x4xf32>) -> (tensor<1x8xf32>, tensor<5x4xf32>) {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %b = vit.param @blk.0.ln2.b : tensor<4xf32>
  %w = vit.param @blk.0.fc1.w : tensor<8x4xf32>
  %c = vit.param @blk.0.fc1.b : tensor<8xf32>
  %k = vit.param @blk.0.k.w : tensor<4x4xf32>
  // CHECK: %[[Y:.*]] = vit.layer_norm %{{.*}} eps {{.*}} : (tensor<5x4xf32>) -> tensor<5x4xf32>
  // CHECK: %[[ROW:.*]] = vit.slice %[[Y]]
  // CHECK: vit.linear %[[ROW]]
  // CHECK: %[[B:.*]] = vit.param @blk.0.k.b.norm
  // CHECK: %[[K:.*]] = vit.param @blk.0.k.w.norm
  // CHECK: vit.linear %[[Y]], %[[K]] bias %[[B]]
  %y = vit.layer_norm %x gamma %g beta %b eps 1.000000e-06
      : (tensor<5x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %row = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  %z = vit.linear %row, %w bias %c : (tensor<1x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<1x8xf32>
  %u = vit.linear %y, %k : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %z, %u : tensor<1x8xf32>, tensor<5x4xf32>
}

// The mean of tokens commutes with an affine map of channels.
// CHECK-LABEL: func.func @mean
func.func @mean(%x: tensor<5x4xf32>) -> tensor<1x3xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %b = vit.param @blk.0.ln2.b : tensor<4xf32>
  %w = vit.param @head.main.w : tensor<3x4xf32>
  %c = vit.param @head.main.b : tensor<3xf32>
  // CHECK: vit.layer_norm %{{.*}} eps {{.*}} : (tensor<5x4xf32>) -> tensor<5x4xf32>
  // CHECK: vit.param @head.main.w.norm
  %y = vit.layer_norm %x gamma %g beta %b eps 1.000000e-06
      : (tensor<5x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %m = vit.mean_tokens %y : tensor<5x4xf32> -> tensor<1x4xf32>
  %z = vit.linear %m, %w bias %c : (tensor<1x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %z : tensor<1x3xf32>
}

// Without beta the bias stays as it is.
// CHECK-LABEL: func.func @gamma_only
func.func @gamma_only(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %k = vit.param @blk.0.k.w : tensor<4x4xf32>
  // CHECK: %[[K:.*]] = vit.param @blk.0.k.w.norm
  // CHECK: vit.linear %{{.*}}, %[[K]] : (tensor<5x4xf32>, tensor<4x4xf32>)
  %y = vit.layer_norm %x gamma %g eps 1.000000e-06 : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %u = vit.linear %y, %k : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %u : tensor<5x4xf32>
}

// Refused: the norm is a result of the function.
// CHECK-LABEL: func.func @norm_is_a_result
func.func @norm_is_a_result(%x: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %k = vit.param @blk.0.k.w : tensor<4x4xf32>
  // CHECK: vit.layer_norm %{{.*}} gamma
  // CHECK: vit.linear %{{.*}}, %{{.*}} : (tensor<5x4xf32>, tensor<4x4xf32>)
  %y = vit.layer_norm %x gamma %g eps 1.000000e-06 : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %u = vit.linear %y, %k : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %y, %u : tensor<5x4xf32>, tensor<5x4xf32>
}

// Refused: the norm feeds a residual connection (a norm before the first block, or post-norm).
// CHECK-LABEL: func.func @residual
func.func @residual(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %k = vit.param @blk.0.k.w : tensor<4x4xf32>
  // CHECK: vit.layer_norm %{{.*}} gamma
  %y = vit.layer_norm %x gamma %g eps 1.000000e-06 : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %u = vit.linear %y, %k : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %r = vit.add %y, %u : tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// Refused: a slice of the norm is a result.
// CHECK-LABEL: func.func @slice_is_a_result
func.func @slice_is_a_result(%x: tensor<5x4xf32>) -> tensor<1x4xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  // CHECK: vit.layer_norm %{{.*}} gamma
  %y = vit.layer_norm %x gamma %g eps 1.000000e-06 : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %row = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %row : tensor<1x4xf32>
}

// Refused: a weight that is computed cannot be scaled ahead of time.
// CHECK-LABEL: func.func @computed_weight
func.func @computed_weight(%x: tensor<5x4xf32>, %w: tensor<4x4xf32>) -> tensor<5x4xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  // CHECK: vit.layer_norm %{{.*}} gamma
  %y = vit.layer_norm %x gamma %g eps 1.000000e-06 : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %u = vit.linear %y, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %u : tensor<5x4xf32>
}

// Refused: the largest of a channel is another token's where gamma is negative.
// CHECK-LABEL: func.func @largest
func.func @largest(%x: tensor<5x4xf32>) -> tensor<1x3xf32> {
  %g = vit.param @blk.0.ln2.w : tensor<4xf32>
  %w = vit.param @head.main.w : tensor<3x4xf32>
  // CHECK: vit.layer_norm %{{.*}} gamma
  %y = vit.layer_norm %x gamma %g eps 1.000000e-06 : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %m = vit.max_tokens %y : tensor<5x4xf32> -> tensor<1x4xf32>
  %z = vit.linear %m, %w : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<1x3xf32>
  return %z : tensor<1x3xf32>
}
