#include "test/compiler/Import/OnnxFixtures.h"
#include <cstring>
#include <fmt/format.h>

namespace vitc::test {

static std::string varint(uint64_t value) {
  std::string result;
  for (; value >= 128; value >>= 7)
    result += static_cast<char>((value & 127) | 128);
  return result + static_cast<char>(value);
}

std::string varintField(unsigned number, uint64_t value) { return varint(number << 3) + varint(value); }

std::string bytesField(unsigned number, llvm::StringRef contents) {
  return varint(number << 3 | 2) + varint(contents.size()) + contents.str();
}

template <typename T> static std::string bytesOf(T value) {
  std::string result(sizeof value, '\0');
  std::memcpy(result.data(), &value, sizeof value);
  return result;
}

std::string floatField(unsigned number, float value) { return varint(number << 3 | 5) + bytesOf(value); }

static std::string tensorHead(llvm::StringRef name, const std::vector<int64_t> &dims, int type) {
  std::string result;
  for (int64_t dim : dims)
    result += varintField(1, static_cast<uint64_t>(dim));
  return result + varintField(2, type) + bytesField(8, name);
}

std::string floatTensor(llvm::StringRef name, std::vector<int64_t> dims, float first) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  std::string data;
  for (int64_t i = 0; i < count; ++i)
    data += bytesOf(first + static_cast<float>(i));
  return tensorHead(name, dims, 1) + bytesField(9, data);
}

std::string intTensor(llvm::StringRef name, std::vector<int64_t> dims, std::vector<int64_t> values) {
  std::string data;
  for (int64_t value : values)
    data += bytesOf(value);
  return tensorHead(name, dims, 7) + bytesField(9, data);
}

std::string valueInfo(llvm::StringRef name, std::vector<int64_t> dims, int type) {
  std::string shape;
  for (int64_t dim : dims)
    shape += bytesField(1, dim < 0 ? bytesField(2, "dyn") : varintField(1, static_cast<uint64_t>(dim)));
  return bytesField(1, name) + bytesField(2, bytesField(1, varintField(1, type) + bytesField(2, shape)));
}

std::string intAttribute(llvm::StringRef name, int64_t value) {
  return bytesField(1, name) + varintField(3, static_cast<uint64_t>(value)) + varintField(20, 2);
}
std::string intsAttribute(llvm::StringRef name, std::vector<int64_t> values) {
  std::string result = bytesField(1, name);
  for (int64_t value : values)
    result += varintField(8, static_cast<uint64_t>(value));
  return result + varintField(20, 7);
}
std::string floatAttribute(llvm::StringRef name, float value) {
  return bytesField(1, name) + floatField(2, value) + varintField(20, 1);
}
std::string stringAttribute(llvm::StringRef name, llvm::StringRef value) {
  return bytesField(1, name) + bytesField(4, value) + varintField(20, 3);
}

OnnxParts &OnnxParts::node(llvm::StringRef op, std::vector<std::string> in, std::vector<std::string> out,
                           std::vector<std::string> attributes, llvm::StringRef domain) {
  std::string text;
  for (const std::string &name : in)
    text += bytesField(1, name);
  for (const std::string &name : out)
    text += bytesField(2, name);
  text += bytesField(3, "to_" + out[0]) + bytesField(4, op);
  for (const std::string &attribute : attributes)
    text += bytesField(5, attribute);
  if (!domain.empty())
    text += bytesField(7, domain);
  nodes.push_back(text);
  return *this;
}

OnnxParts &OnnxParts::floats(llvm::StringRef name, std::vector<int64_t> dims) {
  initializers.push_back(floatTensor(name, dims, next));
  next += 1000;
  return *this;
}

OnnxParts &OnnxParts::ints(llvm::StringRef name, std::vector<int64_t> values) {
  auto count = static_cast<int64_t>(values.size());
  initializers.push_back(intTensor(name, {count}, std::move(values)));
  return *this;
}

std::string OnnxParts::text() const {
  std::string graph;
  for (const std::string &text : nodes)
    graph += bytesField(1, text);
  for (const std::string &text : initializers)
    graph += bytesField(5, text);
  for (const std::string &text : inputs)
    graph += bytesField(11, text);
  for (const std::string &text : outputs)
    graph += bytesField(12, text);
  return varintField(1, 9) + bytesField(2, "test") + bytesField(7, graph + graphExtra) +
         bytesField(8, bytesField(1, "") + varintField(2, static_cast<uint64_t>(opset))) + modelExtra;
}

