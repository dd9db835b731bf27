// Products: accumulators, tiles, epilogues, and what is shared. Numbers are EmitterTest.cpp's.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --canonicalize --cse | FileCheck %s --implicit-check-not=memref.alloc
// RUN: vit-opt %s -split-input-file --vit-emit-cpu=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS

// Equal products on different buffers are one region, and all whole tiles one kernel. 26 rows are two tiles of 13.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  vit.weight @w : tensor<2x8x32xf32> at 0
  vit.weight @v : tensor<2x8x32xf32> at 2048
  // STATISTICS: vit-emit-cpu: regions = 3
  // STATISTICS: vit-emit-cpu: kernels = 2

  // The step names its weight, and how many chunks share a panel.
  // CHECK-LABEL: vit.schedule @shared
  // CHECK-SAME: arena_bytes = 8192
  // CHECK-NEXT: vit.step @region_0 "w" spaces [2, 1, 0] indices [0, 0, 0] offsets [0, 0, 0] chunks 2 parts 1 flops 1
  // CHECK-NEXT: vit.step @region_0 "v" spaces [2, 1, 0] indices [0, 0, 0] offsets [0, 2048, 4096] chunks 2 parts 1 flops 1
  // CHECK-NEXT: vit.step @region_1 "w" {{.*}} chunks 2 parts 2
  // CHECK-NEXT: vit.step @region_2 "w" spaces [2, 1, 0, 0]
  func.func @shared(%x: memref<26x8xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 8192 : i64} {
    %w = vit.plan.weights @w : memref<2x8x32xf32>
    %v = vit.plan.weights @v : memref<2x8x32xf32>
    %y = vit.plan.buffer at 0 : memref<26x64xf32, strided<[112, 1]>>
    %z = vit.plan.buffer at 4096 : memref<26x64xf32, strided<[112, 1]>>
    // The chunk is a panel; both tiles of rows are its own.
    // CHECK: func.func @region_0({{.*}}, %[[CHUNK:.*]]: index)
    // CHECK: scf.for %[[J:.*]] = %{{.*}} to
    // CHECK: scf.for %[[TILE:.*]] = %c0 to %c2
    // CHECK: %[[ROW:.*]] = arith.muli %[[TILE]], %c13
    // CHECK: func.call @gemm_13_[[TYPES:.*]](%{{.*}}, %{{.*}}, %{{.*}}, %[[ROW]], %[[J]], %{{.*}})
    vit.plan.gemm ins(%x, %w : memref<26x8xf32, strided<[80, 1]>>, memref<2x8x32xf32>)
      outs(%y : memref<26x64xf32, strided<[112, 1]>>) tile [13, 2] grid [1, 2, 1] flops 1
    vit.plan.gemm ins(%x, %v : memref<26x8xf32, strided<[80, 1]>>, memref<2x8x32xf32>)
      outs(%z : memref<26x64xf32, strided<[112, 1]>>) tile [13, 2] grid [1, 2, 1] flops 1

    // 13 x 2 accumulators and nothing else are carried; k advances by two.
    // CHECK: func.func private @gemm_13_
    // CHECK-SAME: passthrough = ["noinline"]
    // CHECK: %{{.*}}:26 = scf.for %[[K:.*]] = %c0 to %c8 step %c2 iter_args
    // The panel behind this one is prefetched, once in two steps.
    // CHECK: memref.prefetch %{{.*}}[%{{.*}}, %c0, %{{.*}}], read
    // CHECK-NOT: memref.prefetch
    // CHECK-COUNT-52: math.fma %{{.*}} : vector<16xf32>
    // CHECK-NOT: math.fma
    // CHECK: scf.yield
    // CHECK-COUNT-26: vector.store
    // CHECK-NOT: vector.store
    // CHECK: return

    // Another grid: other chunks of the same kernel.
    // CHECK: func.func @region_1
    // CHECK: call @gemm_13_[[TYPES]](
    vit.plan.gemm ins(%x, %w : memref<26x8xf32, strided<[80, 1]>>, memref<2x8x32xf32>)
      outs(%y : memref<26x64xf32, strided<[112, 1]>>) tile [13, 2] grid [1, 1, 2] flops 1

    // Onto the residual: another kernel, which loads before it stores.
    // CHECK: func.func @region_2
    // CHECK: func.func private @gemm_13_
    // CHECK: scf.yield
    // CHECK: %[[R:.*]] = vector.load %[[RESIDUAL:.*]][%[[M:.*]], %[[N:.*]]] : memref<26x64xf32
    // CHECK-NEXT: %[[SUM:.*]] = arith.addf %{{.*}}, %[[R]]
    // CHECK-NEXT: vector.store %[[SUM]], %{{.*}}[%[[M]], %[[N]]]
    vit.plan.gemm ins(%x, %w : memref<26x8xf32, strided<[80, 1]>>, memref<2x8x32xf32>)
      residual(%y : memref<26x64xf32, strided<[112, 1]>>) outs(%y : memref<26x64xf32, strided<[112, 1]>>)
      tile [13, 2] grid [1, 2, 1] flops 1
    return
  }
}

