// RUN: vit-opt %s --vit-drop-dead-rows | FileCheck %s
// RUN: vit-opt %s --vit-drop-dead-rows=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-drop-dead-rows -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

vit.weight @g : tensor<4xf32>
vit.weight @b : tensor<4xf32>
vit.weight @w : tensor<4x4xf32>
vit.weight @cls : tensor<2x4xf32>

// STATISTICS: remark: vit-drop-dead-rows: rows-dropped = 4
// STATISTICS: func.func @example
// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @example(%x: tensor<5x4xf32>) -> tensor<1x4xf32> {
  %g = vit.param @g : tensor<4xf32>
  %b = vit.param @b : tensor<4xf32>
  // CHECK: %[[ROW:.*]] = vit.slice %[[X]] from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  // CHECK: %[[CLS:.*]] = vit.layer_norm %[[ROW]] gamma %{{.*}} beta %{{.*}} eps {{.*}} -> tensor<1x4xf32>
  // CHECK: return %[[CLS]]
  %y = vit.layer_norm %x gamma %g beta %b eps 1.000000e-06
      : (tensor<5x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %cls = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %cls : tensor<1x4xf32>
}

// The last block: all of it but the first norm, keys and values for one row. Ten ops leave out four rows each.
// STATISTICS: remark: vit-drop-dead-rows: rows-dropped = 40
// STATISTICS: func.func @block
// CHECK-LABEL: func.func @block
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @block(%x: tensor<5x4xf32>) -> tensor<1x4xf32> {
  %w = vit.param @w : tensor<4x4xf32>
  // CHECK: %[[N:.*]] = vit.layer_norm %[[X]] eps {{.*}} -> tensor<5x4xf32>
  // CHECK: %[[QROW:.*]] = vit.slice %[[N]] from 0
  // CHECK: %[[Q:.*]] = vit.linear %[[QROW]], {{.*}} -> tensor<1x4xf32>
  // CHECK: %[[K:.*]] = vit.linear %[[N]], {{.*}} -> tensor<5x4xf32>
  // CHECK: %[[V:.*]] = vit.linear %[[N]], {{.*}} -> tensor<5x4xf32>
  // CHECK: %[[A:.*]] = vit.attention %[[Q]], %[[K]], %[[V]] {{.*}} -> tensor<1x4xf32>
  // CHECK: %[[O:.*]] = vit.linear %[[A]]
  // CHECK: %[[XROW:.*]] = vit.slice %[[X]] from 0
  // CHECK: %[[R:.*]] = vit.add %[[XROW]], %[[O]]
  // CHECK: %[[N2:.*]] = vit.layer_norm %[[R]]
  // CHECK: %[[F:.*]] = vit.linear %[[N2]]
  // CHECK: %[[G:.*]] = vit.activation gelu_erf %[[F]] : tensor<1x4xf32>
  // CHECK: %[[H:.*]] = vit.linear %[[G]]
  // CHECK: %[[S:.*]] = vit.add %[[R]], %[[H]]
  // CHECK: %[[CLS:.*]] = vit.layer_norm %[[S]]
  // CHECK: return %[[CLS]]
  %n = vit.layer_norm %x eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %q = vit.linear %n, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %k = vit.linear %n, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %v = vit.linear %n, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %a = vit.attention %q, %k, %v heads 2 scale 0.5
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  %o = vit.linear %a, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %r = vit.add %x, %o : tensor<5x4xf32>
  %n2 = vit.layer_norm %r eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %f = vit.linear %n2, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %g = vit.activation gelu_erf %f : tensor<5x4xf32>
  %h = vit.linear %g, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %s = vit.add %r, %h : tensor<5x4xf32>
  %y = vit.layer_norm %s eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %cls = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %cls : tensor<1x4xf32>
}

// Two readers of different rows: the range that covers both is computed once.
// STATISTICS: remark: vit-drop-dead-rows: rows-dropped = 2
// STATISTICS: func.func @two_slices
// CHECK-LABEL: func.func @two_slices
// CHECK-SAME:    (%[[X:.*]]: tensor<5x4xf32>)
func.func @two_slices(%x: tensor<5x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  // CHECK: %[[ROWS:.*]] = vit.slice %[[X]] from 1 : tensor<5x4xf32> -> tensor<3x4xf32>
  // CHECK: %[[Y:.*]] = vit.layer_norm %[[ROWS]]
  // CHECK: vit.slice %[[Y]] from 0 : tensor<3x4xf32> -> tensor<1x4xf32>
  // CHECK: vit.slice %[[Y]] from 2 : tensor<3x4xf32> -> tensor<1x4xf32>
  %y = vit.layer_norm %x eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %a = vit.slice %y from 1 : tensor<5x4xf32> -> tensor<1x4xf32>
  %b = vit.slice %y from 3 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %a, %b : tensor<1x4xf32>, tensor<1x4xf32>
}

