// Every planned op prints as it was written, with each of its optional parts.
// RUN: vit-opt %s > %t.once && vit-opt %t.once > %t.twice && diff %t.once %t.twice
// RUN: vit-opt %s --mlir-print-op-generic | vit-opt | diff %t.once -
// RUN: FileCheck %s < %t.once

// CHECK: test.isa = #vit.isa<"v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true, bf16_tile = 5 x 2, int8 = madd, int8_tile = 4 x 2>
// CHECK-SAME: vit.isa = #vit.isa<"znver4", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = dot, int8 = dot>
module attributes {vit.isa = #vit.isa<"znver4", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = dot, int8 = dot>,
                   test.isa = #vit.isa<"v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true, bf16_tile = 5 x 2, int8 = madd, int8_tile = 4 x 2>} {
  vit.weight @w4.w : tensor<96x32xf32>
  vit.weight @w4 : tensor<3x8x128xi8> = [#vit.ref<@w4.w>, #vit.quantize_rows, #vit.pack_panels<32 by 4>]
  vit.weight @w2.w : tensor<32x96xf32>
  vit.weight @w2 : tensor<1x48x64xbf16> = [#vit.ref<@w2.w>, #vit.round<bf16>, #vit.pack_panels<32 by 2>]
  vit.weight @w : tensor<3x12x32xf32>
  vit.weight @b : tensor<96xf32>
  // CHECK-LABEL: func.func @planned
  func.func @planned(%pixels: memref<8x8x3xi8>, %image: memref<3x8x8xf32>, %out: memref<1x12xf32>) {
    // CHECK: %[[P:.*]] = vit.plan.buffer : memref<16x12xf32, strided<[28, 1]>>
    %p = vit.plan.buffer : memref<16x12xf32, strided<[28, 1]>>
    // CHECK: vit.plan.buffer at 4096 : memref<6x16x16xf32>
    %qkv = vit.plan.buffer at 4096 : memref<6x16x16xf32>
    %y = vit.plan.buffer : memref<16x96xf32, strided<[112, 1]>>
    %o = vit.plan.buffer : memref<16x32xf32, strided<[48, 1]>>
    // CHECK: vit.plan.weights @w : memref<3x12x32xf32>
    %w = vit.plan.weights @w : memref<3x12x32xf32>
    %b = vit.plan.weights @b : memref<96xf32>
    // CHECK: vit.plan.buffer : memref<16x32xbf16, strided<[128, 1]>>
    %n = vit.plan.buffer : memref<16x32xbf16, strided<[128, 1]>>
    %w2 = vit.plan.weights @w2 : memref<1x48x64xbf16>
    %q8 = vit.plan.buffer : memref<16x32xi8, strided<[256, 1]>>
    %scales = vit.plan.buffer : memref<16xf32>
    %w4 = vit.plan.weights @w4 : memref<3x8x128xi8>
    // CHECK: vit.plan.view %[[P]] from 3 : memref<16x12xf32, strided<[28, 1]>> -> memref<1x12xf32, strided<[28, 1]>>
    %row = vit.plan.view %p from 3 : memref<16x12xf32, strided<[28, 1]>> -> memref<1x12xf32, strided<[28, 1]>>
    // CHECK: vit.plan.gather ins(%{{.*}} : memref<8x8x3xi8>) outs(%{{.*}} : memref<16x12xf32, strided<[28, 1]>>) size [2, 2] stride [2, 2] chunks 4
    vit.plan.gather ins(%pixels : memref<8x8x3xi8>) outs(%p : memref<16x12xf32, strided<[28, 1]>>)
        size [2, 2] stride [2, 2] chunks 4
    // CHECK: vit.plan.gather ins(%{{.*}} : memref<3x8x8xf32>)
    vit.plan.gather ins(%image : memref<3x8x8xf32>) outs(%p : memref<16x12xf32, strided<[28, 1]>>)
        size [2, 2] stride [2, 2] chunks 1
    // CHECK: vit.plan.gather {{.*}} chunks 1 {factors = array<f64: 1.000000e+00, 2.000000e+00, 3.000000e+00>, padding = array<i64: 1, 1, 1, 1>, shifts = array<f64: 0.000000e+00, 0.000000e+00, 1.000000e+00>}
    %wide = vit.plan.buffer : memref<25x12xf32, strided<[28, 1]>>
    vit.plan.gather ins(%image : memref<3x8x8xf32>) outs(%wide : memref<25x12xf32, strided<[28, 1]>>)
        size [2, 2] stride [2, 2] chunks 1 {padding = array<i64: 1, 1, 1, 1>, factors = array<f64: 1.0, 2.0, 3.0>,
        shifts = array<f64: 0.0, 0.0, 1.0>}
    // CHECK: vit.plan.gemm ins(%{{.*}}, %{{.*}} : {{.*}}) bias(%{{.*}} : memref<96xf32>) outs(%{{.*}} : memref<6x16x16xf32>) tile [13, 2] grid [1, 3, 1] flops 36864
    vit.plan.gemm ins(%p, %w : memref<16x12xf32, strided<[28, 1]>>, memref<3x12x32xf32>) bias(%b : memref<96xf32>)
        outs(%qkv : memref<6x16x16xf32>) tile [13, 2] grid [1, 3, 1] flops 36864
    // CHECK: vit.plan.gemm ins(%{{.*}}, %{{.*}} : {{.*}}) bias(%{{.*}} : memref<96xf32>) activation gelu_erf residual(%{{.*}} : {{.*}}) outs(
    vit.plan.gemm ins(%p, %w : memref<16x12xf32, strided<[28, 1]>>, memref<3x12x32xf32>) bias(%b : memref<96xf32>)
        activation gelu_erf residual(%y : memref<16x96xf32, strided<[112, 1]>>)
        outs(%y : memref<16x96xf32, strided<[112, 1]>>) tile [13, 2] grid [2, 1, 1] flops 36864
    // CHECK: vit.plan.gemm ins(%{{.*}}, %{{.*}} : memref<16x96xf32, {{.*}}>, memref<1x48x64xbf16>) outs(
    vit.plan.gemm ins(%y, %w2 : memref<16x96xf32, strided<[112, 1]>>, memref<1x48x64xbf16>)
        outs(%n : memref<16x32xbf16, strided<[128, 1]>>) tile [13, 2] grid [1, 1, 1] flops 98304
    // CHECK: vit.plan.quantize ins(%{{.*}} : memref<16x32xbf16, {{.*}}>) outs(%{{.*}}, %{{.*}} : memref<16x32xi8, {{.*}}>, memref<16xf32>) chunks 2
    vit.plan.quantize ins(%n : memref<16x32xbf16, strided<[128, 1]>>)
        outs(%q8, %scales : memref<16x32xi8, strided<[256, 1]>>, memref<16xf32>) chunks 2
    // CHECK: vit.plan.quantize {{.*}} given chunks 2
    vit.plan.quantize ins(%n : memref<16x32xbf16, strided<[128, 1]>>)
        outs(%q8, %scales : memref<16x32xi8, strided<[256, 1]>>, memref<16xf32>) given chunks 2
    // CHECK: vit.plan.gemm ins(%{{.*}}, %{{.*}} : memref<16x32xi8, {{.*}}>, memref<3x8x128xi8>) row_scales(%{{.*}} : memref<16xf32>) column_scales(%{{.*}} : memref<96xf32>) column_sums(%{{.*}} : memref<96xf32>) bias(
    vit.plan.gemm ins(%q8, %w4 : memref<16x32xi8, strided<[256, 1]>>, memref<3x8x128xi8>) row_scales(%scales : memref<16xf32>)
        column_scales(%b : memref<96xf32>) column_sums(%b : memref<96xf32>) bias(%b : memref<96xf32>)
        outs(%y : memref<16x96xf32, strided<[112, 1]>>) tile [13, 2] grid [1, 1, 1] flops 98304
    // CHECK: vit.plan.gemm {{.*}} tile [32, 2] matrix_unit grid [1, 1, 1] images_inner flops 98304
    vit.plan.gemm ins(%q8, %w4 : memref<16x32xi8, strided<[256, 1]>>, memref<3x8x128xi8>) row_scales(%scales : memref<16xf32>)
        column_scales(%b : memref<96xf32>) column_sums(%b : memref<96xf32>)
        outs(%y : memref<16x96xf32, strided<[112, 1]>>) tile [32, 2] matrix_unit grid [1, 1, 1] images_inner flops 98304
    // CHECK: vit.plan.attention ins({{.*}}) outs({{.*}}) heads 2 planes [0, 2, 4] tile [13, 2] grid [1, 2] flops 65536
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x16x16xf32>, memref<6x16x16xf32>, memref<6x16x16xf32>)
        outs(%o : memref<16x32xf32, strided<[48, 1]>>) heads 2 planes [0, 2, 4] tile [13, 2] grid [1, 2] flops 65536
    // CHECK: vit.plan.attention {{.*}} planes [0, 2, 4] base2 tile
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x16x16xf32>, memref<6x16x16xf32>, memref<6x16x16xf32>)
        outs(%o : memref<16x32xf32, strided<[48, 1]>>) heads 2 planes [0, 2, 4] base2 tile [13, 2] grid [1, 2]
        flops 65536
    // CHECK: vit.plan.layer_norm ins({{.*}}) gamma({{.*}}) beta({{.*}}) outs({{.*}}) eps 9.9999999999999995E-7 chunks 8
    vit.plan.layer_norm ins(%y : memref<16x96xf32, strided<[112, 1]>>) gamma(%b : memref<96xf32>)
        beta(%b : memref<96xf32>) outs(%y : memref<16x96xf32, strided<[112, 1]>>) eps 1.0e-6 chunks 8
    // CHECK: vit.plan.layer_norm ins({{.*}}) outs(
    vit.plan.layer_norm ins(%y : memref<16x96xf32, strided<[112, 1]>>) outs(%y : memref<16x96xf32, strided<[112, 1]>>)
        eps 1.0e-6 chunks 16
    // CHECK: vit.plan.map ins(%{{.*}}, %{{.*}} : {{.*}}) outs({{.*}}) factor 5.000000e-01 activation relu chunks 2
    vit.plan.map ins(%y, %y : memref<16x96xf32, strided<[112, 1]>>, memref<16x96xf32, strided<[112, 1]>>)
        outs(%y : memref<16x96xf32, strided<[112, 1]>>) factor 0.5 activation relu chunks 2
    // CHECK: vit.plan.mean ins({{.*}}) outs(
    vit.plan.mean ins(%p : memref<16x12xf32, strided<[28, 1]>>) outs(%row : memref<1x12xf32, strided<[28, 1]>>)
    // CHECK: vit.plan.attention_weights ins(%{{.*}}, %{{.*}} : {{.*}}) bias(%{{.*}} : memref<2x16x16xf32>) outs(%{{.*}} : memref<32x16xf32, {{.*}}>) chunks 4
    %maps = vit.plan.buffer : memref<32x16xf32, strided<[80, 1]>>
    %heads = vit.plan.buffer : memref<2x16x16xf32>
    vit.plan.attention_weights ins(%heads, %heads : memref<2x16x16xf32>, memref<2x16x16xf32>) bias(%heads : memref<2x16x16xf32>)
        outs(%maps : memref<32x16xf32, strided<[80, 1]>>) chunks 4
    // CHECK: vit.plan.rollout ins({{.*}}) outs({{.*}}) heads 2 chunks 1
    // CHECK: vit.plan.rollout ins({{.*}}) before({{.*}}) outs({{.*}}) heads 2 chunks 2
    %one = vit.plan.buffer : memref<16x16xf32, strided<[80, 1]>>
    %two = vit.plan.buffer : memref<16x16xf32, strided<[80, 1]>>
    vit.plan.rollout ins(%maps : memref<32x16xf32, strided<[80, 1]>>) outs(%one : memref<16x16xf32, strided<[80, 1]>>) heads 2 chunks 1
    vit.plan.rollout ins(%maps : memref<32x16xf32, strided<[80, 1]>>) before(%one : memref<16x16xf32, strided<[80, 1]>>)
        outs(%two : memref<16x16xf32, strided<[80, 1]>>) heads 2 chunks 2
    // CHECK: vit.plan.softmax ins({{.*}}) outs({{.*}}) chunks 3
    vit.plan.softmax ins(%one : memref<16x16xf32, strided<[80, 1]>>) outs(%one : memref<16x16xf32, strided<[80, 1]>>) chunks 3
    // CHECK: vit.plan.max ins({{.*}}) outs(
    vit.plan.max ins(%p : memref<16x12xf32, strided<[28, 1]>>) outs(%row : memref<1x12xf32, strided<[28, 1]>>)
    // CHECK: vit.plan.join ins(%{{.*}}, %{{.*}} : {{.*}}) outs(%{{.*}} : memref<1x24xf32, {{.*}}>) chunks 1
    %both = vit.plan.buffer : memref<1x24xf32, strided<[48, 1]>>
    vit.plan.join ins(%row, %row : memref<1x12xf32, strided<[28, 1]>>, memref<1x12xf32, strided<[28, 1]>>)
        outs(%both : memref<1x24xf32, strided<[48, 1]>>) chunks 1
    // CHECK: vit.plan.copy ins({{.*}}) outs({{.*}}) chunks 1
    vit.plan.copy ins(%row : memref<1x12xf32, strided<[28, 1]>>) outs(%out : memref<1x12xf32>) chunks 1
    return
  }
  // CHECK: vit.schedule @forward attributes {arena_bytes = 4096 : i64, input_bytes = 768 : i64, scratch_bytes = 64 : i64}
  // CHECK: vit.step @planned "gather" spaces [0, 1, 2] indices [0, 0, 1] offsets [0, 64, 128] chunks 4 parts 2 flops 0
  vit.schedule @forward attributes {arena_bytes = 4096 : i64, scratch_bytes = 64 : i64, input_bytes = 768 : i64} {
    vit.step @planned "gather" spaces [0, 1, 2] indices [0, 0, 1] offsets [0, 64, 128] chunks 4 parts 2 flops 0
  }
}
