// Attention: packed keys, a strip of scores, softmax in place, values. Numbers are EmitterTest.cpp's.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --canonicalize --cse | FileCheck %s --implicit-check-not=memref.alloc
// RUN: vit-opt %s -split-input-file --vit-emit-cpu=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS

// Two layers share all code. Scratch holds the packed keys, 64 x 32, and strips of 13 rows: linear in the tokens.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // STATISTICS: vit-emit-cpu: regions = 1
  // STATISTICS: vit-emit-cpu: kernels = 2
  // 4 * (64 * 32 + 13 * (64 + 16)) bytes.
  // CHECK-LABEL: vit.schedule @layers
  // CHECK-SAME: scratch_bytes = 12352
  // CHECK-NEXT: vit.step @region_0 "attention.0" spaces [0, 0, 0, 0, 4] indices [0, 0, 0, 0, 0] offsets [0, 0, 0, 65536, 0] chunks 4 parts 1
  // CHECK-NEXT: vit.step @region_0 "attention.1"
  func.func @layers(%x: memref<1x1x1xf32>) attributes {vit.arena_bytes = 131072 : i64} {
    %qkv = vit.plan.buffer at 0 : memref<6x39x32xf32>
    %o = vit.plan.buffer at 65536 : memref<39x64xf32, strided<[112, 1]>>
    // Chunk = row block * heads + head; keys of its head are packed first, query, key and value planes are apart.
    // CHECK: func.func @region_0({{.*}}, %[[SCRATCH:.*]]: memref<3088xf32>, %[[CHUNK:.*]]: index)
    // CHECK-DAG: %[[HEAD:.*]] = arith.remui %[[CHUNK]], %c2
    // CHECK-DAG: %[[BLOCK:.*]] = arith.divui %[[CHUNK]], %c2
    // CHECK: %[[KEY:.*]] = arith.addi %[[HEAD]], %c2
    // CHECK: call @pack_keys_{{.*}}(%{{.*}}, %[[SCRATCH]], %[[KEY]])
    // CHECK: %[[VALUE:.*]] = arith.addi %[[HEAD]], %c4
    // CHECK: %[[COLUMN:.*]] = arith.muli %[[HEAD]], %c32
    // CHECK: call @attention_13_{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %[[SCRATCH]], %{{.*}}, %[[HEAD]], %[[VALUE]], %[[COLUMN]])
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x39x32xf32>, memref<6x39x32xf32>, memref<6x39x32xf32>)
      outs(%o : memref<39x64xf32, strided<[112, 1]>>) heads 2 planes [0, 2, 4] base2 tile [13, 2] grid [2, 2] flops 1
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x39x32xf32>, memref<6x39x32xf32>, memref<6x39x32xf32>)
      outs(%o : memref<39x64xf32, strided<[112, 1]>>) heads 2 planes [0, 2, 4] base2 tile [13, 2] grid [2, 2] flops 1

    // Keys are transposed in registers, 16 x 16; columns behind the 39th are zero.
    // CHECK: func.func private @pack_keys_
    // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
    // CHECK-COUNT-16: vector.load
    // CHECK-COUNT-64: vector.shuffle
    // CHECK-COUNT-16: vector.store
    // CHECK-COUNT-7: vector.load
    // CHECK: vector.shuffle %{{.*}}, %[[ZERO:cst.*]] [
    // CHECK: return

    // 39 keys: 32 at once, then 7 in one vector whose other lanes are out of the running.
    // CHECK: func.func private @attention_13_
    // CHECK: %[[MASK:.*]] = arith.constant dense<[true, true, true, true, true, true, true, false, false, false, false, false, false, false, false, false]>
    // CHECK: %[[LOWEST:.*]] = arith.constant dense<-3.000000e+38> : vector<16xf32>
    // CHECK: %{{.*}}:26 = scf.for
    // CHECK-NOT: arith.select
    // CHECK-COUNT-26: vector.store
    // CHECK: %{{.*}}:13 = scf.for
    // CHECK-COUNT-13: arith.select %[[MASK]], %{{.*}}, %[[LOWEST]]
    // Softmax of each row: base 2, so no factor before the exponential, and one reciprocal.
    // CHECK: scf.for %{{.*}} = %c0 to %c13 step %c1 {
    // CHECK: %[[X:.*]] = arith.subf %{{.*}} : vector<16xf32>
    // CHECK-NEXT: arith.cmpf ogt, %{{.*}}, %[[X]]
    // CHECK: arith.shli
    // CHECK: arith.divf %{{.*}} : f32
    // CHECK-NOT: arith.divf
    // CHECK: }
    // Values: all keys in one loop, and 1 / sum at the end.
    // CHECK: %[[SUMS:.*]]:26 = scf.for %{{.*}} = %c0 to %c38 step %c2
    // CHECK-COUNT-26: math.fma
    // CHECK: arith.mulf %{{.*}} : vector<16xf32>
    // CHECK: vector.store %{{.*}} : memref<39x64xf32
    return
  }
}

// -----

// Natural exponentials are of scores times log2(e).
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @natural
  // CHECK: func.func private @attention_1_
  // CHECK: arith.constant dense<1.44269502> : vector<8xf32>
  // CHECK: %[[X:.*]] = arith.subf
  // CHECK-NEXT: arith.mulf %[[X]], %
  func.func @natural(%q: memref<1x1x16xf32>, %k: memref<2x9x16xf32>, %o: memref<1x16xf32, strided<[16, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.attention ins(%q, %k, %k : memref<1x1x16xf32>, memref<2x9x16xf32>, memref<2x9x16xf32>)
      outs(%o : memref<1x16xf32, strided<[16, 1]>>) heads 1 planes [0, 0, 1] tile [6, 2] grid [1, 1] flops 1
    return
  }
}

// -----

// A long sequence: the same three loops, no running maximum, and scratch in proportion to the keys.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // CHECK-LABEL: vit.schedule @long
  // CHECK-SAME: scratch_bytes = 363392
  // CHECK-NOT: math.fma
  func.func @long(%q: memref<3x1370x64xf32>, %o: memref<1370x64xf32, strided<[112, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.attention ins(%q, %q, %q : memref<3x1370x64xf32>, memref<3x1370x64xf32>, memref<3x1370x64xf32>)
      outs(%o : memref<1370x64xf32, strided<[112, 1]>>) heads 1 planes [0, 1, 2] base2 tile [2, 4] grid [7, 1] flops 1
    return
  }
}
