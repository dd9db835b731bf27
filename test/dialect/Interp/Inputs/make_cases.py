#!/usr/bin/env python3
"""Writes interpreter-cases.json: small functions of the vit dialect with inputs, weights and expected results.

The expectations come from the formulas of the literature in numpy, written independently of the interpreter.
Run by hand when an op changes: python3 make_cases.py > interpreter-cases.json (made with numpy 2.4; any will do).
"""
import json
import math

import numpy as np

random = np.random.default_rng(20)
cases = []


def draw(*shape):
    return np.round(random.normal(size=shape), 3)


def pixels(*shape):
    return random.integers(0, 256, size=shape).astype(float)


def tensor(x):
    return {"shape": list(x.shape), "data": [float(v) for v in np.asarray(x).ravel()]}


def kind(x, element="f32"):
    return "tensor<" + "x".join(map(str, x.shape)) + "x" + element + ">"


def buffer(shape, stride=None, element="f32"):
    extent = "x".join(map(str, shape)) + "x" + element
    return f"memref<{extent}>" if stride is None else f"memref<{extent}, strided<[{stride}, 1]>>"


def case(name, mlir, inputs, results, weights=None):
    entry = {"name": name, "mlir": mlir, "inputs": [tensor(x) for x in inputs], "results": [tensor(x) for x in results]}
    entry["weights"] = {n: tensor(w) for n, w in (weights or {}).items()}
    cases.append(entry)


def function(op, inputs, result, types=None):
    """One op on tensors; operands are called %0, %1, ..."""
    types = types or [kind(x) for x in inputs]
    arguments = ", ".join(f"%{i}: {t}" for i, t in enumerate(types))
    body = op.replace("TYPES", "(" + ", ".join(types) + ")").replace("RESULT", kind(result))
    return f"func.func @f({arguments}) -> {kind(result)} {{ %r = {body} return %r : {kind(result)} }}"


# The literature's formulas.
def layer_norm(x, gamma=1.0, beta=0.0, eps=1e-5):
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps) * gamma + beta


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def heads_of(x, heads):
    return np.split(x, heads, axis=1)


def attention(q, k, v, heads, scale):
    parts = zip(heads_of(q, heads), heads_of(k, heads), heads_of(v, heads))
    return np.concatenate([softmax(scale * qh @ kh.T) @ vh for qh, kh, vh in parts], axis=1)


def activation(name, x):
    phi = np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)))
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    return {
        "gelu_erf": lambda: x * phi(x),
        "gelu_tanh": lambda: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "quick_gelu": lambda: x * sigmoid(1.702 * x),
        "relu": lambda: np.maximum(x, 0),
        "silu": lambda: x * sigmoid(x),
        "tanh": lambda: np.tanh(x),
    }[name]()


def patches(image, size, stride, padding=(0, 0, 0, 0)):
    """image [C, H, W] -> list of patches [C, Ph, Pw], row-major."""
    top, left, bottom, right = padding
    image = np.pad(image, ((0, 0), (top, bottom), (left, right)))
    found = []
    for i in range(0, image.shape[1] - size[0] + 1, stride[0]):
        for j in range(0, image.shape[2] - size[1] + 1, stride[1]):
            found.append(image[:, i : i + size[0], j : j + size[1]])
    return found


def convolve(image, kernel, bias, stride, padding=(0, 0, 0, 0)):
    rows = [np.einsum("dcij,cij->d", kernel, p) + bias for p in patches(image, kernel.shape[2:], stride, padding)]
    return np.array(rows)


