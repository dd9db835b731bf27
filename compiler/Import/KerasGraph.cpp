#include "compiler/Import/KerasGraph.h"
#include "compiler/Import/KerasFile.h"
#include "compiler/Import/KeyTable.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

constexpr size_t maxLayers = 20000;

/// Functions of TensorFlow under one name, whatever their module is called.
std::string plainFunction(llvm::StringRef name) {
  llvm::StringRef last = name.contains('.') ? name.rsplit('.').second : name;
  return last.str();
}

/// Keras's layers that do what a function of TensorFlow does.
constexpr std::pair<const char *, const char *> functionOfClass[] = {{"Add", "add"},
                                                                     {"Concatenate", "concat"},
                                                                     {"Softmax", "softmax"},
                                                                     {"Permute", "transpose"},
                                                                     {"Reshape", "reshape"}};

/// What a layer computes.
std::string operationOf(llvm::StringRef className, const JsonRef &config) {
  // A Lambda's function is code, and no name.
  llvm::StringRef key = className == "Activation" ? "activation" : "function";
  if (std::optional<JsonRef> function = config.findValue(key); function && function->isString())
    return plainFunction(llvm::cantFail(function->asString()));
  for (auto [layer, function] : functionOfClass)
    if (className == layer)
      return function;
  return className.str();
}

/// [NAME, node, output] or [NAME, node, output, {arguments}].
bool isTensor(const JsonRef &value) {
  if (!value.isArray())
    return false;
  std::vector<JsonRef> parts = llvm::cantFail(value.asArray());
  return (parts.size() == 3 || parts.size() == 4) && parts[0].isString() && parts[1].isInteger();
}

} // namespace

namespace vitc {

class KerasGraphParser {
public:
  explicit KerasGraphParser(KerasGraph &graph) : graph(graph) {}
  llvm::Error run(const JsonRef &root);

private:
  llvm::Error addLayer(const JsonRef &object);
  llvm::Error connect(KerasLayer &layer);
  llvm::Error addOperand(const JsonRef &value, KerasLayer &layer);
  llvm::Error addNode(const JsonRef &node, KerasLayer &layer);
  llvm::Expected<const KerasLayer *> end(const JsonRef &config, llvm::StringRef key);

