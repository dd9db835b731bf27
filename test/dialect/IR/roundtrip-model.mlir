// Every model-level op prints as it was written, and f64 attributes print exactly.
// RUN: vit-opt %s > %t.once && vit-opt %t.once > %t.twice && diff %t.once %t.twice
// RUN: vit-opt %s --mlir-print-op-generic | vit-opt | diff %t.once -
// RUN: FileCheck %s < %t.once

// CHECK-LABEL: func.func @image
// CHECK: vit.normalize_image %{{.*}} scale 0.0039215686274509803 mean [0.48500000000000004, 5.000000e-01, 4.060000e-01] std [2.290000e-01, 1.000000e-01, -0.30000000000000004] : tensor<8x8x3xui8> -> tensor<3x8x8xf32>
// CHECK: vit.normalize_image %{{.*}} scale 1.000000e+00 mean [0.000000e+00, 1.000000e+00, 2.000000e+00] std [1.000000e+00, 1.000000e+00, 1.000000e+00] : tensor<3x8x8xf32> -> tensor<3x8x8xf32>
// CHECK: vit.patch_embed %{{.*}}, %{{.*}} bias %{{.*}} stride [4, 4] : (tensor<3x8x8xf32>, tensor<5x3x4x4xf32>, tensor<5xf32>) -> tensor<4x5xf32>
// CHECK: vit.patch_embed %{{.*}}, %{{.*}} stride [4, 4] {padding = array<i64: 0, 1, 2, 3>}
// CHECK: vit.patch_embed %{{.*}}, %{{.*}} stride [3, 2] : (tensor<8x8x3xui8>, tensor<5x3x4x4xf32>) -> tensor<6x5xf32>
func.func @image(%x: tensor<8x8x3xui8>, %w: tensor<5x3x4x4xf32>, %b: tensor<5xf32>) {
  %n = vit.normalize_image %x scale 0.00392156862745098 mean [0.48500000000000004, 0.5, 0.406]
      std [0.229, 0.1, -0.30000000000000004] : tensor<8x8x3xui8> -> tensor<3x8x8xf32>
  vit.normalize_image %n scale 1.0 mean [0.0, 1.0, 2.0] std [1.0, 1.0, 1.0] : tensor<3x8x8xf32> -> tensor<3x8x8xf32>
  %0 = vit.patch_embed %n, %w bias %b stride [4, 4]
      : (tensor<3x8x8xf32>, tensor<5x3x4x4xf32>, tensor<5xf32>) -> tensor<4x5xf32>
  %1 = vit.patch_embed %n, %w stride [4, 4] {padding = array<i64: 0, 1, 2, 3>}
      : (tensor<3x8x8xf32>, tensor<5x3x4x4xf32>) -> tensor<6x5xf32>
  %2 = vit.patch_embed %x, %w stride [3, 2] : (tensor<8x8x3xui8>, tensor<5x3x4x4xf32>) -> tensor<6x5xf32>
  return
}

// CHECK-LABEL: func.func @channels
// CHECK: vit.channels_first %{{.*}} : tensor<8x6x3xf32> -> tensor<3x8x6xf32>
// CHECK: vit.concat_channels %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
// CHECK: vit.max_tokens %{{.*}} : tensor<2x7xf32> -> tensor<1x7xf32>
func.func @channels(%x: tensor<8x6x3xf32>, %y: tensor<2x4xf32>, %z: tensor<2x3xf32>) {
  %0 = vit.channels_first %x : tensor<8x6x3xf32> -> tensor<3x8x6xf32>
  %1 = vit.concat_channels %y, %z : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
  %2 = vit.max_tokens %1 : tensor<2x7xf32> -> tensor<1x7xf32>
  return
}