# Model-level ops.
u = pixels(3, 5, 2)
mean, std = [0.5, -0.25], [0.25, 3.0]
y = (u.transpose(2, 0, 1) / 255 - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
op = f"vit.normalize_image %0 scale {1 / 255!r} mean {mean} std {std} : {kind(u, 'ui8')} -> RESULT"
case("normalize_image", function(op, [u], y, [kind(u, "ui8")]), [u], [y])

x, w, b = draw(3, 9, 7), draw(4, 3, 3, 2), draw(4)
y = convolve(x, w, b, (3, 2))
case("patch_embed", function("vit.patch_embed %0, %1 bias %2 stride [3, 2] : TYPES -> RESULT", [x, w, b], y),
     [x, w, b], [y])
y = convolve(x, w, 0, (2, 3), (1, 0, 2, 1))
case("patch_embed_overlap_and_padding",
     function("vit.patch_embed %0, %1 stride [2, 3] {padding = array<i64: 1, 0, 2, 1>} : TYPES -> RESULT", [x, w], y),
     [x, w], [y])
u = pixels(6, 4, 3)
y = convolve(u.transpose(2, 0, 1), w, b, (3, 2))
case("patch_embed_pixels", function("vit.patch_embed %0, %1 bias %2 stride [3, 2] : TYPES -> RESULT", [u, w, b], y,
                                    [kind(u, "ui8"), kind(w), kind(b)]), [u, w, b], [y])

x, z = draw(1, 3), draw(2, 3)
y = np.array([*x, *z, *x])
case("concat", function(f"vit.concat %0, %1, %0 : ({kind(x)}, {kind(z)}, {kind(x)}) -> RESULT", [x, z], y), [x, z], [y])
x, z = draw(2, 3, 2), draw(2, 3, 2)
case("add", function("vit.add %0, %1 : RESULT", [x, z], x), [x, z], [x + z])
a = draw(2, 3, 2)
case("average", function("vit.average %0, %1, %2 : TYPES -> RESULT", [x, z, a], x), [x, z, a], [(x + z + a) / 3])

x, w, b = draw(3, 5), draw(70, 5), draw(70)
case("linear", function("vit.linear %0, %1 bias %2 : TYPES -> RESULT", [x, w, b], x @ w.T), [x, w, b], [x @ w.T + b])
case("linear_no_bias", function("vit.linear %0, %1 : TYPES -> RESULT", [x, w], x @ w.T), [x, w], [x @ w.T])

x, g, b = draw(3, 6) + 5, draw(6), draw(6)
for suffix, operands, gamma, beta in [("", "gamma %1 beta %2", g, b), ("_gamma", "gamma %1", g, 0),
                                      ("_beta", "beta %2", 1, b), ("_plain", "", 1, 0)]:
    types = ", ".join([kind(x)] + [kind(g)] * operands.count("%"))
    op = f"vit.layer_norm %0 {operands} eps 0.125 : ({types}) -> RESULT"
    case("layer_norm" + suffix, function(op, [x, g, b], x), [x, g, b], [layer_norm(x, gamma, beta, 0.125)])

q, k, v = draw(3, 6), draw(5, 6), draw(5, 6)
op = "vit.attention %0, %1, %2 heads 2 scale 0.7 : TYPES -> RESULT"
case("attention", function(op, [q, k, v], q), [q, k, v], [attention(q, k, v, 2, 0.7)])
# Scores of some hundreds: the softmax must not overflow.
case("attention_peaked", function(op, [q, k, v], q), [200 * q, k, v], [attention(200 * q, k, v, 2, 0.7)])

x = np.array([[-100.0, -40.0, -8.5, -3.0, -1.0, -0.25, -1e-9], [0.0, 1e-9, 0.25, 1.0, 3.0, 8.5, 40.0]])
for name in ["gelu_erf", "gelu_tanh", "quick_gelu", "relu", "silu", "tanh"]:
    case("activation_" + name, function(f"vit.activation {name} %0 : RESULT", [x], x), [x], [activation(name, x)])

x, g = draw(3, 4), draw(4)
case("layer_scale", function("vit.layer_scale %0, %1 : TYPES -> RESULT", [x, g], x), [x, g], [x * g])
case("slice", function(f"vit.slice %0 from 1 : {kind(x)} -> RESULT", [x], x[1:3]), [x], [x[1:3]])
y = x.mean(0, keepdims=True)
case("mean_tokens", function(f"vit.mean_tokens %0 : {kind(x)} -> RESULT", [x], y), [x], [y])

# Weights reach a function through vit.param.
x, w = draw(2, 3), draw(2, 3)
case("param", f"vit.weight @w : {kind(w)} vit.weight @w.s : {kind(w)} = [#vit.ref<@w>, #vit.scale<0.5 : f64>] "
     f"func.func @f(%0: {kind(x)}) -> {kind(x)} {{ %w = vit.param @w.s : {kind(w)} "
     f"%r = vit.add %0, %w : {kind(x)} return %r : {kind(x)} }}", [x], [x + w / 2], {"w": w})

# Fused ops.
x = draw(2, 7, 5)
y = np.array([p.ravel() for p in patches(x, (3, 2), (2, 2))])
case("extract_patches", function(f"vit.extract_patches %0 size [3, 2] stride [2, 2] : {kind(x)} -> RESULT", [x], y),
     [x], [y])
u = pixels(4, 4, 3)
y = np.array([p.ravel() for p in patches(u.transpose(2, 0, 1), (2, 2), (2, 2))])
op = f"vit.extract_patches %0 size [2, 2] stride [2, 2] : {kind(u, 'ui8')} -> RESULT"
case("extract_patches_pixels", function(op, [u], y, [kind(u, "ui8")]), [u], [y])

x, w, b, r = draw(3, 5), draw(6, 5), draw(6), draw(3, 6)
op = "vit.fused_linear %0, %1 bias %2 activation gelu_erf residual %3 : TYPES -> RESULT"
case("fused_linear", function(op, [x, w, b, r], r), [x, w, b, r], [activation("gelu_erf", x @ w.T + b) + r])
y = np.array(heads_of(x @ w.T + b, 3))
case("fused_linear_heads", function("vit.fused_linear %0, %1 bias %2 heads 3 : TYPES -> RESULT", [x, w, b], y),
     [x, w, b], [y])

qkv = draw(7, 4, 3)
planes = (1, 5, 3)
y = np.concatenate([softmax(qkv[1 + h] @ qkv[5 + h].T) @ qkv[3 + h] for h in range(2)], axis=1)
op = f"vit.fused_attention %0, %0, %0 heads 2 planes [1, 5, 3] : ({kind(qkv)}, {kind(qkv)}, {kind(qkv)}) -> RESULT"
case("fused_attention", function(op, [qkv], y), [qkv], [y])
q, k = draw(2, 2, 3), draw(2, 5, 3)
y = np.concatenate([softmax(np.log(2) * q[h] @ k[h].T) @ k[h] for h in range(2)], axis=1)
op = (f"vit.fused_attention %0, %1, %1 heads 2 planes [0, 0, 0] base2 : ({kind(q)}, {kind(k)}, {kind(k)}) -> RESULT")
case("fused_attention_base2_few_queries", function(op, [q, k], y), [q, k], [y])


# Planned ops: the first argument is the input, the others are outputs.
def planned(body, *arguments, module=""):
    names = ", ".join(f"%{i}: {t}" for i, t in enumerate(arguments))
    return f"{module} func.func @f({names}) {{ {body} return }}"


u = pixels(4, 5, 3)
y = np.array([p.ravel() for p in patches(u.transpose(2, 0, 1), (2, 2), (2, 2))])
t = [buffer(u.shape, element="i8"), buffer(y.shape, 20)]
case("plan_gather", planned(f"vit.plan.gather ins(%0 : {t[0]}) outs(%1 : {t[1]}) size [2, 2] stride [2, 2] chunks 2", *t),
     [u], [y])


def panels(w, width):
    count = -(-w.shape[0] // width)
    padded = np.zeros((count * width, w.shape[1]))
    padded[: w.shape[0]] = w
    return padded.reshape(count, width, -1).transpose(0, 2, 1)


x, w, b = draw(3, 5), draw(6, 5), draw(6)
packed = f"vit.weight @w : tensor<2x5x4xf32> vit.weight @b : tensor<8xf32>"
weights = {"w": panels(w, 4), "b": np.concatenate([b, [0, 0]])}
load = "%w = vit.plan.weights @w : memref<2x5x4xf32> %b = vit.plan.weights @b : memref<8xf32> "
t = [buffer((3, 5)), buffer((3, 6), 8)]
gemm = f"vit.plan.gemm ins(%0, %w : {t[0]}, memref<2x5x4xf32>) bias(%b : memref<8xf32>)"
case("plan_gemm", planned(f"{load} {gemm} activation quick_gelu outs(%1 : {t[1]}) tile [2, 1] grid [2, 1, 1] flops 0", *t,
                          module=packed), [x], [activation("quick_gelu", x @ w.T + b)], weights)
# The residual is the output of the product before it, updated in place.
twice = f"{load} {gemm} outs(%1 : {t[1]}) tile [2, 1] grid [2, 1, 1] flops 0 "
twice += f"{gemm} activation relu residual(%1 : {t[1]}) outs(%1 : {t[1]}) tile [2, 1] grid [1, 2, 1] flops 0"
y = x @ w.T + b
case("plan_gemm_residual_in_place", planned(twice, *t, module=packed), [x], [y + np.maximum(y, 0)], weights)
t = [buffer((3, 5)), buffer((2, 3, 4))]
y = np.concatenate([x @ w.T + b, np.zeros((3, 2))], axis=1)
case("plan_gemm_planes", planned(f"{load} {gemm} outs(%1 : {t[1]}) tile [2, 1] grid [2, 2, 1] flops 0", *t, module=packed),
     [x], [np.array(heads_of(y, 2))], weights)

x, g, b = draw(3, 6), draw(16), draw(16)
t = [buffer((3, 6), 8), buffer((3, 6), 16)]
affine = "vit.weight @g : tensor<16xf32> vit.weight @b : tensor<16xf32>"
load = "%g = vit.plan.weights @g : memref<16xf32> %b = vit.plan.weights @b : memref<16xf32>"
body = f"{load} vit.plan.layer_norm ins(%0 : {t[0]}) gamma(%g : memref<16xf32>) beta(%b : memref<16xf32>) outs(%1 : {t[1]})"
y = layer_norm(x, g[:6], b[:6], 0.5)
case("plan_layer_norm", planned(body + " eps 0.5 chunks 3", *t, module=affine), [x], [y], {"g": g, "b": b})
body += f" eps 0.5 chunks 1 vit.plan.layer_norm ins(%1 : {t[1]}) outs(%1 : {t[1]}) eps 0.25 chunks 2"
case("plan_layer_norm_in_place", planned(body, *t, module=affine), [x], [layer_norm(y, eps=0.25)], {"g": g, "b": b})

qkv = draw(6, 5, 16)
y = np.concatenate([softmax(qkv[h] @ qkv[2 + h].T) @ qkv[4 + h] for h in range(2)], axis=1)
t = [buffer(qkv.shape), buffer((5, 32), 48)]
body = (f"vit.plan.attention ins(%0, %0, %0 : {t[0]}, {t[0]}, {t[0]}) outs(%1 : {t[1]}) heads 2 planes [0, 2, 4] "
        "tile [4, 1] grid [1, 2] flops 0")
case("plan_attention", planned(body, *t), [qkv], [y])

x = draw(4, 3)
t = [buffer((4, 3)), buffer((2, 3), 7), buffer((4, 3)), buffer((1, 3))]
view = f"%v = vit.plan.view %0 from 1 : {t[0]} -> {buffer((2, 3))} "
body = view + f"vit.plan.copy ins(%v : {buffer((2, 3))}) outs(%1 : {t[1]}) chunks 2 "
body += f"vit.plan.map ins(%0, %0, %0 : {t[0]}, {t[0]}, {t[0]}) outs(%2 : {t[2]}) factor 0.5 activation silu chunks 1 "
body += f"vit.plan.mean ins(%0 : {t[0]}) outs(%3 : {t[3]})"
case("plan_view_copy_map_mean", planned(body, *t), [x],
     [x[1:3], activation("silu", 1.5 * x), x.mean(0, keepdims=True)])

# Two buffers at one offset of the arena: the second write overwrites the first, here on purpose.
rows = buffer((4, 3), 16)
body = (f"%a = vit.plan.buffer at 64 : {rows} %b = vit.plan.buffer at 128 : {buffer((1, 3), 16)} "
        f"vit.plan.copy ins(%0 : {t[0]}) outs(%a : {rows}) chunks 1 "
        f"vit.plan.mean ins(%0 : {t[0]}) outs(%b : {buffer((1, 3), 16)}) "
        f"vit.plan.copy ins(%a : {rows}) outs(%1 : {t[0]}) chunks 1")
y = x.copy()
y[1] = x.mean(0)
case("plan_buffer_offsets", planned(body, t[0], t[0]), [x], [y])

# Padded rows of the blob used as an activation.
w = draw(2, 3)
body = (f"%w = vit.plan.weights @w.p : {buffer((2, 3), 4)} "
        f"vit.plan.map ins(%0, %w : {buffer((2, 3))}, {buffer((2, 3), 4)}) outs(%1 : {buffer((2, 3))}) factor 1.0 chunks 1")
case("plan_weights_rows", planned(body, buffer((2, 3)), buffer((2, 3)),
                                  module="vit.weight @w : tensor<2x3xf32> "
                                  "vit.weight @w.p : tensor<2x4xf32> = [#vit.ref<@w>, #vit.pad<[2, 4]>]"),
     [x[:2]], [x[:2] + w], {"w": w})

# RMSNorm, norms of heads, rotations, biases of scores and gates.
def rms_norm(x, gamma=1.0, eps=1e-5):
    return x / np.sqrt((x * x).mean(1, keepdims=True) + eps) * gamma


def rotate(x, cos, sin, halves):
    """Of one head: complex multiplication of pairs, whose cosines and sines may differ within a pair."""
    d = x.shape[1]
    a, b = (np.arange(d // 2), np.arange(d // 2) + d // 2) if halves else (np.arange(0, d, 2), np.arange(1, d, 2))
    y = np.empty_like(x)
    y[:, a] = x[:, a] * cos[:, a] - x[:, b] * sin[:, a]
    y[:, b] = x[:, b] * cos[:, b] + x[:, a] * sin[:, b]
    return y


x, g, gh, bh = draw(3, 6), draw(6), draw(3), draw(3)
case("layer_norm_rms", function("vit.layer_norm rms %0 gamma %1 eps 0.125 : TYPES -> RESULT", [x, g], x), [x, g],
     [rms_norm(x, g, 0.125)])
y = np.concatenate([layer_norm(h, gh, bh, 0.125) for h in heads_of(x, 2)], axis=1)
case("layer_norm_heads", function("vit.layer_norm %0 heads 2 gamma %1 beta %2 eps 0.125 : TYPES -> RESULT", [x, gh, bh], x),
     [x, gh, bh], [y])
planes = draw(2, 3, 4)
y = np.array([rms_norm(p, eps=0.125) for p in planes])
case("layer_norm_planes", function("vit.layer_norm rms %0 eps 0.125 : TYPES -> RESULT", [planes], planes), [planes], [y])

x = draw(5, 8)
for name, halves, columns in [("", False, 4), ("_halves", True, 4), ("_every_head", False, 8)]:
    cos, sin = draw(3, columns), draw(3, columns)
    y = x.copy()
    for h in range(2):
        own = slice(h * 4, h * 4 + 4) if columns == 8 else slice(0, 4)
        y[1:4, h * 4:h * 4 + 4] = rotate(x[1:4, h * 4:h * 4 + 4], cos[:, own], sin[:, own], halves)
    op = f"vit.rope %0 cos %1 sin %2 {'halves ' if halves else ''}heads 2 from 1 : TYPES -> RESULT"
    case("rope" + name, function(op, [x, cos, sin], x), [x, cos, sin], [y])
    planes = np.array(heads_of(x, 2))
    case("rope_planes" + name, function(op, [planes, cos, sin], planes), [planes, cos, sin], [np.array(heads_of(y, 2))])

q, k, v, bias = draw(3, 6), draw(5, 6), draw(5, 6), draw(2, 3, 5)
parts = zip(heads_of(q, 2), heads_of(k, 2), heads_of(v, 2), bias)
y = np.concatenate([softmax(0.7 * qh @ kh.T + bh) @ vh for qh, kh, vh, bh in parts], axis=1)
case("attention_bias", function("vit.attention %0, %1, %2 bias %3 heads 2 scale 0.7 : TYPES -> RESULT", [q, k, v, bias], q),
     [q, k, v, bias], [y])
qkv, bias = draw(6, 4, 3), draw(2, 4, 4)
y = np.concatenate([softmax(qkv[h] @ qkv[2 + h].T + bias[h]) @ qkv[4 + h] for h in range(2)], axis=1)
types = [kind(qkv)] * 3 + [kind(bias)]
op = f"vit.fused_attention %0, %0, %0 bias %1 heads 2 planes [0, 2, 4] : ({', '.join(types)}) -> RESULT"
case("fused_attention_bias", function(op, [qkv, bias], y), [qkv, bias], [y])

x, w, f, r = draw(3, 5), draw(6, 5), draw(3, 6), draw(3, 6)
case("multiply", function("vit.multiply %0, %1 : RESULT", [f, r], f), [f, r], [f * r])
op = "vit.fused_linear %0, %1 activation silu factor %2 residual %3 : TYPES -> RESULT"
case("fused_linear_factor", function(op, [x, w, f, r], r), [x, w, f, r], [activation("silu", x @ w.T) * f + r])

# The same on buffers.
w = draw(6, 5)
t = [buffer((3, 5)), buffer((3, 6), 8), buffer((3, 6), 8)]
body = (f"%w = vit.plan.weights @w.p : memref<2x5x4xf32> "
        f"vit.plan.copy ins(%1 : {t[1]}) outs(%2 : {t[2]}) chunks 1 "
        f"vit.plan.gemm ins(%0, %w : {t[0]}, memref<2x5x4xf32>) factor(%1 : {t[1]}) residual(%2 : {t[2]}) "
        f"outs(%2 : {t[2]}) tile [2, 1] grid [2, 1, 1] flops 0")
case("plan_gemm_factor", planned(body, *t, module="vit.weight @w : tensor<6x5xf32> vit.weight @w.p : tensor<2x5x4xf32> "
                                 "= [#vit.ref<@w>, #vit.pack_panels<4>]"),
     [x, f], [(x @ w.T) * f + f], {"w": w})

planes = draw(2, 3, 16)
t = [buffer(planes.shape), buffer(planes.shape)]
rows = buffer((6, 10), 16)
body = (f"vit.plan.copy ins(%a : {buffer((6, 16), 16)}) outs(%b : {buffer((6, 16), 16)}) chunks 1 "
        f"vit.plan.layer_norm rms ins(%v : {rows}) outs(%w : {rows}) eps 0.5 chunks 2")
views = "".join(f"%{n} = vit.plan.view %{i} from 0 : {t[0]} -> {r} "
                for n, i, r in [("a", 0, buffer((6, 16), 16)), ("b", 1, buffer((6, 16), 16)), ("v", 0, rows), ("w", 1, rows)])
y = np.array([np.concatenate([rms_norm(p[:, :10], eps=0.5), np.zeros((3, 6))], axis=1) for p in planes])
case("plan_layer_norm_planes", planned(views + body, *t), [planes], [y])

for name, columns in [("", 16), ("_every_plane", 32)]:
    cos, sin = draw(2, columns), draw(2, columns)
    y = planes.copy()
    for p in range(2):
        own = slice(p * 16, p * 16 + 16) if columns == 32 else slice(0, 16)
        y[p, 1:] = rotate(planes[p, 1:], cos[:, own], sin[:, own], False)
    t = [buffer(planes.shape), buffer(cos.shape), buffer(sin.shape), buffer(planes.shape)]
    body = f"vit.plan.rope ins(%0, %1, %2 : {t[0]}, {t[1]}, {t[2]}) outs(%3 : {t[3]}) from 1 chunks 4"
    case("plan_rope" + name, planned(body, *t), [planes, cos, sin], [y])

qkv, bias = draw(3, 4, 16), draw(1, 4, 32)
t = [buffer(qkv.shape), buffer(bias.shape), buffer((4, 16))]
body = (f"vit.plan.attention ins(%0, %0, %0 : {t[0]}, {t[0]}, {t[0]}) bias(%1 : {t[1]}) outs(%2 : {t[2]}) heads 1 "
        "planes [0, 1, 2] tile [4, 1] grid [1, 1] flops 0")
case("plan_attention_bias", planned(body, *t), [qkv, bias], [softmax(qkv[0] @ qkv[1].T + bias[0, :, :4].T) @ qkv[2]])

x = draw(3, 8)
t = [buffer(x.shape), buffer((3, 6))]
case("plan_copy_groups", planned(f"vit.plan.copy ins(%0 : {t[0]}) outs(%1 : {t[1]}) groups 2 chunks 2", *t), [x],
     [x[:, [0, 1, 2, 4, 5, 6]]])

# Channels, pools and patches with padding.
x = draw(3, 4, 2)
case("channels_first", function(f"vit.channels_first %0 : {kind(x)} -> RESULT", [x], x.transpose(2, 0, 1)), [x],
     [x.transpose(2, 0, 1)])
x, z = draw(2, 3), draw(2, 4)
y = np.concatenate([x, z, x], axis=1)
case("concat_channels", function(f"vit.concat_channels %0, %1, %0 : ({kind(x)}, {kind(z)}, {kind(x)}) -> RESULT", [x, z], y),
     [x, z], [y])
x = draw(4, 3)
y = x.max(0, keepdims=True)
case("max_tokens", function(f"vit.max_tokens %0 : {kind(x)} -> RESULT", [x], y), [x], [y])

u = pixels(4, 5, 2)
factors, shifts = [0.25, -2.0], [1.5, 3.0]
image = u.transpose(2, 0, 1) * np.array(factors)[:, None, None] + np.array(shifts)[:, None, None]
y = np.array([p.ravel() for p in patches(image, (3, 2), (2, 2), (1, 0, 1, 1))])
affine = (f"factors = array<f64: {factors[0]}, {factors[1]}>, shifts = array<f64: {shifts[0]}, {shifts[1]}>, "
          "padding = array<i64: 1, 0, 1, 1>")
op = f"vit.extract_patches %0 size [3, 2] stride [2, 2] {{{affine}}} : {kind(u, 'ui8')} -> RESULT"
case("extract_patches_normalised", function(op, [u], y, [kind(u, "ui8")]), [u], [y])
t = [buffer(u.shape, element="i8"), buffer(y.shape, 20)]
case("plan_gather_normalised", planned(f"vit.plan.gather ins(%0 : {t[0]}) outs(%1 : {t[1]}) size [3, 2] stride [2, 2] "
                                       f"chunks 2 {{{affine}}}", *t), [u], [y])
x = draw(4, 5, 2)
y = np.array([p.ravel() for p in patches(x.transpose(2, 0, 1), (2, 2), (2, 2))])
op = f"vit.extract_patches %0 size [2, 2] stride [2, 2] {{channels_last}} : {kind(x)} -> RESULT"
case("extract_patches_channels_last", function(op, [x], y), [x], [y])

x, z = draw(3, 4), draw(3, 2)
y = np.concatenate([x, z], axis=1)
t = [buffer(x.shape), buffer(y.shape, 9), buffer((1, 4), 20)]
body = (f"vit.plan.copy ins(%0 : {t[0]}) outs(%a : {buffer(x.shape, 20)}) chunks 1 "
        f"vit.plan.join ins(%a, %0 : {buffer(x.shape, 20)}, {t[0]}) outs(%1 : {buffer((3, 8), 9)}) chunks 2 "
        f"vit.plan.max ins(%0 : {t[0]}) outs(%2 : {t[2]})")
body = f"%a = vit.plan.buffer : {buffer(x.shape, 20)} " + body
case("plan_join_max", planned(body, t[0], buffer((3, 8), 9), t[2]), [x],
     [np.concatenate([x, x], axis=1), x.max(0, keepdims=True)])

# Probabilities and attention maps.
x = 40 * draw(3, 5)
case("softmax", function("vit.softmax %0 : RESULT", [x], x), [x], [softmax(x)])
x = np.array([[-100.0, -3.0, -1e-9, 0.0, 0.25, 40.0]])
y = np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))
case("activation_sigmoid", function("vit.activation sigmoid %0 : RESULT", [x], x), [x], [y])
q, k = draw(4, 6), draw(4, 6)
maps = np.concatenate([softmax(0.7 * a @ c.T) for a, c in zip(heads_of(q, 3), heads_of(k, 3))])
case("attention_weights", function("vit.attention_weights %0, %1 heads 3 scale 0.7 : TYPES -> RESULT", [q, k], maps),
     [q, k], [maps])
few = np.concatenate([softmax(0.7 * a @ c.T) for a, c in zip(heads_of(q[:1], 3), heads_of(k, 3))])
case("attention_weights_few_queries",
     function("vit.attention_weights %0, %1 heads 3 scale 0.7 : TYPES -> RESULT", [q[:1], k], few), [q[:1], k], [few])
factor = (maps.reshape(3, 4, 4).mean(0) + np.eye(4)) / 2
case("rollout_first", function("vit.rollout %0 heads 3 : TYPES -> RESULT", [maps], factor), [maps], [factor])
before = draw(4, 4)
case("rollout", function("vit.rollout %0 before %1 heads 3 : TYPES -> RESULT", [maps, before], before), [maps, before],
     [factor @ before])
# Head planes, powers of two, and a bias of every head with room behind its rows.
planes, bias = draw(3, 4, 16), np.zeros((3, 4, 16))
bias[:, :, :4] = draw(3, 4, 4)
maps = np.concatenate([softmax(np.log(2) * (a @ a.T + c[:, :4])) for a, c in zip(planes, bias)])
op = "vit.fused_attention_weights %0, %0 bias %1 : TYPES -> RESULT"
types = f"({kind(planes)}, {kind(planes)}, {kind(bias[:, :, :4])})"
case("fused_attention_weights", function(op.replace("TYPES", types), [planes, bias[:, :, :4]], maps),
     [planes, bias[:, :, :4]], [maps])
factor = (maps.reshape(3, 4, 4).mean(0) + np.eye(4)) / 2
t = [buffer(planes.shape), buffer(bias.shape), buffer(maps.shape, 20), buffer((4, 4), 17), buffer((4, 4), 18)]
body = (f"vit.plan.attention_weights ins(%0, %0 : {t[0]}, {t[0]}) bias(%1 : {t[1]}) outs(%2 : {t[2]}) chunks 5 "
        f"vit.plan.rollout ins(%2 : {t[2]}) outs(%3 : {t[3]}) heads 3 chunks 1 "
        f"vit.plan.rollout ins(%2 : {t[2]}) before(%3 : {t[3]}) outs(%4 : {t[4]}) heads 3 chunks 2 "
        f"vit.plan.softmax ins(%3 : {t[3]}) outs(%3 : {t[3]}) chunks 1")
case("plan_maps", planned(body, *t), [planes, bias], [maps, softmax(factor), factor @ factor])

print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
