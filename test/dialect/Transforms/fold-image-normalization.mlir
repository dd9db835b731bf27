// RUN: vit-opt %s --vit-fold-image-normalization | FileCheck %s
// RUN: vit-opt %s --vit-fold-image-normalization=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fold-image-normalization -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-fold-image-normalization: images-folded = 3

vit.weight @embed.patch.w : tensor<3x2x2x2xf32>
vit.weight @embed.patch.b : tensor<3xf32>

// The constant part comes from the original kernel.
// CHECK:      vit.weight @embed.patch.w.matrix : tensor<3x8xf32> = [#vit.ref<@embed.patch.w>, #vit.reshape<[3, 8]>]
// CHECK-NEXT: vit.weight @embed.patch.b.pixels : tensor<3xf32>
// CHECK-SAME:   = [#vit.ref<@embed.patch.b>, #vit.add_col_groups<@embed.patch.w.matrix, [-1.000000e+00, -1.000000e+00]>]
// CHECK-NEXT: vit.weight @embed.patch.w.pixels : tensor<3x2x2x2xf32>
// CHECK-SAME:   = [#vit.ref<@embed.patch.w>, #vit.reshape<[3, 8]>, #vit.scale_col_groups<[7.812500e-03, 1.562500e-02]>,
// CHECK-SAME:      #vit.reshape<[3, 2, 2, 2]>]
// CHECK-NEXT: vit.weight @embed.patch.b.pixels_1 : tensor<3xf32>
// CHECK-SAME:   = [#vit.zeros<[3]>, #vit.add_col_groups<@embed.patch.w.matrix, [-1.000000e+00, -1.000000e+00]>]
// CHECK-NOT:  vit.weight

// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[PIXELS:.*]]: tensor<4x4x2xui8>)
func.func @example(%pixels: tensor<4x4x2xui8>) -> tensor<4x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  %b = vit.param @embed.patch.b : tensor<3xf32>
  // CHECK-NOT: vit.normalize_image
  // CHECK:     %[[B:.*]] = vit.param @embed.patch.b.pixels :
  // CHECK:     %[[K:.*]] = vit.param @embed.patch.w.pixels :
  // CHECK:     vit.patch_embed %[[PIXELS]], %[[K]] bias %[[B]] stride [2, 2]
  %image = vit.normalize_image %pixels scale 0.00390625 mean [0.5, 0.25] std [0.5, 0.25]
      : tensor<4x4x2xui8> -> tensor<2x4x4xf32>
  %tokens = vit.patch_embed %image, %k bias %b stride [2, 2]
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  return %tokens : tensor<4x3xf32>
}

// Zeros take the constant part; the kernel is the one above.
// CHECK-LABEL: func.func @no_bias
func.func @no_bias(%pixels: tensor<4x4x2xui8>) -> tensor<4x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK-DAG: %[[B:.*]] = vit.param @embed.patch.b.pixels_1 :
  // CHECK-DAG: %[[K:.*]] = vit.param @embed.patch.w.pixels :
  // CHECK:     vit.patch_embed %{{.*}}, %[[K]] bias %[[B]]
  %image = vit.normalize_image %pixels scale 0.00390625 mean [0.5, 0.25] std [0.5, 0.25]
      : tensor<4x4x2xui8> -> tensor<2x4x4xf32>
  %tokens = vit.patch_embed %image, %k stride [2, 2]
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<4x3xf32>
  return %tokens : tensor<4x3xf32>
}

// Without means there is no constant part, and so no bias.
// CHECK-LABEL: func.func @no_mean
func.func @no_mean(%pixels: tensor<4x4x2xui8>) -> tensor<4x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK: vit.patch_embed %{{.*}}, %{{.*}} stride [2, 2] : (tensor<4x4x2xui8>, tensor<3x2x2x2xf32>)
  %image = vit.normalize_image %pixels scale 0.00390625 mean [0.0, 0.0] std [0.5, 0.25]
      : tensor<4x4x2xui8> -> tensor<2x4x4xf32>
  %tokens = vit.patch_embed %image, %k stride [2, 2]
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<4x3xf32>
  return %tokens : tensor<4x3xf32>
}

// Refused: padding is zeros of the normalised image, not of the pixels.
// CHECK-LABEL: func.func @padding
func.func @padding(%pixels: tensor<4x4x2xui8>) -> tensor<9x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK: %[[IMAGE:.*]] = vit.normalize_image
  // CHECK: vit.patch_embed %[[IMAGE]]
  %image = vit.normalize_image %pixels scale 0.00390625 mean [0.5, 0.25] std [0.5, 0.25]
      : tensor<4x4x2xui8> -> tensor<2x4x4xf32>
  %tokens = vit.patch_embed %image, %k stride [2, 2] {padding = array<i64: 1, 1, 1, 1>}
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<9x3xf32>
  return %tokens : tensor<9x3xf32>
}

// Refused: somebody else reads the normalised image.
// CHECK-LABEL: func.func @image_is_a_result
func.func @image_is_a_result(%pixels: tensor<4x4x2xui8>) -> (tensor<4x3xf32>, tensor<2x4x4xf32>) {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK: %[[IMAGE:.*]] = vit.normalize_image
  // CHECK: vit.patch_embed %[[IMAGE]]
  %image = vit.normalize_image %pixels scale 0.00390625 mean [0.5, 0.25] std [0.5, 0.25]
      : tensor<4x4x2xui8> -> tensor<2x4x4xf32>
  %tokens = vit.patch_embed %image, %k stride [2, 2]
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<4x3xf32>
  return %tokens, %image : tensor<4x3xf32>, tensor<2x4x4xf32>
}