OnnxParts tinyOnnx(int blocks) {
  OnnxParts m;
  m.inputs = {valueInfo("image", {1, 3, 8, 8})};
  m.outputs = {valueInfo("logits", {1, 5})};
  m.floats("patch.w", {8, 3, 4, 4}).floats("patch.b", {8}).floats("cls", {1, 1, 8}).floats("pos", {1, 5, 8});
  m.ints("s_tokens", {1, 8, 4}).ints("s_heads", {1, 5, 2, 4}).ints("s_merged", {1, 5, 8});
  m.node("Conv", {"image", "patch.w", "patch.b"}, {"patches"},
         {intsAttribute("strides", {4, 4}), intsAttribute("kernel_shape", {4, 4})})
      .node("Reshape", {"patches", "s_tokens"}, {"flat"})
      .node("Transpose", {"flat"}, {"rows"}, {intsAttribute("perm", {0, 2, 1})})
      .node("Concat", {"cls", "rows"}, {"joined"}, {intAttribute("axis", 1)})
      .node("Add", {"joined", "pos"}, {"x0"});
  auto norm = [&](const std::string &x, const std::string &name) {
    m.floats(name + ".w", {8}).floats(name + ".b", {8});
    m.node("LayerNormalization", {x, name + ".w", name + ".b"}, {name}, {floatAttribute("epsilon", 1e-6f)});
  };
  auto linear = [&](const std::string &x, const std::string &name, int64_t in, int64_t out) {
    m.floats(name + ".w", {in, out}).floats(name + ".b", {out});
    m.node("MatMul", {x, name + ".w"}, {name + "_product"})
        .node("Add", {name + "_product", name + ".b"}, {name});
  };
  m.initializers.push_back(floatTensor("half", {}, 0.5f)); // 1 / sqrt(4)
  std::string x0 = "x0";
  for (int i = 0; i < blocks; ++i) {
    std::string b = i ? "b" + std::to_string(i) + "_" : "";
    norm(x0, b + "ln1");
    for (std::string part : {"q", "k", "v"}) {
      linear(b + "ln1", b + part, 8, 8);
      m.node("Reshape", {b + part, "s_heads"}, {b + part + "_split"});
      m.node("Transpose", {b + part + "_split"}, {b + part + "_heads"},
             {intsAttribute("perm", part == "k" ? std::vector<int64_t>{0, 2, 3, 1}
                                                : std::vector<int64_t>{0, 2, 1, 3})});
    }
    m.node("MatMul", {b + "q_heads", b + "k_heads"}, {b + "dot"})
        .node("Mul", {b + "dot", "half"}, {b + "scaled"})
        .node("Softmax", {b + "scaled"}, {b + "softmax"}, {intAttribute("axis", -1)})
        .node("MatMul", {b + "softmax", b + "v_heads"}, {b + "context"})
        .node("Transpose", {b + "context"}, {b + "context_rows"}, {intsAttribute("perm", {0, 2, 1, 3})})
        .node("Reshape", {b + "context_rows", "s_merged"}, {b + "merged"});
    linear(b + "merged", b + "o", 8, 8);
    m.node("Add", {x0, b + "o"}, {b + "x1"});
    norm(b + "x1", b + "ln2");
    linear(b + "ln2", b + "fc1", 8, 12);
    m.node("Gelu", {b + "fc1"}, {b + "act"});
    linear(b + "act", b + "fc2", 12, 8);
    x0 = b + "x2";
    m.node("Add", {b + "x1", b + "fc2"}, {x0});
  }
  norm(x0, "final");
  m.initializers.push_back(intTensor("zero", {}, {0}));
  m.node("Gather", {"final", "zero"}, {"token"}, {intAttribute("axis", 1)});
  m.floats("head.w", {5, 8}).floats("head.b", {5});
  m.node("Gemm", {"token", "head.w", "head.b"}, {"logits"}, {intAttribute("transB", 1)});
  return m;
}

llvm::Expected<Checkpoint> openOnnx(llvm::StringRef contents, const ImportOptions &options) {
  TempDir dir;
  return openCheckpoint(dir.write("tiny.onnx", contents), options);
}

} // namespace vitc::test
