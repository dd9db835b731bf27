// Fused ops on tensors to planned ops on buffers.
// RUN: vit-opt %s -split-input-file --vit-plan-buffers | FileCheck %s
// RUN: vit-opt %s -split-input-file --vit-plan-buffers=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS
// The same numbers before and after, also with live buffers in one arena.
// RUN: split-file %s %t --leading-lines
// RUN: vit-opt %t/block.mlir --vit-plan-buffers -o %t/planned.mlir && vit-interp %t/block.mlir %t/planned.mlir --bound 1e-12
// RUN: vit-opt %t/planned.mlir --vit-plan-memory -o %t/placed.mlir && vit-interp %t/block.mlir %t/placed.mlir --bound 1e-12
// RUN: vit-opt %t/bytes.mlir --vit-plan-buffers --vit-plan-memory -o %t/bytes-placed.mlir && vit-interp %t/bytes.mlir %t/bytes-placed.mlir --bound 1e-2
// RUN: vit-opt %t/odds.mlir --vit-plan-buffers --vit-plan-memory -o %t/odds-placed.mlir && vit-interp %t/odds.mlir %t/odds-placed.mlir --bound 1e-12

// RUN: vit-opt %t/pools.mlir --vit-plan-buffers --vit-plan-memory -o %t/pools-placed.mlir && vit-interp %t/pools.mlir %t/pools-placed.mlir --bound 1e-12

//--- block.mlir
// A block of width 12 with two heads of 6: rows have room for whole panels and a gap, heads are stored as 16.
module attributes {vit.isa = #vit.isa<"x86-64-v4", lanes = 16, tile = 13 x 2, panel = 32, fma = true>} {
  vit.weight @patch : tensor<12x16xf32>
  vit.weight @cls : tensor<1x12xf32>
  vit.weight @gamma : tensor<12xf32>
  vit.weight @qkv : tensor<36x12xf32>
  vit.weight @qkv.b : tensor<36xf32>
  vit.weight @o : tensor<12x12xf32>
  vit.weight @fc1 : tensor<40x12xf32>
  vit.weight @fc1.b : tensor<40xf32>
  vit.weight @fc2 : tensor<12x40xf32>
  // STATISTICS: vit-plan-buffers: regions = 10
  // STATISTICS: vit-plan-buffers: in-place = 1

  // Recipes: columns to panels, rows and vectors to whole vectors, heads to their stored size on the side that has them.
  // CHECK: vit.weight @patch.panels : tensor<1x16x32xf32> = [#vit.ref<@patch>, #vit.pack_panels<32>]
  // CHECK: vit.weight @cls.rows : tensor<1x32xf32> = [#vit.ref<@cls>, #vit.pad<[1, 32]>]
  // CHECK: vit.weight @gamma.pad : tensor<16xf32> = [#vit.ref<@gamma>, #vit.pad<[16]>]
  // CHECK: vit.weight @qkv.heads.panels : tensor<3x12x32xf32> = [#vit.ref<@qkv>, #vit.pad_groups<dim = 0, 6 to 16>, #vit.pack_panels<32>]
  // CHECK: vit.weight @qkv.b.heads : tensor<96xf32> = [#vit.ref<@qkv.b>, #vit.pad_groups<dim = 0, 6 to 16>]
  // CHECK: vit.weight @o.in.panels : tensor<1x32x32xf32> = [#vit.ref<@o>, #vit.pad_groups<dim = 1, 6 to 16>, #vit.pack_panels<32>]
  // CHECK: vit.weight @fc1.b.pad : tensor<64xf32> = [#vit.ref<@fc1.b>, #vit.pad<[64]>]

