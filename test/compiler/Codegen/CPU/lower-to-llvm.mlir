// From vectors to the LLVM dialect: bare pointers, one rounding where the machine has it, no memory of its own.
// RUN: vit-opt %s -split-input-file --vit-emit-cpu --vit-lower-to-llvm | FileCheck %s --implicit-check-not=alloca --implicit-check-not=fmuladd --implicit-check-not=unrealized_conversion_cast

module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  // The schedule stays; it becomes a table of the library.
  // CHECK-LABEL: vit.schedule @fma
  // CHECK: vit.step @region_0 "gemm.0"
  // CHECK: llvm.func @region_0(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64)
  // CHECK: llvm.func @gemm_1_{{.*}} attributes {passthrough = ["noinline"], sym_visibility = "private"}
  // CHECK: llvm.intr.prefetch
  // CHECK: llvm.intr.fma(%{{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>
  // CHECK: llvm.return
  func.func @fma(%x: memref<1x9xf32, strided<[80, 1]>>, %w: memref<1x9x32xf32>, %y: memref<1x32xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<1x9xf32, strided<[80, 1]>>, memref<1x9x32xf32>) activation gelu_tanh
      outs(%y : memref<1x32xf32, strided<[80, 1]>>) tile [13, 2] grid [1, 1, 1] flops 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // Nothing allows the backend to fuse or reorder.
  // CHECK-LABEL: vit.schedule @no_fma
  // CHECK-NOT: fastmath
  // CHECK-NOT: llvm.intr.fma
  // CHECK: llvm.fmul %{{.*}} : vector<4xf32>
  // CHECK: llvm.fadd %{{.*}} : vector<4xf32>
  func.func @no_fma(%x: memref<1x9xf32, strided<[80, 1]>>, %w: memref<1x9x32xf32>, %y: memref<1x32xf32, strided<[80, 1]>>)
      attributes {vit.arena_bytes = 0 : i64} {
    vit.plan.gemm ins(%x, %w : memref<1x9xf32, strided<[80, 1]>>, memref<1x9x32xf32>)
      outs(%y : memref<1x32xf32, strided<[80, 1]>>) tile [2, 4] grid [1, 1, 1] flops 1
    return
  }
}
