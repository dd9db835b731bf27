//===- Mutations.h - changes of every field of vit.json, and what must come of them -----------------===//
#ifndef TEST_INTEGRATION_MUTATIONS_H
#define TEST_INTEGRATION_MUTATIONS_H

#include <vector>

namespace vitc::test {

enum class Outcome {
  Grows,   ///< the error against the reference of the unchanged model grows
  Refused, ///< the model is not opened
  Same,    ///< the same results: the field only says how, or who
};

/// Replaces the value at a path by a JSON text. "preprocess.steps.resize.mode" is of the step with that op;
/// elsewhere a path through a list leads to its first element.
struct Edit {
  const char *path, *value;
};

struct Mutation {
  const char *base;
  const char *field; ///< as the printed vit.json has it, lists left out
  std::vector<Edit> edits;
  Outcome outcome = Outcome::Grows;
  const char *message = ""; ///< a part of the refusal's text
};

/// At least one for each field that printVitJson() prints. Bases:
///   cls        prefix cls, dist, 2 reg; pre-norm, layer-scale, class token through a pre-logits layer
///   mean       the same, mean of the patches, no pre-logits layer
///   distilled  the same, mean of two heads that read cls and dist
///   odd        the same, one row of pixels more than whole patches
///   ends       linear patches that overlap, padded, channels last, with norms; suffix tokens; positions of
///              another grid; images with channels last
///   layers     class tokens of two layers and the mean of the last one's patches
///   map        attention pooling, probabilities of class embeddings
///   eva        the same as cls, rotary positions, gated MLP with an inner norm, norms of queries, keys and
///   attention beit       the same with one cls token and a bias of pairs golden     a framework's model with
///   resize and crop
const std::vector<Mutation> &mutations();

} // namespace vitc::test

#endif // TEST_INTEGRATION_MUTATIONS_H