  // Results are arguments, and keep their names.
  // CHECK-LABEL: func.func @forward(
  // CHECK-SAME: %[[IMAGE:.*]]: memref<1x8x12xf32>, %[[OUT:.*]]: memref<1x12xf32, strided<[12, 1]>> {vit.name = "y"})
  func.func @forward(%x: tensor<1x8x12xf32>) -> (tensor<1x12xf32> {vit.name = "y"}) {
    // CHECK: %[[PATCHES:.*]] = vit.plan.buffer : memref<6x16xf32, strided<[80, 1]>>
    // CHECK: vit.plan.gather ins(%[[IMAGE]] : {{.*}}) outs(%[[PATCHES]] :
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<1x8x12xf32> -> tensor<6x16xf32>
    // The patch embedding is computed in its place behind the class token, which is copied there.
    // CHECK: %[[TOKENS:.*]] = vit.plan.buffer : memref<7x12xf32, strided<[80, 1]>>
    // CHECK: %[[PLACE:.*]] = vit.plan.view %[[TOKENS]] from 1
    // CHECK: vit.plan.gemm ins(%[[PATCHES]], {{.*}} outs(%[[PLACE]] : {{.*}} tile [13, 2] grid [1, 1, 1] images_inner flops 2304
    // CHECK: %[[FIRST:.*]] = vit.plan.view %[[TOKENS]] from 0
    // CHECK: vit.plan.copy {{.*}} outs(%[[FIRST]] :
    %pw = vit.param @patch : tensor<12x16xf32>
    %e = vit.fused_linear %p, %pw : (tensor<6x16xf32>, tensor<12x16xf32>) -> tensor<6x12xf32>
    %cls = vit.param @cls : tensor<1x12xf32>
    %t = vit.concat %cls, %e : (tensor<1x12xf32>, tensor<6x12xf32>) -> tensor<7x12xf32>
    // CHECK: vit.plan.layer_norm ins(%[[TOKENS]] : {{.*}}) gamma(
    %g = vit.param @gamma : tensor<12xf32>
    %n = vit.layer_norm %t gamma %g eps 1.0e-6 : (tensor<7x12xf32>, tensor<12xf32>) -> tensor<7x12xf32>
    // Padding is not work: 2 * 7 * 12 * 36 operations.
    // CHECK: %[[QKV:.*]] = vit.plan.buffer : memref<6x7x16xf32>
    // CHECK: vit.plan.gemm {{.*}} bias({{.*}}) outs(%[[QKV]] : memref<6x7x16xf32>) {{.*}} flops 6048
    %qkvw = vit.param @qkv : tensor<36x12xf32>
    %qkvb = vit.param @qkv.b : tensor<36xf32>
    %q = vit.fused_linear %n, %qkvw bias %qkvb heads 6 : (tensor<7x12xf32>, tensor<36x12xf32>, tensor<36xf32>) -> tensor<6x7x6xf32>
    // CHECK: %[[HEADS:.*]] = vit.plan.buffer : memref<7x32xf32, strided<[80, 1]>>
    // CHECK: vit.plan.attention ins(%[[QKV]], %[[QKV]], %[[QKV]] : {{.*}}) outs(%[[HEADS]] : {{.*}}) heads 2 planes [0, 2, 4] base2 {{.*}} flops 2352
    %a = vit.fused_attention %q, %q, %q heads 2 planes [0, 2, 4] base2
        : (tensor<6x7x6xf32>, tensor<6x7x6xf32>, tensor<6x7x6xf32>) -> tensor<7x12xf32>
    // CHECK: vit.plan.gemm ins(%[[HEADS]], {{.*}} residual(%[[TOKENS]] :
    %ow = vit.param @o : tensor<12x12xf32>
    %r = vit.fused_linear %a, %ow residual %t : (tensor<7x12xf32>, tensor<12x12xf32>, tensor<7x12xf32>) -> tensor<7x12xf32>
    // CHECK: %[[HIDDEN:.*]] = vit.plan.buffer : memref<7x40xf32, strided<[112, 1]>>
    // CHECK: vit.plan.gemm {{.*}} activation gelu_erf outs(%[[HIDDEN]] :
    %w1 = vit.param @fc1 : tensor<40x12xf32>
    %b1 = vit.param @fc1.b : tensor<40xf32>
    %h = vit.fused_linear %r, %w1 bias %b1 activation gelu_erf : (tensor<7x12xf32>, tensor<40x12xf32>, tensor<40xf32>) -> tensor<7x40xf32>
    // CHECK: %[[SUM:.*]] = vit.plan.buffer
    // CHECK: vit.plan.gemm ins(%[[HIDDEN]], {{.*}} outs(%[[SUM]] :
    %w2 = vit.param @fc2 : tensor<12x40xf32>
    %z = vit.fused_linear %h, %w2 residual %r : (tensor<7x40xf32>, tensor<12x40xf32>, tensor<7x12xf32>) -> tensor<7x12xf32>
    // CHECK: %[[ROW:.*]] = vit.plan.view %[[SUM]] from 0
    // CHECK: vit.plan.copy ins(%[[ROW]] : {{.*}}) outs(%[[OUT]] :
    %s = vit.slice %z from 0 : tensor<7x12xf32> -> tensor<1x12xf32>
    return %s : tensor<1x12xf32>
  }
}