// -----

// Balanced tiles: 28 rows are one tile of 10 and two of 9, not two of 13 and a rest of 2.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // STATISTICS: vit-emit-cpu: kernels = 2
  // CHECK-LABEL: vit.schedule @balanced
  // CHECK: call @gemm_10_
  // CHECK: call @gemm_9_
  // CHECK: func.func private @gemm_10_
  // CHECK: %{{.*}}:20 = scf.for
  // CHECK: func.func private @gemm_9_
  // CHECK: %{{.*}}:18 = scf.for
  func.func @balanced(%x: memref<28x5xf32, strided<[80, 1]>>, %w: memref<1x5x32xf32>,
                      %y: memref<28x32xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<28x5xf32, strided<[80, 1]>>, memref<1x5x32xf32>)
      outs(%y : memref<28x32xf32, strided<[80, 1]>>) tile [13, 2] grid [1, 1, 1] flops 1
    return
  }
}

// -----

// A single row: two accumulators would leave the pipes idle, so even and odd k are summed apart, four ways.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @single_row
  // CHECK: func.func private @gemm_1_
  // CHECK: %[[S:.*]]:8 = scf.for %{{.*}} = %c0 to %c64 step %c4
  // CHECK: %[[A:.*]] = arith.addf %[[S]]#0, %[[S]]#2
  // CHECK-NEXT: %[[B:.*]] = arith.addf %[[A]], %[[S]]#4
  // CHECK-NEXT: arith.addf %[[B]], %[[S]]#6
  func.func @single_row(%x: memref<1x64xf32, strided<[112, 1]>>, %w: memref<1x64x32xf32>,
                        %y: memref<1x10xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<1x64xf32, strided<[112, 1]>>, memref<1x64x32xf32>)
      outs(%y : memref<1x10xf32, strided<[80, 1]>>) tile [13, 2] grid [1, 1, 1] flops 1
    return
  }
}

// -----

// An activation runs over the tile in L1 once the sums lie there: two rows of two vectors at a time, so that four chains
// overlap, and the last row of an odd tile alone. The residual comes after it.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @activation
  // CHECK: func.func private @gemm_13_
  // CHECK: %{{.*}}:26 = scf.for
  // CHECK: scf.yield
  // CHECK-COUNT-26: vector.store
  // CHECK: scf.for %{{.*}} to %{{.*}} step %c2 {
  // CHECK-COUNT-4: vector.load
  // CHECK: math.absf %{{.*}} : vector<4x16xf32>
  // CHECK: vector.load %{{.*}} : memref<13x40xf32
  // CHECK-COUNT-4: vector.store
  // CHECK: }
  // CHECK: math.absf %{{.*}} : vector<2x16xf32>
  // CHECK-COUNT-2: vector.store
  // CHECK-NEXT: return
  func.func @activation(%x: memref<13x8xf32, strided<[80, 1]>>, %w: memref<2x8x32xf32>, %b: memref<64xf32>,
                        %r: memref<13x40xf32, strided<[112, 1]>>, %y: memref<13x40xf32, strided<[112, 1]>>)
                        attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<13x8xf32, strided<[80, 1]>>, memref<2x8x32xf32>) bias(%b : memref<64xf32>)
      activation gelu_erf residual(%r : memref<13x40xf32, strided<[112, 1]>>)
      outs(%y : memref<13x40xf32, strided<[112, 1]>>) tile [13, 2] grid [1, 2, 1] flops 1
    return
  }
}

