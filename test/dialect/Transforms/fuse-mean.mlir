// Mean of patches, norm after pooling, a tanh layer before the head, positions on patches only: the rows of the prefix
// are dead in the last block.
// RUN: vit-opt %s --vit-fuse -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12
// RUN: vit-opt %s --vit-fuse | FileCheck %s --implicit-check-not='vit.{{(linear|attention|patch_embed|normalize_image|layer_scale|add)}} %' --implicit-check-not=gamma

vit.weight @embed.patch.w : tensor<8x2x2x2xf32>
vit.weight @embed.patch.b : tensor<8xf32>
vit.weight @embed.cls : tensor<1x8xf32>
vit.weight @embed.pos : tensor<6x8xf32>
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
vit.weight @head.pre.w : tensor<8x8xf32>
vit.weight @head.pre.b : tensor<8xf32>
vit.weight @head.main.w : tensor<3x8xf32>
vit.weight @head.main.b : tensor<3xf32>

// CHECK-LABEL: func.func @forward_u8(
// CHECK:         vit.fused_attention {{.*}} : (tensor<2x6x4xf32>, tensor<4x7x4xf32>, tensor<4x7x4xf32>) -> tensor<6x8xf32>
// CHECK:         %[[MEAN:.*]] = vit.mean_tokens
// CHECK:         %[[N:.*]] = vit.layer_norm %[[MEAN]] eps
// CHECK:         %[[PRE:.*]] = vit.fused_linear %[[N]], {{.*}} activation tanh
// CHECK:         vit.fused_linear %[[PRE]]
func.func @forward_u8(%pixels: tensor<4x6x2xui8>) -> tensor<1x3xf32> {
  %image = vit.normalize_image %pixels scale 0.00392156862745098 mean [0.5, 0.4] std [0.25, 0.2]
      : tensor<4x6x2xui8> -> tensor<2x4x6xf32>
  %embed.patch.w = vit.param @embed.patch.w : tensor<8x2x2x2xf32>
  %embed.patch.b = vit.param @embed.patch.b : tensor<8xf32>
  %patches = vit.patch_embed %image, %embed.patch.w bias %embed.patch.b stride [2, 2]
      : (tensor<2x4x6xf32>, tensor<8x2x2x2xf32>, tensor<8xf32>) -> tensor<6x8xf32>
  %embed.pos = vit.param @embed.pos : tensor<6x8xf32>
  %placed = vit.add %patches, %embed.pos : tensor<6x8xf32>
  %embed.cls = vit.param @embed.cls : tensor<1x8xf32>
  %tokens = vit.concat %embed.cls, %placed : (tensor<1x8xf32>, tensor<6x8xf32>) -> tensor<7x8xf32>
  %blk.0.ln1.w = vit.param @blk.0.ln1.w : tensor<8xf32>
  %blk.0.ln1.b = vit.param @blk.0.ln1.b : tensor<8xf32>
  %blk.0.n1 = vit.layer_norm %tokens gamma %blk.0.ln1.w beta %blk.0.ln1.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.q.w = vit.param @blk.0.q.w : tensor<8x8xf32>
  %blk.0.q.b = vit.param @blk.0.q.b : tensor<8xf32>
  %blk.0.q = vit.linear %blk.0.n1, %blk.0.q.w bias %blk.0.q.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.k.w = vit.param @blk.0.k.w : tensor<8x8xf32>
  %blk.0.k.b = vit.param @blk.0.k.b : tensor<8xf32>
  %blk.0.k = vit.linear %blk.0.n1, %blk.0.k.w bias %blk.0.k.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.v.w = vit.param @blk.0.v.w : tensor<8x8xf32>
  %blk.0.v.b = vit.param @blk.0.v.b : tensor<8xf32>
  %blk.0.v = vit.linear %blk.0.n1, %blk.0.v.w bias %blk.0.v.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.a = vit.attention %blk.0.q, %blk.0.k, %blk.0.v heads 2 scale 0.5
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<7x8xf32>
  %blk.0.o.w = vit.param @blk.0.o.w : tensor<8x8xf32>
  %blk.0.o.b = vit.param @blk.0.o.b : tensor<8xf32>
  %blk.0.o = vit.linear %blk.0.a, %blk.0.o.w bias %blk.0.o.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.r = vit.add %tokens, %blk.0.o : tensor<7x8xf32>
  %blk.0.ln2.w = vit.param @blk.0.ln2.w : tensor<8xf32>
  %blk.0.ln2.b = vit.param @blk.0.ln2.b : tensor<8xf32>
  %blk.0.n2 = vit.layer_norm %blk.0.r gamma %blk.0.ln2.w beta %blk.0.ln2.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.fc1.w = vit.param @blk.0.fc1.w : tensor<16x8xf32>
  %blk.0.fc1.b = vit.param @blk.0.fc1.b : tensor<16xf32>
  %blk.0.fc1 = vit.linear %blk.0.n2, %blk.0.fc1.w bias %blk.0.fc1.b
      : (tensor<7x8xf32>, tensor<16x8xf32>, tensor<16xf32>) -> tensor<7x16xf32>
  %blk.0.act = vit.activation gelu_erf %blk.0.fc1 : tensor<7x16xf32>
  %blk.0.fc2.w = vit.param @blk.0.fc2.w : tensor<8x16xf32>
  %blk.0.fc2.b = vit.param @blk.0.fc2.b : tensor<8xf32>
  %blk.0.fc2 = vit.linear %blk.0.act, %blk.0.fc2.w bias %blk.0.fc2.b
      : (tensor<7x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.y = vit.add %blk.0.r, %blk.0.fc2 : tensor<7x8xf32>
  %some = vit.slice %blk.0.y from 1 : tensor<7x8xf32> -> tensor<6x8xf32>
  %mean = vit.mean_tokens %some : tensor<6x8xf32> -> tensor<1x8xf32>
  %final.norm.w = vit.param @final.norm.w : tensor<8xf32>
  %final.norm.b = vit.param @final.norm.b : tensor<8xf32>
  %normed = vit.layer_norm %mean gamma %final.norm.w beta %final.norm.b eps 1.0e-6
      : (tensor<1x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<1x8xf32>
  %head.pre.w = vit.param @head.pre.w : tensor<8x8xf32>
  %head.pre.b = vit.param @head.pre.b : tensor<8xf32>
  %pre = vit.linear %normed, %head.pre.w bias %head.pre.b
      : (tensor<1x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<1x8xf32>
  %tanh = vit.activation tanh %pre : tensor<1x8xf32>
  %head.main.w = vit.param @head.main.w : tensor<3x8xf32>
  %head.main.b = vit.param @head.main.b : tensor<3xf32>
  %logits = vit.linear %tanh, %head.main.w bias %head.main.b
      : (tensor<1x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %logits : tensor<1x3xf32>
}