// -----

//--- odds.mlir
// What no epilogue took, and operands of concatenations that cannot be computed in their place.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @w : tensor<5x20xf32>
  // STATISTICS: vit-plan-buffers: in-place = 1
  // CHECK-LABEL: func.func @forward(
  // Pixels are plain bytes.
  // CHECK-SAME: %{{.*}}: memref<8x8x5xi8>, %{{.*}}: memref<4x20xf32, strided<[20, 1]>>, %{{.*}}: memref<6x20xf32, strided<[20, 1]>>, %{{.*}}: memref<2x20xf32, strided<[20, 1]>>)
  func.func @forward(%x: tensor<8x8x5xui8>) -> (tensor<4x20xf32>, tensor<6x20xf32>, tensor<2x20xf32>) {
    %p = vit.extract_patches %x size [2, 2] stride [6, 6] : tensor<8x8x5xui8> -> tensor<4x20xf32>
    // A value that others read keeps a buffer of its own, and is copied; the mean is computed in its place; rows of a
    // weight are a view of the blob.
    // CHECK: %[[MEAN_PLACE:.*]] = vit.plan.view %[[ALL:.*]] from 4
    // CHECK: vit.plan.mean ins(%{{.*}}) outs(%[[MEAN_PLACE]] :
    %m = vit.mean_tokens %p : tensor<4x20xf32> -> tensor<1x20xf32>
    %w = vit.param @w : tensor<5x20xf32>
    // CHECK: %[[W:.*]] = vit.plan.weights @w.rows : memref<5x20xf32, strided<[32, 1]>>
    // CHECK: %[[ROW:.*]] = vit.plan.view %[[W]] from 3
    %s = vit.slice %w from 3 : tensor<5x20xf32> -> tensor<1x20xf32>
    // CHECK: %[[A:.*]] = vit.plan.view %[[ALL]] from 0
    // CHECK: vit.plan.copy {{.*}} outs(%[[A]] :
    // CHECK: %[[B:.*]] = vit.plan.view %[[ALL]] from 5
    // CHECK: vit.plan.copy ins(%[[ROW]] : {{.*}}) outs(%[[B]] :
    %c = vit.concat %p, %m, %s : (tensor<4x20xf32>, tensor<1x20xf32>, tensor<1x20xf32>) -> tensor<6x20xf32>
    // CHECK: vit.plan.map {{.*}} factor 1.000000e+00 chunks 1
    %a = vit.add %p, %p : tensor<4x20xf32>
    // CHECK: vit.plan.map {{.*}} factor 1.000000e+00 activation tanh chunks 1
    %t = vit.activation tanh %a : tensor<4x20xf32>
    // CHECK: vit.plan.map {{.*}} factor 0.33333333333333331 chunks 1
    %v = vit.average %t, %a, %p : (tensor<4x20xf32>, tensor<4x20xf32>, tensor<4x20xf32>) -> tensor<4x20xf32>
    %l = vit.slice %c from 4 : tensor<6x20xf32> -> tensor<2x20xf32>
    return %v, %c, %l : tensor<4x20xf32>, tensor<6x20xf32>, tensor<2x20xf32>
  }
}

// -----

//--- levels.mlir
// Another level: other tiles, the same packing.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  vit.weight @w : tensor<768x768xf32>
  // CHECK-LABEL: func.func @forward
  // CHECK-DAG: vit.plan.weights @w.panels : memref<24x768x32xf32>
  // CHECK-DAG: vit.plan.gemm {{.*}} tile [6, 2] grid [1, 24, 4] fine 19 flops 232390656
  func.func @forward(%x: tensor<3x16x3152xf32>) -> tensor<197x768xf32> {
    %p = vit.extract_patches %x size [16, 16] stride [16, 16] : tensor<3x16x3152xf32> -> tensor<197x768xf32>
    %w = vit.param @w : tensor<768x768xf32>
    %y = vit.fused_linear %p, %w : (tensor<197x768xf32>, tensor<768x768xf32>) -> tensor<197x768xf32>
    return %y : tensor<197x768xf32>
  }
}

