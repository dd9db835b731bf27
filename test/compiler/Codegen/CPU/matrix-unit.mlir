// Products by a matrix unit: registers, steps, tails and the epilogue. Numbers are MatrixUnitTest.cpp's.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --canonicalize --cse | FileCheck %s --implicit-check-not=memref.alloc

// 40 rows are two tiles of 20, a register of 16 rows and one of 4; 128 pairs are eight steps.
module attributes {vit.isa = #vit.isa<"tiles", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = tiles, bf16_tile = 32 x 2>} {
  // The sums of 32 rows wait in scratch.
  // CHECK-LABEL: vit.schedule @pairs
  // CHECK-SAME: scratch_bytes = 4096
  func.func @pairs(%x: memref<40x256xbf16, strided<[352, 1]>>, %w: memref<2x128x64xbf16>, %b: memref<64xf32>,
                   %y: memref<40x64xf32, strided<[112, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    // Registers are set once for all tiles of a chunk, and given back.
    // CHECK: func.func @region_0
    // CHECK: %[[CONFIG:.*]] = llvm.mlir.addressof @tile_config_20x2
    // CHECK: llvm.call_intrinsic "llvm.x86.ldtilecfg"(%[[CONFIG]])
    // CHECK: scf.for
    // CHECK: call @gemm_20_{{.*}}_m32b
    // CHECK: }
    // CHECK: llvm.call_intrinsic "llvm.x86.tilerelease"()
    // CHECK-NEXT: return
    // Palette 1; eight registers of 64 bytes, of 16 and 4 rows.
    // CHECK: llvm.mlir.global internal constant @tile_config_20x2(dense<[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // CHECK-SAME: 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // CHECK-SAME: 16, 16, 4, 4, 16, 4, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0]>
    // CHECK-SAME: alignment = 64
    // Sums are registers 0 to 3; A is 4 and 5, a band of rows each, B 6 and 7, a vector of columns each.
    // CHECK: func.func private @gemm_20_
    // CHECK-DAG: %[[C0:.*]] = arith.constant 0 : i8
    // CHECK-DAG: %[[C1:.*]] = arith.constant 1 : i8
    // CHECK-DAG: %[[C2:.*]] = arith.constant 2 : i8
    // CHECK-DAG: %[[C3:.*]] = arith.constant 3 : i8
    // CHECK-DAG: %[[A0:.*]] = arith.constant 4 : i8
    // CHECK-DAG: %[[A1:.*]] = arith.constant 5 : i8
    // CHECK-DAG: %[[B0:.*]] = arith.constant 6 : i8
    // CHECK-DAG: %[[B1:.*]] = arith.constant 7 : i8
    // Rows of A are 704 bytes apart, lines of a panel 128.
    // CHECK-DAG: %[[ROW:.*]] = arith.constant 704 : i64
    // CHECK-DAG: %[[LINE:.*]] = arith.constant 128 : i64
    // CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilezero"
    // CHECK: scf.for %{{.*}} = %c0 to %c128 step %c16 {
    // CHECK: "llvm.x86.tileloadd64"(%[[A0]], %{{.*}}, %[[ROW]])
    // CHECK: "llvm.x86.tileloadd64"(%[[B0]], %{{.*}}, %[[LINE]])
    // CHECK: "llvm.x86.tdpbf16ps"(%[[C0]], %[[A0]], %[[B0]])
    // CHECK: "llvm.x86.tileloadd64"(%[[B1]], %{{.*}}, %[[LINE]])
    // CHECK: "llvm.x86.tdpbf16ps"(%[[C1]], %[[A0]], %[[B1]])
    // CHECK: "llvm.x86.tileloadd64"(%[[A1]], %{{.*}}, %[[ROW]])
    // CHECK: "llvm.x86.tdpbf16ps"(%[[C2]], %[[A1]], %[[B0]])
    // CHECK: "llvm.x86.tdpbf16ps"(%[[C3]], %[[A1]], %[[B1]])
    // CHECK-NEXT: }
    // CHECK-NOT: tdpbf16ps
    // CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
    // Two rows at a time: the bias, and nothing to wait for.
    // CHECK: scf.for %{{.*}} = %c0 to %c20 step %c2 {
    // CHECK-COUNT-4: arith.addf
    // CHECK-COUNT-4: vector.store {{.*}} : memref<40x64xf32
    // CHECK-NEXT: }
    // CHECK: return
    vit.plan.gemm ins(%x, %w : memref<40x256xbf16, strided<[352, 1]>>, memref<2x128x64xbf16>) bias(%b : memref<64xf32>)
      outs(%y : memref<40x64xf32, strided<[112, 1]>>) tile [32, 2] matrix_unit grid [1, 2, 1] flops 1
    return
  }
}

// -----

// 5 rows of 90 bytes: 23 quads, of which the last seven are copied and filled up with zeros.
module attributes {vit.isa = #vit.isa<"tiles", lanes = 16, tile = 13 x 2, panel = 32, fma = true, int8 = tiles, int8_tile = 32 x 2>} {
  // 4 * (32 * 32 + 16 * (32 + 32)) bytes.
  // CHECK-LABEL: vit.schedule @tail
  // CHECK-SAME: scratch_bytes = 8192
  func.func @tail(%x: memref<5x90xi8, strided<[92, 1]>>, %w: memref<1x23x128xi8>, %r: memref<5xf32>, %s: memref<32xf32>,
                  %y: memref<5x20xf32, strided<[48, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    // CHECK: @tile_config_5x2
    // CHECK: func.func private @gemm_5_
    // The tail's rows, then its lines.
    // CHECK: scf.for %{{.*}} = %c0 to %c5 step %c1 {
    // CHECK: vector.load %{{.*}} : memref<5x90xi8, strided<[92, 1]>>, vector<28xi8>
    // CHECK: vector.store
    // CHECK: }
    // CHECK-COUNT-14: vector.load %{{.*}} : memref<1x23x128xi8>, vector<64xi8>
    // CHECK-NOT: vector.load
    // Whole registers, then these.
    // CHECK-COUNT-4: tdpbusd
    // CHECK-NOT: tdpbusd
    // CHECK: tilestored64
    // Integers become floats with the scales of rows and columns.
    // CHECK: arith.sitofp
    // CHECK: math.fma
    // CHECK: return
    vit.plan.gemm ins(%x, %w : memref<5x90xi8, strided<[92, 1]>>, memref<1x23x128xi8>) row_scales(%r : memref<5xf32>)
      column_scales(%s : memref<32xf32>) column_sums(%s : memref<32xf32>)
      outs(%y : memref<5x20xf32, strided<[48, 1]>>) tile [32, 2] matrix_unit grid [1, 1, 1] flops 1
    return
  }
}

// -----

// Heights that differ by one have one setting: of the lower tiles, the row before is multiplied and left alone.
module attributes {vit.isa = #vit.isa<"tiles", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = tiles, bf16_tile = 32 x 2>} {
  // CHECK-LABEL: vit.schedule @heights
  func.func @heights(%x: memref<33x32xbf16, strided<[128, 1]>>, %w: memref<1x16x64xbf16>,
                     %y: memref<33x32xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    // CHECK: @tile_config_17x2
    // CHECK: call @gemm_17_
    // CHECK: call @gemm_16_
    // CHECK: func.func private @gemm_17_
    // CHECK: func.func private @gemm_16_{{.*}}, %[[M:.*]]: index, %{{.*}}: index, %{{.*}}: index)
    // CHECK: %[[BEFORE:.*]] = arith.addi %[[M]], %c-1
    // CHECK: arith.muli %[[BEFORE]], %c256
    // CHECK-COUNT-4: tilestored64
    // CHECK: scf.for %[[I:.*]] = %c0 to %c16 step %c2 {
    // CHECK: arith.addi %[[I]], %c1
    // CHECK: return
    vit.plan.gemm ins(%x, %w : memref<33x32xbf16, strided<[128, 1]>>, memref<1x16x64xbf16>)
      outs(%y : memref<33x32xf32, strided<[80, 1]>>) tile [32, 2] matrix_unit grid [1, 1, 1] flops 1
    return
  }
}
