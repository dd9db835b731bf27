"""The MindSpore goldens: the ViT of MindSpore's tutorial (its cells written down from the published text, which defines
the tensors' names by their nesting) and mindcv's, both saved by MindSpore, the former with its optimizer."""

from types import SimpleNamespace

import mindcv
import mindcv.models.vit
import mindspore
import mindspore.nn as nn
import numpy as np
from mindcv.models.vit import VisionTransformer
from mindspore import Parameter, Tensor, ops
from mindspore.dataset import vision
from PIL import Image

import array_models as arrays
import golden_tools as tools

mindspore.set_context(mode=mindspore.PYNATIVE_MODE, device_target="CPU")


class Attention(nn.Cell):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.qkv = nn.Dense(dim, 3 * dim)
        self.out = nn.Dense(dim, dim)

    def construct(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).transpose(2, 0, 3, 1, 4)
        q, k, v = ops.unstack(qkv, axis=0)
        attention = ops.softmax(ops.mul(ops.BatchMatMul(transpose_b=True)(q, k), self.scale), axis=-1)
        x = ops.BatchMatMul()(attention, v).transpose(0, 2, 1, 3).reshape(b, n, c)
        return self.out(x)


class FeedForward(nn.Cell):
    def __init__(self, dim, hidden):
        super().__init__()
        self.dense1 = nn.Dense(dim, hidden)
        self.activation = nn.GELU()
        self.dense2 = nn.Dense(hidden, dim)

    def construct(self, x):
        return self.dense2(self.activation(self.dense1(x)))


class ResidualCell(nn.Cell):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def construct(self, x):
        return self.cell(x) + x


class TransformerEncoder(nn.Cell):
    def __init__(self, dim, depth, heads, hidden):
        super().__init__()
        self.layers = nn.SequentialCell([
            nn.SequentialCell([ResidualCell(nn.SequentialCell([nn.LayerNorm((dim,)), Attention(dim, heads)])),
                               ResidualCell(nn.SequentialCell([nn.LayerNorm((dim,)), FeedForward(dim, hidden)]))])
            for _ in range(depth)])

    def construct(self, x):
        return self.layers(x)


class PatchEmbedding(nn.Cell):
    def __init__(self, patch, dim, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, dim, kernel_size=patch, stride=patch, has_bias=True)

    def construct(self, x):
        x = self.conv(x)
        return x.reshape(x.shape[0], x.shape[1], -1).transpose(0, 2, 1)


