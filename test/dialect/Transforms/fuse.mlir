// A whole classifier of two blocks, through the pipeline.
// RUN: vit-opt %s --vit-fuse -o %t.mlir && vit-interp %s %t.mlir --bound 1e-12
// RUN: vit-opt %s --vit-fuse | FileCheck %s --implicit-check-not='vit.{{(linear|attention|patch_embed|normalize_image|layer_scale|add)}} %' --implicit-check-not=gamma
// RUN: vit-opt %s --vit-fuse=statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=STATISTICS

// Norms may keep their affine part.
// RUN: vit-opt %s --vit-fuse=fold-norm-affine=false -o %t.affine.mlir && vit-interp %s %t.affine.mlir --bound 1e-12
// RUN: FileCheck %s --check-prefix=AFFINE --input-file %t.affine.mlir
// AFFINE-COUNT-10: vit.layer_norm {{.*}} gamma

// STATISTICS-DAG: vit-fold-image-normalization: images-folded = 1
// STATISTICS-DAG: vit-fold-position-embedding: tables-folded = 2
// STATISTICS-DAG: vit-drop-dead-rows: rows-dropped = 60
// STATISTICS-DAG: vit-fold-norm-affine: norms-folded = 10
// STATISTICS-DAG: vit-fold-attention-scale: scales-folded = 4
// STATISTICS-DAG: vit-lower-patch-embed: patch-embeddings-lowered = 2
// STATISTICS-DAG: vit-fuse-attention: attentions-fused = 4
// STATISTICS-DAG: vit-pack-qkv: projections-packed = 10
// STATISTICS-DAG: vit-fuse-linear: residuals-fused = 5

// One symbol for both functions, and none for steps on the way.
// CHECK:     vit.weight @blk.0.qkv.w : tensor<24x8xf32>
// CHECK-NOT: vit.weight @blk.0.qkv.w
// CHECK-NOT: vit.weight @blk.0.q.w.

vit.weight @embed.patch.w : tensor<8x2x2x2xf32>
vit.weight @embed.patch.b : tensor<8xf32>
vit.weight @embed.cls : tensor<1x8xf32>
vit.weight @embed.pos : tensor<7x8xf32>
vit.weight @blk.0.ln1.w : tensor<8xf32>
vit.weight @blk.0.ln1.b : tensor<8xf32>
vit.weight @blk.0.q.w : tensor<8x8xf32>
vit.weight @blk.0.q.b : tensor<8xf32>
vit.weight @blk.0.k.w : tensor<8x8xf32>
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
vit.weight @blk.1.ln1.w : tensor<8xf32>
vit.weight @blk.1.ln1.b : tensor<8xf32>
vit.weight @blk.1.q.w : tensor<8x8xf32>
vit.weight @blk.1.q.b : tensor<8xf32>
vit.weight @blk.1.k.w : tensor<8x8xf32>
vit.weight @blk.1.v.w : tensor<8x8xf32>
vit.weight @blk.1.v.b : tensor<8xf32>
vit.weight @blk.1.o.w : tensor<8x8xf32>
vit.weight @blk.1.o.b : tensor<8xf32>
vit.weight @blk.1.ln2.w : tensor<8xf32>
vit.weight @blk.1.ln2.b : tensor<8xf32>
vit.weight @blk.1.fc1.w : tensor<16x8xf32>
vit.weight @blk.1.fc1.b : tensor<16xf32>
vit.weight @blk.1.fc2.w : tensor<8x16xf32>
vit.weight @blk.1.fc2.b : tensor<8xf32>
vit.weight @final.norm.w : tensor<8xf32>
vit.weight @final.norm.b : tensor<8xf32>
vit.weight @head.main.w : tensor<3x8xf32>
vit.weight @head.main.b : tensor<3xf32>

