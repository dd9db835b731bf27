// Offsets of buffers and weights. Random programs are PlanMemoryTest.cpp's.
// RUN: vit-opt %s -split-input-file --vit-plan-memory | FileCheck %s
// RUN: vit-opt %s -split-input-file --vit-plan-memory=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS

// Largest first, each at the lowest offset free for its life; weights in order of first use; a view is the buffer at its
// row; a buffer that nothing uses is gone.
// STATISTICS: vit-plan-memory: in-place = 0
// STATISTICS: vit-plan-memory: buffers = 3
// STATISTICS: vit-plan-memory: bytes-saved = 128
// CHECK: module attributes {vit.weight_bytes = 576 : i64}
module {
  // CHECK-DAG: vit.weight @unused : tensor<8x16xf32>{{$}}
  // CHECK-DAG: vit.weight @late : tensor<1x16xf32> at 512
  // CHECK-DAG: vit.weight @early : tensor<8x16xf32> at 0
  vit.weight @unused : tensor<8x16xf32>
  vit.weight @late : tensor<1x16xf32>
  vit.weight @early : tensor<8x16xf32>
  // CHECK: func.func @lives({{.*}}) attributes {vit.arena_bytes = 768 : i64}
  func.func @lives(%x: memref<8x16xf32>) {
    // CHECK-DAG: %[[A:.*]] = vit.plan.buffer at 0 : memref<8x16xf32>
    // CHECK-DAG: %[[B:.*]] = vit.plan.buffer at 512 : memref<4x16xf32>
    // CHECK-DAG: %[[LAST:.*]] = vit.plan.buffer at 704 : memref<1x16xf32, strided<[16, 1]>>
    // CHECK-DAG: %[[FIRST:.*]] = vit.plan.buffer at 0 : memref<1x16xf32, strided<[16, 1]>>
    // CHECK-NOT: vit.plan.view
    %e = vit.plan.weights @early : memref<8x16xf32>
    %l = vit.plan.weights @late : memref<1x16xf32, strided<[16, 1]>>
    %dead = vit.plan.buffer : memref<64x16xf32>
    %c = vit.plan.buffer : memref<2x16xf32>
    %b = vit.plan.buffer : memref<4x16xf32>
    %a = vit.plan.buffer : memref<8x16xf32>
    %again = vit.plan.weights @early : memref<8x16xf32>
    vit.plan.copy ins(%e : memref<8x16xf32>) outs(%a : memref<8x16xf32>) chunks 1
    %head = vit.plan.view %a from 1 : memref<8x16xf32> -> memref<4x16xf32, strided<[16, 1]>>
    vit.plan.copy ins(%head : memref<4x16xf32, strided<[16, 1]>>) outs(%b : memref<4x16xf32>) chunks 1
    // %a is dead, %b is not: %c takes the front.
    // CHECK: vit.plan.copy ins(%[[LAST]] : {{.*}}) outs(%[[FIRST]] :
    %last = vit.plan.view %b from 3 : memref<4x16xf32> -> memref<1x16xf32, strided<[16, 1]>>
    %first = vit.plan.view %c from 0 : memref<2x16xf32> -> memref<1x16xf32, strided<[16, 1]>>
    vit.plan.copy ins(%last : memref<1x16xf32, strided<[16, 1]>>) outs(%first : memref<1x16xf32, strided<[16, 1]>>) chunks 1
    vit.plan.copy ins(%l : memref<1x16xf32, strided<[16, 1]>>) outs(%first : memref<1x16xf32, strided<[16, 1]>>) chunks 1
    return
  }
}

// -----

