// Copies, sums, means and patches.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --canonicalize --cse | FileCheck %s --implicit-check-not=memref.alloc

// A copy touches its columns and no others: an output ends with its last element.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @copy
  // CHECK-NEXT: "copy.0"
  // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16 {
  // CHECK: vector.store
  // CHECK: scf.for %{{.*}} = %c32 to %c37 step %c1 {
  // CHECK: %[[V:.*]] = memref.load
  // CHECK-NEXT: memref.store %[[V]]
  func.func @copy(%x: memref<3x37xf32, strided<[112, 1]>>, %y: memref<3x37xf32, strided<[37, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.copy ins(%x : memref<3x37xf32, strided<[112, 1]>>) outs(%y : memref<3x37xf32, strided<[37, 1]>>) chunks 3
    return
  }
}

// -----

// A factor of one costs nothing, and each input is read once.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @map
  // CHECK: func.func @region_0
  // CHECK: scf.for %{{.*}} = %c0 to %c40 step %c8
  // CHECK-COUNT-3: vector.load
  // CHECK-NOT: arith.mulf
  // CHECK: vector.store
  // CHECK: func.func @region_1
  // CHECK: arith.constant dense<5.000000e-01> : vector<8xf32>
  // CHECK: arith.mulf
  // CHECK: arith.cmpf
  // CHECK: vector.store
  func.func @map(%x: memref<3x37xf32, strided<[112, 1]>>, %y: memref<3x37xf32, strided<[112, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.map ins(%x, %y, %x : memref<3x37xf32, strided<[112, 1]>>, memref<3x37xf32, strided<[112, 1]>>, memref<3x37xf32, strided<[112, 1]>>)
      outs(%y : memref<3x37xf32, strided<[112, 1]>>) factor 1.0 chunks 1
    vit.plan.map ins(%x : memref<3x37xf32, strided<[112, 1]>>) outs(%y : memref<3x37xf32, strided<[112, 1]>>)
      factor 0.5 activation relu chunks 1
    return
  }
}

// -----

// A mean adds rows in order, column by column.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // CHECK-LABEL: vit.schedule @mean
  // CHECK: scf.for %[[K:.*]] = %c0 to %c12 step %c4
  // CHECK: %[[SUM:.*]] = scf.for %[[ROW:.*]] = %c0 to %c49 step %c1 iter_args(%[[SO_FAR:.*]] = %{{.*}})
  // CHECK: %[[V:.*]] = vector.load %{{.*}}[%[[ROW]], %[[K]]]
  // CHECK-NEXT: arith.addf %[[SO_FAR]], %[[V]]
  // CHECK: arith.mulf %[[SUM]]
  // CHECK: vector.store
  func.func @mean(%x: memref<49x10xf32, strided<[80, 1]>>, %y: memref<1x10xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.mean ins(%x : memref<49x10xf32, strided<[80, 1]>>) outs(%y : memref<1x10xf32, strided<[80, 1]>>)
    return
  }
}

// -----

// A patch row of whole vectors is copied by vectors; others element by element; bytes become floats, and channels last
// become channels first.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @gather
  // CHECK: func.func @region_0
  // CHECK: vector.load %{{.*}} : memref<3x64x64xf32>
  // CHECK: vector.store
  // CHECK: func.func @region_1
  // CHECK-NOT: vector.load
  // CHECK: memref.load %{{.*}} : memref<3x64x64xf32>
  // CHECK: memref.store
  // CHECK: func.func @region_2
  // CHECK: scf.for %[[CHANNEL:.*]] = %c0 to %c3
  // CHECK: %[[BYTE:.*]] = memref.load %{{.*}}[%{{.*}}, %{{.*}}, %[[CHANNEL]]] : memref<64x64x3xi8>
  // CHECK-NEXT: %[[WIDE:.*]] = arith.extui %[[BYTE]] : i8 to i32
  // CHECK-NEXT: %[[FLOAT:.*]] = arith.sitofp %[[WIDE]] : i32 to f32
  // CHECK-NEXT: memref.store %[[FLOAT]]
  func.func @gather(%x: memref<3x64x64xf32>, %p: memref<64x64x3xi8>, %y: memref<16x768xf32, strided<[816, 1]>>,
                    %z: memref<100x108xf32, strided<[176, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gather ins(%x : memref<3x64x64xf32>) outs(%y : memref<16x768xf32, strided<[816, 1]>>)
      size [16, 16] stride [16, 16] chunks 2
    vit.plan.gather ins(%x : memref<3x64x64xf32>) outs(%z : memref<100x108xf32, strided<[176, 1]>>)
      size [6, 6] stride [6, 6] chunks 2
    vit.plan.gather ins(%p : memref<64x64x3xi8>) outs(%y : memref<16x768xf32, strided<[816, 1]>>)
      size [16, 16] stride [16, 16] chunks 2
    return
  }
}