// -----

// Head planes: column n goes to plane n / 48.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @planes
  // CHECK: func.func private @gemm_5_
  // CHECK: scf.yield
  // CHECK: %[[PLANE:.*]] = arith.divui %[[N:.*]], %c48
  // CHECK: %[[COLUMN:.*]] = arith.remui %[[N]], %c48
  // CHECK: vector.store %{{.*}}, %{{.*}}[%[[PLANE]], %{{.*}}, %[[COLUMN]]] : memref<4x5x48xf32>
  func.func @planes(%x: memref<5x8xf32, strided<[80, 1]>>, %w: memref<6x8x32xf32>, %y: memref<4x5x48xf32>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<5x8xf32, strided<[80, 1]>>, memref<6x8x32xf32>) outs(%y : memref<4x5x48xf32>)
      tile [13, 2] grid [1, 6, 1] flops 1
    return
  }
}

// -----

// AVX2 takes half a panel at a time.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @avx2
  // CHECK: func.func private @gemm_6_
  // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
  // CHECK: %{{.*}}:12 = scf.for
  // CHECK-COUNT-24: math.fma %{{.*}} : vector<8xf32>
  // CHECK-NOT: math.fma
  // CHECK: scf.yield
  func.func @avx2(%x: memref<6x8xf32, strided<[80, 1]>>, %w: memref<1x8x32xf32>, %y: memref<6x32xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<6x8xf32, strided<[80, 1]>>, memref<1x8x32xf32>)
      outs(%y : memref<6x32xf32, strided<[80, 1]>>) tile [6, 2] grid [1, 1, 1] flops 1
    return
  }
}

// -----

// SSE2 has no fused multiply-add: products are rounded.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // CHECK-LABEL: vit.schedule @sse2
  // CHECK-NOT: math.fma
  // CHECK: func.func private @gemm_2_
  // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
  // CHECK: %{{.*}}:8 = scf.for
  // CHECK: %[[P:.*]] = arith.mulf %{{.*}} : vector<4xf32>
  // CHECK-NEXT: arith.addf %[[P]], %{{.*}} : vector<4xf32>
  // CHECK: return
  func.func @sse2(%x: memref<2x8xf32, strided<[80, 1]>>, %w: memref<1x8x32xf32>, %y: memref<2x32xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<2x8xf32, strided<[80, 1]>>, memref<1x8x32xf32>)
      outs(%y : memref<2x32xf32, strided<[80, 1]>>) tile [2, 4] grid [1, 1, 1] flops 1
    return
  }
}

// -----

// NEON: 24 accumulators of four lanes.
module attributes {vit.isa = #vit.isa<"aarch64", lanes = 4, tile = 6 x 4, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @neon
  // CHECK: func.func private @gemm_6_
  // CHECK: %{{.*}}:24 = scf.for
  // CHECK-COUNT-48: math.fma %{{.*}} : vector<4xf32>
  // CHECK-NOT: math.fma
  // CHECK: scf.yield
  func.func @neon(%x: memref<6x8xf32, strided<[80, 1]>>, %w: memref<1x8x32xf32>, %y: memref<6x32xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<6x8xf32, strided<[80, 1]>>, memref<1x8x32xf32>)
      outs(%y : memref<6x32xf32, strided<[80, 1]>>) tile [6, 4] grid [1, 1, 1] flops 1
    return
  }
}
