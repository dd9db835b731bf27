//===- OnnxParse.cpp - the messages of onnx.proto ---------------------------------------------------===//
#include "compiler/Import/OnnxModel.h"
#include "compiler/Import/OnnxWire.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;
using namespace vitc::onnx;

namespace {

// Far beyond the largest member of the family (DINOv3-7B exports to 6,000 nodes). A node costs some 300 bytes
// here and at least 2 in the file, so that the counts, and not the file's size alone, bound memory.
constexpr size_t maxNodes = 1 << 16, maxTensors = 1 << 17, maxValues = 1 << 12;
constexpr size_t maxAttributes = 64, maxOperands = 1 << 10, maxList = 1 << 16;

class Parser {
public:
  explicit Parser(Model &model) : model(model) {}
  llvm::Error parse();

private:
  llvm::Error broken(const std::string &where) {
    return inputError(
        "{}: {}: expected protobuf fields, got bytes that are none; the file is truncated or no "
        "ONNX model",
        model.file->path(), where);
  }
  llvm::Error tooMany(llvm::StringRef what, size_t limit) {
    return inputError("{}: expected at most {} {}, got more", model.file->path(), limit, what.str());
  }
  llvm::Error parseGraph(llvm::StringRef bytes);
  llvm::Error parseNode(llvm::StringRef bytes);
  llvm::Error parseAttribute(llvm::StringRef bytes, Node &node, const std::string &where);
  llvm::Error parseValueInfo(llvm::StringRef bytes, ValueInfo &value);
  llvm::Error parseOpset(llvm::StringRef bytes);

