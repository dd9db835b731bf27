// A distilled classifier with two heads and layer scale: the last block computes the two rows that the heads read.
// RUN: vit-opt %s --vit-fuse -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12
// RUN: vit-opt %s --vit-fuse | FileCheck %s --implicit-check-not='vit.{{(linear|attention|patch_embed|normalize_image|layer_scale|add)}} %' --implicit-check-not=gamma

// CHECK: vit.weight @embed.cls_dist : tensor<2x8xf32>

vit.weight @embed.patch.w : tensor<8x2x2x2xf32>
vit.weight @embed.patch.b : tensor<8xf32>
vit.weight @embed.cls : tensor<1x8xf32>
vit.weight @embed.dist : tensor<1x8xf32>
vit.weight @embed.pos : tensor<8x8xf32>
vit.weight @blk.0.ln1.w : tensor<8xf32>
vit.weight @blk.0.ln1.b : tensor<8xf32>
vit.weight @blk.0.q.w : tensor<8x8xf32>
vit.weight @blk.0.q.b : tensor<8xf32>
vit.weight @blk.0.k.w : tensor<8x8xf32>
vit.weight @blk.0.k.b : tensor<8xf32>
vit.weight @blk.0.v.w : tensor<8x8xf32>
vit.weight @blk.0.v.b : tensor<8xf32>
vit.weight @blk.0.o.w : tensor<8x8xf32>
vit.weight @blk.0.o.b : tensor<8xf32>
vit.weight @blk.0.ls1 : tensor<8xf32>
vit.weight @blk.0.ln2.w : tensor<8xf32>
vit.weight @blk.0.ln2.b : tensor<8xf32>
vit.weight @blk.0.fc1.w : tensor<16x8xf32>
vit.weight @blk.0.fc1.b : tensor<16xf32>
vit.weight @blk.0.fc2.w : tensor<8x16xf32>
vit.weight @blk.0.fc2.b : tensor<8xf32>
vit.weight @blk.0.ls2 : tensor<8xf32>
vit.weight @final.norm.w : tensor<8xf32>
vit.weight @final.norm.b : tensor<8xf32>
vit.weight @head.main.w : tensor<3x8xf32>
vit.weight @head.main.b : tensor<3xf32>
vit.weight @head.dist.w : tensor<3x8xf32>
vit.weight @head.dist.b : tensor<3xf32>