// -----

//--- bytes.mlir
// Rows that only products of bytes read leave the norm as bytes, and nowhere else; what a product leaves is quantized
// where it lies. A norm that is read as numbers, too, is stored as numbers and quantized from there.
module attributes {vit.isa = #vit.isa<"znver4", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = dot, int8 = dot>} {
  vit.weight @w1 : tensor<64x48xf32>
  vit.weight @w2 : tensor<48x64xf32>
  // CHECK-LABEL: func.func @bytes
  func.func @bytes(%x: tensor<3x8x12xf32>) -> (tensor<6x48xf32>, tensor<6x48xf32>) {
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<3x8x12xf32> -> tensor<6x48xf32>
    // CHECK: %[[BYTES:.*]] = vit.plan.buffer : memref<6x48xi8, strided<[256, 1]>>
    // CHECK: %[[SCALES:.*]] = vit.plan.buffer : memref<6xf32>
    // CHECK: vit.plan.layer_norm ins(%{{.*}}) outs(%[[BYTES]] : {{.*}}) scales(%[[SCALES]] : memref<6xf32>)
    // CHECK-NOT: vit.plan.quantize
    // CHECK: vit.plan.gemm ins(%[[BYTES]], {{.*}} row_scales(%[[SCALES]] : {{.*}} outs(%[[HIDDEN:.*]] : memref<6x64xbf16
    %n = vit.layer_norm %p eps 1.0e-6 : (tensor<6x48xf32>) -> tensor<6x48xf32>
    %w1 = vit.param @w1 : tensor<64x48xf32>
    %h = vit.fused_linear %n, %w1 activation gelu_erf dot int8 : (tensor<6x48xf32>, tensor<64x48xf32>) -> tensor<6x64xf32>
    // CHECK: vit.plan.quantize ins(%[[HIDDEN]] :
    // CHECK: vit.plan.gemm
    %w2 = vit.param @w2 : tensor<48x64xf32>
    %y = vit.fused_linear %h, %w2 dot int8 : (tensor<6x64xf32>, tensor<48x64xf32>) -> tensor<6x48xf32>
    // CHECK: vit.plan.layer_norm ins(%{{.*}}) outs(%[[NORM:.*]] : memref<6x48xf32,
    // CHECK: vit.plan.quantize ins(%[[NORM]] :
    // CHECK: vit.plan.gemm
    %m = vit.layer_norm %y eps 1.0e-6 : (tensor<6x48xf32>) -> tensor<6x48xf32>
    %z = vit.fused_linear %m, %w1 activation gelu_erf dot int8 : (tensor<6x48xf32>, tensor<64x48xf32>) -> tensor<6x64xf32>
    %r = vit.fused_linear %z, %w2 residual %m dot int8 : (tensor<6x64xf32>, tensor<48x64xf32>, tensor<6x48xf32>) -> tensor<6x48xf32>
    return %y, %r : tensor<6x48xf32>, tensor<6x48xf32>
  }
}

// -----