// -----

// Outside of the image nothing is read: indices are cut to it, and zeros are chosen behind the normalisation, whose
// constants differ by channel.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @padded
  // CHECK: %[[IN:.*]] = arith.andi
  // CHECK: arith.minui
  // CHECK: %[[BYTE:.*]] = memref.load %{{.*}}[%{{.*}}, %{{.*}}, %c0] : memref<9x9x2xi8>
  // CHECK: arith.mulf %{{.*}}, %[[F:.*]] : f32
  // CHECK: %[[V:.*]] = arith.addf
  // CHECK: arith.select %[[IN]], %[[V]], %{{.*}} : f32
  // CHECK: memref.load %{{.*}}[%{{.*}}, %{{.*}}, %c1] : memref<9x9x2xi8>
  func.func @padded(%p: memref<9x9x2xi8>, %y: memref<9x32xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gather ins(%p : memref<9x9x2xi8>) outs(%y : memref<9x32xf32, strided<[80, 1]>>)
      size [4, 4] stride [4, 4] chunks 2
      {padding = array<i64: 1, 1, 2, 2>, factors = array<f64: 0.25, 0.5>, shifts = array<f64: 1.0, 2.0>}
    return
  }
}

// -----

// The largest of a column: what is read unless it is smaller, and NaN for good.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @max
  // CHECK: scf.for %[[K:.*]] = %c0 to %c16 step %c8
  // CHECK: %[[FIRST:.*]] = vector.load %{{.*}}[%c0, %[[K]]]
  // CHECK: scf.for %[[ROW:.*]] = %c1 to %c49 step %c1 iter_args(%[[SO_FAR:.*]] = %[[FIRST]])
  // CHECK: %[[GREATER:.*]] = arith.cmpf ogt, %[[SO_FAR]], %[[V:.*]] : vector<8xf32>
  // CHECK: %[[LARGER:.*]] = arith.select %[[GREATER]], %[[SO_FAR]], %[[V]]
  // CHECK: %[[NAN:.*]] = arith.cmpf uno, %[[SO_FAR]], %[[SO_FAR]]
  // CHECK: arith.select %[[NAN]], %[[SO_FAR]], %[[LARGER]]
  func.func @max(%x: memref<49x10xf32, strided<[80, 1]>>, %y: memref<1x10xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.max ins(%x : memref<49x10xf32, strided<[80, 1]>>) outs(%y : memref<1x10xf32, strided<[80, 1]>>)
    return
  }
}

// -----

// Inputs side by side: whole vectors, then the columns that are left.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: vit.schedule @join
  // CHECK: vector.store %{{.*}}, %[[OUT:.*]][%c0, %{{.*}}]
  // CHECK: memref.store %{{.*}}, %[[OUT]][%c0, %{{.*}}]
  // CHECK: arith.addi %{{.*}}, %c10
  // CHECK: memref.store
  func.func @join(%x: memref<1x10xf32, strided<[80, 1]>>, %y: memref<1x3xf32, strided<[80, 1]>>,
                  %z: memref<1x13xf32, strided<[80, 1]>>) attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.join ins(%x, %y : memref<1x10xf32, strided<[80, 1]>>, memref<1x3xf32, strided<[80, 1]>>)
      outs(%z : memref<1x13xf32, strided<[80, 1]>>) chunks 1
    return
  }
}