// A product whose residual dies with it is computed onto it.
// STATISTICS: vit-plan-memory: in-place = 1
vit.weight @w : tensor<1x16x32xf32>
// CHECK-LABEL: func.func @onto_residual
func.func @onto_residual(%x: memref<3x32xf32>, %y: memref<3x32xf32>) {
  %w = vit.plan.weights @w : memref<1x16x32xf32>
  %a = vit.plan.buffer : memref<3x16xf32, strided<[80, 1]>>
  %r = vit.plan.buffer : memref<3x32xf32>
  %c = vit.plan.buffer : memref<3x32xf32>
  vit.plan.copy ins(%x : memref<3x32xf32>) outs(%r : memref<3x32xf32>) chunks 1
  // CHECK: residual(%[[R:.*]] : memref<3x32xf32>) outs(%[[R]] : memref<3x32xf32>)
  vit.plan.gemm ins(%a, %w : memref<3x16xf32, strided<[80, 1]>>, memref<1x16x32xf32>) residual(%r : memref<3x32xf32>)
    outs(%c : memref<3x32xf32>) tile [13, 2] grid [1, 1, 1] flops 1
  // CHECK: vit.plan.copy ins(%[[R]] :
  vit.plan.copy ins(%c : memref<3x32xf32>) outs(%y : memref<3x32xf32>) chunks 1
  return
}

// -----

// Refused: the residual is read later.
// STATISTICS: vit-plan-memory: in-place = 0
vit.weight @w : tensor<1x16x32xf32>
// CHECK-LABEL: func.func @residual_is_read_later
func.func @residual_is_read_later(%x: memref<3x32xf32>, %y: memref<3x32xf32>, %z: memref<3x32xf32>) {
  %w = vit.plan.weights @w : memref<1x16x32xf32>
  %a = vit.plan.buffer : memref<3x16xf32, strided<[80, 1]>>
  // CHECK: %[[R:.*]] = vit.plan.buffer at {{.*}} : memref<3x32xf32>
  // CHECK: %[[C:.*]] = vit.plan.buffer at {{.*}} : memref<3x32xf32>
  // CHECK: residual(%[[R]] : memref<3x32xf32>) outs(%[[C]] : memref<3x32xf32>)
  %r = vit.plan.buffer : memref<3x32xf32>
  %c = vit.plan.buffer : memref<3x32xf32>
  vit.plan.copy ins(%x : memref<3x32xf32>) outs(%r : memref<3x32xf32>) chunks 1
  vit.plan.gemm ins(%a, %w : memref<3x16xf32, strided<[80, 1]>>, memref<1x16x32xf32>) residual(%r : memref<3x32xf32>)
    outs(%c : memref<3x32xf32>) tile [13, 2] grid [1, 1, 1] flops 1
  vit.plan.copy ins(%c : memref<3x32xf32>) outs(%y : memref<3x32xf32>) chunks 1
  vit.plan.copy ins(%r : memref<3x32xf32>) outs(%z : memref<3x32xf32>) chunks 1
  return
}

// -----

// Refused: a view of the residual is read later.
// STATISTICS: vit-plan-memory: in-place = 0
vit.weight @w : tensor<1x16x32xf32>
// CHECK-LABEL: func.func @row_of_residual_is_read_later
func.func @row_of_residual_is_read_later(%x: memref<3x32xf32>, %y: memref<3x32xf32>, %z: memref<1x32xf32, strided<[32, 1]>>) {
  %w = vit.plan.weights @w : memref<1x16x32xf32>
  %a = vit.plan.buffer : memref<3x16xf32, strided<[80, 1]>>
  %r = vit.plan.buffer : memref<3x32xf32>
  %row = vit.plan.view %r from 0 : memref<3x32xf32> -> memref<1x32xf32, strided<[32, 1]>>
  %c = vit.plan.buffer : memref<3x32xf32>
  vit.plan.copy ins(%x : memref<3x32xf32>) outs(%r : memref<3x32xf32>) chunks 1
  vit.plan.gemm ins(%a, %w : memref<3x16xf32, strided<[80, 1]>>, memref<1x16x32xf32>) residual(%r : memref<3x32xf32>)
    outs(%c : memref<3x32xf32>) tile [13, 2] grid [1, 1, 1] flops 1
  vit.plan.copy ins(%c : memref<3x32xf32>) outs(%y : memref<3x32xf32>) chunks 1
  vit.plan.copy ins(%row : memref<1x32xf32, strided<[32, 1]>>) outs(%z : memref<1x32xf32, strided<[32, 1]>>) chunks 1
  return
}

// -----