//--- static.mlir
// A scale that all rows share lies in the blob, one entry a row, and nobody looks for a row's largest. A value that
// two layers read with different scales is quantized for each.
module attributes {vit.isa = #vit.isa<"znver4", lanes = 16, tile = 13 x 2, panel = 32, fma = true, bf16 = dot, int8 = dot>} {
  vit.weight @blk.0.fc1.w : tensor<64x48xf32>
  vit.weight @blk.0.fc2.w : tensor<48x64xf32>
  // CHECK-DAG: vit.weight @blk.0.fc1.input_scale : tensor<6xf32> = [#vit.fill<[6], 2.500000e-01 : f64>]
  // CHECK-DAG: vit.weight @blk.0.fc2.input_scale : tensor<6xf32> = [#vit.fill<[6], 5.000000e-01 : f64>]
  // CHECK-LABEL: func.func @static
  func.func @static(%x: tensor<3x8x12xf32>) -> tensor<6x48xf32> {
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<3x8x12xf32> -> tensor<6x48xf32>
    // CHECK: %[[ONE:.*]] = vit.plan.weights @blk.0.fc1.input_scale : memref<6xf32>
    // CHECK: vit.plan.layer_norm {{.*}} outs(%[[BYTES:.*]] : memref<6x48xi8, {{.*}}) scales(%[[ONE]] : memref<6xf32>) given
    // CHECK: vit.plan.gemm ins(%[[BYTES]], {{.*}} row_scales(%[[ONE]] :
    %n = vit.layer_norm %p eps 1.0e-6 : (tensor<6x48xf32>) -> tensor<6x48xf32>
    %w1 = vit.param @blk.0.fc1.w : tensor<64x48xf32>
    %h = vit.fused_linear %n, %w1 activation gelu_erf dot int8 input_scale 0.25
        : (tensor<6x48xf32>, tensor<64x48xf32>) -> tensor<6x64xf32>
    // CHECK: %[[TWO:.*]] = vit.plan.weights @blk.0.fc2.input_scale : memref<6xf32>
    // CHECK: vit.plan.quantize {{.*}} outs(%{{.*}}, %[[TWO]] : {{.*}} given
    // CHECK: row_scales(%[[TWO]] :
    %w2 = vit.param @blk.0.fc2.w : tensor<48x64xf32>
    %y = vit.fused_linear %h, %w2 dot int8 input_scale 0.5 : (tensor<6x64xf32>, tensor<48x64xf32>) -> tensor<6x48xf32>
    // CHECK: vit.plan.quantize {{.*}} outs(%{{.*}}, %[[ONE]] : {{.*}} given
    // CHECK: row_scales(%[[ONE]] :
    // CHECK: vit.plan.quantize {{.*}} outs(%{{.*}}, %[[TWO]] : {{.*}} given
    // CHECK: row_scales(%[[TWO]] :
    %z = vit.fused_linear %y, %w1 dot int8 input_scale 0.25 : (tensor<6x48xf32>, tensor<64x48xf32>) -> tensor<6x64xf32>
    %v = vit.fused_linear %y, %w1 dot int8 input_scale 0.5 : (tensor<6x48xf32>, tensor<64x48xf32>) -> tensor<6x64xf32>
    %s = vit.add %z, %v : tensor<6x64xf32>
    %o = vit.fused_linear %s, %w2 residual %y dot int8 input_scale 0.5
        : (tensor<6x64xf32>, tensor<48x64xf32>, tensor<6x48xf32>) -> tensor<6x48xf32>
    return %o : tensor<6x48xf32>
  }
}

// -----

//--- pools.mlir
// Pools and what becomes of them, side by side; an image with zeros around it, and its channels last.
module attributes {vit.isa = #vit.isa<"x86-64-v3", lanes = 8, tile = 6 x 2, panel = 32, fma = true>} {
  // CHECK-LABEL: func.func @pools
  func.func @pools(%x: tensor<8x11x3xf32>) -> tensor<1x144xf32> {
    // CHECK: vit.plan.gather {{.*}} {channels_last, padding = array<i64: 0, 0, 0, 1>}
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] {channels_last, padding = array<i64: 0, 0, 0, 1>}
        : tensor<8x11x3xf32> -> tensor<6x48xf32>
    // CHECK: %[[MAX:.*]] = vit.plan.buffer : memref<1x48xf32, {{.*}}>
    // CHECK: vit.plan.max ins(%{{.*}}) outs(%[[MAX]] :
    %max = vit.max_tokens %p : tensor<6x48xf32> -> tensor<1x48xf32>
    // CHECK: %[[MEAN:.*]] = vit.plan.buffer
    // CHECK: vit.plan.mean
    %mean = vit.mean_tokens %p : tensor<6x48xf32> -> tensor<1x48xf32>
    // CHECK: %[[CLS:.*]] = vit.plan.view
    %cls = vit.slice %p from 0 : tensor<6x48xf32> -> tensor<1x48xf32>
    // CHECK: %[[ALL:.*]] = vit.plan.buffer : memref<1x144xf32, {{.*}}>
    // CHECK: vit.plan.join ins(%[[CLS]], %[[MEAN]], %[[MAX]] : {{.*}}) outs(%[[ALL]] : {{.*}}) chunks 1
    %y = vit.concat_channels %cls, %mean, %max
        : (tensor<1x48xf32>, tensor<1x48xf32>, tensor<1x48xf32>) -> tensor<1x144xf32>
    return %y : tensor<1x144xf32>
  }
}
