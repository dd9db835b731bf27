// No head: the features of all tokens are a result, so that no row is dead and the last norm keeps gamma and beta. A norm
// before the first block feeds the residual connection and keeps its own. Registers have no positions.
// RUN: vit-opt %s --vit-fuse -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12
// RUN: vit-opt %s --vit-fuse | FileCheck %s --implicit-check-not='vit.{{(linear|attention|patch_embed|normalize_image|layer_scale|add)}} %'

vit.weight @embed.patch.w : tensor<8x2x2x2xf32>
vit.weight @embed.patch.b : tensor<8xf32>
vit.weight @embed.cls : tensor<1x8xf32>
vit.weight @embed.reg : tensor<1x8xf32>
vit.weight @embed.pos : tensor<7x8xf32>
vit.weight @embed.pre_norm.w : tensor<8xf32>
vit.weight @embed.pre_norm.b : tensor<8xf32>
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
vit.weight @blk.0.ln2.w : tensor<8xf32>
vit.weight @blk.0.ln2.b : tensor<8xf32>
vit.weight @blk.0.fc1.w : tensor<16x8xf32>
vit.weight @blk.0.fc1.b : tensor<16xf32>
vit.weight @blk.0.fc2.w : tensor<8x16xf32>
vit.weight @blk.0.fc2.b : tensor<8xf32>
vit.weight @final.norm.w : tensor<8xf32>
vit.weight @final.norm.b : tensor<8xf32>

// CHECK-LABEL: func.func @forward(
// CHECK:         vit.param @embed.cls_reg
// CHECK:         vit.layer_norm {{.*}} gamma {{.*}} beta
// CHECK:         vit.layer_norm %{{.*}} eps
// CHECK:         vit.fused_attention {{.*}} planes [0, 2, 4] base2 : {{.*}} -> tensor<8x8xf32>
// CHECK:         vit.layer_norm %{{.*}} eps
// CHECK:         %[[FEATURES:.*]] = vit.layer_norm {{.*}} gamma {{.*}} beta {{.*}} -> tensor<8x8xf32>
// CHECK:         %[[POOLED:.*]] = vit.slice %[[FEATURES]] from 0
// CHECK:         return %[[FEATURES]], %[[POOLED]]
func.func @forward(%image: tensor<2x4x6xf32>) -> (tensor<8x8xf32>, tensor<1x8xf32>) {
  %embed.patch.w = vit.param @embed.patch.w : tensor<8x2x2x2xf32>
  %embed.patch.b = vit.param @embed.patch.b : tensor<8xf32>
  %patches = vit.patch_embed %image, %embed.patch.w bias %embed.patch.b stride [2, 2]
      : (tensor<2x4x6xf32>, tensor<8x2x2x2xf32>, tensor<8xf32>) -> tensor<6x8xf32>
  %embed.cls = vit.param @embed.cls : tensor<1x8xf32>
  %both = vit.concat %embed.cls, %patches : (tensor<1x8xf32>, tensor<6x8xf32>) -> tensor<7x8xf32>
  %embed.pos = vit.param @embed.pos : tensor<7x8xf32>
  %placed = vit.add %both, %embed.pos : tensor<7x8xf32>
  %cls = vit.slice %placed from 0 : tensor<7x8xf32> -> tensor<1x8xf32>
  %embed.reg = vit.param @embed.reg : tensor<1x8xf32>
  %rest = vit.slice %placed from 1 : tensor<7x8xf32> -> tensor<6x8xf32>
  %tokens = vit.concat %cls, %embed.reg, %rest
      : (tensor<1x8xf32>, tensor<1x8xf32>, tensor<6x8xf32>) -> tensor<8x8xf32>
  %embed.pre_norm.w = vit.param @embed.pre_norm.w : tensor<8xf32>
  %embed.pre_norm.b = vit.param @embed.pre_norm.b : tensor<8xf32>
  %xn = vit.layer_norm %tokens gamma %embed.pre_norm.w beta %embed.pre_norm.b eps 1.0e-6
      : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %blk.0.ln1.w = vit.param @blk.0.ln1.w : tensor<8xf32>
  %blk.0.ln1.b = vit.param @blk.0.ln1.b : tensor<8xf32>
  %blk.0.n1 = vit.layer_norm %xn gamma %blk.0.ln1.w beta %blk.0.ln1.b eps 1.0e-6
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
  %blk.0.r = vit.add %xn, %blk.0.o : tensor<8x8xf32>
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
  %blk.0.y = vit.add %blk.0.r, %blk.0.fc2 : tensor<8x8xf32>
  %final.norm.w = vit.param @final.norm.w : tensor<8xf32>
  %final.norm.b = vit.param @final.norm.b : tensor<8xf32>
  %features = vit.layer_norm %blk.0.y gamma %final.norm.w beta %final.norm.b eps 1.0e-6
      : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %pooled = vit.slice %features from 0 : tensor<8x8xf32> -> tensor<1x8xf32>
  return %features, %pooled : tensor<8x8xf32>, tensor<1x8xf32>
}