// Slices of slices, of layer scale and of concatenations; nothing is left of the patches that the concatenation held.
// STATISTICS: remark: vit-drop-dead-rows: rows-dropped = 5
// STATISTICS: func.func @concat
// CHECK-LABEL: func.func @concat
func.func @concat(%x: tensor<5x4xf32>) -> (tensor<1x4xf32>, tensor<2x4xf32>) {
  // CHECK:     %[[CLS:.*]] = vit.param @cls
  // CHECK:     %[[ROW:.*]] = vit.slice %[[CLS]] from 1 : tensor<2x4xf32> -> tensor<1x4xf32>
  // CHECK:     %[[X1:.*]] = vit.slice %{{.*}} from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  // CHECK:     %[[ROWS:.*]] = vit.concat %[[ROW]], %[[X1]]
  // CHECK:     %[[Y:.*]] = vit.layer_scale %[[ROWS]], %{{.*}} -> tensor<2x4xf32>
  // CHECK:     %[[A:.*]] = vit.slice %[[Y]] from 0 : tensor<2x4xf32> -> tensor<1x4xf32>
  // CHECK-NOT: vit.slice
  // CHECK:     return %[[A]], %[[Y]]
  %g = vit.param @g : tensor<4xf32>
  %cls = vit.param @cls : tensor<2x4xf32>
  %t = vit.concat %cls, %x : (tensor<2x4xf32>, tensor<5x4xf32>) -> tensor<7x4xf32>
  %y = vit.layer_scale %t, %g : (tensor<7x4xf32>, tensor<4xf32>) -> tensor<7x4xf32>
  %some = vit.slice %y from 1 : tensor<7x4xf32> -> tensor<3x4xf32>
  %a = vit.slice %some from 0 : tensor<3x4xf32> -> tensor<1x4xf32>
  %b = vit.slice %y from 1 : tensor<7x4xf32> -> tensor<2x4xf32>
  return %a, %b : tensor<1x4xf32>, tensor<2x4xf32>
}

// Refused: the features of all tokens are a result.
// STATISTICS: remark: vit-drop-dead-rows: rows-dropped = 0
// STATISTICS: func.func @features
// CHECK-LABEL: func.func @features
func.func @features(%x: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<1x4xf32>) {
  // CHECK: %[[Y:.*]] = vit.layer_norm %{{.*}} -> tensor<5x4xf32>
  // CHECK: %[[CLS:.*]] = vit.slice %[[Y]] from 0
  // CHECK: return %[[Y]], %[[CLS]]
  %y = vit.layer_norm %x eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %cls = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %y, %cls : tensor<5x4xf32>, tensor<1x4xf32>
}

// Refused: together the slices read every row.
// CHECK-LABEL: func.func @all_rows
func.func @all_rows(%x: tensor<5x4xf32>) -> (tensor<1x4xf32>, tensor<4x4xf32>) {
  // CHECK: vit.layer_norm %{{.*}} -> tensor<5x4xf32>
  %y = vit.layer_norm %x eps 1.0e-6 : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %a = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  %b = vit.slice %y from 1 : tensor<5x4xf32> -> tensor<4x4xf32>
  return %a, %b : tensor<1x4xf32>, tensor<4x4xf32>
}

// Refused: every row of keys and values counts.
// CHECK-LABEL: func.func @keys_and_values
// CHECK-SAME:    (%{{.*}}: tensor<5x4xf32>, %[[K:.*]]: tensor<5x4xf32>)
func.func @keys_and_values(%q: tensor<5x4xf32>, %k: tensor<5x4xf32>) -> tensor<1x4xf32> {
  // CHECK: vit.attention %{{.*}}, %[[K]], %[[K]] heads 2 scale {{.*}} : (tensor<1x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>)
  %y = vit.attention %q, %k, %k heads 2 scale 0.5
      : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  %cls = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %cls : tensor<1x4xf32>
}

// Channels side by side are so row by row.
// CHECK-LABEL: func.func @channels
func.func @channels(%x: tensor<5x4xf32>, %y: tensor<5x3xf32>) -> tensor<1x7xf32> {
  // CHECK: %[[X:.*]] = vit.slice %{{.*}} from 2 : tensor<5x4xf32> -> tensor<1x4xf32>
  // CHECK: %[[Y:.*]] = vit.slice %{{.*}} from 2 : tensor<5x3xf32> -> tensor<1x3xf32>
  // CHECK: vit.concat_channels %[[X]], %[[Y]] : (tensor<1x4xf32>, tensor<1x3xf32>) -> tensor<1x7xf32>
  %z = vit.concat_channels %x, %y : (tensor<5x4xf32>, tensor<5x3xf32>) -> tensor<5x7xf32>
  %row = vit.slice %z from 2 : tensor<5x7xf32> -> tensor<1x7xf32>
  return %row : tensor<1x7xf32>
}

// Softmax is row by row.
// CHECK-LABEL: func.func @probabilities
func.func @probabilities(%x: tensor<5x4xf32>) -> tensor<1x4xf32> {
  // CHECK: vit.softmax %{{.*}} : tensor<1x4xf32>
  %y = vit.softmax %x : tensor<5x4xf32>
  %row = vit.slice %y from 0 : tensor<5x4xf32> -> tensor<1x4xf32>
  return %row : tensor<1x4xf32>
}

// A rotation of patches: the tokens around them are dropped.
// CHECK-LABEL: func.func @rotation
func.func @rotation(%x: tensor<6x4xf32>, %cos: tensor<3x2xf32>, %sin: tensor<3x2xf32>) -> tensor<4x4xf32> {
  // CHECK: %[[X:.*]] = vit.slice %{{.*}} from 1 : tensor<6x4xf32> -> tensor<4x4xf32>
  // CHECK: vit.rope %[[X]] cos %{{.*}} sin %{{.*}} heads 2 from 0 : (tensor<4x4xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<4x4xf32>
  %y = vit.rope %x cos %cos sin %sin heads 2 from 1
      : (tensor<6x4xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<6x4xf32>
  %z = vit.slice %y from 1 : tensor<6x4xf32> -> tensor<4x4xf32>
  return %z : tensor<4x4xf32>
}
