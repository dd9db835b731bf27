// What steps tell a profile: names in the scope of their product, arithmetic, and the bytes of operands without padding.
// RUN: vit-opt %s --vit-emit-cpu | FileCheck %s

module attributes {vit.isa = #vit.isa<"znver4", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = dot, bf16_tile = 13 x 2>} {
  vit.weight @blk.1.qkv.w.panels : tensor<3x4x64xbf16> = [#vit.zeros<[96, 8]>, #vit.round<bf16>, #vit.pack_panels<32 by 2>] at 0
  vit.weight @blk.1.o.w.bf16.panels : tensor<1x16x64xbf16> = [#vit.zeros<[32, 32]>, #vit.round<bf16>, #vit.pack_panels<32 by 2>] at 1536
  vit.weight @head.token : tensor<1x32xf32> at 4096

  // In place: read and written. Rows of 8 of 80 floats.
  // CHECK: vit.step {{.*}} "blk.1.layer_norm" {{.*}} flops 0 {activation_bytes = 832 : i64, kind = "layer_norm"}
  // A and C are bf16: 13 * 8 * 2 + 6 * 13 * 16 * 2 bytes. In finer parts for many threads: the same region with another
  // grid, and the same kernels.
  // CHECK: vit.step {{.*}} "blk.1.qkv.w.panels" {{.*}} flops 19968 {activation_bytes = 2704 : i64, dot = #vit<dot bf16>, fine_callee = @[[FINE:.*]], fine_chunks = 9 : i64, fine_parts = 3 : i64, kind = "gemm", linear, weight_bytes = 1536 : i64}
  // Three times two planes of one buffer, and an output of f32.
  // CHECK: vit.step {{.*}} "blk.1.attention" {{.*}} flops 21632 {activation_bytes = 4160 : i64, dot = #vit<dot bf16>, kind = "attention"}
  // Rows of f32: weights are widened, the arithmetic is f32.
  // CHECK: vit.step {{.*}} "blk.1.o.w.bf16.panels" {{.*}} flops 26624 {activation_bytes = 3328 : i64, kind = "gemm", linear, weight_bytes = 2048 : i64}
  // Behind the last product, from the blob.
  // CHECK: vit.step {{.*}} "blk.1.copy" {{.*}} flops 0 {activation_bytes = 128 : i64, kind = "copy", weight_bytes = 128 : i64}
  // CHECK: func.func @[[FINE]](
  func.func @run(%x: memref<13x8xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 65536 : i64} {
    %w = vit.plan.weights @blk.1.qkv.w.panels : memref<3x4x64xbf16>
    %wo = vit.plan.weights @blk.1.o.w.bf16.panels : memref<1x16x64xbf16>
    %token = vit.plan.weights @head.token : memref<1x32xf32, strided<[32, 1]>>
    %a = vit.plan.buffer at 0 : memref<13x8xbf16, strided<[80, 1]>>
    %qkv = vit.plan.buffer at 8192 : memref<6x13x16xbf16>
    %o = vit.plan.buffer at 16384 : memref<13x32xf32, strided<[80, 1]>>
    %y = vit.plan.buffer at 32768 : memref<13x32xf32, strided<[80, 1]>>
    %z = vit.plan.buffer at 49152 : memref<1x32xf32, strided<[80, 1]>>
    vit.plan.layer_norm ins(%x : memref<13x8xf32, strided<[80, 1]>>) outs(%x : memref<13x8xf32, strided<[80, 1]>>) eps 1.0e-6 chunks 1
    vit.plan.gemm ins(%a, %w : memref<13x8xbf16, strided<[80, 1]>>, memref<3x4x64xbf16>)
      outs(%qkv : memref<6x13x16xbf16>) tile [5, 2] grid [1, 3, 1] fine 3 flops 19968
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x13x16xbf16>, memref<6x13x16xbf16>, memref<6x13x16xbf16>)
      outs(%o : memref<13x32xf32, strided<[80, 1]>>) heads 2 planes [0, 2, 4] tile [13, 2] grid [1, 2] flops 21632
    vit.plan.gemm ins(%o, %wo : memref<13x32xf32, strided<[80, 1]>>, memref<1x16x64xbf16>)
      outs(%y : memref<13x32xf32, strided<[80, 1]>>) tile [13, 2] grid [1, 1, 1] flops 26624
    vit.plan.copy ins(%token : memref<1x32xf32, strided<[32, 1]>>) outs(%z : memref<1x32xf32, strided<[80, 1]>>) chunks 1
    return
  }
}
