// A planned module that no model has, written by hand: the rows of a 3 x 5 "image" times a 7 x 5 matrix, plus a bias.
// RUN: vitc compile %s -o %t.so --name by_hand
// RUN: vitc inspect %t.so | FileCheck %s
// RUN: vitc verify %s | FileCheck %s --check-prefix=VERIFY
// RUN: vitc verify %s %t.so | FileCheck %s --check-prefix=VERIFY
// RUN: %python %S/Inputs/npy.py make %t.x.npy f4 2x1x3x5 0
// RUN: vitc run %t.so --input %t.x.npy --output %t.y.npy
// RUN: %python %S/Inputs/npy.py show %t.y.npy | FileCheck %s --check-prefix=ZERO

// CHECK-DAG: input   {{.*}}image 1 x 3 x 5 f32
// CHECK-DAG: output  {{.*}}sums 3 x 7 f32
// CHECK-DAG: level   {{.*}}x86-64:
// CHECK-DAG: parameters {{.*}}42
// VERIFY: sums {{.*}}pass

// Zeros leave the bias, in all rows of both images.
// ZERO: (2, 3, 7) [[ROW:[0-9.]+ [0-9.]+ [0-9.]+ [0-9.]+ [0-9.]+ [0-9.]+ [0-9.]+]] [[ROW]] [[ROW]] [[ROW]] [[ROW]] [[ROW]]

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @w : tensor<7x5xf32>
  vit.weight @b : tensor<7xf32>
  vit.weight @w.panels : tensor<1x5x32xf32> = [#vit.ref<@w>, #vit.pack_panels<32>] at 0
  vit.weight @b.pad : tensor<32xf32> = [#vit.ref<@b>, #vit.pad<[32]>] at 640
  func.func @forward(%image: memref<1x3x5xf32>,
                     %sums: memref<3x7xf32, strided<[7, 1]>> {vit.name = "sums"}) attributes {vit.arena_bytes = 1024 : i64} {
    %rows = vit.plan.buffer at 0 : memref<3x5xf32, strided<[16, 1]>>
    vit.plan.gather ins(%image : memref<1x3x5xf32>) outs(%rows : memref<3x5xf32, strided<[16, 1]>>) size [1, 5] stride [1, 5] chunks 2
    %w = vit.plan.weights @w.panels : memref<1x5x32xf32>
    %b = vit.plan.weights @b.pad : memref<32xf32>
    %c = vit.plan.buffer at 256 : memref<3x7xf32, strided<[32, 1]>>
    vit.plan.gemm ins(%rows, %w : memref<3x5xf32, strided<[16, 1]>>, memref<1x5x32xf32>) bias(%b : memref<32xf32>)
      outs(%c : memref<3x7xf32, strided<[32, 1]>>) tile [2, 4] grid [2, 1, 1] flops 210
    vit.plan.copy ins(%c : memref<3x7xf32, strided<[32, 1]>>) outs(%sums : memref<3x7xf32, strided<[7, 1]>>) chunks 1
    return
  }
}
