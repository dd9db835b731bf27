// Attention: transposed queries, a strip of scores, softmax by lanes, values. Numbers are EmitterTest.cpp's.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --canonicalize --cse | FileCheck %s --implicit-check-not=memref.alloc
// RUN: vit-opt %s -split-input-file --vit-emit-cpu=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS

// Two layers share all code. Scratch holds 32 queries, two numbers of each, and their scores: linear in the tokens.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // STATISTICS: vit-emit-cpu: regions = 1
  // STATISTICS: vit-emit-cpu: kernels = 2
  // 4 * (32 + 2 + 39) * 32 bytes.
  // CHECK-LABEL: vit.schedule @layers
  // CHECK-SAME: scratch_bytes = 9344
  // CHECK-NEXT: vit.step @region_0 "attention.0" spaces [0, 0, 0, 0, 4] indices [0, 0, 0, 0, 0] offsets [0, 0, 0, 65536, 0] chunks 4 parts 1
  // CHECK-NEXT: vit.step @region_0 "attention.1"
  func.func @layers(%x: memref<1x1x1xf32>) attributes {vit.arena_bytes = 131072 : i64} {
    %qkv = vit.plan.buffer at 0 : memref<6x39x32xf32>
    %o = vit.plan.buffer at 65536 : memref<39x64xf32, strided<[112, 1]>>
    // Chunk = row block * heads + head; query, key and value planes are apart. 39 queries are a tile of 32 and one of 7.
    // CHECK: func.func @region_0({{.*}}, %[[SCRATCH:.*]]: memref<2336xf32>, %[[CHUNK:.*]]: index)
    // CHECK-DAG: %[[HEAD:.*]] = arith.remui %[[CHUNK]], %c2
    // CHECK-DAG: %[[BLOCK:.*]] = arith.divui %[[CHUNK]], %c2
    // CHECK: %[[KEY:.*]] = arith.addi %[[HEAD]], %c2
    // CHECK: %[[VALUE:.*]] = arith.addi %[[HEAD]], %c4
    // CHECK: %[[COLUMN:.*]] = arith.muli %[[HEAD]], %c32
    // CHECK: call @attention_32_{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[SCRATCH]], %{{.*}}, %[[HEAD]], %[[KEY]], %[[VALUE]], %[[COLUMN]])
    // CHECK: call @attention_7_
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x39x32xf32>, memref<6x39x32xf32>, memref<6x39x32xf32>)
      outs(%o : memref<39x64xf32, strided<[112, 1]>>) heads 2 planes [0, 2, 4] base2 tile [13, 2] grid [2, 2] flops 1
    vit.plan.attention ins(%qkv, %qkv, %qkv : memref<6x39x32xf32>, memref<6x39x32xf32>, memref<6x39x32xf32>)
      outs(%o : memref<39x64xf32, strided<[112, 1]>>) heads 2 planes [0, 2, 4] base2 tile [13, 2] grid [2, 2] flops 1

    // Queries are transposed in registers, 16 x 16.
    // CHECK: func.func private @attention_32_
    // CHECK: %[[LOWEST:.*]] = arith.constant dense<-3.000000e+38> : vector<16xf32>
    // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
    // CHECK-COUNT-16: vector.load
    // CHECK-COUNT-64: vector.shuffle
    // CHECK-COUNT-16: vector.store
    // Scores: three tiles of 13 keys, all channels in one loop, and the maxima so far. From here on a lane is a query:
    // nothing is moved between lanes or masked.
    // CHECK-NOT: vector.shuffle
    // CHECK-COUNT-2: vector.store %[[LOWEST]]
    // CHECK: scf.for %{{.*}} = %c0 to %c3 step %c1
    // CHECK: %{{.*}}:26 = scf.for %{{.*}} = %c0 to %c32 step %c2
    // CHECK-COUNT-13: arith.cmpf ogt
    // CHECK: vector.store
    // Softmax: two keys of all queries at a time. Base 2, so no factor before the exponential; one reciprocal a query.
    // CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c0 to %c38 step %c2
    // CHECK: %[[X:.*]] = arith.subf %{{.*}} : vector<16xf32>
    // CHECK-NEXT: arith.cmpf ogt, %{{.*}}, %[[X]]
    // CHECK: arith.shli
    // CHECK-COUNT-2: arith.divf %{{.*}} : vector<16xf32>
    // CHECK-NOT: arith.divf
    // Values: tiles of 11, 11 and 10 queries, all keys in one loop, and 1 / sum at the end.
    // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
    // CHECK: %{{.*}}:22 = scf.for %{{.*}} = %c0 to %c38 step %c2
    // CHECK-COUNT-22: math.fma
    // CHECK: arith.mulf %{{.*}} : vector<16xf32>
    // CHECK: vector.store %{{.*}} : memref<39x64xf32
    // CHECK: %{{.*}}:20 = scf.for
    // Seven queries are one vector, whose other lanes hold zeros.
    // CHECK: func.func private @attention_7_
    // CHECK-COUNT-7: vector.load
    // CHECK-NOT: vector.load
    // CHECK: vector.shuffle %{{.*}}, %[[ZERO:cst.*]] [
    // CHECK: %{{.*}}:13 = scf.for %{{.*}} = %c0 to %c32 step %c2
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

// A long sequence: the same loops, and scratch in proportion to the keys.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // CHECK-LABEL: vit.schedule @long
  // CHECK-SAME: scratch_bytes = 183808
  // CHECK-NOT: math.fma
  func.func @long(%q: memref<3x1370x64xf32>, %o: memref<1370x64xf32, strided<[112, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.attention ins(%q, %q, %q : memref<3x1370x64xf32>, memref<3x1370x64xf32>, memref<3x1370x64xf32>)
      outs(%o : memref<1370x64xf32, strided<[112, 1]>>) heads 1 planes [0, 1, 2] base2 tile [2, 4] grid [7, 1] flops 1
    return
  }
}
