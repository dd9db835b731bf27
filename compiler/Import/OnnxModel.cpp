//===- OnnxModel.cpp - reading a file in steps ------------------------------------------------------===//
#include "compiler/Import/OnnxModel.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;
using namespace vitc::onnx;

const Attribute *Node::find(llvm::StringRef wanted) const {
  auto found = llvm::find_if(attributes, [&](const Attribute &a) { return a.name == wanted; });
  return found == attributes.end() ? nullptr : &*found;
}

int64_t Node::integer(llvm::StringRef wanted, int64_t fallback) const {
  const Attribute *a = find(wanted);
  return a && a->kind == Attribute::Int ? a->i : fallback;
}

double Node::number(llvm::StringRef wanted, double fallback) const {
  const Attribute *a = find(wanted);
  return a && a->kind == Attribute::Float ? a->f : fallback;
}

llvm::StringRef Node::string(llvm::StringRef wanted, llvm::StringRef fallback) const {
  const Attribute *a = find(wanted);
  return a && a->kind == Attribute::String ? a->s : fallback;
}

std::optional<llvm::ArrayRef<int64_t>> Node::integers(llvm::StringRef wanted) const {
  const Attribute *a = find(wanted);
  if (!a || a->kind != Attribute::Ints)
    return std::nullopt;
  return llvm::ArrayRef<int64_t>(a->ints);
}

std::string Model::describe(int index) const {
  const Node &node = nodes[index];
  return fmt::format("node '{}' ({}, {} of {})", quoteForMessage(node.name.take_front(200)),
                     quoteForMessage(node.opType.take_front(80)), node.index + 1, nodes.size());
}

/// Names are assigned once, and are there when they are read. Order does not matter in the file: nodes are
/// sorted here, and what is left over stands on a cycle.
llvm::Error onnx::sortNodes(Model &model) {
  const std::string &file = model.file->path();
  constexpr int given = -1;
  llvm::DenseMap<llvm::StringRef, int> producer;
  for (const Tensor *tensor : model.initializers)
    if (!producer.try_emplace(tensor->name, given).second)
      return inputError("{}: expected every initialiser once, got a second '{}'", file,
                        quoteForMessage(tensor->name));
  // Files of IR version 3 list initialisers among the inputs, too.
  llvm::erase_if(model.inputs, [&](const ValueInfo &v) { return producer.count(v.name) != 0; });
  for (const ValueInfo &input : model.inputs)
    if (!producer.try_emplace(input.name, given).second)
      return inputError("{}: expected every input once, got a second '{}'", file,
                        quoteForMessage(input.name));
  for (const Node &node : model.nodes) {
    if (!node.domain.empty())
      return inputError("{}: {}: expected an operator of the standard ONNX domain, got domain '{}'; export "
                        "without contrib operators (ONNX Runtime: at most basic optimisation)",
                        file, model.describe(node.index), quoteForMessage(node.domain));
    for (llvm::StringRef output : node.outputs)
      if (!output.empty() && !producer.try_emplace(output, node.index).second)
        return inputError("{}: {}: expected a new name as output, got '{}', which exists", file,
                          model.describe(node.index), quoteForMessage(output));
  }

  std::vector<int> waiting(model.nodes.size());
  std::vector<std::vector<int>> readers(model.nodes.size());
  for (const Node &node : model.nodes)
    for (llvm::StringRef input : node.inputs) {
      if (input.empty())
        continue;
      auto it = producer.find(input);
      if (it == producer.end())
        return inputError(
            "{}: {}: expected input '{}' to be an initialiser, an input or the output of a node, "
            "got a name that nothing defines",
            file, model.describe(node.index), quoteForMessage(input));
      if (it->second == given)
        continue;
      ++waiting[node.index];
      readers[it->second].push_back(node.index);
    }
  std::vector<int> order;
  order.reserve(model.nodes.size());
  for (const Node &node : model.nodes)
    if (waiting[node.index] == 0)
      order.push_back(node.index);
  for (size_t i = 0; i < order.size(); ++i)
    for (int reader : readers[order[i]])
      if (--waiting[reader] == 0)
        order.push_back(reader);
  if (order.size() != model.nodes.size()) {
    int stuck = static_cast<int>(llvm::find_if(waiting, [](int n) { return n != 0; }) - waiting.begin());
    return inputError(
        "{}: {}: expected a graph without cycles, got a node that reads its own result, perhaps "
        "through others",
        file, model.describe(stuck));
  }
  for (const ValueInfo &output : model.outputs)
    if (!producer.count(output.name))
      return inputError(
          "{}: expected output '{}' to be the result of a node, got a name that nothing defines", file,
          quoteForMessage(output.name));
  model.order = std::move(order);
  return llvm::Error::success();
}

llvm::Expected<Model> onnx::readModel(llvm::StringRef path) {
  llvm::Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Model model;
  model.file = std::move(*file);
  for (auto *step : {parseModel, sortNodes, resolveExternalData})
    if (llvm::Error error = step(model))
      return std::move(error);
  for (Tensor &tensor : model.tensors)
    decodeIntegers(tensor);
  return model;
}
