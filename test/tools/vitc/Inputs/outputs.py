"""Inputs of outputs.test and checks of what a library gave back, without numpy.

outputs.py x FILE               an image of numbers
outputs.py check PREFIX         sums of PREFIX-NAME.npy, as vitc run writes them
outputs.py model MODEL FOLDER   a model of transformers without its head, and class embeddings in text.safetensors
"""
import glob
import json
import math
import os
import shutil
import struct
import sys


def write_npy(path, shape, values):
    header = repr({"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack(f"<{len(values)}f", *values))


def read_npy(path):
    data = open(path, "rb").read()
    size = struct.unpack("<H", data[8:10])[0]
    shape = eval(data[10 : 10 + size].decode(), {"__builtins__": {}}, {"False": False})["shape"]
    return shape, struct.unpack(f"<{math.prod(shape)}f", data[10 + size :])


def write_safetensors(path, tensors):
    header, offset, body = {}, 0, b""
    for name, (shape, values) in sorted(tensors.items()):
        body += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, len(body)]}
        offset = len(body)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


def drop_head(model, folder):
    os.makedirs(folder)
    for name in ("model.safetensors", "preprocessor_config.json"):
        shutil.copy(f"{model}/{name}", folder)
    config = json.load(open(f"{model}/config.json"))
    config["architectures"] = ["ViTModel"]  # whose weights may hold a head that nobody reads
    json.dump(config, open(f"{folder}/config.json", "w"))
    text = {"embeddings": ([4, 96], [math.sin(1.7 * i) + 0.2 for i in range(4 * 96)]), "logit_scale": ([], [2.5]),
            "logit_bias": ([1], [-0.5])}
    write_safetensors(f"{folder}/text.safetensors", text)


def check(prefix):
    def rows(name):
        shape, values = read_npy(glob.glob(f"{prefix}*{name}.npy")[0])
        return [values[i : i + shape[-1]] for i in range(0, len(values), shape[-1])]

    sums = [sum(row) for name in ("probabilities", "attention_0", "rollout") for row in rows(name)]
    sums += [math.sqrt(sum(x * x for x in row)) for row in rows("embedding")]
    assert len(sums) == 1 + 150 + 1 + 1, len(sums)
    worst = max(abs(value - 1) for value in sums)
    print("all ones" if worst < 1e-5 else f"off by {worst}")


if __name__ == "__main__":
    if sys.argv[1] == "x":
        write_npy(sys.argv[2], (1, 28, 28), [math.sin(0.37 * i) for i in range(784)])
    elif sys.argv[1] == "check":
        check(sys.argv[2])
    else:
        drop_head(sys.argv[2], sys.argv[3])
