// RUN: vit-opt %s --vit-lower-patch-embed 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: vit-opt %s --vit-lower-patch-embed=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-lower-patch-embed -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-lower-patch-embed: patch-embeddings-lowered = 4
// STATISTICS: vit-lower-patch-embed: sources-read = 2

vit.weight @embed.patch.w : tensor<3x2x2x2xf32>
vit.weight @embed.patch.b : tensor<3xf32>

// CHECK:     vit.weight @embed.patch.w.matrix : tensor<3x8xf32> = [#vit.ref<@embed.patch.w>, #vit.reshape<[3, 8]>]
// CHECK-NOT: vit.weight

// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[IMAGE:.*]]: tensor<2x4x4xf32>)
func.func @example(%image: tensor<2x4x4xf32>) -> tensor<4x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  %b = vit.param @embed.patch.b : tensor<3xf32>
  // CHECK: %[[PATCHES:.*]] = vit.extract_patches %[[IMAGE]] size [2, 2] stride [2, 2] : tensor<2x4x4xf32> -> tensor<4x8xf32>
  // CHECK: %[[W:.*]] = vit.param @embed.patch.w.matrix
  // CHECK: vit.linear %[[PATCHES]], %[[W]] bias %{{.*}} -> tensor<4x3xf32>
  %y = vit.patch_embed %image, %k bias %b stride [2, 2]
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// Pixels, overlapping patches, and a last column that no patch covers.
// CHECK-LABEL: func.func @pixels
func.func @pixels(%pixels: tensor<4x6x2xui8>) -> tensor<6x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK: vit.extract_patches %{{.*}} size [2, 2] stride [1, 3] : tensor<4x6x2xui8> -> tensor<6x8xf32>
  // CHECK: vit.linear %{{.*}}, %{{.*}} : (tensor<6x8xf32>, tensor<3x8xf32>)
  %y = vit.patch_embed %pixels, %k stride [1, 3] : (tensor<4x6x2xui8>, tensor<3x2x2x2xf32>) -> tensor<6x3xf32>
  return %y : tensor<6x3xf32>
}

// Zeros around the image.
// CHECK-LABEL: func.func @padding
func.func @padding(%image: tensor<2x4x4xf32>) -> tensor<9x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK: vit.extract_patches %{{.*}} size [2, 2] stride [2, 2] {padding = array<i64: 1, 1, 1, 1>} : tensor<2x4x4xf32> -> tensor<9x8xf32>
  %y = vit.patch_embed %image, %k stride [2, 2] {padding = array<i64: 1, 1, 1, 1>}
      : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<9x3xf32>
  return %y : tensor<9x3xf32>
}

// Pixels are normalised as they are read, and what is around them is zero after that.
// CHECK-LABEL: func.func @normalised
// CHECK-SAME:    (%[[PIXELS:.*]]: tensor<4x5x2xui8>)
func.func @normalised(%pixels: tensor<4x5x2xui8>) -> tensor<6x3xf32> {
  %k = vit.param @embed.patch.w : tensor<3x2x2x2xf32>
  // CHECK-NOT: vit.normalize_image
  // CHECK: vit.extract_patches %[[PIXELS]] size [2, 2] stride [2, 2] {factors = array<f64: 7.812500e-03, 1.562500e-02>, padding = array<i64: 0, 0, 0, 1>, shifts = array<f64: -1.000000e+00, -1.000000e+00>}
  %image = vit.normalize_image %pixels scale 0.00390625 mean [0.5, 0.25] std [0.5, 0.25]
      : tensor<4x5x2xui8> -> tensor<2x4x5xf32>
  %y = vit.patch_embed %image, %k stride [2, 2] {padding = array<i64: 0, 0, 0, 1>}
      : (tensor<2x4x5xf32>, tensor<3x2x2x2xf32>) -> tensor<6x3xf32>
  return %y : tensor<6x3xf32>
}

// Patches that a norm reads, of an image whose channels come last; the image in front stays for another reader.
// CHECK-LABEL: func.func @channels_last
// CHECK-SAME:    (%[[IMAGE:.*]]: tensor<4x4x2xf32>)
func.func @channels_last(%x: tensor<4x4x2xf32>) -> (tensor<4x8xf32>, tensor<2x4x4xf32>) {
  // CHECK: %[[FIRST:.*]] = vit.channels_first %[[IMAGE]]
  // CHECK: %[[PATCHES:.*]] = vit.extract_patches %[[IMAGE]] size [2, 2] stride [2, 2] {channels_last} : tensor<4x4x2xf32> -> tensor<4x8xf32>
  // CHECK: %[[Y:.*]] = vit.layer_norm %[[PATCHES]]
  // CHECK: return %[[Y]], %[[FIRST]]
  %image = vit.channels_first %x : tensor<4x4x2xf32> -> tensor<2x4x4xf32>
  %p = vit.extract_patches %image size [2, 2] stride [2, 2] : tensor<2x4x4xf32> -> tensor<4x8xf32>
  %y = vit.layer_norm %p eps 1.0e-5 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y, %image : tensor<4x8xf32>, tensor<2x4x4xf32>
}

// Refused, and said so.
// REMARK: remark: patch embedding stays a convolution: its kernel is computed
// CHECK-LABEL: func.func @computed_kernel
func.func @computed_kernel(%image: tensor<2x4x4xf32>, %k: tensor<3x2x2x2xf32>) -> tensor<4x3xf32> {
  // CHECK: vit.patch_embed
  %y = vit.patch_embed %image, %k stride [2, 2] : (tensor<2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}
