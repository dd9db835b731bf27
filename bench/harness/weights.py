"""Seeded weights, written as a checkpoint in timm's layout, and a reader for every peer. Needs numpy.

The distributions are those of vitc's own presets: products keep the size of their input, gains scatter around one,
biases and positions are not small. A model that drops a tensor or confuses two fails the comparison with float64.
"""

import json
import os
import zlib

import numpy as np

from .models import Shape


def make(shape: Shape, seed=0):
    """Arrays by name, f32. Each has a generator of its own, so that its values depend on its name and the seed only."""
    return {name: _tensor(name, extents, seed) for name, extents in shape.tensors().items()}


def _tensor(name, extents, seed):
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if "norm" in name and name.endswith(".weight"):
        return rng.uniform(0.7, 1.3, extents).astype(np.float32)
    if name.endswith(".gamma"):
        return rng.uniform(0.3, 1.0, extents).astype(np.float32)
    if name.endswith(".bias"):
        return rng.uniform(-0.3, 0.3, extents).astype(np.float32)
    values = rng.standard_normal(extents, dtype=np.float32)
    if name == "pos_embed":
        return values * np.float32(0.5)
    if name == "cls_token":
        return values
    return values * np.float32(1 / np.sqrt(np.prod(extents[1:])))


def images(shape: Shape, batch, seed=0):
    """The first images of a larger batch are those of a smaller one."""
    one = (3, shape.image, shape.image)
    return np.stack([np.random.default_rng([seed, 7, i]).standard_normal(one, dtype=np.float32) for i in range(batch)])


def write_directory(shape: Shape, arrays, folder):
    """A directory as `timm.models.save_for_hf` leaves it: config.json and model.safetensors."""
    os.makedirs(folder, exist_ok=True)
    config = {
        "architecture": shape.architecture, "num_classes": shape.classes, "num_features": shape.width,
        "global_pool": "token", "model_args": {"img_size": shape.image},
        "pretrained_cfg": {"input_size": [3, shape.image, shape.image], "interpolation": "bicubic", "crop_pct": 0.9,
                           "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": shape.classes}}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
    write_safetensors(os.path.join(folder, "model.safetensors"), arrays)


def write_safetensors(path, arrays):
    """Eight bytes with the header's length, a JSON header padded with spaces to eight, the data in its order."""
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            f.write(np.ascontiguousarray(array, dtype="<f4").tobytes())


def read_safetensors(path):
    """Arrays by name, mapped copy-on-write: pages that nobody touches cost no memory."""
    with open(path, "rb") as f:
        length = int.from_bytes(f.read(8), "little")
        header = json.loads(f.read(length))
    data = np.memmap(path, np.uint8, mode="c", offset=8 + length)
    return {name: data[entry["data_offsets"][0]:entry["data_offsets"][1]].view("<f4").reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def read(case):
    return read_safetensors(os.path.join(case.model, "model.safetensors"))


def read_images(case):
    count = int(np.prod(case.images_shape))
    return np.fromfile(os.path.join(case.model, "images.f32"), np.float32, count).reshape(case.images_shape)
