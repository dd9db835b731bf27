"""A model as an ONNX graph, as exporters write it (opset 17). Needs the packages onnx and numpy, no framework."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from harness.models import EPSILON


class _Graph:
    def __init__(self, arrays, weight_bits=None):
        self.arrays, self.weight_bits = arrays, weight_bits
        self.nodes, self.constants, self.count = [], [], 0

    def node(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{op.lower()}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def tensor(self, name):
        return self.constant(self.arrays[name])

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def number(self, value):
        return self.constant(np.float32(value))

    def own(self, op, *inputs, **attributes):
        """A node of ONNX Runtime's own."""
        return self.node(op, *inputs, domain="com.microsoft", **attributes)

    def linear(self, x, name):
        if self.weight_bits:
            return self.quantized_linear(x, name)
        product = self.node("MatMul", x, self.constant(self.arrays[f"{name}.weight"].T))
        return self.node("Add", product, self.tensor(f"{name}.bias"))

    def quantized_linear(self, x, name):
        """One node: rows to u8 with one scale and zero at run time, times s8 with a scale for each output."""
        weight, largest = self.arrays[f"{name}.weight"].T, 2 ** (self.weight_bits - 1) - 1
        scales = np.maximum(np.abs(weight).max(axis=0), 1e-30) / largest
        integers = np.clip(np.rint(weight / scales), -largest, largest).astype(np.int8)
        return self.own("DynamicQuantizeMatMul", x, self.constant(integers), self.constant(scales.astype(np.float32)),
                        self.constant(np.zeros(scales.shape, np.int8)), self.tensor(f"{name}.bias"))

    def norm(self, x, name):
        return self.node("LayerNormalization", x, self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"),
                         axis=-1, epsilon=EPSILON)

    def gelu(self, x):
        """x/2 (1 + erf(x/sqrt 2)): runtimes find this form and fuse it with the bias."""
        erf = self.node("Erf", self.node("Div", x, self.number(2**0.5)))
        return self.node("Mul", self.node("Mul", x, self.node("Add", erf, self.number(1))), self.number(0.5))

    def scaled(self, x, name):
        return self.node("Mul", x, self.tensor(name)) if name in self.arrays else x

    def attention(self, x, shape, batch, name):
        t, d, h = shape.tokens, shape.width, shape.heads
        qkv = self.node("Reshape", self.linear(x, f"{name}.qkv"), self.ints(batch, t, 3, h, d // h))
        q, k, v = self.node("Split", self.node("Transpose", qkv, perm=[2, 0, 3, 1, 4]), outputs=3, axis=0)
        q, k, v = (self.node("Squeeze", part, self.ints(0)) for part in (q, k, v))
        scores = self.node("MatMul", self.node("Mul", q, self.number((d // h) ** -0.5)),
                           self.node("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), v)
        rows = self.node("Reshape", self.node("Transpose", mixed, perm=[0, 2, 1, 3]), self.ints(batch, t, d))
        return self.linear(rows, f"{name}.proj")

    def attention_op(self, x, shape, name):
        """What onnxruntime.transformers.optimizer makes of the nodes above."""
        weight = self.constant(self.arrays[f"{name}.qkv.weight"].T)
        mixed = self.own("Attention", x, weight, self.tensor(f"{name}.qkv.bias"), num_heads=shape.heads)
        return self.linear(mixed, f"{name}.proj")

    def multi_head_attention(self, x, shape, name):
        """The same where the product that makes queries, keys and values is a node of its own."""
        q, k, v = self.node("Split", self.linear(x, f"{name}.qkv"), outputs=3, axis=2)
        return self.linear(self.own("MultiHeadAttention", q, k, v, num_heads=shape.heads), f"{name}.proj")


def build(shape, arrays, batch, attention="nodes", weight_bits=None):
    """The model: input `images` f32 [batch, 3, side, side], output `logits` [batch, shape.outputs]. `attention` is
    "nodes", or one of ONNX Runtime's operators; with `weight_bits` (7 or 8) its linear layers are quantized."""
    g, d, p = _Graph(arrays, weight_bits), shape.width, shape.patch
    attentions = {"nodes": lambda y, name: g.attention(y, shape, batch, name),
                  "Attention": lambda y, name: g.attention_op(y, shape, name),
                  "MultiHeadAttention": lambda y, name: g.multi_head_attention(y, shape, name)}
    x = g.node("Conv", "images", g.tensor("patch_embed.proj.weight"), g.tensor("patch_embed.proj.bias"),
               strides=[p, p], kernel_shape=[p, p])
    x = g.node("Transpose", g.node("Reshape", x, g.ints(batch, d, shape.tokens - 1)), perm=[0, 2, 1])
    x = g.node("Concat", g.constant(np.repeat(arrays["cls_token"], batch, axis=0)), x, axis=1)
    x = g.node("Add", x, g.tensor("pos_embed"))
    for i in range(shape.depth):
        block = f"blocks.{i}"
        y = g.norm(x, f"{block}.norm1")
        y = attentions[attention](y, f"{block}.attn")
        x = g.node("Add", x, g.scaled(y, f"{block}.ls1.gamma"))
        y = g.linear(g.gelu(g.linear(g.norm(x, f"{block}.norm2"), f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
        x = g.node("Add", x, g.scaled(y, f"{block}.ls2.gamma"))
    # As the exporters write it: the norm of all tokens, then token 0.
    x = g.node("Gather", g.norm(x, "norm"), g.constant(np.int64(0)), axis=1)
    if shape.classes:
        x = g.linear(x, "head")
    g.nodes.append(helper.make_node("Identity", [x], ["logits"]))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, shape.image, shape.image])
    result = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, shape.outputs])
    graph = helper.make_graph(g.nodes, "vit", [images], [result], g.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def write(case, path, attention="nodes", weight_bits=None):
    from harness import weights
    with open(path, "wb") as f:
        f.write(build(case.shape, weights.read(case), case.batch, attention, weight_bits).SerializeToString())
