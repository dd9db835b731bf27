// Which products a plan gives to a matrix unit: those with weights of what it multiplies.
// RUN: vit-opt %s --vit-plan-buffers | FileCheck %s
// RUN: vit-opt %s --vit-plan-buffers --vit-plan-memory --vit-emit-cpu -o /dev/null

module attributes {vit.isa = #vit.isa<"tiles", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = tiles, bf16_tile = 32 x 2, int8 = tiles, int8_tile = 16 x 2>} {
  vit.weight @w : tensor<48x16xf32>
  vit.weight @o : tensor<16x16xf32>
  // CHECK-LABEL: func.func @kinds
  func.func @kinds(%x: tensor<1x16x64xf32>) -> tensor<64x16xf32> {
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<1x16x64xf32> -> tensor<64x16xf32>
    %w = vit.param @w : tensor<48x16xf32>
    %o = vit.param @o : tensor<16x16xf32>
    // 64 rows are two tiles.
    // CHECK: vit.plan.gemm ins({{.*}} : memref<64x16xbf16, {{.*}}>, memref<2x8x64xbf16>) {{.*}} tile [32, 2] matrix_unit grid [1, 1, 1] images_inner flops 98304
    %qkv = vit.fused_linear %p, %w heads 3 dot bf16 : (tensor<64x16xf32>, tensor<48x16xf32>) -> tensor<3x64x16xf32>
    // CHECK: vit.plan.attention ins({{.*}} : memref<{{[0-9]+}}x64x16xbf16>, {{.*}} tile [32, 2] matrix_unit grid [1, 1]
    %a = vit.fused_attention %qkv, %qkv, %qkv heads 1 planes [0, 1, 2] dot bf16
        : (tensor<3x64x16xf32>, tensor<3x64x16xf32>, tensor<3x64x16xf32>) -> tensor<64x16xf32>
    // CHECK: vit.plan.gemm ins({{.*}} : memref<64x16xi8, {{.*}}>, memref<1x4x128xi8>) {{.*}} tile [16, 2] matrix_unit
    %y = vit.fused_linear %a, %o dot int8 : (tensor<64x16xf32>, tensor<16x16xf32>) -> tensor<64x16xf32>
    // f32 is no product of the unit's.
    // CHECK: vit.plan.gemm ins({{.*}} : memref<64x16xf32, {{.*}}>, memref<1x16x32xf32>) {{.*}} tile [13, 2] grid
    %z = vit.fused_linear %y, %o : (tensor<64x16xf32>, tensor<16x16xf32>) -> tensor<64x16xf32>
    return %z : tensor<64x16xf32>
  }
}
