// Layer normalisation: two passes over a row, lanes behind its width kept out of the sums.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --canonicalize --cse | FileCheck %s --implicit-check-not=memref.alloc

// 150 channels in 16 lanes: two rounds of four vectors are the loop, one whole vector follows, then six lanes.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @edge
  // CHECK: func.func @region_0({{.*}}, %[[CHUNK:.*]]: index)
  // CHECK: %[[MASK:.*]] = arith.constant dense<[true, true, true, true, true, true, false,
  // Rows [chunk * 5 / 2, (chunk + 1) * 5 / 2).
  // CHECK: %[[SCALED:.*]] = arith.muli %[[CHUNK]], %c5
  // CHECK-NEXT: arith.divui %[[SCALED]], %c2
  // CHECK: scf.for %[[ROW:.*]] = %{{.*}} to %{{.*}} step %c1 {
  // Sums: four at a time, and the last vector in part.
  // CHECK: %[[S:.*]]:4 = scf.for %{{.*}} = %c0 to %c128 step %c64
  // CHECK-COUNT-4: arith.addf
  // CHECK: scf.yield
  // CHECK: vector.load %[[X:.*]][%[[ROW]], %c128]
  // CHECK: vector.load %[[X]][%[[ROW]], %c144]
  // CHECK: arith.select %[[MASK]], %{{.*}}, %[[S]]#1
  // CHECK: %[[MEAN:.*]] = vector.broadcast %{{.*}} : f32 to vector<16xf32>
  // Squares of what is left: the mean is subtracted first.
  // CHECK: %{{.*}}:4 = scf.for
  // CHECK: %[[D:.*]] = arith.subf %{{.*}}, %[[MEAN]]
  // CHECK-NEXT: math.fma %[[D]], %[[D]], %
  // CHECK: math.sqrt %{{.*}} : f32
  // CHECK: %[[SCALE:.*]] = vector.broadcast
  // CHECK: scf.for %[[K:.*]] = %c0 to %c144 step %c16
  // CHECK: %[[Y:.*]] = arith.mulf %{{.*}}, %[[SCALE]]
  // CHECK: %[[G:.*]] = vector.load %{{.*}}[%[[K]]]
  // CHECK: %[[B:.*]] = vector.load %{{.*}}[%[[K]]]
  // CHECK: math.fma %[[Y]], %[[G]], %[[B]]
  // CHECK: vector.store
  // Behind the row, in the last vector, stand zeros.
  // CHECK: %[[LAST:.*]] = arith.select %[[MASK]], %{{.*}}, %cst
  // CHECK: vector.store %[[LAST]], %{{.*}}[%[[ROW]], %c144]
  func.func @edge(%x: memref<5x150xf32, strided<[208, 1]>>, %g: memref<160xf32>, %b: memref<160xf32>,
                  %y: memref<5x150xf32, strided<[208, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.layer_norm ins(%x : memref<5x150xf32, strided<[208, 1]>>) gamma(%g : memref<160xf32>) beta(%b : memref<160xf32>)
      outs(%y : memref<5x150xf32, strided<[208, 1]>>) eps 1.0e-6 chunks 2
    return
  }
}

// -----

// Whole vectors only, no affine (it has been folded away), one chunk, no FMA.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // CHECK-LABEL: vit.schedule @plain
  // CHECK: func.func @region_0
  // CHECK-NOT: vector<4xi1>
  // CHECK-NOT: math.fma
  // CHECK: scf.for %{{.*}} = %c0 to %c5 step %c1 {
  // CHECK: %[[P:.*]] = arith.mulf %[[D:.*]], %[[D]]
  // CHECK-NEXT: arith.addf %[[P]], %
  // CHECK: math.sqrt
  // CHECK: %[[Y:.*]] = arith.mulf
  // CHECK-NEXT: vector.store %[[Y]]
  func.func @plain(%x: memref<5x192xf32, strided<[240, 1]>>, %y: memref<5x192xf32, strided<[240, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.layer_norm ins(%x : memref<5x192xf32, strided<[240, 1]>>) outs(%y : memref<5x192xf32, strided<[240, 1]>>)
      eps 1.0e-6 chunks 1
    return
  }
}