  KerasGraph &graph;
  std::map<std::string, int> counts; ///< by container name
};

llvm::Error KerasGraphParser::addLayer(const JsonRef &object) {
  llvm::Expected<JsonRef> kind = object.get("class_name"), config = object.get("config");
  if (!kind || !config)
    return llvm::joinErrors(kind.takeError(), config.takeError());
  llvm::Expected<std::string> className = kind->asString();
  if (!className)
    return className.takeError();
  std::optional<JsonRef> nameRef = object.findValue("name");
  if (!nameRef)
    nameRef = config->findValue("name");
  if (!nameRef)
    return object.expected("a layer with a name");
  llvm::Expected<std::string> name = nameRef->asString();
  if (!name)
    return name.takeError();
  std::string snake = kerasSnakeCase(*className);
  int count = counts[snake]++;
  auto layer = std::make_unique<KerasLayer>(KerasLayer{*name,
                                                       *className,
                                                       count ? fmt::format("{}_{}", snake, count) : snake,
                                                       operationOf(*className, *config),
                                                       object,
                                                       *config,
                                                       {},
                                                       {}});
  if (!graph.byName.try_emplace(*name, layer.get()).second)
    return object.error("expected every layer's name once, got a second '" + quoteForMessage(*name) + "'");
  graph.list.push_back(std::move(layer));
  return llvm::Error::success();
}

llvm::Error KerasGraphParser::addOperand(const JsonRef &value, KerasLayer &layer) {
  std::vector<JsonRef> parts;
  if (value.isObject()) { // Keras 3: the history of a tensor
    std::optional<JsonRef> config = value.findValue("config");
    std::optional<JsonRef> history = config ? config->findValue("keras_history") : std::nullopt;
    if (!history || !isTensor(*history))
      return value.expected("a tensor of another layer");
    parts = llvm::cantFail(history->asArray());
  } else {
    parts = llvm::cantFail(value.asArray());
  }
  std::string name = llvm::cantFail(parts[0].asString());
  KerasOperand operand;
  if (name == "_CONSTANT_VALUE") {
    operand.literal = parts[2];
  } else {
    operand.layer = graph.find(name);
    if (!operand.layer)
      return value.error("expected the name of a layer, got '" + quoteForMessage(name) + "'");
    llvm::Expected<int64_t> output = parts[2].asInteger(0, 1000);
    if (!output)
      return output.takeError();
    operand.output = *output;
  }
  layer.operands.push_back(std::move(operand));
  return llvm::Error::success();
}

/// A call in the older form: one tensor, or a list of them, with the arguments behind the first.
llvm::Error KerasGraphParser::addNode(const JsonRef &node, KerasLayer &layer) {
  llvm::Expected<std::vector<JsonRef>> parts = node.asArray(1000);
  if (!parts)
    return parts.takeError();
  std::vector<JsonRef> tensors;
  if (isTensor(node))
    tensors.push_back(node);
  else
    tensors = *parts;
  for (const JsonRef &tensor : tensors) {
    if (!isTensor(tensor))
      return tensor.expected("a tensor [LAYER, node, output]");
    if (llvm::Error error = addOperand(tensor, layer))
      return error;
    std::vector<JsonRef> fields = llvm::cantFail(tensor.asArray());
    if (fields.size() == 4 && !layer.arguments)
      layer.arguments = fields[3];
  }
  if (!layer.arguments)
    return llvm::Error::success();
  for (const auto &[key, value] : layer.arguments->members()) {
    if (key == "name" || value.isNull())
      continue;
    if (isTensor(value)) {
      if (llvm::Error error = addOperand(value, layer))
        return error;
    } else if (key == "y" || key == "b") { // the second operand of a function, as numbers
      layer.operands.push_back({nullptr, 0, value});
    }
  }
  return llvm::Error::success();
}

llvm::Error KerasGraphParser::connect(KerasLayer &layer) {
  std::optional<JsonRef> inbound = layer.object.findValue("inbound_nodes");
  if (!inbound)
    return llvm::Error::success();
  llvm::Expected<std::vector<JsonRef>> nodes = inbound->asArray(1000);
  if (!nodes)
    return nodes.takeError();
  if (nodes->size() > 1)
    return inbound->error(
        fmt::format("layer '{}': expected one use, got {}: shared layers are no ViT that vitc knows",
                    quoteForMessage(layer.name), nodes->size()));
  if (nodes->empty())
    return llvm::Error::success();
  const JsonRef &node = nodes->front();
  if (node.isArray())
    return addNode(node, layer);
  std::optional<JsonRef> args = node.findValue("args");
  if (!args)
    return node.expected("a call with 'args'");
  llvm::Expected<std::vector<JsonRef>> list = args->asArray(1000);
  if (!list)
    return list.takeError();
  for (const JsonRef &argument : *list) {
    std::vector<JsonRef> tensors{argument};
    if (argument.isArray())
      tensors = llvm::cantFail(argument.asArray());
    for (const JsonRef &tensor : tensors)
      if (tensor.isObject())
        if (llvm::Error error = addOperand(tensor, layer))
          return error;
  }
  layer.arguments = node.findValue("kwargs");
  return llvm::Error::success();
}

/// The only entry of input_layers or output_layers.
llvm::Expected<const KerasLayer *> KerasGraphParser::end(const JsonRef &config, llvm::StringRef key) {
  llvm::Expected<JsonRef> value = config.get(key);
  if (!value)
    return value.takeError();
  llvm::Expected<std::vector<JsonRef>> list = value->asArray(1000);
  if (!list)
    return list.takeError();
  JsonRef entry = *value; // [[NAME, 0, 0]], or as Keras 3 writes one: [NAME, 0, 0]
  if (!isTensor(entry)) {
    if (list->size() != 1 || !isTensor(list->front()))
      return value->expected("one tensor");
    entry = list->front();
  }
  std::string name = llvm::cantFail(llvm::cantFail(entry.asArray())[0].asString());
  const KerasLayer *layer = graph.find(name);
  if (!layer)
    return entry.error("expected the name of a layer, got '" + quoteForMessage(name) + "'");
  return layer;
}

llvm::Error KerasGraphParser::run(const JsonRef &root) {
  llvm::Expected<JsonRef> config = root.get("config");
  if (!config)
    return config.takeError();
  llvm::Expected<JsonRef> layers = config->get("layers");
  if (!layers)
    return layers.takeError();
  llvm::Expected<std::vector<JsonRef>> list = layers->asArray(maxLayers);
  if (!list)
    return list.takeError();
  for (const JsonRef &object : *list)
    if (llvm::Error error = addLayer(object))
      return error;
  for (const std::unique_ptr<KerasLayer> &layer : graph.list)
    if (llvm::Error error = connect(*layer))
      return error;
  for (auto [key, into] :
       {std::pair("input_layers", &graph.input), std::pair("output_layers", &graph.output)}) {
    llvm::Expected<const KerasLayer *> layer = end(*config, key);
    if (!layer)
      return layer.takeError();
    *into = *layer;
  }
  return llvm::Error::success();
}

} // namespace vitc

std::optional<JsonRef> KerasLayer::argument(llvm::StringRef key) const {
  if (arguments)
    if (std::optional<JsonRef> value = arguments->findValue(key))
      return value;
  return config.findValue(key);
}

const KerasLayer *KerasGraph::find(llvm::StringRef name) const {
  auto it = byName.find(name.str());
  return it == byName.end() ? nullptr : it->second;
}

llvm::Expected<KerasGraph> KerasGraph::parse(const JsonRef &root) {
  KerasGraph graph;
  if (llvm::Error error = KerasGraphParser(graph).run(root))
    return std::move(error);
  return graph;
}