// CHECK-LABEL: func.func @tokens
// CHECK: vit.concat %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
// CHECK: vit.add %{{.*}}, %{{.*}} : tensor<2x4xf32>
// CHECK: vit.average %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK: vit.slice %{{.*}} from 1 : tensor<2x4xf32> -> tensor<1x4xf32>
// CHECK: vit.mean_tokens %{{.*}} : tensor<2x4xf32> -> tensor<1x4xf32>
func.func @tokens(%x: tensor<2x4xf32>, %y: tensor<2x4xf32>) {
  %0 = vit.concat %x, %y : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %1 = vit.add %x, %y : tensor<2x4xf32>
  %2 = vit.average %x, %y, %1 : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = vit.slice %2 from 1 : tensor<2x4xf32> -> tensor<1x4xf32>
  %4 = vit.mean_tokens %2 : tensor<2x4xf32> -> tensor<1x4xf32>
  return
}

// CHECK-LABEL: func.func @layers
// CHECK: vit.linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<2x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
// CHECK: vit.linear %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
// CHECK: vit.layer_norm %{{.*}} gamma %{{.*}} beta %{{.*}} eps 9.9999999999999995E-7
// CHECK: vit.layer_norm %{{.*}} beta %{{.*}} eps
// CHECK: vit.layer_norm %{{.*}} eps
// CHECK: vit.attention %{{.*}}, %{{.*}}, %{{.*}} heads 2 scale 0.70710678118654757
// CHECK: vit.layer_scale %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
func.func @layers(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>, %v: tensor<4xf32>) {
  %0 = vit.linear %x, %w bias %v : (tensor<2x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = vit.linear %0, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %2 = vit.layer_norm %1 gamma %v beta %v eps 1.0e-6
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %3 = vit.layer_norm %2 beta %v eps 1.0e-6 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %4 = vit.layer_norm %3 eps 1.0e-6 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %5 = vit.attention %4, %4, %4 heads 2 scale 0.70710678118654757
      : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %6 = vit.layer_scale %5, %v : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// CHECK-LABEL: func.func @maps
// CHECK: vit.attention_weights %{{.*}}, %{{.*}} heads 2 scale 5.000000e-01 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x2xf32>
// CHECK: vit.attention_weights %{{.*}}, %{{.*}} bias %{{.*}} heads 2 scale
// CHECK: vit.rollout %{{.*}} heads 2 : (tensor<4x2xf32>) -> tensor<2x2xf32>
// CHECK: vit.rollout %{{.*}} before %{{.*}} heads 2 : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// CHECK: vit.softmax %{{.*}} : tensor<2x2xf32>
func.func @maps(%x: tensor<2x4xf32>, %bias: tensor<2x2x2xf32>) {
  %0 = vit.attention_weights %x, %x heads 2 scale 0.5 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x2xf32>
  %b = vit.attention_weights %x, %x bias %bias heads 2 scale 0.5
      : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x2x2xf32>) -> tensor<4x2xf32>
  %1 = vit.rollout %0 heads 2 : (tensor<4x2xf32>) -> tensor<2x2xf32>
  %2 = vit.rollout %0 before %1 heads 2 : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = vit.softmax %2 : tensor<2x2xf32>
  return
}

// CHECK-LABEL: func.func @activations
// CHECK: vit.activation gelu_erf
// CHECK: vit.activation gelu_tanh
// CHECK: vit.activation quick_gelu
// CHECK: vit.activation relu
// CHECK: vit.activation silu
// CHECK: vit.activation tanh
// CHECK: vit.activation sigmoid
func.func @activations(%x: tensor<2x4xf32>) {
  %0 = vit.activation gelu_erf %x : tensor<2x4xf32>
  %1 = vit.activation gelu_tanh %0 : tensor<2x4xf32>
  %2 = vit.activation quick_gelu %1 : tensor<2x4xf32>
  %3 = vit.activation relu %2 : tensor<2x4xf32>
  %4 = vit.activation silu %3 : tensor<2x4xf32>
  %5 = vit.activation tanh %4 : tensor<2x4xf32>
  %6 = vit.activation sigmoid %5 : tensor<2x4xf32>
  return
}
