//===- ClipFixtures.h - a tiny CLIP ---------------------------------------------------------------------===//
#ifndef TEST_COMPILER_IMPORT_CLIPFIXTURES_H
#define TEST_COMPILER_IMPORT_CLIPFIXTURES_H

#include "test/compiler/Import/TimmFixtures.h"

namespace vitc::test {

/// open_clip's names: 8x8 pixels, patch 4, width 8, two blocks, projection to 6; and some of the text tower.
inline Tensors clipTower() {
  Tensors t;
  t.add("visual.class_embedding", {w}).add("visual.positional_embedding", {5, w}).add("visual.proj", {w, 6});
  t.add("visual.conv1.weight", {w, 3, 4, 4}).norm("visual.ln_pre").norm("visual.ln_post");
  for (int i = 0; i < 2; ++i) {
    std::string b = fmt::format("visual.transformer.resblocks.{}.", i);
    t.norm(b + "ln_1").add(b + "attn.in_proj_weight", {3 * w, w}).add(b + "attn.in_proj_bias", {3 * w});
    t.linear(b + "attn.out_proj", w, w)
        .norm(b + "ln_2")
        .linear(b + "mlp.c_fc", f, w)
        .linear(b + "mlp.c_proj", w, f);
  }
  t.add("positional_embedding", {3, 4}).add("text_projection", {4, 6}).add("logit_scale", {});
  t.add("transformer.resblocks.0.attn.in_proj_weight", {12, 4}).add("token_embedding.weight", {9, 4});
  return t.add("ln_final.weight", {4}).add("ln_final.bias", {4});
}

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_CLIPFIXTURES_H