// Refused: the residual is the input too, of which other columns are still to be computed.
// STATISTICS: vit-plan-memory: in-place = 0
vit.weight @w : tensor<1x32x32xf32>
// CHECK-LABEL: func.func @residual_is_the_input
func.func @residual_is_the_input(%x: memref<3x32xf32>, %y: memref<3x32xf32>) {
  %w = vit.plan.weights @w : memref<1x32x32xf32>
  %r = vit.plan.buffer : memref<3x32xf32>
  %c = vit.plan.buffer : memref<3x32xf32>
  vit.plan.copy ins(%x : memref<3x32xf32>) outs(%r : memref<3x32xf32>) chunks 1
  vit.plan.gemm ins(%r, %w : memref<3x32xf32>, memref<1x32x32xf32>) residual(%r : memref<3x32xf32>)
    outs(%c : memref<3x32xf32>) tile [13, 2] grid [1, 1, 1] flops 1
  vit.plan.copy ins(%c : memref<3x32xf32>) outs(%y : memref<3x32xf32>) chunks 1
  return
}

// -----

// Refused: residual and output have other strides, or the residual is rows of another buffer.
// STATISTICS: vit-plan-memory: in-place = 0
vit.weight @w : tensor<1x16x32xf32>
// CHECK-LABEL: func.func @other_layout
func.func @other_layout(%x: memref<3x32xf32>, %y: memref<3x32xf32>) {
  %w = vit.plan.weights @w : memref<1x16x32xf32>
  %a = vit.plan.buffer : memref<3x16xf32, strided<[80, 1]>>
  %r = vit.plan.buffer : memref<3x32xf32, strided<[48, 1]>>
  %c = vit.plan.buffer : memref<3x32xf32>
  %whole = vit.plan.buffer : memref<5x32xf32>
  %part = vit.plan.view %whole from 2 : memref<5x32xf32> -> memref<3x32xf32, strided<[32, 1]>>
  %d = vit.plan.buffer : memref<3x32xf32, strided<[32, 1]>>
  vit.plan.copy ins(%x : memref<3x32xf32>) outs(%r : memref<3x32xf32, strided<[48, 1]>>) chunks 1
  vit.plan.gemm ins(%a, %w : memref<3x16xf32, strided<[80, 1]>>, memref<1x16x32xf32>) residual(%r : memref<3x32xf32, strided<[48, 1]>>)
    outs(%c : memref<3x32xf32>) tile [13, 2] grid [1, 1, 1] flops 1
  vit.plan.gemm ins(%a, %w : memref<3x16xf32, strided<[80, 1]>>, memref<1x16x32xf32>) residual(%part : memref<3x32xf32, strided<[32, 1]>>)
    outs(%d : memref<3x32xf32, strided<[32, 1]>>) tile [13, 2] grid [1, 1, 1] flops 1
  vit.plan.copy ins(%c : memref<3x32xf32>) outs(%y : memref<3x32xf32>) chunks 1
  vit.plan.copy ins(%d : memref<3x32xf32, strided<[32, 1]>>) outs(%y : memref<3x32xf32>) chunks 1
  return
}

// -----

// Two functions share the blob: a weight has one offset.
// CHECK: vit.weight_bytes = 128
// CHECK: vit.weight @w : tensor<1x32xf32> at 0
// CHECK-NOT: vit.weight
vit.weight @w : tensor<1x32xf32>
// CHECK: func.func @forward({{.*}}) attributes {vit.arena_bytes = 0 : i64}
func.func @forward(%x: memref<1x1x1xf32>, %y: memref<1x32xf32>) {
  %w = vit.plan.weights @w : memref<1x32xf32>
  vit.plan.copy ins(%w : memref<1x32xf32>) outs(%y : memref<1x32xf32>) chunks 1
  return
}
func.func @forward_u8(%x: memref<1x1x1xi8>, %y: memref<1x32xf32>) {
  %w = vit.plan.weights @w : memref<1x32xf32>
  vit.plan.copy ins(%w : memref<1x32xf32>) outs(%y : memref<1x32xf32>) chunks 1
  return
}
