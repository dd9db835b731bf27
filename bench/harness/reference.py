"""The forward pass in float64, with numpy: what every peer's logits are compared with. Needs numpy and scipy."""

import os
import sys

import numpy as np
from scipy.special import erf

from . import weights
from .models import EPSILON, PRESETS, Shape


def _norm(x, arrays, name):
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return centred / deviation * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]


def _linear(x, arrays, name):
    return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]


def _attention(x, arrays, name, heads):
    t, d = x.shape
    q, k, v = _linear(x, arrays, f"{name}.qkv").reshape(t, 3, heads, d // heads).transpose(1, 2, 0, 3)
    scores = (q * (d // heads) ** -0.5) @ k.transpose(0, 2, 1)
    weights_ = np.exp(scores - scores.max(-1, keepdims=True))
    weights_ /= weights_.sum(-1, keepdims=True)
    return _linear((weights_ @ v).transpose(1, 0, 2).reshape(t, d), arrays, f"{name}.proj")


def forward(shape: Shape, arrays, image):
    """One image, float64 [3, side, side]; `arrays` are float64 too. Returns [shape.outputs]."""
    p, g, d = shape.patch, shape.grid, shape.width
    patches = image[:, :g * p, :g * p].reshape(3, g, p, g, p).transpose(1, 3, 0, 2, 4).reshape(g * g, 3 * p * p)
    x = patches @ arrays["patch_embed.proj.weight"].reshape(d, -1).T + arrays["patch_embed.proj.bias"]
    x = np.concatenate([arrays["cls_token"][0], x]) + arrays["pos_embed"][0]
    for i in range(shape.depth):
        block = f"blocks.{i}"
        y = _attention(_norm(x, arrays, f"{block}.norm1"), arrays, f"{block}.attn", shape.heads)
        x = x + y * arrays.get(f"{block}.ls1.gamma", 1.0)
        y = _linear(_norm(x, arrays, f"{block}.norm2"), arrays, f"{block}.mlp.fc1")
        y = _linear(y * 0.5 * (1 + erf(y / np.sqrt(2.0))), arrays, f"{block}.mlp.fc2")
        x = x + y * arrays.get(f"{block}.ls2.gamma", 1.0)
    row = _norm(x[:1], arrays, "norm")
    return (_linear(row, arrays, "head") if shape.classes else row)[0]


def make(preset, batch, folder):
    """Writes the checkpoint, the images and the expected outputs of a preset into `folder`."""
    shape = PRESETS[preset]
    arrays = weights.make(shape)
    weights.write_directory(shape, arrays, folder)
    pictures = weights.images(shape, batch)
    pictures.tofile(os.path.join(folder, "images.f32"))
    double = {name: array.astype(np.float64) for name, array in arrays.items()}
    expected = np.stack([forward(shape, double, picture.astype(np.float64)) for picture in pictures])
    expected.tofile(os.path.join(folder, "expected.f64"))


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), sys.argv[3])
