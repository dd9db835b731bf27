// RUN: vit-opt %s --vit-lower-precision | FileCheck %s
// RUN: vit-opt %s --vit-lower-precision=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-lower-precision -o %t.mlir && vit-interp %s %t.mlir --bound 1e-2
// Products are rounded, so that the results are not the same:
// RUN: not vit-interp %s %t.mlir --bound 1e-5

// RUN: vit-opt %s --vit-lower-precision=precision=int8 | FileCheck %s --check-prefix=INT8
// RUN: vit-opt %s --vit-lower-precision=precision=int8 -o %t.int8.mlir && vit-interp %s %t.int8.mlir --bound 3e-2
// RUN: not vit-interp %s %t.int8.mlir --bound 1e-3

// Layers with an arithmetic of their own, by name; those with none follow the precision.
// RUN: vit-opt %s --vit-lower-precision="precision=int8 layers=middle=int8:0.0625,w=f32,attention=f32" | FileCheck %s --check-prefix=LAYERS
// RUN: not vit-opt %s --vit-lower-precision=layers=none=f32 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: expected a layer called 'none', found none
// RUN: not vit-opt %s --vit-lower-precision=layers=attention=int8 2>&1 | FileCheck %s --check-prefix=ATTENTION
// ATTENTION: expected attention in f32 or bf16, got int8
// RUN: not vit-opt %s --vit-lower-precision=layers=w=int4 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: not vit-opt %s --vit-lower-precision=layers=w=bf16:0.5 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: not vit-opt %s --vit-lower-precision=layers=w=int8:-1 2>&1 | FileCheck %s --check-prefix=MALFORMED
// MALFORMED: expected layers as NAME=f32, NAME=bf16, NAME=int8 or NAME=int8:SCALE, got 'w=

// What a module says stands, unless its layer is chosen.
// RUN: vit-opt %t.int8.mlir --vit-lower-precision="precision=bf16 layers=middle=f32" | FileCheck %s --check-prefix=AGAIN
// AGAIN-LABEL: func.func @layers
// AGAIN: vit.fused_linear {{.*}} dot bf16
// AGAIN: vit.fused_linear
// AGAIN-NOT: dot
// AGAIN-SAME: (tensor<4x4xf32>, tensor<4x4xf32>)

// STATISTICS: stays in f32: its weight is computed (vit-lower-precision)
// STATISTICS: vit-lower-precision: linears-bf16 = 5
// STATISTICS: vit-lower-precision: attentions-bf16 = 2

vit.weight @w : tensor<3x4xf32>
vit.weight @b : tensor<3xf32>
vit.weight @embed : tensor<4x4xf32>
vit.weight @middle : tensor<4x4xf32>

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

// The first layer and the last stay in bf16, what is between them is in bytes.
// INT8-LABEL: func.func @layers
func.func @layers(%image: tensor<1x4x4xf32>) -> tensor<4x3xf32> {
  %embed = vit.param @embed : tensor<4x4xf32>
  %middle = vit.param @middle : tensor<4x4xf32>
  %w = vit.param @w : tensor<3x4xf32>
  %p = vit.extract_patches %image size [2, 2] stride [2, 2] : tensor<1x4x4xf32> -> tensor<4x4xf32>
  // INT8: vit.fused_linear {{.*}} dot bf16
  %x = vit.fused_linear %p, %embed : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  // INT8: vit.fused_linear {{.*}} dot int8
  // LAYERS-LABEL: func.func @layers
  // LAYERS: vit.fused_linear {{.*}} dot bf16
  // LAYERS: vit.fused_linear {{.*}} dot int8 input_scale 6.250000e-02
  // LAYERS: vit.fused_linear {{.*}} heads 1 dot int8 input_scale 6.250000e-02
  // LAYERS: vit.fused_attention {{.*}} planes [0, 0, 0] :
  // LAYERS: vit.fused_linear
  // LAYERS-NOT: dot
  // LAYERS-SAME: (tensor<4x4xf32>, tensor<3x4xf32>)
  %y = vit.fused_linear %x, %middle : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  // INT8: vit.fused_attention {{.*}} dot bf16
  %h = vit.fused_linear %y, %middle heads 1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<1x4x4xf32>
  %a = vit.fused_attention %h, %h, %h heads 1 planes [0, 0, 0]
      : (tensor<1x4x4xf32>, tensor<1x4x4xf32>, tensor<1x4x4xf32>) -> tensor<4x4xf32>
  // INT8: vit.fused_linear {{.*}} dot bf16
  %z = vit.fused_linear %a, %w : (tensor<4x4xf32>, tensor<3x4xf32>) -> tensor<4x3xf32>
  return %z : tensor<4x3xf32>
}
