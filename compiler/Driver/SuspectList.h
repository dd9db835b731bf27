//===- SuspectList.h - how suspects are collected -----------------------------------------------------===//
#ifndef COMPILER_DRIVER_SUSPECTLIST_H
#define COMPILER_DRIVER_SUSPECTLIST_H

#include "compiler/Driver/Variant.h"
#include <fmt/format.h>

namespace vitc {

class SuspectList {
public:
  SuspectList(const Variant &base, const ModelStep &from, const ModelStep &to,
              const std::function<bool(const ModelConfig &)> &fits)
      : base(base), from(from), to(to), fits(fits) {}

  const ModelConfig &config() const { return base.config; }
  const Variant &variant() const { return base; }
  /// Whether a step of this kind is computed between the two.
  bool covers(ModelStep::Kind kind) const {
    if (kind == ModelStep::Block && from.kind == ModelStep::Block && to.kind == ModelStep::Block)
      return true;
    return from.kind < kind && kind <= to.kind;
  }
  /// Adds what `change` makes of the model, unless it is nothing, or nothing that can be.
  void add(std::string what, std::string remedy, const std::function<void(Variant &)> &change);
  std::vector<Suspect> take() { return std::move(list); }

private:
  const Variant &base;
  ModelStep from, to;
  const std::function<bool(const ModelConfig &)> &fits;
  std::vector<Suspect> list;
};

void suspectPixels(SuspectList &list, const ModelStep &to, const vit::Tensor &reference);
void suspectEmbedding(SuspectList &list);
void suspectNorms(SuspectList &list);
void suspectActivation(SuspectList &list);
void suspectAttention(SuspectList &list);
void suspectBlock(SuspectList &list);
void suspectHead(SuspectList &list, const ModelStep &to);

} // namespace vitc

#endif // COMPILER_DRIVER_SUSPECTLIST_H