// CHECK-LABEL: func.func @forward(
// CHECK:         vit.concat %{{.*}} : (tensor<2x8xf32>, tensor<6x8xf32>) -> tensor<8x8xf32>
// CHECK:         vit.fused_attention {{.*}} planes [0, 0, 2] base2 : {{.*}} -> tensor<2x8xf32>
// CHECK:         %[[CLS:.*]] = vit.slice %[[N:.*]] from 0 : tensor<2x8xf32> -> tensor<1x8xf32>
// CHECK:         %[[MAIN:.*]] = vit.fused_linear %[[CLS]]
// CHECK:         %[[DIST:.*]] = vit.slice %[[N]] from 1
// CHECK:         %[[OTHER:.*]] = vit.fused_linear %[[DIST]]
// CHECK:         vit.average %[[MAIN]], %[[OTHER]]
func.func @forward(%image: tensor<2x4x6xf32>) -> tensor<1x3xf32> {
  %embed.patch.w = vit.param @embed.patch.w : tensor<8x2x2x2xf32>
  %embed.patch.b = vit.param @embed.patch.b : tensor<8xf32>
  %patches = vit.patch_embed %image, %embed.patch.w bias %embed.patch.b stride [2, 2]
      : (tensor<2x4x6xf32>, tensor<8x2x2x2xf32>, tensor<8xf32>) -> tensor<6x8xf32>
  %embed.cls = vit.param @embed.cls : tensor<1x8xf32>
  %embed.dist = vit.param @embed.dist : tensor<1x8xf32>
  %tokens = vit.concat %embed.cls, %embed.dist, %patches
      : (tensor<1x8xf32>, tensor<1x8xf32>, tensor<6x8xf32>) -> tensor<8x8xf32>
  %embed.pos = vit.param @embed.pos : tensor<8x8xf32>
  %x0 = vit.add %tokens, %embed.pos : tensor<8x8xf32>
  %blk.0.ln1.w = vit.param @blk.0.ln1.w : tensor<8xf32>
  %blk.0.ln1.b = vit.param @blk.0.ln1.b : tensor<8xf32>
  %blk.0.n1 = vit.layer_norm %x0 gamma %blk.0.ln1.w beta %blk.0.ln1.b eps 1.0e-6
      : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.q.w = vit.param @blk.0.q.w : tensor<8x8xf32>
  %blk.0.q.b = vit.param @blk.0.q.b : tensor<8xf32>
  %blk.0.q = vit.linear %blk.0.n1, %blk.0.q.w bias %blk.0.q.b
      : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.k.w = vit.param @blk.0.k.w : tensor<8x8xf32>
  %blk.0.k.b = vit.param @blk.0.k.b : tensor<8xf32>
  %blk.0.k = vit.linear %blk.0.n1, %blk.0.k.w bias %blk.0.k.b
      : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.v.w = vit.param @blk.0.v.w : tensor<8x8xf32>
  %blk.0.v.b = vit.param @blk.0.v.b : tensor<8xf32>
  %blk.0.v = vit.linear %blk.0.n1, %blk.0.v.w bias %blk.0.v.b
      : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.a = vit.attention %blk.0.q, %blk.0.k, %blk.0.v heads 2 scale 0.5
      : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %blk.0.o.w = vit.param @blk.0.o.w : tensor<8x8xf32>
  %blk.0.o.b = vit.param @blk.0.o.b : tensor<8xf32>
  %blk.0.o = vit.linear %blk.0.a, %blk.0.o.w bias %blk.0.o.b
      : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.ls1 = vit.param @blk.0.ls1 : tensor<8xf32>
  %blk.0.os = vit.layer_scale %blk.0.o, %blk.0.ls1 : (tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.r = vit.add %x0, %blk.0.os : tensor<8x8xf32>
  %blk.0.ln2.w = vit.param @blk.0.ln2.w : tensor<8xf32>
  %blk.0.ln2.b = vit.param @blk.0.ln2.b : tensor<8xf32>
  %blk.0.n2 = vit.layer_norm %blk.0.r gamma %blk.0.ln2.w beta %blk.0.ln2.b eps 1.0e-6
      : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.fc1.w = vit.param @blk.0.fc1.w : tensor<16x8xf32>
  %blk.0.fc1.b = vit.param @blk.0.fc1.b : tensor<16xf32>
  %blk.0.fc1 = vit.linear %blk.0.n2, %blk.0.fc1.w bias %blk.0.fc1.b
      : (tensor<8x8xf32>, tensor<16x8xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  %blk.0.act = vit.activation gelu_erf %blk.0.fc1 : tensor<8x16xf32>
  %blk.0.fc2.w = vit.param @blk.0.fc2.w : tensor<8x16xf32>
  %blk.0.fc2.b = vit.param @blk.0.fc2.b : tensor<8xf32>
  %blk.0.fc2 = vit.linear %blk.0.act, %blk.0.fc2.w bias %blk.0.fc2.b
      : (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.ls2 = vit.param @blk.0.ls2 : tensor<8xf32>
  %blk.0.fs = vit.layer_scale %blk.0.fc2, %blk.0.ls2 : (tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.y = vit.add %blk.0.r, %blk.0.fs : tensor<8x8xf32>
  %final.norm.w = vit.param @final.norm.w : tensor<8xf32>
  %final.norm.b = vit.param @final.norm.b : tensor<8xf32>
  %features = vit.layer_norm %blk.0.y gamma %final.norm.w beta %final.norm.b eps 1.0e-6
      : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %token.main = vit.slice %features from 0 : tensor<8x8xf32> -> tensor<1x8xf32>
  %head.main.w = vit.param @head.main.w : tensor<3x8xf32>
  %head.main.b = vit.param @head.main.b : tensor<3xf32>
  %logits.main = vit.linear %token.main, %head.main.w bias %head.main.b
      : (tensor<1x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  %token.dist = vit.slice %features from 1 : tensor<8x8xf32> -> tensor<1x8xf32>
  %head.dist.w = vit.param @head.dist.w : tensor<3x8xf32>
  %head.dist.b = vit.param @head.dist.b : tensor<3xf32>
  %logits.dist = vit.linear %token.dist, %head.dist.w bias %head.dist.b
      : (tensor<1x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  %logits = vit.average %logits.main, %logits.dist : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  return %logits : tensor<1x3xf32>
}
