"""Builds the preset Vision Transformers as ONNX graphs with random weights, as exporters write them (opset 17).

Needs the Python packages onnx and numpy, no framework. Only the speed of these graphs is of interest.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Shape:
    width: int
    depth: int
    heads: int
    patch: int = 16
    image: int = 224
    classes: int = 1000

    @property
    def patches(self):
        return (self.image // self.patch) ** 2

    @property
    def gflop(self):
        """Nominal GFLOP of one image: two per multiply-add of the convolution, the products and the head."""
        t, d, f = self.patches + 1, self.width, 4 * self.width
        block = t * (4 * d * d + 2 * d * f) + 2 * t * t * d
        macs = self.depth * block + self.patches * d * 3 * self.patch**2 + d * self.classes
        return 2e-9 * macs


PRESETS = {
    "vit_tiny_patch16_224": Shape(192, 12, 3),
    "vit_small_patch16_224": Shape(384, 12, 6),
    "vit_base_patch16_224": Shape(768, 12, 12),
    "vit_large_patch16_224": Shape(1024, 24, 16),
}


class _Graph:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.count = [], [], 0

    def node(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{op.lower()}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, *shape, scale=0.02):
        return self.constant(self.rng.standard_normal(shape, dtype=np.float32) * np.float32(scale))

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def number(self, value):
        return self.constant(np.float32(value))

    def linear(self, x, n_in, n_out):
        return self.node("Add", self.node("MatMul", x, self.weight(n_in, n_out)), self.weight(n_out))

    def norm(self, x, width):
        gain = self.constant(np.ones(width, np.float32))
        return self.node("LayerNormalization", x, gain, self.weight(width), axis=-1, epsilon=1e-6)

    def gelu(self, x):
        """x/2 (1 + erf(x/sqrt 2)): ONNX Runtime finds this form and fuses it with the bias."""
        erf = self.node("Erf", self.node("Div", x, self.number(2**0.5)))
        return self.node("Mul", self.node("Mul", x, self.node("Add", erf, self.number(1))), self.number(0.5))

    def attention(self, x, shape, batch, fused):
        t, d, h = shape.patches + 1, shape.width, shape.heads
        if fused:  # what onnxruntime.transformers.optimizer makes of the graph below
            self.count += 1
            name = f"attention_{self.count}"
            self.nodes.append(helper.make_node("Attention", [x, self.weight(d, 3 * d), self.weight(3 * d)], [name],
                                               domain="com.microsoft", num_heads=h))
            return self.linear(name, d, d)
        qkv = self.node("Reshape", self.linear(x, d, 3 * d), self.ints(batch, t, 3, h, d // h))
        q, k, v = self.node("Split", self.node("Transpose", qkv, perm=[2, 0, 3, 1, 4]), outputs=3, axis=0)
        q, k, v = (self.node("Squeeze", name, self.ints(0)) for name in (q, k, v))
        scores = self.node("MatMul", self.node("Mul", q, self.number((d // h) ** -0.5)),
                           self.node("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), v)
        rows = self.node("Reshape", self.node("Transpose", mixed, perm=[0, 2, 1, 3]), self.ints(batch, t, d))
        return self.linear(rows, d, d)


def build(shape, batch, fused_attention, seed=1):
    """The serialized model: input `images` f32 [batch, 3, image, image], output `logits` [batch, classes]."""
    g, d = _Graph(seed), shape.width
    x = g.node("Conv", "images", g.weight(d, 3, shape.patch, shape.patch), g.weight(d),
               strides=[shape.patch] * 2, kernel_shape=[shape.patch] * 2)
    x = g.node("Transpose", g.node("Reshape", x, g.ints(batch, d, shape.patches)), perm=[0, 2, 1])
    x = g.node("Concat", g.weight(batch, 1, d), x, axis=1)
    x = g.node("Add", x, g.weight(1, shape.patches + 1, d))
    for _ in range(shape.depth):
        x = g.node("Add", x, g.attention(g.norm(x, d), shape, batch, fused_attention))
        hidden = g.gelu(g.linear(g.norm(x, d), d, 4 * d))
        x = g.node("Add", x, g.linear(hidden, 4 * d, d))
    # As the exporters write it: the norm of all tokens, then token 0.
    row = g.node("Gather", g.norm(x, d), g.constant(np.int64(0)), axis=1)
    logits = g.linear(row, d, shape.classes)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, shape.image, shape.image])
    result = helper.make_tensor_value_info(logits, TensorProto.FLOAT, [batch, shape.classes])
    graph = helper.make_graph(g.nodes, "vit", [images], [result], g.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