  Model &model;
};

llvm::Error Parser::parseOpset(llvm::StringRef bytes) {
  llvm::StringRef domain;
  int64_t version = 0;
  Fields f(bytes);
  while (f.next()) {
    if (f.number == 1 && f.wire == Fields::Bytes)
      domain = f.text;
    if (f.number == 2 && f.wire == Fields::Varint)
      version = f.integer();
  }
  if (f.bad())
    return broken("opset_import");
  // Other domains count when a node uses them: exporters list what they might have needed.
  if (domain.empty() || domain == "ai.onnx")
    model.opset = version;
  return llvm::Error::success();
}

llvm::Error Parser::parseAttribute(llvm::StringRef bytes, Node &node, const std::string &where) {
  Attribute attribute;
  Fields f(bytes);
  while (f.next()) {
    bool text = f.wire == Fields::Bytes, number = f.wire == Fields::Varint;
    switch (f.number) {
    case 1:
      attribute.name = text ? f.text : "";
      break;
    case 2:
      if (f.wire == Fields::Fixed32)
        attribute.f = f.real();
      attribute.kind = attribute.kind ? attribute.kind : Attribute::Float;
      break;
    case 3:
      if (number)
        attribute.i = f.integer();
      attribute.kind = attribute.kind ? attribute.kind : Attribute::Int;
      break;
    case 4:
      attribute.s = text ? f.text : "";
      attribute.kind = attribute.kind ? attribute.kind : Attribute::String;
      break;
    case 5:
      if (!text || attribute.tensor)
        return broken(where);
      if (model.tensors.size() >= maxTensors)
        return tooMany("tensors", maxTensors);
      model.tensors.emplace_back();
      attribute.tensor = &model.tensors.back();
      if (llvm::Error error = parseTensor(f.text, model, where, model.tensors.back()))
        return error;
      attribute.kind = attribute.kind ? attribute.kind : Attribute::Tensor;
      break;
    case 7:
      if (!appendFloats(f, maxList, attribute.floats))
        return broken(where);
      attribute.kind = attribute.kind ? attribute.kind : Attribute::Floats;
      break;
    case 8:
      if (!appendVarints(f, maxList, attribute.ints))
        return broken(where);
      attribute.kind = attribute.kind ? attribute.kind : Attribute::Ints;
      break;
    case 20:
      if (number && f.value >= 1 && f.value <= 64)
        attribute.kind = static_cast<int32_t>(f.value);
      break;
    case 6:
    case 11:
      return inputError(
          "{}: {}: expected no subgraphs (If, Loop, Scan), got attribute '{}'; export with fixed "
          "shapes, or simplify the model first",
          model.file->path(), where, quoteForMessage(attribute.name));
    case 21:
      if (text && !f.text.empty())
        return inputError("{}: {}: expected no functions, got an attribute that refers to one",
                          model.file->path(), where);
      break;
    case 22:
    case 23:
      return inputError("{}: {}: expected dense tensors, got a sparse one", model.file->path(), where);
    default:
      break; // documentation, types
    }
  }
  if (f.bad())
    return broken(where);
  node.attributes.push_back(std::move(attribute));
  return llvm::Error::success();
}

llvm::Error Parser::parseNode(llvm::StringRef bytes) {
  if (model.nodes.size() >= maxNodes)
    return tooMany("nodes", maxNodes);
  Node node;
  node.index = static_cast<int>(model.nodes.size());
  std::vector<llvm::StringRef> attributes;
  Fields f(bytes);
  while (f.next()) {
    if (f.wire != Fields::Bytes)
      continue;
    switch (f.number) {
    case 1:
    case 2: {
      auto &list = f.number == 1 ? node.inputs : node.outputs;
      if (list.size() >= maxOperands)
        return tooMany("operands of a node", maxOperands);
      list.push_back(f.text);
      break;
    }
    case 3:
      node.name = f.text;
      break;
    case 4:
      node.opType = f.text;
      break;
    case 5:
      if (attributes.size() >= maxAttributes)
        return tooMany("attributes of a node", maxAttributes);
      attributes.push_back(f.text);
      break;
    case 7:
      node.domain = f.text == "ai.onnx" ? "" : f.text;
      break;
    default:
      break;
    }
  }
  if (f.bad())
    return broken(fmt::format("node {}", model.nodes.size() + 1));
  // The name is known now, wherever it stood in the message.
  model.nodes.push_back(std::move(node));
  Node &stored = model.nodes.back();
  std::string where = model.describe(stored.index);
  for (llvm::StringRef attribute : attributes)
    if (llvm::Error error = parseAttribute(attribute, stored, where))
      return error;
  return llvm::Error::success();
}

llvm::Error Parser::parseValueInfo(llvm::StringRef bytes, ValueInfo &value) {
  llvm::StringRef type, tensorType, shape;
  Fields f(bytes);
  while (f.next()) {
    if (f.wire != Fields::Bytes)
      continue;
    if (f.number == 1)
      value.name = f.text;
    if (f.number == 2)
      type = f.text;
  }
  Fields t(type);
  while (t.next())
    if (t.number == 1 && t.wire == Fields::Bytes)
      tensorType = t.text;
  Fields tt(tensorType);
  while (tt.next()) {
    if (tt.number == 1 && tt.wire == Fields::Varint)
      value.type = static_cast<DataType>(std::min<uint64_t>(tt.value, 1000));
    if (tt.number == 2 && tt.wire == Fields::Bytes) {
      value.hasShape = true;
      shape = tt.text;
    }
  }
  Fields s(shape);
  while (s.next()) {
    if (s.number != 1 || s.wire != Fields::Bytes)
      continue;
    if (value.dims.size() >= 8)
      return tooMany("dimensions of an input", 8);
    value.dims.push_back(-1);
    value.parameters.push_back("?");
    Fields d(s.text);
    while (d.next()) {
      if (d.number == 1 && d.wire == Fields::Varint && d.integer() > 0)
        value.dims.back() = d.integer();
      if (d.number == 2 && d.wire == Fields::Bytes && !d.text.empty())
        value.parameters.back() = d.text;
    }
    if (d.bad())
      return broken("a shape");
  }
  return f.bad() || t.bad() || tt.bad() || s.bad() ? broken("a graph input or output")
                                                   : llvm::Error::success();
}

llvm::Error Parser::parseGraph(llvm::StringRef bytes) {
  Fields f(bytes);
  while (f.next()) {
    if (f.wire != Fields::Bytes)
      continue;
    switch (f.number) {
    case 1:
      if (llvm::Error error = parseNode(f.text))
        return error;
      break;
    case 5:
      if (model.tensors.size() >= maxTensors)
        return tooMany("tensors", maxTensors);
      model.tensors.emplace_back();
      if (llvm::Error error =
              parseTensor(f.text, model, fmt::format("initialiser {}", model.initializers.size() + 1),
                          model.tensors.back()))
        return error;
      model.initializers.push_back(&model.tensors.back());
      break;
    case 11:
    case 12: {
      auto &list = f.number == 11 ? model.inputs : model.outputs;
      // Old files repeat every initialiser as an input.
      if (list.size() >= (f.number == 11 ? maxTensors : maxValues))
        return tooMany("inputs or outputs", maxTensors);
      list.emplace_back();
      if (llvm::Error error = parseValueInfo(f.text, list.back()))
        return error;
      break;
    }
    case 15:
      return inputError("{}: expected dense initialisers, got a sparse one", model.file->path());
    default:
      break; // names, documentation, shapes of intermediate values, which follow from the input's
    }
  }
  return f.bad() ? broken("graph") : llvm::Error::success();
}

llvm::Error Parser::parse() {
  std::optional<llvm::StringRef> graph;
  Fields f(model.file->text());
  while (f.next()) {
    bool text = f.wire == Fields::Bytes;
    switch (f.number) {
    case 1:
      model.irVersion = f.wire == Fields::Varint ? f.integer() : 0;
      break;
    case 2:
      model.producer = text ? f.text : "";
      break;
    case 3:
      model.producerVersion = text ? f.text : "";
      break;
    case 7:
      if (!text || graph)
        return inputError("{}: expected one graph, got another", model.file->path());
      graph = f.text;
      break;
    case 8:
      if (!text)
        return broken("opset_import");
      if (llvm::Error error = parseOpset(f.text))
        return error;
      break;
    case 25:
      return inputError("{}: expected a model without functions, got one; export with the functions inlined "
                        "(onnx.inliner.inline_local_functions)",
                        model.file->path());
    default:
      break; // documentation, metadata, training
    }
  }
  if (f.bad())
    return broken("model");
  if (!graph)
    return inputError("{}: expected an ONNX model, got a file without a graph", model.file->path());
  if (model.opset < oldestOpset || model.opset > newestOpset)
    return inputError("{}: expected an opset from {} to {}, got {}; export with another opset_version",
                      model.file->path(), oldestOpset, newestOpset,
                      model.opset ? std::to_string(model.opset) : "none");
  return parseGraph(*graph);
}

} // namespace

llvm::Error onnx::parseModel(Model &model) { return Parser(model).parse(); }

bool onnx::looksLikeOnnx(llvm::StringRef contents) {
  // ir_version comes first in every known writer; then a producer, a domain or the graph.
  Fields f(contents);
  return f.next() && f.number == 1 && f.wire == Fields::Varint && f.value >= 1 && f.value <= 100 &&
         f.next() && f.number <= 26 && (f.wire == Fields::Bytes || f.wire == Fields::Varint);
}
