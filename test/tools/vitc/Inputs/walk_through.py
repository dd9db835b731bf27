"""The PyTorch walk-through as it is printed, for walk-through.test: a copy of the repaired golden with one thing as in the
printed code.

walk_through.py GOLDEN FOLDER text FROM TO      with FROM in vit.json replaced
walk_through.py GOLDEN FOLDER shape NAME SHAPE  with zeros as tensors, NAME of SHAPE ("100,35")
"""
import json
import os
import struct
import sys

golden, folder, what, name, value = sys.argv[1:]
text = open(f"{golden}/vit.json").read()
os.makedirs(folder)
if what == "text":
    assert text.count(name) == 1, name
    text = text.replace(name, value)
    with open(f"{golden}/vit.pth", "rb") as source, open(f"{folder}/vit.pth", "wb") as copy:
        copy.write(source.read())
else:
    shapes = {"embed.patch.w": [24, 3, 4, 3], "embed.patch.b": [24], "embed.norm_out.w": [24], "embed.norm_out.b": [24],
              "head.main.w": [7, 24], "head.main.b": [7]}
    for i in range(2):
        for part in "qkv":
            shapes |= {f"blk.{i}.{part}.w": [24, 24], f"blk.{i}.{part}.b": [24]}
        shapes |= {f"blk.{i}.scale": [1], f"blk.{i}.fc1.w": [100, 24], f"blk.{i}.fc1.b": [100],
                   f"blk.{i}.fc2.w": [24, 100], f"blk.{i}.fc2.b": [24]}
    assert name in shapes
    shapes[name] = [int(extent) for extent in value.split(",")]
    header, end = {}, 0
    for key, shape in shapes.items():
        size = 4
        for extent in shape:
            size *= extent
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    data = json.dumps(header).encode()
    with open(f"{folder}/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(data)) + data + bytes(end))
with open(f"{folder}/vit.json", "w") as file:
    file.write(text)