// CHECK-LABEL: func.func @forward(
// CHECK-SAME:    %[[IMAGE:.*]]: tensor<2x4x6xf32>)
// CHECK:         %[[P:.*]] = vit.extract_patches %[[IMAGE]]
// CHECK:         %[[CLS:.*]] = vit.param @embed.cls.pos
// CHECK:         %[[POS:.*]] = vit.param @embed.pos.rows_1_6
// CHECK:         %[[E:.*]] = vit.fused_linear %[[P]], %{{.*}} bias %{{.*}} residual %[[POS]]
// CHECK:         %[[X:.*]] = vit.concat %[[CLS]], %[[E]]
// CHECK:         %[[N1:.*]] = vit.layer_norm %[[X]] eps
// CHECK:         %[[QKV:.*]] = vit.fused_linear %[[N1]], %{{.*}} bias %{{.*}} heads 6
// CHECK:         %[[A:.*]] = vit.fused_attention %[[QKV]], %[[QKV]], %[[QKV]] heads 2 planes [0, 2, 4] base2
// CHECK:         %[[R:.*]] = vit.fused_linear %[[A]], %{{.*}} bias %{{.*}} residual %[[X]]
// CHECK:         %[[N2:.*]] = vit.layer_norm %[[R]] eps
// CHECK:         %[[H:.*]] = vit.fused_linear %[[N2]], %{{.*}} bias %{{.*}} activation gelu_erf
// CHECK:         %[[Y:.*]] = vit.fused_linear %[[H]], %{{.*}} bias %{{.*}} residual %[[R]] {{.*}} -> tensor<7x8xf32>
// The last block: one row from the query on.
// CHECK:         %[[M1:.*]] = vit.layer_norm %[[Y]] eps
// CHECK:         %[[MROW:.*]] = vit.slice %[[M1]] from 0
// CHECK:         %[[Q:.*]] = vit.fused_linear %[[MROW]], %{{.*}} heads 2 {{.*}} -> tensor<2x1x4xf32>
// CHECK:         %[[KV:.*]] = vit.fused_linear %[[M1]], %{{.*}} heads 4 {{.*}} -> tensor<4x7x4xf32>
// CHECK:         %[[B:.*]] = vit.fused_attention %[[Q]], %[[KV]], %[[KV]] heads 2 planes [0, 0, 2] base2
// CHECK:         %[[YROW:.*]] = vit.slice %[[Y]] from 0
// CHECK:         %[[S:.*]] = vit.fused_linear %[[B]], %{{.*}} residual %[[YROW]]
// CHECK:         %[[M2:.*]] = vit.layer_norm %[[S]] eps
// CHECK:         %[[G:.*]] = vit.fused_linear %[[M2]], %{{.*}} activation gelu_erf
// CHECK:         %[[Z:.*]] = vit.fused_linear %[[G]], %{{.*}} residual %[[S]] {{.*}} -> tensor<1x8xf32>
// CHECK:         %[[F:.*]] = vit.layer_norm %[[Z]] eps
// CHECK:         %[[LOGITS:.*]] = vit.fused_linear %[[F]]
// CHECK:         return %[[LOGITS]]
func.func @forward(%image: tensor<2x4x6xf32>) -> tensor<1x3xf32> {
  %embed.patch.w = vit.param @embed.patch.w : tensor<8x2x2x2xf32>
  %embed.patch.b = vit.param @embed.patch.b : tensor<8xf32>
  %patches = vit.patch_embed %image, %embed.patch.w bias %embed.patch.b stride [2, 2]
      : (tensor<2x4x6xf32>, tensor<8x2x2x2xf32>, tensor<8xf32>) -> tensor<6x8xf32>
  %embed.cls = vit.param @embed.cls : tensor<1x8xf32>
  %tokens = vit.concat %embed.cls, %patches : (tensor<1x8xf32>, tensor<6x8xf32>) -> tensor<7x8xf32>
  %embed.pos = vit.param @embed.pos : tensor<7x8xf32>
  %x0 = vit.add %tokens, %embed.pos : tensor<7x8xf32>
  %blk.0.ln1.w = vit.param @blk.0.ln1.w : tensor<8xf32>
  %blk.0.ln1.b = vit.param @blk.0.ln1.b : tensor<8xf32>
  %blk.0.n1 = vit.layer_norm %x0 gamma %blk.0.ln1.w beta %blk.0.ln1.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.q.w = vit.param @blk.0.q.w : tensor<8x8xf32>
  %blk.0.q.b = vit.param @blk.0.q.b : tensor<8xf32>
  %blk.0.q = vit.linear %blk.0.n1, %blk.0.q.w bias %blk.0.q.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.k.w = vit.param @blk.0.k.w : tensor<8x8xf32>
  %blk.0.k = vit.linear %blk.0.n1, %blk.0.k.w : (tensor<7x8xf32>, tensor<8x8xf32>) -> tensor<7x8xf32>
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
  %blk.0.r = vit.add %x0, %blk.0.o : tensor<7x8xf32>
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
  %blk.1.ln1.w = vit.param @blk.1.ln1.w : tensor<8xf32>
  %blk.1.ln1.b = vit.param @blk.1.ln1.b : tensor<8xf32>
  %blk.1.n1 = vit.layer_norm %blk.0.y gamma %blk.1.ln1.w beta %blk.1.ln1.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.q.w = vit.param @blk.1.q.w : tensor<8x8xf32>
  %blk.1.q.b = vit.param @blk.1.q.b : tensor<8xf32>
  %blk.1.q = vit.linear %blk.1.n1, %blk.1.q.w bias %blk.1.q.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.k.w = vit.param @blk.1.k.w : tensor<8x8xf32>
  %blk.1.k = vit.linear %blk.1.n1, %blk.1.k.w : (tensor<7x8xf32>, tensor<8x8xf32>) -> tensor<7x8xf32>
  %blk.1.v.w = vit.param @blk.1.v.w : tensor<8x8xf32>
  %blk.1.v.b = vit.param @blk.1.v.b : tensor<8xf32>
  %blk.1.v = vit.linear %blk.1.n1, %blk.1.v.w bias %blk.1.v.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.a = vit.attention %blk.1.q, %blk.1.k, %blk.1.v heads 2 scale 0.5
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<7x8xf32>
  %blk.1.o.w = vit.param @blk.1.o.w : tensor<8x8xf32>
  %blk.1.o.b = vit.param @blk.1.o.b : tensor<8xf32>
  %blk.1.o = vit.linear %blk.1.a, %blk.1.o.w bias %blk.1.o.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.r = vit.add %blk.0.y, %blk.1.o : tensor<7x8xf32>
  %blk.1.ln2.w = vit.param @blk.1.ln2.w : tensor<8xf32>
  %blk.1.ln2.b = vit.param @blk.1.ln2.b : tensor<8xf32>
  %blk.1.n2 = vit.layer_norm %blk.1.r gamma %blk.1.ln2.w beta %blk.1.ln2.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.fc1.w = vit.param @blk.1.fc1.w : tensor<16x8xf32>
  %blk.1.fc1.b = vit.param @blk.1.fc1.b : tensor<16xf32>
  %blk.1.fc1 = vit.linear %blk.1.n2, %blk.1.fc1.w bias %blk.1.fc1.b
      : (tensor<7x8xf32>, tensor<16x8xf32>, tensor<16xf32>) -> tensor<7x16xf32>
  %blk.1.act = vit.activation gelu_erf %blk.1.fc1 : tensor<7x16xf32>
  %blk.1.fc2.w = vit.param @blk.1.fc2.w : tensor<8x16xf32>
  %blk.1.fc2.b = vit.param @blk.1.fc2.b : tensor<8xf32>
  %blk.1.fc2 = vit.linear %blk.1.act, %blk.1.fc2.w bias %blk.1.fc2.b
      : (tensor<7x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.y = vit.add %blk.1.r, %blk.1.fc2 : tensor<7x8xf32>
  %final.norm.w = vit.param @final.norm.w : tensor<8xf32>
  %final.norm.b = vit.param @final.norm.b : tensor<8xf32>
  %features = vit.layer_norm %blk.1.y gamma %final.norm.w beta %final.norm.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %token.main = vit.slice %features from 0 : tensor<7x8xf32> -> tensor<1x8xf32>
  %head.main.w = vit.param @head.main.w : tensor<3x8xf32>
  %head.main.b = vit.param @head.main.b : tensor<3xf32>
  %logits.main = vit.linear %token.main, %head.main.w bias %head.main.b
      : (tensor<1x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %logits.main : tensor<1x3xf32>
}

// Pixels are read directly; all weights but those of the patch embedding are shared with @forward.
// CHECK-LABEL: func.func @forward_u8(
// CHECK-SAME:    %[[PIXELS:.*]]: tensor<4x6x2xui8>)
// CHECK:         vit.extract_patches %[[PIXELS]]
// CHECK:         vit.param @embed.patch.w.pixels.matrix
// CHECK:         vit.param @blk.0.qkv.w
// CHECK:         vit.param @blk.1.kv.w
func.func @forward_u8(%pixels: tensor<4x6x2xui8>) -> tensor<1x3xf32> {
  %image = vit.normalize_image %pixels scale 0.00392156862745098 mean [0.5, 0.4] std [0.25, 0.2]
      : tensor<4x6x2xui8> -> tensor<2x4x6xf32>
  %embed.patch.w = vit.param @embed.patch.w : tensor<8x2x2x2xf32>
  %embed.patch.b = vit.param @embed.patch.b : tensor<8xf32>
  %patches = vit.patch_embed %image, %embed.patch.w bias %embed.patch.b stride [2, 2]
      : (tensor<2x4x6xf32>, tensor<8x2x2x2xf32>, tensor<8xf32>) -> tensor<6x8xf32>
  %embed.cls = vit.param @embed.cls : tensor<1x8xf32>
  %tokens = vit.concat %embed.cls, %patches : (tensor<1x8xf32>, tensor<6x8xf32>) -> tensor<7x8xf32>
  %embed.pos = vit.param @embed.pos : tensor<7x8xf32>
  %x0 = vit.add %tokens, %embed.pos : tensor<7x8xf32>
  %blk.0.ln1.w = vit.param @blk.0.ln1.w : tensor<8xf32>
  %blk.0.ln1.b = vit.param @blk.0.ln1.b : tensor<8xf32>
  %blk.0.n1 = vit.layer_norm %x0 gamma %blk.0.ln1.w beta %blk.0.ln1.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.q.w = vit.param @blk.0.q.w : tensor<8x8xf32>
  %blk.0.q.b = vit.param @blk.0.q.b : tensor<8xf32>
  %blk.0.q = vit.linear %blk.0.n1, %blk.0.q.w bias %blk.0.q.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.0.k.w = vit.param @blk.0.k.w : tensor<8x8xf32>
  %blk.0.k = vit.linear %blk.0.n1, %blk.0.k.w : (tensor<7x8xf32>, tensor<8x8xf32>) -> tensor<7x8xf32>
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
  %blk.0.r = vit.add %x0, %blk.0.o : tensor<7x8xf32>
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
  %blk.1.ln1.w = vit.param @blk.1.ln1.w : tensor<8xf32>
  %blk.1.ln1.b = vit.param @blk.1.ln1.b : tensor<8xf32>
  %blk.1.n1 = vit.layer_norm %blk.0.y gamma %blk.1.ln1.w beta %blk.1.ln1.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.q.w = vit.param @blk.1.q.w : tensor<8x8xf32>
  %blk.1.q.b = vit.param @blk.1.q.b : tensor<8xf32>
  %blk.1.q = vit.linear %blk.1.n1, %blk.1.q.w bias %blk.1.q.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.k.w = vit.param @blk.1.k.w : tensor<8x8xf32>
  %blk.1.k = vit.linear %blk.1.n1, %blk.1.k.w : (tensor<7x8xf32>, tensor<8x8xf32>) -> tensor<7x8xf32>
  %blk.1.v.w = vit.param @blk.1.v.w : tensor<8x8xf32>
  %blk.1.v.b = vit.param @blk.1.v.b : tensor<8xf32>
  %blk.1.v = vit.linear %blk.1.n1, %blk.1.v.w bias %blk.1.v.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.a = vit.attention %blk.1.q, %blk.1.k, %blk.1.v heads 2 scale 0.5
      : (tensor<7x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<7x8xf32>
  %blk.1.o.w = vit.param @blk.1.o.w : tensor<8x8xf32>
  %blk.1.o.b = vit.param @blk.1.o.b : tensor<8xf32>
  %blk.1.o = vit.linear %blk.1.a, %blk.1.o.w bias %blk.1.o.b
      : (tensor<7x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.r = vit.add %blk.0.y, %blk.1.o : tensor<7x8xf32>
  %blk.1.ln2.w = vit.param @blk.1.ln2.w : tensor<8xf32>
  %blk.1.ln2.b = vit.param @blk.1.ln2.b : tensor<8xf32>
  %blk.1.n2 = vit.layer_norm %blk.1.r gamma %blk.1.ln2.w beta %blk.1.ln2.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.fc1.w = vit.param @blk.1.fc1.w : tensor<16x8xf32>
  %blk.1.fc1.b = vit.param @blk.1.fc1.b : tensor<16xf32>
  %blk.1.fc1 = vit.linear %blk.1.n2, %blk.1.fc1.w bias %blk.1.fc1.b
      : (tensor<7x8xf32>, tensor<16x8xf32>, tensor<16xf32>) -> tensor<7x16xf32>
  %blk.1.act = vit.activation gelu_erf %blk.1.fc1 : tensor<7x16xf32>
  %blk.1.fc2.w = vit.param @blk.1.fc2.w : tensor<8x16xf32>
  %blk.1.fc2.b = vit.param @blk.1.fc2.b : tensor<8xf32>
  %blk.1.fc2 = vit.linear %blk.1.act, %blk.1.fc2.w bias %blk.1.fc2.b
      : (tensor<7x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %blk.1.y = vit.add %blk.1.r, %blk.1.fc2 : tensor<7x8xf32>
  %final.norm.w = vit.param @final.norm.w : tensor<8xf32>
  %final.norm.b = vit.param @final.norm.b : tensor<8xf32>
  %features = vit.layer_norm %blk.1.y gamma %final.norm.w beta %final.norm.b eps 1.0e-6
      : (tensor<7x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<7x8xf32>
  %token.main = vit.slice %features from 0 : tensor<7x8xf32> -> tensor<1x8xf32>
  %head.main.w = vit.param @head.main.w : tensor<3x8xf32>
  %head.main.b = vit.param @head.main.b : tensor<3xf32>
  %logits.main = vit.linear %token.main, %head.main.w bias %head.main.b
      : (tensor<1x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %logits.main : tensor<1x3xf32>
}
