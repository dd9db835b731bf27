// Every fused op prints as it was written, with each of its optional parts.
// RUN: vit-opt %s > %t.once && vit-opt %t.once > %t.twice && diff %t.once %t.twice
// RUN: vit-opt %s --mlir-print-op-generic | vit-opt | diff %t.once -
// RUN: FileCheck %s < %t.once

// CHECK-LABEL: func.func @fused
// CHECK: vit.extract_patches %{{.*}} size [4, 4] stride [4, 4] : tensor<3x8x8xf32> -> tensor<4x48xf32>
// CHECK: vit.extract_patches %{{.*}} size [4, 4] stride [2, 2] : tensor<8x8x3xui8> -> tensor<9x48xf32>
// CHECK: vit.extract_patches %{{.*}} size [4, 4] stride [4, 4] {factors = array<f64: 1.000000e+00, -1.000000e-01, 3.000000e+00>, padding = array<i64: 1, 0, 3, 2>, shifts = array<f64: 1.000000e+00, 0.000000e+00, 5.000000e-01>} : tensor<8x8x3xui8> -> tensor<6x48xf32>
// CHECK: vit.extract_patches %{{.*}} size [3, 4] stride [3, 4] {channels_last} : tensor<3x8x8xf32> -> tensor<2x96xf32>
// CHECK: vit.fused_linear %{{.*}}, %{{.*}} : (tensor<4x48xf32>, tensor<48x48xf32>) -> tensor<4x48xf32>
// CHECK: vit.fused_linear %{{.*}}, %{{.*}} bias %{{.*}} activation gelu_erf residual %{{.*}} :
// CHECK: vit.fused_linear %{{.*}}, %{{.*}} bias %{{.*}} heads 6 :
// CHECK: vit.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 2 planes [0, 2, 4] :
// CHECK: vit.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 2 planes [0, 2, 4] base2 :
// CHECK: vit.fused_linear %{{.*}}, %{{.*}} bias %{{.*}} heads 6 dot bf16 :
// CHECK: vit.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 2 planes [0, 2, 4] base2 dot bf16 :
func.func @fused(%x: tensor<3x8x8xf32>, %u: tensor<8x8x3xui8>, %w: tensor<48x48xf32>, %b: tensor<48xf32>) {
  %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<3x8x8xf32> -> tensor<4x48xf32>
  %q = vit.extract_patches %u size [4, 4] stride [2, 2] : tensor<8x8x3xui8> -> tensor<9x48xf32>
  %n = vit.extract_patches %u size [4, 4] stride [4, 4] {padding = array<i64: 1, 0, 3, 2>,
      factors = array<f64: 1.0, -0.1, 3.0>, shifts = array<f64: 1.0, 0.0, 0.5>} : tensor<8x8x3xui8> -> tensor<6x48xf32>
  %l = vit.extract_patches %x size [3, 4] stride [3, 4] {channels_last} : tensor<3x8x8xf32> -> tensor<2x96xf32>
  %0 = vit.fused_linear %p, %w : (tensor<4x48xf32>, tensor<48x48xf32>) -> tensor<4x48xf32>
  %1 = vit.fused_linear %0, %w bias %b activation gelu_erf residual %p
      : (tensor<4x48xf32>, tensor<48x48xf32>, tensor<48xf32>, tensor<4x48xf32>) -> tensor<4x48xf32>
  %2 = vit.fused_linear %1, %w bias %b heads 6
      : (tensor<4x48xf32>, tensor<48x48xf32>, tensor<48xf32>) -> tensor<6x4x8xf32>
  %3 = vit.fused_attention %2, %2, %2 heads 2 planes [0, 2, 4]
      : (tensor<6x4x8xf32>, tensor<6x4x8xf32>, tensor<6x4x8xf32>) -> tensor<4x16xf32>
  %4 = vit.fused_attention %2, %2, %2 heads 2 planes [0, 2, 4] base2
      : (tensor<6x4x8xf32>, tensor<6x4x8xf32>, tensor<6x4x8xf32>) -> tensor<4x16xf32>
  %5 = vit.fused_linear %1, %w bias %b heads 6 dot bf16
      : (tensor<4x48xf32>, tensor<48x48xf32>, tensor<48xf32>) -> tensor<6x4x8xf32>
  %6 = vit.fused_attention %5, %5, %5 heads 2 planes [0, 2, 4] base2 dot bf16
      : (tensor<6x4x8xf32>, tensor<6x4x8xf32>, tensor<6x4x8xf32>) -> tensor<4x16xf32>
  return
}
