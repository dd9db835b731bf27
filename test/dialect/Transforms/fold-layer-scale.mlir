// RUN: vit-opt %s --vit-fold-layer-scale | FileCheck %s
// RUN: vit-opt %s --vit-fold-layer-scale=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fold-layer-scale -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-fold-layer-scale: layer-scales-folded = 3

vit.weight @blk.0.o.w : tensor<4x4xf32>
vit.weight @blk.0.o.b : tensor<4xf32>
vit.weight @blk.0.ls1 : tensor<4xf32>

// CHECK:      vit.weight @blk.0.o.w.scaled : tensor<4x4xf32> = [#vit.ref<@blk.0.o.w>, #vit.scale_rows<@blk.0.ls1>]
// CHECK-NEXT: vit.weight @blk.0.o.b.scaled : tensor<4xf32> = [#vit.ref<@blk.0.o.b>, #vit.scale_rows<@blk.0.ls1>]
// CHECK-NOT:  vit.weight

// CHECK-LABEL: func.func @example
func.func @example(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.o.w : tensor<4x4xf32>
  %b = vit.param @blk.0.o.b : tensor<4xf32>
  %g = vit.param @blk.0.ls1 : tensor<4xf32>
  // CHECK: %[[W:.*]] = vit.param @blk.0.o.w.scaled
  // CHECK: %[[B:.*]] = vit.param @blk.0.o.b.scaled
  // CHECK: %[[Z:.*]] = vit.linear %{{.*}}, %[[W]] bias %[[B]]
  // CHECK: return %[[Z]]
  %y = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %z = vit.layer_scale %y, %g : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}

// CHECK-LABEL: func.func @no_bias
func.func @no_bias(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.o.w : tensor<4x4xf32>
  %g = vit.param @blk.0.ls1 : tensor<4xf32>
  // CHECK:     vit.linear %{{.*}}, %{{.*}} : (tensor<5x4xf32>, tensor<4x4xf32>)
  // CHECK-NOT: vit.layer_scale
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %z = vit.layer_scale %y, %g : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}

// Refused: the value before the scale is read too.
// CHECK-LABEL: func.func @two_readers
func.func @two_readers(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.o.w : tensor<4x4xf32>
  %g = vit.param @blk.0.ls1 : tensor<4xf32>
  // CHECK: %[[Y:.*]] = vit.linear
  // CHECK: vit.layer_scale %[[Y]]
  %y = vit.linear %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %z = vit.layer_scale %y, %g : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %r = vit.add %y, %z : tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// Refused: no linear layer before it.
// CHECK-LABEL: func.func @no_linear
func.func @no_linear(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %g = vit.param @blk.0.ls1 : tensor<4xf32>
  // CHECK: vit.layer_scale
  %z = vit.layer_scale %x, %g : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}

// An attention without a projection behind it passes the factors on to its values.
// CHECK-LABEL: func.func @behind_attention
// CHECK: %[[V:.*]] = vit.linear %{{.*}}, %{{.*}} bias %{{.*}} :
// CHECK: %[[Y:.*]] = vit.attention %{{.*}}, %{{.*}}, %[[V]] heads 2
// CHECK: return %[[Y]]
func.func @behind_attention(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = vit.param @blk.0.o.w : tensor<4x4xf32>
  %b = vit.param @blk.0.o.b : tensor<4xf32>
  %g = vit.param @blk.0.ls1 : tensor<4xf32>
  %v = vit.linear %x, %w bias %b : (tensor<5x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %y = vit.attention %x, %x, %v heads 2 scale 1.0 : (tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  %z = vit.layer_scale %y, %g : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}
