// RUN: vit-opt %s --vit-fold-position-embedding | FileCheck %s
// RUN: vit-opt %s --vit-fold-position-embedding=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: vit-opt %s --vit-fold-position-embedding -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12

// STATISTICS: vit-fold-position-embedding: tables-folded = 2
// STATISTICS: vit-fold-position-embedding: weights-merged = 3

vit.weight @embed.cls : tensor<1x4xf32>
vit.weight @embed.dist : tensor<1x4xf32>
vit.weight @embed.reg : tensor<2x4xf32>
vit.weight @embed.pos : tensor<5x4xf32>
vit.weight @embed.pos2 : tensor<4x4xf32>

// CHECK:      vit.weight @embed.pos.rows_0_1 : tensor<1x4xf32> = [#vit.ref<@embed.pos>, #vit.rows<0, 1>]
// CHECK-NEXT: vit.weight @embed.cls.pos : tensor<1x4xf32> = [#vit.ref<@embed.cls>, #vit.add<@embed.pos.rows_0_1>]
// CHECK-NEXT: vit.weight @embed.pos.rows_1_1 : tensor<1x4xf32> = [#vit.ref<@embed.pos>, #vit.rows<1, 1>]
// CHECK-NEXT: vit.weight @embed.dist.pos : tensor<1x4xf32> = [#vit.ref<@embed.dist>, #vit.add<@embed.pos.rows_1_1>]
// CHECK-NEXT: vit.weight @embed.pos.rows_2_3 : tensor<3x4xf32> = [#vit.ref<@embed.pos>, #vit.rows<2, 3>]
// CHECK:      vit.weight @embed.cls_dist : tensor<2x4xf32>
// CHECK-SAME:   = [#vit.ref<@embed.cls>, #vit.add<@embed.pos.rows_0_1>, #vit.append<@embed.dist.pos>]
// CHECK:      vit.weight @embed.cls_reg : tensor<3x4xf32>
// CHECK-SAME:   = [#vit.ref<@embed.cls>, #vit.add<@embed.pos2.rows_0_1>, #vit.append<@embed.reg>]
// CHECK-NEXT: vit.weight @embed.cls_reg_1 : tensor<3x4xf32> = [#vit.ref<@embed.cls>, #vit.append<@embed.reg>]
// CHECK-NOT:  vit.weight

// CHECK-LABEL: func.func @example
// CHECK-SAME:    (%[[PATCHES:.*]]: tensor<3x4xf32>)
func.func @example(%patches: tensor<3x4xf32>) -> tensor<5x4xf32> {
  %cls = vit.param @embed.cls : tensor<1x4xf32>
  %dist = vit.param @embed.dist : tensor<1x4xf32>
  %pos = vit.param @embed.pos : tensor<5x4xf32>
  // CHECK: %[[POS:.*]] = vit.param @embed.pos.rows_2_3
  // CHECK: %[[SUM:.*]] = vit.add %[[PATCHES]], %[[POS]]
  // CHECK: %[[PREFIX:.*]] = vit.param @embed.cls_dist :
  // CHECK: %[[X:.*]] = vit.concat %[[PREFIX]], %[[SUM]] : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
  // CHECK: return %[[X]]
  %tokens = vit.concat %cls, %dist, %patches
      : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
  %x = vit.add %tokens, %pos : tensor<5x4xf32>
  return %x : tensor<5x4xf32>
}

// Registers come between the class token and the patches after positions have been added (DINOv2 with registers); the
// slices that part the two lead back to the pieces. The positions are the left operand here.
// CHECK-LABEL: func.func @registers_without_positions
// CHECK-SAME:    (%[[PATCHES:.*]]: tensor<3x4xf32>)
func.func @registers_without_positions(%patches: tensor<3x4xf32>) -> tensor<6x4xf32> {
  %cls = vit.param @embed.cls : tensor<1x4xf32>
  %reg = vit.param @embed.reg : tensor<2x4xf32>
  %pos = vit.param @embed.pos2 : tensor<4x4xf32>
  // CHECK-NOT: vit.slice
  // CHECK:     %[[SUM:.*]] = vit.add %[[PATCHES]]
  // CHECK:     %[[PREFIX:.*]] = vit.param @embed.cls_reg :
  // CHECK:     vit.concat %[[PREFIX]], %[[SUM]] : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<6x4xf32>
  %both = vit.concat %cls, %patches : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  %placed = vit.add %pos, %both : tensor<4x4xf32>
  %first = vit.slice %placed from 0 : tensor<4x4xf32> -> tensor<1x4xf32>
  %rest = vit.slice %placed from 1 : tensor<4x4xf32> -> tensor<3x4xf32>
  %x = vit.concat %first, %reg, %rest
      : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<6x4xf32>
  return %x : tensor<6x4xf32>
}

// Positions of patches only stay where they are; the prefix becomes one weight.
// CHECK-LABEL: func.func @positions_of_patches
func.func @positions_of_patches(%patches: tensor<4x4xf32>) -> tensor<7x4xf32> {
  %cls = vit.param @embed.cls : tensor<1x4xf32>
  %reg = vit.param @embed.reg : tensor<2x4xf32>
  %pos = vit.param @embed.pos2 : tensor<4x4xf32>
  // CHECK: %[[SUM:.*]] = vit.add
  // CHECK: %[[PREFIX:.*]] = vit.param @embed.cls_reg_1 :
  // CHECK: vit.concat %[[PREFIX]], %[[SUM]]
  %placed = vit.add %patches, %pos : tensor<4x4xf32>
  %x = vit.concat %cls, %reg, %placed
      : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<7x4xf32>
  return %x : tensor<7x4xf32>
}

// Refused: the tokens are read without positions too.
// CHECK-LABEL: func.func @tokens_are_a_result
func.func @tokens_are_a_result(%patches: tensor<3x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %cls = vit.param @embed.cls : tensor<1x4xf32>
  %pos = vit.param @embed.pos2 : tensor<4x4xf32>
  // CHECK: %[[TOKENS:.*]] = vit.concat
  // CHECK: %[[X:.*]] = vit.add %[[TOKENS]], %{{.*}} : tensor<4x4xf32>
  // CHECK: return %[[X]], %[[TOKENS]]
  %tokens = vit.concat %cls, %patches : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  %x = vit.add %tokens, %pos : tensor<4x4xf32>
  return %x, %tokens : tensor<4x4xf32>, tensor<4x4xf32>
}

// Refused: positions that depend on the image are no weight.
// CHECK-LABEL: func.func @computed_positions
func.func @computed_positions(%patches: tensor<3x4xf32>, %pos: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %cls = vit.param @embed.cls : tensor<1x4xf32>
  // CHECK: %[[TOKENS:.*]] = vit.concat
  // CHECK: vit.add %[[TOKENS]]
  %tokens = vit.concat %cls, %patches : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  %x = vit.add %tokens, %pos : tensor<4x4xf32>
  return %x : tensor<4x4xf32>
}
