// RUN: vit-opt %s --canonicalize > %t && FileCheck %s < %t
// RUN: vit-interp %s %t --bound 0

// A slice of all rows is its input, and so is a concatenation of one operand.
// CHECK-LABEL: func.func @identities
// CHECK-SAME:    (%[[X:.*]]: tensor<4x6xf32>)
// CHECK-NEXT:    return %[[X]], %[[X]]
func.func @identities(%x: tensor<4x6xf32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %0 = vit.slice %x from 0 : tensor<4x6xf32> -> tensor<4x6xf32>
  %1 = vit.concat %x : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %0, %1 : tensor<4x6xf32>, tensor<4x6xf32>
}

// CHECK-LABEL: func.func @kept
// CHECK:         vit.slice
// CHECK:         vit.concat
func.func @kept(%x: tensor<4x6xf32>) -> (tensor<3x6xf32>, tensor<8x6xf32>) {
  %0 = vit.slice %x from 0 : tensor<4x6xf32> -> tensor<3x6xf32>
  %1 = vit.concat %x, %x : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  return %0, %1 : tensor<3x6xf32>, tensor<8x6xf32>
}

// Pure ops without readers go.
// CHECK-LABEL: func.func @dead
// CHECK-NEXT:    return
func.func @dead(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %0 = vit.add %x, %x : tensor<4x6xf32>
  %1 = vit.layer_norm %0 eps 1.0e-6 : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %x : tensor<4x6xf32>
}

// A planned op that writes a buffer stays, whoever reads it.
// CHECK-LABEL: func.func @writes
// CHECK:         vit.plan.copy
func.func @writes(%x: memref<4x6xf32>, %y: memref<4x6xf32>) {
  vit.plan.copy ins(%x : memref<4x6xf32>) outs(%y : memref<4x6xf32>) chunks 1
  return
}