class ViT(nn.Cell):
    def __init__(self, size, channels, patch, dim, depth, heads, hidden, classes):
        super().__init__()
        patches = (size[0] // patch[0]) * (size[1] // patch[1])
        self.patch_embedding = PatchEmbedding(patch, dim, channels)
        self.cls_token = Parameter(ops.zeros((1, 1, dim)), name="cls")
        self.pos_embedding = Parameter(ops.zeros((1, patches + 1, dim)), name="pos_embedding")
        self.transformer = TransformerEncoder(dim, depth, heads, hidden)
        self.norm = nn.LayerNorm((dim,))
        self.dense = nn.Dense(dim, classes)

    def construct(self, x):
        x = self.patch_embedding(x)
        x = ops.concat((ops.tile(self.cls_token, (x.shape[0], 1, 1)), x), axis=1) + self.pos_embedding
        x = self.norm(self.transformer(x))
        return self.dense(x[:, 0])


class Unfolded(nn.Cell):
    """A convolution without overlap as a product, because MindSpore has none in float64."""

    def __init__(self, conv):
        super().__init__()
        self.weight, self.bias, self.patch = conv.weight, conv.bias, conv.kernel_size

    def construct(self, x):
        (b, c, h, w), (p, q) = x.shape, self.patch
        x = x.reshape(b, c, h // p, p, w // q, q).transpose(0, 2, 4, 1, 3, 5).reshape(b, (h // p) * (w // q), -1)
        x = ops.matmul(x, self.weight.reshape(self.weight.shape[0], -1).transpose(1, 0)) + self.bias
        return x.transpose(0, 2, 1).reshape(b, -1, h // p, w // q)


def tutorial(c):
    return ViT(c["size"], 3, c["patch"], c["width"], c["depth"], c["heads"], c["hidden"], c["classes"])


def mindcv_vit(c):
    return VisionTransformer(image_size=c["size"][0], patch_size=c["patch"][0], in_channels=3,
                             global_pool=c["global_pool"], embed_dim=c["width"], depth=c["depth"], num_heads=c["heads"],
                             mlp_ratio=c["hidden"] / c["width"], num_classes=c["classes"], init_values=c["layer_scale"],
                             class_token=True, no_embed_class=c["no_embed_class"])


def build(config, params, dtype):
    net = config["build"](config)
    net.set_train(False)
    for name, parameter in net.parameters_dict().items():
        parameter.set_dtype(dtype)
        parameter.set_data(Tensor(params[name], dtype))
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.LayerNorm):
            cell.epsilon = config["eps"]
            cell.layer_norm = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=config["eps"])
        for attribute in ("activation", "act"):
            if isinstance(getattr(cell, attribute, None), nn.GELU):
                setattr(cell, attribute, nn.GELU(approximate=config["tanh_form"]))
        if isinstance(getattr(cell, "scale", None), Tensor):
            cell.scale = cell.scale.astype(dtype)
        for attribute in ("conv", "proj"):
            if dtype == mindspore.float64 and isinstance(getattr(cell, attribute, None), nn.Conv2d):
                setattr(cell, attribute, Unfolded(getattr(cell, attribute)))
    return net


def forward(params, config, x):
    dtype = mindspore.float64 if x.dtype == np.float64 else mindspore.float32
    # mindcv's softmax is in float32 whatever its weights are; the reference's is not.
    mindcv.models.vit.ms = SimpleNamespace(float32=dtype)
    params = {n: v for n, v in params.items() if config["depth"] == 2 or "layers.1." not in n and "blocks.1." not in n}
    return {"logits": build(config, params, dtype)(Tensor(x, dtype)).asnumpy()}


BASE = dict(build=tutorial, size=(20, 28), patch=(5, 7), width=24, heads=3, hidden=30, depth=2, classes=7, eps=1e-7,
            tanh_form=True, global_pool="token", layer_scale=None, no_embed_class=False)
MINDCV = dict(build=mindcv_vit, size=(20, 20), patch=(5, 5))

CASES = {
    "mindspore-vit": dict(note="the ViT of MindSpore's tutorial, with the tensors of nn.Adam", hidden=20, optimizer=True,
                          picture=(45, 30), steps=lambda kind: [vision.Resize([20, 28], kind)]),
    "mindcv-vit": dict(MINDCV, note="mindcv's vit", picture=(53, 41),
                       steps=lambda kind: [vision.Resize(int(20 / 0.875), kind), vision.CenterCrop(20)]),
    "mindcv-vit-avg": dict(MINDCV, note="mindcv's vit, avg with fc_norm; layer-scale; positions on patches only",
                           global_pool="avg", layer_scale=0.1, no_embed_class=True, hidden=48),
}


def fan_in(name, shape):
    return np.prod(shape[1:])


def scale_queries(model):
    for name in model.params:
        if ".qkv." in name:
            value = model.params[name].copy()
            value[: len(value) // 3] *= 2**0.5
            model.params[name] = value


def flips_for(config):
    def change(key, value):
        return lambda model: model.config.__setitem__(key, value)

    def roll(model):
        name = next(n for n in model.params if n in ("pos_embedding", "pos_embed"))
        model.params[name] = np.roll(model.params[name], 1, axis=1)

    return {"activation": change("tanh_form", False), "eps x1000": change("eps", config["eps"] * 1000),
            "softmax scale": scale_queries, "positions": roll, "depth": change("depth", 1)}


def save(path, net, case):
    """The net itself, or with what a step of training adds to it."""
    if case.get("optimizer"):
        data = Tensor(np.zeros((1, 3, *BASE["size"]), np.float32)), Tensor(np.zeros(1, np.int32))
        optimizer = nn.Adam(net.trainable_params(), learning_rate=nn.cosine_decay_lr(0.0, 5e-5, 8, 2, 4), beta1=0.9)
        step = nn.TrainOneStepCell(nn.WithLossCell(net, nn.SoftmaxCrossEntropyWithLogits(sparse=True)), optimizer)
        before = {k: v.asnumpy().copy() for k, v in net.parameters_dict().items()}
        step.set_train(True)
        step(*data)
        for name, parameter in net.parameters_dict().items():
            parameter.set_data(Tensor(before[name]))
        mindspore.save_checkpoint(step, str(path), append_dict={"epoch_num": 1, "step_num": 4})
    else:
        mindspore.save_checkpoint(net, str(path))


def preprocess(case, name):
    """The picture as MindSpore's own operators resize and normalise it."""
    image = tools.make_picture(name, *case["picture"], "RGB")

    def resized(kind):
        pixels = np.asarray(image)
        for step in case["steps"](kind):
            pixels = step(pixels)
        return np.asarray(pixels)

    u8 = resized(vision.Inter.LINEAR)
    normalise = vision.Normalize(mean=[255 * v for v in (0.485, 0.456, 0.406)],
                                 std=[255 * v for v in (0.229, 0.224, 0.225)])
    pillow = image.resize((u8.shape[1], u8.shape[0]), Image.BILINEAR)
    return dict(image=image, u8=u8, pixel_values=np.asarray(normalise(u8)).transpose(2, 0, 1).astype(np.float32),
                rules="MindSpore (as OpenCV)", u8_pillow=np.asarray(pillow), u8_other_filter=resized(vision.Inter.CUBIC))


def make_case(name, case):
    config = BASE | {k: v for k, v in case.items() if k in BASE}
    net = config["build"](config)
    shapes = {k: tuple(v.shape) for k, v in net.parameters_dict().items()}
    scales = {k: s for k, s in shapes.items() if k.endswith((".ls1.gamma", ".ls2.gamma"))}
    params = arrays.redraw({k: s for k, s in shapes.items() if k not in scales}, name, ".", fan_in, (".gamma",),
                           (".dense1.bias", ".fc1.bias"), (".dense2.weight", ".fc2.weight"))
    rng = tools.rng_for(name, "layer-scale")
    params |= {k: rng.uniform(0.3, 1, s).astype(np.float32) for k, s in scales.items()}
    rows, columns = (s // p for s, p in zip(config["size"], config["patch"]))
    quiet_patch = rows * columns // 2
    pos, bias = (next(params[n] for n in names if n in params)
                 for names in (("pos_embedding", "pos_embed"), ("patch_embedding.conv.bias", "patch_embed.proj.bias")))
    arrays.quiet(pos, quiet_patch + (0 if config["no_embed_class"] else 1), bias, config["eps"], name)
    for key, parameter in net.parameters_dict().items():
        parameter.set_data(Tensor(params[key]))
    directory = tools.fresh_directory(name)
    save(directory / "weights.ckpt", net, case)
    info = {"class": config["build"].__name__, "options": {"heads": config["heads"]},
            "versions": tools.versions(mindspore=mindspore.__version__, mindcv=mindcv.__version__),
            "notes": [case["note"], f"patch {config['patch'][0]}x{config['patch'][1]} on {config['size'][0]}x"
                      f"{config['size'][1]}; width {config['width']}, {config['heads']} heads, MLP {config['hidden']}; eps "
                      f"{config['eps']}; gelu_tanh", "reference: the patch convolution as a product"]}
    tools.finish_case(name, arrays.ArrayModel(forward, params, config), arrays.run, None, config["size"], 3,
                      config["patch"], quiet_patch, info, preprocess(case, name) if "picture" in case else None,
                      flips_for(config))


def make(names):
    for name in names:
        if name in CASES:
            make_case(name, CASES[name])
