// What vit-emit-cpu refuses.
// RUN: vit-opt %s -split-input-file -verify-diagnostics --vit-emit-cpu

// expected-error @below {{expected attribute 'vit.isa' that describes the target}}
module {
  func.func @no_isa(%x: memref<1x1x1xf32>) attributes {vit.arena_bytes = 0 : i64} { return }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // expected-error @below {{expected attribute 'vit.arena_bytes': run vit-plan-memory first}}
  func.func @no_memory_plan(%x: memref<1x1x1xf32>) { return }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  func.func @no_offset(%x: memref<3x4xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{expected an offset: run vit-plan-memory first}}
    %y = vit.plan.buffer : memref<3x4xf32>
    vit.plan.copy ins(%x : memref<3x4xf32>) outs(%y : memref<3x4xf32>) chunks 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @w : tensor<3x4xf32>
  func.func @weight_without_offset(%x: memref<3x4xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{expected weight 'w' to have an offset: run vit-plan-memory first}}
    %w = vit.plan.weights @w : memref<3x4xf32>
    vit.plan.copy ins(%w : memref<3x4xf32>) outs(%x : memref<3x4xf32>) chunks 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  func.func @not_planned(%x: memref<1x1x1xf32>, %t: tensor<3x4xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{is not a planned op}}
    %y = vit.add %t, %t : tensor<3x4xf32>
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  func.func @foreign_buffer(%x: memref<3x4xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{is not a planned op}}
    %y = memref.alloc() : memref<3x4xf32>
    vit.plan.copy ins(%x : memref<3x4xf32>) outs(%y : memref<3x4xf32>) chunks 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"dots", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = dot>} {
  func.func @no_matrix_unit(%x: memref<4x8xbf16>, %w: memref<1x4x64xbf16>, %y: memref<4x32xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{needs a matrix unit for 'bf16', which 'dots' does not have}}
    vit.plan.gemm ins(%x, %w : memref<4x8xbf16>, memref<1x4x64xbf16>) outs(%y : memref<4x32xf32>)
      tile [32, 2] matrix_unit grid [1, 1, 1] flops 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"plain", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  func.func @no_bf16(%x: memref<4x8xbf16>, %w: memref<1x4x64xbf16>, %y: memref<4x32xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{needs products of 'bf16', which 'plain' does not have}}
    vit.plan.gemm ins(%x, %w : memref<4x8xbf16>, memref<1x4x64xbf16>) outs(%y : memref<4x32xf32>)
      tile [6, 2] grid [1, 1, 1] flops 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"plain", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  func.func @no_rounding(%x: memref<4x8xf32>, %y: memref<4x8xbf16>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{needs rounding to bf16, which 'plain' does not have}}
    vit.plan.copy ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xbf16>) chunks 1
    return
  }
}

// -----

// Rows are of bytes where they are multiplied as such, and of 16 bits where as such.
module attributes {vit.isa = #vit.isa<"madd", lanes = 8, tile = 6 x 2, panel = 32, fma = true, int8 = madd>} {
  func.func @no_bytes(%x: memref<4x8xi8>, %w: memref<1x2x128xi8>, %r: memref<4xf32>, %n: memref<32xf32>, %y: memref<4x32xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{needs products of 'i8', which 'madd' does not have}}
    vit.plan.gemm ins(%x, %w : memref<4x8xi8>, memref<1x2x128xi8>) row_scales(%r : memref<4xf32>) column_scales(%n : memref<32xf32>)
      column_sums(%n : memref<32xf32>) outs(%y : memref<4x32xf32>) tile [6, 2] grid [1, 1, 1] flops 1
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"dots", lanes = 8, tile = 6 x 2, panel = 32, fma = true, int8 = dot>} {
  func.func @no_wide_bytes(%x: memref<4x8xi16>, %w: memref<1x2x128xi8>, %r: memref<4xf32>, %n: memref<32xf32>, %y: memref<4x32xf32>) attributes {vit.arena_bytes = 0 : i64} {
    // expected-error @below {{needs products of 'i16', which 'dots' does not have}}
    vit.plan.gemm ins(%x, %w : memref<4x8xi16>, memref<1x2x128xi8>) row_scales(%r : memref<4xf32>) column_scales(%n : memref<32xf32>)
      column_sums(%n : memref<32xf32>) outs(%y : memref<4x32xf32>) tile [6, 2] grid [1, 1, 1] flops 1
    return
  }
}
